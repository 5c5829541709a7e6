package integration_test

import (
	"testing"

	"gatehouse/internal/gateway/integration"
)

func TestParseFunctionURI(t *testing.T) {
	const head = "arn:aws:apigateway:eu-west-1:lambda:path/"
	tests := []struct {
		uri, function string // no function: it names none
		stream        bool
	}{
		{head + "2015-03-31/functions/" + functionARN + "/invocations", functionARN, false},
		{head + "/2015-03-31/functions/" + functionARN + ":live/invocations", functionARN + ":live", false},
		{head + "2021-11-15/functions/" + functionARN + "/response-streaming-invocations", functionARN, true},
		{"arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/" + functionARN + "/invocations", functionARN, false},
		{head + "2015-03-31/functions/" + functionARN + "/response-streaming-invocations", "", false},
		{head + "2021-11-15/functions/" + functionARN + "/invocations", "", false},
		{head + "2015-03-31/functions/f/invocations", "", false},
		{head + "2015-03-31/functions", "", false},
		{head + "2015-03-31/functions/" + functionARN, "", false},
		{"arn:aws:apigateway:eu-west-1:lambda:action/Invoke", "", false},
		{"arn:aws:apigateway:eu-west-1:sqs:path/2015-03-31/functions/" + functionARN + "/invocations", "", false},
		{functionARN, "", false},
		{"http://example.com", "", false},
		{"", "", false},
	}
	for _, tt := range tests {
		got, ok := integration.ParseFunctionURI(tt.uri)
		if ok != (tt.function != "") || ok && (got.Function != tt.function || got.Stream != tt.stream) {
			t.Errorf("%s: %+v, %v", tt.uri, got, ok)
		}
	}
}
