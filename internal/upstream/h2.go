package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/wire"
)

// An h2 speaks HTTP/2 with one endpoint, through net/http, which keeps the
// connections. What the pool counts are requests then.
type h2 struct {
	c         *Cluster
	transport *http.Transport
}

// h2Idle is how long a stream of gRPC may be silent.
const h2Idle = 5 * time.Minute

func newH2(c *Cluster) *h2 {
	var proto http.Protocols
	h := &h2{c: c}
	h.transport = &http.Transport{
		Protocols: &proto, DisableCompression: true, IdleConnTimeout: c.opt.IdleTimeout,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, c.connectTime)
			defer cancel()
			nc, err := c.addresses.dial(ctx)
			return nc, joinConnect(err)
		},
		HTTP2: &http.HTTP2Config{
			// What an endpoint may send before somebody takes it.
			MaxReceiveBufferPerStream: 256 << 10, MaxReceiveBufferPerConnection: 4 << 20,
			SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second,
		},
	}
	if c.tls == nil {
		proto.SetUnencryptedHTTP2(true)
		return h
	}
	proto.SetHTTP2(true)
	h.transport.TLSClientConfig = c.tls.Clone()
	h.transport.TLSClientConfig.NextProtos = []string{"h2"}
	h.transport.TLSHandshakeTimeout = c.connectTime
	return h
}

func joinConnect(err error) error {
	if err == nil {
		return nil
	}
	return failure(ErrConnect, err)
}

// do sends a request that has begun, as Cluster.once does. There must be a
// permission for it, as for a connection.
func (h *h2) do(ctx context.Context, req *wire.Request, resp *wire.Response, until, deadline time.Time) error {
	c := h.c
	resp.Reset()
	if _, err := c.pool.take(ctx, until); err != nil { // there are no connections in it to be had
		c.over()
		return err
	}
	s := &h2Stream{c: c, grpc: isGRPC(req)}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.timer = time.AfterFunc(timeTo(until), func() { s.cancel(ErrTimeout) })
	r, err := h.request(s, req)
	if err != nil {
		return s.failed(err)
	}
	began := monotonic()
	answer, err := h.transport.RoundTrip(r)
	if err != nil {
		return s.failed(err)
	}
	s.took, s.status, s.body, s.answer = max(monotonic()-began, 1), answer.StatusCode, answer.Body, answer
	switch {
	case s.grpc:
		s.talks.Store(true)
		s.heard()
	case until != deadline:
		s.timer.Reset(timeTo(deadline))
	}
	resp.Status = answer.StatusCode
	for name, values := range answer.Header {
		for _, v := range values {
			resp.Header.Add(strings.ToLower(name), v)
		}
	}
	resp.Body = wire.Body{Source: s, Length: answer.ContentLength}
	if req.Method == http.MethodHead || answer.ContentLength == 0 && len(answer.Trailer) == 0 && answer.Body == http.NoBody {
		resp.Body.Source = nil
		return s.Close()
	}
	return nil
}

// timeTo is how long it is to a deadline; without one, for ever.
func timeTo(deadline time.Time) time.Duration {
	if deadline.IsZero() {
		return 1<<63 - 1
	}
	return time.Until(deadline)
}

// isGRPC tells whether a request is a call of gRPC, which may take as long as
// somebody says something.
func isGRPC(req *wire.Request) bool {
	return strings.HasPrefix(req.Header.GetID(wire.HeaderContentType), "application/grpc")
}

// request makes a request of net/http. Its texts are copied: the endpoint may
// answer before all of it is sent.
func (h *h2) request(s *h2Stream, req *wire.Request) (*http.Request, error) {
	u, err := url.ParseRequestURI(strings.Clone(req.Target))
	if err != nil {
		return nil, &wire.Error{Status: http.StatusInternalServerError, Reason: "target cannot be sent"}
	}
	u.Scheme, u.Host = "http", strings.Clone(req.Host)
	if h.c.tls != nil {
		u.Scheme = "https"
	}
	r := (&http.Request{Method: strings.Clone(req.Method), URL: u, Host: u.Host, Header: make(http.Header, len(req.Header.Fields))}).WithContext(s.ctx)
	for _, f := range req.Header.Fields {
		switch f.ID {
		case wire.HeaderConnection, wire.HeaderTransferEncoding, wire.HeaderContentLength, wire.HeaderTE, wire.HeaderUpgrade:
		default:
			name := http.CanonicalHeaderKey(f.Name)
			r.Header[name] = append(r.Header[name], strings.Clone(f.Value))
		}
	}
	if s.grpc {
		r.Header["Te"] = []string{"trailers"}
	}
	r.ContentLength = req.Body.Length
	if req.Body.Source == nil {
		b := append([]byte(nil), req.Body.Bytes...)
		r.ContentLength = int64(len(b))
		r.Body = io.NopCloser(strings.NewReader(string(b)))
		if len(b) == 0 {
			r.Body = http.NoBody
		}
		return r, nil
	}
	s.sends = &h2Request{first: append([]byte(nil), req.Body.Bytes...), src: req.Body.Source, r: r, s: s}
	r.Body = s.sends
	r.Trailer = http.Header{} // what the client sends is known at the end
	return r, nil
}

