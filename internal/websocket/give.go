package websocket

import (
	"net"
	"syscall"
	"time"
)

// Connections pass from one process to another: descriptor and [State]. They do so
// while nothing happens on them, so that nothing of a frame is in memory.

// A State is what goes along with a connection to another process.
type State struct {
	Opened, Active time.Time
	Deflate        bool
	// Serving: a message is still being served by who gives the connection away.
	Serving bool
}

// A giving is a connection on its way to another process.
type giving struct {
	served func()        // to be called when the message that is being served was served; nil: none is
	over   chan struct{} // closed when it is known whether the other has it
	done   bool          // it has; read after over
}

// given is how a connection ends that another process has.
var given = &CloseError{CloseGoingAway, "given away"}

// Give passes the connection to another process, by to, unless something is just
// being read or written on it, or it is not over plain TCP: then, and if
// to fails, Give reports false and nothing has changed. Otherwise the handler hears nothing of the
// connection any more. served is called after that if a message is being
// served: once it was served, at the end.
func (c *Conn) Give(to func(conn syscall.Conn, s State) error, served func()) bool {
	if !c.Giveable() || !c.park.claim() {
		return false
	}
	tcp := c.nc.(*net.TCPConn)
	s, ok := c.yield(served)
	if ok && to(tcp, s) == nil {
		c.settle(true)
		c.park.leave()
		_ = tcp.Close() // the other process has a copy
		return true
	}
	if ok {
		c.settle(false)
	}
	if !c.park.await() {
		go c.pump() // meets the error
	}
	return false
}

// Giveable tells whether Give may go well at another moment.
func (c *Conn) Giveable() bool {
	_, plain := c.nc.(*net.TCPConn)
	return plain && c.park != nil
}

// yield has nobody write or serve any more, if nobody does at this moment; a message
// may be served to its end.
func (c *Conn) yield(served func()) (s State, ok bool) {
	select {
	case c.writing <- struct{}{}:
	default:
		return s, false
	}
	defer func() { <-c.writing }()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != nil || len(c.queue) > 0 {
		return s, false
	}
	g := &giving{over: make(chan struct{})}
	select {
	case c.turn <- struct{}{}:
	default:
		g.served = served
	}
	c.ending, c.giving = given, g
	c.timer.Stop()
	return State{Opened: c.opened, Active: c.Active(), Deflate: c.deflate, Serving: g.served != nil}, true
}

// settle ends a giving, one way or the other.
func (c *Conn) settle(done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.giving
	g.done = done
	if !done {
		if g.served == nil {
			<-c.turn
		}
		c.ending, c.giving = nil, nil
		until, _ := c.deadlineLocked()
		c.timer.Reset(time.Until(until))
	}
	close(g.over)
}

// Given tells whether another process has the connection, and waits where it is just
// being given away.
func (c *Conn) Given() bool {
	_, given := c.ended()
	return given
}

// ended tells whether nothing more is to be sent, and whether that is so because
// another process has the connection. It waits where that is not known yet.
func (c *Conn) ended() (ended, given bool) {
	c.mu.Lock()
	g, ended := c.giving, c.ending != nil
	c.mu.Unlock()
	if g == nil {
		return ended, false
	}
	<-g.over
	return g.done, g.done
}

// endTurn is the end of serving a message.
func (c *Conn) endTurn() {
	c.mu.Lock()
	<-c.turn
	g := c.giving
	c.mu.Unlock()
	if g == nil || g.served == nil {
		return
	}
	if <-g.over; g.done {
		g.served()
	}
}

// Resume is NewConn for a connection that another process has given away. If a message of it is
// still being served there, the next is not served before Served.
func Resume(nc net.Conn, s State, cfg *Config) *Conn {
	c := NewConn(nc, nil, cfg)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened = s.Opened
	c.active.Store(s.Active.UnixMilli())
	until, _ := c.deadlineLocked()
	c.timer.Reset(time.Until(until))
	if s.Serving {
		c.turn <- struct{}{}
	}
	return c
}

// Served tells that the message was served that was being served elsewhere.
func (c *Conn) Served() { <-c.turn }
