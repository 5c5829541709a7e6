package upstream

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/wire"
)

// A client is a Subject.
type client struct {
	header wire.Header
	query  string
	source netip.Addr
	given  []string
}

func (c *client) Fields() *wire.Header   { return &c.header }
func (c *client) RawQuery() string       { return c.query }
func (c *client) Source() netip.Addr     { return c.source }
func (c *client) SetCookie(field string) { c.given = append(c.given, field) }

func clientNo(i int) *client {
	c := &client{}
	c.header.Add("X-User", fmt.Sprint("user-", i))
	return c
}

// chosen returns the addresses that the first n clients get.
func chosen(g *group, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = g.choose(g.cfg.Load(), clientNo(i)).address
	}
	return list
}

// without is the endpoints of g but for one.
func without(g *group, index int) []Endpoint {
	var list []Endpoint
	for i, m := range g.members {
		if i != index {
			list = append(list, Endpoint{Address: m.address, Weight: m.given})
		}
	}
	return list
}

// TestHashed: keys spread as the weights say; the same key gets the same endpoint;
// when one leaves, or is left out, few other keys move; when it is back, all is as
// it was.
func TestHashed(t *testing.T) {
	const n, keys, gone = 20, 40_000, 7
	for _, tt := range []struct {
		rule  string
		most  int
		moved float64 // of the keys of the others, at most
		skew  float64 // from the share of an endpoint
	}{{"ring-hash", 1, 0, 0.35}, {"ring-hash", 3, 0.003, 0.35}, {"maglev", 1, 0.03, 0.12}, {"maglev", 3, 0.03, 0.15}} {
		t.Run(fmt.Sprint(tt.rule, tt.most), func(t *testing.T) {
			g := testGroup(n, tt.most, Definition{Balance: tt.rule, Hash: "header:X-User"})
			before := chosen(g, keys)
			counts, sum := map[string]int{}, 0
			for _, a := range before {
				counts[a]++
			}
			for _, m := range g.members {
				sum += m.given
			}
			for _, m := range g.members {
				want := float64(keys*m.given) / float64(sum)
				if d := math.Abs(float64(counts[m.address])-want) / want; d > tt.skew {
					t.Errorf("%s of weight %d got %d keys, want %.0f give or take %.0f%%", m.address, m.given, counts[m.address], want, 100*tt.skew)
				}
			}
			bad := g.members[gone]
			differ := func(after []string, what string, most float64) {
				moved := 0
				for i := range after {
					if before[i] == bad.address {
						if after[i] == bad.address && most >= 0 {
							t.Fatalf("%s: it still gets keys", what)
						}
					} else if after[i] != before[i] {
						moved++
					}
				}
				if most < 0 {
					most = 0
				}
				if float64(moved) > most*keys {
					t.Errorf("%s: %d of %d keys of others moved", what, moved, keys)
				}
			}
			g.mu.Lock()
			g.ejectLocked(bad, monotonic(), "test")
			g.settleLocked()
			g.mu.Unlock()
			differ(chosen(g, keys), "left out", 0)
			g.takeBack(bad.until)
			differ(chosen(g, keys), "back again", -1)
			full := without(g, -1)
			g.restUntil = 0
			g.set(without(g, gone))
			differ(chosen(g, keys), "gone", tt.moved)
			g.restUntil = 0
			g.set(full)
			differ(chosen(g, keys), "there again", -1)
		})
	}
}

// TestTablesRest: while tables rest, who leaves gets nothing, and who comes gets keys
// when the rest is over.
func TestTablesRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGroup(10, 1, Definition{Balance: "maglev", Hash: "header:X-User"})
		g.restUntil = monotonic() + int64(longestRest)
		old := g.members[0].address
		g.set(append(without(g, 0), Endpoint{Address: "10.9.9.9:80"}))
		has := func(want string) bool { return strings.Contains(strings.Join(chosen(g, 1000), " "), want) }
		if has(old) {
			t.Error("an endpoint that has left gets keys")
		}
		if has("10.9.9.9:80") || !g.urgent() {
			t.Error("the tables did not rest")
		}
		time.Sleep(longestRest)
		g.mu.Lock()
		g.settleAgainLocked(monotonic())
		g.mu.Unlock()
		if !has("10.9.9.9:80") || g.urgent() {
			t.Error("the one that came gets no keys after the rest")
		}
	})
}

