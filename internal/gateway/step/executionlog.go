package step

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// The steps here write x.Log. They are in the plans of test invocations, and of
// methods whose stage wants execution logs.

// ExecutionLog begins and ends the logs of exchanges: it is the first step of
// their plans, and a finisher.
type ExecutionLog struct {
	level gateway.LogLevel
	trace bool
	sink  gateway.EventSink
	logs  sync.Pool // of *gateway.ExecutionLog
}

// NewExecutionLog makes a log of a level; with trace it shows messages too.
func NewExecutionLog(level gateway.LogLevel, trace bool, sink gateway.EventSink) *ExecutionLog {
	return &ExecutionLog{level: level, trace: trace, sink: sink}
}

// Do begins the log of x.
//
// AWS: logging-metrics.md §2.1, lines 1 and 2; that of a trace stands between.
func (e *ExecutionLog) Do(_ context.Context, x *gateway.Exchange) error {
	l, ok := e.logs.Get().(*gateway.ExecutionLog)
	if !ok {
		l = gateway.NewExecutionLog(e.level, e.trace)
	}
	l.Reset(e.sink.Delivers())
	x.Log = l
	l.Add("Extended Request Id: ", x.Vars.ExtendedRequestID)
	if x.Sampled() {
		l.Add("X-ray Tracing ID : ", x.TraceRoot())
	}
	l.Add("Verifying Usage Plan for request: ", x.Vars.RequestID, ". API Key: ", maskedKey(x), " API Stage: ", x.Stage.API, "/", x.Stage.Name)
	return nil
}

// Finish ends the log of x and writes it.
//
// AWS: lines 21 and 22; the first is an error after one.
func (e *ExecutionLog) Finish(x *gateway.Exchange) {
	l := x.Log
	if l == nil {
		return // another finisher's, or refused before the log began
	}
	if x.Socket == nil {
		LogEnd(x)
	}
	if id := x.Vars.IntegrationRequestID; id != "" {
		l.Add("AWS Integration Endpoint RequestId : ", id)
	}
	if x.Socket != nil {
		logSocketEnd(x)
	}
	l.Each(x.Vars.RequestID, func(at time.Time, text, whole []byte) { e.sink.Write(at.UnixMilli(), text, whole) })
	x.Log = nil
	e.logs.Put(l)
}

// maskedKey is the API key of x as logs show it.
func maskedKey(x *gateway.Exchange) string {
	return string(gateway.AppendMasked(nil, x.Vars.APIKey))
}

// LogAdmitted tells that the client may call the method. It stands behind
// whatever may refuse the client.
type LogAdmitted struct {
	KeyRequired bool
}

// Do writes lines 3 and 4.
//
// AWS: logging-metrics.md §2.1. What line 3 says of a key that is required is
// not recorded; it is left out.
func (s LogAdmitted) Do(_ context.Context, x *gateway.Exchange) error {
	l, key := x.Log, maskedKey(x)
	if !s.KeyRequired {
		l.Add("API Key ", key, " authorized because method '", x.Vars.HTTPMethod, " ", resourcePath(x.Route),
			"' does not require API Key. Request will not contribute to throttle or quota limits")
	}
	l.Add("Usage Plan check succeeded for API Key ", key, " and API Stage ", x.Stage.API, "/", x.Stage.Name)
	return nil
}

// resourcePath is the path of a route; $default of an HTTP API has none.
func resourcePath(rt *gateway.Route) string {
	if rt.ResourcePath == "" {
		return rt.Key
	}
	return rt.ResourcePath
}

var sourceIP = gateway.ContextVar("identity.sourceIp")

// LogSocket tells what came from a client of a WebSocket API. It stands behind
// whatever may refuse the client.
type LogSocket struct {
	KeyRequired bool
}

