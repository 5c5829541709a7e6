package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/internal/wire"
)

// answers is a backend that answers with a status line, fields and a body.
func answers(t testing.TB, head, body string) string {
	return upstreamtest.New(t, func(c *upstreamtest.Conn) {
		for c.Request() != nil {
			c.Send(fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body))
		}
	}).Addr().String()
}

// released makes a registry with a cluster of one endpoint for each name, and the
// cluster that a release is called by.
func released(t testing.TB, addresses map[string]string) (*upstream.Registry, *upstream.Cluster) {
	t.Helper()
	r := upstream.NewRegistry(upstream.Options{})
	t.Cleanup(r.Close)
	for name, addr := range addresses {
		if err := r.Define(name, upstream.Definition{Endpoints: endpoints(addr)}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := r.Cluster(upstream.Key{Scheme: "http", Host: "shop.cluster", Port: 80}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}

func lead(t testing.TB, r *upstream.Registry, def upstream.Release) {
	t.Helper()
	if err := r.Lead("shop", def); err != nil {
		t.Fatal(err)
	}
}

// A visitor is a Subject.
type visitor struct {
	header wire.Header
	query  string
	given  []string
}

func (v *visitor) Fields() *wire.Header   { return &v.header }
func (v *visitor) RawQuery() string       { return v.query }
func (v *visitor) Source() netip.Addr     { return netip.Addr{} }
func (v *visitor) SetCookie(field string) { v.given = append(v.given, field) }

func visit(t testing.TB, c *upstream.Cluster, v *visitor) string {
	t.Helper()
	at, err := c.Pick(v)
	if err != nil {
		t.Fatal(err)
	}
	got, err := call(at, request("GET", "/", ""), soon())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestReleaseShares: targets get the shares that their weights say, and the counts
// of a target outlive a change of weights.
func TestReleaseShares(t *testing.T) {
	r, c := released(t, map[string]string{"a": answers(t, "200 OK", "a"), "b": answers(t, "500 Oh", "b")})
	lead(t, r, upstream.Release{Targets: []upstream.Target{{Cluster: "a", Weight: 3}, {Cluster: "b", Weight: 1}}})
	const n = 2000
	counts := map[string]int{}
	for range n {
		counts[visit(t, c, &visitor{})]++
	}
	if got := float64(counts["b"]) / n; math.Abs(got-0.25) > 0.05 {
		t.Errorf("b got %.3f, want a quarter", got)
	}
	lead(t, r, upstream.Release{Targets: []upstream.Target{{Cluster: "a"}, {Cluster: "b", Weight: 1}}})
	if got := visit(t, c, &visitor{}); got != "b" {
		t.Errorf("after the switch: %q", got)
	}
	s, _ := r.ReleaseStatus("shop")
	if b := s.Targets[1]; b.Requests != int64(counts["b"]+1) || b.Failed != b.Requests || b.P50 <= 0 {
		t.Errorf("status of b %+v, want %d requests, all failed", b, counts["b"]+1)
	}
	if a := s.Targets[0]; a.Requests != int64(counts["a"]) || a.Failed != 0 {
		t.Errorf("status of a %+v, want %d requests", a, counts["a"])
	}
	r.Undefine("shop")
	if _, err := c.Pick(nil); !errors.Is(err, upstream.ErrUnknownCluster) {
		t.Errorf("without the release: %v", err)
	}
}

// TestReleaseSwitch: switching back and forth under load loses no request, in both
// drivers, and nobody gets the old one once the switch is done.
func TestReleaseSwitch(t *testing.T) {
	r, c := released(t, map[string]string{"a": answers(t, "200 OK", "a"), "b": answers(t, "200 OK", "b")})
	def := upstream.Release{Targets: []upstream.Target{{Cluster: "a", Weight: 1}, {Cluster: "b"}}}
	lead(t, r, def)
	for _, loops := range []bool{false, runtime.GOOS == "linux"} {
		client := clients(t, c, loops)
		var wg sync.WaitGroup
		var stop atomic.Bool
		var served atomic.Int64
		for range 4 {
			wg.Go(func() {
				for do := client(); !stop.Load(); served.Add(1) {
					if _, err := do(); err != nil {
						t.Errorf("loops %v: %v", loops, err)
						return
					}
				}
			})
		}
		check := client()
		for i := range 40 {
			def.Targets = []upstream.Target{{Cluster: "a", Weight: i % 2}, {Cluster: "b", Weight: 1 - i%2}}
			lead(t, r, def)
			if got, err := check(); err != nil || got != []string{"b", "a"}[i%2] {
				t.Errorf("loops %v: after switch %d: %q, %v", loops, i, got, err)
			}
			for before := served.Load(); served.Load() < before+4 && !t.Failed(); {
				runtime.Gosched()
			}
		}
		stop.Store(true)
		wg.Wait()
	}
}

// TestReleaseStay: a client stays on its side, and as a share grows moves once, to it.
func TestReleaseStay(t *testing.T) {
	r, c := released(t, map[string]string{"new": answers(t, "200 OK", "new"), "old": answers(t, "200 OK", "old")})
	for _, stay := range []*upstream.Stay{{Cookie: "side"}, {By: "header:X-User"}} {
		visitors := make([]*visitor, 60)
		for i := range visitors {
			visitors[i] = &visitor{}
			visitors[i].header.Add("X-User", fmt.Sprint("user", i))
		}
		was := make([]string, len(visitors))
		for _, share := range []int{5, 25, 50, 75, 100} {
			lead(t, r, upstream.Release{Stay: stay, Targets: []upstream.Target{{Cluster: "new", Weight: share}, {Cluster: "old", Weight: 100 - share}}})
			for i, v := range visitors {
				for range 2 {
					got := visit(t, c, v)
					if was[i] == "new" && got == "old" {
						t.Fatalf("%+v: at %d%% visitor %d went back", stay, share, i)
					}
					was[i] = got
					for _, field := range v.given {
						value, _, _ := strings.Cut(field, ";")
						v.header.Set("Cookie", value)
					}
					v.given = nil
				}
			}
		}
		if slices.Contains(was, "old") {
			t.Error("at 100% somebody is on the old side")
		}
	}
}

// TestMirror: the client gets the first answer; differences to the second are
// counted, by their places and without their values.
func TestMirror(t *testing.T) {
	first := `{"id":1,"name":"a","tags":["x","y"],"at":"now","n":null}`
	for _, tt := range []struct {
		name, head, body string
		want             func(s *upstream.MirrorStatus) int64
		places           []string
		headers          []string
	}{
		{"same", "200 OK\r\nX-A: 1", `{"name":"a", "id":1,"at":"then","tags":["x","y"],"n":null}`, func(s *upstream.MirrorStatus) int64 { return s.Same }, nil, nil},
		{"status", "404 No", `{}`, func(s *upstream.MirrorStatus) int64 { return s.Status }, nil, nil},
		{"header", "200 OK\r\nX-B: 1", first, func(s *upstream.MirrorStatus) int64 { return s.Headers }, nil, []string{"x-a", "x-b"}},
		{"values", "200 OK\r\nX-A: 1", `{"id":"1","name":"a","tags":["x","z"],"more/":1}`, func(s *upstream.MirrorStatus) int64 { return s.Body }, []string{"/id", "/more~1", "/n", "/tags/1"}, nil},
		{"text", "200 OK\r\nX-A: 1", `no JSON`, func(s *upstream.MirrorStatus) int64 { return s.Body }, []string{""}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, c := released(t, map[string]string{"a": answers(t, "200 OK\r\nX-A: 1\r\nDate: now", first), "b": answers(t, tt.head, tt.body)})
			lead(t, r, upstream.Release{Targets: []upstream.Target{{Cluster: "a", Weight: 1}}, Mirror: &upstream.Mirror{Cluster: "b", Compare: true, Ignore: []string{"/at"}}})
			if got := visit(t, c, &visitor{}); got != first {
				t.Errorf("answer %q", got)
			}
			for end := soon(); ; runtime.Gosched() {
				s, _ := r.ReleaseStatus("shop")
				m := s.Mirror
				if tt.want(m) == 1 {
					if tt.name == "same" && len(m.Samples) > 0 {
						t.Errorf("samples %+v", m.Samples)
					}
					if tt.name != "same" && (len(m.Samples) != 1 || !slices.Equal(m.Samples[0].Body, tt.places) || !slices.Equal(m.Samples[0].Headers, tt.headers)) {
						t.Errorf("samples %+v, want places %q and headers %q", m.Samples, tt.places, tt.headers)
					}
					return
				}
				if time.Now().After(end) {
					t.Fatalf("status %+v", m)
				}
			}
		})
	}
}

// TestMirrorIsNoBurden: a mirror that does not answer harms nobody, and not many
// copies wait for it.
func TestMirrorIsNoBurden(t *testing.T) {
	var seen atomic.Int64
	dead := upstreamtest.New(t, silent(&seen, make(chan bool, 1000)))
	r, c := released(t, map[string]string{"a": answers(t, "200 OK", "a"), "b": dead.Addr().String()})
	lead(t, r, upstream.Release{Targets: []upstream.Target{{Cluster: "a", Weight: 1}}, Mirror: &upstream.Mirror{Cluster: "b"}})
	for range 200 {
		if got := visit(t, c, &visitor{}); got != "a" {
			t.Fatalf("answer %q", got)
		}
	}
	s, _ := r.ReleaseStatus("shop")
	if s.Mirror.Dropped != 200-64 {
		t.Errorf("%+v, want all but 64 dropped", s.Mirror)
	}
	dead.Close()
	for end := soon(); ; runtime.Gosched() {
		if s, _ := r.ReleaseStatus("shop"); s.Mirror.Failed == 64 {
			break
		}
		if time.Now().After(end) {
			s, _ := r.ReleaseStatus("shop")
			t.Fatalf("%+v, want 64 failed", s.Mirror)
		}
	}
}

// A shaken is a context that panics.
type shaken struct{ context.Context }

func (shaken) Err() error { panic("shaken") }

// TestMirrorPanics: a request that panics leaves no place of the mirror taken.
func TestMirrorPanics(t *testing.T) {
	var seen atomic.Int64
	r, c := released(t, map[string]string{"a": upstreamtest.Refusing(t).String(), "b": upstreamtest.New(t, status(200, &seen)).Addr().String()})
	lead(t, r, upstream.Release{Targets: []upstream.Target{{Cluster: "a", Weight: 1}}, Mirror: &upstream.Mirror{Cluster: "b"}})
	panicked := 0
	for range 65 {
		at, err := c.Pick(nil)
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if recover() != nil {
					panicked++
				}
			}()
			_ = at.Do(shaken{t.Context()}, request("GET", "/", ""), new(wire.Response), soon())
		}()
	}
	if s, _ := r.ReleaseStatus("shop"); panicked != 65 || s.Mirror.Dropped != 0 {
		t.Errorf("%d of 65 requests panicked, %+v, want none dropped", panicked, s.Mirror)
	}
}

// TestReleaseWebSocket: a canary answers for changes to WebSocket, too.
func TestReleaseWebSocket(t *testing.T) {
	r := upstream.NewRegistry(upstream.Options{})
	t.Cleanup(r.Close)
	for name, head := range map[string]string{"a": "101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket", "b": "503 No\r\nContent-Length: 0"} {
		b := upstreamtest.New(t, func(c *upstreamtest.Conn) {
			if c.Request() != nil && c.Send("HTTP/1.1 "+head+"\r\n\r\n") {
				c.Hang()
			}
		})
		if err := r.Define(name, upstream.Definition{Endpoints: endpoints(b.Addr().String()), WebSocket: true}); err != nil {
			t.Fatal(err)
		}
	}
	for i, target := range []string{"a", "b"} {
		lead(t, r, upstream.Release{Targets: []upstream.Target{{Cluster: target, Weight: 1}}})
		c, err := r.Cluster(upstream.Key{Scheme: "http", Host: "shop.cluster", Port: 80}, nil)
		if err != nil {
			t.Fatal(err)
		}
		at, err := c.Pick(&visitor{})
		if err != nil {
			t.Fatal(err)
		}
		req, resp := request("GET", "/", ""), new(wire.Response)
		req.Upgrade = wire.SwitchProtocol
		if err := at.Do(t.Context(), req, resp, soon()); err != nil {
			t.Fatal(err)
		}
		if resp.Switch != nil {
			resp.Switch(nil, nil)
		}
		s, _ := r.ReleaseStatus("shop")
		if n := s.Targets[0]; n.Requests != 1 || n.Failed != int64(i) || n.P50 <= 0 {
			t.Errorf("%s: %+v, want one request, %d failed", target, n, i)
		}
	}
}

// TestWebSocketRefused: an answer that does not change to WebSocket is passed on whole.
func TestWebSocketRefused(t *testing.T) {
	page := strings.Repeat("page", 50_000)
	for _, tt := range []struct{ head, body string }{
		{fmt.Sprintf("Content-Length: %d", len(page)), page}, {"Connection: close", page}, {"Content-Length: 0", ""},
	} {
		b := upstreamtest.New(t, func(c *upstreamtest.Conn) {
			if c.Request() != nil {
				c.Send("HTTP/1.1 200 OK\r\n" + tt.head + "\r\n\r\n" + tt.body)
			}
		})
		r, c := balanced(t, upstream.Definition{WebSocket: true}, b.Addr().String())
		req := request("GET", "/", "")
		req.Upgrade = wire.SwitchProtocol
		if got, err := call(c, req, soon()); err != nil || got != tt.body {
			t.Errorf("%s: %d bytes, %v; want %d", tt.head, len(got), err, len(tt.body))
		}
		if n := r.Status()[0].Endpoints[0].InFlight; n != 0 {
			t.Errorf("%s: %d requests are under way", tt.head, n)
		}
		if st := r.Clusters()[0].Stats(); st.Open != 0 {
			t.Errorf("%s: left %+v", tt.head, st)
		}
	}
}

// TestWebSocketByGet: what the integration makes another method of does not ask for WebSocket.
func TestWebSocketByGet(t *testing.T) {
	_, c := balanced(t, upstream.Definition{WebSocket: true}, upstreamtest.New(t, upstreamtest.Echo).Addr().String())
	req, resp := request("POST", "/", ""), new(wire.Response)
	req.Upgrade = wire.SwitchProtocol
	if err := c.Do(t.Context(), req, resp, soon()); err != nil || resp.Switch != nil {
		t.Errorf("%v, changes %v", err, resp.Switch != nil)
	}
	if got, err := body(resp); err != nil || got != "POST / " {
		t.Errorf("%q, %v", got, err)
	}
}

// TestMirrorOfNothing: 0% is no copy, and not the default.
func TestMirrorOfNothing(t *testing.T) {
	r, c := released(t, map[string]string{"a": answers(t, "200 OK", "a"), "b": answers(t, "200 OK", "b")})
	none := &upstream.Mirror{Cluster: "b"}
	if err := none.Share.UnmarshalText([]byte("0%")); err != nil {
		t.Fatal(err)
	}
	lead(t, r, upstream.Release{Targets: []upstream.Target{{Cluster: "a", Weight: 1}}, Mirror: none})
	for range 100 {
		visit(t, c, &visitor{})
	}
	for _, one := range r.Status() {
		if one.Name == "b" && one.Endpoints[0].Requests+int64(one.Endpoints[0].InFlight) > 0 {
			t.Errorf("the mirror was asked: %+v", one.Endpoints)
		}
	}
	if s, _ := r.ReleaseStatus("shop"); s.Mirror.Copied+s.Mirror.Dropped > 0 {
		t.Errorf("%+v", s.Mirror)
	}
}

// TestReleaseCheck refuses what cannot be.
func TestReleaseCheck(t *testing.T) {
	two := []upstream.Target{{Cluster: "a", Weight: 1}, {Cluster: "b"}}
	for _, tt := range []struct {
		def  upstream.Release
		want string
	}{
		{upstream.Release{}, "want 1 to 20 targets"},
		{upstream.Release{Targets: two[1:]}, "one needs a weight"},
		{upstream.Release{Targets: append(two, two...)}, `"a" is no name, or is there twice`},
		{upstream.Release{Targets: two, Rules: []upstream.Rule{{Target: "c", Match: upstream.Match{By: "x"}}}}, `"c" is none of the targets`},
		{upstream.Release{Targets: two, Rules: []upstream.Rule{{Target: "b", Match: upstream.Match{By: "x"}}}}, `"x" is not header:NAME`},
		{upstream.Release{Targets: two, Stay: &upstream.Stay{}}, "want a cookie"},
		{upstream.Release{Targets: two, Stay: &upstream.Stay{Cookie: "a", By: "source"}}, "want a cookie"},
		{upstream.Release{Targets: two, Mirror: &upstream.Mirror{Cluster: "a", Ignore: []string{"x"}}}, "nothing is compared"},
		{upstream.Release{Targets: two, Canary: &upstream.Canary{Target: "c"}}, "two targets, of which it is one"},
		{upstream.Release{Targets: two, Canary: &upstream.Canary{Target: "b", Steps: []upstream.Share{0.5, 0.1}}}, "each larger than the one before"},
		{upstream.Release{Targets: two, Canary: &upstream.Canary{Target: "b", Steps: []upstream.Share{0.0005}}}, "want no more than 50 shares of 0.1% or more"},
	} {
		if err := tt.def.Check(nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want %q", tt.def, err, tt.want)
		}
	}
}
