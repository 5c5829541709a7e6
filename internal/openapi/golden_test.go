package openapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the wants of testdata/import")

// TestImport imports the document of each case in testdata/import and compares
// the API, or the error, with what the case wants.
func TestImport(t *testing.T) {
	files, err := filepath.Glob("testdata/import/*.txtar")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			opt := Options{Region: "eu-west-1", Account: "123456789012", RestAPI: "abc123"}
			var doc, want *txtar.File
			for i, f := range ar.Files {
				switch f.Name {
				case "options":
					if err := json.Unmarshal(f.Data, &opt); err != nil {
						t.Fatal(err)
					}
				case "document":
					doc = &ar.Files[i]
				case "want":
					want = &ar.Files[i]
				default:
					t.Fatalf("unknown part %s", f.Name)
				}
			}
			got := outcome(t, doc.Data, opt)
			if *update {
				want.Data = got
				if err := writeArchive(file, ar); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(want.Data), string(got)); d != "" {
				t.Errorf("Import (-want +got):\n%s", d)
			}
		})
	}
}

// outcome is the API as JSON without what is empty, or the error's message.
func outcome(t *testing.T, doc []byte, opt Options) []byte {
	got, err := Import(doc, opt)
	if err != nil {
		return []byte("error: " + err.Error() + "\n")
	}
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(pruned(v)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// pruned returns v without members that are null or "".
func pruned(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e == nil || e == "" {
				delete(v, k)
				continue
			}
			v[k] = pruned(e)
		}
	case []any:
		for i, e := range v {
			v[i] = pruned(e)
		}
	}
	return v
}

// writeArchive rewrites a case after an update.
func writeArchive(name string, ar *txtar.Archive) error {
	return os.WriteFile(name, txtar.Format(ar), 0o644)
}
