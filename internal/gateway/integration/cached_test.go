package integration_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/wire"
)

// newCached wraps a proxy to cl that caches for a minute by query.
func newCached(t testing.TB, cl *gatewaytest.Cluster, set func(*integration.CacheConfig)) *integration.Cached {
	t.Helper()
	cfg := &integration.CacheConfig{
		Cache: cache.New[*integration.Kept](8 << 20), TTL: time.Minute, Namespace: "ns",
		Call: newProxy(t, "http://backend/x", "", cl),
		Params: []integration.CacheParam{{Name: "q", Value: func(x *gateway.Exchange) (string, error) {
			if x.MethodRequest.Query == "broken" {
				return "", gateway.NewFault(gateway.Default4XX, nil)
			}
			return x.MethodRequest.Query, nil
		}}},
	}
	if set != nil {
		set(cfg)
	}
	return integration.NewCached(cfg)
}

// ask sends one request and drains its answer.
func ask(t testing.TB, c *integration.Cached, method, target string, lines ...string) (gatewaytest.Answer, error) {
	t.Helper()
	x := exchange(method, target, "", lines...)
	if err := c.Call(t.Context(), x); err != nil {
		return gatewaytest.Answer{}, err
	}
	a, err := gatewaytest.Drain(x)
	if err != nil {
		t.Fatal(err)
	}
	return a, nil
}

// bodies are all the ways in which a backend's body can come.
func bodies() map[string]*gatewaytest.Cluster {
	long := strings.Repeat("0123456789", 20_000)
	header := gatewaytest.Header("Content-Type: text/plain", "X-A: 1", "X-A: 2")
	return map[string]*gatewaytest.Cluster{
		"whole":         {Header: header, Body: "hello"},
		"empty":         {Header: header},
		"an error":      {Status: 503, Header: header, Body: "later"},
		"with length":   {Header: header, Body: long, Streamed: len(long) - 10},
		"chunked":       {Header: header, Body: long, Streamed: len(long), Chunked: true},
		"exactly 1 MiB": {Header: header, Body: strings.Repeat("x", integration.MaxKept), Streamed: 1000, Chunked: true},
	}
}

// A second answer is the first, without another call, sealed or not.
func TestCachedAnswers(t *testing.T) {
	for _, seal := range []*integration.Seal{nil, integration.NewSeal()} {
		for name, cl := range bodies() {
			t.Run(fmt.Sprintf("%s/sealed=%v", name, seal != nil), func(t *testing.T) {
				c := newCached(t, cl, func(cfg *integration.CacheConfig) { cfg.Seal = seal })
				first, _ := ask(t, c, "GET", "/x?a=1")
				again, _ := ask(t, c, "GET", "/x?a=1")
				if cl.Requests != 1 || cl.Closed != 1 {
					t.Errorf("%d calls, %d bodies closed, want 1 of each", cl.Requests, cl.Closed)
				}
				if again.Length == int64(len(again.Body)) {
					first.Length = again.Length // it is known now
				}
				if diff := cmp.Diff(first, again); diff != "" {
					t.Errorf("the second answer differs (-first +second):\n%s", diff)
				}
				ask(t, c, "GET", "/x?a=2")
				ask(t, c, "POST", "/x?a=1")
				if cl.Requests != 3 {
					t.Errorf("%d calls, want one each for another parameter and another method", cl.Requests)
				}
			})
		}
	}
}

