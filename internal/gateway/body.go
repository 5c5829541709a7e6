package gateway

import (
	"errors"
	"io"
	"net/http"

	"gatehouse/internal/wire"
)

// MaxBody is the most that a request or response body may have, in bytes. A
// client that sends more gets REQUEST_TOO_LARGE.
//
// AWS: rest-execution.md §14.
const MaxBody = 10 << 20

// A LimitedSource gives a body of unknown length up to a limit, then fails
// with an error of its choice: the body is never taken for whole.
type LimitedSource struct {
	src   wire.Source
	left  int64
	fault *Fault
}

// Read reads from the body, or fails when it turns out to be too long.
func (s *LimitedSource) Read(p []byte) (int, error) {
	if s.left < 0 {
		return 0, s.fault
	}
	if int64(len(p)) > s.left+1 {
		p = p[:s.left+1]
	}
	n, err := s.src.Read(p)
	s.left -= int64(n)
	if s.left < 0 {
		return n - 1, s.fault
	}
	return n, err
}

// Trailer returns the trailer section, after io.EOF.
func (s *LimitedSource) Trailer() *wire.Header { return s.src.Trailer() }

// Close gives up what is left.
func (s *LimitedSource) Close() error { return s.src.Close() }

var (
	requestTooLarge  = NewFault(RequestTooLarge, nil)
	responseTooLarge = &Fault{Type: IntegrationFailure, Status: http.StatusInternalServerError, Message: "Internal server error",
		Cause: errors.New("response body is too large")}
)

// LimitRequest refuses a request body over max bytes, now or, when its length
// is not known, as it is read.
func (x *Exchange) LimitRequest(max int64) error {
	return limitBody(&x.MethodRequest.Body, &x.requestLimit, max, requestTooLarge)
}

// LimitResponse does the same with the response of the backend.
func (x *Exchange) LimitResponse(max int64) error {
	return limitBody(&x.IntegrationResponse.Body, &x.responseLimit, max, responseTooLarge)
}

func limitBody(b *wire.Body, s *LimitedSource, max int64, f *Fault) error {
	have := int64(len(b.Bytes))
	if b.Length > max || have > max {
		return f
	}
	if b.Length < 0 && b.Source != nil {
		*s = LimitedSource{src: b.Source, left: max - have, fault: f}
		b.Source = s
	}
	return nil
}

// ReadAhead reads the request body until n bytes of it are here, or all.
func (x *Exchange) ReadAhead(n int) error { return x.read(n, true) }

// ReadBody reads the whole request body into memory, MaxBody at most. Memory
// grows with what has come, not with what was promised.
func (x *Exchange) ReadBody() error {
	if err := x.LimitRequest(MaxBody); err != nil {
		return err
	}
	for n := firstRead; x.MethodRequest.Body.Source != nil; n *= 2 {
		if err := x.read(n, false); err != nil {
			return err
		}
	}
	return nil
}

// firstRead is the memory that reading a body begins with.
const firstRead = 4 << 10

// read reads the request body until n bytes of it are here, or all. At its end
// the source is closed, unless its trailer section is wanted.
func (x *Exchange) read(n int, trailer bool) error {
	b := &x.MethodRequest.Body
	if b.Source == nil {
		return nil
	}
	if b.Length >= 0 && int64(n) >= b.Length {
		n = int(b.Length) + 1 // one more, to see the end
	}
	if len(b.Bytes) >= n {
		return nil
	}
	buf := x.body
	if cap(buf) < n {
		buf = make([]byte, 0, n)
	}
	buf = append(buf[:0], b.Bytes...)
	for len(buf) < n {
		m, err := b.Source.Read(buf[len(buf):n])
		buf = buf[:len(buf)+m]
		if err == io.EOF { //nolint:errorlint // sources return it bare
			x.body, b.Bytes = buf, buf
			return x.endBody(trailer)
		}
		if err != nil {
			return BodyFault(err)
		}
	}
	x.body, b.Bytes = buf, buf
	return nil
}

// endBody notes that the bytes of the request body are all of it.
func (x *Exchange) endBody(trailer bool) error {
	b := &x.MethodRequest.Body
	if trailer {
		if t := b.Source.Trailer(); t != nil && t.Len() > 0 {
			return nil
		}
	}
	err := b.Source.Close()
	b.Source, b.Length = nil, int64(len(b.Bytes))
	if err != nil {
		return BodyFault(err)
	}
	return nil
}

// BodyFault returns the fault for a request body that could not be read: the
// client's, whatever it was.
func BodyFault(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	var e *wire.Error
	if errors.As(err, &e) && e.Status >= 400 && e.Status < 500 {
		if e.Status == http.StatusRequestEntityTooLarge {
			return requestTooLarge
		}
		return &Fault{Type: Default4XX, Status: e.Status, Message: http.StatusText(e.Status), Cause: err}
	}
	return &Fault{Type: Default4XX, Cause: err}
}
