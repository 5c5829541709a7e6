package wire

import (
	"errors"
	"io"
	"time"
)

// A requestBody is the rest of a request's body that was not read before the
// exchange was served.
type requestBody struct {
	c        *serverConn
	chunked  bool
	expect   bool  // 100 (Continue) is still to be sent
	left     int64 // of a body with Content-Length
	taken    int64 // of a chunked body
	done     bool
	err      error // sticky
	deadline time.Time
	decoder  Chunked
	none     Header
	splice   splice
}

var _ Source = (*requestBody)(nil)

// minRoom is how much room there must be behind the head for reading a body;
// with less, another buffer is taken.
const minRoom = 1 << 10

// readBody gets hold of the request's body: all of it if it is small, else what
// is here and a Source for the rest.
func (c *serverConn) readBody(req *Request) error {
	b := &c.body
	b.done, b.err = true, nil
	if req.Body.Length == 0 {
		return nil
	}
	b.start(req)
	if req.Body.Length > c.srv.Limits.Body {
		return errBodyLarge
	}
	if b.chunked {
		return b.bufferChunked(req)
	}
	n := c.w - c.r
	if req.Body.Length <= int64(max(n, c.srv.Limits.BufferedBody)) {
		return b.buffer(req)
	}
	req.Body.Bytes = c.buf[c.r : c.r+n : c.r+n]
	b.took(n)
	c.r += n
	b.left -= int64(n)
	req.Body.Source = b
	return nil
}

func (b *requestBody) start(req *Request) {
	b.chunked = req.Body.Length < 0
	b.expect = req.expect && b.c.r == b.c.w
	b.left = max(req.Body.Length, 0)
	b.taken = 0
	b.done = false
	b.c.bodyAt = b.c.r
	b.deadline = time.Time{}
	b.decoder.Reset()
}

func (b *requestBody) took(n int) { b.c.consumed += int64(n) }

// room makes room in the empty buffer, but not over the head.
func (c *serverConn) room() {
	if len(c.buf)-c.bodyAt < minRoom {
		c.held = c.buf
		c.buf = takeBuffer(smallBuffer)
		c.bodyAt = 0
	}
	c.r, c.w = c.bodyAt, c.bodyAt
}

// buffer reads a body with Content-Length whole.
func (b *requestBody) buffer(req *Request) error {
	c, n := b.c, int(req.Body.Length)
	b.left, b.done = 0, true
	if c.r+n <= len(c.buf) {
		for c.w < c.r+n {
			m, err := b.fill(c.buf[c.w:])
			if err != nil {
				return err
			}
			c.w += m
		}
		req.Body.Bytes = c.buf[c.r : c.r+n : c.r+n]
		b.took(n)
		c.r += n
		return nil
	}
	c.big = takeBuffer(n)
	have := copy(c.big, c.buf[c.r:c.w])
	c.r, c.w = 0, 0
	c.held = c.buf
	c.buf = takeBuffer(smallBuffer)
	c.bodyAt = 0
	for have < n {
		m, err := b.fill(c.big[have:n])
		if err != nil {
			return err
		}
		have += m
	}
	req.Body.Bytes = c.big[:n:n]
	b.took(n)
	return nil
}

// bufferChunked reads a chunked body whole if it is small.
func (b *requestBody) bufferChunked(req *Request) error {
	c := b.c
	c.big = takeBuffer(c.srv.Limits.BufferedBody)
	limit := min(len(c.big), c.srv.Limits.BufferedBody)
	n := 0
	for {
		m, err := b.decode(c.big[n:limit])
		n += m
		if err != nil {
			return err
		}
		if b.done || n == limit {
			break
		}
	}
	req.Body.Bytes = c.big[:n:n]
	if b.done && b.decoder.Trailer().Len() == 0 {
		req.Body.Length = int64(n)
		return nil
	}
	req.Body.Source = b
	return nil
}

