package websocket

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"
)

// A Handler is told what comes in on a connection.
type Handler interface {
	// Message is called for one message after another, in order. While it runs
	// the next is read, so that pings are answered and the end is noticed. The
	// message is the handler's.
	Message(message []byte)
	// Ended is called once, after the last message was served and the conn was
	// closed.
	Ended(end *CloseError)
}

// Serve has the connection served by h. It returns at once. As long as nothing
// arrives a poller watches the connection, which holds neither a goroutine nor
// memory for reading.
func (c *Conn) Serve(h Handler) {
	c.handler = h
	if c.parked() {
		return
	}
	go c.pump()
}

// Refuse ends a connection that is not served: code and reason are all that its
// peer hears, and only if it takes them at once.
func (c *Conn) Refuse(code int, reason string) {
	c.CloseSoon(code, reason)
	c.shut()
}

// pump reads and serves until there is nothing to read for now, or for ever.
func (c *Conn) pump() {
	for {
		message, err := c.Read(nil)
		if err != nil {
			var end *CloseError
			if !errors.As(err, &end) {
				end = abnormal
			}
			c.turn <- struct{}{} // the last message has been served
			c.handler.Ended(end)
			return
		}
		c.turn <- struct{}{}
		if c.parked() { // another goroutine goes on when there is more
			c.serve(message)
			return
		}
		go c.serve(message) // Ended waits for it
	}
}

func (c *Conn) serve(message []byte) {
	defer c.endTurn()
	c.handler.Message(message)
}

// parked leaves the connection to the poller, if nothing was read that is not
// used up.
func (c *Conn) parked() bool {
	if c.park == nil || c.r < c.w || !c.drained() {
		return false
	}
	c.release()
	return c.park.await()
}

// drained tells whether nothing is left above the socket: TLS may have read more
// than it gave.
func (c *Conn) drained() bool {
	if _, ok := c.nc.(*net.TCPConn); ok {
		return true
	}
	if _, ok := c.nc.(*tls.Conn); !ok {
		return false
	}
	if c.nc.SetReadDeadline(time.Now().Add(-time.Second)) != nil {
		return false
	}
	defer c.nc.SetReadDeadline(time.Time{}) //nolint:errcheck // fails only on a closed conn: so will the read
	if c.buf == nil {
		c.buf = *readBuffers.Get().(*[]byte)
	}
	n, err := c.nc.Read(c.buf)
	c.r, c.w = 0, n
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
}
