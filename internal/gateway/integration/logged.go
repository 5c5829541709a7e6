package integration

import (
	"context"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// Logged wraps an integration that is one HTTP call, and tells x.Log what is
// sent and what comes back. Bodies are read whole where they are traced, unless
// they are streamed.
type Logged struct{ Forward gateway.Forward }

// WithLog has x.Log told what an integration sends and what comes back. Those
// that are no HTTP call as it was prepared tell it by themselves.
func WithLog(call gateway.Integration) gateway.Integration {
	switch c := call.(type) {
	case *readingProxy:
		return &readingProxy{Logged{c.proxy}, c.proxy}
	case gateway.Forward:
		return Logged{c}
	}
	return call
}

// Call calls the backend.
//
// AWS: logging-metrics.md §2.1, lines 11 to 17.
func (l Logged) Call(ctx context.Context, x *gateway.Exchange) error {
	if err := l.Forward.Prepare(x); err != nil {
		return err
	}
	return sendLogged(ctx, x, l.Forward.Accept)
}

// sendLogged sends the prepared request, and hands the answer to accept.
func sendLogged(ctx context.Context, x *gateway.Exchange, accept func(x *gateway.Exchange, err error) error) error {
	r := &x.IntegrationRequest
	uri := gateway.ShownURL(x.EndpointURI())
	fields := append(r.Header.Fields[:len(r.Header.Fields):len(r.Header.Fields)], wire.Field{Name: "Host", Value: r.Host, ID: wire.HeaderHost})
	x.Log.AddEndpointRequest(&gateway.Endpoint{URI: uri, Header: fields, Body: r.Body.Bytes})
	if err := send(ctx, x); err != nil {
		return accept(x, err)
	}
	in := &x.IntegrationResponse
	if x.Log.Trace && !x.Vars.Streamed {
		if err := x.ReadResponse(); err != nil {
			_ = accept(x, nil) // for what it notes; the body is missing
			return err
		}
	}
	status, body, header := in.Status, in.Body.Bytes, in.Header.Fields
	if x.Vars.IntegrationRequestID == "" {
		x.Vars.IntegrationRequestID = in.Header.GetID(wire.HeaderXAmznRequestID)
	}
	start := x.Vars.IntegrationStart
	err := accept(x, nil)
	x.Log.AddEndpointResponse(status, x.Vars.IntegrationEnd.Sub(start), header, body)
	return err
}

var _ gateway.Integration = Logged{}
