package websocket

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// A Conn is the server's end of one connection. One goroutine reads, any
// number write.
type Conn struct {
	nc      net.Conn
	limits  *Limits // of its config
	deflate bool
	opened  time.Time
	active  atomic.Int64 // Unix milliseconds of the last message either way
	dead    atomic.Bool  // the reader gives up

	// Of the reader. buf[r:w] was read and is not used up; buf is nil as long
	// as nothing is there.
	first [2]byte
	buf   []byte
	r, w  int

	park    *parking // nil: reading blocks a goroutine
	handler Handler
	turn    chan struct{} // has a value while a message is served

	writers atomic.Int32
	writing chan struct{} // has a value while a frame is written: a lock, of one place

	mu     sync.Mutex // guards the fields below; never held while waiting for the peer
	timer  *time.Timer
	ending *CloseError
	until  time.Time // by when the peer must have answered the close
	queue  [][]byte  // what was offered and waits; see Offer
	giving *giving   // nil: the connection stays here; see Give
}

// A Config is what connections have in common. It is shared, and not changed.
type Config struct {
	Limits  Limits // complete
	Deflate bool   // permessage-deflate was agreed on
	// Poller watches connections while nothing happens on them; nil: reading
	// them takes a goroutine.
	Poller *Poller
}

// NewConn returns the server's end of nc, which it closes at the end. read is
// what was read of it already.
func NewConn(nc net.Conn, read []byte, cfg *Config) *Conn {
	c := &Conn{nc: nc, limits: &cfg.Limits, deflate: cfg.Deflate, opened: time.Now(), writing: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
	c.touch()
	if cfg.Poller != nil {
		c.park = cfg.Poller.enter(c)
	}
	if len(read) > 0 {
		c.buf = make([]byte, max(readBuffer, len(read)))
		c.w = copy(c.buf, read)
	}
	c.mu.Lock()
	defer c.mu.Unlock() // the timer must not come before it is there
	until, _ := c.deadlineLocked()
	c.timer = time.AfterFunc(time.Until(until), c.tick)
	return c
}

// Active returns when the last message went either way.
func (c *Conn) Active() time.Time { return time.UnixMilli(c.active.Load()) }

func (c *Conn) touch() { c.active.Store(time.Now().UnixMilli()) }

// tick ends the connection, if its time is over.
func (c *Conn) tick() {
	c.mu.Lock()
	if c.giving != nil {
		c.mu.Unlock()
		return // settle sets the timer again, if it stays
	}
	until, why := c.deadlineLocked()
	if left := time.Until(until); left > 0 { // there was a message meanwhile
		c.timer.Reset(left)
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	if why == nil {
		c.cut() // it has not answered
		return
	}
	c.Close(why.Code, why.Reason)
}

// deadlineLocked is when the connection's time is over, and what it is closed
// with then; nil: it is being closed.
//
// AWS: websocket-execution.md §7.
func (c *Conn) deadlineLocked() (time.Time, *CloseError) {
	if c.ending != nil {
		return c.until, nil
	}
	idle, life := c.Active().Add(c.limits.Idle), c.opened.Add(c.limits.Life)
	if life.Before(idle) {
		idle = life
	}
	return idle, &CloseError{CloseGoingAway, "Going away"}
}

// Read returns the next message, which is UTF-8, appended to dst[:0]. It answers
// pings. Its error is always a *CloseError: how the connection has ended. The
// connection is closed then.
func (c *Conn) Read(dst []byte) ([]byte, error) {
	message, err := c.message(dst[:0])
	if err != nil {
		c.release()
		return nil, c.finish(err)
	}
	c.touch()
	return message, nil
}

// Memory for reading is taken when the first bytes of a frame are there.
const readBuffer = 4 << 10

var readBuffers = sync.Pool{New: func() any { b := make([]byte, readBuffer); return &b }}

// release gives up the memory for reading, if nothing is in it.
func (c *Conn) release() {
	if c.buf != nil && cap(c.buf) == readBuffer {
		b := c.buf[:readBuffer]
		readBuffers.Put(&b)
	}
	c.buf, c.r, c.w = nil, 0, 0
}

// fill reads what is there into the buffer, which is not full. Without a parking
// it waits with no more than two bytes of memory.
func (c *Conn) fill() error {
	if c.buf == nil && c.park == nil {
		n, err := c.read(c.first[:])
		if err != nil {
			return err
		}
		c.buf = *readBuffers.Get().(*[]byte)
		c.r, c.w = 0, copy(c.buf, c.first[:n])
		return nil
	}
	switch {
	case c.buf == nil:
		c.buf = *readBuffers.Get().(*[]byte)
	case c.r == c.w:
		c.r, c.w = 0, 0
	case c.w == len(c.buf): // what is left is a part of a head
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	n, err := c.read(c.buf[c.w:])
	c.w += n
	return err
}

// read reads from the network, until cut.
func (c *Conn) read(p []byte) (int, error) {
	for {
		if c.dead.Load() {
			return 0, net.ErrClosed
		}
		n, err := c.nc.Read(p)
		if n > 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// message reads frames up to the end of a message.
func (c *Conn) message(dst []byte) ([]byte, error) {
	begun, compressed := false, false
	for {
		h, err := c.header()
		if err != nil {
			return nil, err
		}
		if h.Opcode.control() {
			if err := c.control(&h); err != nil {
				return nil, err
			}
			continue
		}
		switch {
		case h.Opcode == Binary:
			// AWS: websocket-execution.md §7.
			return nil, &CloseError{CloseUnsupported, "Binary is not supported"}
		case begun != (h.Opcode == Continuation):
			return nil, protocolError("message is not continued, or was not begun")
		case h.Length > uint64(c.limits.Frame), h.Length+uint64(len(dst)) > uint64(c.limits.Message):
			return nil, &CloseError{Code: CloseTooBig}
		}
		begun, compressed = true, compressed || h.Compressed
		if dst, err = c.payload(dst, &h); err != nil {
			return nil, err
		}
		if !h.Final {
			continue
		}
		if c.r == c.w {
			c.release()
		}
		if compressed {
			var refused *CloseError
			if dst, refused = inflate(dst, c.limits.Message); refused != nil {
				return nil, refused
			}
		}
		if !utf8.Valid(dst) {
			return nil, &CloseError{CloseInvalidData, "message is not UTF-8"}
		}
		return dst, nil
	}
}

// header reads the head of a frame.
func (c *Conn) header() (Header, error) {
	for {
		h, n, refused := ParseHeader(c.buf[c.r:c.w], c.deflate)
		switch {
		case refused != nil:
			return h, refused
		case n > 0:
			c.r += n
			return h, nil
		}
		if c.r == c.w && c.park == nil {
			c.release()
		}
		if err := c.fill(); err != nil {
			return h, err
		}
	}
}

// payload appends the payload of a frame, as it comes.
func (c *Conn) payload(dst []byte, h *Header) ([]byte, error) {
	for done := uint64(0); done < h.Length; {
		if c.r == c.w {
			if err := c.fill(); err != nil {
				return nil, err
			}
		}
		n := int(min(uint64(c.w-c.r), h.Length-done))
		from := len(dst)
		dst = append(dst, c.buf[c.r:c.r+n]...)
		unmask(dst[from:], h.Mask, done)
		c.r += n
		done += uint64(n)
	}
	return dst, nil
}

// control does what a control frame asks for.
func (c *Conn) control(h *Header) error {
	var room [maxControl]byte
	b, err := c.payload(room[:0], h)
	if err != nil {
		return err
	}
	switch h.Opcode {
	case Ping:
		if err := c.send(append(appendHeader(nil, true, Pong, len(b)), b...)); err != nil && !errors.Is(err, ErrBusy) && !errors.Is(err, ErrClosed) {
			return err
		}
	case Close:
		e := parseClose(b)
		if refused := e.refused(); refused != nil {
			return refused
		}
		return &peerClosed{e}
	case Pong, Text, Binary, Continuation:
	}
	return nil
}

// peerClosed is a close frame from the peer.
type peerClosed struct{ *CloseError }

// finish ends the connection after err and says how it ended. It alone closes
// the conn, and only the reader calls it.
func (c *Conn) finish(err error) *CloseError {
	defer c.shut()
	c.mu.Lock()
	ending := c.ending
	c.mu.Unlock()
	var peer *peerClosed
	var own *CloseError
	switch {
	case errors.As(err, &peer):
		if ending == nil {
			c.Close(peer.Code, peer.Reason)
			return peer.CloseError
		}
		return ending
	case ending != nil:
		return ending
	case errors.As(err, &own):
		c.Close(own.Code, own.Reason)
		c.linger()
		return own
	}
	c.fail(abnormal)
	return abnormal
}

// abnormal is how a connection ends that was lost.
var abnormal = &CloseError{CloseAbnormal, "Connection closed abnormally"}

// shut closes the conn; ending is set. See writeSomeLocked.
func (c *Conn) shut() {
	c.mu.Lock()
	c.timer.Stop()
	c.mu.Unlock()
	if c.park != nil {
		c.park.leave()
	}
	_ = c.nc.Close() // everything is written
}

// linger reads a little of what the peer goes on sending: else its kernel might
// drop our close frame.
func (c *Conn) linger() {
	if t, ok := c.nc.(interface{ CloseWrite() error }); !ok || t.CloseWrite() != nil {
		return
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(c.limits.Farewell)) // fails only on a closed conn: so will the read
	room := make([]byte, readBuffer)
	for n := 0; n < 2*c.limits.Message; {
		m, err := c.nc.Read(room)
		if err != nil {
			return
		}
		n += m
	}
}

// cut makes the reader give up, wherever it is.
func (c *Conn) cut() {
	c.dead.Store(true)
	if tcp := tcpOf(c.nc); tcp != nil {
		_ = tcp.CloseRead() // wakes the reader, or has it woken; fails only on a closed conn
		if c.park != nil {
			return
		}
	}
	_ = c.nc.SetReadDeadline(time.Now()) // as above
}

// tcpOf is the TCP connection below nc, or nil.
func tcpOf(nc net.Conn) *net.TCPConn {
	for {
		switch v := nc.(type) {
		case *net.TCPConn:
			return v
		case interface{ NetConn() net.Conn }:
			nc = v.NetConn()
		default:
			return nil
		}
	}
}
