package apigateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// locations are the places of a list of parts.
func locations(list doc) []string {
	var out []string
	for _, item := range list["items"].([]any) {
		loc := item.(doc)["location"].(doc)
		text := loc["type"].(string)
		for _, f := range []string{"path", "method", "statusCode", "name"} {
			if v, ok := loc[f]; ok {
				text += " " + v.(string)
			}
		}
		out = append(out, text)
	}
	return out
}

func TestDocumentationPartsAreFiltered(t *testing.T) {
	c := newClient(t)
	id := c.must("ImportRestApi", doc{"body": documentedAPI})["id"]
	tests := []struct {
		name   string
		filter doc
		want   []string
	}{
		{"none", doc{}, []string{"API", "METHOD / GET", "MODEL Empty", "RESPONSE / GET 200"}},
		{"type", doc{"type": "MODEL"}, []string{"MODEL Empty"}},
		{"name", doc{"nameQuery": "Em"}, []string{"MODEL Empty"}},
		{"path", doc{"path": "/"}, []string{"METHOD / GET", "RESPONSE / GET 200"}},
		{"type and path", doc{"type": "METHOD", "path": "/"}, []string{"METHOD / GET"}},
		{"documented", doc{"locationStatus": "DOCUMENTED", "type": "API"}, []string{"API"}},
		{"undocumented", doc{"locationStatus": "UNDOCUMENTED"}, []string{"RESOURCE /", "RESPONSE_BODY / GET 200"}},
		{"nothing fits", doc{"path": "/none"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c.t = t
			tt.filter["restApiId"] = id
			if d := cmp.Diff(tt.want, locations(c.must("GetDocumentationParts", tt.filter))); d != "" {
				t.Errorf("GetDocumentationParts(%v) (-want +got):\n%s", tt.filter, d)
			}
		})
	}
	c.t = t
	first := c.must("GetDocumentationParts", doc{"restApiId": id, "limit": 3})
	rest := c.must("GetDocumentationParts", doc{"restApiId": id, "limit": 3, "position": first["position"]})
	if got := append(locations(first), locations(rest)...); len(got) != 4 || rest["position"] != nil {
		t.Errorf("in pages of 3: %v and then %v, want all 4", got, rest["position"])
	}
}

func TestDocumentationPartIsRefused(t *testing.T) {
	c := newClient(t)
	id, _ := c.newAPI()
	part := func(location doc, properties string) doc {
		return doc{"restApiId": id, "location": location, "properties": properties}
	}
	c.must("CreateDocumentationPart", part(doc{"type": "METHOD", "path": "/", "method": "GET"}, `{"a": 1}`))
	for _, tt := range []struct {
		in   doc
		want string
	}{
		{part(doc{"type": "METHOD", "method": "get"}, `{"a": 1}`),
			"ConflictException: Documentation part already exists for the specified location: type 'METHOD', path '/', method 'GET'."},
		{part(doc{"type": "API", "path": "/"}, `{"a": 1}`), "BadRequestException: Invalid location specified: path is not valid for type API"},
		{part(doc{"type": "MODEL"}, `{"a": 1}`), "BadRequestException: Invalid location specified: name is required for type MODEL"},
		{part(doc{"type": "RESOURCE", "path": "pets"}, `{"a": 1}`), "BadRequestException: Invalid location specified: path must start with /"},
		{part(doc{"type": "API"}, " "), "BadRequestException: Documentation part properties must be non-empty"},
		{part(doc{"type": "API"}, "text"), "BadRequestException: Invalid documentation part properties specified. Properties must be a JSON object"},
		{part(doc{"type": "API"}, "null"), "BadRequestException: Invalid documentation part properties specified. Properties must be a JSON object"},
	} {
		c.fail("CreateDocumentationPart", tt.in, tt.want)
	}
	if got := locations(c.must("GetDocumentationParts", doc{"restApiId": id})); len(got) != 1 {
		t.Errorf("after refusals there are %v, want the first part alone", got)
	}
}