// Do writes the head of the log.
//
// AWS: logging-metrics.md §2.2.
func (s LogSocket) Do(_ context.Context, x *gateway.Exchange) error {
	l, key := x.Log, maskedKey(x)
	if !s.KeyRequired {
		l.Add("API Key ", key, " authorized because route '", x.Route.Key, "' does not require API Key. Request will not contribute to throttle or quota limits")
	}
	l.Add("Usage Plan check succeeded for API Key ", key, " and API Stage ", x.Stage.API, "/", x.Stage.Name)
	l.Add("Starting execution for request: ", x.Vars.RequestID)
	l.Add("WebSocket Request Route: [", x.Route.Key, "]")
	switch x.Socket.Event {
	case gateway.SocketConnect:
		l.Add("Client [UserAgent: ", x.Vars.UserAgent, ", SourceIp: ", string(sourceIP(nil, x)), "] is connecting to WebSocket API [", x.Stage.API, "].")
	case gateway.SocketMessage:
		l.Add("WebSocket API [", x.Stage.API, "] received message from client [Connection Id: ", x.Socket.ConnectionID, "].")
		if l.Trace {
			l.Add("WebSocket API [", x.Stage.API, "] received message from client [", x.Socket.ConnectionID, "]. Message: [", wire.String(x.MethodRequest.Body.Bytes), "].")
		}
	}
	return nil
}

// logSocketEnd writes the last line.
func logSocketEnd(x *gateway.Exchange) {
	l, status := x.Log, strconv.Itoa(x.MethodResponse.Status)
	switch {
	case x.Socket.Event == gateway.SocketConnect && x.Fault == nil:
		l.Add("Client [Connection Id: ", x.Socket.ConnectionID, "] connected to API [", x.Stage.API, "] successfully.")
	case x.Socket.Event == gateway.SocketMessage:
		l.Add("Message from client [Connection Id: ", x.Socket.ConnectionID, "] sent to API [", x.Stage.API, "] with response status code [", status, "].")
	}
}

// LogRequest tells what came from the client. It is the first step after
// whatever may refuse the client.
type LogRequest struct{}

// Do reads the whole body, if it is to be shown.
//
// AWS: logging-metrics.md §2.1, lines 5 to 10; LS api::test_invoke_test_method.
func (LogRequest) Do(_ context.Context, x *gateway.Exchange) error {
	l := x.Log
	var err error
	if l.Trace {
		err = x.ReadBody()
	}
	l.Add("Starting execution for request: ", x.Vars.RequestID)
	if !x.Vars.TestInvoke {
		// AWS: of a test the path that was asked for is recorded, of a stage's method
		// that of the resource.
		l.Add("HTTP Method: ", x.Vars.HTTPMethod, ", Resource Path: ", resourcePath(x.Route))
	} else {
		l.Add("HTTP Method: ", x.Vars.HTTPMethod, ", Resource Path: ", x.Vars.Path)
	}
	l.AddParams("Method request path", func(yield func(name, value string) bool) {
		for i, name := range x.Route.ParamNames {
			v := x.Vars.Params[i]
			if !x.HTTP { // whose routes match what is decoded
				v = decoded(x, v, false)
			}
			if v != "" && !yield(name, v) {
				return
			}
		}
	})
	l.AddParams("Method request query string", func(yield func(name, value string) bool) {
		for name, value := range queryPairs(x) {
			if !yield(decoded(x, name, true), decoded(x, value, true)) {
				return
			}
		}
	})
	l.AddHeader("Method request headers", x.MethodRequest.Header.Fields)
	l.AddBody("Method request body before transformations", x.MethodRequest.Body.Bytes)
	return err
}

// LogResponse tells what goes to the client. It is the last step of a plan.
type LogResponse struct{}

// Do writes lines 18 to 20. A body that is not here yet is not shown.
func (LogResponse) Do(_ context.Context, x *gateway.Exchange) error {
	x.Log.AddBody("Method response body after transformations", x.MethodResponse.Body.Bytes)
	x.Log.AddHeader("Method response headers", WithoutIDs(x.MethodResponse.Header.Fields))
	x.Log.Add("Successfully completed execution")
	return nil
}

