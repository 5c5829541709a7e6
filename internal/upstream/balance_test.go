package upstream

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// testGroup makes a group of n endpoints with the weights 1, 2, … up to most.
func testGroup(n, most int, def Definition) *group {
	for i := range n {
		def.Endpoints = append(def.Endpoints, Endpoint{Address: "10.0." + strconv.Itoa(i/250) + "." + strconv.Itoa(i%250) + ":80", Weight: i%most + 1})
	}
	opt := &Options{}
	opt.setDefaults()
	g, err := newGroup("test", def, opt)
	if err != nil {
		panic(err)
	}
	return g
}

func (g *group) chooseOne() *member { return g.choose(g.cfg.Load(), nil) }

// TestRoundRobinSpread: any number of choices falls on endpoints as their
// weights say, give or take a few.
func TestRoundRobinSpread(t *testing.T) {
	for _, tt := range []struct{ n, most int }{{1, 1}, {2, 1}, {3, 2}, {7, 7}, {100, 10}, {5, 1000}} {
		g := testGroup(tt.n, tt.most, Definition{})
		counts, sum := make([]int, tt.n), 0
		for _, m := range g.members {
			sum += m.given
		}
		for i := range 20_000 {
			counts[g.chooseOne().index]++
			if i != 37 && i != 4_099 && i != 19_999 {
				continue
			}
			for _, m := range g.members {
				want := float64(i+1) * float64(m.given) / float64(sum)
				if d := float64(counts[m.index]) - want; d < -5 || d > 5 {
					t.Errorf("%d endpoints of weight up to %d: after %d, endpoint %d was chosen %d times, want %.1f", tt.n, tt.most, i+1, m.index, counts[m.index], want)
				}
			}
		}
	}
}

// TestLeastRequest: the endpoint with the fewest requests for its weight is
// chosen, and equal ones in turn.
func TestLeastRequest(t *testing.T) {
	g := testGroup(4, 2, Definition{Balance: "least-request"})
	for range 600 {
		g.chooseOne().busy.Add(1)
	}
	for _, m := range g.members {
		if got, want := int(m.busy.Load()), 100*m.given; got < want-2 || got > want+2 {
			t.Errorf("endpoint %d of weight %d has %d requests, want %d", m.index, m.weight.Load(), got, want)
		}
	}
}

// TestTwoChoices: the most loaded is never far above the rest, and of many the
// choice reaches all.
func TestTwoChoices(t *testing.T) {
	g := testGroup(50, 1, Definition{Balance: "two-choices"})
	for range 5_000 {
		g.chooseOne().busy.Add(1)
	}
	for _, m := range g.members {
		if n := m.busy.Load(); n < 90 || n > 110 {
			t.Errorf("endpoint %d has %d requests, want some 100", m.index, n)
		}
	}
}

// TestEjection: an endpoint that fails too often in a row is left out, longer
// each time, and never more endpoints than the share allows.
func TestEjection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGroup(4, 1, Definition{})
		c := testCluster(g)
		fail := func(m *member, times int) {
			for range times {
				m.answered(503, 0, monotonic())
			}
		}
		chosen := func(m *member) bool {
			for range 8 {
				if picked, err := c.Pick(nil); err == nil && picked.member == m {
					return true
				}
			}
			return false
		}
		bad := g.members[1]
		defer func() {
			if e := g.status().Endpoints[1]; e.Health != "ejected" || e.Reason != "failures in a row, the last: status 503" || e.Ejections != 4 {
				t.Errorf("status %+v", e)
			}
		}()
		fail(bad, 4)
		bad.answered(200, 0, monotonic())
		fail(bad, 4)
		if !chosen(bad) {
			t.Error("ejected although it did not fail five times in a row")
		}
		fail(bad, 1)
		for i, wait := range []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second} {
			if chosen(bad) {
				t.Errorf("ejection %d: still chosen", i)
			}
			time.Sleep(wait - time.Millisecond)
			if chosen(bad) {
				t.Errorf("ejection %d: back before %v", i, wait)
			}
			time.Sleep(time.Millisecond)
			if !chosen(bad) {
				t.Errorf("ejection %d: not back after %v", i, wait)
			}
			fail(bad, 1)
		}
		for _, m := range g.members {
			fail(m, 5)
		}
		if n := len(g.ready.Load().list); n != 2 {
			t.Errorf("%d of 4 endpoints are left when all fail, want half", n)
		}
	})
}

