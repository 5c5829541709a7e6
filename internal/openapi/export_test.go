package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	api "gatehouse/internal/awsapi/apigateway"
)

// corpus is where recordings and what they imported are kept, beside the
// repository.
const corpus = "../../../shared/corpus"

// A source is a document to take a round trip with.
type source struct {
	name string
	text []byte
	opt  Options
}

// sources are all documents of our cases and, where they are, those that the
// recordings were made with.
func sources(t testing.TB) []source {
	var list []source
	files, err := filepath.Glob("testdata/import/*.txtar")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := source{name: filepath.Base(file), opt: Options{Region: "eu-west-1", Account: "123456789012", RestAPI: "abc123"}}
		for _, f := range ar.Files {
			switch f.Name {
			case "document":
				s.text = f.Data
			case "options":
				if err := json.Unmarshal(f.Data, &s.opt); err != nil {
					t.Fatal(err)
				}
			}
		}
		list = append(list, s)
	}
	recorded, err := filepath.Glob(filepath.Join(corpus, "openapi", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range recorded {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, source{filepath.Base(file), text, Options{Region: "us-east-1", Account: "111111111111", RestAPI: "abc123"}})
	}
	return list
}

// Import, export with all extensions, import: the same API, in each version
// and syntax.
func TestExportRoundTrip(t *testing.T) {
	trips := 0
	for _, src := range sources(t) {
		want, err := Import(src.text, src.opt)
		if err != nil {
			continue // a case of refusal
		}
		for _, opt := range []ExportOptions{{}, {YAML: true}, {V3: true}, {V3: true, YAML: true}} {
			opt.Extensions, opt.Authorizers = true, true
			opt.Host, opt.BasePath, opt.Version = "abc123.example.com", "prod", "2026-11-22T00:00:00Z"
			opt.Documentation = &ExportedDocumentation{Version: "1", Parts: want.Documentation}
			if !opt.V3 && !fitsV2(want) {
				continue
			}
			trips++
			t.Run(src.name+version(opt), func(t *testing.T) {
				text, err := Export(want, opt)
				if err != nil {
					t.Fatal(err)
				}
				back := src.opt
				back.BasePath = BasePathIgnore
				got, err := Import(text, back)
				if err != nil {
					t.Fatalf("import of the export: %v\n%s", err, text)
				}
				if len(got.Warnings) > 0 && len(want.Warnings) == 0 {
					t.Errorf("the export is imported with warnings %q", got.Warnings)
				}
				if d := Compare(got, want); d != nil {
					t.Errorf("the round trip is told as a change: %v", d)
				}
				if d := cmp.Diff(comparable(t, want, opt.Version), comparable(t, got, opt.Version)); d != "" {
					t.Errorf("after a round trip (-want +got):\n%s\n%s", d, text)
				}
			})
		}
	}
	if trips < 60 {
		t.Errorf("%d round trips, want at least 60", trips)
	}
}

func version(opt ExportOptions) string {
	name := "/2.0"
	if opt.V3 {
		name = "/3.0"
	}
	if opt.YAML {
		return name + "-yaml"
	}
	return name
}

// fitsV2 reports whether OpenAPI 2.0 can say what a says: one model for the
// requests of a method, and one media type for the models of its responses.
func fitsV2(a *API) bool {
	for _, r := range a.Resources {
		for _, m := range r.Methods {
			types := map[string]bool{}
			for _, response := range m.MethodResponses {
				for mediaType := range response.ResponseModels {
					types[mediaType] = true
				}
			}
			if len(m.RequestModels) > 1 || len(types) > 1 {
				return false
			}
		}
	}
	return true
}

