package jwt_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/jwt"
)

// More ways of forging, after those of TestVerify: signatures in another form
// than the header says, and keys that come with the token.
func TestForgedSignatures(t *testing.T) {
	der, err := x509.MarshalPKIXPublicKey(rsaKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)
	pemOf := func(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: begin, NotAfter: begin.Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, attacker.Public(), attacker)
	if err != nil {
		t.Fatal(err)
	}
	input := part(`{"alg":"ES256","kid":"p256"}`) + "." + part(goodClaims)
	asn1, err := ecdsa.SignASN1(rand.Reader, p256Key, hashOf(input))
	if err != nil {
		t.Fatal(err)
	}
	raw := signature(t, jose.ES256, p256Key, input)
	order := p256Key.Params().N
	high := append(new(big.Int).Add(order, new(big.Int).SetBytes(raw[:32])).FillBytes(make([]byte, 33)), raw[32:]...)
	encode := base64.RawURLEncoding.EncodeToString
	many := strings.Builder{}
	for i := range 300 {
		fmt.Fprintf(&many, `"c%d":1,`, i)
	}
	tests := []struct {
		name, token string
		want        error
	}{
		{"the public key in PEM as a secret", hs256(t, "rsa", pemOf("PUBLIC KEY", der), goodClaims), jwt.ErrAlgorithm},
		{"the same in PKCS #1", hs256(t, "rsa", pemOf("RSA PUBLIC KEY", pkcs1), goodClaims), jwt.ErrAlgorithm},
		{"the same in DER", hs256(t, "rsa", der, goodClaims), jwt.ErrAlgorithm},
		{"the modulus as a secret", hs256(t, "rsa", rsaKey.N.Bytes(), goodClaims), jwt.ErrAlgorithm},
		{"PS256 signed as RS256", rs256(t, `{"alg":"PS256","kid":"rsa"}`, goodClaims), jwt.ErrSignature},
		{"RS512 signed as RS256", rs256(t, `{"alg":"RS512","kid":"rsa"}`, goodClaims), jwt.ErrSignature},
		{"ES256 in DER", input + "." + encode(asn1), jwt.ErrSignature},
		{"ES256 with a number beyond the order", input + "." + encode(high), jwt.ErrSignature},
		{"ES256 with more behind it", input + "." + encode(append(raw[:64:64], 0)), jwt.ErrSignature},
		{"ES256 of all ones", input + "." + encode([]byte(strings.Repeat("\xff", 64))), jwt.ErrSignature},
		{"x5c", sign(t, jose.RS256, attacker, `{"alg":"RS256","kid":"rsa","x5c":["`+base64.StdEncoding.EncodeToString(cert)+`"]}`, goodClaims), jwt.ErrSignature},
		{"x5t", sign(t, jose.RS256, attacker, `{"alg":"RS256","kid":"rsa","x5t":"AAAA"}`, goodClaims), jwt.ErrSignature},
		{"jku without kid", sign(t, jose.RS256, attacker, `{"alg":"RS256","jku":"https://evil.example/keys"}`, goodClaims), jwt.ErrKey},
		{"kid empty", rs256(t, `{"alg":"RS256","kid":""}`, goodClaims), jwt.ErrKey},
		{"kid is a URL", rs256(t, `{"alg":"RS256","kid":"https://evil.example/keys"}`, goodClaims), jwt.ErrKey},
		{"kid with a zero byte", rs256(t, `{"alg":"RS256","kid":"rsa\u0000"}`, goodClaims), jwt.ErrKey},
		{"kid is a number", rs256(t, `{"alg":"RS256","kid":1}`, goodClaims), jwt.ErrMalformed},
		{"kid is an object", rs256(t, `{"alg":"RS256","kid":{"a":1}}`, goodClaims), jwt.ErrMalformed},
		{"kid too long", rs256(t, `{"alg":"RS256","kid":"`+strings.Repeat("k", 2000)+`"}`, goodClaims), jwt.ErrKey},
		{"crit null", rs256(t, `{"alg":"RS256","kid":"rsa","crit":null}`, goodClaims), jwt.ErrMalformed},
		{"encrypted by its header", rs256(t, `{"alg":"RSA-OAEP","enc":"A256GCM","kid":"rsa"}`, goodClaims), jwt.ErrAlgorithm},
		{"flattened JSON in parts", "{." + part(goodClaims) + ".}", jwt.ErrMalformed},
		{"a token inside, said by cty", rs256(t, `{"alg":"RS256","kid":"rsa","cty":"JWT"}`, rs256(t, goodHeader, goodClaims)), jwt.ErrMalformed},
		{"300 claims", rs256(t, goodHeader, "{"+many.String()+goodClaims[1:]), jwt.ErrMalformed},
		{"exp beyond all time", rs256(t, goodHeader, fmt.Sprintf(`{"iss":%q,"exp":1e300}`, issuerURL)), jwt.ErrMalformed},
		{"exp below zero", rs256(t, goodHeader, fmt.Sprintf(`{"iss":%q,"exp":-1}`, issuerURL)), jwt.ErrMalformed},
		{"exp null", rs256(t, goodHeader, fmt.Sprintf(`{"iss":%q,"exp":null}`, issuerURL)), jwt.ErrMalformed},
		{"exp in another case", rs256(t, goodHeader, fmt.Sprintf(`{"iss":%q,"EXP":%d}`, issuerURL, begin.Unix()+60)), jwt.ErrMalformed},
		{"nbf null", rs256(t, goodHeader, fmt.Sprintf(`{"iss":%q,"exp":%d,"nbf":null}`, issuerURL, begin.Unix()+60)), jwt.ErrMalformed},
		{"nbf is text", rs256(t, goodHeader, fmt.Sprintf(`{"iss":%q,"exp":%d,"nbf":"0"}`, issuerURL, begin.Unix()+60)), jwt.ErrMalformed},
	}
	p := allKeys()
	is := newIssuer(p)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := is.Verify(t.Context(), tt.token, everything, begin); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
	if p.asked != 1 {
		t.Errorf("keys were fetched %d times, want once", p.asked)
	}
}

