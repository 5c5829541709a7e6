package integration

import (
	"strings"

	"gatehouse/internal/arn"
)

// The two operations of Lambda that an integration or authorizer may name.
const (
	lambdaInvoke = "2015-03-31/functions/"
	lambdaStream = "2021-11-15/functions/"
)

// A FunctionURI is a URI that names a Lambda function to call, taken apart.
type FunctionURI struct {
	Function string // ARN, perhaps with qualifier
	Stream   bool   // it is InvokeWithResponseStream that is named
}

// ParseFunctionURI takes apart
// arn:{partition}:apigateway:{region}:lambda:path/{version}/functions/{function}/{operation};
// ok is false if uri is anything else. Stage variables may stand in the
// function's name.
//
// AWS: integrations.md §7.1, rest-execution.md §13.
func ParseFunctionURI(uri string) (f FunctionURI, ok bool) {
	name, err := arn.Parse(uri)
	if err != nil || name.Service != "apigateway" || name.Account != "lambda" && !strings.HasSuffix(name.Account, ".lambda") {
		return f, false
	}
	path, ok := strings.CutPrefix(name.Resource, "path/")
	if !ok {
		return f, false
	}
	path = strings.TrimPrefix(path, "/")
	if rest, stream := strings.CutPrefix(path, lambdaStream); stream {
		f.Stream = true
		f.Function, ok = strings.CutSuffix(rest, "/response-streaming-invocations")
	} else if rest, invoke := strings.CutPrefix(path, lambdaInvoke); invoke {
		f.Function, ok = strings.CutSuffix(rest, "/invocations")
	}
	return f, ok && strings.HasPrefix(f.Function, "arn:")
}

// IsLambda tells whether an integration's URI names a function.
func IsLambda(uri string) bool {
	_, ok := ParseFunctionURI(uri)
	return ok
}
