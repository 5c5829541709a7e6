package compile_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/identity"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

// A kind is one way in which a method or route finds out who calls. What asks
// a function or a provider is tried with all that those can do wrong.
type kind struct {
	name   string // as its types are called in the model
	method func(m *api.Method, d *record.Definition)
	route  func(r *v2.Route, d *record.APIDefinition)
	// asks: an authorizer's function. tokens: a provider.
	asks, tokens bool
	lines        []string // what a caller sends who would be let in, if all were well
	more         [][]string
}

const gateURI = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/" + functionPrefix + "gate/invocations"

func restGate(kind, ttl string) func(*api.Method, *record.Definition) {
	return func(m *api.Method, d *record.Definition) {
		m.AuthorizationType, m.AuthorizerId = new("CUSTOM"), new("gate")
		a := api.Authorizer{Id: new("gate"), Name: new("gate"), Type: &kind, IdentitySource: new("method.request.header.A"), AuthorizerUri: new(gateURI)}
		if ttl != "" {
			a.AuthorizerResultTtlInSeconds = new(int32(0))
		}
		d.Authorizers = map[string]api.Authorizer{"gate": a}
	}
}

func httpGate(version string, simple bool) func(*v2.Route, *record.APIDefinition) {
	return func(r *v2.Route, d *record.APIDefinition) {
		r.AuthorizationType, r.AuthorizerId = new("CUSTOM"), new("gate")
		d.Authorizers = map[string]v2.Authorizer{"gate": {AuthorizerId: new("gate"), Name: new("gate"), AuthorizerType: new("REQUEST"), AuthorizerUri: new(gateURI),
			IdentitySource: []string{"$request.header.A"}, AuthorizerPayloadFormatVersion: &version, EnableSimpleResponses: &simple}}
	}
}

const failPool = "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_x"

func kinds(provider string) []kind {
	me := []string{"A: me", "Authorization: Bearer x"}
	signature := "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE000000001/20260504/eu-west-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("0", 64)
	bad := [][]string{nil, {"Authorization: "}, {"Authorization: x"}, {"Authorization: AWS4-HMAC-SHA256"}, {"Authorization: " + signature},
		{"Authorization: " + signature, "X-Amz-Date: 20260504T000000Z"}, {"Authorization: " + signature, "X-Amz-Date: never"}, {"X-Amz-Security-Token: x"}}
	iam := func(m *api.Method, _ *record.Definition) { m.AuthorizationType = new("AWS_IAM") }
	jwt := func(r *v2.Route, d *record.APIDefinition) {
		r.AuthorizationType, r.AuthorizerId = new("JWT"), new("tokens")
		d.Authorizers = map[string]v2.Authorizer{"tokens": {AuthorizerId: new("tokens"), AuthorizerType: new("JWT"), IdentitySource: []string{"$request.header.Authorization"},
			JwtConfiguration: &v2.JWTConfiguration{Issuer: &provider, Audience: []string{"me"}}}}
	}
	cognito := func(m *api.Method, d *record.Definition) {
		m.AuthorizationType, m.AuthorizerId = new("COGNITO_USER_POOLS"), new("pool")
		d.Authorizers = map[string]api.Authorizer{"pool": {Id: new("pool"), Type: new("COGNITO_USER_POOLS"), ProviderARNs: []string{failPool},
			IdentitySource: new("method.request.header.Authorization")}}
	}
	policy := func(statements ...string) func(*api.Method, *record.Definition) {
		return func(_ *api.Method, d *record.Definition) { withPolicy(d, statements...) }
	}
	return []kind{
		{name: "REST CUSTOM TOKEN", method: restGate("TOKEN", ""), asks: true, lines: me},
		{name: "REST CUSTOM TOKEN, nothing kept", method: restGate("TOKEN", "0"), asks: true, lines: me},
		{name: "REST CUSTOM REQUEST", method: restGate("REQUEST", ""), asks: true, lines: me},
		{name: "REST CUSTOM REQUEST, nothing kept", method: restGate("REQUEST", "0"), asks: true, lines: me},
		{name: "REST COGNITO_USER_POOLS", method: cognito, tokens: true, lines: me},
		{name: "REST AWS_IAM", method: iam, lines: me, more: bad},
		{name: "REST NONE, key required", method: func(m *api.Method, _ *record.Definition) { keyRequired(m) }, lines: me,
			more: [][]string{{"x-api-key: "}, {"x-api-key: unknown"}, {"x-api-key: a", "x-api-key: b"}}},
		{name: "REST NONE, policy silent", method: policy(speaks("Allow", "dogs")), lines: me},
		{name: "REST NONE, policy denies", method: policy(speaks("Allow", "*"), speaks("Deny", "*")), lines: me},
		{name: "REST NONE, policy malformed", method: policy(`{"Effect":"Allow"}`), lines: me},
		{name: "REST NONE, private", method: func(_ *api.Method, d *record.Definition) { private(d) }, lines: me},
		{name: "REST unknown", method: func(m *api.Method, _ *record.Definition) { m.AuthorizationType = new("SOMETHING") }, lines: me},
		{name: "HTTP CUSTOM REQUEST", route: httpGate("1.0", false), asks: true, lines: me},
		{name: "HTTP CUSTOM REQUEST 2.0", route: httpGate("2.0", false), asks: true, lines: me},
		{name: "HTTP CUSTOM REQUEST 2.0, simple", route: httpGate("2.0", true), asks: true, lines: me},
		{name: "HTTP JWT", route: jwt, tokens: true, lines: me},
		{name: "HTTP AWS_IAM", route: func(r *v2.Route, _ *record.APIDefinition) { r.AuthorizationType = new("AWS_IAM") }, lines: me, more: bad},
		{name: "HTTP unknown", route: func(r *v2.Route, _ *record.APIDefinition) { r.AuthorizationType = new("SOMETHING") }, lines: me},
	}
}

