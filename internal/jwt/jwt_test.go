package jwt_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/jwt"
)

const issuerURL = "https://issuer.example/pool"

// A provider is an identity provider in memory. It counts what it is asked.
type provider struct {
	mu        sync.Mutex
	discovery string
	keys      []jose.JSONWebKey
	jwks      string // instead of keys
	err       error
	asked     int // for keys
	hold      chan struct{}
}

func (p *provider) fetch(ctx context.Context, url string, max int64) ([]byte, error) {
	if p.hold != nil {
		<-p.hold
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, p.err
	}
	if url == issuerURL+"/.well-known/openid-configuration" {
		if p.discovery != "" {
			return []byte(p.discovery), nil
		}
		return []byte(`{"issuer":"` + issuerURL + `","jwks_uri":"https://issuer.example/keys","more":[]}`), nil
	}
	p.asked++
	if p.jwks != "" {
		return []byte(p.jwks), nil
	}
	return json.Marshal(jose.JSONWebKeySet{Keys: p.keys})
}

// keyOf is the public half of a key.
func keyOf(id string, private crypto.Signer) jose.JSONWebKey {
	return jose.JSONWebKey{KeyID: id, Key: private.Public(), Use: "sig"}
}

var (
	rsaKey, _    = rsa.GenerateKey(rand.Reader, 2048)
	smallKey, _  = rsa.GenerateKey(rand.Reader, 1024)
	p256Key, _   = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384Key, _   = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, edKey, _  = ed25519.GenerateKey(rand.Reader)
	begin        = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	everything   = []string{"RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA", "HS256", "none"}
	goodClaims   = fmt.Sprintf(`{"sub":"me","iss":%q,"exp":%d,"scope":"a b","n":1}`, issuerURL, begin.Unix()+60)
	wrongIssuer  = strings.Replace(goodClaims, issuerURL, issuerURL+"/", 1)
	expired      = fmt.Sprintf(`{"iss":%q,"exp":%d}`, issuerURL, begin.Unix())
	notYet       = fmt.Sprintf(`{"iss":%q,"exp":%d,"nbf":%d}`, issuerURL, begin.Unix()+60, begin.Unix()+1)
	forEver      = fmt.Sprintf(`{"iss":%q}`, issuerURL)
	textExpiry   = fmt.Sprintf(`{"iss":%q,"exp":"%d"}`, issuerURL, begin.Unix()+60)
	twoExpiries  = fmt.Sprintf(`{"iss":%q,"exp":%d,"exp":%d}`, issuerURL, begin.Unix()-60, begin.Unix()+60)
	otherCase    = fmt.Sprintf(`{"ISS":%q,"exp":%d}`, issuerURL, begin.Unix()+60)
	listIssuer   = fmt.Sprintf(`{"iss":[%q],"exp":%d}`, issuerURL, begin.Unix()+60)
	escapedNames = fmt.Sprintf(`{"iss":"nobody","\u0069ss":%q,"exp":%d}`, issuerURL, begin.Unix()+60)
)

func part(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// sign signs a token with a header that is taken as it is.
func sign(t testing.TB, algorithm jose.SignatureAlgorithm, key any, header, claims string) string {
	t.Helper()
	text := part(header) + "." + part(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature(t, algorithm, key, text))
}

func signature(t testing.TB, algorithm jose.SignatureAlgorithm, key any, text string) []byte {
	t.Helper()
	digest := func(h crypto.Hash) []byte {
		d := h.New()
		d.Write([]byte(text))
		return d.Sum(nil)
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest(crypto.SHA256))
		if err != nil {
			t.Fatal(err)
		}
		return sig
	case *ecdsa.PrivateKey:
		h := map[jose.SignatureAlgorithm]crypto.Hash{jose.ES256: crypto.SHA256, jose.ES384: crypto.SHA384}[algorithm]
		r, s, err := ecdsa.Sign(rand.Reader, key, digest(h))
		if err != nil {
			t.Fatal(err)
		}
		size := (key.Curve.Params().BitSize + 7) / 8
		sig := make([]byte, 2*size)
		r.FillBytes(sig[:size])
		s.FillBytes(sig[size:])
		return sig
	case ed25519.PrivateKey:
		return ed25519.Sign(key, []byte(text))
	}
	t.Fatal("no such key")
	return nil
}

func rs256(t testing.TB, header, claims string) string {
	return sign(t, jose.RS256, rsaKey, header, claims)
}

const goodHeader = `{"alg":"RS256","kid":"rsa","typ":"JWT"}`

func newIssuer(p *provider) *jwt.Issuer {
	all := &jwt.Issuers{Fetch: p.fetch}
	return all.Issuer(issuerURL)
}