// Every answer has its own ids.
func TestCachedIDs(t *testing.T) {
	cl := &gatewaytest.Cluster{Header: gatewaytest.Header("X-Amzn-Trace-Id: Root=1-x"), Body: "b"}
	c := newCached(t, cl, nil)
	var seen []string
	for range 2 {
		x := exchange("GET", "/x", "")
		if err := c.Call(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		h := &x.MethodResponse.Header
		if got := h.GetID(wire.HeaderXAmznRequestID); got != x.Vars.RequestID || got == "" {
			t.Errorf("x-amzn-RequestId = %q, want %q", got, x.Vars.RequestID)
		}
		if got := h.GetID(wire.HeaderXAmzApigwID); got != x.Vars.ExtendedRequestID {
			t.Errorf("x-amz-apigw-id = %q, want %q", got, x.Vars.ExtendedRequestID)
		}
		seen = append(seen, h.GetID(wire.HeaderXAmznTraceID))
		if len(seen) == 2 && seen[1] != x.Vars.Trace {
			t.Errorf("X-Amzn-Trace-Id = %q, want %q", seen[1], x.Vars.Trace)
		}
	}
}

func TestCachedNot(t *testing.T) {
	twice := func(t *testing.T, cl *gatewaytest.Cluster) {
		t.Helper()
		c := newCached(t, cl, nil)
		for range 2 {
			if a, err := ask(t, c, "GET", "/x"); err == nil && a.Body != cl.Body {
				t.Errorf("the body is not that of the backend")
			}
		}
		if cl.Requests != 2 {
			t.Errorf("%d calls, want 2", cl.Requests)
		}
	}
	over := strings.Repeat("x", integration.MaxKept+1)
	t.Run("too large, length known", func(t *testing.T) { twice(t, &gatewaytest.Cluster{Body: over, Streamed: 1000}) })
	t.Run("too large, chunked", func(t *testing.T) {
		twice(t, &gatewaytest.Cluster{Body: over, Streamed: integration.MaxKept, Chunked: true})
	})
	t.Run("fault", func(t *testing.T) { twice(t, &gatewaytest.Cluster{Err: errors.New("refused")}) })
}

// A body that its client gave up is not kept.
func TestCachedGivenUp(t *testing.T) {
	cl := &gatewaytest.Cluster{Body: strings.Repeat("x", 100_000), Streamed: 99_900}
	c := newCached(t, cl, nil)
	x := exchange("GET", "/x", "")
	if err := c.Call(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	src := x.MethodResponse.Body.Source
	if _, err := src.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	if a, _ := ask(t, c, "GET", "/x"); cl.Requests != 2 || len(a.Body) != 100_000 {
		t.Errorf("%d calls, %d bytes, want 2 calls and the whole body", cl.Requests, len(a.Body))
	}
}

// A response without the bytes it announces is one to HEAD only.
func TestCachedHead(t *testing.T) {
	c := newCached(t, &gatewaytest.Cluster{}, func(cfg *integration.CacheConfig) { cfg.Call = headCall{} })
	for _, tt := range []struct {
		method, override string
		want             int64
	}{{"HEAD", "HEAD", 1024}, {"HEAD", "HEAD", 1024}, {"GET", "HEAD", 0}} {
		a, err := ask(t, c, tt.method, "/x", "X-HTTP-Method-Override: "+tt.override)
		if err != nil || a.Length != tt.want || a.Body != "" {
			t.Errorf("%s as %s: length %d, want %d (%v)", tt.method, tt.override, a.Length, tt.want, err)
		}
	}
}

// A headCall answers like a backend that was sent HEAD.
type headCall struct{}

func (headCall) Call(_ context.Context, x *gateway.Exchange) error {
	x.BeginAnswer(200, "text/plain", "")
	x.MethodResponse.Body = wire.Body{Length: 1024}
	return nil
}

func TestCachedExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := &gatewaytest.Cluster{Body: "b"}
		c := newCached(t, cl, nil)
		for i, want := range []int{1, 1, 2} { // at 0, 59 and 118 s
			ask(t, c, "GET", "/x")
			if cl.Requests != want {
				t.Errorf("request %d: %d calls, want %d", i, cl.Requests, want)
			}
			time.Sleep(59 * time.Second)
		}
	})
}

