package compile_test

import (
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
)

// withPolicy gives an API a resource policy of some statements.
func withPolicy(def *record.Definition, statements ...string) *record.Definition {
	def.RestAPI.Policy = new(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`)
	return def
}

func speaks(effect, path string) string {
	return `{"Effect":"` + effect + `","Principal":"*","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:eu-west-1:000000000000:*/s/*/` + path + `"}`
}

func private(def *record.Definition) *record.Definition {
	def.RestAPI.EndpointConfiguration = &api.EndpointConfiguration{Types: []string{api.EndpointTypePrivate}}
	return def
}

// Every kind of authorization together with every kind of policy: who must not
// get in does not.
func TestAccess(t *testing.T) {
	open := func() *record.Definition { return answering("in") }
	keyed := func() *record.Definition { return answering("in", keyRequired) }
	signed := func() *record.Definition {
		return answering("in", func(m *api.Method) { m.AuthorizationType = new("AWS_IAM") })
	}
	asked := func() *record.Definition {
		return withGate(define(map[string]api.Method{"GET": guarded("gate", func(m *api.Method) {
			*m = mock("in")
			m.AuthorizationType, m.AuthorizerId = new("CUSTOM"), new("gate")
		})}, "/pets"))
	}
	tests := []struct {
		name  string
		def   *record.Definition
		want  string
		calls int // of the authorizer
	}{
		{"open", open(), "in", 0},
		{"open, policy allows", withPolicy(open(), speaks("Allow", "*")), "in", 0},
		{"open, policy silent", withPolicy(open(), speaks("Allow", "dogs")), "403", 0},
		{"open, policy denies", withPolicy(open(), speaks("Allow", "*"), speaks("Deny", "pets")), "403", 0},
		{"key, policy allows", withPolicy(keyed(), speaks("Allow", "*")), "403", 0},
		{"signed", signed(), "403", 0},
		{"signed, policy allows everybody", withPolicy(signed(), speaks("Allow", "*")), "403", 0},
		{"asked", asked(), "in", 1},
		{"asked, policy silent", withPolicy(asked(), speaks("Allow", "dogs")), "in", 1},
		{"asked, policy denies", withPolicy(asked(), speaks("Deny", "*")), "403", 0},
		{"private", private(open()), "403", 0},
		{"private, policy allows", private(withPolicy(open(), speaks("Allow", "*"))), "403", 0},
		{"private, signed", private(signed()), "403", 0},
		{"private, asked", private(asked()), "403", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			w := worldWith(t, gate(&calls))
			w.deploy("a1", "s", tt.def, gateVariable)
			w.expect(tt.want, "a1", "s", "/pets", "A: me")
			if calls != tt.calls {
				t.Errorf("the authorizer was asked %d times, want %d", calls, tt.calls)
			}
		})
	}
}

// A stage whose policy cannot be read is not served by it, nor without it.
func TestUnreadablePolicyKeepsTheStage(t *testing.T) {
	w := newWorld(t)
	bad := answering("two")
	bad.RestAPI.Policy = new(`{"Version":"2012-10-17","Statement":[{"Effect":"Maybe"}]}`)
	w.deploy("a1", "s", bad)
	w.expect("403", "a1", "s", "/pets")
	w.commit(append(w.putDeployment("a1", "d2", withPolicy(answering("one"), speaks("Deny", "*"))), w.putStage("a1", "s", "d2"))...)
	w.commit(append(w.putDeployment("a1", "d3", bad), w.putStage("a1", "s", "d3"))...)
	w.expect("403", "a1", "s", "/pets")
}
