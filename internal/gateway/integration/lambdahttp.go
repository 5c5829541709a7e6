package integration

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// answerFormat is the payload format version of a function's answer.
type answerFormat uint8

const (
	notHTTP answerFormat = iota // of a REST API
	http1
	http2
)

// A LambdaHTTP is an AWS_PROXY integration of an HTTP API with a function.
type LambdaHTTP struct {
	invoke
	format answerFormat
}

// NewLambdaHTTP makes a LambdaHTTP of a payload format version, 1.0 or 2.0.
func NewLambdaHTTP(c *LambdaConfig, version string) (*LambdaHTTP, error) {
	k, err := newInvoke(c)
	if err != nil {
		return nil, err
	}
	switch version {
	case "1.0":
		return &LambdaHTTP{k, http1}, nil
	case "2.0":
		return &LambdaHTTP{k, http2}, nil
	}
	return nil, errors.New("payloadFormatVersion " + version + " is unknown")
}

// Call calls the function and makes its answer the client's response.
func (l *LambdaHTTP) Call(ctx context.Context, x *gateway.Exchange) error {
	if err := x.ReadBody(); err != nil {
		return err
	}
	from := len(x.Text)
	l.appendEvent(x)
	res, cancel, err := l.call(ctx, x, &function.Invocation{Payload: x.Text[from:]})
	x.Text = x.Text[:from] // nobody needs the event any more
	if err != nil {
		return l.fault(x, err)
	}
	if l.Stream {
		if err := l.stream(x, res, cancel); err != nil {
			return err
		}
		l.mapResponse(x)
		return nil
	}
	cancel()
	if res.Error != "" {
		// AWS: logging-metrics.md §1.4; the client gets 500.
		x.Vars.FunctionFailed = true
		x.Vars.IntegrationError = "The Lambda function returned the following error: " + errorMessage(x, res.Payload) +
			". Check your Lambda function code and try again."
		return failed(errors.New(x.Vars.IntegrationError))
	}
	if err := l.answer(x, res.Payload); err != nil {
		return err
	}
	l.mapResponse(x)
	return nil
}

// appendEvent appends the event to x.Text: the request, changed as it is mapped.
//
// AWS: http-api-execution.md §6, unconfirmed for functions, but common in public
// definitions; that a path in the place of the request's has no stage before it
// is after private integrations.
func (l *LambdaHTTP) appendEvent(x *gateway.Exchange) {
	r := &x.MethodRequest
	fields, query := r.Header.Fields, r.Query
	if m := l.Request; m.changes() {
		var h wire.Header
		h.Fields = slices.Clone(fields)
		m.applyHeader(&h, x)
		if m.path != nil {
			if x.EventPath = m.path.value(x); !strings.HasPrefix(x.EventPath, "/") {
				x.EventPath = "/" + x.EventPath
			}
		}
		if len(m.query) > 0 {
			r.Query = wire.String(m.appendQuery(nil, x))
		}
		r.Header = h
	}
	if l.format == http2 {
		x.Text = l.Form.AppendHTTP(x.Text, x, r.Body.Bytes)
	} else {
		x.Text = l.Form.AppendHTTP1(x.Text, x, r.Body.Bytes)
	}
	r.Header.Fields, r.Query, x.EventPath = fields, query, ""
}

// mapResponse changes the response as it is mapped for its status. Of one that is
// streamed the body cannot be referred to.
func (l *LambdaHTTP) mapResponse(x *gateway.Exchange) {
	out, in := &x.MethodResponse, &x.IntegrationResponse
	m := l.Responses[out.Status]
	if !m.changes() {
		return
	}
	in.Header.Fields = append(in.Header.Fields[:0], out.Header.Fields...)
	if out.Body.Source == nil { // else it is the beginning of one
		in.Body.Bytes = out.Body.Bytes
	}
	m.applyHeader(&out.Header, x)
	if m.status != 0 {
		out.Status = m.status
	}
	in.Body.Bytes = nil
}

func failed(cause error) error {
	return &gateway.Fault{Type: gateway.IntegrationFailure, Status: http.StatusInternalServerError, Message: internalError, Cause: cause}
}

// answer makes the response of what a function returned.
//
// AWS: http-api-execution.md §3.3.
func (l *LambdaHTTP) answer(x *gateway.Exchange, payload []byte) error {
	a := newAnswer(x)
	defer a.release()
	a.http = l.format
	err := a.parse(payload, false)
	if l.format == http2 && (errors.Is(err, errNotObject) || err == nil && a.status == 0) {
		return l.infer(x, a, payload)
	}
	if err == nil && a.status == 0 {
		err = errors.New("it has no statusCode")
	}
	body := a.body
	if err == nil && a.base64 {
		var n int
		n, err = base64.StdEncoding.Decode(body, body)
		body = body[:n]
	}
	if err != nil {
		x.Vars.IntegrationError = "The response from the Lambda function doesn't match the format that API Gateway expects. " + err.Error()
		return failed(errors.New(x.Vars.IntegrationError))
	}
	l.head(x, a)
	x.SetAnswerBody(body)
	return nil
}

// head makes the head of the response of a function's answer.
func (l *LambdaHTTP) head(x *gateway.Exchange, a *answer) {
	x.Vars.FunctionStatus = a.status
	l.begin(x, a.status)
	h := &x.MethodResponse.Header
	typed := false
	for i := range a.header {
		f := &a.header[i]
		switch f.id {
		case wire.HeaderConnection, wire.HeaderContentLength, wire.HeaderTransferEncoding, wire.HeaderKeepAlive,
			wire.HeaderProxyConnection, wire.HeaderTE, wire.HeaderTrailer, wire.HeaderUpgrade, wire.HeaderDate:
			continue
		case wire.HeaderContentType:
			typed = true
		}
		if !f.null {
			h.Fields = append(h.Fields, wire.Field{Name: titled(x, f.name), Value: f.value, ID: f.id})
		}
	}
	if !typed {
		h.AddID(wire.HeaderContentType, "text/plain; charset=utf-8")
	}
}

// begin makes the head of the response.
func (l *LambdaHTTP) begin(x *gateway.Exchange, status int) {
	r := &x.MethodResponse
	r.Status, r.Close, r.Ready = status, false, x.Vars.Now
	r.Header.Fields, r.Body = r.Header.Fields[:0], wire.Body{}
}

// infer makes the response of an answer that names no status: the body is the
// value, a string without its quotes.
func (l *LambdaHTTP) infer(x *gateway.Exchange, a *answer, payload []byte) error {
	value := jsontext.Value(bytes.TrimSpace(payload))
	if !value.IsValid() {
		x.Vars.IntegrationError = "The response from the Lambda function doesn't match the format that API Gateway expects."
		return failed(errors.New(x.Vars.IntegrationError))
	}
	x.Vars.FunctionStatus = http.StatusOK
	l.begin(x, http.StatusOK)
	x.MethodResponse.Header.AddID(wire.HeaderContentType, typeJSON)
	if value.Kind() == '"' {
		body, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return failed(err)
		}
		x.SetAnswerBody(body)
		return nil
	}
	x.SetAnswerBody(a.keep(value))
	return nil
}

var _ gateway.Integration = (*LambdaHTTP)(nil)