func TestCachedInvalidation(t *testing.T) {
	const warning = "Warning: 199 Cache-control headers were ignored because the caller was unauthorized."
	tests := []struct {
		name   string
		what   integration.Invalidation
		header string
		calls  int // of two requests, the second of which has the header
		warned bool
		fault  bool
	}{
		{"allowed", integration.InvalidationAllowed, "max-age=0", 2, false, false},
		{"one of several directives", integration.InvalidationAllowed, "no-transform, Max-Age=0", 2, false, false},
		{"another age", integration.InvalidationAllowed, "max-age=01", 1, false, false},
		{"forbidden", integration.InvalidationForbidden, "max-age=0", 1, false, true},
		{"ignored", integration.InvalidationIgnored, "max-age=0", 1, false, false},
		{"warned", integration.InvalidationWarned, "max-age=0", 1, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cl := &gatewaytest.Cluster{Body: "b"}
			c := newCached(t, cl, func(cfg *integration.CacheConfig) { cfg.Invalidate = tt.what })
			ask(t, c, "GET", "/x")
			a, err := ask(t, c, "GET", "/x", "Cache-Control: "+tt.header)
			if cl.Requests != tt.calls {
				t.Errorf("%d calls, want %d", cl.Requests, tt.calls)
			}
			if warned := strings.Contains(strings.Join(a.Header, "\n"), warning); warned != tt.warned {
				t.Errorf("warned: %v, want %v", warned, tt.warned)
			}
			f, isFault := errors.AsType[*gateway.Fault](err)
			if isFault != tt.fault || isFault && (f.Type != gateway.AccessDenied || f.Text() != "Forbidden") {
				t.Errorf("fault = %v, want one: %v", err, tt.fault)
			}
			cl.Body = "new" // what replaced is what is served
			if a, _ := ask(t, c, "GET", "/x"); a.Body != "b" || strings.Contains(strings.Join(a.Header, "\n"), warning) {
				t.Errorf("afterwards %+v, want what was kept, without a warning", a)
			}
		})
	}
}

// A slow call is one that waits until it is told how to end.
type slowCall struct {
	calls atomic.Int32
	end   chan error
}

func (s *slowCall) Call(_ context.Context, x *gateway.Exchange) error {
	s.calls.Add(1)
	if err := <-s.end; err != nil {
		return err
	}
	x.BeginAnswer(200, "text/plain", "")
	x.SetAnswerBody([]byte("slow"))
	return nil
}

// Of many requests for the same, one calls the backend.
func TestCachedOneFlight(t *testing.T) {
	tests := []struct {
		name  string
		after time.Duration // the first call's end
		err   error
		want  int32
	}{
		{"answered", time.Second, nil, 1},
		{"answered late: the others do not wait for it", time.Minute, nil, 50},
		{"failed: the others try too", time.Second, errors.New("broken"), 50},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := &slowCall{end: make(chan error)}
				c := newCached(t, &gatewaytest.Cluster{}, func(cfg *integration.CacheConfig) { cfg.Call = slow })
				var g sync.WaitGroup
				for range 50 {
					g.Go(func() {
						x := exchange("GET", "/x", "")
						if err := c.Call(t.Context(), x); err != nil && tt.err == nil {
							t.Error(err)
						} else if err == nil && string(x.MethodResponse.Body.Bytes) != "slow" {
							t.Errorf("body = %q", x.MethodResponse.Body.Bytes)
						}
					})
				}
				time.Sleep(tt.after)
				slow.end <- tt.err
				synctest.Wait()
				close(slow.end)
				g.Wait()
				if got := slow.calls.Load(); got != tt.want {
					t.Errorf("%d calls, want %d", got, tt.want)
				}
			})
		})
	}
}

// Many clients, few responses, flushes between: every answer is whole and is
// the one that was asked for.
func TestCachedRace(t *testing.T) {
	caches := cache.New[*integration.Kept](40_000)
	c := newCached(t, &gatewaytest.Cluster{}, func(cfg *integration.CacheConfig) { cfg.Cache, cfg.Call = caches, echo{} })
	var g sync.WaitGroup
	for w := range 8 {
		g.Go(func() {
			for i := range 500 {
				q := fmt.Sprintf("q=%d", (w+i)%40)
				if i%100 == 0 {
					caches.Flush()
				}
				if a, _ := ask(t, c, "GET", "/x?"+q); a.Body != strings.Repeat(q, 500) {
					t.Errorf("%s was answered with %.20q", q, a.Body)
				}
			}
		})
	}
	g.Wait()
}

// An echo answers with the query, many times.
type echo struct{}

func (echo) Call(_ context.Context, x *gateway.Exchange) error {
	x.BeginAnswer(200, "text/plain", "")
	x.SetAnswerBody([]byte(strings.Repeat(x.MethodRequest.Query, 500)))
	return nil
}

func TestCachedHitAllocs(t *testing.T) {
	for _, seal := range []*integration.Seal{nil, integration.NewSeal()} {
		c, x := hit(t, seal)
		if n := testing.AllocsPerRun(500, func() { again(t, c, x) }); n != 0 {
			t.Errorf("a hit allocates %v times, budget 0 (sealed: %v)", n, seal != nil)
		}
	}
}

