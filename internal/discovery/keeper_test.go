package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/internal/discovery"
	"gatehouse/internal/upstream"
)

// A target remembers what it was told.
type target struct {
	mu    sync.Mutex // guards the field below
	lists [][]discovery.Endpoint
}

func (g *target) SetEndpoints(_ string, list []discovery.Endpoint) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lists = append(g.lists, list)
	return nil
}

// last is what the target was told last: addresses, with the weights that are
// not 1.
func (g *target) last() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.lists) == 0 {
		return "nothing"
	}
	return text(g.lists[len(g.lists)-1])
}

func text(list []discovery.Endpoint) string {
	var parts []string
	for _, e := range list {
		s := e.Address
		if e.Weight > 1 {
			s += "*" + strings.Repeat("I", e.Weight)
		}
		if e.Priority > 0 {
			s += "/" + strconv.Itoa(e.Priority)
		}
		if e.Zone != "" {
			s += "@" + e.Zone
		}
		if e.Draining {
			s += "-"
		}
		parts = append(parts, s)
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func (g *target) told() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.lists)
}

// A scripted source gives what it is told to.
type scripted struct {
	finds chan discovery.Found
	fails chan error
}

func newScripted() *scripted {
	return &scripted{make(chan discovery.Found), make(chan error)}
}

func (*scripted) String() string { return "script" }

func (s *scripted) Run(ctx context.Context, set func(discovery.Found)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case f := <-s.finds:
			set(f)
		case err := <-s.fails:
			return err
		}
	}
}

func found(addresses ...string) (f discovery.Found) {
	for _, a := range addresses {
		f.Endpoints = append(f.Endpoints, discovery.Endpoint{Address: a})
	}
	return f
}

// keep runs a keeper of one cluster c until the test ends.
func keep(t *testing.T, c discovery.Cluster) (*discovery.Keeper, *target) {
	t.Helper()
	to := &target{}
	k := discovery.NewKeeper(map[string]discovery.Cluster{"c": c}, to, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return k, to
}

// What a source answers comes into force; what it fails at does not.
func TestKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newScripted()
		k, to := keep(t, discovery.Cluster{Source: src, Fixed: []discovery.Endpoint{{Address: "fixed:1"}}})
		steps := []struct {
			name  string
			do    func()
			want  string
			state string
			why   string
		}{
			{"nothing yet", func() {}, "nothing", discovery.Waiting, ""},
			{"failed before the first answer", func() { src.fails <- errors.New("no route") }, "nothing", discovery.Waiting, ""},
			{"first answer", func() { src.finds <- found("b:2", "a:1", "b:2") }, "a:1 b:2", discovery.Current, ""},
			{"failed", func() { src.fails <- errors.New("reset") }, "a:1 b:2", discovery.Stale, ""},
			{"another", func() { src.finds <- found("c:3") }, "c:3", discovery.Current, ""},
			{"empty", func() { src.finds <- found() }, "c:3", discovery.Stale, "the source has no endpoint: the last 1 stay in force"},
			{"malformed", func() { src.finds <- found("c:3:4") }, "c:3", discovery.Stale, `"c:3:4" is not an address`},
			{"of nobody", func() { src.finds <- found("0.0.0.0:80", "[::]:80", "[::ffff:0.0.0.0]:80") }, "c:3", discovery.Stale, `"[::ffff:0.0.0.0]:80" is the address of nobody`},
			{"partly malformed", func() { src.finds <- found("c:0", "d:4", ":1", "x.cluster:1") }, "d:4", discovery.Current, `"x.cluster:1" is not an address`},
		}
		for _, s := range steps {
			s.do()
			synctest.Wait()
			if got := to.last(); got != s.want {
				t.Errorf("%s: endpoints %q, want %q", s.name, got, s.want)
			}
			st := k.Status("c")
			if st.State != s.state || st.Skipped != s.why {
				t.Errorf("%s: state %s, skipped %q, want %s, %q", s.name, st.State, st.Skipped, s.state, s.why)
			}
		}
		if st := k.Status("c"); st.LastError != "reset" || st.Failures != 0 || st.Changed != 3 || st.Found != 1 {
			t.Errorf("status at the end: %+v", st)
		}
	})
}

