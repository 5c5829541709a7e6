package ingress

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/wire"
)

// A std serves exchanges through net/http. It differs from wire where net/http
// gives no choice: header lines come in no order (they are sorted by name, so
// that the outcome is the same each time), HTTP/1.1 names come in canonical
// spelling, and what is malformed is answered in net/http's words.
type std struct {
	handler wire.Handler
	limits  Limits
}

// Std returns h as a handler for net/http servers. The servers keep their own
// limits on heads and idle connections; those on targets, header sections,
// bodies and their pace are kept here.
func Std(h wire.Handler, limits Limits) http.Handler {
	limits.setDefaults()
	return &std{handler: h, limits: limits}
}

// A call is the memory of one exchange through net/http, reused.
type call struct {
	buf   []byte // the beginning of the request's body
	piece []byte // of a response on its way
	names []string
	body  stdBody
	peer  wire.Peer // for servers that are not an Ingress's
}

var calls = sync.Pool{New: func() any { return new(call) }}

func (s *std) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := calls.Get().(*call)
	defer calls.Put(c)
	rc := http.NewResponseController(w)
	x := s.handler.Acquire(c.peerOf(r))
	var resp *wire.Response
	streams := false
	if e := s.read(c, x.Request(), rc, r); e != nil {
		resp = refusal(x, e)
	} else {
		streams = r.ProtoMajor == 1 && x.Request().Body.Source != nil
		resp = x.Serve(r.Context())
	}
	if resp.Switch != nil {
		switchOver(x, rc, resp)
		return
	}
	EndUpgrade(w, r)
	if streams {
		// Should the rest of the body never be read, net/http panics at the next
		// request of a connection in full duplex.
		w.Header().Set("Connection", "close")
	}
	out := stdWriter{w: w, rc: rc, idle: s.limits.WriteIdle, limit: time.Now().Add(s.limits.Write)}
	out.respond(r, resp, c)
	sent := out.sent
	size, _ := headerSize(r)
	sent.Received = int64(len(r.Method)+len(r.RequestURI)+len("  HTTP/1.1\r\n")+size) + c.body.taken
	sent.At = time.Now()
	c.body.reset()
	x.Finish(sent)
	if sent.Err != nil {
		panic(http.ErrAbortHandler) // tear the stream: it must not pass for whole
	}
}

// What requests are refused for, besides what net/http refuses.
var (
	errTarget     = &wire.Error{Status: http.StatusBadRequest, Reason: "malformed method or request target"}
	errTargetLong = &wire.Error{Status: http.StatusRequestURITooLong, Reason: "request target too long"}
	errHost       = &wire.Error{Status: http.StatusBadRequest, Reason: ":authority and Host differ"}
	errHeader     = &wire.Error{Status: http.StatusRequestHeaderFieldsTooLarge, Reason: "header section too large"}
)

// read fills req, with the beginning of the body, or says why not.
func (s *std) read(c *call, req *wire.Request, rc *http.ResponseController, r *http.Request) *wire.Error {
	if !validTarget(r.RequestURI) || !validMethod(r.Method) {
		return errTarget
	}
	req.Target = originForm(r.RequestURI)
	if len(req.Target) > s.limits.Head.Target {
		return errTargetLong
	}
	req.Method = r.Method
	req.Path, req.Query, _ = strings.Cut(req.Target, "?")
	req.Host = r.Host
	req.HTTP10 = r.ProtoMajor == 1 && r.ProtoMinor == 0
	req.Close = r.Close
	if host := r.Header["Host"]; len(host) > 1 || len(host) == 1 && host[0] != r.Host {
		return errHost
	}
	if size, fields := headerSize(r); size > s.limits.Head.Header || fields > s.limits.Head.Fields {
		return errHeader
	}
	c.fields(req, r)
	return c.body.read(c, req, rc, r, &s.limits)
}

// fields copies the header lines, sorted by name.
func (c *call) fields(req *wire.Request, r *http.Request) {
	c.names = c.names[:0]
	for name := range r.Header {
		if name != "Host" {
			c.names = append(c.names, name)
		}
	}
	slices.Sort(c.names)
	for _, name := range c.names {
		spelling := name
		if r.ProtoMajor >= 2 {
			// AWS: HTTP/2 clients send lower-case names; those stay lower-case
			// (rest-execution.md §4).
			spelling = strings.ToLower(name)
		}
		for _, v := range r.Header[name] {
			req.Header.Add(spelling, v)
		}
	}
	clear(c.names)
}

// headerSize is the size of the header section as HTTP/1.1 would write it, and
// how many lines it has.
//
// AWS: the limit counts names, values, separators and line ends
// (execution.md §6).
func headerSize(r *http.Request) (size, fields int) {
	size, fields = len("Host: \r\n\r\n")+len(r.Host), 1
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(": \r\n") + len(v)
			fields++
		}
	}
	return size, fields
}

