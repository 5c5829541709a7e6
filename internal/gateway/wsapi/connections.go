package wsapi

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/limit"
	"gatehouse/internal/wire"
)

// Connections answers requests for @connections, which come to the stages of
// WebSocket APIs: it has them answered by the AWS API of that name.
type Connections struct {
	Calls      http.Handler // set before the first request
	MaxMessage int          // of messages that are posted
}

// Call makes the answer of the AWS API the client's.
//
// AWS: websocket-execution.md §9: a malformed id is refused before anybody is
// asked who calls, a message that is too large without a word.
func (c *Connections) Call(ctx context.Context, x *gateway.Exchange) error {
	m := &x.MethodRequest
	if id, ok := pathID(x.Vars.Path); !ok || !ValidID(id) && !isTopic(x.Vars.Path) {
		return &gateway.Fault{Type: gateway.Default4XX, Status: http.StatusBadRequest, Message: "Invalid connectionId: " + id}
	}
	tooLarge := m.Body.Length > int64(c.MaxMessage)
	if !tooLarge {
		if err := x.ReadBody(); err != nil {
			return err
		}
		tooLarge = len(m.Body.Bytes) > c.MaxMessage
	}
	r := &x.MethodResponse
	if tooLarge {
		r.Status, r.Header.Fields, r.Body = http.StatusRequestEntityTooLarge, r.Header.Fields[:0], wire.Body{}
		return nil
	}
	w := &recorder{header: http.Header{}}
	c.Calls.ServeHTTP(w, httpRequest(ctx, x))
	r.Status, r.Ready = w.status, x.Vars.Now
	r.Header.Fields = r.Header.Fields[:0]
	for name, values := range w.header {
		for _, v := range values {
			r.Header.Add(name, v)
		}
	}
	x.SetAnswerBody(w.body.Bytes())
	return nil
}

// isTopic tells whether a path of @connections is that of a topic: there it is
// the AWS API that looks at ids.
func isTopic(path string) bool {
	path = strings.TrimLeft(path, "/")
	_, rest, _ := strings.Cut(path, "/")
	return strings.HasPrefix(rest, "topics/")
}

// A Limit holds the calls of @connections to the rate of their account.
//
// AWS: websocket-execution.md §9: they count for it.
type Limit struct{ Account *limit.Bucket }

var overLimit = &gateway.Fault{Type: gateway.Throttled, ErrorType: "LimitExceededException"}

// Do takes a token.
func (l Limit) Do(_ context.Context, x *gateway.Exchange) error {
	if l.Account != nil && !l.Account.TakeAt(x.Vars.Start) {
		return overLimit
	}
	return nil
}

// Posted has By count the calls of @connections that have sent a message.
type Posted struct{ By gateway.Finisher }

// Finish counts x.
func (p Posted) Finish(x *gateway.Exchange) {
	if x.MethodRequest.Method == http.MethodPost && x.MethodResponse.Status == http.StatusOK {
		p.By.Finish(x)
	}
}

// pathID is the id in a path of @connections.
func pathID(path string) (string, bool) {
	path = strings.TrimLeft(path, "/")
	_, raw, _ := strings.Cut(path, "/")
	id, err := url.PathUnescape(strings.TrimSuffix(raw, "/"))
	return id, err == nil
}

// httpRequest is the client's request as handlers of net/http see it. The
// signature covers the target as it was sent.
func httpRequest(ctx context.Context, x *gateway.Exchange) *http.Request {
	m := &x.MethodRequest
	target := strings.Replace(m.Target, "/%40connections/", "/@connections/", 1)
	r := &http.Request{
		Method: strings.Clone(m.Method), URL: &url.URL{Path: m.Path, RawQuery: m.Query}, Host: m.Host, RequestURI: m.Target,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: http.NoBody, ContentLength: int64(len(m.Body.Bytes)),
	}
	if u, err := url.ParseRequestURI(target); err == nil {
		r.URL = u
	}
	if len(m.Body.Bytes) > 0 {
		r.Body = readCloser{bytes.NewReader(m.Body.Bytes)}
	}
	for i := range m.Header.Fields {
		f := &m.Header.Fields[i]
		r.Header.Add(f.Name, f.Value)
	}
	if x.Peer != nil {
		r.RemoteAddr = x.Peer.Addr.String()
	}
	return r.WithContext(ctx)
}

type readCloser struct{ *bytes.Reader }

// Close does nothing: the bytes are the exchange's.
func (readCloser) Close() error { return nil }

// A recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header returns what will be the header.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader keeps the status.
func (w *recorder) WriteHeader(status int) { w.status = status }

// Write keeps a part of the body.
func (w *recorder) Write(b []byte) (int, error) { return w.body.Write(b) }

var _ gateway.Integration = (*Connections)(nil)
