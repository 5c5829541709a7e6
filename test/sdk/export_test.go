package sdk_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/openapi"
)

// TestExportsAreOpenAPI lets a foreign library judge the documents that exports
// give, of every API that the importer's cases and the recordings' documents
// make.
func TestExportsAreOpenAPI(t *testing.T) {
	judged := 0
	for name, text := range documents(t) {
		a, err := openapi.Import(text, openapi.Options{Region: "eu-west-1", Account: "123456789012", RestAPI: "abc123"})
		if err != nil || a.Settings.Name == nil || len(a.Warnings) > 0 {
			continue // what is odd on the way in is odd on the way out
		}
		if notOpenAPI[name] != "" || !answer(a) {
			continue
		}
		for _, extensions := range []bool{false, true} {
			for _, v3 := range []bool{false, true} {
				judged++
				opt := openapi.ExportOptions{V3: v3, Extensions: extensions, Authorizers: extensions, Host: "example.com", BasePath: "prod", Version: "1"}
				out, err := openapi.Export(a, opt)
				if err != nil {
					t.Fatal(err)
				}
				if err := judge(t.Context(), out, v3); err != nil {
					t.Errorf("%s, version 3 %v, extensions %v: %v\n%s", name, v3, extensions, err, out)
				}
			}
		}
	}
	if judged < 40 {
		t.Errorf("judged %d documents, want at least 40", judged)
	}
}

// notOpenAPI are documents that break the rules themselves, in ways that an
// import keeps.
var notOpenAPI = map[string]string{
	"models.txtar":             "a schema has two types, which is of JSON Schema",
	"openapi.spec.pulumi.json": "a greedy variable is not declared",
}

// answer gives each method a response: without one an export has no responses,
// as AWS's have, which OpenAPI forbids. It reports whether there are methods.
func answer(a *openapi.API) bool {
	methods := 0
	for _, r := range a.Resources {
		for i := range r.Methods {
			methods++
			if len(r.Methods[i].MethodResponses) == 0 {
				r.Methods[i].MethodResponses = map[string]api.MethodResponse{"200": {StatusCode: new("200")}}
			}
		}
	}
	return methods > 0
}

// judge reports what is wrong with a document, by its version's rules.
func judge(ctx context.Context, text []byte, v3 bool) error {
	if v3 {
		doc, err := openapi3.NewLoader().LoadFromData(text)
		if err != nil {
			return err
		}
		return doc.Validate(ctx)
	}
	var old openapi2.T
	if err := json.Unmarshal(text, &old); err != nil {
		return err
	}
	doc, err := openapi2conv.ToV3(&old)
	if err != nil {
		return err
	}
	return doc.Validate(ctx)
}

// documents are the documents to import, by name.
func documents(t *testing.T) map[string][]byte {
	out := map[string][]byte{}
	for _, pattern := range []string{"../../internal/openapi/testdata/import/*.txtar", "../../../shared/corpus/openapi/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(file) == ".txtar" {
				_, after, _ := strings.Cut(string(text), "-- document --\n")
				document, _, _ := strings.Cut(after, "\n-- ")
				text = []byte(document)
			}
			out[filepath.Base(file)] = text
		}
	}
	return out
}