// comparable is an API in a form that does not show what a round trip may
// change: the order of things, the layout of schemas, a missing version.
func comparable(t *testing.T, a *API, version string) any {
	t.Helper()
	c := *a
	c.Warnings = nil
	if c.Settings.Version == nil {
		c.Settings.Version = &version
	}
	if d := c.Settings.DisableExecuteApiEndpoint; d != nil && !*d {
		c.Settings.DisableExecuteApiEndpoint = nil
	}
	if s := c.Settings.ApiKeySource; s != nil && *s == api.ApiKeySourceTypeHeader {
		c.Settings.ApiKeySource = nil
	}
	if len(c.Settings.BinaryMediaTypes) == 0 {
		c.Settings.BinaryMediaTypes = nil
	}
	c.Resources = slices.Clone(c.Resources)
	slices.SortFunc(c.Resources, func(a, b Resource) int { return strings.Compare(a.Path, b.Path) })
	for i, r := range c.Resources {
		c.Resources[i].Methods = slices.Clone(r.Methods)
		slices.SortFunc(c.Resources[i].Methods, func(a, b Method) int { return strings.Compare(*a.HttpMethod, *b.HttpMethod) })
	}
	c.GatewayResponses = slices.Clone(c.GatewayResponses)
	c.Models = slices.Clone(c.Models)
	slices.SortFunc(c.Models, func(a, b api.Model) int { return strings.Compare(*a.Name, *b.Name) })
	schemas := map[string]any{}
	for i, m := range c.Models {
		var schema any
		if err := json.Unmarshal([]byte(*m.Schema), &schema); err != nil {
			t.Fatal(err)
		}
		if object, ok := schema.(map[string]any); ok {
			delete(object, "$schema")
		}
		schemas[*m.Name] = schema
		c.Models[i].Schema = nil
	}
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return []any{pruned(v), schemas}
}

