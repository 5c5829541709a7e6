package openapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// TestExportReplay compares exports with those AWS made of the same documents.
// Only the order of parameters is not compared: AWS's is that of a hash.
func TestExportReplay(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(corpus, "localstack/apigateway__test_apigateway_extended.snapshot.json"))
	if err != nil {
		t.Skip("the corpus is not here: ", err)
	}
	var all map[string]struct {
		Content map[string]struct{ Body any } `json:"recorded-content"`
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"[TEST_IMPORT_PETSTORE_SWAGGER]": "petstore-swagger.json", "[TEST_IMPORT_PETS]": "pets.json"}
	replayed := 0
	for name, recorded := range all {
		test := name[strings.LastIndex(name, "::")+2:]
		param := strings.TrimLeft(test, "abcdefghijklmnopqrstuvwxyz0123456789_")
		if !strings.HasPrefix(test, "test_export_") {
			continue
		}
		doc, err := os.ReadFile(filepath.Join(corpus, "openapi", files[param]))
		if err != nil {
			t.Fatal(err)
		}
		doc = bytes.ReplaceAll(doc, []byte("${uri}"), []byte("http://petstore.execute-api.<region>.amazonaws.com/petstore/pets"))
		a, err := Import(doc, Options{Region: "<region>", RestAPI: "<api-id:1>"})
		if err != nil {
			t.Fatal(err)
		}
		for key, extensions := range map[string]bool{"get-export": false, "get-export-with-extensions": true} {
			t.Run(test+"/"+key, func(t *testing.T) {
				replayed++
				out, err := Export(a, ExportOptions{V3: strings.Contains(test, "oas30"), Extensions: extensions, Authorizers: extensions,
					Host: "<api-id:1>.execute-api.<region>.amazonaws.com", BasePath: "local", Version: "date"})
				if err != nil {
					t.Fatal(err)
				}
				var got any
				if err := json.Unmarshal(out, &got); err != nil {
					t.Fatal(err)
				}
				if d := gocmp.Diff(sortParameters(recorded.Content[key].Body), sortParameters(got)); d != "" {
					t.Errorf("Export (-recorded +got):\n%s", d)
				}
			})
		}
	}
	if replayed != 8 {
		t.Errorf("replayed %d exports, want 8", replayed)
	}
}

// sortParameters puts the parameters of all operations in order.
func sortParameters(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, e := range v {
			v[key] = sortParameters(e)
			if list, ok := e.([]any); ok && key == "parameters" {
				slices.SortFunc(list, func(a, b any) int {
					return cmp.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
				})
			}
		}
	case []any:
		for i, e := range v {
			v[i] = sortParameters(e)
		}
	}
	return v
}
