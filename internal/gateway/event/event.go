// Package event writes the JSON documents that functions are called with.
//
// A [Form] is what the events of one route have in common, made once; its
// methods append the event of one exchange. An event is written in one pass
// into the memory of its exchange, byte for byte as AWS does, members in AWS's
// order.
package event

import (
	"encoding/base64"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A Form writes the events of one route. It is not changed after it was made.
type Form struct {
	resource     string // `"resource":"/pets/{id}"`
	params       []param
	variables    string // of the stage, as JSON; empty: there are none
	resourceID   string // `{"resourceId":"…"`
	resourcePath string // `,"resourcePath":"…",…,"httpMethod":`
	routeKey     string // of an HTTP API, as JSON
}

type param struct {
	name  string // as JSON, with the colon
	place int
}

// NewForm makes the form of a route. Its path parameters are known.
func NewForm(rt *gateway.Route, variables map[string]string) *Form {
	f := &Form{
		resource:     `"resource":` + quoted(rt.ResourcePath),
		resourceID:   `{"resourceId":` + quoted(rt.ResourceID),
		resourcePath: `,"resourcePath":` + quoted(rt.ResourcePath),
	}
	if rt.OperationName != "" {
		f.resourcePath += `,"operationName":` + quoted(rt.OperationName)
	}
	f.resourcePath += `,"httpMethod":`
	for i, name := range rt.ParamNames {
		f.params = append(f.params, param{quoted(name) + ":", i})
	}
	f.variables = sortedVariables(variables)
	return f
}

func quoted(s string) string { return string(AppendString(nil, s)) }

func appendBytes(dst, text []byte) []byte { return AppendString(dst, wire.String(text)) }

// AppendProxy appends the event of an AWS_PROXY integration. Its body is text,
// or base64 if binary.
//
// AWS: integrations.md §9.1.
func (f *Form) AppendProxy(dst []byte, x *gateway.Exchange, body []byte, binary bool) []byte {
	const none = "null"
	dst = append(append(dst, '{'), f.resource...)
	dst = f.appendRequest(dst, x, false, none)
	dst = f.AppendContext(append(dst, `,"requestContext":`...), x)
	dst = append(dst, `,"body":`...)
	switch {
	case len(body) == 0:
		return append(dst, `null,"isBase64Encoded":false}`...)
	case binary:
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), body)
		return append(dst, `","isBase64Encoded":true}`...)
	}
	dst = appendBytes(dst, body)
	return append(dst, `,"isBase64Encoded":false}`...)
}

// AppendAuthorizer appends the event of a Lambda authorizer of type REQUEST.
//
// AWS: authorizers.md §1.1: empty maps are {} here; there is no body.
func (f *Form) AppendAuthorizer(dst []byte, x *gateway.Exchange, methodARN string) []byte {
	dst = append(dst, `{"type":"REQUEST","methodArn":`...)
	dst = append(AppendString(dst, methodARN), ',')
	dst = append(dst, f.resource...)
	dst = f.appendRequest(dst, x, true, "{}")
	dst = f.AppendContext(append(dst, `,"requestContext":`...), x)
	return append(dst, '}')
}

// appendRequest appends the members that tell of the request itself. Empty
// stands for a map without members.
func (f *Form) appendRequest(dst []byte, x *gateway.Exchange, signed bool, empty string) []byte {
	dst = append(dst, `,"path":`...)
	dst = appendPath(dst, x)
	dst = AppendString(append(dst, `,"httpMethod":`...), x.Vars.HTTPMethod)
	dst = appendHeaders(dst, x, signed, empty)
	dst = appendQuery(dst, x, empty)
	dst = append(dst, `,"pathParameters":`...)
	dst = f.appendParams(dst, x, empty)
	dst = append(dst, `,"stageVariables":`...)
	if f.variables == "" {
		return append(dst, empty...)
	}
	return append(dst, f.variables...)
}

// appendPath appends the path that was routed; with a custom domain, all of it.
//
// AWS: rest-execution.md §2.3: not decoded; slashes at the beginning are one.
func appendPath(dst []byte, x *gateway.Exchange) []byte {
	if x.Vars.Custom {
		return appendFullPath(dst, x)
	}
	path := x.Vars.Path
	for len(path) > 1 && path[0] == '/' && path[1] == '/' {
		path = path[1:]
	}
	if path == "" {
		path = "/"
	}
	return AppendString(dst, path)
}

// appendParams appends the path parameters as they came, not decoded.
func (f *Form) appendParams(dst []byte, x *gateway.Exchange, empty string) []byte {
	if len(f.params) == 0 {
		return append(dst, empty...)
	}
	for i := range f.params {
		c := byte(',')
		if i == 0 {
			c = '{'
		}
		dst = append(append(dst, c), f.params[i].name...)
		dst = AppendString(dst, x.Vars.Params[f.params[i].place])
	}
	return append(dst, '}')
}