// wrongAnswers are what a function can do but decide that the caller may.
func wrongAnswers() map[string]func(context.Context) (*function.Result, error) {
	all := map[string]func(context.Context) (*function.Result, error){
		"panics late":    func(context.Context) (*function.Result, error) { return nil, errors.New("connection reset") },
		"missing":        func(context.Context) (*function.Result, error) { return nil, function.NotFound("gate") },
		"not permitted":  func(context.Context) (*function.Result, error) { return nil, function.AccessDenied("gate") },
		"throttled":      func(context.Context) (*function.Result, error) { return nil, function.TooMany(function.ReasonAccount) },
		"gives up":       func(context.Context) (*function.Result, error) { return nil, context.Canceled },
		"takes too long": func(context.Context) (*function.Result, error) { return nil, context.DeadlineExceeded },
		"raises": func(context.Context) (*function.Result, error) {
			return &function.Result{Status: 200, Error: "Unhandled", Payload: []byte(`{"errorMessage":"boom"}`)}, nil
		},
		"raises with an answer": func(context.Context) (*function.Result, error) {
			return &function.Result{Status: 200, Error: "Handled", Payload: []byte(`{"isAuthorized":true}`)}, nil
		},
	}
	for i, text := range []string{"", "null", "true", `"Allow"`, "[]", "{}", "{", `{"isAuthorized":null}`, `{"isAuthorized":"true"}`, `{"isAuthorized":1}`, `{"isAuthorized":false}`,
		`{"IsAuthorized":true}`, `{"isAuthorized":false,"isAuthorized":true}`, `{"isAuthorized":true}{}`, `{"isAuthorized":true,"context":[]}`,
		`{"principalId":"me"}`, `{"principalId":"me","policyDocument":null}`, `{"principalId":"me","policyDocument":{}}`, `{"principalId":"me","policyDocument":{"Statement":[]}}`,
		`{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*"}]}}`,
		`{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}}`,
		`{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:*:*:other/*"}]}}`,
		`{"policyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}}`,
	} {
		all[fmt.Sprint("answer ", i, " ", text)] = func(context.Context) (*function.Result, error) {
			return &function.Result{Status: 200, Payload: []byte(text)}, nil
		}
	}
	return all
}

