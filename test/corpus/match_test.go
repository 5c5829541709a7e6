package corpus

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

func text2json(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// placeholders are the texts of recordings that stand for any value, and what
// it must look like.
var placeholders = map[string]string{
	"datetime":       `^[0-9.e+]+$`,
	"date":           `^[0-9-]+T[0-9:]+Z$|^\w+, \d+ \w+ \d+ [0-9:]+ GMT$`,
	"content-length": `^\d+$`,
}

// A matcher compares answers with recordings, in which tokens stand for what
// was different at every run.
type matcher struct {
	tokens  map[string]string // what each stands for
	account string            // stands for recordedAccount
}

// recordedAccount is the account of all recordings.
const recordedAccount = "111111111111"

// token is what stands for something in a recording. With a number it stands
// for the same thing everywhere.
var token = regexp.MustCompile(`<[a-zA-Z][a-zA-Z0-9_:-]*:\d+>|<(region|partition|date|Date|latency|uuid|[a-zA-Z0-9]+-[a-zA-Z0-9-]+)>`)

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
		if strings.HasSuffix(at, ".parameters") { // of exports: AWS's order is that of a hash
			slices.SortFunc(want, byName)
			slices.SortFunc(list, byName)
		}
		for i := range want {
			if err := m.match(fmt.Sprintf("%s[%d]", at, i), want[i], list[i]); err != nil {
				return err
			}
		}
		return nil
	case string:
		if pattern, ok := placeholders[want]; ok {
			if !regexp.MustCompile(pattern).MatchString(fmt.Sprint(got)) {
				return fmt.Errorf("%s: got %v, want a %s", at, got, want)
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

// byName orders the parameters of an operation.
func byName(a, b any) int {
	name := func(v any) string {
		p, _ := v.(map[string]any)
		return fmt.Sprint(p["in"], " ", p["name"])
	}
	return strings.Compare(name(a), name(b))
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
	for _, key := range slices.Sorted(maps.Keys(want)) {
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
	got = strings.ReplaceAll(got, m.account, recordedAccount)
	var pattern strings.Builder
	var names []string
	rest := want
	for _, span := range token.FindAllStringIndex(want, -1) {
		pattern.WriteString(regexp.QuoteMeta(want[len(want)-len(rest) : span[0]]))
		name := want[span[0]:span[1]]
		if v, ok := m.tokens[name]; ok {
			pattern.WriteString(regexp.QuoteMeta(v))
		} else {
			if strings.Contains(name, ":") {
				names = append(names, name)
			} else {
				names = append(names, "")
			}
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
		if name != "" {
			m.tokens[name] = found[i+1]
		}
	}
	return nil
}
