package websocket

import (
	"sync"
	"time"
)

// fail marks the connection as one that takes no more.
func (c *Conn) fail(e *CloseError) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != nil {
		return false
	}
	c.ending, c.until = e, time.Now().Add(c.limits.Farewell)
	c.queue = nil
	c.timer.Reset(c.limits.Farewell)
	return true
}

// Close tells the peer that the connection ends. The reader sees it once the
// peer has answered, or has had the time to. Only the first close counts.
func (c *Conn) Close(code int, reason string) {
	for !c.fail(&CloseError{code, reason}) {
		if ended, _ := c.ended(); ended {
			return
		}
	}
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	_ = c.put(appendClose(nil, code, reason)) // the reader meets the error
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
		_ = c.nc.SetWriteDeadline(time.Now()) // wakes the writer; fails only on a closed conn
		c.cut()
		return
	}
	defer func() { <-c.writing }()
	_ = c.nc.SetWriteDeadline(time.Now().Add(soon)) // as above: so will the write
	_, _ = c.nc.Write(appendClose(nil, code, reason))
}

// soon is what a full connection may hold up CloseSoon.
const soon = 50 * time.Millisecond

// WriteText sends a message. It waits for those before it; the peer has
// Limits.Write for each frame.
func (c *Conn) WriteText(message []byte) error {
	if c.deflate && len(message) >= minDeflate {
		return c.sendMessage(appendMessage(nil, deflate(message), Text|compressedBit, c.limits.Frame))
	}
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
	if ended, _ := c.ended(); ended {
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
		c.fail(abnormal)
		c.cut()
	}
	return err
}

// Offer sends frames, as [AppendText] makes them, without waiting for the peer.
// What it does not take at once waits in a queue of Limits.Queue messages;
// a peer for which it is full is too slow, and is cut off with [ClosePolicy]:
// then, and if the connection has ended, Offer reports false. The frames must not
// be changed afterwards.
func (c *Conn) Offer(frames []byte) bool {
	c.mu.Lock()
	if c.ending != nil {
		c.mu.Unlock()
		return false
	}
	if len(c.queue) > 0 {
		full := len(c.queue) >= c.limits.Queue
		if !full {
			c.queue = append(c.queue, frames)
		}
		c.mu.Unlock()
		if full {
			c.CloseSoon(ClosePolicy, "Too slow")
		}
		return !full
	}
	select {
	case c.writing <- struct{}{}:
	default:
		c.queue = append(c.queue, frames)
		c.mu.Unlock()
		go c.flush() // ends with the queue, or with the connection
		return true
	}
	n, ok := c.writeSomeLocked(frames)
	c.mu.Unlock()
	if ok && n == len(frames) {
		<-c.writing
		c.touch()
		return true
	}
	go c.putRest(frames[n:]) // ends when the peer has taken it, or has had its time
	return true
}

// putRest writes what the peer has not taken at once; the caller had c.writing.
func (c *Conn) putRest(rest []byte) {
	defer func() { <-c.writing }()
	if c.put(rest) == nil {
		c.touch()
	}
}

// flush writes what is in the queue. A message leaves it when it is written, so
// that those that are offered meanwhile come behind it.
func (c *Conn) flush() {
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.queue = nil
			c.mu.Unlock()
			return
		}
		frames := c.queue[0]
		c.mu.Unlock()
		if c.put(frames) != nil {
			return
		}
		c.touch()
		c.mu.Lock()
		if len(c.queue) > 0 { // else the connection is ending
			c.queue = c.queue[1:]
		}
		c.mu.Unlock()
	}
}