// TestIdleWeights: weights, and a slow start, hold while there is little to do.
func TestIdleWeights(t *testing.T) {
	for rule, skew := range map[string]float64{"round-robin": 0.01, "least-request": 0.01, "two-choices": 0.05} {
		for _, endpoints := range []int{2, 3, 40} {
			g := testGroup(endpoints, 1, Definition{Balance: rule})
			list := without(g, -1)
			list[0].Weight = 9
			g.set(list)
			const n = 20_000
			got := 0
			for range n {
				if g.chooseOne() == g.members[0] {
					got++
				}
			}
			if want := 9 / float64(endpoints+8); math.Abs(float64(got)/n-want) > skew {
				t.Errorf("%s: of %d idle endpoints the one with a weight of 9 gets %.3f, want %.3f", rule, endpoints, float64(got)/n, want)
			}
		}
	}
}

// TestNoHealthAnyMore: what checks have found ends with them, also what a last one finds.
func TestNoHealthAnyMore(t *testing.T) {
	h := &Health{Fall: 1, Rise: 1}
	g := testGroup(3, 1, Definition{Health: h})
	m := g.members[0]
	m.checked(h, errNoAddress)
	if n := len(g.ready.Load().list); n != 2 {
		t.Fatalf("%d endpoints are used, want 2", n)
	}
	def := g.config().given
	def.Health = nil
	if err := g.define(def); err != nil {
		t.Fatal(err)
	}
	m.checked(h, errNoAddress)
	if e := g.status().Endpoints[0]; len(g.ready.Load().list) != 3 || e.Health != "ready" || e.Reason != "" {
		t.Errorf("%d endpoints are used, %+v", len(g.ready.Load().list), e)
	}
	def.Health = h
	if err := g.define(def); err != nil {
		t.Fatal(err)
	}
	m.checked(h, errNoAddress)
	if n := len(g.ready.Load().list); n != 2 {
		t.Errorf("with checks again %d endpoints are used, want 2", n)
	}
}

// TestShareOfNothing: what is written as 0% is nothing, and not the default.
func TestShareOfNothing(t *testing.T) {
	var none Share
	if err := none.UnmarshalText([]byte("0%")); err != nil || none.String() != "0%" {
		t.Fatalf("0%% is read as %v, %v", none, err)
	}
	g := testGroup(3, 1, Definition{Health: &Health{Fall: 1, Rise: 1}, Eject: Eject{Panic: none, MaxShare: none, Failures: 1}, Retries: Retries{Budget: none}})
	for range budgetSaved {
		if !g.budget.take() {
			t.Fatal("a retry that was saved up is not there")
		}
	}
	for range 100 * budgetSaved {
		g.budget.request()
	}
	if g.budget.take() {
		t.Error("requests have brought a retry")
	}
	for left := 3; ; left-- {
		for _, m := range g.members {
			m.answered(503, 0, monotonic()) // ejects none
		}
		if n := len(g.ready.Load().list); n != left {
			t.Fatalf("%d endpoints are used, want %d", n, left)
		}
		if left == 0 {
			break
		}
		at, err := testCluster(g).Pick(nil)
		if err != nil {
			t.Fatal(err)
		}
		var tried trail
		for next := at; next != nil; next = at.untriedSibling(&tried) {
			tried.tried[tried.n] = next.member
			tried.n++
		}
		if tried.n != left {
			t.Errorf("with retries %d endpoints are tried, want %d", tried.n, left)
		}
		g.members[left-1].checked(&Health{Fall: 1, Rise: 1}, errNoAddress)
	}
	if _, err := testCluster(g).Pick(nil); !errors.Is(err, ErrNoEndpoint) {
		t.Errorf("Pick: %v, want %v", err, ErrNoEndpoint)
	}
}

// TestPanic: with too few endpoints left all are used.
func TestPanic(t *testing.T) {
	g := testGroup(10, 1, Definition{Health: &Health{Fall: 1, Rise: 1}})
	for i, want := range []int{9, 8, 7, 6, 5, 4, 3, 10, 10, 10} {
		g.members[i].checked(&Health{Fall: 1, Rise: 1}, errNoAddress)
		if got := len(g.ready.Load().list); got != want {
			t.Errorf("with %d down %d are used, want %d", i+1, got, want)
		}
	}
	g.members[0].checked(&Health{Fall: 1, Rise: 1}, nil)
	g.members[1].checked(&Health{Fall: 1, Rise: 1}, nil)
	g.members[2].checked(&Health{Fall: 1, Rise: 1}, nil)
	if got := len(g.ready.Load().list); got != 3 {
		t.Errorf("with 7 down again %d are used, want 3", got)
	}
}

