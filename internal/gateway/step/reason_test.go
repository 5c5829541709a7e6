package step_test

import (
	"errors"
	"fmt"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/identity"
)

// Access logs say why a caller was refused.
func TestReasons(t *testing.T) {
	why := errors.New("statement 1 denies it")
	signer := gateway.Identity{Principal: new(identity.Principal)}
	for _, tt := range []struct {
		name  string
		fault *gateway.Fault
		by    gateway.Identity
		said  string // by the authorizer
		want  string // of authenticate, authorize and authorizer
	}{
		{"let in", nil, gateway.Identity{}, "", "[ ] [ ] []"},
		{"signed", nil, signer, "", "[200 ] [200 ] []"},
		{"not signed", gateway.NewFault(gateway.MissingAuthenticationToken, nil), gateway.Identity{}, "", "[403 Missing Authentication Token] [ ] []"},
		{"forged", &gateway.Fault{Type: gateway.InvalidSignature, Message: "It does not match.\n\nThe Canonical String"}, gateway.Identity{}, "", "[403 It does not match.] [ ] []"},
		{"signed and denied", gateway.NewFault(gateway.AccessDenied, why), signer, "", "[200 ] [403 statement 1 denies it] []"},
		{"no token", gateway.NewFault(gateway.Unauthorized, why), gateway.Identity{}, "", "[ ] [ ] [statement 1 denies it]"},
		{"bad token", gateway.NewFault(gateway.Unauthorized, why), gateway.Identity{}, "it has expired", "[ ] [ ] [it has expired]"},
		{"broken backend", gateway.NewFault(gateway.IntegrationFailure, why), signer, "", "[200 ] [ ] []"},
	} {
		x := new(gateway.Exchange)
		x.Fault, x.Identity, x.Vars.AuthorizerError = tt.fault, tt.by, tt.said
		get := func(name string) string { return string(gateway.ContextVar(name)(nil, x)) }
		got := fmt.Sprintf("[%s %s] [%s %s] [%s]", get("authenticate.status"), get("authenticate.error"), get("authorize.status"), get("authorize.error"), get("authorizer.error"))
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