// An answer without endpoints counts where the configuration says so.
func TestKeeperMayEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newScripted()
		_, to := keep(t, discovery.Cluster{Source: src, MayEmpty: true})
		src.finds <- found("a:1")
		src.finds <- found("nonsense")
		synctest.Wait()
		if got := to.last(); got != "a:1" {
			t.Errorf("after an answer of nonsense: %q", got)
		}
		src.finds <- found()
		synctest.Wait()
		if got := to.last(); got != "" {
			t.Errorf("after an empty answer: %q", got)
		}
	})
}

// The same answer again tells nobody anything.
func TestKeeperUnchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newScripted()
		_, to := keep(t, discovery.Cluster{Source: src})
		src.finds <- found("a:1", "b:2")
		src.finds <- found("b:2", "a:1")
		synctest.Wait()
		if n := to.told(); n != 1 {
			t.Errorf("told %d times, want once", n)
		}
	})
}

// A registry that fails all the time is asked half a minute apart in the end.
func TestKeeperBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newScripted()
		k, _ := keep(t, discovery.Cluster{Source: src})
		began := time.Now()
		var pauses []time.Duration
		for range 12 {
			at := time.Now()
			src.fails <- errors.New("down")
			pauses = append(pauses, time.Since(at))
		}
		synctest.Wait()
		if first, last := pauses[1], pauses[11]; first < 375*time.Millisecond || first > 625*time.Millisecond || last < 22*time.Second || last > 38*time.Second {
			t.Errorf("pauses %v in %v", pauses, time.Since(began))
		}
		if n := k.Status("c").Failures; n != 12 {
			t.Errorf("%d failures in a row, want 12", n)
		}
	})
}

// More endpoints than a cluster may have are cut, always in the same place.
func TestKeeperHuge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newScripted()
		k, to := keep(t, discovery.Cluster{Source: src})
		var up, down discovery.Found
		for i := range 12_000 {
			up.Endpoints = append(up.Endpoints, discovery.Endpoint{Address: fmt.Sprintf("host-%d:1", i), Weight: i})
		}
		down.Endpoints = slices.Clone(up.Endpoints)
		slices.Reverse(down.Endpoints)
		src.finds <- up
		src.finds <- down
		synctest.Wait()
		if n := k.Status("c").Found; n != 10_000 || to.told() != 1 {
			t.Errorf("%d endpoints, told %d times", n, to.told())
		}
	})
}

