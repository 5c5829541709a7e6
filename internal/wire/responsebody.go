package wire

import (
	"io"
	"time"
)

// A responseBody is the rest of a response's body that had not come with its
// head.
type responseBody struct {
	c       *ClientConn
	framing bodyFraming
	open    bool   // not closed yet
	rest    []byte // read, but not given out yet
	left    int64  // with Content-Length
	done    bool
	err     error // sticky
	decoder Chunked
	buf     []byte // what rest is part of, once the response's own memory is used up
	none    Header
	splice  splice
}

type bodyFraming uint8

const (
	framingLength bodyFraming = iota
	framingChunked
	framingClose
)

var _ Source = (*responseBody)(nil)

// takeBody sets up resp.Body: head is resp.mem[:head], what came with it is
// resp.mem[head:have].
func (c *ClientConn) takeBody(req *Request, resp *Response, head, have int) error {
	rest := resp.mem[head:have]
	c.status = resp.Status
	if c.Headed != nil {
		c.Headed(c)
	}
	if !hasBody(resp.Status, req.Method) {
		if len(rest) > 0 {
			return errSurplus
		}
		if resp.Status == 204 {
			resp.Body.Length = 0
		}
		return c.finish(resp.Close)
	}
	b := &c.body
	b.rest, b.done, b.err, b.open = nil, false, nil, false
	switch {
	case resp.chunked:
		return c.takeChunked(resp, head, have)
	case resp.Body.Length >= 0:
		return c.takeLength(resp, head, have)
	}
	resp.Close = true
	b.framing = framingClose
	resp.Body.Bytes = rest
	resp.Body.Source = b
	b.open = true
	return nil
}

// takeLength takes a body with Content-Length: whole, if the response's memory
// has room for it and nobody waits for its beginning.
func (c *ClientConn) takeLength(resp *Response, head, have int) error {
	n := resp.Body.Length
	end := int64(head) + n
	if int64(have) > end {
		return errSurplus
	}
	if end <= int64(len(resp.mem)) && (c.idle == 0 || int64(have) == end) {
		for int64(have) < end {
			m, err := c.sock.read(resp.mem[have:], c.deadline)
			if err != nil {
				return torn(err)
			}
			have += m
		}
		if int64(have) > end {
			return errSurplus
		}
		resp.Body.Bytes = resp.mem[head:have:have]
		return c.finish(resp.Close)
	}
	b := &c.body
	b.framing = framingLength
	b.left = end - int64(have)
	resp.Body.Bytes = resp.mem[head:have:have]
	resp.Body.Source = b
	b.open = true
	c.broken = c.broken || resp.Close
	return nil
}

// takeChunked takes a chunked body: whole, if all of it is here.
func (c *ClientConn) takeChunked(resp *Response, head, have int) error {
	b := &c.body
	b.framing = framingChunked
	b.decoder.Reset()
	n, used, err := b.decoder.Decode(resp.mem[head:], resp.mem[head:have])
	if err != nil {
		return err
	}
	resp.Body.Bytes = resp.mem[head : head+n : head+n]
	resp.Body.Length = -1
	b.rest = resp.mem[head+used : have]
	if b.decoder.Done() {
		if len(b.rest) > 0 {
			return errSurplus
		}
		b.done = true
		if b.decoder.Trailer().Len() == 0 {
			resp.Body.Length = int64(n)
			return c.finish(resp.Close)
		}
	}
	resp.Body.Source = b
	b.open = true
	c.broken = c.broken || resp.Close
	return nil
}

// finish ends an exchange whose response is here whole.
func (c *ClientConn) finish(closing bool) error {
	c.body.open = false
	if closing || c.broken {
		c.broken = true
		if c.loop == nil {
			_ = c.sock.nc.Close() // everything was read
		}
	}
	if c.Release != nil {
		c.Release(c)
	}
	return nil
}

// Read implements Source.
func (b *responseBody) Read(p []byte) (int, error) {
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
	switch {
	case err != nil:
		b.err = answerFault(err)
	case b.done:
		b.err = io.EOF
	}
	return n, b.err
}

func (b *responseBody) next(p []byte) (int, error) {
	sock := &b.c.sock
	switch b.framing {
	case framingChunked:
		return b.decode(p)
	case framingClose:
		n, err := sock.read(p, b.until())
		if err == io.EOF { //nolint:errorlint // the net package does not wrap it
			b.done = true
			return 0, nil
		}
		return n, torn(err)
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := sock.read(p, b.until())
	if err != nil {
		return 0, torn(err)
	}
	b.left -= int64(n)
	b.done = b.left == 0
	return n, nil
}

// until is when the next bytes must be here.
func (b *responseBody) until() time.Time {
	c := b.c
	if c.idle == 0 {
		return c.deadline
	}
	next := time.Now().Add(c.idle)
	if !c.deadline.IsZero() && c.deadline.Before(next) {
		return c.deadline
	}
	return next
}

// decode decodes the next piece of a chunked body into p.
func (b *responseBody) decode(p []byte) (int, error) {
	for {
		if len(b.rest) == 0 {
			if b.buf == nil {
				b.buf = takeBuffer(largeBuffer)
			}
			n, err := b.c.sock.read(b.buf, b.until())
			if err != nil {
				return 0, torn(err)
			}
			b.rest = b.buf[:n]
		}
		n, used, err := b.decoder.Decode(p, b.rest)
		b.rest = b.rest[used:]
		if err != nil {
			return n, err
		}
		if b.decoder.Done() {
			b.done = true
			if len(b.rest) > 0 {
				return n, errSurplus
			}
			return n, nil
		}
		if n > 0 {
			return n, nil
		}
	}
}

// Trailer implements Source.
func (b *responseBody) Trailer() *Header {
	if b.framing == framingChunked && b.done {
		return b.decoder.Trailer()
	}
	return &b.none
}

// Close implements Source: it ends the exchange. A connection on which
// something of the body is left is closed.
func (b *responseBody) Close() error {
	if !b.open {
		return nil
	}
	if b.buf != nil {
		giveBuffer(b.buf)
		b.buf = nil
	}
	b.rest = nil
	clean := b.done && (b.err == nil || b.err == io.EOF) && b.framing != framingClose //nolint:errorlint // set here, never wrapped
	return b.c.finish(!clean)
}
