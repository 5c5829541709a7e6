package upstream_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/internal/wire"
)

// balanced makes the cluster of a definition with these endpoints, and its registry.
func balanced(t testing.TB, def upstream.Definition, addresses ...string) (*upstream.Registry, *upstream.Cluster) {
	t.Helper()
	for _, a := range addresses {
		def.Endpoints = append(def.Endpoints, upstream.Endpoint{Address: a})
	}
	if err := def.Check(); err != nil {
		t.Fatal(err)
	}
	r := upstream.NewRegistry(upstream.Options{Clusters: map[string]upstream.Definition{"test": def}})
	t.Cleanup(r.Close)
	c, err := r.Cluster(upstream.Key{Scheme: "http", Host: "test.cluster", Port: 80}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}

// TestUnknownCluster: a name that no definition has fails, is never looked up, and
// can be called once it is defined, by those too who found it before.
func TestUnknownCluster(t *testing.T) {
	r, _ := balanced(t, upstream.Definition{}, "127.0.0.1:1")
	well := upstreamtest.New(t, upstreamtest.Echo)
	for _, k := range []upstream.Key{
		{Scheme: "http", Host: "other.cluster", Port: 80},
		{Scheme: "http", Host: "shop.internal", Port: 80, Addresses: "other.CLUSTER:80"},
	} {
		c, err := r.Cluster(k, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call(c, request("GET", "/", ""), soon()); !errors.Is(err, upstream.ErrUnknownCluster) || c.Known() {
			t.Errorf("%v: error %v, want ErrUnknownCluster", k, err)
		}
		if err := r.Define("other", upstream.Definition{Endpoints: endpoints(well.Addr().String())}); err != nil {
			t.Fatal(err)
		}
		if got, err := call(c, request("GET", "/", ""), soon()); err != nil || got != "GET / " || !c.Known() {
			t.Errorf("once it is defined: %q, %v", got, err)
		}
		r.Undefine("other")
	}
	if c, err := r.Cluster(upstream.Key{Scheme: "http", Host: "shop.internal", Port: 80, Addresses: "test.cluster:80"}, nil); err != nil || !c.Known() {
		t.Errorf("a cluster in the place of a load balancer: %v", err)
	}
}

// TestRefusalsAreFree: an endpoint that refuses connections and is not left out
// loses no request, however small the budget of retries.
func TestRefusalsAreFree(t *testing.T) {
	well := upstreamtest.New(t, upstreamtest.Echo)
	def := upstream.Definition{Eject: upstream.Eject{Failures: -1}, Retries: upstream.Retries{Budget: 0.01}}
	_, c := balanced(t, def, upstreamtest.Refusing(t).String(), well.Addr().String())
	for i := range 500 { // of which half meet the one, and 105 retries are in the budget
		if got, err := call(c, request("GET", "/", ""), soon()); err != nil || got != "GET / " {
			t.Fatalf("request %d: %q, %v", i, got, err)
		}
	}
}

// TestRetryOfPost: a POST goes to another endpoint when nothing of it was sent,
// and never after that.
func TestRetryOfPost(t *testing.T) {
	well := upstreamtest.New(t, upstreamtest.Echo)
	_, c := balanced(t, upstream.Definition{}, upstreamtest.Refusing(t).String(), well.Addr().String())
	for range 4 {
		if got, err := call(c, request("POST", "/", "x"), soon()); err != nil || got != "POST / x" {
			t.Errorf("with one endpoint refusing: %q, %v", got, err)
		}
	}
	var seen atomic.Int64
	resets := func(c *upstreamtest.Conn) {
		if c.Request() != nil {
			seen.Add(1)
			c.Reset()
		}
	}
	_, c = balanced(t, upstream.Definition{}, upstreamtest.New(t, resets).Addr().String(), upstreamtest.New(t, resets).Addr().String())
	if _, err := call(c, request("POST", "/", "x"), soon()); !errors.Is(err, upstream.ErrBroken) || seen.Load() != 1 {
		t.Errorf("POST: error %v after %d attempts, want ErrBroken after one", err, seen.Load())
	}
	seen.Store(0)
	if _, err := call(c, request("GET", "/", ""), soon()); !errors.Is(err, upstream.ErrBroken) || seen.Load() != 2 {
		t.Errorf("GET: error %v after %d attempts, want ErrBroken after one each", err, seen.Load())
	}
}

// TestTripped: a breaker refuses at once, in both drivers, and nothing is sent.
func TestTripped(t *testing.T) {
	var seen atomic.Int64
	b := upstreamtest.New(t, func(c *upstreamtest.Conn) {
		for c.Request() != nil {
			seen.Add(1)
			c.Send("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
		}
	})
	r, c := balanced(t, upstream.Definition{Breaker: &upstream.Breaker{Minimum: 4, Open: time.Hour}}, b.Addr().String())
	do := forward(t, c)
	answer := make([]byte, 4096)
	for i := range 4 {
		if i%2 == 0 {
			do(answer)
			continue
		}
		if _, err := call(c, request("GET", "/", ""), soon()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := call(c, request("GET", "/", ""), soon()); !errors.Is(err, upstream.ErrTripped) {
		t.Errorf("error %v, want ErrTripped", err)
	}
	if n := do(answer); !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 502") {
		t.Errorf("by a loop: answer %q", answer[:n])
	}
	if n := seen.Load(); n != 4 {
		t.Errorf("%d requests came, want 4", n)
	}
	if s := r.Status()[0].Breaker; s.State != "open" || s.Reason != "4 of 4 requests failed within 10s" {
		t.Errorf("status %+v", s)
	}
}

// TestEndpointLimits: an endpoint that has as many connections as it may is passed over;
// when all have, a bounded number waits.
func TestEndpointLimits(t *testing.T) {
	came, free := make(chan string, 4), make(chan struct{})
	slow := func(c *upstreamtest.Conn) {
		for r := c.Request(); r != nil; r = c.Request() {
			came <- c.LocalAddr().String()
			<-free
			upstreamtest.Answer(c, "ok")
		}
	}
	r, c := balanced(t, upstream.Definition{Connections: 1, Pending: 1, Retries: upstream.Retries{Attempts: -1}},
		upstreamtest.New(t, slow).Addr().String(), upstreamtest.New(t, slow).Addr().String())
	done := make(chan error, 4)
	start := func() {
		go func() {
			_, err := call(c, request("GET", "/", ""), soon())
			done <- err
		}()
	}
	start()
	first := <-came
	start()
	if second := <-came; first == second {
		t.Error("the second request did not go to the other endpoint")
	}
	start()
	start()
	for r.Clusters()[0].Stats().Waiting < 2 {
		runtime.Gosched()
	}
	if _, err := call(c, request("GET", "/", ""), soon()); !errors.Is(err, upstream.ErrOverload) {
		t.Errorf("with all full: error %v, want ErrOverload", err)
	}
	close(free)
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for _, e := range r.Status()[0].Endpoints {
		if e.InFlight != 0 || e.Requests < 2 || e.Errors != 0 {
			t.Errorf("%+v", e)
		}
	}
}

// TestHealthChecks: an endpoint that says it is not well is left out until it is
// again; so is one that does not listen.
func TestHealthChecks(t *testing.T) {
	var sick atomic.Bool
	b := upstreamtest.New(t, func(c *upstreamtest.Conn) {
		for r := c.Request(); r != nil; r = c.Request() {
			if sick.Load() && r.URL.Path == "/healthz" && r.Host == "test.cluster" {
				c.Send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
				continue
			}
			upstreamtest.Answer(c, "sick one")
		}
	})
	other := upstreamtest.New(t, upstreamtest.Echo)
	r, c := balanced(t, upstream.Definition{Health: &upstream.Health{Path: "/healthz", Interval: 50 * time.Millisecond, Timeout: time.Minute, Fall: 2, Rise: 1}},
		b.Addr().String(), other.Addr().String(), upstreamtest.Refusing(t).String())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	defer func() { stop(); <-ended }()
	until := func(endpoint int, want string) upstream.EndpointStatus {
		for end := soon(); ; runtime.Gosched() {
			if e := r.Status()[0].Endpoints[endpoint]; e.Health == want || time.Now().After(end) {
				if e.Health != want {
					t.Fatalf("%+v is not %s", e, want)
				}
				return e
			}
		}
	}
	until(2, "down")
	sick.Store(true)
	if e := until(0, "down"); e.Reason != "health check: status 503" {
		t.Errorf("reason %q", e.Reason)
	}
	for range 5 {
		if got, err := call(c, request("GET", "/a", ""), soon()); err != nil || got != "GET /a " {
			t.Errorf("with two down: %q, %v", got, err)
		}
	}
	sick.Store(false)
	until(0, "ready")
}

// TestClusterAllocs: a request to a cluster with everything switched on, in both
// drivers. Budget: no allocation.
func TestClusterAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools")
	}
	_, c := balanced(t, upstream.Definition{Balance: "least-request", Breaker: &upstream.Breaker{}, Health: &upstream.Health{}},
		fixed(t).Addr().String(), fixed(t).Addr().String())
	req, resp, deadline := request("GET", "/", ""), new(wire.Response), soon()
	for range 10 {
		exchangeOnce(t, c, req, resp, deadline)
	}
	if n := testing.AllocsPerRun(1000, func() { exchangeOnce(t, c, req, resp, deadline) }); n != 0 {
		t.Errorf("Do allocates %v times, budget 0", n)
	}
	do := forward(t, c)
	answer := make([]byte, 4096)
	if n := loopAllocs(do, answer); n > loopRounds/20 {
		t.Errorf("%d allocations in %d requests through a loop, budget 0 each", n, loopRounds)
	}
}

func TestDefinitionCheck(t *testing.T) {
	one := []upstream.Endpoint{{Address: "a:1"}}
	for _, tt := range []struct {
		name string
		def  upstream.Definition
		want string
	}{
		{"nothing", upstream.Definition{}, "endpoints: there is none"},
		{"no port", upstream.Definition{Endpoints: []upstream.Endpoint{{Address: "a"}}}, `endpoints: "a" is not an address: write host:port`},
		{"cluster in a cluster", upstream.Definition{Endpoints: []upstream.Endpoint{{Address: "b.cluster:1"}}}, `"b.cluster:1" is not an address`},
		{"twice", upstream.Definition{Endpoints: append(one, one...)}, "a:1 is there twice: give it a weight"},
		{"heavy", upstream.Definition{Endpoints: []upstream.Endpoint{{Address: "a:1", Weight: 1001}}}, "the weight is not between 1 and 1000"},
		{"heavy socket", upstream.Definition{Endpoints: []upstream.Endpoint{{Address: "unix:/a", Weight: 1001}}}, "the weight is not between 1 and 1000"},
		{"far socket", upstream.Definition{Endpoints: []upstream.Endpoint{{Address: "unix:/a", Priority: 10}}}, "the priority is not between 0 and 9"},
		{"socket twice", upstream.Definition{Endpoints: []upstream.Endpoint{{Address: "unix:/a"}, {Address: "unix:/a"}}}, "unix:/a is there twice"},
		{"balance", upstream.Definition{Endpoints: one, Balance: "random"}, `balance: "random" is none of`},
		{"negative", upstream.Definition{Endpoints: one, Connections: -1}, "less than nothing"},
		{"retries", upstream.Definition{Endpoints: one, Retries: upstream.Retries{Attempts: 6}}, "6 are more than 5"},
		{"path", upstream.Definition{Endpoints: one, Health: &upstream.Health{Path: "x"}}, `health: "x" is not a path`},
		{"interval", upstream.Definition{Endpoints: one, Health: &upstream.Health{Interval: time.Millisecond}}, "interval: 1ms is shorter than 50ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.def.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	ok := upstream.Definition{Endpoints: one}
	if err := ok.Check(); err != nil {
		t.Error(err)
	}
}

// TestLastFailure: the status tells why the last attempt had no answer.
func TestLastFailure(t *testing.T) {
	r, c := balanced(t, upstream.Definition{Retries: upstream.Retries{Attempts: -1}}, upstreamtest.Refusing(t).String())
	if _, err := call(c, request("GET", "/", ""), soon()); err == nil {
		t.Fatal("answered")
	}
	e := r.Status()[0].Endpoints[0]
	if e.Failures != 1 || !strings.HasPrefix(e.LastFailure, "connect to backend: ") || e.LastFailureAt.IsZero() {
		t.Errorf("%+v", e)
	}
}
