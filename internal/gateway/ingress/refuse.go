package ingress

import (
	"net/http"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A refuser answers a request that could not be read whole. Exchanges that are
// not one get an answer without a body.
type refuser interface {
	Refuse(status int) *wire.Response
}

func refusal(x wire.Exchange, status int) *wire.Response {
	if r, ok := x.(refuser); ok {
		return r.Refuse(status)
	}
	return &wire.Response{Status: status, Close: true}
}

// faultOf is the fault behind a refusal.
//
// AWS: 413 and 414 are documented (rest-execution.md §14). What the front end
// answers to oversize header sections, malformed and slow requests varies and
// is undocumented: the status that HTTP has for it, and its name as message.
func faultOf(status int) *gateway.Fault {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return tooLarge
	case http.StatusRequestURITooLong:
		return uriTooLong
	case http.StatusBadRequest:
		return badRequest
	}
	return &gateway.Fault{Type: gateway.Default4XX, Status: status, Message: http.StatusText(status)}
}

var (
	tooLarge   = gateway.NewFault(gateway.RequestTooLarge, nil)
	uriTooLong = gateway.NewFault(gateway.URITooLong, nil)
	badRequest = gateway.NewFault(gateway.Default4XX, nil)
)

// refuseWire words wire's refusals, which have no exchange, as AWS does.
func refuseWire(_ *wire.Peer, e *wire.Error) *wire.Response {
	f := faultOf(e.Status)
	resp := &wire.Response{Status: f.StatusCode(), Close: true}
	resp.Header.AddID(wire.HeaderContentType, "application/json")
	resp.Header.Add("x-amzn-ErrorType", f.ErrorTypeHeader())
	body := f.AppendBody(nil)
	resp.Body = wire.Body{Bytes: body, Length: int64(len(body))}
	return resp
}