// A merge keeps what the document does not speak of; overwriting does not.
func TestImportDocumentationPartsMerges(t *testing.T) {
	c := newClient(t)
	id, _ := c.newAPI()
	old := c.must("CreateDocumentationPart", doc{"restApiId": id, "location": doc{"type": "API"}, "properties": `{"description": "old", "mine": true}`})
	c.must("CreateDocumentationPart", doc{"restApiId": id, "location": doc{"type": "MODEL", "name": "Mine"}, "properties": `{"a": 1}`})
	body := `{"swagger": "2.0", "x-amazon-apigateway-documentation": {"documentationParts": [
		{"location": {"type": "API"}, "properties": {"description": "new"}}, {"location": {"type": "NONSENSE"}, "properties": {}}]}}`
	in := doc{"restApiId": id, "body": body}
	c.fail("ImportDocumentationParts", with(in, "failOnWarnings", true), "BadRequestException: Warnings found during import:\n\t"+
		"Unable to create documentation part: Invalid location type specified: NONSENSE. Ignoring.")
	got := c.must("ImportDocumentationParts", in)
	if ids := got["ids"].([]any); len(ids) != 1 || ids[0] != old["id"] || len(got["warnings"].([]any)) != 1 {
		t.Errorf("merge = %v, want the id of the old part and one warning", got)
	}
	part := c.must("GetDocumentationPart", doc{"restApiId": id, "documentationPartId": old["id"]})
	if want := `{"description":"new","mine":true}`; part["properties"] != want {
		t.Errorf("after a merge the part says %v, want %v", part["properties"], want)
	}
	c.must("ImportDocumentationParts", with(in, "mode", "overwrite"))
	if got := locations(c.must("GetDocumentationParts", doc{"restApiId": id})); !slices.Equal(got, []string{"API"}) {
		t.Errorf("after overwriting there are %v, want the document's", got)
	}
}

func TestImportRestApiIgnoresDocumentation(t *testing.T) {
	c := newClient(t)
	id := c.must("ImportRestApi", doc{"body": documentedAPI, "parameters": map[string]string{"ignore": "documentation"}})["id"]
	if got := locations(c.must("GetDocumentationParts", doc{"restApiId": id})); got != nil {
		t.Errorf("with ignore=documentation there are %v, want none", got)
	}
	odd := `{"openapi": "3.0.1", "info": {"title": "t"}, "x-amazon-apigateway-documentation": {"documentationParts": [{}]}}`
	c.must("ImportRestApi", doc{"body": odd, "failOnWarnings": true, "parameters": map[string]string{"ignore": "documentation"}})
	if out := c.do("ImportRestApi", doc{"body": odd, "failOnWarnings": true}); out["Error"] == nil {
		t.Error("a part without a location is imported with failOnWarnings")
	}
	c.must("PutRestApi", doc{"restApiId": id, "body": documentedAPI})
	if got := locations(c.must("GetDocumentationParts", doc{"restApiId": id})); len(got) != 4 {
		t.Errorf("after PutRestApi there are %v, want 4", got)
	}
}

// A version is what the parts were when it was made.
func TestDocumentationVersionIsASnapshot(t *testing.T) {
	c := newClient(t)
	id, _ := c.newDeployableAPI()
	part := c.must("CreateDocumentationPart", doc{"restApiId": id, "location": doc{"type": "API"}, "properties": `{"description": "first"}`})
	c.must("CreateDeployment", doc{"restApiId": id, "stageName": "s"})
	ver := doc{"restApiId": id, "documentationVersion": "1"}
	c.fail("CreateDocumentationVersion", with(ver, "stageName", "none"), "NotFoundException: Invalid stage identifier specified")
	c.must("CreateDocumentationVersion", with(ver, "stageName", "s", "description", "one"))
	c.fail("CreateDocumentationVersion", ver, "ConflictException: Documentation version already exists")
	c.must("UpdateDocumentationPart", doc{"restApiId": id, "documentationPartId": part["id"], "patchOperations": patch("replace", "/properties", `{"description": "second"}`)})
	if err := sweepTwice(c); err != nil {
		t.Fatal(err)
	}
	if got := c.must("GetStage", doc{"restApiId": id, "stageName": "s"})["documentationVersion"]; got != "1" {
		t.Errorf("the stage names version %v, want 1", got)
	}
	c.fail("DeleteDocumentationVersion", ver, "BadRequestException: Active stages pointing to this documentation version must be moved or deleted")
	c.fail("UpdateStage", doc{"restApiId": id, "stageName": "s", "patchOperations": patch("replace", "/documentationVersion", "none")},
		"NotFoundException: Invalid Documentation version specified")
	c.must("UpdateStage", doc{"restApiId": id, "stageName": "s", "patchOperations": patch("replace", "/documentationVersion", "")})
	c.must("DeleteDocumentationVersion", ver)
	c.fail("GetDocumentationVersion", ver, "NotFoundException: Invalid Documentation version specified")
	c.must("CreateDocumentationVersion", ver)
	if got := c.must("GetDocumentationVersions", doc{"restApiId": id})["items"].([]any); len(got) != 1 {
		t.Errorf("there are versions %v, want one", got)
	}
}