// TestLevels: priorities and zones take requests in their order, and spill over as
// far as they are not well.
func TestLevels(t *testing.T) {
	list := []Endpoint{
		{Address: "a:1", Zone: "here"}, {Address: "a:2", Zone: "here"}, {Address: "a:3", Zone: "here"}, {Address: "a:4", Zone: "here"},
		{Address: "b:1", Zone: "there"}, {Address: "b:2", Zone: "there"},
		{Address: "c:1", Priority: 1}, {Address: "c:2", Priority: 1},
	}
	opt := &Options{Zone: "here"}
	opt.setDefaults()
	for _, tt := range []struct {
		name string
		out  string // the first letters of the addresses left out
		want map[string]float64
	}{
		{"all well", "", map[string]float64{"a": 1}},
		{"one of four out", "a:1", map[string]float64{"a": 1}},
		{"two of four out", "a:1 a:2", map[string]float64{"a": 0.7, "b": 0.3}},
		{"three of four out", "a:1 a:2 a:3", map[string]float64{"a": 0.35, "b": 0.65}},
		{"zone lost", "a:1 a:2 a:3 a:4", map[string]float64{"b": 1}},
		{"zone lost, and half of the other", "a:1 a:2 a:3 a:4 b:1", map[string]float64{"b": 0.7, "c": 0.3}},
		{"both zones lost", "a:1 a:2 a:3 a:4 b:1 b:2", map[string]float64{"c": 1}},
		{"little is left", "a:2 a:3 a:4 b:1 b:2 c:1", map[string]float64{"a": 0.35, "c": 0.65}},
		{"all lost", "a:1 a:2 a:3 a:4 b:1 b:2 c:1 c:2", map[string]float64{"a": 1}},
	} {
		for _, rule := range []string{"round-robin", "least-request", "two-choices", "maglev"} {
			t.Run(rule+" "+tt.name, func(t *testing.T) {
				def := Definition{Endpoints: list, Balance: rule, Eject: Eject{Panic: 0.01}}
				if rule == "maglev" {
					def.Hash = "header:X-User"
				}
				g, err := newGroup("test", def, opt)
				if err != nil {
					t.Fatal(err)
				}
				g.mu.Lock()
				for _, m := range g.members {
					m.down = strings.Contains(tt.out, m.address)
				}
				g.settleLocked()
				g.mu.Unlock()
				const n = 20_000
				got := map[string]float64{}
				for _, a := range chosen(g, n) {
					got[a[:1]] += 1.0 / n
				}
				for _, zone := range []string{"a", "b", "c"} {
					if math.Abs(got[zone]-tt.want[zone]) > 0.03 {
						t.Errorf("shares %v, want %v", got, tt.want)
						break
					}
				}
			})
		}
	}
}

// TestSlowStart: one that comes begins with a tenth of its share, which rises with
// time.
func TestSlowStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGroup(3, 1, Definition{SlowStart: 10 * time.Second})
		time.Sleep(time.Second)
		g.set(append(without(g, -1), Endpoint{Address: "10.9.9.9:80"}))
		for _, want := range []float64{0.1, 0.5, 1, 1} {
			counts := map[string]int{}
			for _, a := range chosen(g, 8000) {
				counts[a]++
			}
			if got := float64(counts["10.9.9.9:80"]) / float64(counts["10.0.0.0:80"]); math.Abs(got-want) > 0.05 {
				t.Errorf("it gets %.2f of what another gets, want %.2f", got, want)
			}
			time.Sleep(5 * time.Second)
			g.mu.Lock()
			g.settleAgainLocked(monotonic())
			g.mu.Unlock()
		}
		if g.urgent() {
			t.Error("still starting")
		}
	})
}

// TestAffinity: a client stays with the endpoint of its cookie as long as that is
// ready.
func TestAffinity(t *testing.T) {
	g := testGroup(10, 1, Definition{Affinity: &Affinity{Cookie: "stay", MaxAge: time.Hour}})
	c := &client{}
	first := g.choose(g.cfg.Load(), c)
	if len(c.given) != 1 || !strings.HasSuffix(c.given[0], "; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600") {
		t.Fatalf("cookies %q", c.given)
	}
	value, _, _ := strings.Cut(c.given[0], ";")
	again := &client{}
	again.header.Add("Cookie", "other=1; "+value+"; stayed=2")
	for range 20 {
		if m := g.choose(g.cfg.Load(), again); m != first || len(again.given) != 0 {
			t.Fatalf("%s, cookies %q; want %s as before", m.address, again.given, first.address)
		}
	}
	g.mu.Lock()
	first.down = true
	g.settleLocked()
	g.mu.Unlock()
	if m := g.choose(g.cfg.Load(), again); m == first || len(again.given) != 1 {
		t.Errorf("with its endpoint down: %s, cookies %q", m.address, again.given)
	}
}