// wrongProviders are what an issuer of tokens can answer but the key of the
// caller's token.
var wrongProviders = map[string]http.HandlerFunc{
	"down":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
	"redirects": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
	"garbage":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
	"nothing":   func(http.ResponseWriter, *http.Request) {},
	"another's": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"issuer":"x","jwks_uri":"y"}`)
	},
	"no keys": func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"issuer":"http://`+r.Host+`","jwks_uri":"http://`+r.Host+`/keys","keys":[]}`)
	},
	"hangs up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
}

// tokensOfNobody are signed by nobody whom the provider knows.
var tokensOfNobody = []string{"", "Bearer", "Bearer x", "x.y.z", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.", "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJzdWIiOiJtZSJ9.AAAA"}

// TestNothingFailsOpen walks, for every kind of authorization there is, through
// all that can go wrong with it. The backend is never called, and no answer
// says 2xx.
func TestNothingFailsOpen(t *testing.T) {
	var backend atomic.Int32
	var decide atomic.Pointer[func(context.Context) (*function.Result, error)]
	fs := functions{
		functionPrefix + "gate": func(ctx context.Context, _ *function.Invocation) (*function.Result, error) {
			return (*decide.Load())(ctx)
		},
		functionPrefix + "backend": func(context.Context, *function.Invocation) (*function.Result, error) {
			backend.Add(1)
			return &function.Result{Status: 200, Payload: []byte(`{"statusCode":200,"body":"in"}`)}, nil
		},
	}
	for name, answer := range wrongProviders {
		provider := httptest.NewServer(answer)
		t.Cleanup(provider.Close)
		t.Run("provider "+name, func(t *testing.T) {
			w := failWorld(t, fs, provider.URL)
			for _, k := range kinds(provider.URL) {
				if k.tokens {
					w.expectRefusals(k, &backend)
				}
			}
		})
	}
	w := failWorld(t, fs, "http://127.0.0.1:1")
	wrong := wrongAnswers()
	for _, k := range kinds("http://127.0.0.1:1") {
		t.Run(k.name, func(t *testing.T) {
			if !k.asks {
				w.expectRefusals(k, &backend)
				return
			}
			for _, name := range slices.Sorted(maps.Keys(wrong)) {
				answer := wrong[name]
				decide.Store(&answer)
				t.Run(name, func(t *testing.T) { w.expectRefusals(k, &backend) })
			}
		})
	}
}

// A failingWorld deploys each kind under a name of its own.
type failingWorld struct {
	*world
	made map[string]string // API ids, by kind
}

func failWorld(t *testing.T, fs functions, provider string) *failingWorld {
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { _ = st.Close() })
	w := openWorld(t, st, compile.Options{Functions: fs, Identities: new(identity.Registry), UserPools: map[string]string{failPool: provider}})
	w.start()
	w.commit(store.Put("/begin", nil))
	f := &failingWorld{w, make(map[string]string)}
	for i, k := range kinds(provider) {
		id := fmt.Sprint("api", i)
		f.made[k.name] = id
		if k.method != nil {
			m := calling("AWS_PROXY", "backend")
			m.HttpMethod = new("GET")
			def := define(nil, "/pets")
			k.method(&m, def)
			for path, res := range def.Resources {
				res.ResourceMethods = map[string]api.Method{"GET": m}
				def.Resources[path] = res
			}
			f.deploy(id, "s", def)
			continue
		}
		f.deployHTTP(id, k)
	}
	for _, k := range kinds(provider) { // those that are never served prove little
		unserved := strings.HasSuffix(k.name, "unknown") || strings.HasSuffix(k.name, "malformed")
		if (f.stage(f.made[k.name], "s") == nil) != unserved {
			t.Errorf("%s: served is not %v", k.name, !unserved)
		}
	}
	return f
}

