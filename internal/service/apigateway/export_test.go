package apigateway

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// An answer to GetExport is a document with headers.
type exportAnswer struct {
	status                   int
	kind, disposition, error string
	body                     string
}

func export(c *client, in doc, accept string) exportAnswer {
	c.t.Helper()
	req := c.request(c.ops["GetExport"], in)
	req.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, req)
	out := exportAnswer{status: w.Code, kind: w.Header().Get("Content-Type"), disposition: w.Header().Get("Content-Disposition"), body: w.Body.String()}
	if w.Code != 200 {
		var e struct{ Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
			c.t.Fatal(err)
		}
		out.error = strings.Join(w.Header()["x-amzn-ErrorType"], "") + ": " + e.Message
	}
	return out
}

// exported exports a stage and returns the document.
func exported(c *client, id any, kind, accept, extensions string) string {
	c.t.Helper()
	in := doc{"restApiId": id, "stageName": "s", "exportType": kind}
	if extensions != "" {
		in["parameters"] = map[string]string{"extensions": extensions}
	}
	out := export(c, in, accept)
	if out.status != 200 {
		c.t.Fatalf("GetExport(%v) = %d %s", in, out.status, out.error)
	}
	return out.body
}

// deployed imports a document and shows it as stage s. It returns nil if
// Gatehouse refuses the document.
func deployed(c *client, body string) any {
	c.t.Helper()
	out := c.do("ImportRestApi", doc{"body": body})
	if out["Error"] != nil {
		return nil
	}
	if c.do("CreateDeployment", doc{"restApiId": out["id"], "stageName": "s"})["Error"] != nil {
		return nil // without methods there is nothing to export
	}
	return out["id"]
}

// definitionOf is the definition of an API in a form without ids and without
// the layout of schemas.
func definitionOf(c *client, id any) any {
	c.t.Helper()
	t := record.In(c.st, store.NewBlobs(c.st, "/"), record.Scope{Account: testAccount, Region: testRegion})
	rec, _, err := t.RestAPIs.Get(c.t.Context(), store.ID(id.(string)))
	if err != nil {
		c.t.Fatal(err)
	}
	def, err := t.LoadDefinition(c.t.Context(), rec.Definition)
	if err != nil {
		c.t.Fatal(err)
	}
	names := map[string]string{*rec.Id: "api"}
	for id, r := range def.Resources {
		names[id] = "resource " + str(r.Path)
	}
	for id, v := range def.RequestValidators {
		names[id] = "validator " + str(v.Name)
	}
	for id, a := range def.Authorizers {
		names[id] = "authorizer " + str(a.Name)
	}
	for _, m := range def.Models {
		names[str(m.Id)] = "model " + str(m.Name)
	}
	if def.RestAPI.Version == nil {
		def.RestAPI.Version = new(rec.CreatedDate.UTC().Format("2006-01-02T15:04:05Z07:00"))
	}
	for name, m := range def.Models {
		var schema any
		if err := json.Unmarshal([]byte(str(m.Schema)), &schema); err != nil {
			c.t.Fatal(err)
		}
		m.Schema = new(text2json(schema))
		def.Models[name] = m
	}
	b, err := def.Encode()
	if err != nil {
		c.t.Fatal(err)
	}
	var pairs []string
	for id, name := range names {
		pairs = append(pairs, id, name)
	}
	var v any
	if err := json.Unmarshal([]byte(strings.NewReplacer(pairs...).Replace(string(b))), &v); err != nil {
		c.t.Fatal(err)
	}
	return v
}

