package logs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The cases are those of the guide's page about patterns, and what follows from
// it.
func TestPattern(t *testing.T) {
	const doc = `{"eventType":"UpdateTrail","n":500,"neg":-2.5e1,"ok":true,"none":null,"user":{"id":1,"e\"m":"John.Doe@example.com","tags":["a","b"]},"users":[{"id":1},{"id":2}],"uni":"\u0041b"}`
	const line = `127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534`
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"", "anything", true},
		{"ERROR", "[ERROR 400] BAD REQUEST", true},
		{"ERROR", "[error 400] BAD REQUEST", false},
		{"ERROR", "SOMEERRORS", false},
		{"ERROR", "X_ERROR_Y", true},
		{"ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true},
		{"ERROR ARGUMENTS", "[ERROR 420] INVALID", false},
		{`"INTERNAL SERVER ERROR"`, "[ERROR 500] INTERNAL SERVER ERROR", true},
		{`"INTERNAL SERVER ERROR"`, "INTERNAL ERROR SERVER", false},
		{"?ERROR ?ARGUMENTS", "[ERROR 400]", true},
		{"?ERROR ?ARGUMENTS", "[WARN 400]", false},
		{"ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false},
		{"ERROR -ARGUMENTS", "[ERROR 400] BAD", true},
		{`-"a b"`, "c a b", false},
		{"%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED", true},
		{"%20[0-4]%", "status 203", true},
		{"%^20[0-4]$%", "status 203", false},
		{`"\""`, `say "x"`, true},

		{`{ $.eventType = "UpdateTrail" }`, doc, true},
		{`{ $.eventType = UpdateTrail }`, doc, true},
		{`{ $.eventType = "Update*" }`, doc, true},
		{`{ $.eventType = "*Tr*l" }`, doc, true},
		{`{ $.eventType = "*x*" }`, doc, false},
		{`{ $.eventType != "UpdateTrail" }`, doc, false},
		{`{ $.missing != "UpdateTrail" }`, doc, false},
		{`{ $.n = 500 }`, doc, true},
		{`{ $.n = 500.0 }`, doc, true},
		{`{ $.n >= 500 && $.n < 501 }`, doc, true},
		{`{ $.n > 500 }`, doc, false},
		{`{ $.neg = -25 }`, doc, true},
		{`{ $.neg < 0 }`, doc, true},
		{`{ $.n = 5* }`, doc, true},
		{`{ $.ok IS TRUE }`, doc, true},
		{`{ $.ok is false }`, doc, false},
		{`{ $.none IS NULL }`, doc, true},
		{`{ $.none EXISTS }`, doc, true},
		{`{ $.nix NOT EXISTS }`, doc, true},
		{`{ $.user.id = 1 && ($.users[1].id = 2 || $.n = 1) }`, doc, true},
		{`{ ($.user.id = 2) || ($.users[0].id = 1) }`, doc, true},
		{`{ ($.user.id = 2) || ($.users[0].id = 2) }`, doc, false},
		{`{ $.users[2].id = 2 }`, doc, false},
		{`{ $.user.tags[1] = "b" }`, doc, true},
		{`{ $.user['e"m'] = "John*" }`, doc, true},
		{`{ $.uni = "Ab" }`, doc, true},
		{`{ $.eventType = %Update.*% }`, doc, true},
		{`{ $.n = 500 }`, `no document {"n":500}`, false},
		{`{ $.n = 500 }`, `{"n":500`, false},
		{`{ $.a.b = 1 }`, `{"a":{"c":{"b":1}}}`, false},

		{`[ip, user, username, timestamp, request, status_code, bytes]`, line, true},
		{`[ip, user, username, timestamp, request, status_code]`, line, false},
		{`[ip, user, username, timestamp, request = *.html*, status_code = 4*, bytes > 1000]`, line, true},
		{`[ip, user, username, timestamp, request = *.html*, status_code = 4*, bytes > 2000]`, line, false},
		{`[..., status_code = 404, bytes]`, line, true},
		{`[ip = 127.*, ..., bytes = 1534]`, line, true},
		{`[ip, ..., status_code = 404 || status_code = 410, bytes]`, line, true},
		{`[ip, ..., status_code != 404 && status_code != 410, bytes]`, line, false},
		{`[w1 = ERROR, w2]`, "ERROR x", true},
		{`[w1 != %ERR|WARN%, w2]`, "ERROR x", false},
	}
	for _, tt := range tests {
		p, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		if got := p.Match([]byte(tt.text)); got != tt.want {
			t.Errorf("%s matches %s: %v, want %v", tt.pattern, tt.text, got, tt.want)
		}
		if tt.want && !hasOne(tt.text, p.Needs) {
			t.Errorf("%s: none of %q is in %s", tt.pattern, p.Needs, tt.text)
		}
	}
}

