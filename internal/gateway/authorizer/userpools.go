package authorizer

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/jwt"
	"gatehouse/internal/policy"
)

// A UserPoolsConfig says whose tokens a Cognito authorizer takes.
type UserPoolsConfig struct {
	Pools   []UserPool
	Source  Source
	Pattern *regexp.Regexp // of the audience; nil: any
	// TTL is how long a token that was verified counts without another look,
	// and Cache where it is kept. 0: each is verified every time.
	TTL   time.Duration
	Cache *cache.Cache[*Verified]
}

// A UserPool is a user pool, or an identity provider that stands for one.
type UserPool struct {
	URL    string
	Issuer *jwt.Issuer
	// Foreign: it is no Cognito, so its tokens need not say what they are for,
	// and may be signed in other ways.
	Foreign bool
}

// A UserPools authorizer takes tokens of Cognito user pools. All routes of a
// stage with the same authorizer share one.
type UserPools struct {
	UserPoolsConfig
}

// NewUserPools makes a UserPools.
func NewUserPools(c *UserPoolsConfig) (*UserPools, error) {
	switch {
	case len(c.Pools) == 0:
		return nil, errors.New("no user pool whose tokens are taken")
	case c.TTL > 0 && c.Cache == nil:
		return nil, errors.New("tokens cannot be kept without a cache")
	}
	return &UserPools{*c}, nil
}

// For returns the authorizer of a route that asks for one of some scopes; none:
// for an identity token.
func (u *UserPools) For(scopes []string) gateway.Authorizer {
	return &userPoolsRoute{u, slices.Clone(scopes)}
}

// A Verified is a token that was verified. It is never changed.
type Verified struct {
	gateway.Authorization
	token  *jwt.Token
	use    string // token_use
	loose  bool   // use may be missing
	scopes []string
}

type userPoolsRoute struct {
	u      *UserPools
	scopes []string
}

// tokenExpired refuses a token that has expired.
//
// AWS: authorizers.md §3.
var tokenExpired = &gateway.Fault{Type: gateway.Unauthorized, Message: "The incoming token has expired", Cause: jwt.ErrExpired}

// Authorize fills in x.Authorization and x.Allowed.
func (r *userPoolsRoute) Authorize(ctx context.Context, x *gateway.Exchange) error {
	u := r.u
	token := bearer(u.Source.value(x))
	if token == "" {
		return unauthorized
	}
	var v *Verified
	if u.TTL > 0 {
		from := len(x.Buf)
		x.Buf = append(x.Buf, token...)
		kept, ok := u.Cache.Get(x.Buf[from:], x.Vars.Now)
		x.Buf = x.Buf[:from]
		if ok && kept.token.Current(x.Vars.Now) {
			v = kept
		}
	}
	if v == nil {
		var err error
		if v, err = u.verify(ctx, x, token); err != nil {
			return err
		}
	}
	if !v.fits(r.scopes) {
		x.Vars.AuthorizerError = "the token is not of the kind, or has none of the scopes, that the method asks for"
		return unauthorized
	}
	x.Authorization, x.Allowed = &v.Authorization, policy.Allow
	return nil
}

// bearer returns a token without the word before it, which is optional.
func bearer(value string) string {
	const word = "Bearer "
	if len(value) > len(word) && strings.EqualFold(value[:len(word)], word) {
		value = value[len(word):]
	}
	return strings.TrimSpace(value)
}

// fits tells whether the token is of the kind that a method asks for: an
// identity token, or an access token with one of its scopes.
//
// AWS: authorizers.md §3.
func (v *Verified) fits(scopes []string) bool {
	want := "id"
	if len(scopes) > 0 {
		want = "access"
	}
	if v.use != want && !(v.use == "" && v.loose) {
		return false
	}
	for _, s := range v.scopes {
		if slices.Contains(scopes, s) {
			return true
		}
	}
	return len(scopes) == 0
}

// The algorithms of tokens. Cognito signs with RS256.
var (
	cognitoAlgorithms = []string{"RS256"}
	foreignAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)

