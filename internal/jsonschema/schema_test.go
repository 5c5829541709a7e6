package jsonschema_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"gatehouse/internal/jsonschema"
)

func compile(t testing.TB, text string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.Compile(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestReasons has every text. The first two are recorded at AWS
// (rest-execution.md §7), the others are the message bundle of the validator
// that they come from.
func TestReasons(t *testing.T) {
	tests := []struct{ name, schema, body, want string }{
		{"required", `{"required":["name"]}`, `{}`, `[object has missing required properties (["name"])]`},
		{"type", `{"type":"number"}`, `"a"`, `[instance type (string) does not match any allowed primitive type (allowed: ["integer","number"])]`},
		{"required, sorted", `{"required":["z","a","m"]}`, `{"m":1}`, `[object has missing required properties (["a","z"])]`},
		{"types, sorted", `{"type":["string","null"]}`, `[]`, `[instance type (array) does not match any allowed primitive type (allowed: ["null","string"])]`},
		{"enum", `{"enum":["a", {"b": 1}]}`, `"c\n"`, `[instance value ("c\n") not found in enum (possible values: ["a",{"b":1}])]`},
		{"minimum", `{"minimum":1.10}`, `1`, `[numeric instance is lower than the required minimum (minimum: 1.10, found: 1)]`},
		{"maximum", `{"maximum":10}`, `1e2`, `[numeric instance is greater than the required maximum (maximum: 10, found: 1e2)]`},
		{"exclusive minimum", `{"minimum":1,"exclusiveMinimum":true}`, `1.0`, `[numeric instance is not strictly greater than the required minimum 1]`},
		{"exclusive maximum", `{"maximum":1,"exclusiveMaximum":true}`, `1`, `[numeric instance is not strictly lower than the required maximum 1]`},
		{"multipleOf", `{"multipleOf":0.01}`, `1.001`, `[remainder of division is not zero (1.001 / 0.01)]`},
		{"minLength", `{"minLength":3}`, `"äb"`, `[string "äb" is too short (length: 2, required minimum: 3)]`},
		{"maxLength", `{"maxLength":1}`, `"ab"`, `[string "ab" is too long (length: 2, maximum allowed: 1)]`},
		{"minItems", `{"minItems":2}`, `[1]`, `[array is too short: must have at least 2 elements but instance has 1 elements]`},
		{"maxItems", `{"maxItems":1}`, `[1,2]`, `[array is too long: must have at most 1 elements but instance has 2 elements]`},
		{"minProperties", `{"minProperties":1}`, `{}`, `[object has too few properties (found 0 but schema requires at least 1)]`},
		{"maxProperties", `{"maxProperties":0}`, `{"a":1}`, `[object has too many properties (found 1 but schema requires at most 0)]`},
		{"additionalProperties", `{"properties":{"b":{}},"additionalProperties":false}`, `{"z":1,"b":2,"a":3}`, `[object instance has properties which are not allowed by the schema: ["a","z"]]`},
		{"additionalItems", `{"items":[{}],"additionalItems":false}`, `[1,2]`, `[schema only allows 1 elements in array but instance has 2 elements]`},
		{"uniqueItems", `{"uniqueItems":true}`, `[1,1.0]`, `[array must not contain duplicate elements]`},
		{"pattern", `{"pattern":"^[0-9]+$"}`, `"a"`, `[ECMA 262 regex "^[0-9]+$" does not match input string "a"]`},
		{"allOf", `{"allOf":[{"minimum":1},{"maximum":5},{}]}`, `0`, `[instance failed to match all required schemas (matched only 2 out of 3)]`},
		{"anyOf", `{"anyOf":[{"minimum":1},{"type":"string"}]}`, `0`, `[instance failed to match at least one required schema among 2]`},
		{"oneOf, none", `{"oneOf":[{"minimum":1},{"type":"string"}]}`, `0`, `[instance failed to match exactly one schema (matched 0 out of 2)]`},
		{"oneOf, two", `{"oneOf":[{"minimum":1},{"minimum":0},{}]}`, `2`, `[instance failed to match exactly one schema (matched 3 out of 3)]`},
		{"not", `{"not":{}}`, `0`, `[instance matched a schema which it should not have]`},
		{"dependencies", `{"dependencies":{"a":["c","b"]}}`, `{"a":1,"c":1}`, `[property "a" of object has missing property dependencies (schema requires ["b","c"]; missing: ["b"])]`},
		{"dependent schema", `{"dependencies":{"a":{"required":["b"]}}}`, `{"a":1}`, `[object has missing required properties (["b"])]`},
		{"email", `{"format":"email"}`, `"a"`, `[string "a" is not a valid email address]`},
		{"several, in the order of the keywords", `{"type":"string","maximum":1,"enum":["a"]}`, `2`,
			`[instance value (2) not found in enum (possible values: ["a"]), numeric instance is greater than the required maximum (maximum: 1, found: 2), instance type (integer) does not match any allowed primitive type (allowed: ["string"])]`},
		{"members in the order of their names", `{"additionalProperties":{"type":"null"}}`, `{"b":1,"a":"x"}`,
			`[instance type (string) does not match any allowed primitive type (allowed: ["null"]), instance type (integer) does not match any allowed primitive type (allowed: ["null"])]`},
		{"nothing deeper once there is a reason", `{"required":["x"],"properties":{"a":{"type":"string"}}}`, `{"a":1}`, `[object has missing required properties (["x"])]`},
		{"nothing deeper after a sibling", `{"properties":{"a":{"type":"string"},"b":{"properties":{"c":{"type":"string"}}}}}`, `{"b":{"c":1},"a":1}`,
			`[instance type (integer) does not match any allowed primitive type (allowed: ["string"])]`},
		{"not JSON", `{}`, `{"a":1`, `[Unknown error parsing request body]`},
		{"more than one text", `{}`, `{} {}`, `[Unknown error parsing request body]`},
		{"empty body", `{"required":["a"]}`, ``, `[Unknown error parsing request body]`},
		{"empty body is {}", `{"type":"object"}`, ``, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := compile(t, tt.schema).Validate([]byte(tt.body))
			if got.String() != tt.want || got.Valid != (tt.want == "") {
				t.Errorf("%s against %s:\n got %s\nwant %s", tt.body, tt.schema, got, tt.want)
			}
		})
	}
}

func TestValid(t *testing.T) {
	deep := strings.Repeat("[", 1001) + strings.Repeat("]", 1001)
	tests := []struct {
		name, schema, body string
		want               bool
	}{
		{"whole number with a fraction is no integer", `{"type":"integer"}`, `1.0`, false},
		{"integer is a number", `{"type":"number"}`, `1`, true},
		{"nullable is ignored", `{"type":"string","nullable":true}`, `null`, false},
		{"numeric exclusiveMinimum is ignored", `{"minimum":1,"exclusiveMinimum":5}`, `2`, true},
		{"readOnly, default, example, discriminator are ignored", `{"readOnly":true,"default":1,"example":2,"discriminator":"x","xml":[]}`, `{}`, true},
		{"unknown format is ignored", `{"format":"byte"}`, `"é"`, true},
		{"$ref leaves nothing else", `{"definitions":{"a":{"type":"string"}},"properties":{"x":{"$ref":"#/definitions/a","maxLength":1}}}`, `{"x":"abc"}`, true},
		{"large numbers are exact", `{"maximum":9007199254740992}`, `9007199254740993`, false},
		{"huge exponents", `{"maximum":1e999999999999999999}`, `1e999999999999999998`, true},
		{"tiny numbers", `{"minimum":0}`, `-1e-999999999999999999999`, false},
		{"fractions are exact", `{"multipleOf":0.1}`, `1234567890123456789.1`, true},
		{"multiple of a small one", `{"multipleOf":1e-9}`, `1e400`, true},
		{"no multiple of a large one", `{"multipleOf":1e400}`, `1e-400`, false},
		{"zero is a multiple", `{"multipleOf":7}`, `-0.0e5`, true},
		{"equal by value", `{"enum":[100, {"a":1,"b":[2]}]}`, `{"b":[2.0],"a":10e-1}`, true},
		{"escapes in names", `{"required":["ä"],"additionalProperties":false,"properties":{"ä":{}}}`, `{"\u00e4":1}`, true},
		{"characters, not bytes", `{"maxLength":1}`, `"\ud83d\ude00"`, true},
		{"half a pair", `{"maxLength":1}`, `"\ud83d"`, true},
		{"every one of two equal names", `{"properties":{"a":{"type":"string"}}}`, `{"a":1,"a":"x"}`, false},
		{"too deep", `{}`, deep, false},
		{"deep enough", `{}`, deep[1 : len(deep)-1], true},
		{"long number", `{}`, strings.Repeat("1", 1001), false},
		{"no UTF-8", `{}`, "\"\xff\"", false},
		{"control character", `{}`, "\"\n\"", false},
		{"leading zero", `{}`, `01`, false},
		{"bad escape", `{}`, `"\x"`, false},
		{"comma", `{}`, `[1,]`, false},
		{"many required", `{"required":["a","b","c","d","e","f","g","h","i","j"]}`, `{"j":1,"i":1,"h":1,"g":1,"f":1,"e":1,"d":1,"c":1,"b":1,"a":1}`, true},
		{"many required, one missing", `{"required":["a","b","c","d","e","f","g","h","i","j"]}`, `{"j":1,"i":1,"h":1,"g":1,"f":1,"e":1,"d":1,"c":1,"b":1,"b":1}`, false},
		{"many distinct", `{"uniqueItems":true}`, `[1,2,3,4,5,6,7,8,9,"1",[1],{"1":1},{"1":2},true,null,-1,-0]`, true},
		{"many, two equal", `{"uniqueItems":true}`, `[1,2,3,4,5,6,7,8,9,{"a":1,"b":2},10,{"b":2.0,"a":1}]`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := compile(t, tt.schema).Validate([]byte(tt.body))
			if got.Valid != tt.want {
				t.Errorf("%.100s against %s = %v, want %v", tt.body, tt.schema, got, tt.want)
			}
		})
	}
}

