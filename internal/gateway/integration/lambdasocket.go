package integration

import (
	"context"
	"errors"
	"net/http"

	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/wire"
)

// A LambdaSocket is an AWS_PROXY integration of a WebSocket API with a function.
type LambdaSocket struct {
	invoke
	form *event.SocketForm
}

// NewLambdaSocket makes a LambdaSocket, which calls with events of a form.
func NewLambdaSocket(c *LambdaConfig, form *event.SocketForm) (*LambdaSocket, error) {
	k, err := newInvoke(c)
	if err != nil {
		return nil, err
	}
	if form == nil {
		return nil, errors.New("no form of events")
	}
	return &LambdaSocket{k, form}, nil
}

// Call calls the function. What it answers decides about $connect, and is the
// reply on a route that has one; else nobody looks at it.
//
// AWS: websocket-execution.md §1 and §5.
func (l *LambdaSocket) Call(ctx context.Context, x *gateway.Exchange) error {
	from := len(x.Text)
	x.Text = l.form.Append(x.Text, x, x.MethodRequest.Body.Bytes)
	res, cancel, err := l.call(ctx, x, &function.Invocation{Payload: x.Text[from:]})
	x.Text = x.Text[:from] // nobody needs the event any more
	if err != nil {
		return l.fault(x, err)
	}
	cancel()
	if res.Error != "" {
		return functionFailed(x, res.Payload, res.RequestID)
	}
	connect := x.Socket.Event == gateway.SocketConnect
	if !connect && !x.Route.Reply {
		return nil
	}
	return l.answer(x, res.Payload, connect)
}

// answer makes the response of what a function returned.
func (l *LambdaSocket) answer(x *gateway.Exchange, payload []byte, connect bool) error {
	a := newAnswer(x)
	defer a.release()
	a.http = http1 // members that are unknown do not matter
	err := a.parse(payload, false)
	if err == nil && a.status == 0 {
		err = errors.New("it has no statusCode")
	}
	if err != nil {
		return malformed(x, err)
	}
	x.Vars.FunctionStatus = a.status
	r := &x.MethodResponse
	r.Status, r.Close, r.Ready = a.status, false, x.Vars.Now
	r.Header.Fields = r.Header.Fields[:0]
	x.SetAnswerBody(a.body)
	if !connect {
		return nil
	}
	for i := range a.header {
		if f := &a.header[i]; !f.null && !ownOfSwitch(f.id) {
			r.Header.Fields = append(r.Header.Fields, wire.Field{Name: f.name, Value: f.value, ID: f.id})
		}
	}
	if a.status >= http.StatusMultipleChoices && !r.Header.Has(wire.HeaderContentType) && len(a.body) > 0 {
		r.Header.AddID(wire.HeaderContentType, typeJSON)
	}
	return nil
}

// ownOfSwitch tells which headers of a handshake only the gateway writes.
func ownOfSwitch(id wire.HeaderID) bool {
	switch id {
	case wire.HeaderConnection, wire.HeaderUpgrade, wire.HeaderContentLength, wire.HeaderTransferEncoding, wire.HeaderKeepAlive,
		wire.HeaderProxyConnection, wire.HeaderTE, wire.HeaderTrailer, wire.HeaderDate:
		return true
	}
	return false
}

var _ gateway.Integration = (*LambdaSocket)(nil)
