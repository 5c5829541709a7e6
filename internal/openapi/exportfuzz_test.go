package openapi

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzExport exports whatever can be imported. What is exported is imported
// again, and from there on every round trip gives the same document.
func FuzzExport(f *testing.F) {
	for _, src := range sources(f) {
		f.Add(src.text, false, false)
		f.Add(src.text, true, true)
	}
	f.Fuzz(func(t *testing.T, text []byte, v3, yaml bool) {
		opt := Options{Region: "eu-west-1", Account: "123456789012", RestAPI: "abc123"}
		a, err := Import(text, opt)
		if err != nil {
			t.Skip()
		}
		var last []byte
		for trip := range 3 {
			out, err := Export(a, ExportOptions{V3: v3, YAML: yaml, Extensions: true, Authorizers: true, Host: "h", BasePath: "s", Version: "1",
				Documentation: &ExportedDocumentation{Parts: a.Documentation}})
			if err != nil {
				t.Fatal(err)
			}
			if trip == 2 {
				if d := cmp.Diff(string(last), string(out)); d != "" {
					t.Errorf("the third export is not the second (-want +got):\n%s", d)
				}
			}
			last = out
			if a, err = Import(out, opt); err != nil {
				t.Fatalf("import of the export: %v\n%s", err, out)
			}
		}
	})
}

// BenchmarkExport exports an API with 300 resources and 600 methods.
func BenchmarkExport(b *testing.B) {
	a, err := Import(shop(300), Options{RestAPI: "abc123"})
	if err != nil {
		b.Fatal(err)
	}
	for _, opt := range []ExportOptions{{V3: true, Extensions: true}, {V3: true, Extensions: true, YAML: true}} {
		b.Run(version(opt), func(b *testing.B) {
			for b.Loop() {
				if _, err := Export(a, opt); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