func (f *failingWorld) deployHTTP(id string, k kind) {
	def := &record.APIDefinition{
		Routes: map[string]v2.Route{"r": {RouteId: new("r"), RouteKey: new("GET /pets"), Target: new("integrations/i")}},
		Integrations: map[string]v2.Integration{"i": {IntegrationId: new("i"), IntegrationType: new("AWS_PROXY"), IntegrationMethod: new("POST"), PayloadFormatVersion: new("2.0"),
			IntegrationUri: new("arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/" + functionPrefix + "backend/invocations")}},
	}
	r := def.Routes["r"]
	k.route(&r, def)
	def.Routes["r"] = r
	content, err := def.Encode()
	if err != nil {
		f.t.Fatal(err)
	}
	ref, ops, err := f.Blobs.Stage(context.Background(), content)
	if err != nil {
		f.t.Fatal(err)
	}
	put := func(op store.Op, err error) { ops = append(ops, must(f.t, op, err)) }
	put(f.APIs.Put(store.ID(id), record.API{Api: v2.Api{ApiId: &id}, Scope: f.Scope, Definition: ref}))
	put(f.APIDeployments.Put(store.ID(id, "d"), record.APIDeployment{Deployment: v2.Deployment{DeploymentId: new("d")}, Scope: f.Scope, API: id, Definition: ref}))
	put(f.APIStages.Put(store.ID(id, "s"), record.APIStage{Stage: v2.Stage{StageName: new("s"), DeploymentId: new("d")}, Scope: f.Scope, API: id}))
	f.commit(ops...)
}

// expectRefusals sends all that a caller of this kind may send; twice, for what
// was refused must not be kept as anything else.
func (f *failingWorld) expectRefusals(k kind, backend *atomic.Int32) {
	f.t.Helper()
	lists := append([][]string{k.lines, nil}, k.more...)
	if k.tokens {
		for _, token := range tokensOfNobody {
			lists = append(lists, []string{"Authorization: " + token})
		}
	}
	for _, lines := range lists {
		for range 2 {
			got := f.call("GET", "/_aws/execute-api/"+f.made[k.name]+"/s/pets", lines...)
			if n := backend.Swap(0); n != 0 || got.Status < 400 {
				f.t.Errorf("%s with %q is answered %d %s, and its backend was called %d times", k.name, lines, got.Status, got.Body, n)
			}
		}
	}
}

// The positive control: a decision that lets the caller in does, and the
// backend is called. Without it the test above could not fail.
func TestKindsLetIn(t *testing.T) {
	var calls atomic.Int32
	simple := false
	fs := functions{
		functionPrefix + "gate": func(context.Context, *function.Invocation) (*function.Result, error) {
			answer := `{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}}`
			if simple {
				answer = `{"isAuthorized":true}`
			}
			return &function.Result{Status: 200, Payload: []byte(answer)}, nil
		},
		functionPrefix + "backend": func(context.Context, *function.Invocation) (*function.Result, error) {
			calls.Add(1)
			return &function.Result{Status: 200, Payload: []byte(`{"statusCode":200,"body":"in"}`)}, nil
		},
	}
	w := failWorld(t, fs, "http://127.0.0.1:1")
	for _, k := range kinds("http://127.0.0.1:1") {
		if !k.asks {
			continue
		}
		simple = strings.Contains(k.name, "simple")
		if got := w.get(w.made[k.name], "s", "/pets", k.lines...); got != "in" || calls.Swap(0) != 1 {
			t.Errorf("%s: %s", k.name, got)
		}
	}
}

// TestAllKindsAreTried: what the models know as authorizer or authorization, and
// what the compiler makes, is all among the kinds.
func TestAllKindsAreTried(t *testing.T) {
	var names strings.Builder
	for _, k := range kinds("") {
		names.WriteString(k.name + "\n")
	}
	for file, prefix := range map[string]string{"../../awsapi/apigateway/enums.go": "REST", "../../awsapi/apigatewayv2/enums.go": "HTTP", "authorizer.go": "REST"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`(?m)^\s+(?:Authoriz(?:er|ation)Type\w+|type[A-Z]\w*)\s+= "(\w+)"`).FindAllStringSubmatch(string(text), -1)
		if len(found) < 3 {
			t.Fatalf("%s: %d kinds, the expression is out of date", file, len(found))
		}
		for _, m := range found {
			if m[1] == "NONE" && prefix == "HTTP" {
				continue // nobody is asked
			}
			if !regexp.MustCompile(`(?m)^` + prefix + ` (?:CUSTOM )?` + m[1] + `\b`).MatchString(names.String()) {
				t.Errorf("%s: nothing tries %s %s", file, prefix, m[1])
			}
		}
	}
}
