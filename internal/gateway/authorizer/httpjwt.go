package authorizer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/jwt"
)

// A JWTConfig says whose tokens a JWT authorizer of an HTTP API takes.
type JWTConfig struct {
	Issuer   *jwt.Issuer
	Audience []string
	Source   Source
	// Cache is where verified tokens are kept.
	Cache *cache.Cache[*VerifiedJWT]
}

// A JWT takes tokens of an identity provider. All routes of a stage with the
// same authorizer share one.
type JWT struct {
	JWTConfig
}

// NewJWT makes a JWT.
func NewJWT(c *JWTConfig) (*JWT, error) {
	switch {
	case c.Issuer == nil:
		return nil, errors.New("no issuer whose tokens are taken")
	case c.Cache == nil:
		return nil, errors.New("no cache for tokens")
	}
	return &JWT{*c}, nil
}

// For returns the step of a route that asks for one of some scopes; none: any
// token will do.
func (j *JWT) For(scopes []string) gateway.Step {
	return &jwtRoute{j, slices.Clone(scopes), strings.Join(scopes, " ")}
}

// A VerifiedJWT is a token that was verified. It is never changed.
type VerifiedJWT struct {
	plain, scoped gateway.Authorization // for routes without and with scopes
	token         *jwt.Token
	scopes        []string
}

type jwtRoute struct {
	j      *JWT
	scopes []string
	listed string
}

// verifiedFor is how long a token counts without another look. The keys of its
// issuer may be withdrawn, and it may expire, before that: see Current.
const verifiedFor = 2 * time.Hour

// Do fills in x.Authorization.
//
// AWS: authorizers.md §4, also for the order and the texts.
func (r *jwtRoute) Do(ctx context.Context, x *gateway.Exchange) error {
	token := bearer(r.j.Source.value(x))
	if token == "" {
		return challenge("Bearer", errNoToken)
	}
	from := len(x.Buf)
	x.Buf = append(x.Buf, token...)
	v, ok := r.j.Cache.Get(x.Buf[from:], x.Vars.Now)
	x.Buf = x.Buf[:from]
	if !ok || !v.token.Current(x.Vars.Now) {
		var err error
		if v, err = r.j.verify(ctx, x, token); err != nil {
			if err == gateway.ErrWouldWait { //nolint:errorlint // a sentinel between steps, never wrapped
				return err
			}
			return invalidToken(x, token, err)
		}
	}
	if len(r.scopes) == 0 {
		x.Authorization = &v.plain
		return nil
	}
	for _, s := range v.scopes {
		if slices.Contains(r.scopes, s) {
			x.Authorization = &v.scoped
			return nil
		}
	}
	return &gateway.Fault{Type: gateway.AccessDenied, Cause: errScope,
		Challenge: `Bearer scope="` + r.listed + `" error="insufficient_scope" error_description="expected scopes within the token"`}
}

var (
	errNoToken  = errors.New("the request has no token where its authorizer looks for one")
	errScope    = errors.New("the token has none of the route's scopes")
	errAudience = errors.New("the token does not have a valid audience")
)

// challenge refuses for want of a token that counts.
func challenge(text string, cause error) error {
	return &gateway.Fault{Type: gateway.Unauthorized, Challenge: text, Cause: cause}
}

// invalidToken refuses a token. Where the description says little, the access log
// has more.
//
// AWS: authorizers.md §4: the descriptions; those of a signature, of the
// algorithm and of other malformed tokens are not recorded.
func invalidToken(x *gateway.Exchange, token string, err error) error {
	text, more := "the token has an invalid signature", ""
	switch {
	case errors.Is(err, jwt.ErrDiscovery):
		text, more = "OIDC discovery endpoint communication error", err.Error()
	case errors.Is(err, jwt.ErrUnavailable):
		text, more = "JWKS communication error", err.Error()
	case errors.Is(err, jwt.ErrMalformed) && strings.Count(token, ".") == 2:
		text, more = "the token is malformed", strings.TrimPrefix(err.Error(), jwt.ErrMalformed.Error()+": ")
	case errors.Is(err, jwt.ErrMalformed):
		text = "token contains an invalid number of segments"
	case errors.Is(err, errAudience):
		text = errAudience.Error()
	case errors.Is(err, jwt.ErrIssuer):
		text = "the token does not have a valid issuer"
	case errors.Is(err, jwt.ErrExpired):
		text = "the token has expired"
	case errors.Is(err, jwt.ErrNotYet):
		text = "the token is not valid yet"
	case errors.Is(err, jwt.ErrKey):
		text = "unable to find matching key"
	case errors.Is(err, jwt.ErrAlgorithm):
		text = "signing method is invalid"
	}
	x.Vars.AuthorizerError = text
	if more != "" && more != text {
		x.Vars.AuthorizerError += ": " + more
	}
	return challenge(`Bearer scope="" error="invalid_token" error_description="`+text+`"`, err)
}