// An h2Request is the body of a request on its way to the endpoint.
type h2Request struct {
	first []byte
	src   wire.Source
	r     *http.Request
	s     *h2Stream

	mu     sync.Mutex // guards the fields below, and reading src
	closed bool
}

// Read implements io.Reader.
func (b *h2Request) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, io.ErrClosedPipe
	}
	if len(b.first) > 0 {
		n := copy(p, b.first)
		b.first = b.first[n:]
		return n, nil
	}
	n, err := b.src.Read(p)
	b.s.heard()
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		if t := b.src.Trailer(); t != nil {
			for _, f := range t.Fields {
				b.r.Trailer.Add(f.Name, strings.Clone(f.Value))
			}
		}
	default:
		b.s.cancel(&wire.BodyError{Err: err})
	}
	return n, err
}

// Close implements io.Closer.
func (b *h2Request) Close() error {
	_ = b.src.Close() // lets Read return, if it waits for the client
	return nil
}

// end makes sure that nothing of the client's request is read any more.
func (b *h2Request) end() {
	if b == nil {
		return
	}
	_ = b.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}

// An h2Stream is one request on an HTTP/2 connection, and the body of its answer.
type h2Stream struct {
	c      *Cluster
	grpc   bool
	ctx    context.Context //nolint:containedctx // of the request, which this is
	cancel context.CancelCauseFunc
	sends  *h2Request // nil: the body was here
	timer  *time.Timer
	talks  atomic.Bool // it is a call that has begun to be answered: it lasts while somebody says something
	took   int64
	status int
	body   io.ReadCloser
	answer *http.Response

	trailer wire.Header
	over    bool
}

// failed ends a request without an answer.
func (s *h2Stream) failed(err error) error {
	s.timer.Stop()
	cause := context.Cause(s.ctx)
	s.cancel(nil)
	s.sends.end()
	s.c.release()
	var body *wire.BodyError
	switch {
	case errors.As(cause, &body):
		return failure(ErrRequestBody, cause)
	case errors.Is(cause, ErrTimeout):
		err = failure(ErrTimeout, err)
	case cause != nil:
		return cause
	case isCertificateError(err):
		err = failure(ErrConnect, failure(ErrCertificate, err))
	case errors.Is(err, ErrConnect):
	default:
		err = failure(ErrBroken, err)
	}
	s.c.failures.Add(1)
	return err
}

// heard notes that one side has said something.
func (s *h2Stream) heard() {
	if s.talks.Load() {
		s.timer.Reset(h2Idle)
	}
}

// Read implements io.Reader.
func (s *h2Stream) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	s.heard()
	if err != nil && !errors.Is(err, io.EOF) && errors.Is(context.Cause(s.ctx), ErrTimeout) {
		err = wire.ErrTimeout
	}
	return n, err
}

// Trailer returns the trailers, which gRPC puts its status into.
func (s *h2Stream) Trailer() *wire.Header {
	s.trailer.Reset()
	for name, values := range s.answer.Trailer {
		for _, v := range values {
			s.trailer.Add(strings.ToLower(name), v)
		}
	}
	return &s.trailer
}

// Close ends the request, and counts it.
func (s *h2Stream) Close() error {
	if s.over {
		return nil
	}
	s.over = true
	s.timer.Stop()
	_ = s.body.Close() // resets the stream if the answer is not read to its end
	s.cancel(nil)
	s.sends.end()
	s.c.member.answered(s.status, s.took, monotonic())
	if t := s.c.siblings.track; t != nil {
		t.note(s.status >= 500, s.took)
	}
	s.c.release()
	return nil
}
