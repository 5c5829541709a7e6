package step

import (
	"context"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// The steps here write x.Log. They are in the plans of test invocations only.

// LogRequest tells what came from the client. It is the first step after
// whatever may refuse the client.
type LogRequest struct{}

// Do reads the whole body.
//
// AWS: logging-metrics.md §2.1, lines 5 to 10; LS api::test_invoke_test_method.
func (LogRequest) Do(_ context.Context, x *gateway.Exchange) error {
	err := x.ReadBody()
	l := x.Log
	l.Add("Starting execution for request: ", x.Vars.RequestID)
	l.Add("HTTP Method: ", x.Vars.HTTPMethod, ", Resource Path: ", x.Vars.Path)
	l.AddParams("Method request path", func(yield func(name, value string) bool) {
		for i, name := range x.Route.ParamNames {
			if v := x.Vars.Params[i]; v != "" && !yield(name, decoded(x, v, false)) {
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
		if f.ID != wire.HeaderXAmznRequestID && f.ID != wire.HeaderXAmzApigwID {
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
	switch {
	case strings.HasPrefix(failed, "Lambda execution failed"):
		x.Log.Add(failed)
	case f.Type == gateway.APIConfigurationError && failed != "":
		x.Log.Add("Execution failed due to configuration error: ", failed)
	case f.Type == gateway.APIConfigurationError:
		x.Log.Add("Execution failed due to configuration error: ", detail(f))
	case f.Type == gateway.IntegrationTimeout:
		x.Log.Add("Execution failed due to a timeout error")
	case f.Type == gateway.IntegrationFailure && f.StatusCode() == 504:
		x.Log.Add("Execution failed due to a network error communicating with endpoint")
	case f.Type == gateway.IntegrationFailure:
		x.Log.Add("Execution failed due to configuration error: ", failed)
	case f.Type == gateway.BadRequestBody && f.Validation != "":
		x.Log.Add("Request body does not match model schema for content type ", mediaType(x.Vars.ContentType), ": ", f.Validation)
	case f.Type == gateway.Internal:
		x.Log.Add("Execution failed due to an internal error")
	default:
		x.Log.Add(f.Text())
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
	x.Log.Add("Method completed with status: ", strconv.Itoa(x.MethodResponse.Status))
}

var (
	_ gateway.Step = LogRequest{}
	_ gateway.Step = LogResponse{}
	_ gateway.Step = LogFault{}
)