// WithoutIDs returns the fields of a method response as they are before the
// gateway adds its own.
func WithoutIDs(fields []wire.Field) []wire.Field {
	out := make([]wire.Field, 0, len(fields))
	for _, f := range fields {
		if f.ID != wire.HeaderXAmznRequestID && f.ID != wire.HeaderXAmzApigwID && f.Name != gateway.HeaderHTTPRequestID2 {
			out = append(out, f)
		}
	}
	return out
}

// LogFault tells why an exchange failed, and then does what Fault does.
type LogFault struct{ Fault gateway.Step }

// Do writes the line.
//
// AWS: logging-metrics.md §2.1, the second table. What is not listed there has
// the text that the client gets.
func (s LogFault) Do(ctx context.Context, x *gateway.Exchange) error {
	f := x.Fault
	failed := x.Vars.IntegrationError
	if x.Log == nil {
		return s.answer(ctx, x) // it failed before its plan began
	}
	switch {
	case x.Vars.FunctionFailed:
		x.Log.Fail(failed)
	case f.Type == gateway.APIConfigurationError && failed != "":
		x.Log.Fail("Execution failed due to configuration error: ", failed)
	case f.Type == gateway.APIConfigurationError:
		x.Log.Fail("Execution failed due to configuration error: ", detail(f))
	case f.Type == gateway.IntegrationTimeout:
		x.Log.Fail("Execution failed due to a timeout error")
	case f.Type == gateway.IntegrationFailure && f.StatusCode() == 504:
		x.Log.Fail("Execution failed due to a network error communicating with endpoint")
	case f.Type == gateway.IntegrationFailure:
		x.Log.Fail("Execution failed due to configuration error: ", failed)
	case f.Type == gateway.BadRequestBody && f.Validation != "":
		x.Log.Fail("Request body does not match model schema for content type ", mediaType(x.Vars.ContentType), ": ", f.Validation)
	case f.Type == gateway.Internal:
		x.Log.Fail("Execution failed due to an internal error")
	case x.HTTP && failed != "":
		x.Log.Fail(failed)
	case f.Type == gateway.InvalidAPIKey && x.Socket == nil:
		logKeyRefused(x)
	default:
		x.Log.Fail(f.Text())
	}
	return s.answer(ctx, x)
}

// logKeyRefused tells why a key does not do.
//
// AWS: two lines that were seen (Zappa issue 390); they do not tell a key that is
// missing or disabled apart.
func logKeyRefused(x *gateway.Exchange) {
	why := "No Usage Plan found for key and API Stage"
	if len(x.Stage.UsagePlans) == 0 {
		why = "API Stage is not in a Usage Plan"
	}
	x.Log.Fail("API Key ", maskedKey(x), " not authorized because method '", x.Vars.HTTPMethod, " ", resourcePath(x.Route),
		"' requires API Key and API Key is not associated with a Usage Plan for API Stage ", x.Stage.API, "/", x.Stage.Name, ": ", why)
}

func (s LogFault) answer(ctx context.Context, x *gateway.Exchange) error {
	if s.Fault == nil { // nothing of the answer can be customised
		x.AnswerFault(x.Fault)
		return nil
	}
	return s.Fault.Do(ctx, x)
}

// detail is the cause of a fault as a sentence.
func detail(f *gateway.Fault) string {
	if f.Cause == nil {
		return f.Text()
	}
	text := f.Cause.Error()
	if cut, _, ok := strings.Cut(text, ": "); ok && cut == "invalid endpoint address" {
		text = cut // AWS: LS api::test_failed_invoke_test_method: no more than that
	}
	r, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(r)) + text[n:]
}

// LogEnd writes the last line.
func LogEnd(x *gateway.Exchange) {
	write := x.Log.Add
	if x.Fault != nil {
		write = x.Log.Fail
	}
	write("Method completed with status: ", strconv.Itoa(x.MethodResponse.Status))
}

var (
	_ gateway.Step     = (*ExecutionLog)(nil)
	_ gateway.Finisher = (*ExecutionLog)(nil)
	_ gateway.Step     = LogAdmitted{}
	_ gateway.Step     = LogRequest{}
	_ gateway.Step     = LogResponse{}
	_ gateway.Step     = LogFault{}
)
