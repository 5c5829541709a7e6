package openapi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// AWS: openapi.md §2.
const httpDocument = `
openapi: "3.0.1"
info: {title: pets, version: "1"}
servers: [{url: "https://x/{basePath}", variables: {basePath: {default: v1}}, x-amazon-apigateway-endpoint-configuration: {disableExecuteApiEndpoint: true}}]
tags: [{name: owner, x-amazon-apigateway-tag-value: me}]
x-amazon-apigateway-cors: {allowOrigins: ["https://a"], maxAge: 5, allowCredentials: true}
components:
  securitySchemes:
    jwt:
      type: oauth2
      x-amazon-apigateway-authorizer: {type: jwt, identitySource: $request.header.Authorization, jwtConfiguration: {issuer: "https://i", audience: [a, b]}}
    gate:
      type: apiKey
      in: header
      name: Unused
      x-amazon-apigateway-authorizer: {type: request, identitySource: "$request.header.a, $request.querystring.b", authorizerUri: "arn:x",
        authorizerPayloadFormatVersion: 2.0, enableSimpleResponses: true, authorizerResultTtlInSeconds: 9}
    other: {type: http, scheme: basic}
  x-amazon-apigateway-integrations:
    shared: {type: http_proxy, httpMethod: ANY, uri: "http://h/{id}", payloadFormatVersion: "1.0", responseParameters: {"200": {"remove:header.x": "''"}}}
paths:
  /pets/{id}:
    get:
      operationId: pet
      security: [{jwt: [r, w]}]
      x-amazon-apigateway-integration: {$ref: "#/components/x-amazon-apigateway-integrations/shared"}
    put:
      security: [{gate: []}]
      x-amazon-apigateway-integration: {$ref: "#/components/x-amazon-apigateway-integrations/shared"}
  /plain:
    x-amazon-apigateway-any-method:
      x-amazon-apigateway-integration: {type: AWS_PROXY, uri: "arn:f", payloadFormatVersion: 2.0, timeoutInMillis: 100}
    post:
      x-amazon-apigateway-integration: {type: mock}
  /$default:
    x-amazon-apigateway-any-method:
      isDefaultRoute: true
`

func TestImportHTTP(t *testing.T) {
	a, err := ImportHTTP([]byte(httpDocument), Options{BasePath: BasePathIgnore})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range a.Routes {
		got = append(got, strings.Join([]string{*r.RouteKey, *r.AuthorizationType, r.Authorizer, strings.Join(r.AuthorizationScopes, "+"), string(rune('0' + r.Integration))}, "|"))
	}
	want := []string{"GET /pets/{id}|JWT|jwt|r+w|0", "PUT /pets/{id}|CUSTOM|gate||0", "ANY /plain|NONE|||1", "POST /plain|NONE|||/", "$default|NONE|||/"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("routes (-want +got):\n%s", d)
	}
	if len(a.Integrations) != 2 || *a.Integrations[1].PayloadFormatVersion != "2.0" || len(a.Authorizers) != 2 || len(a.Authorizers[1].IdentitySource) != 2 {
		t.Errorf("integrations %v, authorizers %v", a.Integrations, a.Authorizers)
	}
	if d := cmp.Diff([]string{"Unsupported security definition type 'http' for 'other'. Ignoring.",
		"Integration type MOCK at paths.'/plain'.post.x-amazon-apigateway-integration is not supported for HTTP APIs. Ignoring."}, a.Warnings); d != "" {
		t.Errorf("warnings (-want +got):\n%s", d)
	}
	if len(a.Info) > 0 {
		t.Errorf("info %v", a.Info)
	}
	prefixed, err := ImportHTTP([]byte(httpDocument), Options{BasePath: BasePathPrepend})
	if err != nil || *prefixed.Routes[0].RouteKey != "GET /v1/pets/{id}" || *prefixed.Routes[4].RouteKey != "$default" {
		t.Errorf("prepended: %v, %v", prefixed, err)
	}
}

