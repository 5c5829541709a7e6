package authorizer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/cache"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/authorizer"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/upstream"
	"gatehouse/internal/wire"
)

// invoker is a function in this process; it counts its calls.
type invoker struct {
	mu    sync.Mutex
	calls int
	last  string // payload
	run   func(ctx context.Context, payload string) (*function.Result, error)
}

func (f *invoker) Invoke(ctx context.Context, in *function.Invocation) (*function.Result, error) {
	f.mu.Lock()
	f.calls++
	f.last = string(in.Payload)
	f.mu.Unlock()
	return f.run(ctx, string(in.Payload))
}

func answering(text string) *invoker {
	return &invoker{run: func(context.Context, string) (*function.Result, error) {
		return &function.Result{Status: 200, Payload: []byte(text)}, nil
	}}
}

const methodARN = "arn:aws:execute-api:eu-west-1:111111111111:api1/s/"

// allowing is an answer that allows or denies resources.
func allowing(effect, resource string) string {
	return `{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"` + effect +
		`","Resource":"` + resource + `"}]}}`
}

// guard is the step of an authorizer, TOKEN by header A unless changed.
func guard(t testing.TB, f function.Invoker, change ...func(*authorizer.LambdaConfig)) *step.Authorize {
	t.Helper()
	cfg := &authorizer.LambdaConfig{Caller: &authorizer.Function{Invoker: f, ARN: "f"}, Token: true, Sources: []authorizer.Source{{Header: "A"}}}
	for _, c := range change {
		c(cfg)
	}
	l, err := authorizer.NewLambda(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &step.Authorize{By: l.For(event.NewForm(&gateway.Route{ResourcePath: "/pets/{id}"}, nil))}
}

func keeping(ttl time.Duration) func(*authorizer.LambdaConfig) {
	return func(c *authorizer.LambdaConfig) { c.TTL, c.Cache = ttl, cache.New[*authorizer.Decision](1<<20) }
}

func exchange(method, path string, lines ...string) *gateway.Exchange {
	x := new(gateway.Exchange)
	gatewaytest.Fill(x, method, path, "", lines...)
	new(gateway.Gateway).Begin(x)
	x.Stage, x.Route, x.Fault, x.MethodResponse = &gateway.Stage{Account: "111111111111", Region: "eu-west-1", API: "api1", Name: "s"}, new(gateway.Route), nil, wire.Response{}
	x.Vars.Path, _, _ = strings.Cut(path, "?")
	x.Vars.Now = time.Now()
	return x
}

// outcome is "passes", or the fault.
func outcome(err error) string {
	if err == nil {
		return "passes"
	}
	var f *gateway.Fault
	if !errors.As(err, &f) {
		return "no fault: " + err.Error()
	}
	return fmt.Sprint(f.StatusCode(), " ", f.Type, " ", string(f.AppendBody(nil)))
}

const (
	denied       = `403 ACCESS_DENIED {"Message":"User is not authorized to access this resource"}`
	deniedByName = `403 ACCESS_DENIED {"Message":"User is not authorized to access this resource with an explicit deny in an identity-based policy"}`
	unauthorized = `401 UNAUTHORIZED {"message":"Unauthorized"}`
	misconfig    = `500 AUTHORIZER_CONFIGURATION_ERROR {"message":null}`
	failure      = `500 AUTHORIZER_FAILURE {"message":null}`
)

// Every way in which an authorizer does not decide is a refusal, and nothing of
// it is kept.
//
// AWS: authorizers.md §1.3.
func TestNothingFailsOpen(t *testing.T) {
	raises := func(document string) *invoker {
		return &invoker{run: func(context.Context, string) (*function.Result, error) {
			return &function.Result{Status: 200, Error: "Unhandled", Payload: []byte(document)}, nil
		}}
	}
	fails := func(err error) *invoker {
		return &invoker{run: func(context.Context, string) (*function.Result, error) { return nil, err }}
	}
	allow := allowing("Allow", "*")
	edit := func(old, with string) *invoker {
		text := strings.Replace(allow, old, with, 1)
		if text == allow {
			t.Fatalf("%q is not in %s", old, allow)
		}
		return answering(text)
	}
	tests := []struct {
		name string
		f    *invoker
		want string
	}{
		{"raises Unauthorized", raises(`{"errorMessage":"Unauthorized","errorType":"Error"}`), unauthorized},
		{"raises something like it", raises(`{"errorMessage":"Unauthorized "}`), failure},
		{"raises anything else", raises(`{"errorMessage":"boom"}`), failure},
		{"raises no document", raises(`boom`), failure},
		{"function timed out", raises(`{"errorMessage":"2026-11-22T10:00:00Z r Task timed out after 3.00 seconds"}`), misconfig},
		{"an error with an answer", &invoker{run: func(context.Context, string) (*function.Result, error) {
			return &function.Result{Status: 200, Error: "Handled", Payload: []byte(allow)}, nil
		}}, failure},
		{"permission missing", fails(function.AccessDenied("no")), misconfig},
		{"function missing", fails(function.NotFound("f")), misconfig},
		{"throttled", fails(function.TooMany(function.ReasonAccount)), misconfig},
		{"unreachable", fails(errors.New("connection refused")), misconfig},
		{"canceled", fails(context.Canceled), misconfig},
		{"nothing", answering(""), misconfig},
		{"null", answering("null"), misconfig},
		{"text", answering(`"Allow"`), misconfig},
		{"list", answering(`[]`), misconfig},
		{"empty object", answering(`{}`), misconfig},
		{"cut off", answering(allow[:len(allow)-1]), misconfig},
		{"more behind it", answering(allow + "{}"), misconfig},
		{"answer of a proxy function", answering(`{"statusCode":401,"body":"Unauthorized"}`), misconfig},
		{"HTTP API's simple answer", answering(`{"isAuthorized":true}`), misconfig},
		{"no principalId", edit(`"principalId":"me",`, ""), misconfig},
		{"principalId null", edit(`"me"`, "null"), misconfig},
		{"principalId a number", edit(`"me"`, "7"), misconfig},
		{"principalid", edit(`"principalId"`, `"principalid"`), misconfig},
		{"principalId twice", edit(`"principalId":"me",`, `"principalId":"me","principalId":"you",`), misconfig},
		{"no policy", answering(`{"principalId":"me"}`), misconfig},
		{"policy is text", answering(`{"principalId":"me","policyDocument":"{}"}`), misconfig},
		{"policy without statements", answering(`{"principalId":"me","policyDocument":{"Version":"2012-10-17"}}`), misconfig},
		{"policy with a principal", edit(`"Effect"`, `"Principal":"*","Effect"`), misconfig},
		{"unknown effect", edit(`"Allow"`, `"allow"`), misconfig},
		{"unknown version", edit(`2012-10-17`, `2027-01-01`), misconfig},
		{"no resource", edit(`,"Resource":"*"`, ""), misconfig},
		{"unknown condition", edit(`"Effect"`, `"Condition":{"Sometimes":{"a":"b"}},"Effect"`), misconfig},
		{"context with a list", edit(`"principalId"`, `"context":{"a":[]},"principalId"`), misconfig},
		{"context with an object", edit(`"principalId"`, `"context":{"a":{}},"principalId"`), misconfig},
		{"context with a null", edit(`"principalId"`, `"context":{"a":null},"principalId"`), misconfig},
		{"context is text", edit(`"principalId"`, `"context":"a","principalId"`), misconfig},
		{"usage key is a number", edit(`"principalId"`, `"usageIdentifierKey":1,"principalId"`), misconfig},
		{"too large", answering(`{"a":"` + strings.Repeat("x", 1<<20) + `",` + allow[1:]), misconfig},
		{"denied", answering(allowing("Deny", "*")), deniedByName},
		{"another method", answering(allowing("Allow", methodARN+"POST/*")), denied},
		{"another stage", answering(allowing("Allow", strings.Replace(methodARN, "/s/", "/t/", 1)+"*")), denied},
		{"another action", edit("execute-api:Invoke", "execute-api:ManageConnections"), denied},
		{"a condition that does not hold", edit(`"Effect"`, `"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}},"Effect"`), denied},
	}
	for _, tt := range tests {
		for _, ttl := range []time.Duration{0, time.Minute} {
			t.Run(fmt.Sprint(tt.name, " ", ttl), func(t *testing.T) {
				g := guard(t, tt.f)
				if ttl > 0 {
					g = guard(t, tt.f, keeping(ttl))
				}
				for range 2 {
					x := exchange("GET", "/pets/7", "A: token")
					if got := outcome(g.Do(t.Context(), x)); got != tt.want {
						t.Errorf("%s, want %s", got, tt.want)
					}
					if tt.want != denied && tt.want != deniedByName && x.Authorization != nil {
						t.Error("the exchange has an authorization")
					}
				}
			})
		}
	}
	if got := outcome(guard(t, answering(allow)).Do(t.Context(), exchange("GET", "/pets/7", "A: token"))); got != "passes" {
		t.Errorf("the answer that all others were made of: %s", got)
	}
	hangs := &invoker{run: func(ctx context.Context, _ string) (*function.Result, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if got := outcome(guard(t, hangs, keeping(time.Minute)).Do(t.Context(), exchange("GET", "/pets/7", "A: token"))); got != misconfig {
			t.Errorf("hangs: %s", got)
		}
		if d := time.Since(began); d != authorizer.Timeout {
			t.Errorf("waited %v", d)
		}
	})
}

// AWS: authorizers.md §1.2.
func TestIdentity(t *testing.T) {
	request := func(sources string) func(*authorizer.LambdaConfig) {
		return func(c *authorizer.LambdaConfig) {
			c.Token = false
			var err error
			if c.Sources, err = authorizer.ParseSources(sources, map[string]string{"v": "1"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	digits := func(c *authorizer.LambdaConfig) { c.Pattern, _ = authorizer.Whole(`\d+|a`) }
	tests := []struct {
		name   string
		change func(*authorizer.LambdaConfig)
		path   string
		lines  []string
		called bool
	}{
		{"token", digits, "/", []string{"A: 123"}, true},
		{"token in lower case", digits, "/", []string{"a: 123"}, true},
		{"no token", digits, "/", nil, false},
		{"empty token", digits, "/", []string{"A: "}, false},
		{"does not match", digits, "/", []string{"A: 123x"}, false},
		{"alternatives are anchored", digits, "/", []string{"A: ab"}, false},
		{"all sources", request("method.request.header.A, method.request.querystring.q,stageVariables.v,context.httpMethod"), "/?q=1", []string{"A: 1"}, true},
		{"query missing", request("method.request.header.A,method.request.querystring.q"), "/?Q=1", []string{"A: 1"}, false},
		{"query empty", request("method.request.header.A,method.request.querystring.q"), "/?q=", []string{"A: 1"}, false},
		{"stage variable missing", request("stageVariables.w"), "/", nil, false},
		{"context variable missing", request("context.identity.apiKey"), "/", nil, false},
		{"unknown context variable", request("context.nothing"), "/", nil, false},
		{"no sources", request(""), "/", nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := answering(allowing("Allow", "*"))
			got, want := outcome(guard(t, f, tt.change).Do(t.Context(), exchange("GET", tt.path, tt.lines...))), unauthorized
			if tt.called {
				want = "passes"
			}
			if got != want || (f.calls > 0) != tt.called {
				t.Errorf("%s after %d calls, want %s", got, f.calls, want)
			}
		})
	}
}

// AWS: authorizers.md §1.1.
func TestEvents(t *testing.T) {
	f := answering(allowing("Allow", "*"))
	if err := guard(t, f).Do(t.Context(), exchange("GET", "/pets/%37%2F/", "A: tok\"en")); err != nil {
		t.Fatal(err)
	}
	if want := `{"type":"TOKEN","methodArn":"` + methodARN + `GET/pets/7%2F","authorizationToken":"tok\"en"}`; f.last != want {
		t.Errorf("event %s, want %s", f.last, want)
	}
	if err := guard(t, f, func(c *authorizer.LambdaConfig) { c.Token = false }).Do(t.Context(), exchange("GET", "/pets/7", "A: x")); err != nil {
		t.Fatal(err)
	}
	var got struct{ Type, MethodArn, Resource string }
	if err := json.Unmarshal([]byte(f.last), &got); err != nil || got.Type != "REQUEST" || got.MethodArn != methodARN+"GET/pets/7" || got.Resource != "/pets/{id}" {
		t.Errorf("event %+v, %v", got, err)
	}
	long := exchange("GET", "/"+strings.Repeat("x", 1600), "A: x")
	if got := outcome(guard(t, f).Do(t.Context(), long)); !strings.HasPrefix(got, "414 ") {
		t.Errorf("long path: %s", got)
	}
}

// A path that routes like another is judged like it.
func TestMethodARNIsNormal(t *testing.T) {
	g := guard(t, answering(strings.Replace(allowing("Allow", "*"), `"Statement":[`,
		`"Statement":[{"Effect":"Deny","Action":"*","Resource":"`+methodARN+`GET/admin"},`, 1)))
	for _, path := range []string{"/admin", "/%61dmin", "//admin", "/admin/", "/%61%64%6D%69%6e"} {
		if got := outcome(g.Do(t.Context(), exchange("GET", path, "A: x"))); got != deniedByName {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// AWS: authorizers.md §1.5.
func TestDecisionsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c *cache.Cache[*authorizer.Decision]
		f := answering(allowing("Allow", methodARN+"GET/pets"))
		g := guard(t, f, keeping(time.Minute), func(cfg *authorizer.LambdaConfig) { c = cfg.Cache })
		ask := func(want string, calls int, method, path, token string) {
			t.Helper()
			if got := outcome(g.Do(t.Context(), exchange(method, path, "A: "+token))); got != want || f.calls != calls {
				t.Errorf("%s after %d calls, want %s after %d", got, f.calls, want, calls)
			}
		}
		ask("passes", 1, "GET", "/pets", "a")
		ask("passes", 1, "GET", "/pets", "a")
		ask(denied, 1, "POST", "/pets", "a") // by the same policy, without a call
		ask("passes", 2, "GET", "/pets", "b")
		time.Sleep(59 * time.Second)
		ask("passes", 2, "GET", "/pets", "a")
		time.Sleep(time.Second)
		ask("passes", 3, "GET", "/pets", "a")
		c.Flush()
		ask("passes", 4, "GET", "/pets", "a")
		f.run = answering(allowing("Deny", "*")).run
		ask(deniedByName, 5, "GET", "/pets", "c") // a Deny is kept, too
		ask(deniedByName, 5, "GET", "/pets", "c")
	})
}

// Two lists of values never have one key.
func TestKeysAreApart(t *testing.T) {
	f := answering(allowing("Allow", "*"))
	g := guard(t, f, keeping(time.Minute), func(c *authorizer.LambdaConfig) {
		c.Token, c.Sources = false, []authorizer.Source{{Header: "A"}, {Header: "B"}}
	})
	for _, lines := range [][]string{{"A: ab", "B: c"}, {"A: a", "B: bc"}, {"A: a\x01b", "B: c"}, {"A: a", "B: \x01bc"}} {
		if err := g.Do(t.Context(), exchange("GET", "/", lines...)); err != nil {
			t.Fatal(err)
		}
	}
	if f.calls != 4 {
		t.Errorf("%d calls for 4 identities", f.calls)
	}
}

// Who asks for the same at the same time waits for one call, even if the client
// that began it goes.
func TestOneCallForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan string)
		f := &invoker{run: func(ctx context.Context, _ string) (*function.Result, error) {
			select {
			case text := <-answer:
				return &function.Result{Status: 200, Payload: []byte(text)}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}
		for _, tt := range []struct{ answer, want string }{{allowing("Allow", "*"), "passes"}, {"garbage", misconfig}} {
			f.calls = 0
			g := guard(t, f, keeping(time.Minute))
			first, leave := context.WithCancel(t.Context())
			results := make(chan string, 10)
			go func() { results <- outcome(g.Do(first, exchange("GET", "/", "A: x"))) }()
			synctest.Wait()
			for range 9 {
				go func() { results <- outcome(g.Do(t.Context(), exchange("GET", "/", "A: x"))) }()
			}
			synctest.Wait()
			leave()
			answer <- tt.answer
			for range 10 {
				if got := <-results; got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
			}
			if f.calls != 1 {
				t.Errorf("%d calls, want 1", f.calls)
			}
		}
	})
}

// AWS: authorizers.md §1.6; recorded order of members by event.Order.
func TestContext(t *testing.T) {
	f := answering(strings.Replace(allowing("Allow", "*"), `"principalId"`,
		`"usageIdentifierKey":"key-1","context":{"string":"v\"","number":1.50,"bool":true,"integrationLatency":9,"principalId":"you"},"principalId"`, 1))
	x := exchange("GET", "/", "A: x")
	if err := guard(t, f).Do(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	a := x.Authorization
	for name, want := range map[string]string{"principalId": "me", "string": `v"`, "number": "1.50", "bool": "true"} {
		if got, ok := a.Value(name); got != want || !ok {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
		if got := string(gateway.ContextVar("authorizer."+name)(nil, x)); got != want {
			t.Errorf("$context.authorizer.%s = %q, want %q", name, got, want)
		}
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(a.Event[0]+"7"+a.Event[1]), &got); err != nil || got["integrationLatency"] != 7.0 || got["principalId"] != "me" ||
		got["number"] != "1.50" || got["bool"] != "true" || len(got) != 5 {
		t.Errorf("event %s, %v", a.Event, err)
	}
	if a.UsageKey != "key-1" {
		t.Errorf("usage key %q", a.UsageKey)
	}
}

// An HTTP endpoint may decide as well.
func TestEndpoint(t *testing.T) {
	tests := []struct {
		name string
		cl   gatewaytest.Cluster
		want string
	}{
		{"allows", gatewaytest.Cluster{Body: allowing("Allow", "*"), Streamed: 5}, "passes"},
		{"refuses", gatewaytest.Cluster{Status: 401}, unauthorized},
		{"fails", gatewaytest.Cluster{Status: 503, Body: allowing("Allow", "*")}, failure},
		{"redirects", gatewaytest.Cluster{Status: 302, Body: allowing("Allow", "*")}, failure},
		{"no answer", gatewaytest.Cluster{Err: upstream.ErrBroken}, misconfig},
		{"garbage", gatewaytest.Cluster{Body: "<html>"}, misconfig},
		{"endless", gatewaytest.Cluster{Body: allowing("Allow", "*") + strings.Repeat(" ", 1<<20)}, misconfig},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cl := &tt.cl
			cl.Keep = true
			g := guard(t, nil, func(c *authorizer.LambdaConfig) {
				c.Caller = &authorizer.Endpoint{Cluster: cl, Host: "auth", Target: "/decide"}
			})
			if got := outcome(g.Do(t.Context(), exchange("GET", "/", "A: x"))); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if cl.Last.Method != "POST" || cl.Last.Target != "/decide" || !strings.Contains(cl.Last.Body, `"authorizationToken":"x"`) {
				t.Errorf("asked %+v", cl.Last)
			}
		})
	}
}

func TestKeptDecisionAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("pools drop what they hold under the race detector")
	}
	g := guard(t, answering(allowing("Allow", methodARN+"*/pets/*")), keeping(time.Hour))
	x := exchange("GET", "/pets/7", "Accept: */*", "A: token")
	do := func() {
		x.Buf = x.Buf[:0]
		if err := g.Do(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	do()
	if n := testing.AllocsPerRun(500, do); n != 0 {
		t.Errorf("a kept decision allocates %v times, budget 0", n)
	}
}

func BenchmarkKeptDecision(b *testing.B) {
	g := guard(b, answering(allowing("Allow", methodARN+"*/pets/*")), keeping(time.Hour))
	x := exchange("GET", "/pets/7", "Accept: */*", "A: "+strings.Repeat("token", 20))
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		x.Buf = x.Buf[:0]
		if err := g.Do(ctx, x); err != nil {
			b.Fatal(err)
		}
	}
}
