package authorizer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/authorizer"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/jwt"
)

// httpOutcome is what an HTTP API answers, or "passes".
func httpOutcome(x *gateway.Exchange, err error) string {
	if err == nil {
		return "passes"
	}
	var f *gateway.Fault
	if !errors.As(err, &f) {
		return "no fault: " + err.Error()
	}
	x.HTTP = true
	x.AnswerFault(f)
	out := string(x.MethodResponse.Body.Bytes)
	if v := x.MethodResponse.Header.Get("www-authenticate"); v != "" {
		out += " " + v
	}
	return out
}

const (
	httpUnauthorized = `{"message":"Unauthorized"}`
	httpForbidden    = `{"message":"Forbidden"}`
	httpInternal     = `{"message":"Internal Server Error"}`
)

// AWS: authorizers.md §4.
func TestJWT(t *testing.T) {
	invalid := func(text string) string {
		return httpUnauthorized + ` Bearer scope="" error="invalid_token" error_description="` + text + `"`
	}
	const aud = `,"aud":"client1"`
	good := poolToken(t, poolURL, time.Minute, aud+`,"scope":"a/read b/write"`)
	readers := []string{"a/read", "x"}
	tests := []struct {
		name, token string
		scopes      []string
		want        string
	}{
		{"good", good, nil, "passes"},
		{"with Bearer", "Bearer " + good, readers, "passes"},
		{"one of several audiences", poolToken(t, poolURL, time.Minute, `,"aud":["x","client2"]`), nil, "passes"},
		{"client_id for want of aud", poolToken(t, poolURL, time.Minute, `,"client_id":"client2"`), nil, "passes"},
		{"scp", poolToken(t, poolURL, time.Minute, aud+`,"scp":["x"]`), readers, "passes"},
		{"none", "", nil, httpUnauthorized + " Bearer"},
		{"malformed", "a.b", nil, invalid("token contains an invalid number of segments")},
		{"a part that is no JSON", "a.b.c", nil, invalid("the token is malformed")},
		{"without exp", signed(t, jose.RS256, jose.JSONWebKey{Key: poolKey, KeyID: "k"}, `{"iss":"`+poolURL+`"`+aud+`}`), nil, invalid("the token is malformed")},
		{"another audience", poolToken(t, poolURL, time.Minute, `,"aud":"client3","client_id":"client1"`), nil, invalid("the token does not have a valid audience")},
		{"no audience", poolToken(t, poolURL, time.Minute, ""), nil, invalid("the token does not have a valid audience")},
		{"another issuer", poolToken(t, poolURL+"/other", time.Minute, aud), nil, invalid("the token does not have a valid issuer")},
		{"expired", poolToken(t, poolURL, -time.Minute, aud), nil, invalid("the token has expired")},
		{"signature", good[:len(good)-8] + "AAAAAAAA", nil, invalid("the token has an invalid signature")},
		{"no scope", poolToken(t, poolURL, time.Minute, aud), readers,
			httpForbidden + ` Bearer scope="a/read x" error="insufficient_scope" error_description="expected scopes within the token"`},
	}
	issuers := &jwt.Issuers{Fetch: poolFetch}
	j, err := authorizer.NewJWT(&authorizer.JWTConfig{Issuer: issuers.Issuer(poolURL), Audience: []string{"client1", "client2"},
		Source: authorizer.Source{Header: "Authorization"}, Cache: cache.New[*authorizer.VerifiedJWT](1 << 20)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // the second time perhaps from memory
				x := exchange("GET", "/pets", "Authorization: "+tt.token)
				if got := httpOutcome(x, j.For(tt.scopes).Do(t.Context(), x)); got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
			}
			x := exchange("GET", "/pets", "Authorization: "+tt.token)
			if got := httpOutcome(x, promptly(t.Context(), j.For(tt.scopes).(gateway.Prompt), x)); got != tt.want {
				t.Errorf("in a loop: %s, want %s", got, tt.want)
			}
		})
	}
	x := exchange("GET", "/pets", "Authorization: "+poolToken(t, poolURL, time.Minute, `,"aud":["client1","b"],"n":7,"scope":"x"`))
	if err := j.For(readers).Do(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if got := x.Authorization.Event[0]; !strings.HasPrefix(got, `{"claims":{"aud":"[client1 b]","exp":"`) || !strings.Contains(got, `"n":"7"`) || !strings.HasSuffix(got, `},"scopes":["x"]}`) {
		t.Errorf("event: %s", got)
	}
}