// What operators change lies over what is found.
func TestKeeperChange(t *testing.T) {
	tests := []struct {
		name    string
		changes discovery.Changes
		want    string
	}{
		{"none", discovery.Changes{}, "a:1 b:2"},
		{"drained", discovery.Changes{Endpoints: []discovery.Change{{Address: "a:1", Drained: true}}}, "a:1- b:2"},
		{"weighted", discovery.Changes{Endpoints: []discovery.Change{{Address: "b:2", Weight: 3}}}, "a:1 b:2*III"},
		{"added", discovery.Changes{Endpoints: []discovery.Change{{Address: "aa:9", Added: true, Weight: 2}}}, "a:1 aa:9*II b:2"},
		{"added and drained", discovery.Changes{Endpoints: []discovery.Change{{Address: "aa:9", Added: true, Drained: true}}}, "a:1 aa:9- b:2"},
		{"added what is there", discovery.Changes{Endpoints: []discovery.Change{{Address: "a:1", Added: true}}}, "a:1 b:2"},
		{"of one that is not there", discovery.Changes{Endpoints: []discovery.Change{{Address: "z:1", Weight: 2}}}, "a:1 b:2"},
		{"off", discovery.Changes{Off: true, Endpoints: []discovery.Change{{Address: "aa:9", Added: true}}}, "a:1- aa:9- b:2-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newScripted()
				k, to := keep(t, discovery.Cluster{Source: src})
				k.Change("c", tt.changes)
				src.finds <- found("a:1", "b:2")
				synctest.Wait()
				if got := to.last(); got != tt.want {
					t.Errorf("changed before the answer: %q, want %q", got, tt.want)
				}
				k.Change("c", discovery.Changes{})
				if got := to.last(); got != "a:1 b:2" {
					t.Errorf("changes taken back: %q", got)
				}
				k.Change("c", tt.changes)
				if got := to.last(); got != tt.want {
					t.Errorf("changed after the answer: %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// TestKeeperSockets: changes by hand hold for sockets of this machine that are written
// down, and lose none.
func TestKeeperSockets(t *testing.T) {
	k, to := keep(t, discovery.Cluster{Fixed: found("unix:/b", "h:1").Endpoints})
	for _, step := range []struct {
		address string
		change  discovery.Change
		want    string
	}{
		{"h:1", discovery.Change{Drained: true}, "h:1- unix:/b"},
		{"unix:/b", discovery.Change{Drained: true}, "h:1 unix:/b-"},
		{"unix:/b", discovery.Change{Weight: 3}, "h:1 unix:/b*III"},
	} {
		if !k.Knows("c", step.address) {
			t.Errorf("%s is not known", step.address)
		}
		ch, err := new(discovery.Changes).Edit(step.address, func(c *discovery.Change) error {
			step.change.Address = c.Address
			*c = step.change
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		k.Change("c", ch)
		if got := to.last(); got != step.want {
			t.Errorf("%+v: %s, want %s", step.change, got, step.want)
		}
	}
	k.Change("c", discovery.Changes{Off: true})
	if got := to.last(); got != "h:1- unix:/b-" {
		t.Errorf("off: %s", got)
	}
	if _, err := new(discovery.Changes).Edit("unix:/b", func(c *discovery.Change) error { c.Added = true; return nil }); err == nil {
		t.Error("a socket was added by hand")
	}
}

// Changes are edited one endpoint at a time, and those of no effect vanish.
func TestChangesEdit(t *testing.T) {
	var c discovery.Changes
	edit := func(addr string, do func(*discovery.Change)) {
		t.Helper()
		next, err := c.Edit(addr, func(ch *discovery.Change) error { do(ch); return nil })
		if err != nil {
			t.Fatal(err)
		}
		c = next
	}
	edit("b:1", func(ch *discovery.Change) { ch.Added = true })
	edit("a:1", func(ch *discovery.Change) { ch.Drained = true })
	edit("b:1", func(ch *discovery.Change) { ch.Weight = 7 })
	want := discovery.Changes{Endpoints: []discovery.Change{{Address: "a:1", Drained: true}, {Address: "b:1", Added: true, Weight: 7}}}
	if d := cmp.Diff(want, c); d != "" {
		t.Error(d)
	}
	edit("b:1", func(ch *discovery.Change) { *ch = discovery.Change{Address: "b:1"} })
	edit("a:1", func(ch *discovery.Change) { ch.Drained = false })
	if !c.Empty() {
		t.Errorf("left: %+v", c)
	}
	if _, err := c.Edit("nonsense", func(ch *discovery.Change) error { ch.Drained = true; return nil }); err == nil {
		t.Error("an address without a port was taken")
	}
	if _, err := c.Edit("a:1", func(ch *discovery.Change) error { ch.Weight = 1001; return nil }); err == nil {
		t.Error("a weight of 1001 was taken")
	}
}

// A cluster that is defined while the server runs has its changes laid over it,
// before and after it is defined anew.
func TestKeeperReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, to := keep(t, discovery.Cluster{})
		k.Change("later", discovery.Changes{Endpoints: []discovery.Change{{Address: "a:1", Drained: true}}})
		k.Replace("later", discovery.Cluster{Fixed: []discovery.Endpoint{{Address: "a:1"}, {Address: "b:2"}}})
		if got := to.last(); got != "a:1- b:2" {
			t.Errorf("defined: %q", got)
		}
		k.Replace("later", discovery.Cluster{Fixed: []discovery.Endpoint{{Address: "a:1"}}})
		if got := to.last(); got != "a:1-" {
			t.Errorf("defined anew: %q", got)
		}
		k.Forget("later")
		if k.Has("later") {
			t.Error("there after it was forgotten")
		}
		n := to.told()
		k.Replace("later", discovery.Cluster{Fixed: []discovery.Endpoint{{Address: "c:1"}}})
		if to.told() != n {
			t.Errorf("told %q, which the target has already", to.last())
		}
		if !k.Knows("later", "c:1") || k.Knows("later", "a:1") {
			t.Error("knows what is not there")
		}
	})
}

// Whatever a source finds, the registry of clusters takes what is made of it.
func TestKeeperUpstreamTakes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		reg := upstream.NewRegistry(upstream.Options{Clusters: map[string]upstream.Definition{"c": {Discovered: true}}})
		defer reg.Close()
		word := rapid.OneOf(rapid.SampledFrom([]string{"10.0.0.1:80", "[fd00::1]:80", "host:80", "x.cluster:80", ":80", "h:0", "h:70000", "a,b:1", "h :1"}), rapid.String())
		f := discovery.Found{Endpoints: rapid.SliceOf(rapid.Custom(func(rt *rapid.T) discovery.Endpoint {
			return discovery.Endpoint{Address: word.Draw(rt, "address"), Weight: rapid.Int().Draw(rt, "weight"), Priority: rapid.Int().Draw(rt, "priority"),
				Zone: rapid.StringN(0, 200, 200).Draw(rt, "zone"), Draining: rapid.Bool().Draw(rt, "draining")}
		})).Draw(rt, "endpoints")}
		k := discovery.NewKeeper(map[string]discovery.Cluster{"c": {Source: newScripted(), MayEmpty: true}}, reg, slog.New(slog.DiscardHandler))
		k.Take("c", f)
		if st := k.Status("c"); st.LastError != "" {
			rt.Fatalf("refused: %s", st.LastError)
		}
	})
}

// Until its source answers a cluster has the fixed endpoints that it was put with last.
func TestKeeperReplaceFixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, to := keep(t, discovery.Cluster{})
		src := newScripted()
		put := func(addresses ...string) {
			k.Replace("c", discovery.Cluster{Fixed: found(addresses...).Endpoints, Source: src, Given: &discovery.Config{Consul: &discovery.Consul{Service: "s"}}})
			synctest.Wait()
		}
		put("wrong:1")
		put("right:1")
		if got := to.last(); got != "right:1" || !k.Knows("c", "right:1") || k.Status("c").State != discovery.Waiting {
			t.Errorf("before the source has answered: %q, %+v", got, k.Status("c"))
		}
		src.finds <- found("a:1")
		synctest.Wait()
		put("other:1")
		if got := to.last(); got != "a:1" {
			t.Errorf("after the source has answered: %q", got)
		}
	})
}

