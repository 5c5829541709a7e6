package event

import (
	"strconv"
	"strings"

	"gatehouse/internal/gateway"
)

// AppendContext appends requestContext.
//
// AWS: order as recorded (authorizers.md §1.1); where authorizer, operationName
// and isCanaryRequest stand follows from the same rule, see Order.
func (f *Form) AppendContext(dst []byte, x *gateway.Exchange) []byte {
	st, v := x.Stage, &x.Vars
	dst = append(dst, f.resourceID...)
	dst = appendAuthorizer(dst, x)
	dst = append(dst, f.resourcePath...)
	dst = append(AppendString(dst, v.HTTPMethod), `,"extendedRequestId":"`...)
	dst = append(append(dst, v.ExtendedRequestID...), '"')
	if v.HasCanary {
		dst = append(dst, `,"isCanaryRequest":`...)
		dst = strconv.AppendBool(dst, v.Canary)
	}
	dst = gateway.AppendRequestTime(append(dst, `,"requestTime":"`...), v.Start)
	dst = append(dst, `","path":`...)
	dst = appendFullPath(dst, x)
	dst = append(append(append(dst, `,"accountId":"`...), st.Account...), `","protocol":"HTTP/1.1","stage":"`...)
	dst = append(append(dst, st.Name...), `","domainPrefix":`...)
	prefix, _, _ := strings.Cut(v.Domain, ".")
	dst = append(AppendString(dst, prefix), `,"requestTimeEpoch":`...)
	dst = append(strconv.AppendInt(dst, v.Start.UnixMilli(), 10), `,"requestId":"`...)
	dst = append(append(dst, v.RequestID...), `","identity":`...)
	dst = appendIdentity(dst, x)
	dst = AppendString(append(dst, `,"domainName":`...), v.Domain)
	dst = append(append(dst, `,"deploymentId":"`...), st.Deployment...)
	dst = append(append(dst, `","apiId":"`...), st.API...)
	return append(dst, `"}`...)
}

func appendAuthorizer(dst []byte, x *gateway.Exchange) []byte {
	a := x.Authorization
	if a == nil || a.Event[0] == "" {
		return dst
	}
	dst = append(append(dst, `,"authorizer":`...), a.Event[0]...)
	if a.Timed {
		dst = strconv.AppendInt(dst, x.Vars.AuthorizerLatency.Milliseconds(), 10)
	}
	return append(dst, a.Event[1]...)
}

// appendFullPath appends the path with the stage or base path.
//
// AWS: rest-execution.md §2.3: slashes before the stage are one.
func appendFullPath(dst []byte, x *gateway.Exchange) []byte {
	from := len(x.Buf)
	x.Buf = append(append(x.Buf, x.Vars.PathHead...), x.Vars.PathTail...)
	text := x.Buf[from:]
	for len(text) > 1 && text[0] == '/' && text[1] == '/' {
		text = text[1:]
	}
	dst = appendBytes(dst, text)
	x.Buf = x.Buf[:from]
	return dst
}

// The members of identity. Those of the short list are always there; one more
// changes the order of all (see Order).
//
// AWS: LS lambda::test_lambda_aws_proxy_integration for which there are, the
// guide's examples for the orders.
var (
	shortIdentity = identityMembers("cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "sourceIp", "principalOrgId", "accessKey",
		"cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "userAgent", "user")
	longIdentity = identityMembers("cognitoIdentityPoolId", "cognitoIdentityId", "clientCert", "vpceId", "apiKey", "principalOrgId",
		"cognitoAuthenticationType", "userArn", "apiKeyId", "userAgent", "accountId", "caller", "sourceIp", "accessKey",
		"cognitoAuthenticationProvider", "vpcId", "user")
)

type identityMember struct {
	name   string         // as JSON, with the colon
	get    gateway.Getter // nil: the client's certificate
	always bool           // null if it has no value
}

func identityMembers(names ...string) []identityMember {
	var list []identityMember
	for _, name := range names {
		switch name {
		case "apiKey", "apiKeyId", "vpcId", "vpceId":
			list = append(list, identityMember{`"` + name + `":`, gateway.ContextVar("identity." + name), false})
		case "clientCert":
			list = append(list, identityMember{name: `"clientCert":`})
		default:
			list = append(list, identityMember{`"` + name + `":`, gateway.ContextVar("identity." + name), true})
		}
	}
	return list
}

func appendIdentity(dst []byte, x *gateway.Exchange) []byte {
	members := shortIdentity
	if x.Vars.APIKey != "" || x.Client != nil {
		members = longIdentity
	}
	dst = append(dst, '{')
	first := true
	for i := range members {
		m := &members[i]
		if m.get == nil && x.Client == nil {
			continue
		}
		from := len(x.Buf)
		if m.get != nil {
			x.Buf = m.get(x.Buf, x)
			if len(x.Buf) == from && !m.always {
				continue
			}
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, m.name...)
		if m.get == nil {
			dst = appendClientCert(dst, x)
			continue
		}
		if len(x.Buf) == from {
			dst = append(dst, "null"...)
			continue
		}
		dst = appendBytes(dst, x.Buf[from:])
		x.Buf = x.Buf[:from]
	}
	return append(dst, '}')
}