// validMethod accepts tokens (RFC 9110 §5.6.2): net/http lets HTTP/2 clients
// name any method.
func validMethod(m string) bool {
	for i := range len(m) {
		c := m[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return m != ""
}

// validTarget accepts "*" and whatever begins a path or a URI and has no
// blanks, controls, fragments or bytes beyond ASCII in it.
func validTarget(t string) bool {
	if t == "" {
		return false
	}
	for i := range len(t) {
		if c := t[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
	}
	return t[0] == '/' || t == "*" || strings.Contains(t, "://")
}

// originForm cuts scheme and authority off a target in absolute form.
func originForm(t string) string {
	if t[0] == '/' || t == "*" {
		return t
	}
	_, rest, _ := strings.Cut(t, "://")
	i := strings.IndexAny(rest, "/?")
	switch {
	case i < 0:
		return "/"
	case rest[i] == '?':
		return "/" + rest[i:]
	default:
		return rest[i:]
	}
}

// A stdWriter writes one response.
type stdWriter struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	idle  time.Duration
	limit time.Time // for the whole response
	until time.Time // the write deadline in force
	sent  wire.Sent
}

// respond writes resp and closes its body. What went wrong is in o.sent.Err.
func (o *stdWriter) respond(r *http.Request, resp *wire.Response, c *call) {
	src := resp.Body.Source
	if resp.Status < 200 || resp.Status > 999 {
		// A message that cannot be written is the fault of who made it.
		resp = &wire.Response{Status: http.StatusInternalServerError}
	}
	o.head(resp, r.ProtoMajor)
	if r.Method != http.MethodHead && bodyAllowed(resp.Status) {
		o.write(resp.Body.Bytes)
		if resp.Body.Source != nil && o.sent.Err == nil {
			o.stream(src, &resp.Body, c)
		}
	}
	if src != nil {
		if err := src.Close(); err != nil && o.sent.Err == nil && o.sent.Body < resp.Body.Length {
			o.sent.Err = err
		}
	}
}

// head writes the status and header section. Its texts are copied: net/http
// may send them after the exchange has ended.
func (o *stdWriter) head(resp *wire.Response, major int) {
	h := o.w.Header()
	typed := false
	n := len("HTTP/1.1 200 \r\n\r\n")
	for _, f := range resp.Header.Fields {
		name := strings.Clone(f.Name)
		switch {
		case strings.EqualFold(name, "Content-Type"):
			name, typed = "Content-Type", true
		case strings.EqualFold(name, "Date"):
			continue // net/http writes it
		}
		h[name] = append(h[name], strings.Clone(f.Value))
		n += len(f.Name) + len(": \r\n") + len(f.Value)
	}
	if !typed {
		h["Content-Type"] = nil // or net/http guesses one
	}
	if resp.Body.Length >= 0 && bodyAllowed(resp.Status) {
		h["Content-Length"] = []string{itoa(resp.Body.Length)}
	}
	if resp.Close && major == 1 {
		h["Connection"] = closeHeader
	}
	o.sent.Head = int64(n)
	o.w.WriteHeader(resp.Status)
}

var closeHeader = []string{"close"} // never changed

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// stream passes the rest of the body on as it comes.
func (o *stdWriter) stream(src wire.Source, body *wire.Body, c *call) {
	if body.Length < 0 {
		o.flush() // the head and what is there must not wait for what comes
	}
	if c.piece == nil {
		c.piece = make([]byte, pieceSize)
	}
	buf := c.piece
	for o.sent.Err == nil {
		n, err := src.Read(buf)
		o.write(buf[:n])
		if err != nil {
			o.end(src, body, err)
			return
		}
		if n < len(buf) && o.sent.Body != body.Length {
			o.flush() // the backend has no more at the moment
		}
	}
}

// pieceSize is how much of a response is passed on at once.
const pieceSize = 32 << 10

func (o *stdWriter) end(src wire.Source, body *wire.Body, err error) {
	switch {
	case !errors.Is(err, io.EOF):
		o.fail(err)
	case body.Length >= 0 && o.sent.Body != body.Length:
		o.fail(io.ErrUnexpectedEOF)
	default:
		if t := src.Trailer(); t != nil {
			for _, f := range t.Fields {
				name := http.TrailerPrefix + f.Name
				o.w.Header()[name] = append(o.w.Header()[name], strings.Clone(f.Value))
			}
		}
	}
}

func (o *stdWriter) write(b []byte) {
	for len(b) > 0 && o.sent.Err == nil {
		o.extend()
		n, err := o.w.Write(b[:min(len(b), pace)])
		o.sent.Body += int64(n)
		o.fail(err)
		b = b[n:]
	}
}

// pace is what a client must take within WriteIdle.
const pace = 16 << 10

func (o *stdWriter) flush() {
	if o.sent.Err == nil {
		o.extend()
		o.fail(o.rc.Flush())
	}
}

func (o *stdWriter) fail(err error) {
	if err != nil && o.sent.Err == nil {
		o.sent.Err = err
	}
}

// extend gives the client a new time in which to take the next piece. The
// deadline is moved only when a quarter of it has passed: moving one starts a
// timer.
func (o *stdWriter) extend() {
	now := time.Now()
	if o.until.Sub(now) < o.idle*3/4 && o.until != o.limit {
		o.until = earlier(now.Add(o.idle), o.limit)
		_ = o.rc.SetWriteDeadline(o.until) // a server without deadlines has none
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// peerKey finds a connection's peer in its requests' contexts: net/http has no
// other way from a connection to a handler.
type peerKey struct{}

func withPeer(ctx context.Context, p *wire.Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, p)
}

// peerOf returns the peer of r's connection. Servers that are not an Ingress's
// do not know it: it is put together from what r tells.
func (c *call) peerOf(r *http.Request) *wire.Peer {
	if p, ok := r.Context().Value(peerKey{}).(*wire.Peer); ok {
		return p
	}
	c.peer = wire.Peer{Addr: addrPort(r.RemoteAddr), Proto: r.Proto}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(interface{ String() string }); ok {
		c.peer.Local = addrPort(local.String())
	}
	if r.TLS != nil {
		setTLS(&c.peer, r.TLS)
	}
	return &c.peer
}