// richAPI has one of everything that Gatehouse serves.
const richAPI = `{"openapi": "3.0.1", "info": {"title": "rich", "description": "all of it", "version": "7"},
"servers": [{"url": "/", "x-amazon-apigateway-endpoint-configuration": {"disableExecuteApiEndpoint": true}}],
"paths": {
  "/": {"x-amazon-apigateway-any-method": {"responses": {}, "x-amazon-apigateway-integration":
    {"type": "http_proxy", "httpMethod": "ANY", "uri": "http://example.com/", "timeoutInMillis": 1500, "tlsConfig": {"insecureSkipVerification": true}}}},
  "/pets/{id}": {"get": {"operationId": "getPet", "security": [{"key": []}], "x-amazon-apigateway-request-validator": "params",
    "parameters": [{"name": "id", "in": "path", "required": true}, {"name": "q", "in": "query", "required": true}, {"name": "X-H", "in": "header"}],
    "responses": {
      "200": {"headers": {"X-R": {}}, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}},
      "404": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}},
    "x-amazon-apigateway-integration": {"type": "http", "httpMethod": "GET", "uri": "http://example.com/{id}", "passthroughBehavior": "never",
      "requestParameters": {"integration.request.path.id": "method.request.path.id", "integration.request.querystring.s": "'const'"},
      "cacheNamespace": "shared", "cacheKeyParameters": ["method.request.path.id"],
      "responses": {"default": {"statusCode": "200", "responseParameters": {"method.response.header.X-R": "integration.response.header.X-R"}},
        "4\\d\\d": {"statusCode": "404", "responseTemplates": {"application/json": "{\"gone\": true}"}}}}},
    "post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}, "responses": {"200": {}},
      "x-amazon-apigateway-integration": {"type": "mock", "requestTemplates": {"application/json": "{\"statusCode\": 200}"},
        "responses": {"default": {"statusCode": "200"}}}}},
  "/files/{path+}": {"head": {"parameters": [{"name": "path", "in": "path"}], "responses": {}, "x-amazon-apigateway-integration": {"type": "mock"}}},
  "/empty": {}},
"components": {"schemas": {
    "Pet": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "mother": {"$ref": "#/components/schemas/Pet"}}},
    "Error": {"type": "object", "title": "Error Schema", "description": "what went wrong"}},
  "securitySchemes": {"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}},
"x-amazon-apigateway-request-validators": {"params": {"validateRequestParameters": true, "validateRequestBody": false}, "unused": {}},
"x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": {"responseParameters": {"gatewayresponse.header.X-G": "'g'"}},
  "THROTTLED": {"statusCode": "430", "responseTemplates": {"application/json": "{}"}}},
"x-amazon-apigateway-binary-media-types": ["image/png", "*/*"]}`

// Import, deploy, export with everything, import: the same definition.
func TestExportRoundTrip(t *testing.T) {
	sources := map[string]string{"rich": richAPI}
	for _, pattern := range []string{"../../openapi/testdata/import/*.txtar", "../../../../shared/corpus/openapi/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources[filepath.Base(file)] = string(text)
			for _, f := range txtar.Parse(text).Files {
				if f.Name == "document" {
					sources[filepath.Base(file)] = string(f.Data)
				}
			}
		}
	}
	trips := 0
	for _, name := range sortedKeys(sources) {
		c := newClient(t)
		id := deployed(c, sources[name])
		if id == nil {
			if name == "rich" {
				t.Fatal("the document is refused")
			}
			continue
		}
		for _, kind := range []string{"oas30", "swagger"} {
			for _, accept := range []string{"application/json", "application/yaml"} {
				if kind == "swagger" && manyMediaTypes(c, id) {
					continue
				}
				trips++
				t.Run(name+"/"+kind+"/"+accept, func(t *testing.T) {
					c.t = t
					text := exported(c, id, kind, accept, "apigateway")
					back := c.must("ImportRestApi", doc{"body": text})["id"]
					if d := cmp.Diff(definitionOf(c, id), definitionOf(c, back)); d != "" {
						t.Errorf("after a round trip (-want +got):\n%s\n%s", d, text)
					}
				})
			}
		}
	}
	t.Log(trips, "round trips")
	if trips < 12 { // without the recordings' documents
		t.Errorf("%d round trips, want at least 12", trips)
	}
}

// manyMediaTypes reports whether an API has models that OpenAPI 2.0 cannot say.
func manyMediaTypes(c *client, id any) bool {
	for _, item := range c.must("GetResources", doc{"restApiId": id, "embed": []string{"methods"}, "limit": 500})["items"].([]any) {
		methods, _ := item.(doc)["resourceMethods"].(doc)
		for _, m := range methods {
			request, _ := m.(doc)["requestModels"].(doc)
			types := map[string]bool{}
			responses, _ := m.(doc)["methodResponses"].(doc)
			for _, r := range responses {
				models, _ := r.(doc)["responseModels"].(doc)
				for mediaType := range models {
					types[mediaType] = true
				}
			}
			if len(request) > 1 || len(types) > 1 {
				return true
			}
		}
	}
	return false
}