// TestFastest: an endpoint that answers slowly gets little, and is forgiven.
func TestFastest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGroup(4, 1, Definition{Balance: "ewma"})
		slow := g.members[2]
		answer := func(took time.Duration) {
			for _, m := range g.members {
				if m == slow {
					m.answered(200, int64(took), monotonic())
				} else {
					m.answered(200, int64(time.Millisecond), monotonic())
				}
			}
		}
		share := func() (n int) {
			for _, a := range chosen(g, 1000) {
				if a == slow.address {
					n++
				}
			}
			return n
		}
		answer(time.Second)
		if n := share(); n > 0 {
			t.Errorf("the slow one got %d of 1000", n)
		}
		for range 60 {
			time.Sleep(10 * time.Second)
			answer(time.Millisecond)
		}
		if n := share(); n < 150 {
			t.Errorf("after ten minutes of quick answers it got %d of 1000", n)
		}
	})
}

// TestSelectors reads and refuses selectors, and finds what they name.
func TestSelectors(t *testing.T) {
	c := &client{query: "b=2&a=1", source: netip.MustParseAddr("::ffff:10.1.2.3")}
	c.header.Add("x-user", "u")
	c.header.Add("User-Agent", "ua")
	c.header.Add("Cookie", "a=1; session=s; b=2")
	c.header.Add("Cookie", "late=l")
	variables := func(name string) Variable {
		if name != "stage" {
			return nil
		}
		return func(Subject) string { return "prod" }
	}
	for text, want := range map[string]string{
		"header:X-User": "u", "header:user-agent": "ua", "cookie:session": "s", "cookie:late": "l", "cookie:ses": "", "query:a": "1",
		"query:c": "", "source": "10.1.2.3", "context:stage": "prod", "context:$context.stage": "prod", "header:None": "",
	} {
		s, err := ParseSelector(text, variables)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := s.find(c); got != want {
			t.Errorf("%s finds %q, want %q", text, got, want)
		}
		if got := s.find(nil); got != "" {
			t.Errorf("%s finds %q without a request", text, got)
		}
	}
	for _, text := range []string{"", "header", "header:", "source:x", "context:nothing", "claim:x", "header:a b"} {
		if _, err := ParseSelector(text, variables); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// TestLimits: the limit of requests under way, with what it leaves to whom.
func TestLimits(t *testing.T) {
	g := testGroup(2, 1, Definition{Limits: Limits{
		Requests: 100, High: []Match{{By: "header:X-Class", Is: []string{"high"}}}, Low: []Match{{By: "header:X-Class", Prefix: "lo"}},
	}})
	for _, tt := range []struct {
		class string
		want  int64
	}{{"high", 110}, {"", 100}, {"low", 60}} {
		c := &client{}
		if tt.class != "" {
			c.header.Add("X-Class", tt.class)
		}
		n := int64(0)
		for g.busy.Store(0); n < 200 && g.admits(g.cfg.Load(), c); n++ {
			g.busy.Add(1)
		}
		if n != tt.want {
			t.Errorf("class %q: %d requests under way, want %d", tt.class, n, tt.want)
		}
	}
}

// TestAdaptive: the limit falls while answers take longer because of load, rises again,
// and does not fall for ever when they take longer whatever the load.
func TestAdaptive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAdaptive(Adaptive{Min: 8, Max: 400, Tolerance: 2})
		window := func(busy int64, took time.Duration) {
			for range 20 {
				a.begun(busy)
				a.answered(int64(took), monotonic())
				time.Sleep(10 * time.Millisecond)
			}
		}
		window(2, 10*time.Millisecond)
		for range 50 {
			// The more there are above 50, the longer they take.
			busy := a.limit.Load()
			window(busy, max(10*time.Millisecond, time.Duration(busy)*10*time.Millisecond/50))
		}
		if n := a.limit.Load(); n < 50 || n > 150 {
			t.Errorf("limit %d, want about 100: where answers take twice as long", n)
		}
		for range 50 {
			window(a.limit.Load(), 10*time.Millisecond)
		}
		if n := a.limit.Load(); n != 400 {
			t.Errorf("limit %d with quick answers, want the maximum", n)
		}
		for range 400 {
			window(a.limit.Load(), 50*time.Millisecond)
		}
		if n := a.limit.Load(); n < 100 {
			t.Errorf("limit %d after answers have become slow whatever the load", n)
		}
	})
}

