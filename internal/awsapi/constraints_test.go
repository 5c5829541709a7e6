package awsapi_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/awsrpc"
)

const (
	enumOp           = "Member must satisfy enum value set: [add, remove, move, test, replace, copy]"
	enumResponseType = "Member must satisfy enum value set: [REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND, AUTHORIZER_CONFIGURATION_ERROR, MISSING_AUTHENTICATION_TOKEN, BAD_REQUEST_BODY, INVALID_SIGNATURE, INVALID_API_KEY, BAD_REQUEST_PARAMETERS, AUTHORIZER_FAILURE, UNAUTHORIZED, INTEGRATION_TIMEOUT, ACCESS_DENIED, DEFAULT_4XX, DEFAULT_5XX, WAF_FILTERED, QUOTA_EXCEEDED, THROTTLED, API_CONFIGURATION_ERROR, UNSUPPORTED_MEDIA_TYPE, INTEGRATION_FAILURE, EXPIRED_TOKEN]"
	enumPartType     = "Member must satisfy enum value set: [RESPONSE_BODY, RESPONSE, METHOD, MODEL, AUTHORIZER, RESPONSE_HEADER, RESOURCE, PATH_PARAMETER, REQUEST_BODY, QUERY_PARAMETER, API, REQUEST_HEADER]"
)