// What belongs to a deleted API goes with it.
func TestDocumentationGoesWithItsAPI(t *testing.T) {
	c := newClient(t)
	id := c.must("ImportRestApi", doc{"body": documentedAPI})["id"]
	c.must("CreateDocumentationVersion", doc{"restApiId": id, "documentationVersion": "1"})
	c.must("DeleteRestApi", doc{"restApiId": id})
	if err := sweepTwice(c); err != nil {
		t.Fatal(err)
	}
	page, err := c.st.List(t.Context(), "/", "", 0)
	if err != nil || len(page.KVs) != 0 {
		t.Errorf("after the API was deleted there are %d keys, %v, want none", len(page.KVs), err)
	}
}

// sweepTwice takes away what nothing names: the first sweep notes it.
func sweepTwice(c *client) error {
	for range 2 {
		if _, err := c.svc.Sweep(context.Background(), -time.Hour); err != nil {
			return err
		}
	}
	return nil
}

// As many parts as AWS allows are one commit.
func TestDocumentationOfManyParts(t *testing.T) {
	c := newClient(t)
	id, _ := c.newAPI()
	document := func(n int) string {
		var b strings.Builder
		b.WriteString(`{"openapi": "3.0.1", "x-amazon-apigateway-documentation": {"documentationParts": [`)
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"location": {"type": "RESOURCE", "path": "/%d"}, "properties": {"description": "number %d"}}`, i, i)
		}
		b.WriteString("]}}")
		return b.String()
	}
	if got := c.must("ImportDocumentationParts", doc{"restApiId": id, "body": document(2000)})["ids"].([]any); len(got) != 2000 {
		t.Errorf("imported %d parts, want 2000", len(got))
	}
	out := c.do("ImportDocumentationParts", doc{"restApiId": id, "body": document(2001)})
	if err, _ := out["Error"].(string); !strings.HasPrefix(err, "LimitExceededException: Maximum number of Documentation Parts") {
		t.Errorf("with one part too many: %v, want LimitExceededException", out)
	}
}

// documentedAPI is the document of AWS's guide, as the recordings used it.
const documentedAPI = `{"openapi": "3.0.0", "info": {"description": "description", "version": "1", "title": "doc"},
"paths": {"/": {"get": {"description": "Method description.", "responses": {"200": {"description": "200 response",
  "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Empty"}}}}}}}},
"x-amazon-apigateway-documentation": {"version": "1.0.3", "documentationParts": [
  {"location": {"type": "API"}, "properties": {"description": "API description",
    "info": {"description": "API info description 4", "version": "API info version 3"}}},
  {"location": {"type": "METHOD", "method": "GET", "path": "/"}, "properties": {"description": "Method description."}},
  {"location": {"type": "MODEL", "name": "Empty"}, "properties": {"title": "Empty Schema"}},
  {"location": {"type": "RESPONSE", "method": "GET", "path": "/", "statusCode": "200"}, "properties": {"description": "200 response"}}]},
"servers": [{"url": "/"}], "components": {"schemas": {"Empty": {"type": "object", "title": "Empty Schema"}}}}`
