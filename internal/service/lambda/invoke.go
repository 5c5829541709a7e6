package lambda

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/function"
)

// Limits of payloads.
//
// AWS: Lambda quotas, 6 MB of request for a call that waits and 1 MB (256 KB
// before October 2025) for one that does not; the text is recorded.
const (
	maxPayload      = 6 << 20
	maxEventPayload = 1 << 20
)

// Invoke calls a function, here or wherever it runs.
func (s *Service) Invoke(ctx context.Context, in *api.InvokeInput) (*api.InvocationResponse, error) {
	call, err := s.invocation(ctx, in.FunctionName, in.Qualifier, in.Payload)
	if err != nil {
		return nil, err
	}
	if in.TenantId != nil {
		return nil, noTenancy.refuse("")
	}
	if in.DurableExecutionName != nil {
		return nil, noDurable.refuse("")
	}
	call.ClientContext, call.Tail = str(in.ClientContext), str(in.LogType) == api.LogTypeTail
	switch str(in.InvocationType) {
	case api.InvocationTypeEvent:
		call.Kind = function.Event
		if len(in.Payload) > maxEventPayload {
			return nil, errPayload(maxEventPayload, "InvokeFunction")
		}
	case api.InvocationTypeDryRun:
		call.Kind = function.DryRun
	}
	res, err := s.opt.Invoker.Invoke(ctx, call)
	if err != nil {
		return nil, answerOf(err)
	}
	out := &api.InvocationResponse{StatusCode: new(int32(res.Status)), Payload: res.Payload}
	if call.Kind != function.RequestResponse {
		return out, nil
	}
	out.FunctionError, out.ExecutedVersion = optional(res.Error), optional(res.Version)
	if call.Tail {
		out.LogResult = new(base64.StdEncoding.EncodeToString(res.Log))
	}
	return out, nil
}

// optional is a pointer to s, or nil if s is empty.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// invocation makes the call that the caller asks for.
func (s *Service) invocation(ctx context.Context, name, qualifier *string, payload []byte) (*function.Invocation, error) {
	t, err := locate(ctx, name, qualifier)
	if err != nil {
		return nil, err
	}
	if s.opt.Invoker == nil {
		return nil, api.ServiceException("This server cannot run functions")
	}
	if len(payload) > maxPayload {
		return nil, errPayload(maxPayload, "InvokeFunction")
	}
	return &function.Invocation{Function: t.arn(), Payload: payload, RequestID: awsrpc.CallerFrom(ctx).RequestID}, nil
}

func errPayload(limit int, operation string) error {
	return user(api.RequestTooLargeException("Request must be smaller than " + strconv.Itoa(limit) + " bytes for the " + operation + " operation"))
}

// InvokeAsync calls a function and does not wait. It is the older form of Invoke
// with the type Event.
func (s *Service) InvokeAsync(ctx context.Context, in *api.InvokeAsyncInput) (*api.InvokeAsyncResponse, error) {
	call, err := s.invocation(ctx, in.FunctionName, nil, in.InvokeArgs)
	if err != nil {
		return nil, err
	}
	if len(in.InvokeArgs) > maxEventPayload {
		return nil, errPayload(maxEventPayload, "InvokeAsync")
	}
	call.Kind = function.Event
	if _, err := s.opt.Invoker.Invoke(ctx, call); err != nil {
		return nil, answerOf(err)
	}
	return &api.InvokeAsyncResponse{Status: new(int32(http.StatusAccepted))}, nil
}

// chunkSize is how much of a stream is sent as one event at most.
const chunkSize = 32 << 10

// InvokeWithResponseStream calls a function and passes its answer on as it
// comes.
func (s *Service) InvokeWithResponseStream(ctx context.Context, in *api.InvokeWithResponseStreamInput) (*api.InvokeWithResponseStreamResponse, error) {
	call, err := s.invocation(ctx, in.FunctionName, in.Qualifier, in.Payload)
	if err != nil {
		return nil, err
	}
	if in.TenantId != nil {
		return nil, noTenancy.refuse("")
	}
	call.ClientContext, call.Tail = str(in.ClientContext), str(in.LogType) == api.LogTypeTail
	if str(in.InvocationType) == api.ResponseStreamingInvocationTypeDryRun {
		call.Kind = function.DryRun
	} else {
		call.Stream = true
	}
	res, err := s.opt.Invoker.Invoke(ctx, call)
	if err != nil {
		return nil, answerOf(err)
	}
	return &api.InvokeWithResponseStreamResponse{
		StatusCode: new(int32(res.Status)), ExecutedVersion: optional(res.Version), EventStream: streamOf(res, call.Tail),
	}, nil
}

// streamOf is the answer of a function as events: PayloadChunk for what it
// writes, and InvokeComplete.
//
// AWS: the events are those of the model; a function that fails ends its stream
// with ErrorCode and ErrorDetails (InvokeWithResponseStream).
func streamOf(res *function.Result, tail bool) awsrpc.Events {
	return func(yield func(awsrpc.Event, error) bool) {
		if res.Body == nil {
			_ = (len(res.Payload) == 0 || yield(chunk(res.Payload), nil)) && yield(complete(res, nil, tail), nil)
			return
		}
		defer res.Body.Close()
		b := make([]byte, chunkSize)
		for {
			n, err := res.Body.Read(b)
			if n > 0 && !yield(chunk(b[:n]), nil) {
				return
			}
			if err == nil {
				continue
			}
			var failed *function.StreamError
			if !errors.Is(err, io.EOF) && !errors.As(err, &failed) {
				yield(awsrpc.Event{}, err)
				return
			}
			yield(complete(res, failed, tail), nil)
			return
		}
	}
}

func chunk(payload []byte) awsrpc.Event {
	return awsrpc.Event{Type: "PayloadChunk", ContentType: "application/octet-stream", Payload: payload}
}

// complete is the last event of a stream.
func complete(res *function.Result, failed *function.StreamError, tail bool) awsrpc.Event {
	var doc struct {
		ErrorCode    string `json:",omitempty"`
		ErrorDetails string `json:",omitempty"`
		LogResult    string `json:",omitempty"`
	}
	doc.ErrorCode = res.Error
	if failed != nil {
		doc.ErrorCode, doc.ErrorDetails = failed.Code, failed.Details
	}
	if tail {
		doc.LogResult = base64.StdEncoding.EncodeToString(res.Log)
	}
	b, _ := json.Marshal(doc) // three texts: invalid UTF-8 is the only error
	return awsrpc.Event{Type: "InvokeComplete", ContentType: "application/json", Payload: b}
}