// hasOne reports whether one of the needs of a pattern, if it has any, is in text.
func hasOne(text string, needs [][]byte) bool {
	return len(needs) == 0 || slices.ContainsFunc(needs, func(n []byte) bool { return strings.Contains(text, string(n)) })
}

// What is needed spares looking at most events, so it must be found.
func TestPatternNeeds(t *testing.T) {
	for pattern, want := range map[string]string{
		`ERROR timeout`:      `["timeout"]`,
		`?ERROR ?WARN`:       `["ERROR" "WARN"]`,
		`-DEBUG`:             `[]`,
		`%ab+c[0-9]def%`:     `["def"]`,
		`%abc|de%`:           `["abc" "de"]`,
		`{ $.status = 404 }`: `[]`,
		`{ $.status = 404 && $.path = "/pets*" }`:         `["/pets" "\\"]`,
		`{ $.path = "/pets*" || $.path = "/dogs" }`:       `["/pets" "/dogs" "\\"]`,
		`{ $.path = "/pets*" || $.status = 1 }`:           `[]`,
		`{ $.path != "/pets" }`:                           `[]`,
		`[ip = 10.0.0.*, ..., request = *html*, b > 10 ]`: `["10.0.0."]`,
	} {
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%q", [][]byte(p.Needs)); got != want {
			t.Errorf("%s needs %s, want %s", pattern, got, want)
		}
	}
}

func TestPatternRefused(t *testing.T) {
	for _, text := range []string{
		"error:", `"open`, "?", "%(a)%", "%a", "{", "{}", "{ $.a }", "{ a = 1 }", "{ $.a = }", "{ $.a > x }", "{ ($.a = 1 }", "{ $.a[x] = 1 }",
		"{ $.a = 1 } x", "{ $.a IS maybe }", "[", "[]", "[a b]", "[a = 1 || b = 2]", "[..., a, ...]", "{ $. = 1 }", "{ $[ = 1 }", "{ $.a = \"x }",
		"{ " + strings.Repeat("(", 100) + "$.a = 1 }",
	} {
		if _, err := ParsePattern(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestPatternValues(t *testing.T) {
	tests := []struct{ pattern, text, name, want string }{
		{`{ $.a.b > 1 }`, `{"a":{"b":17}}`, "$.a.b", "17"},
		{`[ip, ..., bytes]`, `10.0.0.1 x y 77`, "$bytes", "77"},
		{`[ip, ...]`, `10.0.0.1 x y 77`, "$ip", "10.0.0.1"},
		{`[a, b]`, `"two words" [and more]`, "$b", "and more"},
	}
	for _, tt := range tests {
		p, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.values([]byte(tt.text)); got[tt.name] != tt.want {
			t.Errorf("%s of %s: %v, want %s", tt.pattern, tt.text, got, tt.want)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add(`{ $.a[0].b = "x*" && ($.c > 1) }`, `{"a":[{"b":"xy"}],"c":2}`)
	f.Add(`[a, ..., b = %x%]`, `1 "2 3" [x] y`)
	f.Add(`?a -"b c" %d+%`, "a b c d")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		p, err := ParsePattern(pattern)
		if err != nil {
			return
		}
		if p.Match([]byte(text)) {
			if !hasOne(text, p.Needs) {
				t.Errorf("%q matches %q without one of %q", pattern, text, p.Needs)
			}
			p.values([]byte(text))
		}
	})
}

func TestPatternAllocs(t *testing.T) {
	for _, text := range []string{"ERROR", `{ $.status = 500 && $.path = "/pets*" }`, "[ip, ..., status = 4*]"} {
		p, err := ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		line := []byte(`{"ip":"10.0.0.1","path":"/pets/7","status":404}`)
		if n := testing.AllocsPerRun(1000, func() { p.Match(line) }); n > 1 { // a number's text
			t.Errorf("%s allocates %v times for an event", text, n)
		}
	}
}
