package authorizer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/authorizer"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/jwt"
)

const poolURL = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_pool"

var (
	poolKey, _   = rsa.GenerateKey(rand.Reader, 2048)
	poolECKey, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
)

// poolFetch is what a pool answers.
func poolFetch(_ context.Context, url string, _ int64) ([]byte, error) {
	base, _, _ := strings.Cut(url, "/.well-known/")
	switch {
	case strings.Contains(url, "/down"):
		return nil, errors.New("down")
	case strings.HasSuffix(url, "openid-configuration"):
		return json.Marshal(map[string]string{"issuer": base, "jwks_uri": base + "/.well-known/jwks.json"})
	}
	return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{KeyID: "k", Key: poolKey.Public(), Use: "sig"}, {KeyID: "ec", Key: poolECKey.Public()}}})
}

// poolToken is a token of a pool; more are claims.
func poolToken(t testing.TB, url string, expires time.Duration, more string) string {
	t.Helper()
	return signed(t, jose.RS256, jose.JSONWebKey{Key: poolKey, KeyID: "k"},
		fmt.Sprintf(`{"sub":"s1","iss":%q,"exp":%d,"iat":1758748571%s}`, url, time.Now().Add(expires).Unix(), more))
}

func signed(t testing.TB, algorithm jose.SignatureAlgorithm, key jose.JSONWebKey, claims string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// poolGuard is the step of a Cognito authorizer by header Authorization.
func poolGuard(t testing.TB, scopes []string, change ...func(*authorizer.UserPoolsConfig)) *step.Authorize {
	t.Helper()
	issuers := &jwt.Issuers{Fetch: poolFetch}
	cfg := &authorizer.UserPoolsConfig{Source: authorizer.Source{Header: "Authorization"}, TTL: time.Minute, Cache: cache.New[*authorizer.Verified](1 << 20)}
	cfg.Pools = []authorizer.UserPool{{URL: poolURL, Issuer: issuers.Issuer(poolURL)}}
	for _, f := range change {
		f(cfg)
	}
	u, err := authorizer.NewUserPools(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &step.Authorize{By: u.For(scopes)}
}

// AWS: authorizers.md §3.
func TestUserPools(t *testing.T) {
	const id, access = `,"token_use":"id","aud":"client1"`, `,"token_use":"access","scope":"a/read b/write","client_id":"client1"`
	const tooOld = `401 UNAUTHORIZED {"message":"The incoming token has expired"}`
	other := "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_other"
	audience := func(expr string) func(*authorizer.UserPoolsConfig) {
		return func(c *authorizer.UserPoolsConfig) { c.Pattern, _ = authorizer.Whole(expr) }
	}
	foreign := func(c *authorizer.UserPoolsConfig) { c.Pools[0].Foreign = true }
	two := func(c *authorizer.UserPoolsConfig) {
		c.Pools = append(c.Pools, authorizer.UserPool{URL: other, Issuer: (&jwt.Issuers{Fetch: poolFetch}).Issuer(other)})
	}
	down := func(c *authorizer.UserPoolsConfig) {
		c.Pools[0] = authorizer.UserPool{URL: poolURL + "/down", Issuer: (&jwt.Issuers{Fetch: poolFetch}).Issuer(poolURL + "/down")}
	}
	good := poolToken(t, poolURL, time.Minute, id)
	readers := []string{"a/read", "x"}
	tests := []struct {
		name, token string
		scopes      []string
		change      func(*authorizer.UserPoolsConfig)
		want        string
	}{
		{"identity token", good, nil, nil, "passes"},
		{"with Bearer", "Bearer " + good, nil, nil, "passes"},
		{"access token with a scope", poolToken(t, poolURL, time.Minute, access), readers, nil, "passes"},
		{"second of two pools", poolToken(t, other, time.Minute, id), nil, two, "passes"},
		{"audience", good, nil, audience("client[0-9]"), "passes"},
		{"one of several audiences", poolToken(t, poolURL, time.Minute, `,"token_use":"id","aud":["x","client1"]`), nil, audience("client[0-9]"), "passes"},
		{"another provider", poolToken(t, poolURL, time.Minute, `,"scope":"x"`), readers, foreign, "passes"},
		{"another provider's algorithm", signed(t, jose.ES256, jose.JSONWebKey{Key: poolECKey, KeyID: "ec"},
			fmt.Sprintf(`{"iss":%q,"exp":%d}`, poolURL, time.Now().Unix()+60)), nil, foreign, "passes"},

		{"no token", "", nil, nil, unauthorized},
		{"Bearer only", "Bearer ", nil, nil, unauthorized},
		{"garbage", "garbage", nil, nil, unauthorized},
		{"signature cut off", good[:len(good)-4], nil, nil, unauthorized},
		{"expired", poolToken(t, poolURL, -time.Second, id), nil, nil, tooOld},
		{"expired and forged", poolToken(t, poolURL, -time.Second, id)[:300] + "AAAA", nil, nil, unauthorized},
		{"another pool", poolToken(t, other, time.Minute, id), nil, nil, unauthorized},
		{"none of two pools", poolToken(t, other+"x", time.Minute, id), nil, two, unauthorized},
		{"access token without scopes asked", poolToken(t, poolURL, time.Minute, access), nil, nil, unauthorized},
		{"identity token for scopes", good, readers, nil, unauthorized},
		{"identity token with scopes", poolToken(t, poolURL, time.Minute, id+`,"scope":"a/read"`), readers, nil, unauthorized},
		{"access token without the scope", poolToken(t, poolURL, time.Minute, access), []string{"a", "read", "a/read b/write"}, nil, unauthorized},
		{"scope in another case", poolToken(t, poolURL, time.Minute, access), []string{"A/read"}, nil, unauthorized},
		{"no token_use", poolToken(t, poolURL, time.Minute, ""), nil, nil, unauthorized},
		{"unknown token_use", poolToken(t, poolURL, time.Minute, `,"token_use":"refresh"`), nil, foreign, unauthorized},
		{"token_use is a list", poolToken(t, poolURL, time.Minute, `,"token_use":["id"]`), nil, foreign, unauthorized},
		{"another audience", good, nil, audience("client"), unauthorized},
		{"no audience", poolToken(t, poolURL, time.Minute, `,"token_use":"id"`), nil, audience(".*"), unauthorized},
		{"audience is a number", poolToken(t, poolURL, time.Minute, `,"token_use":"id","aud":7`), nil, audience(".*"), unauthorized},
		{"another algorithm", signed(t, jose.ES256, jose.JSONWebKey{Key: poolECKey, KeyID: "ec"},
			fmt.Sprintf(`{"iss":%q,"exp":%d,"token_use":"id"}`, poolURL, time.Now().Unix()+60)), nil, nil, unauthorized},
		{"provider down", good, nil, down, misconfig},
	}
	for _, tt := range tests {
		for _, ttl := range []time.Duration{0, time.Minute} {
			t.Run(fmt.Sprint(tt.name, " ", ttl), func(t *testing.T) {
				changes := []func(*authorizer.UserPoolsConfig){func(c *authorizer.UserPoolsConfig) { c.TTL = ttl }}
				if tt.change != nil {
					changes = append(changes, tt.change)
				}
				g := poolGuard(t, tt.scopes, changes...)
				for range 2 { // the second time by what was kept
					x := exchange("GET", "/", "Authorization: "+tt.token)
					if got := outcome(g.Do(t.Context(), x)); got != tt.want || (x.Authorization != nil) != (got == "passes") {
						t.Errorf("%s, want %s", got, tt.want)
					}
				}
				x := exchange("GET", "/", "Authorization: "+tt.token)
				if got := outcome(promptly(t.Context(), poolGuard(t, tt.scopes, changes...), x)); got != tt.want {
					t.Errorf("in a loop: %s, want %s", got, tt.want)
				}
			})
		}
	}
}

// What a token was verified for on one route does not open another.
func TestKeptTokenHasItsScopes(t *testing.T) {
	issuers := &jwt.Issuers{Fetch: poolFetch}
	u, err := authorizer.NewUserPools(&authorizer.UserPoolsConfig{Source: authorizer.Source{Header: "Authorization"}, TTL: time.Minute,
		Cache: cache.New[*authorizer.Verified](1 << 20), Pools: []authorizer.UserPool{{URL: poolURL, Issuer: issuers.Issuer(poolURL)}}})
	if err != nil {
		t.Fatal(err)
	}
	token := poolToken(t, poolURL, time.Minute, `,"token_use":"access","scope":"a"`)
	for scope, want := range map[string]string{"a": "passes", "b": unauthorized} {
		for range 2 {
			g := &step.Authorize{By: u.For([]string{scope})}
			if got := outcome(g.Do(t.Context(), exchange("GET", "/", "Authorization: "+token))); got != want {
				t.Errorf("scope %s: %s, want %s", scope, got, want)
			}
		}
	}
}

// AWS: authorizers.md §3, captured.
func TestClaims(t *testing.T) {
	x := exchange("GET", "/", "Authorization: "+poolToken(t, poolURL, time.Minute, `,"token_use":"id","auth_time":1758748571,"cognito:groups":["a","b"],"email_verified":true,"n":null`))
	if err := poolGuard(t, nil).Do(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"sub": "s1", "iat": "Wed Sep 24 21:16:11 UTC 2025", "auth_time": "1758748571", "cognito:groups": "a,b",
		"email_verified": "true", "n": "", "nothing": ""} {
		if got := string(gateway.ContextVar("authorizer.claims."+name)(nil, x)); got != want {
			t.Errorf("claim %s = %q, want %q", name, got, want)
		}
	}
	var got struct{ Claims map[string]string }
	if err := json.Unmarshal([]byte(x.Authorization.Event[0]+x.Authorization.Event[1]), &got); err != nil || got.Claims["cognito:groups"] != "a,b" ||
		!strings.HasPrefix(x.Authorization.Event[0], `{"claims":{"sub":"s1","iss":`) {
		t.Errorf("event %s, %v", x.Authorization.Event, err)
	}
}

func TestWarmTokenAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("pools drop what they hold under the race detector")
	}
	g := poolGuard(t, []string{"a"})
	x := exchange("GET", "/", "Authorization: Bearer "+poolToken(t, poolURL, time.Hour, `,"token_use":"access","scope":"a"`))
	do := func() {
		if err := g.Do(context.Background(), x); err != nil {
			t.Fatal(err)
		}
	}
	do()
	if n := testing.AllocsPerRun(500, do); n != 0 {
		t.Errorf("a token that is known allocates %v times, budget 0", n)
	}
}

func BenchmarkWarmToken(b *testing.B) {
	g := poolGuard(b, []string{"a"})
	x := exchange("GET", "/", "Authorization: Bearer "+poolToken(b, poolURL, time.Hour, `,"token_use":"access","scope":"a"`))
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := g.Do(ctx, x); err != nil {
			b.Fatal(err)
		}
	}
}