// What HTTP APIs have not is told, and is no reason to refuse a document.
func TestImportHTTPInfo(t *testing.T) {
	a, err := ImportHTTP([]byte(`
openapi: 3.0.1
info: {title: t, version: "1"}
servers: [{url: "https://h/v1"}]
x-amazon-apigateway-importexport-version: "1.0"
x-amazon-apigateway-policy: {}
components:
  schemas: {}
  securitySchemes: {}
paths:
  /pets:
    parameters: []
    post:
      summary: s
      operationId: o
      requestBody: {}
      responses: {}
      x-amazon-apigateway-request-validator: all
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://h", payloadFormatVersion: "1.0"}
`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"document: key [x-amazon-apigateway-policy] will be ignored by API Gateway",
		"components: key [schemas] will be ignored by API Gateway",
		"paths./pets: key [parameters] will be ignored by API Gateway",
		"paths./pets.post: key [requestBody] will be ignored by API Gateway",
		"paths./pets.post: key [responses] will be ignored by API Gateway",
		"paths./pets.post: key [x-amazon-apigateway-request-validator] will be ignored by API Gateway",
	}
	if d := cmp.Diff(want, a.Info); d != "" {
		t.Errorf("info (-want +got):\n%s", d)
	}
	if len(a.Warnings) > 0 || a.Strict() != nil || len(a.Routes) != 1 {
		t.Errorf("warnings %v, routes %v", a.Warnings, a.Routes)
	}
}

// What was exported is imported as the same API.
func TestExportHTTPRoundTrip(t *testing.T) {
	a, err := ImportHTTP([]byte(httpDocument), Options{})
	if err != nil {
		t.Fatal(err)
	}
	a.Warnings = nil
	for _, yaml := range []bool{false, true} {
		doc, err := ExportHTTP(a, ExportOptions{Extensions: true, YAML: yaml, Host: "h", BasePath: "s"})
		if err != nil {
			t.Fatal(err)
		}
		again, err := ImportHTTP(doc, Options{})
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		key := func(a *HTTPAPI) map[string]string {
			m := map[string]string{}
			for _, r := range a.Routes {
				m[*r.RouteKey] = *r.AuthorizationType + " " + r.Authorizer + " " + strings.Join(r.AuthorizationScopes, "+")
				if r.Integration >= 0 {
					m[*r.RouteKey] += " " + *a.Integrations[r.Integration].IntegrationUri + *a.Integrations[r.Integration].PayloadFormatVersion
				}
			}
			return m
		}
		if d := cmp.Diff(key(a), key(again)); d != "" {
			t.Errorf("routes (-first +second):\n%s", d)
		}
		if d := cmp.Diff(a.Settings, again.Settings); d != "" {
			t.Errorf("settings (-first +second):\n%s", d)
		}
		if d := cmp.Diff(a.Authorizers, again.Authorizers); d != "" {
			t.Errorf("authorizers (-first +second):\n%s", d)
		}
	}
}

// The authorization that an operation names itself wins over its security.
func TestImportHTTPAuth(t *testing.T) {
	a, err := ImportHTTP([]byte(`{"openapi":"3.0.1","info":{"title":"a"},
		"components":{"securitySchemes":{"iam":{"type":"apiKey","name":"Authorization","in":"header","x-amazon-apigateway-authtype":"awsSigv4"}}},
		"paths":{"/a":{"get":{"x-amazon-apigateway-auth":{"type":"aws_iam"}},"put":{"security":[{"iam":[]}],"x-amazon-apigateway-auth":{"type":"NONE"}}}}}`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range a.Routes {
		got[*r.RouteKey] = *r.AuthorizationType
	}
	if d := cmp.Diff(map[string]string{"GET /a": "AWS_IAM", "PUT /a": "NONE"}, got); d != "" {
		t.Errorf("authorization (-want +got):\n%s", d)
	}
}

func TestImportHTTPRefusals(t *testing.T) {
	tests := []struct{ name, doc, want string }{
		{"swagger", `{"swagger":"2.0","info":{"title":"a"}}`, "Invalid OpenAPI input."},
		{"unknown scheme", `{"openapi":"3.0.1","info":{"title":"a"},"paths":{"/a":{"get":{"security":[{"nope":[]}]}}}}`,
			"Errors found during import:\n\tUnable to create route 'GET /a': Security scheme 'nope' not found"},
		{"unknown authorizer", `{"openapi":"3.0.1","info":{"title":"a"},"components":{"securitySchemes":{"a":{"x-amazon-apigateway-authorizer":{"type":"token"}}}}}`,
			"Errors found during import:\n\tUnable to create authorizer 'a': unsupported type 'token'"},
		{"security of the wrong type", `{"openapi":"3.0.1","info":{"title":"a"},"paths":{"/a":{"get":{"security":"jwt"}}}}`,
			"Errors found during import:\n\tParse issue: attribute paths.'/a'.get.security is not a list of security requirements"},
		{"authorization of its own that is none", `{"openapi":"3.0.1","info":{"title":"a"},"paths":{"/a":{"get":{"x-amazon-apigateway-auth":{"type":"iam"}}}}}`,
			"Errors found during import:\n\tUnable to create route 'GET /a': Invalid authorization type specified. Valid options are NONE,AWS_IAM"},
		{"integration that is none", `{"openapi":"3.0.1","info":{"title":"a"},"paths":{"/a":{"get":{"x-amazon-apigateway-integration":7}}}}`,
			"Errors found during import:\n\tUnable to parse API definition because of a malformed integration at paths.'/a'.get.x-amazon-apigateway-integration"},
	}
	for _, tt := range tests {
		if _, err := ImportHTTP([]byte(tt.doc), Options{}); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

func FuzzImportHTTP(f *testing.F) {
	f.Add([]byte(httpDocument))
	f.Add([]byte(`{"openapi":"3.0.1","paths":{"/a":{"get":{"security":[{"a":[]}]}}}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		a, err := ImportHTTP(doc, Options{BasePath: BasePathPrepend})
		if err != nil {
			return
		}
		_, _ = ExportHTTP(a, ExportOptions{Extensions: true})
	})
}
