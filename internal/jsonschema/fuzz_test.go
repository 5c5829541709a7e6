package jsonschema_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	library "github.com/santhosh-tekuri/jsonschema/v6"

	"gatehouse/internal/jsonschema"
)

// FuzzValidate gives schemas and texts to two implementations, which must
// agree wherever both say that they follow draft 4.
func FuzzValidate(f *testing.F) {
	f.Add(orderModel, order)
	f.Add(`{"allOf":[{"$ref":"#/definitions/a"}],"definitions":{"a":{"oneOf":[{"type":"null"},{"not":{}}]}}}`, `null`)
	f.Add(`{"dependencies":{"a":["b"],"c":{"minProperties":2}}}`, `{"a":1,"c":null}`)
	f.Add(`{"items":[{"enum":[1,[2],{"a":3}]}],"additionalItems":{"multipleOf":0.5},"uniqueItems":true}`, `[{"a":3},1.5,15e-1]`)
	f.Add(`{"patternProperties":{"^a":{"minimum":1,"exclusiveMinimum":true}},"additionalProperties":{"$ref":"#"}}`, `{"a":2,"b":{"a":1}}`)
	f.Add(`{"properties":{"a":{"maxLength":2,"format":"email"}},"required":["a"],"additionalProperties":false}`, `{"\u0061":"\ud83d\ude00x"}`)
	f.Add(`{"minimum":-1e-5,"maximum":1e20,"maxItems":1,"minItems":1}`, `-0.00001`)
	for _, file := range []string{"anyOf", "not", "ref", "type", "enum"} {
		for _, g := range groupsIfThere(file) {
			for _, tt := range g.Tests {
				f.Add(string(g.Schema), string(tt.Data))
			}
		}
	}
	f.Fuzz(func(t *testing.T, schema, text string) {
		if len(schema)+len(text) > 4<<10 {
			return
		}
		s, err := jsonschema.Compile(schema, nil)
		if err != nil {
			return
		}
		got := s.Validate([]byte(text))
		if got.Valid != (len(got.Reasons) == 0) || got.Valid != (got.String() == "") {
			t.Fatalf("%s against %s: %+v", text, schema, got)
		}
		if again := s.Validate([]byte(text)); again.String() != got.String() {
			t.Fatalf("%s against %s: %s, then %s", text, schema, got, again)
		}
		if want, ok := secondOpinion(schema, text); ok && want != got.Valid && !strings.Contains(got.String(), "too much work") {
			t.Errorf("%s against %s: %v %s, the other says %v", text, schema, got.Valid, got, want)
		}
	})
}

// apart are the words of a schema about which we differ on purpose: an integer
// with a fraction, say.
var apart = regexp.MustCompile(`"(format|pattern|patternProperties|id|\$schema|exclusiveM[a-z]+|integer|\$ref)"|\\u`)

// hugeExponent is one at which the library may panic, or take minutes.
var hugeExponent = regexp.MustCompile(`[eE][+-]?\d{4}`)

// longest is a text that cannot have a number that is too long, or too much
// nesting.
const longest = 1000

// secondOpinion asks the library. ok is false when it has none, or none that
// counts.
func secondOpinion(schema, text string) (valid, ok bool) {
	if len(schema) > longest || len(text) > longest {
		return false, false
	}
	if apart.MatchString(schema) || hugeExponent.MatchString(schema+text) || !jsontext.Value(schema).IsValid() || !jsontext.Value(text).IsValid() {
		return false, false // names that stand twice, half a surrogate pair
	}
	doc, err := library.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		return false, false
	}
	value, err := library.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return false, false
	}
	c := library.NewCompiler()
	c.DefaultDraft(library.Draft4)
	if err := c.AddResource("mem:///s", doc); err != nil {
		return false, false
	}
	s, err := c.Compile("mem:///s")
	if err != nil {
		return false, false
	}
	return s.Validate(value) == nil, true
}