// verify verifies a token, and keeps it.
func (j *JWT) verify(ctx context.Context, x *gateway.Exchange, token string) (*VerifiedJWT, error) {
	t, err := verify(ctx, x, j.Issuer, token, foreignAlgorithms)
	if err != nil {
		return nil, err
	}
	if !j.audience(t) {
		return nil, errAudience
	}
	v := newVerifiedJWT(t)
	f := j.Cache.Replace([]byte(token))
	defer f.End()
	if f.Reserve(4*len(token) + 512) {
		f.Store(v, x.Vars.Now.Add(verifiedFor))
	}
	return v, nil
}

// audience tells whether a token is for one whom the authorizer names.
//
// AWS: authorizers.md §4: client_id is compared where there is no aud.
func (j *JWT) audience(t *jwt.Token) bool {
	name := "aud"
	if t.Claim(name) == nil {
		name = "client_id"
	}
	var list []string
	if one, ok := t.Text(name); ok {
		list = []string{one}
	} else if raw := t.Claim(name); raw == nil || json.Unmarshal(raw, &list) != nil {
		return false
	}
	return slices.ContainsFunc(list, func(a string) bool { return slices.Contains(j.Audience, a) })
}

// newVerifiedJWT writes what backends see of a token.
//
// AWS: authorizers.md §4: claims sorted by name, all text; scopes are null on a
// route that asks for none.
func newVerifiedJWT(t *jwt.Token) *VerifiedJWT {
	v := &VerifiedJWT{token: t}
	if scope, ok := t.Text("scope"); ok {
		v.scopes = strings.Fields(scope)
	} else if raw := t.Claim("scp"); raw != nil && json.Unmarshal(raw, &v.scopes) != nil {
		scope, _ := t.Text("scp")
		v.scopes = strings.Fields(scope)
	}
	claims := slices.Clone(t.Claims)
	slices.SortFunc(claims, func(a, b jwt.Claim) int { return strings.Compare(a.Name, b.Name) })
	text := []byte(`{"claims":{`)
	values := []gateway.AuthorizerValue{}
	for i := range claims {
		value := plainClaim(claims[i].Value)
		if i > 0 {
			text = append(text, ',')
		}
		text = append(event.AppendString(text, claims[i].Name), ':')
		text = event.AppendString(text, value)
		values = append(values, gateway.AuthorizerValue{Name: claims[i].Name, Value: value})
	}
	text = append(text, `},"scopes":`...)
	plain := string(text) + "null}"
	text = append(text, '[')
	for i, s := range v.scopes {
		if i > 0 {
			text = append(text, ',')
		}
		text = event.AppendString(text, s)
	}
	v.plain = gateway.Authorization{Claims: values, Event: [2]string{plain}, Kind: "jwt"}
	v.scoped = gateway.Authorization{Claims: values, Event: [2]string{string(text) + "]}"}, Kind: "jwt"}
	return v
}

// plainClaim is a claim as HTTP APIs show it.
//
// AWS: authorizers.md §4: numbers are digits, lists are printed as [a b].
func plainClaim(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		if b, err := jsontext.AppendUnquote(nil, v); err == nil {
			return string(b)
		}
	case '[':
		var list []any
		if json.Unmarshal(v, &list) != nil {
			break
		}
		parts := make([]string, len(list))
		for i, e := range list {
			if s, ok := e.(string); ok {
				parts[i] = s
			} else if raw, err := json.Marshal(e); err == nil {
				parts[i] = string(raw)
			}
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return string(v)
}

// verify has an issuer verify a token.
func verify(ctx context.Context, x *gateway.Exchange, by *jwt.Issuer, token string, allowed []string) (*jwt.Token, error) {
	if !x.NoWait {
		return by.Verify(ctx, token, allowed, x.Vars.Now)
	}
	t, err := by.VerifyPromptly(token, allowed, x.Vars.Now)
	if err == jwt.ErrWouldFetch { //nolint:errorlint // never wrapped
		err = gateway.ErrWouldWait
	}
	return t, err
}

// Prompt implements gateway.Prompt.
func (*jwtRoute) Prompt() {}

var _ gateway.Prompt = (*jwtRoute)(nil)
