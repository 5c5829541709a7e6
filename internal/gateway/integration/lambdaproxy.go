package integration

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A LambdaProxy is an AWS_PROXY integration: it calls a function with the whole
// request, and the function says what the response is.
type LambdaProxy struct {
	invoke
}

// NewLambdaProxy makes a LambdaProxy.
func NewLambdaProxy(c *LambdaConfig) (*LambdaProxy, error) {
	k, err := newInvoke(c)
	if err != nil {
		return nil, err
	}
	if c.Form == nil {
		return nil, errors.New("no form of events")
	}
	return &LambdaProxy{k}, nil
}

// Call calls the function and makes its answer the client's response.
func (l *LambdaProxy) Call(ctx context.Context, x *gateway.Exchange) error {
	if l.Method != http.MethodPost {
		return wrongMethod
	}
	if err := x.ReadBody(); err != nil {
		return err
	}
	from := len(x.Text)
	body := x.MethodRequest.Body.Bytes
	x.Text = l.Form.AppendProxy(x.Text, x, body, len(body) > 0 && l.Binary.Match(x.Vars.ContentType))
	in := &function.Invocation{Payload: x.Text[from:]}
	res, cancel, err := l.call(ctx, x, in)
	x.Text = x.Text[:from] // nobody needs the event any more
	if err != nil {
		return l.fault(x, err)
	}
	if l.Stream {
		return l.stream(x, res, cancel)
	}
	cancel()
	if res.Error != "" {
		return functionFailed(x, res.Payload, res.RequestID)
	}
	return l.answer(x, res.Payload)
}

// answer makes the response of what a function returned.
func (l *LambdaProxy) answer(x *gateway.Exchange, payload []byte) error {
	a := newAnswer(x)
	defer a.release()
	if err := a.parse(payload, false); err != nil {
		return malformed(x, err)
	}
	body, err := l.body(x, a)
	if err != nil {
		return err
	}
	a.begin(x)
	x.SetAnswerBody(body)
	return nil
}

// body is the body that a function returned, decoded if it says that it is
// base64 and the client asked for what is binary.
//
// AWS: rest-execution.md §5.2: the first type of Accept decides; the type that
// the function returns plays no role.
func (l *LambdaProxy) body(x *gateway.Exchange, a *answer) ([]byte, error) {
	body := a.body
	if !a.base64 || !l.wantsBinary(x.Vars.Accept) {
		return body, nil
	}
	n, err := base64.StdEncoding.Decode(body, body)
	if err != nil {
		return nil, gateway.NewFault(gateway.APIConfigurationError, errors.New("unable to base64 decode the body"))
	}
	return body[:n], nil
}

func (l *LambdaProxy) wantsBinary(accept string) bool {
	first, _, _ := strings.Cut(accept, ",")
	return first != "" && strings.Contains(first, "/") && l.Binary.Match(first)
}

// begin makes the head of the response.
//
// AWS: rest-execution.md §4.1 and §4.2: after the gateway's own the function's
// headers as it spelled them, renamed as those of HTTP_PROXY.
func (a *answer) begin(x *gateway.Exchange) {
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	x.Vars.FunctionStatus = status
	x.BeginAnswer(status, a.contentType(), "")
	h := &x.MethodResponse.Header
	h.AddID(wire.HeaderXAmznTraceID, x.Vars.Trace)
	for i := range a.header {
		f := &a.header[i]
		switch id := f.id; {
		case id == wire.HeaderContentType, id == wire.HeaderXAmznTraceID, f.null:
			continue
		case proxyResponse[id] == drop:
			continue
		case proxyResponse[id] == remap:
			h.Fields = append(h.Fields, wire.Field{Name: remappedNames[id], Value: f.value})
		default:
			h.Fields = append(h.Fields, wire.Field{Name: f.name, Value: f.value, ID: id})
		}
	}
}

// contentType is what the function says it is; JSON if it says nothing, none
// if it says null.
func (a *answer) contentType() string {
	for i := range a.header {
		f := &a.header[i]
		if f.id != wire.HeaderContentType {
			continue
		}
		if f.null {
			return ""
		}
		return f.value
	}
	return typeJSON
}

var _ gateway.Integration = (*LambdaProxy)(nil)
