package compile_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

// A method that takes the tokens of a user pool, for which a provider stands
// that is reached over the network.
func TestUserPools(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	var provider *httptest.Server
	provider = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/pool/.well-known/openid-configuration":
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": provider.URL + "/pool", "jwks_uri": provider.URL + "/keys"})
		case "/keys":
			_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{KeyID: "k", Key: key.Public(), Use: "sig"}}})
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(provider.Close)
	const pool = "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_x"
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { _ = st.Close() })
	w := openWorld(t, st, compile.Options{UserPools: map[string]string{pool: provider.URL + "/pool"}})
	w.start()
	w.commit(store.Put("/begin", nil))
	def := define(map[string]api.Method{
		"GET":  guarded("pool", func(m *api.Method) {}),
		"POST": guarded("pool", func(m *api.Method) { m.AuthorizationScopes = []string{"write"} }),
	}, "/pets")
	for _, res := range def.Resources {
		for verb, m := range res.ResourceMethods {
			m.AuthorizationType = new("COGNITO_USER_POOLS")
			res.ResourceMethods[verb] = m
		}
	}
	def.Authorizers = map[string]api.Authorizer{"pool": {Id: new("pool"), Name: new("pool"), Type: new("COGNITO_USER_POOLS"),
		IdentitySource: new("method.request.header.Authorization"), ProviderARNs: []string{"arn:aws:cognito-idp:eu-west-1:000000000000:userpool/${stageVariables.pool}"}}}
	w.deploy("api1", "s", def, func(st *record.Stage) { st.Variables = map[string]string{"pool": "eu-west-1_x"} })
	token := func(claims string) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign([]byte(fmt.Sprintf(`{"iss":%q,"exp":%d,"sub":"me"%s}`, provider.URL+"/pool", time.Now().Add(time.Minute).Unix(), claims)))
		if err != nil {
			t.Fatal(err)
		}
		text, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if got := w.get("api1", "s", "/pets", "Authorization: "+token("")); got != "  me" {
		t.Errorf("GET with a token: %q", got)
	}
	w.expect("401", "api1", "s", "/pets")
	w.expect("401", "api1", "s", "/pets", "Authorization: "+token("")+"x")
	const target = "/_aws/execute-api/api1/s/pets"
	if got := w.call("POST", target, "Authorization: "+token(`,"scope":"read write"`)); got.Status != 200 {
		t.Errorf("POST with the scope: %d %s", got.Status, got.Body)
	}
	if got := w.call("POST", target, "Authorization: "+token(`,"scope":"read"`)); got.Status != 401 {
		t.Errorf("POST without the scope: %d %s", got.Status, got.Body)
	}
}
