package robust_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/test/gatehousetest"
)

// Three clusters of the same endpoints: one has a list, one finds them by DNS, one in
// a registry.
const chaosClusters = `clusters:
  listed:
    endpoints: [%s]
%s
  named:
    discover: {dns: {name: _http._tcp.chaos.test, type: SRV, servers: [%q], max-ttl: 1s, timeout: 300ms}}
%[2]s
  registered:
    discover: {consul: {address: "http://%[4]s", service: chaos, wait: 2s}}
%[2]s
`

const chaosSettings = `    balance: least-request
    health: {path: /health, interval: 200ms, timeout: 200ms, fall: 2, rise: 1}
    eject: {failures: 3, time: 200ms, max-time: 2s, max-share: 80%}
    retries: {attempts: 5, budget: 100%, on: [5xx], try-timeout: 300ms}
    connect-timeout: 300ms`

// TestChaos calls clusters of two zones whose endpoints are killed, hang, are slow,
// reset, take connections that nobody looks at, break off, fail and are cut off from
// the network at random, of which a whole zone is lost now and then, and endpoints
// leave and come back, while DNS and the registry fail in ways of their own. No request
// may be lost that had an endpoint that was well and a retry left; none may take long;
// and at the end all are used again. GATEHOUSE_CHAOS is how long, in seconds.
func TestChaos(t *testing.T) {
	length := time.Duration(repeats("GATEHOUSE_CHAOS", 8)) * time.Second
	c := newChaos(t)
	var load chaosLoad
	load.start(t, c.s.DataPlane(), c.apis)
	changes := 0
	for end := time.Now().Add(length); time.Now().Before(end); changes++ {
		c.harm()
		<-time.After(time.Duration(50+c.rng.IntN(200)) * time.Millisecond) // the pace of the faults
	}
	c.recover(t)
	load.stop()
	lacked := int64(0)
	for _, name := range chaosNames {
		status := c.status(t, name)
		lacked += status.FailedFor.Attempts + status.FailedFor.Budget
		t.Logf("%s: %d lost, for want of: %+v", name, load.lost[name].Load(), status.FailedFor)
	}
	at := load.quantile
	t.Logf("%v, %d faults, %d requests, %d lost; p50 %v, p99 %v, p99.9 %v, longest %v; faults: %s",
		length, changes, load.served.Load(), load.allLost(), at(0.5), at(0.99), at(0.999), at(1), c.told())
	if unexplained := load.allLost() - lacked; unexplained > 0 || load.served.Load() < 100 {
		t.Errorf("%d of %d requests were lost although they had a retry left", unexplained, load.served.Load())
	}
	if longest := at(1); longest > 20*time.Second {
		t.Errorf("a request took %v", longest)
	}
	if err := c.s.Stop(); err != nil {
		t.Error(err)
	}
}

// chaosNames are the clusters.
var chaosNames = []string{"listed", "named", "registered"}

// A chaos is a server, and all that it depends on.
type chaos struct {
	rng  *rand.Rand
	all  []*chaotic
	reg  *registry
	s    *gatehousetest.Server
	apis map[string]string // ids, by the cluster that each calls
	done map[string]int    // faults by name
}

