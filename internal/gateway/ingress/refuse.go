package ingress

import (
	"net/http"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// refusal is the answer of x to a request that could not be read. Exchanges
// without words of their own get an answer without a body.
func refusal(x wire.Exchange, e *wire.Error) *wire.Response {
	if r, ok := x.(wire.Refuser); ok {
		return r.Refuse(e)
	}
	return &wire.Response{Status: e.Status, Close: true}
}

// faultOf is the fault behind a refusal.
//
// AWS: 413 and 414 are documented (rest-execution.md §14). What the front end
// answers to oversize header sections, malformed and slow requests varies and
// is undocumented: the status that HTTP has for it, and its name as message.
func faultOf(e *wire.Error) *gateway.Fault {
	switch e.Status {
	case http.StatusRequestEntityTooLarge:
		return gateway.NewFault(gateway.RequestTooLarge, e)
	case http.StatusRequestURITooLong:
		return gateway.NewFault(gateway.URITooLong, e)
	case http.StatusInternalServerError:
		return gateway.NewFault(gateway.Internal, e)
	}
	return &gateway.Fault{Type: gateway.Default4XX, Status: e.Status, Message: http.StatusText(e.Status), Cause: e}
}

// refuseWire words what wire has to say in place of an exchange: that its
// response could not be written.
func refuseWire(_ *wire.Peer, e *wire.Error) *wire.Response {
	f := faultOf(e)
	resp := &wire.Response{Status: f.StatusCode(), Close: true}
	resp.Header.AddID(wire.HeaderContentType, "application/json")
	resp.Header.Add("x-amzn-ErrorType", f.ErrorTypeHeader())
	body := f.AppendBody(nil)
	resp.Body = wire.Body{Bytes: body, Length: int64(len(body))}
	return resp
}
