package event

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// NewHTTPForm makes the form of an HTTP API's route, for both formats of
// events. Its path parameters are known.
//
// AWS: see AppendHTTP1 for what differs from a REST API's.
func NewHTTPForm(rt *gateway.Route, variables map[string]string) *Form {
	f := NewForm(rt, variables)
	f.resource = `"version":"1.0",` + f.resource
	if rt.ResourcePath == "" {
		f.resource = `"version":"1.0","resource":` + quoted(rt.Key)
	}
	f.routeKey = quoted(rt.Key)
	return f
}

// AppendHTTP appends the event of format 2.0.
//
// AWS: http-api-execution.md §3.1: what there is none of is left out.
func (f *Form) AppendHTTP(dst []byte, x *gateway.Exchange, body []byte) []byte {
	dst = append(append(dst, `{"version":"2.0","routeKey":`...), f.routeKey...)
	dst = appendRawPath(append(dst, `,"rawPath":`...), x)
	dst = AppendString(append(dst, `,"rawQueryString":`...), x.MethodRequest.Query)
	dst = appendLowerHeaders(dst, x)
	dst = appendJoinedQuery(dst, x)
	if len(f.params) > 0 {
		dst = f.appendParams(append(dst, `,"pathParameters":`...), x, "")
	}
	dst = f.appendHTTPContext(append(dst, `,"requestContext":`...), x)
	if f.variables != "" {
		dst = append(append(dst, `,"stageVariables":`...), f.variables...)
	}
	switch {
	case len(body) == 0:
		return append(dst, `,"isBase64Encoded":false}`...)
	case !Textual(x.Vars.ContentType):
		dst = base64.StdEncoding.AppendEncode(append(dst, `,"body":"`...), body)
		return append(dst, `","isBase64Encoded":true}`...)
	}
	dst = appendBytes(append(dst, `,"body":`...), body)
	return append(dst, `,"isBase64Encoded":false}`...)
}

// Textual tells whether a body of this type is passed on as text.
//
// AWS: http-api-execution.md §3.1, measured; forms are not, nor is what has no
// type.
func Textual(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.TrimSpace(kind)
	if len(kind) > 5 && strings.EqualFold(kind[:5], "text/") {
		return true
	}
	return strings.EqualFold(kind, "application/json") || strings.EqualFold(kind, "application/xml") || strings.EqualFold(kind, "application/javascript")
}

// appendRawPath appends the decoded path, with the stage unless it is $default,
// or what is mapped in its place.
func appendRawPath(dst []byte, x *gateway.Exchange) []byte {
	if x.EventPath != "" {
		return AppendString(dst, x.EventPath)
	}
	if x.Stage.Name == "$default" || x.Vars.Custom {
		return AppendString(dst, x.Vars.Path)
	}
	from := len(x.Buf)
	x.Buf = append(append(append(x.Buf, '/'), x.Stage.Name...), x.Vars.Path...)
	dst = appendBytes(dst, x.Buf[from:])
	x.Buf = x.Buf[:from]
	return dst
}

// hiddenHTTP are the headers that functions behind HTTP APIs do not see as
// they came.
var hiddenHTTP = func() [256]bool {
	h := hidden
	h[wire.HeaderCookie] = true
	h[wire.HeaderXHTTPMethodOverride] = false
	return h
}()

// appendLowerHeaders appends cookies and headers.
//
// AWS: http-api-execution.md §3.1: lower-case names, values joined with commas,
// a content-length also where there is no body; Authorization always, also a
// signature (authorizers.md §5).
func appendLowerHeaders(dst []byte, x *gateway.Exchange) []byte {
	p := pairMemory.Get().(*pairs)
	chain, cookies := "", 0
	fields := x.MethodRequest.Header.Fields
	for i := range fields {
		f := &fields[i]
		switch {
		case f.ID == wire.HeaderXForwardedFor:
			chain = joinChain(x, chain, f.Value)
		case f.ID == wire.HeaderCookie:
			dst, cookies = appendCookies(dst, f.Value, cookies)
		case !hiddenHTTP[f.ID]:
			p.add(lowered(x, f.Name), f.Value)
		}
	}
	if cookies > 0 {
		dst = append(dst, ']')
	}
	from := len(x.Buf)
	x.Buf = strconv.AppendInt(x.Buf, max(0, x.MethodRequest.Body.Length), 10)
	p.add("content-length", wire.String(x.Buf[from:]))
	p.add("host", x.MethodRequest.Host)
	p.add("x-amzn-trace-id", traceHeader(x))
	sent := len(p.list)
	addForwarded(p, x, chain)
	for i := range p.list[sent:] {
		p.list[sent+i].name = forwardedNames[i]
	}
	dst = p.appendJoined(append(dst, `,"headers":`...))
	p.release()
	return dst
}

// forwardedNames are those of addForwarded.
var forwardedNames = [...]string{"x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"}