// hit returns an exchange whose answer is in the cache.
func hit(t testing.TB, seal *integration.Seal) (*integration.Cached, *gateway.Exchange) {
	cl := &gatewaytest.Cluster{Header: gatewaytest.Header("Content-Type: application/json", "X-A: 1", "X-B: 2", "ETag: abc"), Body: strings.Repeat("x", 1024)}
	c := newCached(t, cl, func(cfg *integration.CacheConfig) { cfg.Seal = seal })
	ask(t, c, "GET", "/x?page=17")
	return c, exchange("GET", "/x?page=17", "", "Host: a", "Accept: */*", "User-Agent: test")
}

func again(t testing.TB, c *integration.Cached, x *gateway.Exchange) {
	x.Buf = x.Buf[:0]
	if err := c.Call(t.Context(), x); err != nil || len(x.MethodResponse.Body.Bytes) != 1024 {
		t.Fatal("no hit", err)
	}
}

func BenchmarkCachedHit(b *testing.B) {
	for name, seal := range map[string]*integration.Seal{"plain": nil, "sealed": integration.NewSeal()} {
		b.Run(name, func(b *testing.B) {
			c, x := hit(b, seal)
			b.ReportAllocs()
			for b.Loop() {
				again(b, c, x)
			}
		})
	}
}

// A request whose key cannot be told gets the fault, not the answer of another.
func TestCachedBrokenKey(t *testing.T) {
	cl := &gatewaytest.Cluster{Body: "b"}
	c := newCached(t, cl, nil)
	ask(t, c, "GET", "/x")
	if _, err := ask(t, c, "GET", "/x?broken"); !errors.As(err, new(*gateway.Fault)) || cl.Requests != 1 {
		t.Errorf("error %v after %d calls, want a fault after 1", err, cl.Requests)
	}
}

// AWS: rest-execution.md §12.
func TestCachedInvalidators(t *testing.T) {
	speaks := func(effect, action string) *policy.Document {
		d, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Principal":"*","Action":"execute-api:` + action + `","Resource":"*"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	who := func(account string, documents ...*policy.Document) *identity.Principal {
		p := &identity.Principal{Principal: policy.Principal{Account: account, ARN: "arn:aws:iam::" + account + ":user/ann"}}
		for _, d := range documents {
			p.Add(identity.Policy{Document: d})
		}
		return p
	}
	may := speaks("Allow", "InvalidateCache")
	tests := []struct {
		name     string
		who      *identity.Principal
		resource *policy.Document
		endpoint *policy.Document
		want     bool
	}{
		{"nobody", nil, may, nil, false},
		{"may invoke only", who("1", speaks("Allow", "Invoke")), nil, nil, false},
		{"by the caller's policy", who("1", may), nil, nil, true},
		{"by the API's policy", who("1"), may, nil, true},
		{"another account, one side", who("2", may), nil, nil, false},
		{"another account, both sides", who("2", may), may, nil, true},
		{"denied", who("1", may), speaks("Deny", "InvalidateCache"), nil, false},
		{"an endpoint that does not allow it", who("1", may), nil, speaks("Allow", "Invoke"), false},
		{"an endpoint that allows it", who("1", may), nil, may, true},
	}
	for _, tt := range tests {
		cl := &gatewaytest.Cluster{Body: "b"}
		c := newCached(t, cl, func(cfg *integration.CacheConfig) {
			cfg.Invalidate, cfg.Invalidators = integration.InvalidationIgnored, integration.Invalidators{Account: "1", Policy: tt.resource}
		})
		for range 2 {
			x := exchange("GET", "/x", "", "Cache-Control: max-age=0")
			x.Stage, x.Identity.Principal = new(gateway.Stage), tt.who
			if tt.endpoint != nil {
				x.Endpoint = &gateway.VPCEndpoint{ID: "vpce-1", Policy: tt.endpoint}
			}
			if err := c.Call(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			if _, err := gatewaytest.Drain(x); err != nil {
				t.Fatal(err)
			}
		}
		if got := cl.Requests == 2; got != tt.want {
			t.Errorf("%s: fresh %v, want %v", tt.name, got, tt.want)
		}
	}
}