func allKeys() *provider {
	enc := keyOf("enc", rsaKey)
	enc.Use = "enc"
	pinned := keyOf("pinned", rsaKey)
	pinned.Algorithm = "RS512"
	return &provider{keys: []jose.JSONWebKey{keyOf("rsa", rsaKey), keyOf("small", smallKey), keyOf("p256", p256Key), keyOf("p384", p384Key), keyOf("ed", edKey),
		enc, pinned, {KeyID: "oct", Key: []byte("secret-secret-secret-secret-secret")}}}
}

// The known ways of forging a token, and of getting one wrong.
func TestVerify(t *testing.T) {
	good := rs256(t, goodHeader, goodClaims)
	head, rest, _ := strings.Cut(good, ".")
	payload, sig, _ := strings.Cut(rest, ".")
	public, err := json.Marshal(keyOf("rsa", rsaKey))
	if err != nil {
		t.Fatal(err)
	}
	// noncanonical has bits in its last character that mean nothing.
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	noncanonical := good[:len(good)-1] + string(alphabet[strings.IndexByte(alphabet, good[len(good)-1])|1])
	tests := []struct {
		name, token string
		want        error
	}{
		{"RS256", good, nil},
		{"ES256", sign(t, jose.ES256, p256Key, `{"alg":"ES256","kid":"p256"}`, goodClaims), nil},
		{"ES384", sign(t, jose.ES384, p384Key, `{"alg":"ES384","kid":"p384"}`, goodClaims), nil},
		{"EdDSA", sign(t, jose.EdDSA, edKey, `{"alg":"EdDSA","kid":"ed"}`, goodClaims), nil},

		{"empty", "", jwt.ErrMalformed},
		{"one part", head, jwt.ErrMalformed},
		{"two parts", head + "." + payload, jwt.ErrMalformed},
		{"four parts", good + ".", jwt.ErrMalformed},
		{"five parts, as if encrypted", good + ".a.b", jwt.ErrMalformed},
		{"no signature", head + "." + payload + ".", jwt.ErrMalformed},
		{"no payload", head + ".." + sig, jwt.ErrMalformed},
		{"blank before", " " + good, jwt.ErrMalformed},
		{"line end", good + "\n", jwt.ErrMalformed},
		{"line end inside", good[:10] + "\r\n" + good[10:], jwt.ErrMalformed},
		{"padded", head + "=." + payload + "." + sig, jwt.ErrMalformed},
		{"standard alphabet", strings.NewReplacer("-", "+", "_", "/").Replace(good) + "+", jwt.ErrMalformed},
		{"bits that mean nothing", noncanonical, jwt.ErrMalformed},
		{"JSON serialization", `{"protected":"` + head + `","payload":"` + payload + `","signature":"` + sig + `"}`, jwt.ErrMalformed},
		{"too large", head + "." + strings.Repeat("A", 17<<10) + "." + sig, jwt.ErrMalformed},
		{"header is no JSON", part("x") + "." + payload + "." + sig, jwt.ErrMalformed},
		{"header is a list", rs256(t, `["RS256"]`, goodClaims), jwt.ErrMalformed},
		{"header with more behind it", rs256(t, goodHeader+"{}", goodClaims), jwt.ErrMalformed},
		{"alg twice", rs256(t, `{"alg":"none","alg":"RS256","kid":"rsa"}`, goodClaims), jwt.ErrMalformed},
		{"kid twice, once escaped", rs256(t, `{"alg":"RS256","kid":"p256","\u006bid":"rsa"}`, goodClaims), jwt.ErrMalformed},
		{"alg in another case", rs256(t, `{"ALG":"RS256","kid":"rsa"}`, goodClaims), jwt.ErrAlgorithm},
		{"crit", rs256(t, `{"alg":"RS256","kid":"rsa","crit":["exp"],"exp":1}`, goodClaims), jwt.ErrMalformed},
		{"crit empty", rs256(t, `{"alg":"RS256","kid":"rsa","crit":[]}`, goodClaims), jwt.ErrMalformed},
		{"b64", rs256(t, `{"alg":"RS256","kid":"rsa","b64":false}`, goodClaims), jwt.ErrMalformed},

		{"alg none", part(`{"alg":"none","kid":"rsa"}`) + "." + payload + "." + sig, jwt.ErrAlgorithm},
		{"alg none, no signature", part(`{"alg":"none","kid":"rsa"}`) + "." + payload + ".", jwt.ErrMalformed},
		{"alg None", part(`{"alg":"None","kid":"rsa"}`) + "." + payload + "." + sig, jwt.ErrAlgorithm},
		{"no alg", rs256(t, `{"kid":"rsa"}`, goodClaims), jwt.ErrAlgorithm},
		{"alg is a number", rs256(t, `{"alg":256,"kid":"rsa"}`, goodClaims), jwt.ErrMalformed},
		{"the public key as a secret", hs256(t, "rsa", []byte(public), goodClaims), jwt.ErrAlgorithm},
		{"a shared secret of the set", hs256(t, "oct", []byte("secret-secret-secret-secret-secret"), goodClaims), jwt.ErrAlgorithm},

		{"no kid", rs256(t, `{"alg":"RS256"}`, goodClaims), jwt.ErrKey},
		{"unknown kid", rs256(t, `{"alg":"RS256","kid":"x"}`, goodClaims), jwt.ErrKey},
		{"kid as a path", rs256(t, `{"alg":"RS256","kid":"../../dev/null"}`, goodClaims), jwt.ErrKey},
		{"kid as SQL", rs256(t, `{"alg":"RS256","kid":"' UNION SELECT 'rsa"}`, goodClaims), jwt.ErrKey},
		{"kid in another case", rs256(t, `{"alg":"RS256","kid":"RSA"}`, goodClaims), jwt.ErrKey},
		{"key for encryption", rs256(t, `{"alg":"RS256","kid":"enc"}`, goodClaims), jwt.ErrKey},
		{"key for another algorithm", rs256(t, `{"alg":"RS256","kid":"pinned"}`, goodClaims), jwt.ErrKey},
		{"short key", sign(t, jose.RS256, smallKey, `{"alg":"RS256","kid":"small"}`, goodClaims), jwt.ErrKey},
		{"another curve", sign(t, jose.ES256, p384Key, `{"alg":"ES256","kid":"p384"}`, goodClaims), jwt.ErrKey},
		{"another kind of key", rs256(t, `{"alg":"RS256","kid":"p256"}`, goodClaims), jwt.ErrKey},

		{"jku", sign(t, jose.RS256, smallKey, `{"alg":"RS256","kid":"rsa","jku":"https://evil.example/keys"}`, goodClaims), jwt.ErrSignature},
		{"jwk", sign(t, jose.RS256, otherKey(t), `{"alg":"RS256","kid":"rsa","jwk":`+jwkOf(t)+`}`, goodClaims), jwt.ErrSignature},
		{"x5u", sign(t, jose.RS256, otherKey(t), `{"alg":"RS256","kid":"rsa","x5u":"https://evil.example/cert"}`, goodClaims), jwt.ErrSignature},
		{"signature of another", head + "." + part(strings.Replace(goodClaims, "me", "you", 1)) + "." + sig, jwt.ErrSignature},
		{"signature cut off", head + "." + payload + "." + part(cutOff(t, sig)), jwt.ErrSignature},
		{"signature of zeros", part(`{"alg":"ES256","kid":"p256"}`) + "." + payload + "." + part(strings.Repeat("\x00", 64)), jwt.ErrSignature},
		{"signature empty for ES256", part(`{"alg":"ES256","kid":"p256"}`) + "." + payload + "." + part("\x00"), jwt.ErrSignature},

		{"payload is a list", rs256(t, goodHeader, `[]`), jwt.ErrMalformed},
		{"payload is text", rs256(t, goodHeader, `"a"`), jwt.ErrMalformed},
		{"payload is no JSON", rs256(t, goodHeader, `x`), jwt.ErrMalformed},
		{"payload is a token", rs256(t, goodHeader, good), jwt.ErrMalformed},
		{"payload with more behind it", rs256(t, goodHeader, goodClaims+"{}"), jwt.ErrMalformed},
		{"payload is not UTF-8", rs256(t, goodHeader, strings.Replace(goodClaims, "me", "\xff", 1)), jwt.ErrMalformed},
		{"claim twice", rs256(t, goodHeader, twoExpiries), jwt.ErrMalformed},
		{"claim twice, once escaped", rs256(t, goodHeader, escapedNames), jwt.ErrMalformed},
		{"another issuer", rs256(t, goodHeader, wrongIssuer), jwt.ErrIssuer},
		{"issuer in another case", rs256(t, goodHeader, otherCase), jwt.ErrIssuer},
		{"issuer is a list", rs256(t, goodHeader, listIssuer), jwt.ErrIssuer},
		{"expired", rs256(t, goodHeader, expired), jwt.ErrExpired},
		{"not yet", rs256(t, goodHeader, notYet), jwt.ErrNotYet},
		{"for ever", rs256(t, goodHeader, forEver), jwt.ErrMalformed},
		{"exp is text", rs256(t, goodHeader, textExpiry), jwt.ErrMalformed},
	}
	p := allKeys()
	is := newIssuer(p)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tok, err := is.Verify(t.Context(), tt.token, everything, begin)
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if err == nil {
				if sub, _ := tok.Text("sub"); sub != "me" || string(tok.Claim("n")) != "1" || tok.Claims[0].Name != "sub" {
					t.Errorf("claims %v", tok.Claims)
				}
			}
		})
	}
	if _, err := is.Verify(t.Context(), good, []string{"ES256"}, begin); !errors.Is(err, jwt.ErrAlgorithm) {
		t.Errorf("an algorithm that is not allowed: %v", err)
	}
	if p.asked != 1 {
		t.Errorf("keys were fetched %d times for all these tokens, want once", p.asked)
	}
}

