package vtl_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"gatehouse/internal/vtl"
)

// The golden cases: files of testdata with many cases each. A case NAME is
// the file NAME.vtl, the template; NAME.json, the payload, or else the
// archive's body.json; and NAME.want, the output. A last line end belongs to
// the archive. "!syntax" and "!render" are wanted errors.
//
// What the originals answer is written by -update, which runs the oracle of
// tools/vtloracle; files called aws_* restate what AWS was recorded or
// documented to answer, files called own_* what we do otherwise on purpose:
// these are written by hand.
var update = flag.Bool("update", false, "ask the oracle for the goldens (needs Java and Debian's velocity)")

// byHand tells whether a file's answers are not the oracle's.
func byHand(file string) bool {
	name := filepath.Base(file)
	return strings.HasPrefix(name, "aws_") || strings.HasPrefix(name, "own_")
}

// A golden is one case.
type golden struct {
	name, template, body, want string
}

func readGoldens(t *testing.T, file string) (*txtar.Archive, []golden) {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range a.Files {
		files[f.Name] = strings.TrimSuffix(string(f.Data), "\n")
	}
	var list []golden
	for _, f := range a.Files {
		name, ok := strings.CutSuffix(f.Name, ".vtl")
		if !ok {
			continue
		}
		body, ok := files[name+".json"]
		if !ok {
			body = files["body.json"]
		}
		list = append(list, golden{name, files[f.Name], body, files[name+".want"]})
	}
	return a, list
}

func TestGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) < 10 {
		t.Fatalf("found %d golden files (%v)", len(names), err)
	}
	total := 0
	for _, file := range names {
		if *update && !byHand(file) {
			updateGoldens(t, file)
		}
		_, cases := readGoldens(t, file)
		total += len(cases)
		for _, c := range cases {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+c.name, func(t *testing.T) {
				want := c.want
				if message, ok := strings.CutPrefix(want, "!payload "); ok {
					checkPayloadError(t, c, message)
					want = "!render"
				}
				if got := answer(c.template, c.body); got != want {
					t.Errorf("template:\n%s\nbody: %s\ngot:  %q\nwant: %q", c.template, c.body, got, want)
				}
			})
		}
	}
	if total < 400 {
		t.Errorf("%d golden cases, expected at least 400", total)
	}
}

func checkPayloadError(t *testing.T, c golden, want string) {
	t.Helper()
	tpl, err := vtl.Compile(c.template)
	if err != nil {
		t.Fatal(err)
	}
	_, err = tpl.Append(nil, goldenEnv(c.body))
	var payload *vtl.PayloadError
	if !errors.As(err, &payload) || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

// answer renders as the goldens write it.
func answer(template, body string) string {
	t, err := vtl.Compile(template)
	if err != nil {
		return "!syntax"
	}
	out, err := t.Append(nil, goldenEnv(body))
	if err != nil {
		return "!render"
	}
	return string(out)
}

func updateGoldens(t *testing.T, file string) {
	t.Helper()
	a, cases := readGoldens(t, file)
	answers := askOracle(t, cases)
	var files []txtar.File
	for _, f := range a.Files {
		if strings.HasSuffix(f.Name, ".want") {
			continue
		}
		files = append(files, f)
		name, ok := strings.CutSuffix(f.Name, ".vtl")
		if !ok {
			continue
		}
		i := slices.IndexFunc(cases, func(c golden) bool { return c.name == name })
		files = append(files, txtar.File{Name: name + ".want", Data: []byte(answers[i] + "\n")})
	}
	a.Files = files
	if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

// askOracle returns what the originals answer.
func askOracle(t *testing.T, cases []golden) []string {
	t.Helper()
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	enc.SetEscapeHTML(false)
	for _, c := range cases {
		if err := enc.Encode(map[string]string{"template": c.template, "body": c.body}); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("../../tools/vtloracle/run.sh")
	cmd.Stdin = &in
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("oracle: %v", err)
	}
	var answers []string
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		var text string
		var failed struct{ Error string }
		if json.Unmarshal(s.Bytes(), &text) != nil {
			if err := json.Unmarshal(s.Bytes(), &failed); err != nil {
				t.Fatalf("oracle answered %s", s.Bytes())
			}
			text = "!" + failed.Error
		}
		answers = append(answers, text)
	}
	if len(answers) != len(cases) {
		t.Fatalf("oracle answered %d of %d cases", len(answers), len(cases))
	}
	return answers
}

// goldenEnv has the parameters and variables that the oracle has.
func goldenEnv(body string) *vtl.Env {
	return &vtl.Env{
		Body:           body,
		Params:         goldenParams{},
		Context:        scope{"requestId": "req-1", "stage": "prod", "identity.sourceIp": "192.0.2.1", "identity.userAgent": "test/1"},
		StageVariables: scope{"color": "blue", "size": "12"},
		Overrides:      &vtl.Overrides{},
	}
}

type goldenParams struct{}

var params = map[vtl.Place][][2]string{
	vtl.InPath:   {{"id", "7"}},
	vtl.InQuery:  {{"q", "a b"}, {"id", "from query"}},
	vtl.InHeader: {{"X-Test", "yes"}, {"Accept", "*/*"}},
}

func (goldenParams) Param(in vtl.Place, name string) (string, bool) {
	for _, p := range params[in] {
		if p[0] == name {
			return p[1], true
		}
	}
	return "", false
}

func (goldenParams) Each(in vtl.Place, yield func(name, value string) bool) {
	for _, p := range params[in] {
		if !yield(p[0], p[1]) {
			return
		}
	}
}

// A scope is variables by their dotted paths.
type scope map[string]string

func (s scope) Lookup(path string) vtl.Value {
	if v, ok := s[path]; ok {
		return vtl.NewString(v)
	}
	for k := range s {
		if strings.HasPrefix(k, path+".") {
			return vtl.NewGroup()
		}
	}
	return vtl.Value{}
}

func (s scope) Names(path string) []string {
	var names []string
	for k := range s {
		if path != "" {
			var ok bool
			if k, ok = strings.CutPrefix(k, path+"."); !ok {
				continue
			}
		}
		k, _, _ = strings.Cut(k, ".")
		if !slices.Contains(names, k) {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	return names
}
