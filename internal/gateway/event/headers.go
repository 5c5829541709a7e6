package event

import (
	"strconv"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// hidden are the headers that functions do not see.
//
// AWS: rest-execution.md §4.2, recorded column l. Host and X-Forwarded-* are
// written anew; X-HTTP-Method-Override is not forwarded (§2.3).
var hidden = [256]bool{
	wire.HeaderConnection:          true,
	wire.HeaderContentLength:       true,
	wire.HeaderContentMD5:          true,
	wire.HeaderExpect:              true,
	wire.HeaderHost:                true,
	wire.HeaderKeepAlive:           true,
	wire.HeaderMaxForwards:         true,
	wire.HeaderProxyAuthenticate:   true,
	wire.HeaderProxyConnection:     true,
	wire.HeaderServer:              true,
	wire.HeaderTE:                  true,
	wire.HeaderTrailer:             true,
	wire.HeaderTransferEncoding:    true,
	wire.HeaderUpgrade:             true,
	wire.HeaderWWWAuthenticate:     true,
	wire.HeaderXAmznTraceID:        true,
	wire.HeaderXForwardedFor:       true,
	wire.HeaderXForwardedPort:      true,
	wire.HeaderXForwardedProto:     true,
	wire.HeaderXHTTPMethodOverride: true,
}

// appendHeaders appends both maps of the headers.
//
// AWS: rest-execution.md §4.4: names keep their case, but for Authorization and
// User-Agent; both maps are sorted without case (seen in all recorded events).
// A signature is not passed on (§4.2).
func appendHeaders(dst []byte, x *gateway.Exchange, signed bool, empty string) []byte {
	p := pairMemory.Get().(*pairs)
	chain := ""
	fields := x.MethodRequest.Header.Fields
	for i := range fields {
		f := &fields[i]
		switch f.ID {
		case wire.HeaderXForwardedFor:
			chain = joinChain(x, chain, f.Value)
		case wire.HeaderAuthorization:
			if signed || !strings.HasPrefix(f.Value, "AWS4-") {
				p.add("Authorization", f.Value)
			}
		case wire.HeaderUserAgent:
			p.add("User-Agent", f.Value)
		default:
			if !hidden[f.ID] {
				p.add(f.Name, f.Value)
			}
		}
	}
	p.add("Host", x.MethodRequest.Host)
	p.add("X-Amzn-Trace-Id", traceHeader(x))
	addForwarded(p, x, chain)
	dst = p.appendBoth(dst, `,"headers":`, `,"multiValueHeaders":`, fold, empty)
	p.release()
	return dst
}

// traceHeader is what functions see of the trace: its root, or all that the
// client sent.
//
// AWS: lambda-go apigw-request.json; the client's own is recorded nowhere.
func traceHeader(x *gateway.Exchange) string {
	if in := x.MethodRequest.Header.GetID(wire.HeaderXAmznTraceID); strings.Contains(in, "Root=") && strings.HasPrefix(x.Vars.Trace, "Root=") {
		return in
	}
	root, _, _ := strings.Cut(x.Vars.Trace, ";")
	return root
}

// addForwarded adds the X-Forwarded-* headers.
//
// AWS: rest-execution.md §4.4: the chain grows by the client's address; port
// and protocol are those of the request itself.
func addForwarded(p *pairs, x *gateway.Exchange, chain string) {
	if x.Peer == nil || !x.Peer.Addr.IsValid() {
		return
	}
	from := len(x.Buf)
	x.Buf = x.Peer.Addr.Addr().Unmap().AppendTo(x.Buf)
	p.add("X-Forwarded-For", joinChain(x, chain, wire.String(x.Buf[from:])))
	from = len(x.Buf)
	x.Buf = strconv.AppendUint(x.Buf, uint64(x.Peer.Local.Port()), 10)
	p.add("X-Forwarded-Port", wire.String(x.Buf[from:]))
	if x.Peer.TLS {
		p.add("X-Forwarded-Proto", "https")
	} else {
		p.add("X-Forwarded-Proto", "http")
	}
}

func joinChain(x *gateway.Exchange, chain, next string) string {
	if chain == "" {
		return next
	}
	from := len(x.Buf)
	x.Buf = append(x.Buf, chain...)
	x.Buf = append(x.Buf, ", "...)
	x.Buf = append(x.Buf, next...)
	return wire.String(x.Buf[from:])
}
