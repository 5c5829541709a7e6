package apigateway

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUpdateIntegration(t *testing.T) {
	c := newClient(t)
	id, root := c.newAPI()
	m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
	c.must("PutMethod", with(m, "authorizationType", "NONE", "requestParameters", doc{"method.request.header.A": false}))
	c.must("PutIntegration", with(m, "type", "HTTP", "integrationHttpMethod", "GET", "uri", "http://127.0.0.1:1/"))
	update := func(ops ...any) doc {
		t.Helper()
		out := c.must("UpdateIntegration", with(m, "patchOperations", patch(ops...)))
		delete(out, "$")
		return out
	}
	want := doc{
		"type": "HTTP", "httpMethod": "POST", "uri": "http://127.0.0.1:2/{id}", "connectionType": "INTERNET", "timeoutInMillis": 50.0,
		"passthroughBehavior": "NEVER", "cacheNamespace": "ns", "cacheKeyParameters": []any{"method.request.header.A"},
		"requestParameters": doc{"integration.request.header.B": "method.request.header.A"},
		"requestTemplates":  doc{"application/json": "{}"}, "tlsConfig": doc{"insecureSkipVerification": true},
	}
	got := update("replace", "/httpMethod", "POST", "replace", "/uri", "http://127.0.0.1:2/{id}", "replace", "/timeoutInMillis", "50",
		"replace", "/passthroughBehavior", "NEVER", "replace", "/cacheNamespace", "ns", "add", "/cacheKeyParameters/method.request.header.A", "",
		"add", "/requestParameters/integration.request.header.B", "method.request.header.A", "add", "/requestTemplates/application~1json", "{}",
		"replace", "/tlsConfig/insecureSkipVerification", "true")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after UpdateIntegration (-want +got):\n%s", diff)
	}
	got = update("remove", "/requestParameters/integration.request.header.B", nil, "remove", "/requestTemplates/application~1json", nil,
		"remove", "/cacheKeyParameters/method.request.header.A", nil, "replace", "/cacheNamespace", "")
	delete(want, "requestParameters")
	delete(want, "requestTemplates")
	want["cacheKeyParameters"], want["cacheNamespace"] = []any{}, root
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after removals (-want +got):\n%s", diff)
	}
	fail := func(op, path string, value any, want string) {
		t.Helper()
		c.fail("UpdateIntegration", with(m, "patchOperations", patch(op, path, value)), want)
	}
	fail("replace", "/timeoutInMillis", "49", "BadRequestException: Timeout should be between 50 ms and 29000 ms")
	fail("replace", "/timeoutInMillis", "x", "BadRequestException: Timeout should be between 50 ms and 29000 ms")
	fail("replace", "/type", "MOCK", "BadRequestException: Invalid patch path /type")
	for _, uri := range []string{"nope", "http://name:pass@host/", "http://host:0/", "http://host:65536/"} {
		fail("replace", "/uri", uri, "BadRequestException: Invalid HTTP endpoint specified for URI")
	}
	fail("replace", "/requestParameters/integration.request.header.X", "'x'", "NotFoundException: Invalid parameter name specified")
	fail("remove", "/requestTemplates/text~1plain", nil, "NotFoundException: Content-Type specified was not found")
	c.must("DeleteIntegration", m)
	c.fail("GetIntegration", m, "NotFoundException: Invalid Integration identifier specified")
	c.fail("DeleteIntegration", m, "NotFoundException: Invalid Integration identifier specified")
}

