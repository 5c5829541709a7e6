package ingress

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"gatehouse/internal/wire"
)

// A stdBody is the body of a request through net/http: its beginning is read
// before the exchange is served, so that a slow client holds no backend; the
// rest streams, within a size and a time.
type stdBody struct {
	r       *http.Request
	rc      *http.ResponseController
	limits  *Limits
	taken   int64
	limit   time.Time // for the whole body
	until   time.Time // the read deadline in force
	trailer wire.Header
}

// What is wrong with a body, in the words of wire, so that an exchange need not
// know who reads it.
var (
	errBodyLarge = &wire.Error{Status: http.StatusRequestEntityTooLarge, Reason: "request body too large"}
	errBodySlow  = &wire.Error{Status: http.StatusRequestTimeout, Reason: "request body took too long"}
	errDuplex    = &wire.Error{Status: http.StatusInternalServerError, Reason: "the server cannot read and write at once"}
	errBodyTorn  = &wire.Error{Status: http.StatusBadRequest, Reason: "request body broke off"}
)

// read puts the beginning of r's body into req.Body: all of it if it fits. It
// returns what the request is to be refused for, or nil.
func (b *stdBody) read(c *call, req *wire.Request, rc *http.ResponseController, r *http.Request, l *Limits) *wire.Error {
	c.buf = c.buf[:0]
	req.Body = wire.Body{Length: r.ContentLength}
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		req.Body.Length = 0
		return nil
	}
	if r.ContentLength > l.Body {
		return errBodyLarge
	}
	b.r, b.rc, b.limits = r, rc, l
	if r.ProtoMajor >= 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		req.Body.Source = b // a call of gRPC may say nothing more before it is answered
		return nil
	}
	want := l.BufferedBody
	if r.ContentLength > 0 {
		want = int(min(int64(want), r.ContentLength))
	}
	err := b.buffer(c, want)
	req.Body.Bytes = c.buf
	switch {
	case err == nil && b.taken != r.ContentLength:
		req.Body.Source = b
		return b.duplex()
	case err == nil:
		b.done()
		return nil
	case errors.Is(err, io.EOF) && (r.ContentLength < 0 || b.taken == r.ContentLength):
		b.done()
		if len(r.Trailer) > 0 {
			req.Body.Source = b // for its trailer section
		} else {
			req.Body.Length = b.taken
		}
		return nil
	}
	var e *wire.Error
	if errors.As(err, &e) {
		return e
	}
	return errBodyTorn // shorter than promised
}

// duplex makes sure that the rest of the body can be read after the response
// has begun. Over HTTP/1.1 net/http would throw it away otherwise, and the body
// would end early without an error.
func (b *stdBody) duplex() *wire.Error {
	if b.r.ProtoMajor == 1 && b.rc.EnableFullDuplex() != nil {
		return errDuplex
	}
	return nil
}

// buffer reads up to want bytes of the body into c.buf.
func (b *stdBody) buffer(c *call, want int) error {
	buf := c.grow(min(want, smallBody))
	for {
		n, err := b.Read(buf[len(buf):min(cap(buf), want)])
		buf = buf[:len(buf)+n]
		c.buf = buf
		if err != nil || len(buf) == want {
			return err
		}
		if len(buf) == cap(buf) {
			buf = append(c.grow(min(want, 4*len(buf))), buf...)
		}
	}
}

// Read reads on, within the limits of size and time.
func (b *stdBody) Read(p []byte) (int, error) {
	if b.limits == nil {
		return 0, io.EOF
	}
	b.extend()
	n, err := b.r.Body.Read(p)
	b.taken += int64(n)
	switch {
	case b.taken > b.limits.Body:
		return 0, errBodyLarge
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		b.done()
		return n, io.EOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, errBodySlow
	default:
		return n, errBodyTorn
	}
}

// extend sets the deadline by which the next bytes must be here. It is moved
// only when a quarter of it has passed.
func (b *stdBody) extend() {
	now := time.Now()
	if b.limit.IsZero() {
		b.limit = now.Add(b.limits.ReadBody)
	}
	if b.until.Sub(now) < b.limits.BodyIdle*3/4 && b.until != b.limit {
		b.until = earlier(now.Add(b.limits.BodyIdle), b.limit)
		_ = b.rc.SetReadDeadline(b.until) // a server without deadlines has none
	}
}

// done lifts the deadline: net/http goes on reading, to notice a client that
// leaves.
func (b *stdBody) done() {
	if !b.until.IsZero() {
		b.until = time.Time{}
		_ = b.rc.SetReadDeadline(time.Time{})
	}
}

// Trailer returns the request's trailer section.
func (b *stdBody) Trailer() *wire.Header {
	b.trailer.Reset()
	if b.r != nil {
		for name, values := range b.r.Trailer {
			for _, v := range values {
				b.trailer.Add(name, v)
			}
		}
	}
	return &b.trailer
}

// Close gives up what is left; it may be called while Read waits. net/http ends
// the stream or the connection.
func (b *stdBody) Close() error {
	if b.r != nil && b.r.ProtoMajor >= 2 {
		_ = b.rc.SetReadDeadline(time.Unix(1, 0)) // of this stream alone
	}
	return nil
}

func (b *stdBody) reset() {
	b.trailer.Reset()
	*b = stdBody{trailer: b.trailer}
}

// smallBody is the memory that is taken before a body turns out to be larger.
const smallBody = 4 << 10

// grow returns an empty buffer of at least n bytes.
func (c *call) grow(n int) []byte {
	if cap(c.buf) < n {
		return make([]byte, 0, n)
	}
	return c.buf[:0]
}
