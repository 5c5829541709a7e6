package authorizer_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/authorizer"
	"gatehouse/internal/jwt"
)

// promptly does a step as an event loop does: without waiting, and again where
// waiting is allowed if it has to. Nothing of the first time may be left.
func promptly(ctx context.Context, s gateway.Prompt, x *gateway.Exchange) error {
	x.NoWait = true
	err := s.Do(ctx, x)
	x.NoWait = false
	if err == gateway.ErrWouldWait {
		err = s.Do(ctx, x)
	}
	return err
}

// In an event loop an authorizer decides by what it knows, and asks nobody.
func TestNoWait(t *testing.T) {
	asked := 0
	fetch := func(ctx context.Context, url string, max int64) ([]byte, error) {
		asked++
		return poolFetch(ctx, url, max)
	}
	const claims = `,"aud":"client1","token_use":"id"`
	unknown := signed(t, jose.RS256, jose.JSONWebKey{Key: poolKey, KeyID: "other"}, `{"iss":"`+poolURL+`","exp":9999999999}`)
	for name, make := range map[string]func(*jwt.Issuer) gateway.Prompt{
		"JWT": func(is *jwt.Issuer) gateway.Prompt {
			j, err := authorizer.NewJWT(&authorizer.JWTConfig{Issuer: is, Audience: []string{"client1"},
				Source: authorizer.Source{Header: "Authorization"}, Cache: cache.New[*authorizer.VerifiedJWT](1 << 20)})
			if err != nil {
				t.Fatal(err)
			}
			return j.For(nil).(gateway.Prompt)
		},
		"user pool": func(is *jwt.Issuer) gateway.Prompt {
			return poolGuard(t, nil, func(c *authorizer.UserPoolsConfig) { c.Pools[0].Issuer, c.TTL = is, 0 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := make((&jwt.Issuers{Fetch: fetch}).Issuer(poolURL))
			asked = 0
			ask := func(noWait bool, token string) (*gateway.Exchange, error) {
				x := exchange("GET", "/pets", "Authorization: "+token)
				x.NoWait = noWait
				return x, s.Do(t.Context(), x)
			}
			first := poolToken(t, poolURL, time.Minute, claims)
			if x, err := ask(true, first); err != gateway.ErrWouldWait || x.Authorization != nil || asked != 0 {
				t.Fatalf("keys that are not there: %v, asked %d times", err, asked)
			}
			if x, err := ask(false, first); err != nil || x.Authorization == nil || asked != 2 {
				t.Fatalf("waiting: %v, asked %d times", err, asked)
			}
			if x, err := ask(true, poolToken(t, poolURL, time.Hour, claims)); err != nil || x.Authorization == nil {
				t.Errorf("a new token, whose key is known: %v", err)
			}
			if x, err := ask(true, unknown); err != gateway.ErrWouldWait || x.Authorization != nil || x.Vars.AuthorizerError != "" {
				t.Errorf("a key that is not known: %v, %q", err, x.Vars.AuthorizerError)
			}
			if asked != 2 {
				t.Errorf("asked %d times, want 2", asked)
			}
			if x, err := ask(false, unknown); outcome(err) == "passes" || x.Authorization != nil {
				t.Error("a key that nobody knows passes")
			}
		})
	}
}

// A Lambda authorizer that has to be asked is not asked by an event loop.
func TestNoWaitLambda(t *testing.T) {
	f := answering(allowing("Allow", "*"))
	g := guard(t, f, keeping(time.Minute))
	ask := func(noWait bool) error {
		x := exchange("GET", "/pets", "A: me")
		x.NoWait = noWait
		return g.Do(t.Context(), x)
	}
	if err := ask(true); err != gateway.ErrWouldWait || f.calls != 0 {
		t.Fatalf("%v after %d calls", err, f.calls)
	}
	if err := ask(false); err != nil || f.calls != 1 {
		t.Fatalf("%v after %d calls", err, f.calls)
	}
	if err := ask(true); err != nil || f.calls != 1 {
		t.Errorf("what was decided: %v after %d calls", err, f.calls)
	}
}