// A cluster that is put again goes on with its source if that is the same; else the
// old one is heard no more, and what it found stays until the new one answers.
func TestKeeperReplaceSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, to := keep(t, discovery.Cluster{})
		put := func(name string) *scripted {
			src := newScripted()
			k.Replace("c", discovery.Cluster{Source: src, Given: &discovery.Config{Consul: &discovery.Consul{Service: name}}})
			synctest.Wait()
			return src
		}
		one := put("one")
		one.finds <- found("a:1", "b:1")
		synctest.Wait()
		k.Change("c", discovery.Changes{Endpoints: []discovery.Change{{Address: "b:1", Drained: true}}})
		if got := to.last(); got != "a:1 b:1-" {
			t.Fatalf("found %q", got)
		}
		n := to.told()
		again := put("one")
		select {
		case again.finds <- found("z:1"):
			t.Error("a source that is the same was started anew")
		default:
		}
		two := put("two")
		if to.told() != n || !k.Knows("c", "a:1") || k.Status("c").State != discovery.Waiting {
			t.Errorf("before the new source has answered: %q, %+v", to.last(), k.Status("c"))
		}
		select {
		case one.finds <- found("y:1"):
			t.Error("the old source still runs")
		default:
		}
		two.finds <- found("b:1", "c:1")
		synctest.Wait()
		if got := to.last(); got != "b:1- c:1" {
			t.Errorf("after the new source has answered: %q", got)
		}
		k.Replace("c", discovery.Cluster{Fixed: []discovery.Endpoint{{Address: "d:1"}}})
		synctest.Wait()
		if got := to.last(); got != "d:1" || k.Status("c").State != discovery.Fixed {
			t.Errorf("with a list: %q, %+v", got, k.Status("c"))
		}
		three := put("three")
		three.finds <- found("e:1")
		synctest.Wait()
		k.Forget("c")
		synctest.Wait()
		select {
		case three.finds <- found("x:1"):
			t.Error("the source of a forgotten cluster still runs")
		default:
		}
		if got := to.last(); got != "e:1" || k.Has("c") {
			t.Errorf("forgotten: %q", got)
		}
	})
}
