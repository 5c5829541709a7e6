package jsonschema_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"gatehouse/internal/jsonschema"
)

// suite is where Debian's package json-schema-test-suite puts its tests.
const suite = "/usr/share/json-schema-test-suite/tests/draft4"

// notOurs are groups of the suite that ask for what API Gateway does not do.
var notOurs = map[string]string{
	"remote ref, containing refs itself":           "needs the meta-schema at its address",
	"valid definition":                             "needs the meta-schema at its address",
	"invalid definition":                           "needs the meta-schema at its address",
	"base URI change":                              "id changes no addresses",
	"base URI change - change folder":              "id changes no addresses",
	"base URI change - change folder in subschema": "id changes no addresses",
	"root ref in remote ref":                       "id changes no addresses",
	"Recursive references between schemas":         "id changes no addresses",
}

// TestSuite runs the draft 4 suite.
func TestSuite(t *testing.T) {
	files, err := filepath.Glob(suite + "/*.json")
	if err != nil || len(files) == 0 {
		t.Skipf("%s is not there: install the package json-schema-test-suite", suite)
	}
	files = append(files, suite+"/optional/bignum.json", suite+"/optional/zeroTerminatedFloats.json")
	ran, left := 0, 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			for _, g := range groups(t, file) {
				if why, ok := notOurs[g.Description]; ok {
					left += len(g.Tests)
					t.Logf("%s: left out: %s", g.Description, why)
					continue
				}
				s, err := jsonschema.Compile(string(g.Schema), remotes)
				if err != nil {
					t.Errorf("%s: %v", g.Description, err)
					continue
				}
				for _, tt := range g.Tests {
					ran++
					if got := s.Validate(tt.Data); got.Valid != tt.Valid {
						t.Errorf("%s, %s: %s against %s = %v, want %v", g.Description, tt.Description, tt.Data, g.Schema, got, tt.Valid)
					}
				}
			}
		})
	}
	t.Logf("%d tests run, %d left out", ran, left)
	if ran < 300 {
		t.Errorf("%d tests: the suite was not read whole", ran)
	}
}

type group struct {
	Description string
	Schema      json.RawMessage
	Tests       []struct {
		Description string
		Data        json.RawMessage
		Valid       bool
	}
}

func groups(t *testing.T, file string) []group {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []group
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// groupsIfThere are the groups of a file, or none where the suite is not.
func groupsIfThere(name string) []group {
	text, err := os.ReadFile(filepath.Join(suite, name+".json"))
	if err != nil {
		return nil
	}
	var list []group
	_ = json.Unmarshal(text, &list) // TestSuite tells
	return list
}

// remotes gives the schemas that the suite expects at an address.
func remotes(address string) (string, error) {
	const base = "http://localhost:1234/"
	rel, err := filepath.Rel("/"+base, "/"+address)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(suite, "../../remotes", rel))
	return string(text), err
}
