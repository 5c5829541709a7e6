package openapi

import (
	"slices"
	"strings"
	"testing"
)

// TestCompare changes one thing of a definition at a time.
func TestCompare(t *testing.T) {
	const base = `{
	"swagger": "2.0", "info": {"title": "pets", "version": "1"},
	"x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": true}},
	"x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": {"responseTemplates": {"application/json": "{}"}}},
	"securityDefinitions": {"tokens": {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "custom",
		"x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations"}}},
	"definitions": {"Pet": {"type": "object"}},
	"paths": {"/pets": {"get": {
		"x-amazon-apigateway-request-validator": "all", "security": [{"tokens": []}],
		"responses": {"200": {"description": "ok", "headers": {"X-A": {"type": "string"}}}},
		"x-amazon-apigateway-integration": {"type": "http", "httpMethod": "GET", "uri": "http://a/pets", "cacheKeyParameters": ["method.request.querystring.a"],
			"responses": {"default": {"statusCode": "200", "responseTemplates": {"application/json": "$input.body"}}}}}}}}`
	for _, c := range []struct {
		name, from, to string
		want           []string
	}{
		{"nothing", `"title": "pets"`, `"title":  "pets"`, nil},
		{"version", `"version": "1"`, `"version": "2"`, []string{"~ api: version: 1 → 2"}},
		{"uri", "http://a/pets", "http://b/pets", []string{"~ GET /pets: methodIntegration.uri: http://a/pets → http://b/pets"}},
		{"template", "$input.body", "$input.json('$')",
			[]string{"~ GET /pets: methodIntegration.integrationResponses.200.responseTemplates.application/json: $input.body → $input.json('$')"}},
		{"key", `["method.request.querystring.a"]`, `[]`,
			[]string{"~ GET /pets: methodIntegration.cacheKeyParameters: was method.request.querystring.a"}},
		{"header", `, "headers": {"X-A": {"type": "string"}}`, "",
			[]string{"~ GET /pets: methodResponses.200.responseParameters.method.response.header.X-A: was false"}},
		{"method", `"get": {`, `"put": {`, []string{"- GET /pets", "+ PUT /pets"}},
		{"security", `"security": [{"tokens": []}],`, "",
			[]string{"~ GET /pets: authorizationType: CUSTOM → NONE", "~ GET /pets: authorizer: was tokens"}},
		{"validator", `"all": {"validateRequestBody": true}`, `"all": {"validateRequestParameters": true}`,
			[]string{"~ validator all: validateRequestBody: true → false", "~ validator all: validateRequestParameters: false → true"}},
		{"response", `"{}"`, `"[]"`, []string{"~ gateway response DEFAULT_4XX: responseTemplates.application/json: {} → []"}},
		{"authorizer", "functions/f/", "functions/g/",
			[]string{"~ authorizer tokens: authorizerUri: arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations → arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/g/invocations"}},
		{"model", `"Pet": {"type": "object"}`, `"Dog": {"type": "object"}`, []string{"+ model Dog", "- model Pet"}},
		{"schema", `"Pet": {"type": "object"}`, `"Pet": {"type": "array"}`, []string{`~ model Pet: schema: {"type":"object"} → {"type":"array"}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			have, err := Import([]byte(base), Options{})
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(base, c.from, c.to, 1)
			if text == base {
				t.Fatal("nothing was replaced")
			}
			want, err := Import([]byte(text), Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range Compare(have, want) {
				got = append(got, d.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}
