package sdk_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/c2sp/wycheproof"

	"gatehouse/internal/jwt"
)

// A wycheproofFile is a file of Wycheproof.
type wycheproofFile struct {
	TestGroups []struct {
		Comment string
		Public  json.RawMessage
		Private json.RawMessage
		Tests   []struct {
			TCID    int `json:"tcId"`
			Comment string
			JWS     json.RawMessage
			Result  string
		}
	}
}

// Wycheproof's tokens and keys, the known ways of attacking those who verify
// them: what is invalid is refused, and what is valid has a good signature, but
// for what this gateway does not take at all.
func TestWycheproof(t *testing.T) {
	const issuer = "https://issuer.example"
	algorithms := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512", "none"}
	good, refused, foreign := 0, 0, 0
	for _, file := range []string{"json_web_signature_test.json", "json_web_key_test.json", "json_web_crypto_test.json"} {
		text, err := fs.ReadFile(wycheproof.TestVectors, file)
		if err != nil {
			t.Fatal(err)
		}
		var f wycheproofFile
		if err := json.Unmarshal(text, &f); err != nil {
			t.Fatal(err)
		}
		for _, g := range f.TestGroups {
			keys := keysOf(g.Public, g.Private)
			issuers := jwt.Issuers{Fetch: func(_ context.Context, url string, _ int64) ([]byte, error) {
				if strings.HasSuffix(url, "/keys") {
					return keys, nil
				}
				return json.Marshal(map[string]string{"issuer": issuer, "jwks_uri": issuer + "/keys"})
			}}
			for _, c := range g.Tests {
				var token string
				if json.Unmarshal(c.JWS, &token) != nil {
					token = string(c.JWS) // in another serialization than the compact one
				}
				_, err := issuers.Issuer(issuer).Verify(t.Context(), token, algorithms, time.Now())
				// A good signature leads to the payload, which is no claims.
				passed := err == nil || strings.Contains(err.Error(), "claims")
				switch {
				case passed && c.Result != "valid":
					t.Errorf("%s %d, %s: %s: it is accepted", file, c.TCID, g.Comment, c.Comment)
				case passed:
					good++
				case c.Result == "valid" && taken(token, keys):
					t.Errorf("%s %d, %s: %s: %v", file, c.TCID, g.Comment, c.Comment, err)
				case c.Result == "valid":
					foreign++
					if !errors.Is(err, jwt.ErrAlgorithm) && !errors.Is(err, jwt.ErrKey) && !errors.Is(err, jwt.ErrMalformed) && !errors.Is(err, jwt.ErrUnavailable) {
						t.Errorf("%s %d: %v", file, c.TCID, err)
					}
				default:
					refused++
				}
			}
		}
	}
	t.Logf("%d accepted, %d refused as they must be, %d valid ones of kinds that are not taken", good, refused, foreign)
	if good < 29 || refused < 450 {
		t.Error("there are not as many vectors as there should be")
	}
}

// keysOf is a key set of what a group publishes; of a group with shared secrets
// alone it is those.
func keysOf(public, private json.RawMessage) []byte {
	key := public
	if key == nil {
		key = private
	}
	var set struct{ Keys []json.RawMessage }
	if json.Unmarshal(key, &set) == nil && set.Keys != nil {
		return key
	}
	return []byte(`{"keys":[` + string(key) + `]}`)
}

// taken tells whether a valid token is of a kind that is taken: signed with a
// private key, by a key with an id that the token names and for no other
// algorithm than the token's, and with a payload. Two keys of Wycheproof's
// examples are for another algorithm, or for one that there is not.
func taken(token string, keys []byte) bool {
	parts := strings.Split(token, ".")
	head, err := base64.RawURLEncoding.DecodeString(parts[0])
	var h struct{ Alg, Kid string }
	if err != nil || json.Unmarshal(head, &h) != nil || strings.HasPrefix(h.Alg, "HS") || h.Kid == "" || parts[1] == "" {
		return false
	}
	var set struct{ Keys []struct{ Alg, Kid string } }
	return json.Unmarshal(keys, &set) == nil && len(set.Keys) > 0 && set.Keys[0].Kid != "" && (set.Keys[0].Alg == "" || set.Keys[0].Alg == h.Alg)
}