func TestUpdateIntegrationResponse(t *testing.T) {
	c := newClient(t)
	_, r := newMockMethod(c)
	putHeaderResponse(c, r)
	c.must("PutIntegrationResponse", r)
	const param = "/responseParameters/method.response.header.my-header"
	update := func(ops ...any) doc {
		t.Helper()
		return c.must("UpdateIntegrationResponse", with(r, "patchOperations", patch(ops...)))
	}
	got := update("add", param, "'a'", "add", "/responseTemplates/text~1plain", "hello", "replace", param, "integration.response.header.X")
	want := doc{"$": 200.0, "statusCode": "200", "responseParameters": doc{"method.response.header.my-header": "integration.response.header.X"},
		"responseTemplates": doc{"text/plain": "hello"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after UpdateIntegrationResponse (-want +got):\n%s", diff)
	}
	got = update("remove", param, nil, "remove", "/responseTemplates/text~1plain", nil)
	if diff := cmp.Diff(doc{"$": 200.0, "statusCode": "200"}, got); diff != "" {
		t.Errorf("after removals (-want +got):\n%s", diff)
	}
	c.fail("UpdateIntegrationResponse", with(r, "patchOperations", patch("replace", "/statusCode", "201")), "BadRequestException: Invalid patch path /statusCode")
	c.fail("UpdateIntegrationResponse", with(r, "patchOperations", patch("replace", "/selectionPattern", "(")), "BadRequestException: Invalid selection pattern specified: (")
}

const extendedAPI = `{
  "swagger": "2.0", "info": {"title": "Extended", "version": "1"},
  "x-amazon-apigateway-request-validators": {"params": {"validateRequestParameters": true, "validateRequestBody": false}},
  "x-amazon-apigateway-request-validator": "params",
  "x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": {"statusCode": "418", "responseParameters": {"gatewayresponse.header.X": "'y'"}}},
  "securityDefinitions": {"api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"}},
  "paths": {"/pets": {"get": {
    "security": [{"api_key": []}],
    "parameters": [{"name": "kind", "in": "query", "required": true, "type": "string"}],
    "responses": {"200": {"description": "ok", "headers": {"X-Kind": {"type": "string"}}}},
    "x-amazon-apigateway-integration": {"type": "http", "httpMethod": "GET", "uri": "http://127.0.0.1:1/pets",
      "requestParameters": {"integration.request.querystring.kind": "method.request.querystring.kind"},
      "responses": {"default": {"statusCode": "200", "responseParameters": {"method.response.header.X-Kind": "integration.response.header.Kind"}}}}}}}}`

// Validators, gateway responses and keys come in with a document, and keep
// their ids when it comes again.
func TestImportExtensions(t *testing.T) {
	c := newClient(t)
	id := c.must("ImportRestApi", doc{"body": extendedAPI})["id"]
	validator := func() any {
		t.Helper()
		items := c.must("GetRequestValidators", doc{"restApiId": id})["items"].([]any)
		if len(items) != 1 {
			t.Fatalf("validators %v, want one", items)
		}
		v := items[0].(doc)
		if v["name"] != "params" || v["validateRequestParameters"] != true || v["validateRequestBody"] != false {
			t.Errorf("validator %v", v)
		}
		return v["id"]
	}
	first := validator()
	m := c.must("GetMethod", doc{"restApiId": id, "resourceId": c.resourceIDs(id)["/pets"], "httpMethod": "GET"})
	if m["requestValidatorId"] != first || m["apiKeyRequired"] != true {
		t.Errorf("method %v, want validator %v and a key", m, first)
	}
	r := c.must("GetGatewayResponse", doc{"restApiId": id, "responseType": "DEFAULT_4XX"})
	if r["statusCode"] != "418" || r["defaultResponse"] != false {
		t.Errorf("gateway response %v, want 418", r)
	}
	if r := c.must("GetGatewayResponse", doc{"restApiId": id, "responseType": "THROTTLED"}); r["statusCode"] != "418" || r["defaultResponse"] != true {
		t.Errorf("gateway response of the family %v, want 418", r)
	}
	for _, mode := range []string{"overwrite", "merge"} {
		c.must("PutRestApi", doc{"restApiId": id, "mode": mode, "body": extendedAPI})
		if got := validator(); got != first {
			t.Errorf("validator has id %v after %s, want %v", got, mode, first)
		}
	}
	c.must("PutRestApi", doc{"restApiId": id, "mode": "overwrite", "body": petsAPI("2", "/a")})
	if items := c.must("GetRequestValidators", doc{"restApiId": id})["items"].([]any); len(items) != 0 {
		t.Errorf("validators %v after an overwrite without any", items)
	}
	if r := c.must("GetGatewayResponse", doc{"restApiId": id, "responseType": "DEFAULT_4XX"}); r["defaultResponse"] != true {
		t.Errorf("gateway response %v after an overwrite without any", r)
	}
}
