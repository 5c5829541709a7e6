package websocket

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// A Conn is the server's end of one connection. One goroutine reads, any
// number write.
type Conn struct {
	nc     net.Conn
	limits Limits
	opened time.Time
	active atomic.Int64 // Unix milliseconds of the last message either way

	// Of the reader. buf[r:w] was read and is not used up; buf is nil as long
	// as nothing is there.
	first [2]byte
	buf   []byte
	r, w  int

	writers atomic.Int32
	writing chan struct{} // has a value while a frame is written: a lock, of one place

	mu     sync.Mutex // guards the fields below; never held while calling out
	ending *CloseError
	until  time.Time // by when the peer must have answered the close
}

// NewConn returns the server's end of nc. read is what was read of it already.
func NewConn(nc net.Conn, read []byte, limits Limits) *Conn {
	limits.SetDefaults()
	c := &Conn{nc: nc, limits: limits, opened: time.Now(), writing: make(chan struct{}, 1)}
	c.touch()
	if len(read) > 0 {
		c.buf = make([]byte, max(readBuffer, len(read)))
		c.w = copy(c.buf, read)
	}
	return c
}

// Active returns when the last message went either way.
func (c *Conn) Active() time.Time { return time.UnixMilli(c.active.Load()) }

func (c *Conn) touch() { c.active.Store(time.Now().UnixMilli()) }

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

// fill reads what is there into the buffer, which is not full.
func (c *Conn) fill() error {
	if c.buf == nil {
		n, err := c.read(c.first[:])
		if err != nil {
			return err
		}
		c.buf = *readBuffers.Get().(*[]byte)
		c.r, c.w = 0, copy(c.buf, c.first[:n])
		return nil
	}
	switch {
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

// read reads from the network. Where time has run out it says farewell and
// goes on, until the peer answers or has had its time.
func (c *Conn) read(p []byte) (int, error) {
	for {
		if err := c.arm(); err != nil {
			return 0, err
		}
		n, err := c.nc.Read(p)
		if n > 0 {
			return n, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			if err == nil {
				continue
			}
			return 0, err
		}
		c.mu.Lock()
		until, why := c.deadlineLocked()
		c.mu.Unlock()
		switch {
		case until.After(time.Now()): // there was a message meanwhile, or the peer was told to go
		case why == nil:
			return 0, err // it has not answered
		default:
			c.Close(why.Code, why.Reason)
		}
	}
}

// arm makes sure that a read ends in time.
func (c *Conn) arm() error {
	c.mu.Lock() // Close sets a deadline, too
	defer c.mu.Unlock()
	until, _ := c.deadlineLocked()
	return c.nc.SetReadDeadline(until)
}

// deadlineLocked is until when a read may take, and what the connection is closed
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

// message reads frames up to the end of a message.
func (c *Conn) message(dst []byte) ([]byte, error) {
	begun := false
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
		begun = true
		if dst, err = c.payload(dst, &h); err != nil {
			return nil, err
		}
		if h.Final {
			if c.r == c.w {
				c.release()
			}
			if !utf8.Valid(dst) {
				return nil, &CloseError{CloseInvalidData, "message is not UTF-8"}
			}
			return dst, nil
		}
	}
}

// header reads the head of a frame.
func (c *Conn) header() (Header, error) {
	for {
		h, n, refused := ParseHeader(c.buf[c.r:c.w])
		switch {
		case refused != nil:
			return h, refused
		case n > 0:
			c.r += n
			return h, nil
		}
		if c.r == c.w {
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

// finish ends the connection after err and says how it ended.
func (c *Conn) finish(err error) *CloseError {
	c.mu.Lock()
	ending := c.ending
	c.mu.Unlock()
	defer c.nc.Close() //nolint:errcheck // everything is written
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
	c.fail(&CloseError{Code: CloseAbnormal})
	return &CloseError{CloseAbnormal, "Connection closed abnormally"}
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

// fail marks the connection as one that takes no more.
func (c *Conn) fail(e *CloseError) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != nil {
		return false
	}
	c.ending, c.until = e, time.Now().Add(c.limits.Farewell)
	return true
}

// Close tells the peer that the connection ends. The reader sees it once the
// peer has answered, or has had the time to. Only the first close counts.
func (c *Conn) Close(code int, reason string) {
	if !c.fail(&CloseError{code, reason}) {
		return
	}
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	_ = c.put(appendClose(nil, code, reason)) // the reader meets the error
	_ = c.arm()                               // wakes the reader in time; fails only on a closed conn
}

// CloseSoon is Close for who cannot wait: if a message is just being written, the
// connection is closed without a word.
func (c *Conn) CloseSoon(code int, reason string) {
	if !c.fail(&CloseError{code, reason}) {
		return
	}
	select {
	case c.writing <- struct{}{}:
	default:
		_ = c.nc.SetDeadline(time.Now()) // wakes reader and writer; fails only on a closed conn
		return
	}
	defer func() { <-c.writing }()
	_ = c.nc.SetWriteDeadline(time.Now().Add(soon)) // fails only on a closed conn: so will the write
	_, _ = c.nc.Write(appendClose(nil, code, reason))
	_ = c.arm()
}

// soon is what a full connection may hold up CloseSoon.
const soon = 50 * time.Millisecond

// WriteText sends a message. It waits for those before it; the peer has
// Limits.Write for each frame.
func (c *Conn) WriteText(message []byte) error {
	if len(message) <= maxPooled {
		b := writeBuffers.Get().(*[]byte)
		defer writeBuffers.Put(b)
		*b = AppendText((*b)[:0], message, c.limits.Frame)
		return c.sendMessage(*b)
	}
	return c.sendMessage(AppendText(nil, message, c.limits.Frame))
}

func (c *Conn) sendMessage(frames []byte) error {
	err := c.send(frames)
	if err == nil {
		c.touch()
	}
	return err
}

// maxPooled is the largest message that is written from pooled memory.
const maxPooled = 4 << 10

var writeBuffers = sync.Pool{New: func() any { b := make([]byte, 0, maxPooled+maxHeader); return &b }}

// send writes whole frames.
func (c *Conn) send(b []byte) error {
	if c.writers.Add(1) > int32(c.limits.Writers) {
		c.writers.Add(-1)
		return ErrBusy
	}
	defer c.writers.Add(-1)
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	c.mu.Lock()
	ended := c.ending != nil
	c.mu.Unlock()
	if ended {
		return ErrClosed
	}
	return c.put(b)
}

// put writes b; the caller has c.writing. A peer that does not take it loses the
// connection.
func (c *Conn) put(b []byte) error {
	err := c.nc.SetWriteDeadline(time.Now().Add(c.limits.Write))
	if err == nil {
		_, err = c.nc.Write(b)
	}
	if err != nil {
		c.fail(&CloseError{Code: CloseAbnormal, Reason: "Connection closed abnormally"})
		_ = c.nc.Close() // wakes the reader
	}
	return err
}