// hashOf is what RS256 and ES256 sign.
func hashOf(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// Keys that must not verify anything, though the issuer has published them.
func TestBadKeys(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	good, err := json.Marshal(keyOf("good", rsaKey))
	if err != nil {
		t.Fatal(err)
	}
	point, err := p256Key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	x, y := encode(point[1:33]), encode(point[33:])
	n := encode(rsaKey.N.Bytes())
	private, err := json.Marshal(jose.JSONWebKey{KeyID: "bad", Key: rsaKey})
	if err != nil {
		t.Fatal(err)
	}
	// With the exponent 1 a signature is the padded digest itself.
	input := part(`{"alg":"RS256","kid":"bad"}`) + "." + part(goodClaims)
	prefix := []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
	padded := append(append([]byte{0, 1}, []byte(strings.Repeat("\xff", 256-3-len(prefix)-32))...), 0)
	selfSigned := input + "." + encode(append(append(padded, prefix...), hashOf(input)...))
	es256 := sign(t, jose.ES256, p256Key, `{"alg":"ES256","kid":"bad"}`, goodClaims)
	for _, tt := range []struct{ name, key, token string }{
		{"RSA with the exponent 1", `{"kty":"RSA","kid":"bad","n":"` + n + `","e":"AQ"}`, selfSigned},
		{"RSA with an even exponent", `{"kty":"RSA","kid":"bad","n":"` + n + `","e":"Ag"}`, selfSigned},
		{"RSA without exponent", `{"kty":"RSA","kid":"bad","n":"` + n + `"}`, selfSigned},
		{"RSA for encryption", `{"kty":"RSA","kid":"bad","use":"enc","n":"` + n + `","e":"AQAB"}`, sign(t, jose.RS256, rsaKey, `{"alg":"RS256","kid":"bad"}`, goodClaims)},
		{"RSA to sign only", `{"kty":"RSA","kid":"bad","key_ops":["sign"],"n":"` + n + `","e":"AQAB"}`, sign(t, jose.RS256, rsaKey, `{"alg":"RS256","kid":"bad"}`, goodClaims)},
		{"a private key", string(private), sign(t, jose.RS256, rsaKey, `{"alg":"RS256","kid":"bad"}`, goodClaims)},
		{"no point of its curve", `{"kty":"EC","kid":"bad","crv":"P-256","x":"` + x + `","y":"` + x + `"}`, es256},
		{"the point at infinity", `{"kty":"EC","kid":"bad","crv":"P-256","x":"` + encode(make([]byte, 32)) + `","y":"` + encode(make([]byte, 32)) + `"}`, es256},
		{"a point said to be of another curve", `{"kty":"EC","kid":"bad","crv":"P-384","x":"` + x + `","y":"` + y + `"}`, es256},
		{"of no known kind", `{"kty":"XX","kid":"bad"}`, es256},
		{"its members twice", `{"kty":"EC","kid":"good","kid":"bad","crv":"P-256","x":"` + x + `","y":"` + y + `"}`, es256},
		{"without its id", `{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `"}`, es256},
	} {
		t.Run(tt.name, func(t *testing.T) {
			is := newIssuer(&provider{jwks: `{"keys":[` + tt.key + `,` + string(good) + `]}`})
			_, err := is.Verify(t.Context(), tt.token, everything, begin)
			if !errors.Is(err, jwt.ErrKey) && !errors.Is(err, jwt.ErrSignature) && !errors.Is(err, jwt.ErrUnavailable) {
				t.Errorf("error %v, want a refusal", err)
			}
		})
	}
}

// Tokens that name ten thousand keys there are not cost the issuer a fetch in
// thirty seconds, and the tokens of others nothing.
func TestUnknownKeysFlood(t *testing.T) {
	p := &provider{keys: []jose.JSONWebKey{keyOf("rsa", rsaKey)}}
	is := newIssuer(p)
	claims := fmt.Sprintf(`{"iss":%q,"exp":%d}`, issuerURL, begin.Add(time.Hour).Unix())
	good := rs256(t, goodHeader, claims)
	for i := range 10_000 {
		now := begin.Add(time.Duration(i) * 6 * time.Millisecond) // a minute in all
		forged := part(fmt.Sprintf(`{"alg":"RS256","kid":"k%d"}`, i)) + "." + part(claims) + ".AAAA"
		if _, err := is.Verify(t.Context(), forged, everything, now); !errors.Is(err, jwt.ErrKey) {
			t.Fatal(err)
		}
		if i%1000 == 0 {
			if _, err := is.Verify(t.Context(), good, everything, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	if p.asked > 3 {
		t.Errorf("the issuer was asked %d times in a minute, want at most 3", p.asked)
	}
}

// Every algorithm, signed by another implementation; and with one bit changed.
func TestAlgorithms(t *testing.T) {
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{keys: []jose.JSONWebKey{keyOf("rsa", rsaKey), keyOf("p256", p256Key), keyOf("p384", p384Key), keyOf("p521", p521), keyOf("ed", edKey)}}
	is := newIssuer(p)
	for algorithm, key := range map[jose.SignatureAlgorithm]jose.JSONWebKey{
		jose.RS256: {Key: rsaKey, KeyID: "rsa"}, jose.RS384: {Key: rsaKey, KeyID: "rsa"}, jose.RS512: {Key: rsaKey, KeyID: "rsa"},
		jose.PS256: {Key: rsaKey, KeyID: "rsa"}, jose.PS384: {Key: rsaKey, KeyID: "rsa"}, jose.PS512: {Key: rsaKey, KeyID: "rsa"},
		jose.ES256: {Key: p256Key, KeyID: "p256"}, jose.ES384: {Key: p384Key, KeyID: "p384"}, jose.ES512: {Key: p521, KeyID: "p521"},
		jose.EdDSA: {Key: edKey, KeyID: "ed"},
	} {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign([]byte(goodClaims))
		if err != nil {
			t.Fatal(err)
		}
		token, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		only := []string{string(algorithm)}
		if _, err := is.Verify(t.Context(), token, only, begin); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		text, sig := token[:strings.LastIndexByte(token, '.')], jws.Signatures[0].Signature
		for _, bit := range []int{0, 7, len(sig)*4 + 3, len(sig)*8 - 1} {
			forged := append([]byte(nil), sig...)
			forged[bit/8] ^= 1 << (bit % 8)
			if _, err := is.Verify(t.Context(), text+"."+base64.RawURLEncoding.EncodeToString(forged), only, begin); !errors.Is(err, jwt.ErrSignature) {
				t.Errorf("%s with bit %d changed: %v", algorithm, bit, err)
			}
		}
	}
}