// exportOf imports a document and exports it again.
func exportOf(t *testing.T, text string, opt ExportOptions) map[string]any {
	t.Helper()
	a, err := Import([]byte(text), Options{Region: "eu-west-1", Account: "123456789012", RestAPI: "abc123"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := Export(a, opt)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return v
}

const secured = `{"swagger": "2.0", "info": {"title": "t"}, "paths": {"/a": {
  "get": {"security": [{"mine": ["s"]}, {"key": []}], "responses": {},
    "x-amazon-apigateway-integration": {"type": "mock"}},
  "put": {"security": [{"iam": []}], "responses": {}}}},
"securityDefinitions": {
  "mine": {"type": "apiKey", "in": "header", "name": "X-Token", "x-amazon-apigateway-authorizer":
    {"type": "token", "authorizerUri": "arn:aws:apigateway:eu-west-1:lambda:path/x"}},
  "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
  "iam": {"type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"}}}`

// Without AWS's extensions a document still says what callers must send.
func TestExportExtensions(t *testing.T) {
	tests := []struct {
		name string
		opt  ExportOptions
		want []string // of the extensions
	}{
		{"none", ExportOptions{}, []string{"x-amazon-apigateway-authtype"}},
		{"integrations", ExportOptions{Extensions: true}, []string{"x-amazon-apigateway-authtype", "x-amazon-apigateway-integration"}},
		{"authorizers", ExportOptions{Authorizers: true}, []string{"x-amazon-apigateway-authorizer", "x-amazon-apigateway-authtype"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := exportOf(t, secured, tt.opt)
			raw, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, ext := range []string{"x-amazon-apigateway-authorizer", "x-amazon-apigateway-authtype", "x-amazon-apigateway-integration"} {
				if bytes.Contains(raw, []byte(`"`+ext+`"`)) {
					got = append(got, ext)
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("extensions (-want +got):\n%s", d)
			}
			schemes := doc["securityDefinitions"].(map[string]any)
			if d := cmp.Diff([]string{"api_key", "mine", "sigv4"}, sortedNames(schemes)); d != "" {
				t.Errorf("schemes (-want +got):\n%s", d)
			}
			get := doc["paths"].(map[string]any)["/a"].(map[string]any)["get"].(map[string]any)
			want := []any{map[string]any{"mine": []any{"s"}}, map[string]any{"api_key": []any{}}}
			if d := cmp.Diff(want, get["security"]); d != "" {
				t.Errorf("security (-want +got):\n%s", d)
			}
		})
	}
}

// A scheme of our own does not take the name of an authorizer.
func TestExportSchemeNames(t *testing.T) {
	doc := exportOf(t, strings.NewReplacer(`"mine"`, `"api_key"`).Replace(secured), ExportOptions{V3: true, Authorizers: true})
	schemes := doc["components"].(map[string]any)["securitySchemes"].(map[string]any)
	if d := cmp.Diff([]string{"api_key", "api_key_", "sigv4"}, sortedNames(schemes)); d != "" {
		t.Errorf("schemes (-want +got):\n%s", d)
	}
}

// What the documentation says goes where OpenAPI has a place for it.
func TestExportDocumentation(t *testing.T) {
	part := func(kind, path, method, status, name, properties string) api.DocumentationPart {
		return api.DocumentationPart{Location: &api.DocumentationPartLocation{Type: &kind, Path: nonEmpty(&path), Method: nonEmpty(&method),
			StatusCode: nonEmpty(&status), Name: nonEmpty(&name)}, Properties: &properties}
	}
	text := `{"openapi": "3.0.1", "info": {"title": "t", "description": "old", "version": "1"}, "paths": {"/a": {"get": {
	  "parameters": [{"name": "q", "in": "query"}], "responses": {"200": {}, "404": {}}}, "put": {"responses": {}}}}}`
	docs := &ExportedDocumentation{Version: "7", CreatedDate: time.Unix(0, 0), Parts: []api.DocumentationPart{
		part("API", "", "", "", "", `{"info": {"description": "new", "version": "no"}, "x-bar": 1, "foo": 2, "x-amazon-apigateway-policy": {}}`),
		part("RESOURCE", "/a", "", "", "", `{"description": "no", "x-r": true}`),
		part("METHOD", "/a", "*", "", "", `{"description": "all", "summary": "any", "responses": {}}`),
		part("METHOD", "/a", "GET", "", "", `{"description": "get"}`),
		part("QUERY_PARAMETER", "/a", "GET", "", "q", `{"description": "what"}`),
		part("RESPONSE", "/a", "GET", "*", "", `{"description": "any status"}`),
		part("RESPONSE", "/a", "GET", "200", "", `{"description": "fine"}`),
	}}
	doc := exportOf(t, text, ExportOptions{V3: true, Extensions: true, Documentation: docs})
	at := func(path ...string) any {
		var v any = doc
		for _, key := range path {
			if list, ok := v.([]any); ok {
				v = list[0]
			}
			m, ok := v.(map[string]any)
			if !ok {
				return nil
			}
			v = m[key]
		}
		return v
	}
	for _, tt := range []struct {
		path []string
		want any
	}{
		{[]string{"info", "description"}, "new"},
		{[]string{"info", "version"}, "1"},
		{[]string{"x-bar"}, 1.0},
		{[]string{"foo"}, nil},
		{[]string{"x-amazon-apigateway-policy"}, nil},
		{[]string{"paths", "/a", "x-r"}, true},
		{[]string{"paths", "/a", "description"}, nil},
		{[]string{"paths", "/a", "get", "description"}, "get"},
		{[]string{"paths", "/a", "get", "summary"}, "any"},
		{[]string{"paths", "/a", "put", "description"}, "all"},
		{[]string{"paths", "/a", "get", "parameters", "description"}, "what"},
		{[]string{"paths", "/a", "get", "responses", "200", "description"}, "fine"},
		{[]string{"paths", "/a", "get", "responses", "404", "description"}, "any status"},
		{[]string{"x-amazon-apigateway-documentation", "version"}, "7"},
		{[]string{"x-amazon-apigateway-documentation", "createdDate"}, "1970-01-01T00:00:00Z"},
		{[]string{"x-amazon-apigateway-documentation", "documentationParts", "properties", "foo"}, 2.0},
	} {
		if got := at(tt.path...); !cmp.Equal(got, tt.want) {
			t.Errorf("%s = %v, want %v", strings.Join(tt.path, "."), got, tt.want)
		}
	}
}

// Of integration responses with one pattern only the first ever answers.
func TestExportOfOnePatternTwice(t *testing.T) {
	a := &API{Resources: []Resource{{Path: "/", Methods: []Method{{Method: api.Method{HttpMethod: ptr("GET"), MethodIntegration: &api.Integration{
		Type: ptr("MOCK"), IntegrationResponses: map[string]api.IntegrationResponse{"500": {}, "200": {SelectionPattern: ptr("")}}}}}}}}}
	out, err := Export(a, ExportOptions{Extensions: true})
	if err != nil || !bytes.Contains(out, []byte(`"statusCode" : "200"`)) || bytes.Contains(out, []byte("500")) {
		t.Errorf("Export = %v\n%s\nwant the response 200 alone", err, out)
	}
}

func TestExportRefusesWhatIsNoSchema(t *testing.T) {
	a := &API{Models: []api.Model{{Name: ptr("M"), ContentType: ptr("application/json"), Schema: ptr("no schema")}}}
	_, err := Export(a, ExportOptions{})
	var e *Error
	if !errors.As(err, &e) || e.Message != "Unable to export model 'M': the schema is not a JSON object" {
		t.Errorf("Export = %v, want it refused by the model's name", err)
	}
}