// appendCookies appends the cookies of one Cookie header to the list, of which
// n are there already.
func appendCookies(dst []byte, value string, n int) ([]byte, int) {
	for value != "" {
		var one string
		one, value, _ = strings.Cut(value, ";")
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		if n == 0 {
			dst = append(dst, `,"cookies":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, one)
		n++
	}
	return dst, n
}

// lowered returns a name in lower case, in x's memory if it must be.
func lowered(x *gateway.Exchange, name string) string {
	for i := range len(name) {
		if 'A' <= name[i] && name[i] <= 'Z' {
			from := len(x.Buf)
			for j := range len(name) {
				x.Buf = append(x.Buf, lower(name[j]))
			}
			return wire.String(x.Buf[from:])
		}
	}
	return name
}

// appendJoinedQuery appends queryStringParameters, if there are any.
func appendJoinedQuery(dst []byte, x *gateway.Exchange) []byte {
	p := pairMemory.Get().(*pairs)
	for q := x.MethodRequest.Query; q != ""; {
		name, value, rest, ok := gateway.NextPair(q)
		if !ok {
			break
		}
		p.add(decoded(x, name), decoded(x, value))
		q = rest
	}
	if len(p.list) > 0 {
		dst = p.appendJoined(append(dst, `,"queryStringParameters":`...))
	}
	p.release()
	return dst
}

// appendJoined appends the list as one JSON object, sorted by name, the values
// of a name joined with commas.
func (p *pairs) appendJoined(dst []byte) []byte {
	slices.SortStableFunc(p.list, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	dst = append(dst, '{')
	for i := 0; i < len(p.list); {
		if i > 0 {
			dst = append(dst, ',')
		}
		first := i
		dst = append(AppendString(dst, p.list[first].name), ':')
		for ; i < len(p.list) && p.list[i].name == p.list[first].name; i++ {
			if i > first {
				dst[len(dst)-1] = ',' // over the quote
				at := len(dst)
				dst = AppendString(dst, p.list[i].value)
				dst = append(dst[:at], dst[at+1:]...)
				continue
			}
			dst = AppendString(dst, p.list[i].value)
		}
	}
	return append(dst, '}')
}

// appendHTTPContext appends requestContext.
func (f *Form) appendHTTPContext(dst []byte, x *gateway.Exchange) []byte {
	st, v := x.Stage, &x.Vars
	dst = append(append(append(dst, `{"accountId":"`...), st.Account...), `","apiId":"`...)
	dst = append(append(dst, st.API...), '"')
	if x.Client != nil {
		dst = appendHTTPClientCert(dst, x)
	}
	dst = appendHTTPCaller(dst, x)
	dst = AppendString(append(dst, `,"domainName":`...), v.Domain)
	prefix, _, _ := strings.Cut(v.Domain, ".")
	dst = AppendString(append(dst, `,"domainPrefix":`...), prefix)
	dst = AppendString(append(dst, `,"http":{"method":`...), v.HTTPMethod)
	dst = appendRawPath(append(dst, `,"path":`...), x)
	dst = append(dst, `,"protocol":"HTTP/1.1","sourceIp":"`...)
	if x.Peer != nil && x.Peer.Addr.IsValid() {
		dst = x.Peer.Addr.Addr().Unmap().AppendTo(dst)
	}
	dst = AppendString(append(dst, `","userAgent":`...), v.UserAgent)
	dst = append(append(append(dst, `},"requestId":"`...), v.RequestID...), `","routeKey":`...)
	dst = append(dst, f.routeKey...)
	dst = append(append(append(dst, `,"stage":"`...), st.Name...), `","time":"`...)
	dst = gateway.AppendRequestTime(dst, v.Start)
	dst = strconv.AppendInt(append(dst, `","timeEpoch":`...), v.Start.UnixMilli(), 10)
	return append(dst, '}')
}

// appendHTTPCaller appends who the caller is, if that is known.
//
// AWS: http-api-execution.md §3.1; authorizers.md §5 for IAM, where a caller
// without an organization is not recorded.
func appendHTTPCaller(dst []byte, x *gateway.Exchange) []byte {
	if a := x.Authorization; a != nil && a.Event[0] != "" {
		dst = append(append(append(dst, `,"authorizer":{"`...), a.Kind...), `":`...)
		return append(append(append(dst, a.Event[0]...), a.Event[1]...), '}')
	}
	who := x.Identity.Principal
	if who == nil {
		return dst
	}
	dst = AppendString(append(dst, `,"authorizer":{"iam":{"accessKey":`...), x.Identity.AccessKey)
	dst = AppendString(append(dst, `,"accountId":`...), who.Account)
	dst = AppendString(append(dst, `,"callerId":`...), who.ID)
	dst = append(dst, `,"cognitoIdentity":null,"principalOrgId":`...)
	if x.Identity.Organization == "" {
		dst = append(dst, "null"...)
	} else {
		dst = AppendString(dst, x.Identity.Organization)
	}
	dst = AppendString(append(dst, `,"userArn":`...), who.ARN)
	dst = AppendString(append(dst, `,"userId":`...), who.ID)
	return append(dst, '}', '}')
}

// sortedVariables are stage variables as JSON; empty: there are none.
func sortedVariables(variables map[string]string) string {
	names := slices.Sorted(maps.Keys(variables))
	for i, name := range names {
		names[i] = quoted(name) + ":" + quoted(variables[name])
	}
	if len(names) == 0 {
		return ""
	}
	return "{" + strings.Join(names, ",") + "}"
}
