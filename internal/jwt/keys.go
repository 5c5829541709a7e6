package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A keySet is the keys of an issuer as they were fetched. It is never changed.
type keySet struct {
	keys  []publicKey
	text  string // as it was fetched
	same  *byte  // shared by sets of the same keys
	until time.Time
}

type publicKey struct {
	id        string
	algorithm string // empty: any that fits
	key       any
}

// Bounds of what an issuer may answer.
//
// AWS: authorizers.md §4.
const (
	maxDocument  = 150_000
	fetchTimeout = 1500 * time.Millisecond
	maxKeys      = 256
)

// A Fetcher gets a document from an issuer: at most max bytes of it. Status
// codes other than 200 are errors.
type Fetcher func(ctx context.Context, url string, max int64) ([]byte, error)

// NewFetcher returns the Fetcher that asks the network. It follows no redirects:
// a document comes from where its URL says.
func NewFetcher() Fetcher {
	client := &http.Client{
		Timeout:       fetchTimeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context, url string, max int64) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Accept", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close() //nolint:errcheck // what is left of it is not wanted
		if resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s answered %d", url, resp.StatusCode)
		}
		b, err := io.ReadAll(io.LimitReader(resp.Body, max+1))
		if int64(len(b)) > max {
			return nil, fmt.Errorf("%s: the answer is over %d bytes", url, max)
		}
		return b, err
	}
}

// fetchKeys fetches the keys of the issuer.
func (is *Issuer) fetchKeys(ctx context.Context, now time.Time) (*keySet, error) {
	where, err := is.discover(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDiscovery, err)
	}
	text, err := is.fetch(ctx, where, maxDocument)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	set, err := parseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnavailable, where, err)
	}
	set.until = now.Add(keysLast)
	return set, nil
}

// discover finds out where the issuer's keys are.
//
// OpenID Connect Discovery 1.0, 4.3: the document must name the issuer that was
// asked. An issuer that is reached by TLS has its keys behind TLS as well.
func (is *Issuer) discover(ctx context.Context) (string, error) {
	text, err := is.fetch(ctx, strings.TrimSuffix(is.url, "/")+"/.well-known/openid-configuration", maxDocument)
	if err != nil {
		return "", err
	}
	var doc struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return "", err
	}
	if doc.Issuer != is.url {
		return "", fmt.Errorf("the document is of another issuer, %q", doc.Issuer)
	}
	u, err := url.Parse(doc.Keys)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !strings.HasPrefix(is.url, "http://")) {
		return "", fmt.Errorf("jwks_uri %q cannot be fetched", doc.Keys)
	}
	return doc.Keys, nil
}

// parseKeys reads a JWK set. A key that cannot verify signatures is passed
// over, as the RFC wants it; a set without any that can is an error.
func parseKeys(text []byte) (*keySet, error) {
	var doc struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	set := &keySet{text: string(text), same: new(byte)}
	for _, raw := range doc.Keys[:min(len(doc.Keys), maxKeys)] {
		if k, ok := parseKey(raw); ok {
			set.keys = append(set.keys, k)
		}
	}
	if len(set.keys) == 0 {
		return nil, errors.New("it has no key that verifies signatures")
	}
	return set, nil
}

func parseKey(raw jsontext.Value) (publicKey, bool) {
	var use struct {
		Use        string   `json:"use"`
		Operations []string `json:"key_ops"`
	}
	if json.Unmarshal(raw, &use) != nil || use.Use != "" && use.Use != "sig" || use.Operations != nil && !slices.Contains(use.Operations, "verify") {
		return publicKey{}, false
	}
	var k jose.JSONWebKey
	if k.UnmarshalJSON(raw) != nil || k.KeyID == "" || !k.IsPublic() {
		return publicKey{}, false
	}
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		prepared, err := newRSAKey(key)
		return publicKey{k.KeyID, k.Algorithm, prepared}, err == nil
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return publicKey{k.KeyID, k.Algorithm, key}, true
	}
	return publicKey{}, false // a shared secret is no public key
}

// find returns the key that a header names, if it is one for the header's
// algorithm; else nil.
func (s *keySet) find(h *header) any {
	for i := range s.keys {
		k := &s.keys[i]
		if k.id == h.KeyID && (k.algorithm == "" || k.algorithm == h.Algorithm) && fits(k.key, h.Algorithm) {
			return k.key
		}
	}
	return nil
}

// fits tells whether a key is of the kind, and on the curve, of an algorithm.
func fits(key any, algorithm string) bool {
	switch key := key.(type) {
	case *rsaKey:
		return strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	case *ecdsa.PublicKey:
		switch algorithm {
		case "ES256":
			return key.Curve == elliptic.P256()
		case "ES384":
			return key.Curve == elliptic.P384()
		case "ES512":
			return key.Curve == elliptic.P521()
		}
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}

// guessable tells whether an RSA modulus was made by the flawed generator of
// some smart cards, whose private keys can be computed: modulo small primes it
// is a power of 65537, which one in a hundred million others is.
//
// CVE-2017-15361, Nemec and others, "The Return of Coppersmith's Attack".
func guessable(n *big.Int) bool {
	var rest big.Int
	for _, p := range []int64{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157} {
		want := rest.Mod(n, big.NewInt(p)).Int64()
		power := int64(1)
		for power != want {
			if power = power * 65537 % p; power == 1 {
				return false // it was gone round
			}
		}
	}
	return true
}
