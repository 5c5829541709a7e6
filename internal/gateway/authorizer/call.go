package authorizer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A Function asks a Lambda function.
type Function struct {
	Invoker function.Invoker
	ARN     string          // perhaps with qualifier
	Source  function.Source // whom the function's policy must let in
}

// Call calls the function.
func (f *Function) Call(ctx context.Context, x *gateway.Exchange, payload []byte) (answer []byte, requestID string, err error) {
	if x.Sampled() {
		x.Vars.AuthorizerBackend = gateway.FunctionBackend(f.ARN)
	}
	res, err := f.Invoker.Invoke(ctx, &function.Invocation{Function: f.ARN, Source: f.Source, Payload: payload, TraceID: x.AuthorizerTrace()})
	if err != nil {
		return nil, "", err
	}
	if res.Error == "" {
		return res.Payload, res.RequestID, nil
	}
	var document struct {
		Message string `json:"errorMessage"`
	}
	if err := json.Unmarshal(res.Payload, &document); err != nil {
		return nil, res.RequestID, &Raised{"an error without a document"}
	}
	return nil, res.RequestID, &Raised{document.Message}
}

// An Endpoint asks an HTTP endpoint: it is sent the event of a Lambda
// authorizer, and answers as one does, with 200, or refuses with 401.
//
// This is beyond AWS.
type Endpoint struct {
	Cluster      gateway.Cluster
	Host, Target string // of the request
}

// Call calls the endpoint.
func (e *Endpoint) Call(ctx context.Context, x *gateway.Exchange, payload []byte) (answer []byte, requestID string, err error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return nil, "", errors.New("a call without end")
	}
	req := wire.Request{Method: http.MethodPost, Target: e.Target, Host: e.Host, Body: wire.Body{Bytes: payload, Length: int64(len(payload))}}
	req.Header.Fields = []wire.Field{
		{Name: "Content-Type", Value: "application/json", ID: wire.HeaderContentType},
		{Name: "Accept", Value: "application/json", ID: wire.HeaderAccept},
		{Name: "User-Agent", Value: "AmazonAPIGateway_" + x.Stage.API, ID: wire.HeaderUserAgent},
		{Name: "X-Amzn-Trace-Id", Value: x.AuthorizerTrace(), ID: wire.HeaderXAmznTraceID},
	}
	var resp wire.Response
	if err := e.Cluster.Do(ctx, &req, &resp, deadline); err != nil {
		return nil, "", err
	}
	if src := resp.Body.Source; src != nil {
		defer src.Close() //nolint:errcheck // what is left of it is not wanted
	}
	switch {
	case resp.Status == http.StatusUnauthorized:
		return nil, "", &Raised{"Unauthorized"}
	case resp.Status != http.StatusOK:
		return nil, "", &Raised{"the authorizer's endpoint answered " + strconv.Itoa(resp.Status)}
	}
	answer = append([]byte(nil), resp.Body.Bytes...)
	if src := resp.Body.Source; src != nil {
		rest, err := io.ReadAll(io.LimitReader(src, maxAnswer+1))
		if err != nil {
			return nil, "", fmt.Errorf("read the authorizer's answer: %w", err)
		}
		answer = append(answer, rest...)
	}
	return answer, "", nil
}
