package openapi

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	api "gatehouse/internal/awsapi/apigateway"
)

// FuzzImport imports anything. Nothing may panic, every refusal has words, and
// what is imported hangs together. What a YAML document says is what the same
// document says as JSON.
func FuzzImport(f *testing.F) {
	files, err := filepath.Glob("testdata/import/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range ar.Files {
			if part.Name == "document" {
				f.Add(part.Data, uint8(len(file)))
			}
		}
	}
	f.Add(shop(2), uint8(1))
	f.Add(shopYAML(f, 2), uint8(2))
	f.Add([]byte(laughs(3, 5)), uint8(0))
	f.Add([]byte("a: &a [*a]\n<<: [*a, {b: 1}]"), uint8(0))
	modes := []BasePath{BasePathIgnore, BasePathPrepend, BasePathSplit}
	f.Fuzz(func(t *testing.T, doc []byte, mode uint8) {
		opt := Options{Partition: "p", Region: "r", Account: "1", RestAPI: "id", BasePath: modes[int(mode)%len(modes)]}
		got, err := Import(doc, opt)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Message == "" {
				t.Fatalf("error %#v", err)
			}
		} else {
			checkWhole(t, got)
		}
		root, rerr := read(doc, opt)
		if rerr != nil {
			return
		}
		text := compact(root)
		if len(text) > maxBytes || strings.Contains(text, "${AWS::") {
			return
		}
		again, aerr := Import([]byte(text), opt)
		if (err == nil) != (aerr == nil) || err != nil && err.Error() != aerr.Error() {
			t.Fatalf("as written: %v\nas JSON: %v\n%s", err, aerr, text)
		}
		if d := cmp.Diff(got, again); d != "" {
			t.Fatalf("as JSON it differs:\n%s", d)
		}
	})
}

// checkWhole checks that everything an API names is in it.
func checkWhole(t *testing.T, a *API) {
	if len(a.Resources) == 0 || a.Resources[0].Path != "/" {
		t.Fatalf("no root: %v", a.Resources)
	}
	known := map[string]bool{}
	for i, r := range a.Resources {
		if known[r.Path] || i > 0 && (!known[r.Parent] || r.Part == "" || !strings.HasSuffix(r.Path, "/"+r.Part)) {
			t.Fatalf("resource %+v is twice, or without its parent", r)
		}
		known[r.Path] = true
		verbs := map[string]bool{}
		for _, m := range r.Methods {
			if verbs[*m.HttpMethod] {
				t.Fatalf("%s %s is twice", *m.HttpMethod, r.Path)
			}
			verbs[*m.HttpMethod] = true
			checkMethod(t, a, m)
		}
	}
}

func checkMethod(t *testing.T, a *API, m Method) {
	names := []string{}
	for _, name := range m.RequestModels {
		names = append(names, name)
	}
	for _, r := range m.MethodResponses {
		for _, name := range r.ResponseModels {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(a.Models, func(x api.Model) bool { return *x.Name == name }) {
			t.Fatalf("model %q is not there", name)
		}
	}
	if m.Validator != "" && !slices.ContainsFunc(a.Validators, func(x api.RequestValidator) bool { return *x.Name == m.Validator }) {
		t.Fatalf("validator %q is not there", m.Validator)
	}
	if m.Authorizer != "" && !slices.ContainsFunc(a.Authorizers, func(x api.Authorizer) bool { return *x.Name == m.Authorizer }) {
		t.Fatalf("authorizer %q is not there", m.Authorizer)
	}
	if (m.Authorizer != "") != (*m.AuthorizationType == "CUSTOM" || *m.AuthorizationType == "COGNITO_USER_POOLS") {
		t.Fatalf("%s with authorizer %q", *m.AuthorizationType, m.Authorizer)
	}
	if i := m.MethodIntegration; i != nil && (i.Type == nil || i.PassthroughBehavior == nil || i.TimeoutInMillis == nil) {
		t.Fatalf("integration without its defaults: %+v", i)
	}
}
