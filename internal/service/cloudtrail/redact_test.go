package cloudtrail

import (
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/internal/awsrpc"
)

func TestRedaction(t *testing.T) {
	const secret = "hunter2-hunter2"
	for _, tt := range []struct {
		api, operation, name string
		in                   map[string]any
		keep                 string // must still be there
	}{
		{"apigateway", "CreateApiKey", "key value", map[string]any{"name": "k", "value": secret}, `"name":"k"`},
		{"apigateway", "UpdateApiKey", "patched key value", map[string]any{"patchOperations": []any{map[string]any{"op": "replace", "path": "/value", "value": secret}}}, "/value"},
		{"apigateway", "CreateStage", "stage variable", map[string]any{"variables": awsrpc.Map{"x": secret}}, `"x":"***"`},
		{"apigateway", "UpdateStage", "patched stage variable", map[string]any{"patchOperations": []any{map[string]any{"op": "replace", "path": "/variables/x", "value": secret}}}, "/variables/x"},
		{"apigateway", "PutIntegration", "static header", map[string]any{"requestParameters": awsrpc.Map{"integration.request.header.Authorization": "'" + secret + "'", "integration.request.header.X": "method.request.header.Y"}}, "method.request.header.Y"},
		{"apigatewayv2", "ImportApi", "definition", map[string]any{"body": secret}, hidden},
		{"ssm", "PutParameter", "SecureString", map[string]any{"name": "/p", "value": secret, "type": "SecureString"}, "/p"},
		{"iam", "CreateAccessKey", "secret access key", map[string]any{"accessKey": map[string]any{"accessKeyId": "AKIA", "secretAccessKey": secret}}, "AKIA"},
		{"sts", "AssumeRole", "session", map[string]any{"credentials": map[string]any{"secretAccessKey": secret, "sessionToken": secret}}, hidden},
		{"cloudformation", "CreateStack", "NoEcho parameter", map[string]any{"parameters": []any{map[string]any{"parameterKey": "P", "parameterValue": secret}}, "templateBody": secret}, `"parameterKey":"P"`},
		{"lambda", "CreateFunction", "environment", map[string]any{"functionName": "f", "environment": map[string]any{"variables": awsrpc.Map{"A": secret}}}, `"functionName":"f"`},
		{"logs", "PutSubscriptionFilter", "password of a URL", map[string]any{"destinationArn": "https://u:" + secret + "@sink/"}, "@sink/"},
	} {
		r := &redaction{api: tt.api, operation: tt.operation}
		b, err := json.Marshal(r.document(tt.in))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), secret) || !strings.Contains(string(b), tt.keep) {
			t.Errorf("%s: recorded as %s", tt.name, b)
		}
		if got := r.scrub("the value '" + secret + "' is bad"); strings.Contains(got, secret) {
			t.Errorf("%s: the error says %q", tt.name, got)
		}
	}
}

func TestLowerFirst(t *testing.T) {
	for in, want := range map[string]string{"Name": "name", "name": "name", "SSEAlgorithm": "sseAlgorithm", "ID": "id", "S3Bucket": "s3Bucket", "TTL": "ttl"} {
		if got := lowerFirst(in); got != want {
			t.Errorf("lowerFirst(%q) = %q, want %q", in, got, want)
		}
	}
}