// TestRecordedRefusals sends what LocalStack's snapshot tests sent to AWS and
// expects AWS's words, restated from their recordings
// (tests/aws/services/apigateway/test_apigateway_api.snapshot.json); required
// members from awsdocs/aws-cloudformation-user-guide#483.
func TestRecordedRefusals(t *testing.T) {
	const (
		types = "Value '[wrong]' at 'createRestApiInput.endpointConfiguration.types' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [PRIVATE, EDGE, REGIONAL]]"
		ip    = "Value 'wrong' at 'createRestApiInput.endpointConfiguration.ipAddressType' failed to satisfy constraint: Member must satisfy enum value set: [ipv4, dualstack]"
		code  = `Value 'wrong' at 'statusCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [1-5]\d\d`
		op1   = "Value 'wrong_op' at 'updateMethodResponseInput.patchOperations.1.member.op' failed to satisfy constraint: " + enumOp
		op3   = "Value 'wrong_op' at 'updateMethodResponseInput.patchOperations.3.member.op' failed to satisfy constraint: " + enumOp
	)
	tests := []struct {
		name, method, target, body, errorType, want string
	}{
		{"label enum", "GET", "/restapis/a/gatewayresponses/FAKE_RESPONSE_TYPE", "", "ValidationException",
			"1 validation error detected: Value 'FAKE_RESPONSE_TYPE' at 'responseType' failed to satisfy constraint: " + enumResponseType},
		{"body enum", "PUT", "/restapis/a/resources/r/methods/GET/integration", `{"type":"HTTPS_PROXY"}`, "ValidationException",
			"1 validation error detected: Value 'HTTPS_PROXY' at 'putIntegrationInput.type' failed to satisfy constraint: Member must satisfy enum value set: [HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS]"},
		{"nested enum", "POST", "/restapis/a/documentation/parts", `{"location":{"type":"INVALID"},"properties":"{}"}`, "ValidationException",
			"1 validation error detected: Value 'INVALID' at 'createDocumentationPartInput.location.type' failed to satisfy constraint: " + enumPartType},
		{"list and scalar", "POST", "/restapis", `{"name":"n","endpointConfiguration":{"ipAddressType":"wrong","types":["wrong"]}}`, "ValidationException",
			"2 validation errors detected: " + types + "; " + ip},
		{"list", "POST", "/restapis", `{"name":"n","endpointConfiguration":{"types":["wrong"]}}`, "ValidationException", "1 validation error detected: " + types},
		{"element of a list", "PATCH", "/restapis/a/resources/r/methods/GET/responses/200", `{"patchOperations":[{"op":"wrong_op"},{"op":"add"},{"op":"wrong_op"}]}`, "ValidationException",
			"2 validation errors detected: " + op1 + "; " + op3},
		{"body before label", "PATCH", "/restapis/a/resources/r/methods/GET/responses/wrong", `{"patchOperations":[{"op":"wrong_op"}]}`, "ValidationException",
			"2 validation errors detected: " + op1 + "; " + code},
		{"pattern", "PUT", "/restapis/a/resources/r/methods/GET/integration/responses/wrong", `{}`, "ValidationException", "1 validation error detected: " + code},
		{"required", "PUT", "/restapis/a/resources/r/methods/GET", `{}`, "ValidationException",
			"1 validation error detected: Value null at 'putMethodInput.authorizationType' failed to satisfy constraint: Member must not be null"},
		{"required and null", "PUT", "/restapis/a/resources/r/methods/GET", `{"authorizationType":null}`, "ValidationException",
			"1 validation error detected: Value null at 'putMethodInput.authorizationType' failed to satisfy constraint: Member must not be null"},
		{"boolean for string", "PUT", "/restapis/a/resources/r/methods/GET/integration", `{"type":"MOCK","requestParameters":{"integration.request.path.bool":true}}`, "SerializationException",
			"class java.lang.Boolean can not be converted to an String"},
		{"number for string", "PUT", "/restapis/a/resources/r/methods/GET/integration/responses/200", `{"responseTemplates":{"application/json":123}}`, "SerializationException",
			"class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String"},
		// From here on the texts are ours, after the pattern of the recorded ones.
		{"query not a number", "GET", "/restapis?limit=x", "", "SerializationException", "class java.lang.String can not be converted to an Integer"},
		{"query required", "GET", "/v2/apis/a/exports/OAS30", "", "ValidationException",
			"1 validation error detected: Value null at 'outputType' failed to satisfy constraint: Member must not be null"},
		{"null in a list", "POST", "/restapis", `{"name":"n","binaryMediaTypes":["a",null]}`, "ValidationException",
			"1 validation error detected: Value '[null]' at 'createRestApiInput.binaryMediaTypes' failed to satisfy constraint: Member must satisfy constraint: [Member must not be null]"},
		{"null in a map", "POST", "/restapis", `{"name":"n","tags":{"k":null}}`, "ValidationException",
			"1 validation error detected: Value '{k=null}' at 'createRestApiInput.tags' failed to satisfy constraint: Map value must satisfy constraint: [Member must not be null]"},
	}
	h := handler(t, awsrpc.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := answer(t, h, signed(tt.method, tt.target, tt.body))
			var doc struct{ Message string }
			if err := json.Unmarshal([]byte(body), &doc); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != 400 || doc.Message != tt.want || strings.Join(resp.Header["x-amzn-ErrorType"], ",") != tt.errorType {
				t.Errorf("%s %s %s:\n got %d %v %s\nwant %s %s", tt.method, tt.target, tt.body, resp.StatusCode, resp.Header["x-amzn-ErrorType"], doc.Message, tt.errorType, tt.want)
			}
		})
	}
}

// FuzzBody sends arbitrary documents to operations with nested input. Whatever
// comes, the answer is a client's error or reaches the server.
func FuzzBody(f *testing.F) {
	f.Add(`{"name":"n","endpointConfiguration":{"types":["REGIONAL"],"vpcEndpointIds":[]}}`)
	f.Add(`{"name":1e400}`)
	f.Add(`{"minimumCompressionSize":1e18,"tags":{"a":"b","a":"c"}}`)
	f.Add(`[[[[[[[[[[`)
	f.Add(`{"name":"\ud800"}`)
	f.Add(`null`)
	h, err := awsrpc.NewHandler(mounts(), awsrpc.Options{Dev: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, target := range []string{"POST /restapis", "PATCH /restapis/a/stages/s", "POST /v2/apis", "POST /v2/portals"} {
			method, path, _ := strings.Cut(target, " ")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
			if w.Code != 400 && w.Code != 501 || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s %q: %d %s", target, body, w.Code, w.Body)
			}
		}
	})
}
