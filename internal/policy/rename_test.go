package policy_test

import (
	"strings"
	"testing"

	"gatehouse/internal/policy"
)

func TestRenamePrincipals(t *testing.T) {
	upper := func(s string) string {
		if s == "*" {
			return s
		}
		return strings.ToUpper(s) + `"`
	}
	for _, tt := range []struct{ name, document, want string }{
		{"one, as it is written", `{ "Statement" : { "Principal" : { "AWS" : "a" , "Service":"s"},"Resource":"a"}}`,
			`{ "Statement" : { "Principal" : { "AWS" : "A\"" , "Service":"s"},"Resource":"a"}}`},
		{"lists", `{"Statement":[{"Principal":{"AWS":["a","*"]}},{"NotPrincipal":{"AWS":["b"]}}]}`, `{"Statement":[{"Principal":{"AWS":["A\"","*"]}},{"NotPrincipal":{"AWS":["B\""]}}]}`},
		{"escaped", `{"Statement":{"Principal":{"AWS":"\u0061\/b"}}}`, `{"Statement":{"Principal":{"AWS":"A/B\""}}}`},
		{"everybody", `{"Statement":{"Principal":"*"}}`, `{"Statement":{"Principal":"*"}}`},
		{"elsewhere", `{"Statement":{"Condition":{"StringEquals":{"Principal":{"AWS":"a"}}}},"Principal":{"AWS":"a"}}`,
			`{"Statement":{"Condition":{"StringEquals":{"Principal":{"AWS":"a"}}}},"Principal":{"AWS":"a"}}`},
		{"broken off", `{"Statement":{"Principal":{"AWS":"a"`, `{"Statement":{"Principal":{"AWS":"A\""`},
		{"not UTF-8", "{\"Id\":\"\xff\",\"Statement\":{\"Principal\":{\"AWS\":\"a\"}}}", "{\"Id\":\"\xff\",\"Statement\":{\"Principal\":{\"AWS\":\"A\\\"\"}}}"},
		{"no JSON", `hello`, `hello`},
	} {
		if got := policy.RenamePrincipals(tt.document, upper); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
