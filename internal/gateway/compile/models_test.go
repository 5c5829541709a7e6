package compile_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
)

// validated is a definition whose POST / and POST /{test} are validated.
func validated(models map[string]string, v api.RequestValidator, change ...func(*api.Method)) *record.Definition {
	m := mock(`{"data": "ok"}`, append(change, func(m *api.Method) { m.RequestValidatorId = new("v") })...)
	def := define(map[string]api.Method{"POST": m, "GET": m}, "/{test}")
	def.RequestValidators = map[string]api.RequestValidator{"v": v}
	def.Models = map[string]api.Model{}
	for name, schema := range models {
		def.Models[name] = api.Model{Name: &name, ContentType: new("application/json"), Schema: &schema}
	}
	return def
}

func bodies() api.RequestValidator { return api.RequestValidator{ValidateRequestBody: new(true)} }

func model(name string) func(*api.Method) {
	return func(m *api.Method) { m.RequestModels = map[string]string{"application/json": name} }
}

const (
	modelsAt   = "https://apigateway.amazonaws.com/restapis/abcdef/models/"
	testSchema = `{"$schema": "http://json-schema.org/draft-04/schema#", "title": "testSchema", "type": "object",
		"properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}`
)

// sameAnswer compares a body with a recorded one.
func sameAnswer(t *testing.T, what, body string, want json.RawMessage) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(body), &g); err != nil {
		t.Errorf("%s: %q: %v", what, body, err)
		return
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(w, g); d != "" {
		t.Errorf("%s (-recorded +got):\n%s", what, d)
	}
}

// AWS: recorded in LS common::test_api_gateway_request_validator.
func TestRequestValidator(t *testing.T) {
	both := api.RequestValidator{ValidateRequestBody: new(true), ValidateRequestParameters: new(true)}
	asking := func(path string) func(*api.Method) {
		return func(m *api.Method) {
			model("testSchema")(m)
			m.RequestParameters = map[string]bool{"method.request.header.x-header-param": true, "method.request.path." + path: true,
				"method.request.querystring.qs1": true}
		}
	}
	w := newWorld(t)
	models := map[string]string{"testSchema": testSchema}
	w.deploy("a1", "wrong", validated(models, both, asking("issuer")))
	w.deploy("a2", "right", validated(models, both, asking("test")))
	w.deploy("a3", "off", validated(models, api.RequestValidator{}, asking("test")))
	ok := `{"a": 1, "b": 2}`
	tests := []struct {
		api, method, path, body string
		lines                   []string
		want                    string // empty: 200
	}{
		{"a1/wrong", "POST", "/value", "", nil, "Missing required request parameters: [x-header-param, issuer, qs1]"},
		{"a2/right", "POST", "/value?qs1=1", ok, []string{"x-header-param: 1"}, ""},
		{"a2/right", "GET", "/value?qs1=1", "", nil, "Missing required request parameters: [x-header-param]"},
		{"a2/right", "GET", "/value", "", []string{"x-header-param: 1"}, "Missing required request parameters: [qs1]"},
		{"a2/right", "POST", "/value?qs1=1", `{"wrong": "body"}`, []string{"x-header-param: 1"}, "Invalid request body"},
		{"a2/right", "POST", "/value?qs1=1", `{"a":`, []string{"x-header-param: 1"}, "Invalid request body"},
		{"a2/right", "GET", "/value?qs1=1", "", []string{"x-header-param: 1"}, "Invalid request body"}, // {} lacks a and b
		{"a3/off", "POST", "/value", `{"wrong": "body"}`, nil, ""},
	}
	for _, tt := range tests {
		a := w.send(tt.method, "/_aws/execute-api/"+tt.api+tt.path, tt.body, tt.lines...)
		switch {
		case tt.want == "":
			if a.Status != 200 {
				t.Errorf("%s %s%s: %d %s, want 200", tt.method, tt.api, tt.path, a.Status, a.Body)
			}
		case a.Status != 400 || headerOf(a, "x-amzn-ErrorType") != "BadRequestException":
			t.Errorf("%s: %d %q, want 400", tt.want, a.Status, a.Header)
		default:
			sameAnswer(t, tt.want, a.Body, json.RawMessage(`{"message": "`+tt.want+`"}`))
		}
	}
}

// AWS: rest-execution.md §7; LS
// import::test_import_with_circular_models_and_request_validation.
func TestBodyValidation(t *testing.T) {
	w := newWorld(t)
	w.deploy("a1", "s", validated(map[string]string{
		"Person": `{"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "house": {"$ref": "` + modelsAt + `House"}}}`,
		"House":  `{"type": "object", "properties": {"owner": {"$ref": "` + modelsAt + `Person"}}}`,
	}, bodies(), model("Person")))
	w.deploy("a2", "s", validated(map[string]string{"Any": `{"type": "object"}`, "List": `{"type": "array"}`}, bodies(),
		func(m *api.Method) { m.RequestModels = map[string]string{"$default": "Any", "text/json": "List"} }))
	tests := []struct {
		api, body, contentType string
		want                   int
	}{
		{"a1", `{"name": "a", "house": {"owner": {"name": "b", "house": {"owner": {"name": "c"}}}}}`, "application/json", 200},
		{"a1", `{"name": "a", "house": {"owner": {"name": "b", "house": {"owner": {}}}}}`, "application/json; charset=utf-8", 400},
		{"a1", `[]`, "", 400},
		{"a1", `[]`, "text/plain", 200},
		{"a2", `[]`, "text/plain", 400},
		{"a2", `[]`, "text/json", 200},
	}
	for _, tt := range tests {
		var lines []string
		if tt.contentType != "" {
			lines = append(lines, "Content-Type: "+tt.contentType)
		}
		if a := w.send("POST", "/_aws/execute-api/"+tt.api+"/s/", tt.body, lines...); a.Status != tt.want {
			t.Errorf("%s %s of %q: %d %s, want %d", tt.api, tt.body, tt.contentType, a.Status, a.Body, tt.want)
		}
	}
}

// A deployment whose models cannot be compiled leaves the stage as it was.
func TestBadModelsAreRefused(t *testing.T) {
	w := newWorld(t)
	w.deploy("a1", "s", answering("good"))
	bad := validated(map[string]string{"A": `{"$ref": "` + modelsAt + `Gone"}`}, bodies(), model("A"))
	w.commit(append(w.putDeployment("a1", "d2", bad), w.putStage("a1", "s", "d2"))...)
	w.expect("good", "a1", "s", "/pets")
	refused := w.c.Status().Refused
	if len(refused) != 1 || !strings.Contains(refused[0].Reason, "there is no model Gone") {
		t.Errorf("refused: %+v", refused)
	}
}