func newChaos(t *testing.T) *chaos {
	c := &chaos{rng: rand.New(rand.NewPCG(2026, 7)), apis: map[string]string{}, done: map[string]int{}} //nolint:gosec // the same each time
	var list []string
	const endpoints = 8
	at := chaosNetwork(t, endpoints)
	for i := range endpoints {
		e := newChaotic(t, at, i, []string{"here", "there"}[i%2])
		c.all = append(c.all, e)
		list = append(list, fmt.Sprintf("{address: %q, zone: %s}", e.addr, e.zone))
	}
	var nameServer string
	c.reg, nameServer = newRegistry(t, c.all)
	dir := t.TempDir()
	config := filepath.Join(dir, "clusters.yaml")
	text := fmt.Appendf(nil, chaosClusters, strings.Join(list, ", "), chaosSettings, nameServer, c.reg.consulAddr)
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	bin, err := gatehousetest.Build(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	if c.s, err = gatehousetest.Start(t.Context(), bin, filepath.Join(dir, "data"), "--config", config, "--zone", "here"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.s.Kill)
	api, err := c.s.Client()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range chaosNames {
		if c.apis[name], _, err = importAPI(t.Context(), api, definition("chaos", name+".cluster")); err == nil {
			_, err = deploy(t.Context(), api, c.apis[name], "v")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c.wait(t) // until the endpoints are found for the first time
	return c
}

// A chaosLoad calls the clusters without a pause.
type chaosLoad struct {
	served  atomic.Int64
	lost    map[string]*atomic.Int64 // by cluster
	stop    func()
	mu      sync.Mutex // guards the next line
	took    []time.Duration
	workers sync.WaitGroup
}

func (l *chaosLoad) start(t *testing.T, base string, apis map[string]string) {
	ctx, cancel := context.WithCancel(t.Context())
	l.stop = func() {
		cancel()
		l.workers.Wait()
		slices.Sort(l.took)
	}
	t.Cleanup(cancel)
	l.lost = map[string]*atomic.Int64{}
	for name := range apis {
		l.lost[name] = new(atomic.Int64)
	}
	for worker := range 9 {
		l.workers.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
			defer client.CloseIdleConnections()
			var mine []time.Duration
			for i := worker; ctx.Err() == nil; i++ {
				name := chaosNames[i%len(chaosNames)]
				began := time.Now()
				status, body, err := fetch(context.Background(), client, base, apis[name])
				mine = append(mine, time.Since(began))
				<-time.After(2 * time.Millisecond) // so that the machine is not what is tested
				if l.served.Add(1); err != nil || status != http.StatusOK || body != "well" {
					if l.lost[name].Add(1) < 10 {
						t.Logf("%s: lost after %v: %d %q %v", name, mine[len(mine)-1], status, body, err)
					}
				}
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.took = append(l.took, mine...)
		})
	}
}

func (l *chaosLoad) allLost() (n int64) {
	for _, lost := range l.lost {
		n += lost.Load()
	}
	return n
}

func (l *chaosLoad) quantile(part float64) time.Duration {
	return l.took[min(int(part*float64(len(l.took))), len(l.took)-1)].Round(100 * time.Microsecond)
}

// comeAndGo is how many endpoints may leave the registry: the first ones. Of the
// others one at least is always well, wherever the endpoints of a cluster come from.
const comeAndGo = 2

// harm changes what one endpoint or registry does, or loses a zone.
func (c *chaos) harm() {
	switch n := c.rng.IntN(50); {
	case n == 0:
		c.loseZone()
	case n < 4:
		c.note("DNS")
		c.reg.becomeDNS(c.rng.IntN(registryBehaviours))
	case n < 7:
		c.note("registry")
		c.reg.become(c.rng.IntN(registryBehaviours))
	case n < 10:
		c.note("left or came back")
		c.reg.list(c.all[c.rng.IntN(comeAndGo)], c.rng.IntN(2) == 0)
	case n < 22:
		c.all[c.rng.IntN(len(c.all))].become(well)
	default:
		e, others := c.all[c.rng.IntN(len(c.all))], 0
		for _, o := range c.all[comeAndGo:] {
			if o != e && o.isWell() {
				others++
			}
		}
		if others > 2 {
			does := 1 + c.rng.IntN(behaviours-1)
			c.note([]string{"", "killed", "hanging", "slow", "resetting", "blackholed", "breaking", "failing", "unheard"}[does])
			e.become(does)
		}
	}
}

// loseZone loses one zone, while the other one is well.
func (c *chaos) loseZone() {
	zone := []string{"here", "there"}[c.rng.IntN(2)]
	how := []int{killed, blackholed, unheard}[c.rng.IntN(3)]
	others := 0
	for i, e := range c.all {
		if e.zone == zone {
			continue
		}
		e.become(well) // before the others are lost
		if e.isWell() && i >= comeAndGo {
			others++
		}
	}
	if others < 2 {
		return // somebody else has their ports
	}
	c.note("zone lost")
	for _, e := range c.all {
		if e.zone == zone {
			e.become(how)
		}
	}
}

func (c *chaos) note(fault string) { c.done[fault]++ }

// told is what faults there were.
func (c *chaos) told() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c.done)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, c.done[name]))
	}
	return strings.Join(parts, ", ")
}

// recover makes all well, and wants all endpoints to be ready soon after.
func (c *chaos) recover(t *testing.T) {
	t.Helper()
	c.reg.becomeDNS(truthful)
	c.reg.become(truthful)
	for _, e := range c.all[:comeAndGo] {
		c.reg.list(e, true)
	}
	c.wait(t)
}

// wait waits until all endpoints of all clusters are ready.
func (c *chaos) wait(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); ; <-time.After(50 * time.Millisecond) { // ejections, and pauses of sources, end with time
		for _, e := range c.all {
			if !e.isWell() {
				e.become(well) // again, if it could not listen
			}
		}
		all := true
		for _, name := range chaosNames {
			if ready := c.status(t, name).ready(); ready != len(c.all) {
				if all = false; time.Now().After(end) {
					t.Errorf("%s: %d of %d endpoints are ready: %+v", name, ready, len(c.all), c.status(t, name))
				}
			}
		}
		if all || time.Now().After(end) {
			return
		}
	}
}

// A chaosStatus is what the server tells of a cluster.
type chaosStatus struct {
	Endpoints []struct{ Address, Health, Reason string }
	Discovery struct{ State, LastError string }
	FailedFor struct{ Attempts, Budget, Retries, Endpoints int64 }
}

func (s chaosStatus) ready() (n int) {
	for _, e := range s.Endpoints {
		if e.Health == "ready" {
			n++
		}
	}
	return n
}

func (c *chaos) status(t *testing.T, cluster string) (status chaosStatus) {
	t.Helper()
	resp, err := http.Get(c.s.AdminURL() + "/clusters/" + cluster) //nolint:noctx // the client of tests
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(text, &status)
	}
	if err != nil {
		t.Fatal(err)
	}
	return status
}
