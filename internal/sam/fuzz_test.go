package sam

import (
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
)

// FuzzTransform: no template, however odd, ends the server.
func FuzzTransform(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(a.Files[0].Data))
	}
	f.Add("Resources: {A: {Type: AWS::Serverless::Api, Properties: {StageName: a, DefinitionBody: b, MergeDefinitions: true, Cors: c, Auth: {DefaultAuthorizer: d}}}, F: {Type: AWS::Serverless::Function, Properties: {InlineCode: a, Events: {E: {Type: Api, Properties: {Path: /, Method: get, RestApiId: {Ref: A}}}}}}}")
	f.Fuzz(func(_ *testing.T, text string) {
		var doc map[string]any
		if yaml.Unmarshal([]byte(text), &doc) != nil || doc == nil {
			return
		}
		_, _ = Transform(doc, Options{Partition: "aws", Region: "r", Values: map[string]any{"P": "v"}})
	})
}

// TestOddValues puts something of every other kind in the place of each value of
// the golden templates, one at a time.
func TestOddValues(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc := template(t, string(a.Files[0].Data))
		var walk func(v any)
		try := func(set func(v any), was any) {
			for _, odd := range []any{nil, "", "odd", 1, true, []any{}, []any{nil, "x"}, object{}, object{"Ref": "P"}, object{"Fn::If": []any{"C", 1, object{}}}} {
				set(odd)
				_, _ = Transform(doc, Options{Partition: "aws", Values: map[string]any{"P": []any{1}}})
				tried++
			}
			set(was)
			walk(was)
		}
		walk = func(v any) {
			switch v := v.(type) {
			case object:
				for k, e := range v {
					try(func(odd any) { v[k] = odd }, e)
				}
			case []any:
				for i, e := range v {
					try(func(odd any) { v[i] = odd }, e)
				}
			}
		}
		walk(doc)
	}
	if tried < 1000 {
		t.Errorf("tried only %d templates", tried)
	}
}
