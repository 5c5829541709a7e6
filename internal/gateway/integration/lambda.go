package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/wire"
)

// A LambdaConfig says how an integration calls its function.
type LambdaConfig struct {
	Invoker  function.Invoker
	Function string          // ARN, perhaps with qualifier; stage variables expanded
	Source   function.Source // whom the function's policy must let in; zero: the caller may call it
	// Caller is the account of the callers who must be let in themselves, in the
	// place of Source; empty: nobody asks for the caller.
	Caller  string
	Method  string        // integrationHttpMethod
	Timeout time.Duration // 0: DefaultTimeout
	Binary  *BinaryTypes
	Form    *event.Form // of a LambdaProxy
	Stream  bool        // responseTransferMode STREAM

	// Request and Responses are parameter mappings, of a LambdaHTTP; nil: nothing
	// is mapped.
	Request   *Mapping
	Responses map[int]*Mapping
}

// invoke is what both Lambda integrations share: one call of a function.
type invoke struct {
	LambdaConfig
}

func newInvoke(c *LambdaConfig) (invoke, error) {
	if c.Invoker == nil || c.Function == "" {
		return invoke{}, errors.New("no function to call")
	}
	k := invoke{*c}
	if k.Timeout == 0 {
		k.Timeout = DefaultTimeout
	}
	return k, nil
}

// call calls the function with a payload. A function that fails is no error
// here. The context is done with when cancel is called.
func (k *invoke) call(ctx context.Context, x *gateway.Exchange, in *function.Invocation) (*function.Result, context.CancelFunc, error) {
	in.Function, in.Source, in.TraceID, in.Stream = k.Function, k.Source, x.Vars.Trace, k.Stream
	x.Vars.IntegrationStart = x.Vars.Now
	x.Vars.Streamed = k.Stream
	if x.Sampled() {
		x.Backend = gateway.FunctionBackend(k.Function)
	}
	if k.Caller != "" {
		in.Source = function.Source{}
		if err := callerMayInvoke(x, k.Function, k.Caller); err != nil {
			return nil, nil, err
		}
	}
	if x.Log != nil {
		k.logRequest(x, in)
	}
	ctx, cancel := context.WithTimeout(ctx, k.Timeout)
	res, err := k.Invoker.Invoke(ctx, in)
	x.Vars.Now = time.Now()
	x.Vars.IntegrationEnd = x.Vars.Now
	if err != nil {
		cancel()
		return nil, nil, err
	}
	x.Vars.IntegrationStatus, x.Vars.IntegrationRequestID = res.Status, res.RequestID
	if x.Log != nil {
		logResult(x, res)
	}
	return res, cancel, nil
}

// fault returns the fault for a call that did not reach the function, or whose
// answer nobody waited for any more.
//
// AWS: integrations.md §7.1 and §9.2: no permission, no function: 500 by
// configuration. A throttled call is 500, too; the rest is not recorded.
func (k *invoke) fault(x *gateway.Exchange, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		x.Vars.IntegrationError = "Execution failed due to a timeout error"
		return gateway.NewFault(gateway.IntegrationTimeout, err)
	}
	var e *function.Error
	if errors.As(err, &e) {
		x.Vars.IntegrationStatus = e.Status
		switch e.Name {
		case "AccessDeniedException", "ResourceNotFoundException":
			x.Vars.IntegrationError = "Invalid permissions on Lambda function"
			return gateway.NewFault(gateway.APIConfigurationError, err)
		}
		x.Vars.IntegrationError = e.Message
	}
	return &gateway.Fault{Type: gateway.IntegrationFailure, Status: http.StatusInternalServerError, Message: internalError, Cause: err}
}

const internalError = "Internal server error"

// wrongMethod is what comes of a method other than POST.
//
// AWS: recorded (LS lambda::test_lambda_aws_proxy_integration_non_post_method):
// 500, a customised INTEGRATION_FAILURE acts.
var wrongMethod = &gateway.Fault{Type: gateway.IntegrationFailure, Status: http.StatusInternalServerError, Message: internalError,
	Cause: errors.New("the integrationHttpMethod of a Lambda function must be POST")}

// A Lambda is an AWS integration with a Lambda function: it sends what was
// made of the request, and leaves it to the steps after it to make the client's
// response of the function's.
type Lambda struct {
	invoke
}

// NewLambda makes a Lambda.
func NewLambda(c *LambdaConfig) (*Lambda, error) {
	k, err := newInvoke(c)
	if err != nil {
		return nil, err
	}
	return &Lambda{k}, nil
}

