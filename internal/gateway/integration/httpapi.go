package integration

import (
	"context"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// An HTTPAPIProxy is an HTTP_PROXY integration of an HTTP API.
type HTTPAPIProxy struct {
	call
	append    bool // the request's path goes behind the URI's
	private   bool // the backend is called by the name that the client used
	params    []int
	request   *Mapping
	responses map[int]*Mapping
}

// An HTTPAPIConfig says what a [Config] does not of an HTTP API's integration.
type HTTPAPIConfig struct {
	Config
	Route     *gateway.Route
	Private   bool // behind a load balancer: host and path are the client's
	Request   *Mapping
	Responses map[int]*Mapping
}

// NewHTTPAPIProxy makes an HTTPAPIProxy. One whose mappings read bodies is not
// a gateway.Forward: it may wait for them.
func NewHTTPAPIProxy(c *HTTPAPIConfig) (gateway.Integration, error) {
	k, err := newCall(&c.Config)
	if err != nil {
		return nil, err
	}
	p := &HTTPAPIProxy{call: k, append: c.Private || c.Route.ResourcePath == "", private: c.Private, request: c.Request, responses: c.Responses}
	for _, name := range c.URI.Variables() {
		p.params = append(p.params, c.Route.Param(name))
	}
	reads := p.request.body
	for _, m := range p.responses {
		reads = reads || m.body
	}
	if reads {
		return &readingProxy{p, p}, nil
	}
	return p, nil
}

// A readingProxy is an HTTPAPIProxy that reads bodies.
type readingProxy struct {
	call  gateway.Integration // proxy, or what logs its calls
	proxy *HTTPAPIProxy
}

// Call reads the request's body and makes the call.
func (r *readingProxy) Call(ctx context.Context, x *gateway.Exchange) error {
	if r.proxy.request.body {
		if err := x.ReadBody(); err != nil {
			return err
		}
	}
	return r.call.Call(ctx, x)
}

// Call calls the backend and makes its response the client's.
func (p *HTTPAPIProxy) Call(ctx context.Context, x *gateway.Exchange) error {
	if err := p.Prepare(x); err != nil {
		return err
	}
	return p.Accept(x, send(ctx, x))
}

// Prepare makes the request to the backend.
//
// AWS: http-api-execution.md §4 and §6.
func (p *HTTPAPIProxy) Prepare(x *gateway.Exchange) error {
	p.begin(x)
	if err := p.target(x); err != nil {
		return err
	}
	r := &x.IntegrationRequest
	if p.private {
		// AWS: undocumented; reports of host rules of load balancers that act on
		// custom domain names agree.
		r.Host = x.MethodRequest.Host
	}
	r.Header.Fields = passHTTPHeader(r.Header.Fields[:0], x)
	p.request.applyHeader(&r.Header, x)
	if len(p.request.header) > 0 {
		if host := r.Header.GetID(wire.HeaderHost); host != "" { // one that was mapped
			r.Host = host
			r.Header.DelID(wire.HeaderHost)
		}
	}
	r.Body = x.MethodRequest.Body
	return nil
}

// target fills in the target.
func (p *HTTPAPIProxy) target(x *gateway.Exchange) error {
	plain := p.request.path == nil && len(p.request.query) == 0 && !p.append
	if plain && p.constant && x.MethodRequest.Query == "" {
		x.IntegrationRequest.Target = p.call.target
		return nil
	}
	for _, place := range p.params {
		if place < 0 {
			return unmapped
		}
		from := len(x.Buf)
		x.Buf = appendPathText(x.Buf, x.Vars.Params[place])
		x.MappedPath = append(x.MappedPath, wire.String(x.Buf[from:]))
	}
	from := len(x.Buf)
	buf, ok := p.uri.appendTarget(x.Buf, x)
	if !ok {
		return unmapped
	}
	x.Buf = buf
	if p.append || p.request.path != nil {
		from = p.changePath(x, from)
	}
	sep := byte('?')
	if p.uri.query {
		sep = '&'
	}
	x.Buf = append(x.Buf, sep)
	query := len(x.Buf)
	if len(p.request.query) > 0 {
		x.Buf = p.request.appendQuery(x.Buf, x)
	} else {
		x.Buf = append(x.Buf, x.MethodRequest.Query...)
	}
	if len(x.Buf) == query {
		x.Buf = x.Buf[:query-1]
	}
	x.IntegrationRequest.Target = wire.String(x.Buf[from:])
	return nil
}

// changePath appends the request's path to that of the target which stands in
// x.Buf from there on, or puts another in its place. It returns where the new
// target begins.
//
// AWS: http-api-execution.md §4 ($default appends) and §6 (overwrite:path; where
// it stands to a path of the URI's own is not documented: in its place).
func (p *HTTPAPIProxy) changePath(x *gateway.Exchange, from int) int {
	start := len(x.Buf)
	path, query, hasQuery := strings.Cut(wire.String(x.Buf[from:]), "?") // stays as it is: what is new goes behind it
	if p.request.path != nil {
		text := p.request.path.value(x)
		if !strings.HasPrefix(text, "/") {
			x.Buf = append(x.Buf, '/')
		}
		x.Buf = appendPathText(x.Buf, text)
	} else {
		x.Buf = append(x.Buf, strings.TrimSuffix(path, "/")...)
		x.Buf = appendPathText(x.Buf, x.Vars.Path)
	}
	if hasQuery {
		x.Buf = append(append(x.Buf, '?'), query...)
	}
	return start
}

// appendPathText appends decoded text of a path encoded again; slashes stay.
func appendPathText(dst []byte, text string) []byte {
	for text != "" {
		part, rest, slash := strings.Cut(text, "/")
		dst = gateway.AppendEncoded(dst, part)
		if slash {
			dst = append(dst, '/')
		}
		text = rest
	}
	return dst
}

// passHTTPHeader appends to dst what goes to the backend of the client's header,
// and what the gateway adds.
//
// AWS: http-api-execution.md §4: X-Forwarded-* become one Forwarded.
func passHTTPHeader(dst []wire.Field, x *gateway.Exchange) []wire.Field {
	forwarded := len(x.Buf)
	in := x.MethodRequest.Header.Fields
	for i := range in {
		f := &in[i]
		switch f.ID {
		case wire.HeaderHost, wire.HeaderConnection, wire.HeaderContentLength, wire.HeaderTransferEncoding, wire.HeaderExpect,
			wire.HeaderKeepAlive, wire.HeaderProxyConnection, wire.HeaderTE, wire.HeaderTrailer, wire.HeaderUpgrade,
			wire.HeaderProxyAuthenticate, wire.HeaderProxyAuthorization, wire.HeaderVia, wire.HeaderXAmznTraceID,
			wire.HeaderXForwardedPort, wire.HeaderXForwardedProto:
			continue
		case wire.HeaderForwarded:
			x.Buf = appendChain(x.Buf, forwarded, "", f.Value)
			continue
		case wire.HeaderXForwardedFor:
			x.Buf = appendForwardedFor(x.Buf, forwarded, f.Value)
			continue
		}
		dst = append(dst, *f)
	}
	x.Buf = appendHop(x.Buf, forwarded, x)
	return append(dst,
		wire.Field{Name: "Forwarded", Value: wire.String(x.Buf[forwarded:]), ID: wire.HeaderForwarded},
		wire.Field{Name: "Via", Value: "HTTP/1.1 AmazonAPIGateway", ID: wire.HeaderVia},
		wire.Field{Name: traceHeader, Value: x.Vars.Trace, ID: wire.HeaderXAmznTraceID})
}

// appendChain appends an element of the list that begins at from.
func appendChain(dst []byte, from int, name, value string) []byte {
	if len(dst) > from {
		dst = append(dst, ',')
	}
	return append(append(dst, name...), value...)
}

// appendForwardedFor appends the addresses of an X-Forwarded-For. What could
// not be one is left out: it must not look like another parameter.
func appendForwardedFor(dst []byte, from int, list string) []byte {
	for list != "" {
		var one string
		one, list, _ = strings.Cut(list, ",")
		one = strings.TrimSpace(one)
		if one == "" || strings.ContainsAny(one, "\";=, \t\\") {
			continue
		}
		if strings.Contains(one, ":") {
			dst = append(append(appendChain(dst, from, "for=\"", ""), one...), '"')
			continue
		}
		dst = appendChain(dst, from, "for=", one)
	}
	return dst
}

// appendHop appends the gateway's own element.
func appendHop(dst []byte, from int, x *gateway.Exchange) []byte {
	dst = appendChain(dst, from, "by=", "")
	if x.Peer == nil || !x.Peer.Addr.IsValid() {
		return append(dst, "unknown"...)
	}
	dst = x.Peer.Local.Addr().Unmap().AppendTo(dst)
	dst = append(dst, ";for="...)
	dst = x.Peer.Addr.Addr().Unmap().AppendTo(dst)
	dst = append(append(dst, ";host="...), x.MethodRequest.Host...)
	if x.Peer.TLS {
		return append(dst, ";proto=https"...)
	}
	return append(dst, ";proto=http"...)
}

// Accept makes the backend's response the client's.
//
// AWS: http-api-execution.md §4: status, header and body pass, hop-by-hop
// headers excepted; §2: names in title case, the request id last.
func (p *HTTPAPIProxy) Accept(x *gateway.Exchange, err error) error {
	if err := p.accept(x, err, true); err != nil {
		return err
	}
	in := &x.IntegrationResponse
	m := p.responses[in.Status]
	if m != nil && m.body {
		if err := x.ReadResponse(); err != nil {
			return err
		}
	}
	if c := in.Header.GetID(wire.HeaderConnection); c != "" && !gateway.PlainConnection(c) {
		wire.StripHopByHop(&in.Header)
	}
	out := &x.MethodResponse
	out.Status, out.Close, out.Ready = in.Status, false, x.Vars.Now
	out.Header.Fields = out.Header.Fields[:0]
	for i := range in.Header.Fields {
		f := &in.Header.Fields[i]
		switch f.ID {
		case wire.HeaderConnection, wire.HeaderContentLength, wire.HeaderTransferEncoding, wire.HeaderKeepAlive,
			wire.HeaderProxyConnection, wire.HeaderTE, wire.HeaderTrailer, wire.HeaderUpgrade, wire.HeaderDate:
			continue
		}
		out.Header.Fields = append(out.Header.Fields, wire.Field{Name: titled(x, f.Name), Value: f.Value, ID: f.ID})
	}
	if m != nil {
		m.applyHeader(&out.Header, x)
		if m.status != 0 {
			out.Status = m.status
		}
	}
	out.Body = in.Body
	in.Body = wire.Body{}
	return nil
}

// titled returns a header's name in title case, in x's memory if it must be.
func titled(x *gateway.Exchange, name string) string {
	up := true
	for i := range len(name) {
		if c := name[i]; up && 'a' <= c && c <= 'z' || !up && 'A' <= c && c <= 'Z' {
			from := len(x.Buf)
			x.Buf = appendTitled(x.Buf, name)
			return wire.String(x.Buf[from:])
		}
		up = name[i] == '-'
	}
	return name
}

func appendTitled(dst []byte, name string) []byte {
	up := true
	for i := range len(name) {
		c := name[i]
		switch {
		case up && 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case !up && 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		dst = append(dst, c)
		up = c == '-'
	}
	return dst
}

var _ gateway.Forward = (*HTTPAPIProxy)(nil)
