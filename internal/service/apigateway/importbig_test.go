package apigateway

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bigAPI is a document of n things, two resources each, with models and every extension that
// imports know.
func bigAPI(n int) string {
	const authorizer = `arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:111111111111:function:f/invocations`
	var b strings.Builder
	b.WriteString(`{"openapi": "3.0.1", "info": {"title": "big", "version": "1", "description": "A large API."},
"servers": [{"url": "https://example.com/{basePath}", "variables": {"basePath": {"default": "/v1"}}}],
"x-amazon-apigateway-api-key-source": "HEADER", "x-amazon-apigateway-binary-media-types": ["image/png"], "x-amazon-apigateway-minimum-compression-size": 1024,
"x-amazon-apigateway-endpoint-configuration": {"disableExecuteApiEndpoint": false},
"x-amazon-apigateway-policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}]},
"x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": true, "validateRequestParameters": true}, "params": {"validateRequestBody": false, "validateRequestParameters": true}},
"x-amazon-apigateway-request-validator": "params",
"x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": {"statusCode": 400, "responseParameters": {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"},
  "responseTemplates": {"application/json": "{\"message\": $context.error.messageString}"}}},
"x-amazon-apigateway-documentation": {"version": "1", "documentationParts": [{"location": {"type": "API"}, "properties": {"description": "A large API."}}]},
"paths": {`)
	for i := range n {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `
"/thing%[1]d/{id}": {
  "get": {"operationId": "getThing%[1]d", "summary": "Gives thing %[1]d", "tags": ["things"], "security": [{"key": []}],
    "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}, {"name": "page", "in": "query", "schema": {"type": "string"}}],
    "responses": {"200": {"description": "ok", "headers": {"ETag": {"schema": {"type": "string"}}}, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing%[1]d"}}}}},
    "x-amazon-apigateway-integration": {"type": "http", "httpMethod": "GET", "uri": "http://${stageVariables.host}/things/{id}", "passthroughBehavior": "when_no_match",
      "timeoutInMillis": 5000, "cacheKeyParameters": ["method.request.path.id"], "cacheNamespace": "n%[1]d", "requestParameters": {"integration.request.path.id": "method.request.path.id"},
      "responses": {"default": {"statusCode": "200", "responseParameters": {"method.response.header.ETag": "integration.response.header.ETag"},
        "responseTemplates": {"application/json": "#set($r = $input.path('$')){\"id\": \"$r.id\"}"}}}}},
  "post": {"security": [{"fun": []}], "x-amazon-apigateway-request-validator": "all",
    "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing%[1]d"}}}},
    "responses": {"201": {"description": "made"}},
    "x-amazon-apigateway-integration": {"type": "http_proxy", "httpMethod": "POST", "uri": "https://example.com/things", "tlsConfig": {"insecureSkipVerification": false}}},
  "options": {"responses": {"200": {"description": "cors", "headers": {"Access-Control-Allow-Origin": {"schema": {"type": "string"}}}}},
    "x-amazon-apigateway-integration": {"type": "mock", "requestTemplates": {"application/json": "{\"statusCode\": 200}"},
      "responses": {"default": {"statusCode": "200", "responseParameters": {"method.response.header.Access-Control-Allow-Origin": "'*'"}}}}}}`, i)
	}
	fmt.Fprintf(&b, `}, "components": {"securitySchemes": {"key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
  "fun": {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "custom",
    "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": %q, "authorizerResultTtlInSeconds": 60}}}, "schemas": {`, authorizer)
	for i := range n {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `
"Thing%d": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "maxLength": 40}, "price": {"type": "number", "minimum": 0},
  "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing%d"}}}}`, i, i)
	}
	return b.String() + "}}}"
}

// bigThings fill an API to Amazon's limit of 300 resources, but for one.
const bigThings = 149

// A big API survives the way out and in again: what is exported of the second
// import is what was exported of the first.
func TestBigImport(t *testing.T) {
	c := newClient(t)
	var documents []doc
	source := bigAPI(bigThings)
	for range 2 {
		id := c.must("ImportRestApi", doc{"body": source, "failOnWarnings": true})["id"]
		c.must("CreateDeployment", doc{"restApiId": id, "stageName": "s"})
		source = exported(c, id, "oas30", "application/json", "apigateway")
		var d doc
		if err := json.Unmarshal([]byte(strings.ReplaceAll(source, id.(string), "ID")), &d); err != nil {
			t.Fatal(err)
		}
		documents = append(documents, d)
		list := c.must("GetResources", doc{"restApiId": id, "limit": 500})
		if n := len(list["items"].([]any)); n != 2*bigThings+1 {
			t.Errorf("%d resources, want %d", n, 2*bigThings+1)
		}
	}
	if d := cmp.Diff(documents[0], documents[1]); d != "" {
		t.Errorf("exported again (-first +second):\n%.4000s", d)
	}
}

// BenchmarkImport300Resources imports the big API. Budget: a second.
func BenchmarkImport300Resources(b *testing.B) {
	c := newClient(b)
	source := bigAPI(bigThings)
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		id := c.must("ImportRestApi", doc{"body": source})["id"]
		b.StopTimer()
		c.must("DeleteRestApi", doc{"restApiId": id})
		b.StartTimer()
	}
}
