package gateway

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"gatehouse/internal/wire"
)

// MaxBody is the most that a request or response body may have, in bytes, unless
// the operator says another size.
//
// AWS: rest-execution.md §14.
const MaxBody = 10 << 20

// Bodies are the most that bodies may have, in bytes; 0: MaxBody. A client that
// sends more gets REQUEST_TOO_LARGE, a backend that does INTEGRATION_FAILURE.
type Bodies struct {
	Request, Response int64
}

func (b *Bodies) request() int64 {
	if b == nil || b.Request == 0 {
		return MaxBody
	}
	return b.Request
}

func (b *Bodies) response() int64 {
	if b == nil || b.Response == 0 {
		return MaxBody
	}
	return b.Response
}

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

// LimitResponse refuses a response body that is too large, now or, when its
// length is not known, as it is read.
func (x *Exchange) LimitResponse() error {
	return limitBody(&x.IntegrationResponse.Body, &x.responseLimit, x.bodies.response(), responseTooLarge)
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

// ReadBody reads the whole request body into memory, if it is not too large. Memory
// grows with what has come, not with what was promised. The driver bounds the
// time that it may take.
func (x *Exchange) ReadBody() error {
	b := &x.MethodRequest.Body
	if b.Source == nil {
		return nil
	}
	if err := limitBody(b, &x.requestLimit, x.bodies.request(), requestTooLarge); err != nil {
		return err
	}
	buf, err := readAll(x.body[:0], b)
	if err != nil {
		return BodyFault(err)
	}
	x.body = buf
	x.Vars.Now = time.Now()
	*b = wire.Body{Bytes: buf, Length: int64(len(buf))} // its driver closes the source
	return nil
}

// ReadResponse reads the whole response body into memory, if it is not too large. Its
// source stays, to be given up at the end: the header lives as long.
func (x *Exchange) ReadResponse() error {
	b := &x.IntegrationResponse.Body
	if b.Source == nil {
		return nil
	}
	if b.Source != wire.Source(&x.responseLimit) {
		if err := x.LimitResponse(); err != nil {
			return err
		}
	}
	buf, err := readAll(x.answer[:0], b)
	if err != nil {
		return ResponseFault(err)
	}
	x.answer = buf
	x.Vars.Now = time.Now()
	b.Bytes, b.Length = buf, int64(len(buf))
	return nil
}

// readAll appends a body to dst.
func readAll(dst []byte, b *wire.Body) ([]byte, error) {
	dst = append(dst, b.Bytes...)
	for {
		if len(dst) == cap(dst) {
			dst = slices.Grow(dst, max(len(dst), firstRead))
		}
		n, err := b.Source.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF { //nolint:errorlint // sources return it bare
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// ResponseFault returns the fault for a backend's body that could not be read.
//
// AWS: integrations.md §6: a time-out, or an error of the network.
func ResponseFault(err error) *Fault {
	var f *Fault
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, wire.ErrTimeout):
		return NewFault(IntegrationTimeout, err)
	}
	return NewFault(IntegrationFailure, err)
}

// firstRead is the memory that reading a body begins with.
const firstRead = 4 << 10

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