// Call calls the function.
//
// AWS: integrations.md §7.1.
func (l *Lambda) Call(ctx context.Context, x *gateway.Exchange) error {
	if l.Method != http.MethodPost {
		return wrongMethod
	}
	in := &function.Invocation{Kind: kindOf(x)}
	var err error
	if in.Payload, err = l.payload(x); err != nil {
		return err
	}
	if !jsontext.Value(in.Payload).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return l.refused(x, notJSON)
	}
	if in.Kind == function.Event {
		in.Payload = bytes.Clone(in.Payload) // it is kept after the exchange
	}
	res, cancel, err := l.call(ctx, x, in)
	if err != nil {
		return l.refused(x, err)
	}
	cancel()
	out := &x.IntegrationResponse
	out.Status = res.Status
	out.Header.Fields = append(out.Header.Fields[:0], wire.Field{Name: "Content-Type", Value: typeJSON, ID: wire.HeaderContentType})
	out.Header.Add("x-amzn-RequestId", res.RequestID)
	out.Header.Add("X-Amz-Executed-Version", res.Version)
	out.Header.Add("X-Amzn-Trace-Id", x.Vars.Trace)
	if res.Error != "" {
		out.Header.Add("X-Amz-Function-Error", res.Error)
	}
	out.Body = wire.Body{Bytes: res.Payload, Length: int64(len(res.Payload))}
	x.FunctionError = errorMessage(x, res.Payload)
	return nil
}

// notJSON is Lambda's refusal of a payload, wherever the function runs.
//
// AWS: the end of the text, which tells the place, is not recorded.
var notJSON = function.BadRequest("Could not parse request body into json: Could not parse payload into json")

// payload is what was made of the client's body, or that itself.
func (l *Lambda) payload(x *gateway.Exchange) ([]byte, error) {
	if !x.Transformed {
		if err := x.ReadBody(); err != nil {
			return nil, err
		}
		body := x.MethodRequest.Body
		if len(body.Bytes) > 0 && !l.Binary.Match(x.Vars.ContentType) {
			toText(x, &body)
		}
		return orObject(body.Bytes), nil
	}
	return orObject(x.IntegrationRequest.Body.Bytes), nil
}

// orObject is a payload that is not empty.
func orObject(b []byte) []byte {
	if len(b) == 0 {
		return []byte("{}")
	}
	return b
}

// kindOf is the kind of invocation that was mapped.
//
// AWS: "Set up asynchronous invocation of the backend Lambda function" of the
// guide: the header X-Amz-Invocation-Type.
func kindOf(x *gateway.Exchange) function.Kind {
	for i := range x.MappedHeader {
		f := &x.MappedHeader[i]
		if strings.EqualFold(f.Name, "X-Amz-Invocation-Type") {
			switch f.Value {
			case "Event":
				return function.Event
			case "DryRun":
				return function.DryRun
			}
		}
	}
	return function.RequestResponse
}

// refused makes the answer of Lambda to a payload that is no JSON an answer
// like any other: it has no errorMessage, so the default response is chosen.
//
// AWS: integrations.md §7.1.
func (l *Lambda) refused(x *gateway.Exchange, err error) error {
	var e *function.Error
	if !errors.As(err, &e) || e.Name != "InvalidRequestContentException" {
		return l.fault(x, err)
	}
	x.Vars.IntegrationStatus = e.Status
	out := &x.IntegrationResponse
	out.Status = e.Status
	out.Header.Fields = append(out.Header.Fields[:0], wire.Field{Name: "Content-Type", Value: typeJSON, ID: wire.HeaderContentType})
	from := len(x.Text)
	x.Text = event.AppendString(append(x.Text, `{"Type":`...), e.Type)
	x.Text = append(event.AppendString(append(x.Text, `,"message":`...), e.Message), '}')
	out.Body = wire.Body{Bytes: x.Text[from:], Length: int64(len(x.Text) - from)}
	return nil
}

// functionFailed is the fault of a proxy function that raised an error or ran
// out of time.
//
// AWS: gateway-responses.md §1 (INTEGRATION_FAILURE): 502, captured.
func functionFailed(x *gateway.Exchange, payload []byte, requestID string) error {
	x.Vars.FunctionFailed = true
	x.Vars.IntegrationError = "Lambda execution failed with status 200 due to customer function error: " + errorMessage(x, payload) + ". Lambda request id: " + requestID
	return badGateway(errors.New(x.Vars.IntegrationError))
}

// malformed is the fault of a proxy function whose answer is none.
func malformed(x *gateway.Exchange, why error) error {
	x.Vars.IntegrationError = "Malformed Lambda proxy response"
	return badGateway(fmt.Errorf("malformed Lambda proxy response: %w", why))
}

func badGateway(cause error) error {
	return &gateway.Fault{Type: gateway.IntegrationFailure, Status: http.StatusBadGateway, Message: internalError, Cause: cause}
}

var _ gateway.Integration = (*Lambda)(nil)
