package apigateway

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The answers of real AWS, recorded by a public test suite, stand beside the
// repository in ../shared/corpus. A replay makes the calls that led to a
// recording and compares every answer with it: ids and names in a recording
// are tokens (<id:1>), which must stand for the same value wherever they occur.

// A replay is one recorded test.
type replay struct {
	file string // apigateway__test_apigateway_{file}.snapshot.json
	name string // of the recorded test
	run  func(c *client, match func(key string, got doc))

	// without are the keys that cannot match, each with the reason.
	without map[string]string
}

func TestRecorded(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "..", "shared", "corpus", "localstack")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the recordings are not here: ", err)
	}
	files := map[string]map[string]recording{}
	replays := slices.Concat(restAPIReplays, resourceReplays, methodReplays, integrationReplays, modelReplays, gatewayResponseReplays,
		stageReplays, canaryReplays, keyReplays, importReplays, documentationReplays, exportReplays)
	for _, r := range replays {
		t.Run(r.file+"/"+r.name, func(t *testing.T) {
			if files[r.file] == nil {
				files[r.file] = readRecordings(t, filepath.Join(dir, "apigateway__test_apigateway_"+r.file+".snapshot.json"))
			}
			rec, ok := files[r.file][r.name]
			if !ok {
				t.Fatal("no such recording")
			}
			r.check(t, rec)
		})
	}
}

// A recording is the answers of one test by key.
type recording struct {
	Content map[string]any `json:"recorded-content"`
}

func readRecordings(t *testing.T, path string) map[string]recording {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]recording
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	byName := map[string]recording{}
	for id, rec := range all {
		byName[id[strings.LastIndex(id, "::")+2:]] = rec
	}
	return byName
}

// check replays r and compares every answer that was recorded.
func (r *replay) check(t *testing.T, rec recording) {
	seen := map[string]bool{}
	m := matcher{tokens: map[string]string{}}
	r.run(newClient(t), func(key string, got doc) {
		t.Helper()
		seen[key] = true
		want, ok := rec.Content[key]
		if !ok {
			t.Errorf("nothing was recorded as %s", key)
			return
		}
		if r.without[key] != "" {
			return
		}
		if err := m.match("", want, got); err != nil {
			t.Errorf("%s: %v\n got: %s\nwant: %s", key, err, text2json(got), text2json(want))
		}
	})
	for key := range rec.Content {
		if !seen[key] && r.without[key] == "" {
			t.Errorf("%s was not replayed", key)
		}
	}
}

func text2json(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// A matcher compares answers with recordings, in which tokens stand for what
// was different at every run.
type matcher struct {
	tokens map[string]string // what each stands for
}

var token = regexp.MustCompile(`<[a-z-]+(:\d+)?>`)

func (m *matcher) match(at string, want, got any) error {
	switch want := want.(type) {
	case map[string]any:
		return m.matchMap(at, want, got)
	case []any:
		list, ok := got.([]any)
		if s, isText := got.(string); isText {
			ok = json.Unmarshal([]byte(s), &list) == nil
		}
		if !ok || len(list) != len(want) {
			return fmt.Errorf("%s: got %s, want %s", at, text2json(got), text2json(want))
		}
		for i := range want {
			if err := m.match(fmt.Sprintf("%s[%d]", at, i), want[i], list[i]); err != nil {
				return err
			}
		}
		return nil
	case string:
		if want == "datetime" {
			if _, ok := got.(float64); !ok {
				return fmt.Errorf("%s: got %v, want a time", at, got)
			}
			return nil
		}
		return m.matchText(at, want, fmt.Sprint(got))
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Errorf("%s: got %s, want %s", at, text2json(got), text2json(want))
	}
	return nil
}

func (m *matcher) matchMap(at string, want map[string]any, got any) error {
	have, ok := got.(doc)                  // nil if it is none
	if s, isText := got.(string); isText { // documents in text were recorded parsed
		ok = json.Unmarshal([]byte(s), &have) == nil
	}
	if !ok {
		return fmt.Errorf("%s: got %s, want %s", at, text2json(got), text2json(want))
	}
	want = normal(want)
	for key := range have {
		if _, ok := want[key]; !ok {
			return fmt.Errorf("%s: got %s = %s, want none", at, key, text2json(have[key]))
		}
	}
	for _, key := range sortedKeys(want) {
		if _, ok := have[key]; !ok {
			return fmt.Errorf("%s: got no %s, want %s", at, key, text2json(want[key]))
		}
		if err := m.match(at+"."+key, want[key], have[key]); err != nil {
			return err
		}
	}
	return nil
}

// normal writes a recorded answer as the client does.
func normal(want map[string]any) map[string]any {
	out := doc{}
	for key, v := range want {
		switch key {
		case "ResponseMetadata":
			out["$"] = v.(map[string]any)["HTTPStatusCode"]
		case "Error":
			e := v.(map[string]any)
			out["Error"] = fmt.Sprintf("%v: %v", e["Code"], e["Message"])
		default:
			out[key] = v
		}
	}
	if out["Error"] != nil {
		delete(out, "message")
	}
	return out
}

func (m *matcher) matchText(at, want, got string) error {
	var pattern strings.Builder
	var names []string
	rest := want
	for _, span := range token.FindAllStringIndex(want, -1) {
		pattern.WriteString(regexp.QuoteMeta(want[len(want)-len(rest) : span[0]]))
		name := want[span[0]:span[1]]
		if v, ok := m.tokens[name]; ok {
			pattern.WriteString(regexp.QuoteMeta(v))
		} else {
			names = append(names, name)
			pattern.WriteString("(.+?)")
		}
		rest = want[span[1]:]
	}
	pattern.WriteString(regexp.QuoteMeta(rest))
	found := regexp.MustCompile(`(?s)^` + pattern.String() + `$`).FindStringSubmatch(got)
	if found == nil {
		return fmt.Errorf("%s: got %q, want %q (%v)", at, got, want, m.tokens)
	}
	for i, name := range names {
		m.tokens[name] = found[i+1]
	}
	return nil
}
