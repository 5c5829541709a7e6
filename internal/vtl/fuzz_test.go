package vtl_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/internal/vtl"
)

// FuzzTemplate looks for templates and payloads that break the engine. A
// rendering must give the same answer twice, and end.
func FuzzTemplate(f *testing.F) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range names {
		_, cases := readGoldens(&testing.T{}, file)
		for i, c := range cases {
			if i%4 == 0 {
				f.Add(c.template, c.body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, template, body string) {
		tpl, err := vtl.Compile(template)
		if err != nil {
			return
		}
		env := func() *vtl.Env {
			e := goldenEnv(body)
			e.Deadline = time.Now().Add(time.Second)
			return e
		}
		start := processorTime(t)
		first, err := tpl.Append(nil, env())
		if d := processorTime(t) - start; d > 20*time.Second {
			t.Fatalf("took %v", d)
		}
		second, err2 := tpl.Append(nil, env())
		if err == nil && err2 == nil && string(first) != string(second) {
			t.Fatalf("first %q, then %q", first, second)
		}
	})
}

// FuzzJSON checks that what the strict parser of the standard library takes,
// ours takes and writes as JSON of the same meaning.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{benchBody, `[]`, `{"a":[1,2.5,-0,1e5,null,true],"é":"\u00e9\n"}`, `"x"`, `{a:b}`, `[1,,2]`, `{'a':'b'}`} {
		f.Add(s)
	}
	tpl, err := vtl.Compile("$input.json('$')")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		out, err := tpl.Append(nil, &vtl.Env{Body: body})
		if err != nil {
			return
		}
		if !json.Valid(out) {
			t.Fatalf("%q gives %q, which is not JSON", body, out)
		}
		again, err := tpl.Append(nil, &vtl.Env{Body: string(out)})
		if err != nil || string(again) != string(out) {
			t.Fatalf("%q gives %q, and that %q (%v)", body, out, again, err)
		}
	})
}

// FuzzPath looks for paths that break the reader.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"$.a", "$..b", "$[?(@.a>1)]", "$['a','b'][0,1][1:2]", "$..[?(@.x =~ /a.*/i && !@.y)].length()", "a.b"} {
		f.Add(s, benchBody)
	}
	f.Fuzz(func(t *testing.T, path, body string) {
		p, err := vtl.CompilePath(path)
		if err != nil {
			return
		}
		_, _, _ = p.Read(nil, body)
	})
}
