package event

import "gatehouse/internal/gateway"

// AppendHTTPAuthorizer appends the event of an HTTP API's authorizer, format
// 2.0.
//
// AWS: authorizers.md §2 for the members and their order.
func (f *Form) AppendHTTPAuthorizer(dst []byte, x *gateway.Exchange, routeARN string, identity []string) []byte {
	dst = AppendString(append(dst, `{"version":"2.0","type":"REQUEST","routeArn":`...), routeARN)
	dst = append(dst, `,"identitySource":`...)
	if len(identity) == 0 {
		dst = append(dst, "null"...)
	} else {
		for i, v := range identity {
			c := byte(',')
			if i == 0 {
				c = '['
			}
			dst = AppendString(append(dst, c), v)
		}
		dst = append(dst, ']')
	}
	dst = append(append(dst, `,"routeKey":`...), f.routeKey...)
	dst = appendRawPath(append(dst, `,"rawPath":`...), x)
	dst = AppendString(append(dst, `,"rawQueryString":`...), x.MethodRequest.Query)
	dst = appendLowerHeaders(dst, x)
	dst = appendJoinedQuery(dst, x)
	dst = f.appendHTTPContext(append(dst, `,"requestContext":`...), x)
	if len(f.params) > 0 {
		dst = f.appendParams(append(dst, `,"pathParameters":`...), x, "")
	}
	if f.variables != "" {
		dst = append(append(dst, `,"stageVariables":`...), f.variables...)
	}
	return append(dst, '}')
}
