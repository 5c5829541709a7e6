package event

import (
	"encoding/base64"
	"strconv"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// AppendHTTP1 appends the event of format 1.0 of an HTTP API.
//
// AWS: the guide calls it that of REST APIs with resourceId null. Events that
// were published say more: aws-lambda's users' of 2020 to 2024, as in the issue
// serverless/serverless 7860 and in FireTail-io/firetail-go-lambda. The members
// of requestContext are sorted by name, resourceId is the key of the route, both
// ids of the request are one, there is no deploymentId, and a request without
// body has a Content-Length of 0.
func (f *Form) AppendHTTP1(dst []byte, x *gateway.Exchange, body []byte) []byte {
	dst = append(append(dst, '{'), f.resource...)
	dst = f.appendRequest1(dst, x, "null")
	switch {
	case len(body) == 0:
		return append(dst, `,"body":null,"isBase64Encoded":false}`...)
	case !Textual(x.Vars.ContentType):
		dst = base64.StdEncoding.AppendEncode(append(dst, `,"body":"`...), body)
		return append(dst, `","isBase64Encoded":true}`...)
	}
	dst = appendBytes(append(dst, `,"body":`...), body)
	return append(dst, `,"isBase64Encoded":false}`...)
}

// AppendHTTPAuthorizer1 is AppendHTTPAuthorizer for format 1.0.
//
// AWS: authorizers.md §2: the identity stands there twice.
func (f *Form) AppendHTTPAuthorizer1(dst []byte, x *gateway.Exchange, methodARN string, identity []string) []byte {
	dst = AppendString(append(dst, `{"version":"1.0","type":"REQUEST","methodArn":`...), methodARN)
	all := strings.Join(identity, ",")
	dst = AppendString(append(dst, `,"identitySource":`...), all)
	dst = AppendString(append(dst, `,"authorizationToken":`...), all)
	dst = append(append(dst, ','), strings.TrimPrefix(f.resource, `"version":"1.0",`)...)
	dst = f.appendRequest1(dst, x, "{}")
	return append(dst, '}')
}

// appendRequest1 appends the members that tell of the request. Empty stands for
// a map without members.
func (f *Form) appendRequest1(dst []byte, x *gateway.Exchange, empty string) []byte {
	dst = appendRawPath(append(dst, `,"path":`...), x)
	dst = AppendString(append(dst, `,"httpMethod":`...), x.Vars.HTTPMethod)
	dst = appendHeaders1(dst, x)
	dst = appendQuery(dst, x, empty)
	dst = f.appendContext1(append(dst, `,"requestContext":`...), x)
	dst = f.appendParams(append(dst, `,"pathParameters":`...), x, empty)
	dst = append(dst, `,"stageVariables":`...)
	if f.variables == "" {
		return append(dst, empty...)
	}
	return append(dst, f.variables...)
}

// appendHeaders1 appends both maps of the headers.
//
// AWS: as published (see AppendHTTP1): Content-Length, Content-Type, Host,
// User-Agent and what the gateway adds in title case, other well-known names in
// lower case whatever the client wrote, unknown ones as the client wrote them;
// sorted byte by byte.
func appendHeaders1(dst []byte, x *gateway.Exchange) []byte {
	p := pairMemory.Get().(*pairs)
	chain := ""
	fields := x.MethodRequest.Header.Fields
	for i := range fields {
		f := &fields[i]
		switch {
		case f.ID == wire.HeaderXForwardedFor:
			chain = joinChain(x, chain, f.Value)
		case f.ID == wire.HeaderContentType:
			p.add("Content-Type", f.Value)
		case f.ID == wire.HeaderUserAgent:
			p.add("User-Agent", f.Value)
		case f.ID == wire.HeaderCookie || f.ID != wire.HeaderOther && !hiddenHTTP[f.ID]:
			p.add(lowered(x, f.Name), f.Value)
		case f.ID == wire.HeaderOther:
			p.add(f.Name, f.Value)
		}
	}
	from := len(x.Buf)
	x.Buf = strconv.AppendInt(x.Buf, max(0, x.MethodRequest.Body.Length), 10)
	p.add("Content-Length", wire.String(x.Buf[from:]))
	p.add("Host", x.MethodRequest.Host)
	p.add("X-Amzn-Trace-Id", traceHeader(x))
	addForwarded(p, x, chain)
	dst = p.appendBoth(dst, `,"headers":`, `,"multiValueHeaders":`, strings.Compare, "null")
	p.release()
	return dst
}

// appendContext1 appends requestContext.
func (f *Form) appendContext1(dst []byte, x *gateway.Exchange) []byte {
	st, v := x.Stage, &x.Vars
	dst = append(append(append(dst, `{"accountId":"`...), st.Account...), `","apiId":"`...)
	dst = append(append(dst, st.API...), '"')
	dst = appendAuthorizer1(dst, x)
	dst = AppendString(append(dst, `,"domainName":`...), v.Domain)
	prefix, _, _ := strings.Cut(v.Domain, ".")
	dst = AppendString(append(dst, `,"domainPrefix":`...), prefix)
	dst = append(append(append(dst, `,"extendedRequestId":"`...), v.RequestID...), `","httpMethod":`...)
	dst = append(AppendString(dst, v.HTTPMethod), `,"identity":`...)
	dst = appendIdentity1(dst, x)
	dst = appendRawPath(append(dst, `,"path":`...), x)
	dst = append(append(append(dst, `,"protocol":"HTTP/1.1","requestId":"`...), v.RequestID...), `","requestTime":"`...)
	dst = append(gateway.AppendRequestTime(dst, v.Start), `","requestTimeEpoch":`...)
	dst = strconv.AppendInt(dst, v.Start.UnixMilli(), 10)
	dst = append(append(dst, `,"resourceId":`...), f.routeKey...)
	dst = append(append(dst, `,"resourcePath":`...), strings.TrimPrefix(f.resource, `"version":"1.0","resource":`)...)
	return append(append(append(dst, `,"stage":"`...), st.Name...), `"}`...)
}

// appendAuthorizer1 appends what an authorizer found out: claims and scopes of a
// token, and the context of a function beside them.
func appendAuthorizer1(dst []byte, x *gateway.Exchange) []byte {
	a := x.Authorization
	if a == nil || a.Event[0] == "" {
		return dst
	}
	dst = append(dst, `,"authorizer":`...)
	if a.Kind != "lambda" {
		return append(append(dst, a.Event[0]...), a.Event[1]...)
	}
	dst = append(dst, `{"claims":null,"scopes":null`...)
	if a.Event[0] == "{}" {
		return append(dst, '}')
	}
	return append(append(append(dst, ','), a.Event[0][1:]...), a.Event[1]...)
}

// identity1 are the members of identity. That of the certificate stands where
// its name belongs.
var identity1 = func() []identityMember {
	var list []identityMember
	for _, name := range []string{"accessKey", "accountId", "caller", "clientCert", "cognitoAmr", "cognitoAuthenticationProvider",
		"cognitoAuthenticationType", "cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "sourceIp", "user", "userAgent", "userArn"} {
		m := identityMember{name: `"` + name + `":`}
		if name != "clientCert" && name != "cognitoAmr" { // nobody signs with Cognito's roles here
			m.get = gateway.ContextVar("identity." + name)
		}
		list = append(list, m)
	}
	return list
}()

func appendIdentity1(dst []byte, x *gateway.Exchange) []byte {
	first := byte('{')
	for i := range identity1 {
		m := &identity1[i]
		if m.get == nil && m.name[1:4] == "cli" {
			if x.Client != nil {
				dst = appendSortedCert(append(append(dst, first), m.name...), x)
				first = ','
			}
			continue
		}
		dst = append(append(dst, first), m.name...)
		first = ','
		from := len(x.Buf)
		if m.get != nil {
			x.Buf = m.get(x.Buf, x)
		}
		switch {
		case len(x.Buf) > from:
			dst = appendBytes(dst, x.Buf[from:])
		case m.name == `"userAgent":`:
			dst = append(dst, `""`...) // AWS: as published, of a client without one
		default:
			dst = append(dst, "null"...)
		}
		x.Buf = x.Buf[:from]
	}
	return append(dst, '}')
}