func TestGetExportAnswers(t *testing.T) {
	c := newClient(t)
	versioned := deployed(c, `{"swagger": "2.0", "info": {"title": "t", "version": "1/\"2"}, "paths": {"/": {"get": {"responses": {},
		"x-amazon-apigateway-integration": {"type": "mock"}}}}}`)
	for _, tt := range []struct {
		kind, accept, disposition, begin string
	}{
		{"oas30", "application/json", `attachment; filename="oas30_1__2.json"`, "{\n  \"openapi\" : \"3.0.1\""},
		{"oas30", "application/yaml", `attachment; filename="oas30_1__2.yaml"`, "---\nopenapi: \"3.0.1\"\n"},
		{"oas30", "application/yaml,application/json", `attachment; filename="oas30_1__2.yaml"`, "---\nopenapi: \"3.0.1\"\n"},
		{"swagger", "*/*", `attachment; filename="swagger_1__2.json"`, "{\n  \"swagger\" : \"2.0\""},
		{"swagger", "application/yaml", `attachment; filename="swagger_1__2.yaml"`, "---\nswagger: \"2.0\"\n"},
	} {
		got := export(c, doc{"restApiId": versioned, "stageName": "s", "exportType": tt.kind}, tt.accept)
		if got.status != 200 || got.kind != "application/octet-stream" || got.disposition != tt.disposition || !strings.HasPrefix(got.body, tt.begin) {
			t.Errorf("export as %s, %s = %d %s %s\n%s", tt.kind, tt.accept, got.status, got.kind, got.disposition, got.body)
		}
	}
	ok := doc{"restApiId": versioned, "stageName": "s", "exportType": "oas30"}
	for _, tt := range []struct {
		in           doc
		accept, want string
	}{
		{with(ok, "exportType", "raml"), "", "BadRequestException: Invalid export type specified. Valid options are oas30,swagger"},
		{ok, "text/html", "BadRequestException: Invalid Accept specified. Valid options are application/json,application/yaml"},
		{with(ok, "stageName", "none"), "", "NotFoundException: Invalid stage identifier specified"},
		{with(ok, "restApiId", "none"), "", "NotFoundException: Invalid API identifier specified 111111111111:none"},
		{with(ok, "parameters", map[string]string{"extensions": "integrations, postman"}), "",
			"BadRequestException: Gatehouse does not support the postman extensions of GetExport (see COVERAGE.md)"},
		{with(ok, "parameters", map[string]string{"extensions": "other"}), "",
			"BadRequestException: Invalid extensions specified. Valid options are integrations,authorizers,documentation,apigateway"},
	} {
		if got := export(c, tt.in, tt.accept); got.error != tt.want {
			t.Errorf("GetExport(%v) = %q, want %q", tt.in, got.error, tt.want)
		}
	}
}

// An export is of what the stage shows, not of what is being edited.
func TestGetExportIsOfTheDeployment(t *testing.T) {
	c := newClient(t)
	id := deployed(c, documentedMock("first"))
	c.must("PutRestApi", doc{"restApiId": id, "mode": "overwrite", "body": documentedMock("second")})
	if text := exported(c, id, "oas30", "application/json", "integrations"); !strings.Contains(text, "/first") || strings.Contains(text, "/second") {
		t.Errorf("the export is not that of the deployment:\n%s", text)
	}
}

func documentedMock(path string) string {
	return `{"swagger": "2.0", "info": {"title": "t"}, "paths": {"/` + path + `": {"get": {"responses": {},
		"x-amazon-apigateway-integration": {"type": "mock"}}}},
		"x-amazon-apigateway-documentation": {"documentationParts": [{"location": {"type": "METHOD", "path": "/` + path + `", "method": "GET"},
		"properties": {"description": "about ` + path + `"}}]}}`
}

// An export carries the version of the documentation that its stage names, and
// takes it to another API.
func TestGetExportCarriesDocumentation(t *testing.T) {
	c := newClient(t)
	id := deployed(c, documentedMock("a"))
	if text := exported(c, id, "oas30", "", ""); strings.Contains(text, "about a") {
		t.Errorf("without a version the export has documentation:\n%s", text)
	}
	c.must("CreateDocumentationVersion", doc{"restApiId": id, "documentationVersion": "1", "stageName": "s"})
	part := c.must("GetDocumentationParts", doc{"restApiId": id})["items"].([]any)[0].(doc)
	c.must("UpdateDocumentationPart", doc{"restApiId": id, "documentationPartId": part["id"], "patchOperations": patch("replace", "/properties", `{"description": "later"}`)})
	for extensions, want := range map[string]int{"": 2, "documentation": 2, "apigateway": 2, "integrations,documentation": 2, "integrations": 0} {
		text := exported(c, id, "swagger", "", extensions)
		if n := strings.Count(text, "about a"); n != want || strings.Contains(text, "later") {
			t.Errorf("with extensions %q the documentation stands in the export %d times, want %d:\n%s", extensions, n, want, text)
		}
	}
	back := c.must("ImportRestApi", doc{"body": exported(c, id, "swagger", "application/yaml", "apigateway")})["id"]
	if d := cmp.Diff([]string{"METHOD /a GET"}, locations(c.must("GetDocumentationParts", doc{"restApiId": back}))); d != "" {
		t.Errorf("parts after a round trip (-want +got):\n%s", d)
	}
}

// Validators that share a name are told apart in a document.
func TestGetExportNamesValidators(t *testing.T) {
	def := &record.Definition{RequestValidators: map[string]api.RequestValidator{
		"a": {Name: new("same")}, "b": {Name: new("same")}, "c": {},
	}}
	want := map[string]string{"a": "same", "b": "b", "c": "c"}
	if d := cmp.Diff(want, validatorNames(def)); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
}