// decode decodes into p until p is full or the body ends; it reads at most
// once more than it must.
func (b *requestBody) decode(p []byte) (int, error) {
	c := b.c
	for {
		if c.r == c.w {
			c.room()
			m, err := b.fill(c.buf[c.w:])
			if err != nil {
				return 0, err
			}
			c.w += m
		}
		n, used, err := b.decoder.Decode(p, c.buf[c.r:c.w])
		c.r += used
		b.took(used)
		b.taken += int64(n)
		b.done = b.decoder.Done()
		switch {
		case err != nil:
			return n, err
		case b.taken > c.srv.Limits.Body:
			return 0, errBodyLarge
		case n > 0 || b.done:
			return n, nil
		}
	}
}

// fill reads from the connection, within the time-outs for bodies.
func (b *requestBody) fill(p []byte) (int, error) {
	c := b.c
	if b.expect {
		b.expect = false
		if _, err := c.sock.write([]byte("HTTP/1.1 100 Continue\r\n\r\n"), time.Now(), c.srv.Limits.WriteIdle, time.Time{}); err != nil {
			return 0, err
		}
	}
	n, err := c.sock.read(p, b.nextDeadline())
	if errors.Is(err, ErrTimeout) {
		return 0, errBodyTimeout
	}
	return n, torn(err)
}

// nextDeadline returns when the next piece must be here.
func (b *requestBody) nextDeadline() time.Time {
	now := time.Now()
	lim := &b.c.srv.Limits
	if b.deadline.IsZero() {
		b.deadline = now.Add(lim.ReadBody)
	}
	if d := now.Add(lim.BodyIdle); d.Before(b.deadline) {
		return d
	}
	return b.deadline
}

// Read implements Source.
func (b *requestBody) Read(p []byte) (int, error) {
	if b.err == nil && b.done {
		b.err = io.EOF
	}
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.next(p)
	if err != nil {
		b.err = err
	} else if b.done {
		b.err = io.EOF
		err = io.EOF
	}
	return n, err
}

// next reads one piece into p.
func (b *requestBody) next(p []byte) (int, error) {
	if b.chunked {
		return b.decode(p)
	}
	c := b.c
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n := copy(p, c.buf[c.r:c.w])
	c.r += n
	if n == 0 {
		var err error
		if n, err = b.fill(p); err != nil {
			return 0, err
		}
	}
	b.took(n)
	b.left -= int64(n)
	b.done = b.left == 0
	return n, nil
}

// Trailer implements Source.
func (b *requestBody) Trailer() *Header {
	if b.chunked && b.done {
		return b.decoder.Trailer()
	}
	return &b.none
}

// Close implements Source. What is left is dealt with after the response.
func (b *requestBody) Close() error { return nil }

// maxDrain is how much of an unread body is read for the sake of keeping the
// connection. Closing and opening one costs about as much.
const maxDrain = 256 << 10

// willSettle says whether settle is likely to succeed: whether a response may
// promise that the connection stays.
func (b *requestBody) willSettle() bool {
	if b.err != nil && b.err != io.EOF { //nolint:errorlint // set here, never wrapped
		return false
	}
	return b.done || !b.expect && b.left <= maxDrain
}

// settle reads what is left of the body, if that is little. It says whether
// the connection stands at the next request.
func (b *requestBody) settle() bool {
	if b.done && (b.err == nil || b.err == io.EOF) { //nolint:errorlint // set here, never wrapped
		return true
	}
	if b.err != nil || b.expect || b.left > maxDrain {
		return false
	}
	c := b.c
	if c.big == nil {
		c.big = takeBuffer(largeBuffer)
	}
	// The exchange has ended: its body's memory is free.
	b.deadline = time.Now().Add(c.srv.Limits.Linger)
	for n := 0; n <= maxDrain; {
		m, err := b.Read(c.big)
		n += m
		if err != nil {
			return err == io.EOF //nolint:errorlint // set here, never wrapped
		}
	}
	return false
}