func hs256(t testing.TB, kid string, secret []byte, claims string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: secret, KeyID: kid}}, nil)
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

// cutOff is a signature without its last byte.
func cutOff(t testing.TB, sig string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(sig)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:len(b)-1])
}

var attacker, _ = rsa.GenerateKey(rand.Reader, 2048)

func otherKey(testing.TB) *rsa.PrivateKey { return attacker }

func jwkOf(t testing.TB) string {
	b, err := json.Marshal(keyOf("rsa", attacker))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The life of an issuer's keys: rotation, an issuer that is down, and tokens
// that name keys there are not.
func TestKeys(t *testing.T) {
	p := &provider{keys: []jose.JSONWebKey{keyOf("rsa", rsaKey)}}
	is := newIssuer(p)
	claims := fmt.Sprintf(`{"sub":"me","iss":%q,"exp":%d}`, issuerURL, begin.Add(24*time.Hour).Unix())
	old := rs256(t, goodHeader, claims)
	rotated := sign(t, jose.RS256, attacker, `{"alg":"RS256","kid":"new"}`, claims)
	now := begin
	verify := func(token string, want error, asked int) *jwt.Token {
		t.Helper()
		tok, err := is.Verify(t.Context(), token, everything, now)
		if !errors.Is(err, want) || (err == nil) != (want == nil) || p.asked != asked {
			t.Errorf("at %v: %v after %d fetches, want %v after %d", now.Sub(begin), err, p.asked, want, asked)
		}
		return tok
	}
	first := verify(old, nil, 1)
	for range 100 {
		verify(rotated, jwt.ErrKey, 1) // an unknown key is no reason to ask each time
	}
	p.keys = []jose.JSONWebKey{keyOf("new", attacker)}
	now = now.Add(29 * time.Second)
	verify(rotated, jwt.ErrKey, 1)
	now = now.Add(time.Second)
	second := verify(rotated, nil, 2)
	verify(old, jwt.ErrKey, 2) // the issuer has withdrawn its key
	if first.Current(now) || !second.Current(now) {
		t.Error("a token whose key was withdrawn counts, or one with a new key does not")
	}
	p.err = errors.New("down")
	now = now.Add(2 * time.Hour)
	if second.Current(now) {
		t.Error("a token counts without another look at old keys")
	}
	verify(rotated, nil, 2) // what is known counts on
	if !second.Current(now) || first.Current(now) {
		t.Error("while the issuer is down, tokens verified before do not count as they did")
	}
	verify(old, jwt.ErrUnavailable, 2)
	p.err, now = nil, now.Add(time.Minute)
	verify(rotated, nil, 3)
	if !second.Current(now) {
		t.Error("the same keys, fetched anew, end what was verified by them")
	}
	now = now.Add(24 * time.Hour)
	if second.Current(now) {
		t.Error("an expired token counts")
	}
}

// Whatever is wrong with an issuer's documents, no token passes, and the issuer
// is not asked again at once.
func TestBadIssuers(t *testing.T) {
	tests := []struct {
		name string
		p    *provider
	}{
		{"down", &provider{err: errors.New("down")}},
		{"no JSON", &provider{discovery: "<html>"}},
		{"of another issuer", &provider{discovery: `{"issuer":"https://evil.example","jwks_uri":"https://issuer.example/keys"}`}},
		{"no keys", &provider{discovery: `{"issuer":"` + issuerURL + `"}`}},
		{"keys without TLS", &provider{discovery: `{"issuer":"` + issuerURL + `","jwks_uri":"http://issuer.example/keys"}`}},
		{"keys in a file", &provider{discovery: `{"issuer":"` + issuerURL + `","jwks_uri":"file:///etc/passwd"}`}},
		{"keys no JSON", &provider{jwks: "<html>"}},
		{"keys empty", &provider{jwks: `{"keys":[]}`}},
		{"keys absent", &provider{jwks: `{}`}},
		{"keys twice", &provider{jwks: `{"keys":[],"keys":[]}`}},
		{"only a shared secret", &provider{keys: []jose.JSONWebKey{{KeyID: "rsa", Key: []byte("secret")}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			is := newIssuer(tt.p)
			for range 3 {
				if _, err := is.Verify(t.Context(), rs256(t, goodHeader, goodClaims), everything, begin); !errors.Is(err, jwt.ErrUnavailable) {
					t.Errorf("error %v", err)
				}
			}
			if tt.p.asked > 1 {
				t.Errorf("asked %d times at once", tt.p.asked)
			}
		})
	}
}

// All who need the keys wait for one fetch.
func TestOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := allKeys()
		p.hold = make(chan struct{})
		is := newIssuer(p)
		token := rs256(t, goodHeader, goodClaims)
		results := make(chan error, 20)
		first, leave := context.WithCancel(t.Context())
		go func() {
			_, err := is.Verify(first, token, everything, begin)
			results <- err
		}()
		synctest.Wait()
		for range 19 {
			go func() {
				_, err := is.Verify(t.Context(), token, everything, begin)
				results <- err
			}()
		}
		synctest.Wait()
		leave() // the client that began the fetch has gone
		close(p.hold)
		for range 20 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if p.asked != 1 {
			t.Errorf("asked %d times", p.asked)
		}
	})
}