// verify verifies a token, and keeps it.
func (u *UserPools) verify(ctx context.Context, x *gateway.Exchange, token string) (*Verified, error) {
	pool := u.pool(token)
	if pool == nil {
		x.Vars.AuthorizerError = jwt.ErrIssuer.Error()
		return nil, unauthorized
	}
	algorithms := cognitoAlgorithms
	if pool.Foreign {
		algorithms = foreignAlgorithms
	}
	t, err := verify(ctx, x, pool.Issuer, token, algorithms)
	if err != nil {
		if err == gateway.ErrWouldWait { //nolint:errorlint // a sentinel between steps, never wrapped
			return nil, err
		}
		x.Vars.AuthorizerError = err.Error()
		switch {
		case errors.Is(err, jwt.ErrUnavailable):
			return nil, misconfigured(err)
		case errors.Is(err, jwt.ErrExpired):
			return nil, tokenExpired
		}
		return nil, gateway.NewFault(gateway.Unauthorized, err)
	}
	if u.Pattern != nil && !u.audience(t) {
		x.Vars.AuthorizerError = "the token's audience does not match"
		return nil, unauthorized
	}
	v := newVerified(t, pool.Foreign)
	if u.TTL > 0 {
		f := u.Cache.Replace([]byte(token))
		defer f.End()
		if f.Reserve(3*len(token) + 512) {
			f.Store(v, x.Vars.Now.Add(u.TTL))
		}
	}
	return v, nil
}

// pool finds the pool that a token says it is of; nil: there is none. Whether
// it says the truth is seen later.
func (u *UserPools) pool(token string) *UserPool {
	if len(u.Pools) == 1 {
		return &u.Pools[0]
	}
	iss := jwt.ClaimedIssuer(token)
	for i := range u.Pools {
		if u.Pools[i].URL == iss {
			return &u.Pools[i]
		}
	}
	return nil
}

// audience tells whether a token is for somebody whom the pattern names. An
// access token of Cognito has a client_id in place of it.
func (u *UserPools) audience(t *jwt.Token) bool {
	for _, name := range []string{"aud", "client_id"} {
		raw := t.Claim(name)
		if raw == nil {
			continue
		}
		var list []string
		if one, ok := t.Text(name); ok {
			list = []string{one}
		} else if json.Unmarshal(raw, &list) != nil {
			return false
		}
		return slices.ContainsFunc(list, u.Pattern.MatchString)
	}
	return false
}

func newVerified(t *jwt.Token, foreign bool) *Verified {
	v := &Verified{token: t, loose: foreign && t.Claim("token_use") == nil}
	v.use, _ = t.Text("token_use")
	scope, _ := t.Text("scope")
	v.scopes = strings.Fields(scope)
	v.Claims = []gateway.AuthorizerValue{}
	text := []byte(`{"claims":{`)
	for i := range t.Claims {
		c := &t.Claims[i]
		value, ok := claimText(c)
		if !ok {
			continue
		}
		if len(v.Claims) > 0 {
			text = append(text, ',')
		}
		text = append(event.AppendString(text, c.Name), ':')
		text = event.AppendString(text, value)
		v.Claims = append(v.Claims, gateway.AuthorizerValue{Name: c.Name, Value: value})
	}
	v.Event[0] = string(append(text, '}', '}'))
	return v
}

// claimText is a claim as events show it; ok is false if they do not.
//
// AWS: authorizers.md §3: all is text; exp and iat are dates as Java prints
// them, other times are digits; lists are joined by commas.
func claimText(c *jwt.Claim) (text string, ok bool) {
	switch c.Value.Kind() {
	case '"':
		b, err := jsontext.AppendUnquote(nil, c.Value)
		return string(b), err == nil
	case 'n':
		return "", false
	case '0':
		var n float64
		if (c.Name == "exp" || c.Name == "iat") && json.Unmarshal(c.Value, &n) == nil {
			return time.Unix(int64(n), 0).UTC().Format("Mon Jan 02 15:04:05 MST 2006"), true
		}
	case '[':
		var list []string
		if json.Unmarshal(c.Value, &list) == nil {
			return strings.Join(list, ","), true
		}
	}
	return string(c.Value), true
}