// TestSlowBreaker: requests that take too long trip it.
func TestSlowBreaker(t *testing.T) {
	b := newBreaker(Breaker{Rate: 0.5, Minimum: 10, Window: 10 * time.Second, Open: 5 * time.Second, Probes: 1, Slow: time.Second, SlowRate: 0.3})
	for i := range 10 {
		took := time.Millisecond
		if i%3 == 0 {
			took = time.Second
		}
		b.ended(false, int64(took), monotonic())
	}
	if b.allow() || b.status(monotonic()).Reason != "4 of 10 requests took longer than 1s within 10s" {
		t.Errorf("status %+v", b.status(monotonic()))
	}
}

// TestSuccessRate: one that succeeds far less often than the others is left out,
// and nobody while all do alike.
func TestSuccessRate(t *testing.T) {
	g := testGroup(8, 1, Definition{Eject: Eject{Failures: -1, SuccessRate: &SuccessRate{}}})
	rate := func(bad int, failures int) {
		for i, m := range g.members {
			for k := range 100 {
				status := 200
				if k < 10 || i == bad && k < failures {
					status = 500
				}
				m.answered(status, 0, monotonic())
			}
		}
		g.compare(monotonic())
	}
	rate(3, 10)
	if len(g.ready.Load().list) != 8 {
		t.Error("one is left out although all do alike")
	}
	rate(3, 60)
	if e := g.status().Endpoints[3]; e.Health != "ejected" || !strings.HasPrefix(e.Reason, "40.0% of requests succeeded") || len(g.ready.Load().list) != 7 {
		t.Errorf("status %+v", e)
	}
}

// TestShedSpendsNoProbe: what is refused for the limit of requests is none of the requests
// that a half-open breaker lets through.
func TestShedSpendsNoProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGroup(1, 1, Definition{Limits: Limits{Requests: 1}, Breaker: &Breaker{Minimum: 1, Probes: 1, Open: time.Second}})
		c := testCluster(g)
		g.members[0].answered(500, 0, monotonic())
		if _, err := c.Pick(nil); !errors.Is(err, ErrTripped) {
			t.Fatalf("error %v, want a tripped breaker", err)
		}
		time.Sleep(time.Second)
		g.busy.Add(1)
		if _, err := c.Pick(nil); !errors.Is(err, ErrShed) {
			t.Errorf("error %v, want that there is no room", err)
		}
		g.busy.Add(-1)
		if _, err := c.Pick(nil); err != nil {
			t.Errorf("error %v, want a probe", err)
		}
	})
}

// TestNoEjectionAnyMore: endpoints that are left out for what nobody is left out for any
// more are used again.
func TestNoEjectionAnyMore(t *testing.T) {
	for name, tt := range map[string]struct{ before, after, still Eject }{
		"failures":     {Eject{}, Eject{Failures: -1}, Eject{SuccessRate: &SuccessRate{}}},
		"success rate": {Eject{SuccessRate: &SuccessRate{Endpoints: 2, Minimum: 1, Deviations: 0.1}}, Eject{}, Eject{Failures: -1, SuccessRate: &SuccessRate{}}},
		"share":        {Eject{}, Eject{MaxShare: -1}, Eject{MaxShare: 1}},
	} {
		g := testGroup(4, 1, Definition{Eject: tt.before})
		now, bad := monotonic(), 4
		if tt.before.SuccessRate == nil {
			bad = 5
		}
		for i, m := range g.members {
			for range bad {
				m.answered(200+300*(1-min(i, 1)), 0, now)
			}
		}
		g.compare(now)
		def := g.config().given
		for _, step := range []struct {
			eject Eject
			want  int
		}{{tt.before, 3}, {tt.still, 3}, {tt.after, 4}} {
			def.Eject = step.eject
			if err := g.define(def); err != nil {
				t.Fatal(err)
			}
			if n := len(g.ready.Load().list); n != step.want {
				t.Errorf("%s: with %+v %d endpoints are used, want %d", name, step.eject, n, step.want)
			}
		}
	}
}