func FuzzVerify(f *testing.F) {
	is := newIssuer(allKeys())
	f.Add(rs256(f, goodHeader, goodClaims))
	f.Add(part(`{"alg":"none","kid":"rsa"}`) + "." + part(goodClaims) + ".")
	good := rs256(f, goodHeader, goodClaims)
	f.Fuzz(func(t *testing.T, token string) {
		tok, err := is.Verify(t.Context(), token, everything, begin)
		if err == nil && !strings.HasPrefix(token, good[:strings.LastIndexByte(good, '.')]) {
			t.Errorf("%q passes with claims %v", token, tok.Claims)
		}
	})
}

func BenchmarkColdRS256(b *testing.B) {
	is := newIssuer(allKeys())
	token := rs256(b, goodHeader, goodClaims)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := is.Verify(b.Context(), token, everything, begin); err != nil {
			b.Fatal(err)
		}
	}
}

// A token does not count before its nbf and iat nor after its exp, but for as
// much as clocks may differ.
func TestLeeway(t *testing.T) {
	at := begin.Unix()
	for _, tt := range []struct {
		claims    string
		none, ten error // without leeway, and with ten seconds
	}{
		{fmt.Sprintf(`"exp":%d`, at+1), nil, nil},
		{fmt.Sprintf(`"exp":%d`, at), jwt.ErrExpired, nil},
		{fmt.Sprintf(`"exp":%d`, at-9), jwt.ErrExpired, nil},
		{fmt.Sprintf(`"exp":%d`, at-10), jwt.ErrExpired, jwt.ErrExpired},
		{fmt.Sprintf(`"exp":%d,"nbf":%d`, at+60, at), nil, nil},
		{fmt.Sprintf(`"exp":%d,"nbf":%d`, at+60, at+10), jwt.ErrNotYet, nil},
		{fmt.Sprintf(`"exp":%d,"nbf":%d`, at+60, at+11), jwt.ErrNotYet, jwt.ErrNotYet},
		{fmt.Sprintf(`"exp":%d,"iat":%d`, at+60, at), nil, nil},
		{fmt.Sprintf(`"exp":%d,"iat":%d`, at+60, at+1), jwt.ErrNotYet, nil},
		{fmt.Sprintf(`"exp":%d,"iat":%d`, at+60, at+11), jwt.ErrNotYet, jwt.ErrNotYet},
		{fmt.Sprintf(`"exp":%d,"iat":"now"`, at+60), jwt.ErrMalformed, jwt.ErrMalformed},
	} {
		token := rs256(t, goodHeader, fmt.Sprintf(`{"iss":%q,%s}`, issuerURL, tt.claims))
		for leeway, want := range map[time.Duration]error{0: tt.none, 10 * time.Second: tt.ten} {
			all := &jwt.Issuers{Fetch: allKeys().fetch, Leeway: leeway}
			tok, err := all.Issuer(issuerURL).Verify(t.Context(), token, everything, begin)
			if !errors.Is(err, want) {
				t.Errorf("%s with %v: %v, want %v", tt.claims, leeway, err, want)
			}
			if err == nil && !tok.Current(begin) {
				t.Errorf("%s with %v: verified and not current", tt.claims, leeway)
			}
		}
	}
}
