package mapping_test

import (
	"strings"
	"testing"

	"gatehouse/internal/mapping"
)

// TestParse: parts are shown as PLACE:NAME, one after another.
func TestParse(t *testing.T) {
	tests := []struct {
		value string
		of    mapping.Message
		want  string // empty: it is refused
	}{
		{"text", mapping.Request, "text:text"},
		{"$request.header.X-A", mapping.Request, "header:X-A"},
		{"${request.header.X-A}", mapping.Request, "header:X-A"},
		{"$request.querystring.a.b", mapping.Request, "query:a.b"},
		{"$request.path", mapping.Request, "path:"},
		{"$request.path.proxy", mapping.Request, "path:proxy"},
		{"/v1/$request.path.proxy", mapping.Request, "text:/v1/|path:proxy"},
		{"/$request.path.id/x", mapping.Request, "text:/|path:id|text:/x"},
		{"${request.path.a} ${request.path.b}", mapping.Request, "path:a|text: |path:b"},
		{"$request.path.a $request.path.b", mapping.Request, "path:a|text: |path:b"},
		{"$request.body", mapping.Request, "body:"},
		{"$request.body.a['b c'][0]", mapping.Request, "body:"},
		{"${request.body.a}!", mapping.Request, "body:|text:!"},
		{"n: $request.body.", mapping.Request, "text:n: |body:|text:."},
		{"$context.authorizer.claims.sub", mapping.Request, "context:authorizer.claims.sub"},
		{"$stageVariables.k", mapping.Response, "variable:k"},
		{"$response.header.a", mapping.Response, "header:a"},
		{"5 $ or $6, $.", mapping.Request, "text:5 $ or $6, $."},
		{"", mapping.Request, "nothing"},
		{"$request.nothing", mapping.Request, ""},
		{"$request.header", mapping.Request, ""},
		{"$request.header.", mapping.Request, ""},
		{"$request.querystring", mapping.Request, ""},
		{"$request.pathology", mapping.Request, ""},
		{"$request.bodyguard", mapping.Request, ""},
		{"$request.body..a", mapping.Request, ""},
		{"$request.body.a[?(@.b)]", mapping.Request, ""},
		{"$request.body.a[", mapping.Request, ""},
		{"$response.header.a", mapping.Request, ""},
		{"$response.path", mapping.Response, ""},
		{"$response.querystring.a", mapping.Response, ""},
		{"$request.header.a", mapping.Response, ""},
		{"$context", mapping.Request, ""},
		{"$method.request.header.a", mapping.Request, ""},
		{"${}", mapping.Request, ""},
		{"${request.path", mapping.Request, ""},
	}
	for _, tt := range tests {
		parts, err := mapping.Parse(tt.value, tt.of)
		if (err != nil) != (tt.want == "") {
			t.Errorf("Parse(%q) = %v, %v, want %q", tt.value, parts, err, tt.want)
			continue
		}
		if err != nil {
			continue
		}
		got := show(parts)
		if got == "" {
			got = "nothing"
		}
		if got != tt.want {
			t.Errorf("Parse(%q) = %q, want %q", tt.value, got, tt.want)
		}
	}
}

func show(parts []mapping.Part) string {
	names := [...]string{"text", "header", "query", "path", "body", "context", "variable"}
	all := make([]string, len(parts))
	for i, p := range parts {
		all[i] = names[p.Place] + ":" + p.Name
	}
	return strings.Join(all, "|")
}

// FuzzParse: no value ends the server, and text is kept.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"/$request.path.proxy", "${request.body.a[0]}", "$request.body['a']", "$${", "$context.a-", "a$b.c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parts, err := mapping.Parse(s, mapping.Request)
		if err == nil && !strings.Contains(s, "$") && len(parts) > 0 && parts[0].Name != s {
			t.Errorf("Parse(%q) = %v", s, parts)
		}
	})
}