// TestBreaker: it trips at its rate, refuses, lets probes through, closes when
// they succeed, and stays open longer each time when they do not.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &breaker{def: Breaker{Rate: 0.5, Minimum: 10, Window: 10 * time.Second, Open: 5 * time.Second, Probes: 2}}
		b.began.Store(monotonic())
		end := func(failed bool, times int) {
			for range times {
				b.ended(failed, 0, monotonic())
			}
		}
		end(true, 9)
		time.Sleep(10 * time.Second)
		end(false, 5)
		end(true, 4)
		if !b.allow() {
			t.Fatal("tripped by 4 of 9 requests")
		}
		end(true, 1)
		for i, open := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second} {
			time.Sleep(open - 1)
			if b.allow() {
				t.Errorf("trip %d: a request is let through before %v", i, open)
			}
			time.Sleep(time.Nanosecond)
			if got := []bool{b.allow(), b.allow(), b.allow()}; !slices.Equal(got, []bool{true, true, false}) {
				t.Errorf("trip %d: let through %v, want two probes", i, got)
			}
			if i < 2 {
				end(true, 1)
			}
		}
		time.Sleep(5 * time.Second)
		if !b.allow() {
			t.Error("no new probe although the last ones never ended")
		}
		end(false, 2)
		if !b.allow() || b.state.Load() != breakerClosed {
			t.Error("not closed after all probes succeeded")
		}
	})
}

// TestBudget: retries stay in proportion to requests.
func TestBudget(t *testing.T) {
	var b budget
	b.set(0.2)
	for range budgetSaved {
		if !b.take() {
			t.Fatal("no retry left of what was saved up")
		}
	}
	n := 0
	for range 1000 {
		b.request()
		if b.take() {
			n++
		}
	}
	if n != 200 {
		t.Errorf("%d retries for 1000 requests, want 200", n)
	}
}

// TestPickAllocs: choosing allocates nothing.
func TestPickAllocs(t *testing.T) {
	for name, rule := range balances {
		def := Definition{Balance: name, Breaker: &Breaker{}}
		if rule.hashes() {
			def.Hash = "header:X-Key"
		}
		c := testCluster(testGroup(100, 3, def))
		r := clientNo(1)
		if n := testing.AllocsPerRun(1000, func() { _, _ = c.Pick(r) }); n != 0 {
			t.Errorf("%q: Pick allocates %v times, budget 0", name, n)
		}
	}
}

func testCluster(g *group) *Cluster {
	c := &Cluster{opt: g.opt}
	g.cluster(c, nil)
	return c
}

// reportCPU begins to measure the processor time of b, which says more than time on
// a machine that has other things to do, and returns what ends that.
func reportCPU(b *testing.B) (end func()) {
	var from syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &from); err != nil {
		b.Fatal(err)
	}
	return func() {
		var to syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &to); err != nil {
			b.Fatal(err)
		}
		used := to.Utime.Nano() - from.Utime.Nano() + to.Stime.Nano() - from.Stime.Nano()
		b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
	}
}

func BenchmarkPick(b *testing.B) {
	for _, n := range []int{3, 100, 10_000} {
		for _, rule := range []string{"round-robin", "weighted", "least-request", "two-choices", "ewma", "ring-hash", "maglev"} {
			most, name, hash := 1, rule, ""
			switch rule {
			case "weighted":
				most, rule = 100, "round-robin"
			case "ring-hash", "maglev":
				hash = "header:X-User"
			}
			b.Run(name+"/"+strconv.Itoa(n), func(b *testing.B) {
				g := testGroup(n, most, Definition{Balance: rule, Hash: hash, Breaker: &Breaker{}})
				for _, m := range g.members {
					m.busy.Store(rand.Int32N(100))
				}
				c := testCluster(g)
				b.ReportAllocs()
				defer reportCPU(b)()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					clients := make([]*client, 64)
					for i := range clients {
						clients[i] = clientNo(rand.IntN(1e6))
					}
					for i := 0; pb.Next(); i++ {
						_, _ = c.Pick(clients[i%len(clients)])
					}
				})
			})
		}
	}
}

// BenchmarkChurn is one change of 10,000 endpoints of which one goes and one
// comes: 100 of these a second are to cost a tenth of a processor.
func BenchmarkChurn(b *testing.B) {
	for _, rule := range []string{"round-robin", "weighted", "maglev", "ring-hash"} {
		b.Run(rule, func(b *testing.B) {
			most, def := 1, Definition{Balance: rule}
			switch rule {
			case "weighted":
				most, def.Balance = 100, "round-robin"
			case "maglev", "ring-hash":
				def.Hash = "header:X-User"
			}
			g := testGroup(10_000, most, def)
			_ = testCluster(g)
			list := without(g, -1)
			b.ReportAllocs()
			defer reportCPU(b)()
			for i := 0; b.Loop(); i++ {
				list[i%len(list)].Address = "10.9." + strconv.Itoa(i/250%250) + "." + strconv.Itoa(i%250) + ":80"
				g.set(list)
			}
		})
	}
}