// A provider that is down lets nobody in. The client is told what could not be
// asked, the operator also how that failed.
func TestJWTProviderDown(t *testing.T) {
	for part, want := range map[string][2]string{
		"/down":   {"OIDC discovery endpoint communication error", "the issuer's keys cannot be fetched: discovery: down"},
		"/noKeys": {"JWKS communication error", "the issuer's keys cannot be fetched: no keys"},
	} {
		issuers := &jwt.Issuers{Fetch: func(ctx context.Context, url string, most int64) ([]byte, error) {
			if strings.HasSuffix(url, "/noKeys/.well-known/jwks.json") {
				return nil, errors.New("no keys")
			}
			return poolFetch(ctx, url, most)
		}}
		j, err := authorizer.NewJWT(&authorizer.JWTConfig{Issuer: issuers.Issuer(poolURL + part), Audience: []string{"client1"},
			Source: authorizer.Source{Header: "Authorization"}, Cache: cache.New[*authorizer.VerifiedJWT](1 << 20)})
		if err != nil {
			t.Fatal(err)
		}
		x := exchange("GET", "/pets", "Authorization: "+poolToken(t, poolURL+part, time.Minute, `,"aud":"client1"`))
		refused := httpUnauthorized + ` Bearer scope="" error="invalid_token" error_description="` + want[0] + `"`
		if got := httpOutcome(x, j.For(nil).Do(t.Context(), x)); got != refused {
			t.Errorf("%s, want %s", got, refused)
		}
		if got := x.Vars.AuthorizerError; got != want[0]+": "+want[1] {
			t.Errorf("%s: the operator reads %q", part, got)
		}
	}
}