func TestFormats(t *testing.T) {
	tests := []struct {
		format    string
		good, bad []string
	}{
		{"date-time", []string{"2026-11-22T10:11:12Z", "2026-11-22T10:11:12.5+01:00", "2026-11-22T10:11:12.123456789-0100"},
			[]string{"", "2026-11-22", "2026-13-22T10:11:12Z", "2026-11-22T10:11:12", "2026-11-22T10:11:12.Z", "2026-11-22 10:11:12Z", "2026-11-22T10:11:12Zx"}},
		{"email", []string{"a@b", "a.b+c@example.com", `"a b"@c.de`, "a@[127.0.0.1]"}, []string{"", "a", "@b", "a@", "a b@c", "a..b@c", ".a@b", "a@b..c", "a@b_c"}},
		{"hostname", []string{"a", "www.example.com", "a-b.c"}, []string{"", "-a.b", "a..b", strings.Repeat("a", 64) + ".b", "a.1", "a b"}},
		{"ipv4", []string{"1.2.3.4"}, []string{"", "1.2.3", "256.1.1.1", "::1"}},
		{"ipv6", []string{"::1", "fe80::1:2"}, []string{"", "1.2.3.4", "fe80::1%eth0", ":::"}},
		{"uri", []string{"http://a/b?c#d", "a/b", "urn:x:y%20z"}, []string{"a b", `\\x`, "%zz", ":x"}},
		{"uuid", []string{"123e4567-e89b-12d3-a456-426614174000"}, []string{"", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g"}},
	}
	for _, tt := range tests {
		s := compile(t, fmt.Sprintf(`{"format":%q}`, tt.format))
		check := func(text string, want bool) {
			if got := s.Validate(fmt.Appendf(nil, "%q", text)); got.Valid != want {
				t.Errorf("%q is %s: %v, want %v", text, tt.format, got.Valid, want)
			}
		}
		for _, g := range tt.good {
			check(g, true)
		}
		for _, b := range tt.bad {
			check(b, false)
		}
		if r := s.Validate([]byte(`7`)); !r.Valid {
			t.Errorf("%s: a number is refused: %s", tt.format, r)
		}
	}
}

func TestPatterns(t *testing.T) {
	tests := []struct {
		pattern   string
		good, bad []string
	}{
		{`^\d{3}-\d+$`, []string{"123-4"}, []string{"٣٣٣-1", "123-4\n"}},
		{`b`, []string{"abc"}, []string{"ac"}},
		{`^[\s\S]*$`, []string{"", "a\u00a0\n"}, nil},
		{`^\S$`, []string{"a"}, []string{"\u00a0", "\u3000", " "}},
		{`^\s$`, []string{"\u00a0", "\ufeff", "\v"}, []string{"a"}},
		{`^.$`, []string{"a", "é"}, []string{"\r", "\n", "\u2028"}},
		{`^[\w.-]+\/[a-z]$`, []string{"a-b/c"}, []string{"a b/c"}},
		{`^[^]$`, []string{"\n"}, []string{""}},
		{`[]`, nil, []string{"a", ""}},
		{`^\u00e4\x41\cJ\0$`, []string{"äA\n\x00"}, []string{"aA"}},
		{`^\ud83d\ude00$`, []string{"😀"}, nil},
		{`^[[:alpha:]]$`, []string{"a]", ":]", "[]"}, []string{"z"}},
		{`^(?:a|b)+?$`, []string{"abab"}, []string{"c"}},
		{`^(a+)+$`, []string{"aaaa"}, []string{strings.Repeat("a", 5000) + "b"}},
		{`^a{2}{`, nil, nil},
	}
	for _, tt := range tests {
		s, err := jsonschema.Compile(fmt.Sprintf(`{"pattern":%s}`, quote(tt.pattern)), nil)
		if err != nil {
			t.Error(err)
			continue
		}
		check := func(text string, want bool) {
			if got := s.Validate([]byte(quote(text))); got.Valid != want {
				t.Errorf("%.50q matches %s: %v, want %v", text, tt.pattern, got.Valid, want)
			}
		}
		for _, g := range tt.good {
			check(g, true)
		}
		for _, b := range tt.bad {
			check(b, false)
		}
	}
}

// TestCompileErrors: a schema that cannot be used says why and where.
func TestCompileErrors(t *testing.T) {
	tests := []struct{ name, schema, want string }{
		{"not JSON", `{`, `schema: #: not JSON`},
		{"no object", `true`, `schema: #: a schema must be an object`},
		{"lookahead", `{"properties":{"a/b":{"pattern":"^(?=.*x)y"}}}`, `schema: #/properties/a~1b: pattern cannot be used: pattern "^(?=.*x)y": (?=…) looks ahead or behind, which is not supported: it cannot be matched in bounded time`},
		{"back reference", `{"pattern":"(a)\\1"}`, `schema: #: pattern cannot be used: pattern "(a)\\1": \1 refers back, which is not supported: it cannot be matched in bounded time`},
		{"Java's flags", `{"pattern":"(?i)a"}`, `schema: #: pattern cannot be used: pattern "(?i)a": (?i… is no group of ECMA 262`},
		{"Java's classes", `{"pattern":"\\p{L}"}`, `schema: #: pattern cannot be used: pattern "\\p{L}": \p is no escape of ECMA 262`},
		{"possessive", `{"pattern":"a++"}`, `schema: #: pattern cannot be used: pattern "a++": invalid nested repetition operator: ++`},
		{"repetition", `{"pattern":"a{1,5000}"}`, `schema: #: pattern cannot be used: pattern "a{1,5000}": repetition {1,5000}: at most 1000 times is supported`},
		{"property pattern", `{"patternProperties":{"(":{}}}`, `schema: #: patternProperties has a name that cannot be used: pattern "(": missing closing ): (`},
		{"type", `{"items":{"type":"file"}}`, `schema: #/items: type must name primitive types of JSON`},
		{"required", `{"properties":{"a":{"required":true}}}`, `schema: #/properties/a: required must be an array of names`},
		{"dangling", `{"$ref":"#/definitions/a"}`, `schema: #: $ref "#/definitions/a": nothing is there`},
		{"unknown address", `{"items":[{"$ref":"https://x/y"}]}`, `schema: #/items/0: $ref "https://x/y": no such schema`},
		{"itself", `{"$ref":"#"}`, `schema: #: refers to itself for one and the same value`},
		{"itself by a detour", `{"definitions":{"a":{"anyOf":[{"type":"null"},{"$ref":"#/definitions/b"}]},"b":{"allOf":[{"$ref":"#/definitions/a"}]}},"properties":{"x":{"$ref":"#/definitions/a"}}}`, `schema: #/definitions/a: refers to itself for one and the same value`},
		{"limit", `{"maxLength":-1}`, `schema: #: maxLength must be an integer that is not negative`},
		{"multipleOf", `{"multipleOf":0}`, `schema: #: multipleOf must be a number over 0`},
		{"enum", `{"enum":[]}`, `schema: #: enum must be an array of at least one value`},
		{"oneOf", `{"oneOf":[]}`, `schema: #: oneOf must be an array of at least one schema`},
		{"large", `"` + strings.Repeat("x", 1<<20) + `"`, `schema: #: 1048578 bytes, 1048576 are allowed`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := jsonschema.Compile(tt.schema, nil)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestModels: schemas refer to others by address, in circles too.
//
// AWS: LS import::test_import_with_circular_models_and_request_validation, with
// its bodies; common::…_with_ref_models and …_ref_one_ofmodels.
func TestModels(t *testing.T) {
	const base = "https://apigateway.amazonaws.com/restapis/abc/models/"
	models := map[string]string{
		base + "Person": `{"type":"object","required":["b","name"],"properties":{"name":{"type":"string"},"b":{"type":"number"},"house":{"$ref":"` + base + `House"}}}`,
		base + "House":  `{"type":"object","properties":{"randomProperty":{"type":"string","format":"byte"},"contains":{"minItems":1,"type":"array","items":{"$ref":"` + base + `Person"}}}}`,
		base + "Status": `{"type":"object","properties":{"Status":{"type":"string"},"Order":{"type":"integer"}},"required":["Status","Order"]}`,
	}
	asked := 0
	resolve := func(address string) (string, error) {
		asked++
		if m, ok := models[address]; ok {
			return m, nil
		}
		return "", errors.New("no such model")
	}
	list := `{"type":"array","items":{"$ref":"` + base + `Person"}}`
	oneOf := `{"type":"object","properties":{"status":{"oneOf":[{"type":"null"},{"$ref":"` + base + `Status"}]}},"required":["status"]}`
	tests := []struct {
		schema, body string
		want         bool
	}{
		{models[base+"Person"], `{"name":"Person1","b":2,"house":{"randomProperty":"this is random","contains":[{"name":"Person2","b":3}]}}`, true},
		{models[base+"Person"], `{"random":"blabla"}`, false},
		{models[base+"Person"], `{"name":"Person1","b":2,"house":{"randomProperty":"…","contains":[{"randomObject":"…"}]}}`, false},
		{list, `[{"name":"a","b":1}]`, true},
		{list, `[{"name":"a","b":"1"}]`, false},
		{oneOf, `{"status":null}`, true},
		{oneOf, `{"status":{"Status":"success","Order":1}}`, true},
		{oneOf, `{}`, false},
		{oneOf, `{"status":{"Status":"success"}}`, false},
	}
	for _, tt := range tests {
		s, err := jsonschema.Compile(tt.schema, resolve)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Validate([]byte(tt.body)); got.Valid != tt.want {
			t.Errorf("%s against %s = %v, want %v", tt.body, tt.schema, got, tt.want)
		}
	}
	_, err := jsonschema.Compile(`{"items":{"$ref":"`+base+`Nobody"}}`, resolve)
	if want := `schema: #/items: $ref "` + base + `Nobody": no such model`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	asked = 0
	if _, err := jsonschema.Compile(models[base+"Person"], resolve); err != nil || asked != 2 {
		t.Errorf("%v, asked %d times, want 2: each address is asked for once", err, asked)
	}
}

// TestBounds: schemas and texts that ask for much work get an answer soon.
func TestBounds(t *testing.T) {
	var doubling strings.Builder
	doubling.WriteString(`{"allOf":[{"$ref":"#/definitions/a0"}],"definitions":{`)
	for i := range 60 {
		fmt.Fprintf(&doubling, `"a%d":{"allOf":[{"$ref":"#/definitions/a%d"},{"$ref":"#/definitions/a%d"}]},`, i, i+1, i+1)
	}
	doubling.WriteString(`"a60":{}}}`)
	var chain strings.Builder
	chain.WriteString(`{"$ref":"#/d/0","d":[`)
	for i := range 12_000 {
		fmt.Fprintf(&chain, `{"not":{"$ref":"#/d/%d"}},`, i+1)
	}
	chain.WriteString(`{}]}`)
	tests := []struct{ name, schema, body string }{
		{"doubling", doubling.String(), `{}`},
		{"long chain", chain.String(), `{}`},
		{"large text, large pattern", `{"pattern":"(?:x.{0,180}){5}y$"}`, quote(strings.Repeat("x", 1<<20))},
	}
	for _, tt := range tests {
		if got := compile(t, tt.schema).Validate([]byte(tt.body)); got.String() != "[instance takes too much work to validate]" {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	many := "[" + strings.Repeat(`{"a":"b"},`, 50_000) + `1]`
	got := compile(t, `{"items":{"type":"null"}}`).Validate([]byte(many))
	if len(got.Reasons) > 64 || got.Valid {
		t.Errorf("%d reasons", len(got.Reasons))
	}
	long := compile(t, `{"enum":[1]}`).Validate([]byte(quote(strings.Repeat("ä", 1<<20))))
	if len(long.String()) > 2048 {
		t.Errorf("a reason of %d bytes", len(long.String()))
	}
	flat := "[" + strings.Repeat("1,", 5<<20/2-1) + "1]"
	if got := compile(t, `{}`).Validate([]byte(flat)); got.Valid {
		t.Error("more values than are allowed")
	}
}

// TestConcurrent: a schema serves any number of goroutines.
func TestConcurrent(t *testing.T) {
	s := compile(t, orderModel)
	bad := strings.Replace(order, "4711", "0", 1)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if r := s.Validate([]byte(order)); !r.Valid {
					t.Error(r)
				}
				if r := s.Validate([]byte(bad)); r.String() != "[numeric instance is lower than the required minimum (minimum: 1, found: 0)]" {
					t.Error(r)
				}
			}
		})
	}
	wg.Wait()
}

// quote writes s as JSON.
func quote(s string) string {
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\v", `\u000b`, "\x00", `\u0000`)
	return `"` + r.Replace(s) + `"`
}
