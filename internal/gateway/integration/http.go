package integration

import (
	"context"
	"net/http"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// An HTTP is an HTTP integration: it sends what was mapped, and leaves it to
// the steps after it to make the client's response of the backend's.
type HTTP struct {
	call
	agent string
}

// NewHTTP makes an HTTP.
func NewHTTP(c *Config) (*HTTP, error) {
	k, err := newCall(c)
	if err != nil {
		return nil, err
	}
	return &HTTP{call: k, agent: "AmazonAPIGateway_" + c.API}, nil
}

// Call calls the backend.
func (h *HTTP) Call(ctx context.Context, x *gateway.Exchange) error {
	if err := h.Prepare(x); err != nil {
		return err
	}
	return h.Accept(x, send(ctx, x))
}

// Prepare makes the request to the backend.
//
// AWS: integrations.md §4: the defaults, then what is mapped over them. The
// client's Content-Type passes (rest-execution.md §4.2), but not without a body.
func (h *HTTP) Prepare(x *gateway.Exchange) error {
	body := h.body(x)
	h.begin(x)
	if err := h.setTarget(x, ""); err != nil {
		return err
	}
	r := &x.IntegrationRequest
	f := append(r.Header.Fields[:0], wire.Field{Name: "Accept", Value: typeJSON, ID: wire.HeaderAccept})
	r.Body = wire.Body{}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions {
		r.Body = body
		if body.Source != nil || len(body.Bytes) > 0 {
			kind := x.Vars.ContentType
			if kind == "" {
				kind = typeJSON
			}
			f = append(f, wire.Field{Name: "Content-Type", Value: kind, ID: wire.HeaderContentType})
		}
	}
	r.Header.Fields = append(f,
		wire.Field{Name: "User-Agent", Value: h.agent, ID: wire.HeaderUserAgent},
		wire.Field{Name: apiIDHeader, Value: h.api, ID: wire.HeaderXAmznAPIGatewayAPIID},
		wire.Field{Name: traceHeader, Value: x.Vars.Trace, ID: wire.HeaderXAmznTraceID})
	r.Header.Fields = x.AppendTraceContext(r.Header.Fields)
	setMappedHeader(x)
	return nil
}

// body returns the client's body or what was made of it.
func (h *HTTP) body(x *gateway.Exchange) wire.Body {
	if x.Transformed {
		return x.IntegrationRequest.Body
	}
	b := x.MethodRequest.Body
	if (len(b.Bytes) > 0 || b.Source != nil) && !h.binary.Match(x.Vars.ContentType) {
		toText(x, &b)
	}
	return b
}

// Accept notes how the call went. The backend's response stays where it is.
func (h *HTTP) Accept(x *gateway.Exchange, err error) error {
	if err := h.accept(x, err, false); err != nil {
		return err
	}
	b := &x.IntegrationResponse.Body
	if (len(b.Bytes) > 0 || b.Source != nil) && !h.binary.Match(x.IntegrationResponse.Header.GetID(wire.HeaderContentType)) {
		toText(x, b)
	}
	return nil
}

var _ gateway.Forward = (*HTTP)(nil)