func TestWarmJWTAllocs(t *testing.T) {
	issuers := &jwt.Issuers{Fetch: poolFetch}
	j, err := authorizer.NewJWT(&authorizer.JWTConfig{Issuer: issuers.Issuer(poolURL), Audience: []string{"client1"},
		Source: authorizer.Source{Header: "Authorization"}, Cache: cache.New[*authorizer.VerifiedJWT](1 << 20)})
	if err != nil {
		t.Fatal(err)
	}
	guard := j.For([]string{"r"})
	x := exchange("GET", "/pets", "Authorization: Bearer "+poolToken(t, poolURL, time.Minute, `,"aud":"client1","scope":"r"`))
	x.Buf = make([]byte, 0, 8<<10)
	if n := testing.AllocsPerRun(100, func() {
		if err := guard.Do(context.Background(), x); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a warm token, want 0", n)
	}
}

// answers is an authorizer's function that says the same to everybody.
type answers struct {
	text  string
	err   error
	calls int
	asked string
}

func (a *answers) Call(_ context.Context, _ *gateway.Exchange, payload []byte) ([]byte, string, error) {
	a.calls++
	a.asked = string(payload)
	return []byte(a.text), "id", a.err
}

// AWS: authorizers.md §2. Whatever is not a decision is a refusal.
func TestHTTPLambda(t *testing.T) {
	const allow = `{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]},"context":{"n":1}}`
	tests := []struct {
		name, version string
		simple        bool
		answer        string
		err           error
		want          string
	}{
		{"simple, yes", "2.0", true, `{"isAuthorized":true,"context":{"list":[1]}}`, nil, "passes"},
		{"simple, no", "2.0", true, `{"isAuthorized":false}`, nil, httpForbidden},
		{"simple, nothing", "2.0", true, `{}`, nil, httpInternal},
		{"simple, text", "2.0", true, `{"isAuthorized":"true"}`, nil, httpInternal},
		{"simple, a policy", "2.0", true, allow, nil, httpInternal},
		{"policy", "2.0", false, allow, nil, "passes"},
		{"policy, format 1.0", "1.0", false, allow, nil, "passes"},
		{"policy that denies", "2.0", false, strings.Replace(allow, "Allow", "Deny", 1), nil, httpForbidden},
		{"policy for something else", "2.0", false, strings.Replace(allow, `"Resource":"*"`, `"Resource":"arn:aws:execute-api:*:*:other/*"`, 1), nil, httpForbidden},
		{"policy that is none", "2.0", false, `{"principalId":"me","policyDocument":{"Statement":7}}`, nil, httpInternal},
		{"no principal", "2.0", false, strings.Replace(allow, "principalId", "principal", 1), nil, httpInternal},
		{"nested context, format 1.0", "1.0", false, strings.Replace(allow, `"n":1`, `"n":{}`, 1), nil, httpInternal},
		{"no JSON", "2.0", true, `yes`, nil, httpInternal},
		{"empty", "2.0", true, ``, nil, httpInternal},
		{"raised Unauthorized", "2.0", true, ``, &authorizer.Raised{Message: "Unauthorized"}, httpUnauthorized},
		{"raised something else", "2.0", true, ``, &authorizer.Raised{Message: "boom"}, httpInternal},
		{"timed out", "2.0", true, ``, context.DeadlineExceeded, httpInternal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &answers{text: tt.answer, err: tt.err}
			l, err := authorizer.NewHTTPLambda(&authorizer.HTTPLambdaConfig{Caller: f, Version: tt.version, Simple: tt.simple,
				Sources: []authorizer.Source{{Header: "who"}}, TTL: time.Minute, Cache: cache.New[*authorizer.HTTPDecision](1 << 20)})
			if err != nil {
				t.Fatal(err)
			}
			guard := l.For(event.NewHTTPForm(&gateway.Route{Key: "GET /pets"}, nil))
			for range 2 {
				x := exchange("GET", "/pets", "Who: me")
				got := httpOutcome(x, guard.Do(t.Context(), x))
				if got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
				if (x.Authorization != nil) != (got == "passes") {
					t.Errorf("authorization %v after %s", x.Authorization, got)
				}
			}
			if decided := tt.want == "passes" || tt.want == httpForbidden; decided != (f.calls == 1) {
				t.Errorf("%d calls for two requests", f.calls)
			}
		})
	}
}

// A source that is missing is a refusal without a call; an empty one is not.
func TestHTTPLambdaSources(t *testing.T) {
	f := &answers{text: `{"isAuthorized":true}`}
	l, err := authorizer.NewHTTPLambda(&authorizer.HTTPLambdaConfig{Caller: f, Version: "2.0", Simple: true,
		Sources: []authorizer.Source{{Header: "who"}, {Query: "k"}}})
	if err != nil {
		t.Fatal(err)
	}
	guard := l.For(event.NewHTTPForm(&gateway.Route{Key: "GET /pets"}, nil))
	x := exchange("GET", "/pets", "Who: me")
	if got := httpOutcome(x, guard.Do(t.Context(), x)); got != httpUnauthorized || f.calls != 0 {
		t.Errorf("%s after %d calls, want 401 without one", got, f.calls)
	}
	x = exchange("GET", "/pets?k=", "Who: me")
	if got := httpOutcome(x, guard.Do(t.Context(), x)); got != "passes" || f.calls != 1 {
		t.Errorf("%s after %d calls", got, f.calls)
	}
	const want = `{"version":"2.0","type":"REQUEST","routeArn":"arn:aws:execute-api:eu-west-1:111111111111:api1/s/GET/pets","identitySource":["me",""],"routeKey":"GET /pets","rawPath":`
	if !strings.HasPrefix(f.asked, want) {
		t.Errorf("event %s, want %s…", f.asked, want)
	}
}
