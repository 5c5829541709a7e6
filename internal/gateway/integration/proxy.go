package integration

import (
	"context"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A Proxy is an HTTP_PROXY integration: it passes the client's request on, with
// what was mapped added, and the backend's response back.
type Proxy struct {
	call
	asIs bool
}

// NewProxy makes a Proxy.
func NewProxy(c *Config) (*Proxy, error) {
	k, err := newCall(c)
	if err != nil {
		return nil, err
	}
	return &Proxy{k, c.AsIs}, nil
}

// Call calls the backend and makes its response the client's.
func (p *Proxy) Call(ctx context.Context, x *gateway.Exchange) error {
	if err := p.Prepare(x); err != nil {
		return err
	}
	return p.Accept(x, send(ctx, x))
}

// Prepare makes the request to the backend.
//
// AWS: integrations.md §5: the client's headers, X-Amzn-Apigateway-Api-Id and
// X-Amzn-Trace-Id; no X-Forwarded-* are added.
func (p *Proxy) Prepare(x *gateway.Exchange) error {
	p.begin(x)
	if err := p.setTarget(x, x.MethodRequest.Query); err != nil {
		return err
	}
	r := &x.IntegrationRequest
	fields := passRequestHeader(r.Header.Fields[:0], x)
	fields = append(fields,
		wire.Field{Name: apiIDHeader, Value: p.api, ID: wire.HeaderXAmznAPIGatewayAPIID},
		wire.Field{Name: traceHeader, Value: x.Vars.Trace, ID: wire.HeaderXAmznTraceID})
	r.Header.Fields = fields
	if len(x.MappedHeader) > 0 {
		setMappedHeader(x)
	}
	r.Body = x.MethodRequest.Body
	if !p.asIs && (len(r.Body.Bytes) > 0 || r.Body.Source != nil) {
		if !p.binary.Match(x.Vars.ContentType) {
			toText(x, &r.Body)
		}
	}
	return nil
}

const (
	apiIDHeader = "X-Amzn-Apigateway-Api-Id"
	traceHeader = "X-Amzn-Trace-Id"
)

// Accept makes the backend's response the client's.
//
// AWS: integrations.md §5: status and body pass unchanged; headers by the table
// of rest-execution.md §4.2, X-Amzn-Trace-Id only if it is the backend's. §13: a
// binary body is streamed whatever the API's media types are.
func (p *Proxy) Accept(x *gateway.Exchange, err error) error {
	if err := p.accept(x, err, true); err != nil {
		return err
	}
	in := &x.IntegrationResponse
	var connection string
	if c := in.Header.GetID(wire.HeaderConnection); c != "" && !gateway.PlainConnection(c) {
		connection = c
		wire.StripHopByHop(&in.Header)
	}
	x.BeginAnswer(in.Status, typeJSON, "")
	if connection != "" {
		x.MethodResponse.Header.Add(remappedNames[wire.HeaderConnection], connection)
	}
	passResponseHeader(x)
	x.MethodResponse.Body = in.Body
	in.Body = wire.Body{}
	if b := &x.MethodResponse.Body; !p.stream && (len(b.Bytes) > 0 || b.Source != nil) {
		if !p.binary.Match(x.MethodResponse.Header.Fields[0].Value) {
			toText(x, b)
		}
	}
	return nil
}

const typeJSON = "application/json"

var _ gateway.Forward = (*Proxy)(nil)
