package robust_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
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

// What an endpoint does.
const (
	well = iota
	killed
	hanging    // takes requests and never answers
	slow       // answers late
	resetting  // resets every connection that brings a request
	blackholed // the kernel takes connections; nobody looks at them
	breaking   // ends in the middle of an answer
	failing    // answers 503
	behaviours
)

// A chaotic endpoint is one of a cluster, and changes what it does.
type chaotic struct {
	addr, zone string

	mu      sync.Mutex // guards the fields below
	does    int
	changed chan struct{} // closed by the next change
	ln      net.Listener
	conns   map[net.Conn]bool
	wg      sync.WaitGroup
}

func newChaotic(t *testing.T, zone string) *chaotic {
	e := &chaotic{addr: "127.0.0.1:0", zone: zone, changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	e.listenLocked()
	if e.ln == nil {
		t.Fatal("cannot listen")
	}
	e.addr = e.ln.Addr().String()
	t.Cleanup(func() { e.become(killed); e.wg.Wait() })
	return e
}

func (e *chaotic) listenLocked() {
	ln, err := net.Listen("tcp", e.addr)
	if err != nil {
		return
	}
	e.ln = ln
	e.wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			e.mu.Lock()
			e.conns[nc] = true
			if e.does == killed {
				_ = nc.Close()
			}
			e.mu.Unlock()
			e.wg.Go(func() { e.serve(nc) })
		}
	})
}

func (e *chaotic) become(does int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.does = does
	close(e.changed)
	e.changed = make(chan struct{})
	switch {
	case does == killed && e.ln != nil:
		_ = e.ln.Close()
		e.ln = nil
		for nc := range e.conns {
			_ = nc.Close()
		}
	case does != killed && e.ln == nil:
		if e.listenLocked(); e.ln == nil {
			e.does = killed // somebody else has the port for now
		}
	}
}

func (e *chaotic) state() (does int, changed <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.does, e.changed
}

func (e *chaotic) serve(nc net.Conn) {
	defer func() {
		_ = nc.Close()
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.conns, nc)
	}()
	br := bufio.NewReader(nc)
	for {
		if does, changed := e.state(); does == blackholed {
			<-changed
			continue
		}
		if _, err := http.ReadRequest(br); err != nil {
			return
		}
		does, changed := e.state()
		const answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"
		text := answer
		switch does {
		case hanging, blackholed:
			<-changed
			return
		case resetting, killed:
			_ = nc.(*net.TCPConn).SetLinger(0)
			return
		case breaking:
			_, _ = io.WriteString(nc, answer[:30])
			return
		case failing:
			text = "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nsick"
		case slow:
			select {
			case <-changed:
			case <-time.After(100 * time.Millisecond):
			}
		}
		if _, err := io.WriteString(nc, text); err != nil {
			return
		}
	}
}

const chaosCluster = `clusters:
  shaky:
    endpoints: [%s]
    balance: least-request
    health: {path: /health, interval: 200ms, timeout: 200ms, fall: 2, rise: 1}
    eject: {failures: 3, time: 200ms, max-time: 2s, max-share: 80%%}
    retries: {attempts: 5, budget: 100%%, on: [5xx], try-timeout: 300ms}
    connect-timeout: 300ms
`

// TestChaos calls a cluster of two zones whose endpoints are killed, hang, are slow,
// reset, are blackholed, break off and fail at random, and of which a whole zone is lost
// now and then. No request may be lost as long as one endpoint is well; none may take
// long; and at the end all are used again. GATEHOUSE_CHAOS is how long, in seconds.
func TestChaos(t *testing.T) {
	length := time.Duration(repeats("GATEHOUSE_CHAOS", 8)) * time.Second
	rng := rand.New(rand.NewPCG(2026, 7)) //nolint:gosec // the same each time
	var all []*chaotic
	var list []string
	for i := range 8 {
		zone := []string{"here", "there"}[i%2]
		e := newChaotic(t, zone)
		all = append(all, e)
		list = append(list, fmt.Sprintf("{address: %q, zone: %s}", e.addr, zone))
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "clusters.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, chaosCluster, strings.Join(list, ", ")), 0o600); err != nil {
		t.Fatal(err)
	}
	bin, err := gatehousetest.Build(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(dir, "data"), "--config", config, "--zone", "here")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	api, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := importAPI(t.Context(), api, definition("chaos", "shaky.cluster"))
	if err == nil {
		_, err = deploy(t.Context(), api, id, "v")
	}
	if err != nil {
		t.Fatal(err)
	}

	load, endLoad := context.WithCancel(t.Context())
	defer endLoad()
	var served, lost atomic.Int64
	var mu sync.Mutex // guards the next line
	var took []time.Duration
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
			defer client.CloseIdleConnections()
			var mine []time.Duration
			for load.Err() == nil {
				began := time.Now()
				status, body, err := fetch(context.Background(), client, s.DataPlane(), id)
				mine = append(mine, time.Since(began))
				<-time.After(2 * time.Millisecond) // so that the machine is not what is tested
				if served.Add(1); err != nil || status != http.StatusOK || body != "well" {
					if lost.Add(1) < 10 {
						t.Logf("lost after %v: %d %q %v", mine[len(mine)-1], status, body, err)
					}
				}
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	changes := 0
	for end := time.Now().Add(length); time.Now().Before(end); changes++ {
		harm(rng, all)
		<-time.After(time.Duration(50+rng.IntN(200)) * time.Millisecond) // the pace of the faults
	}
	recovered(t, s, all)
	endLoad()
	workers.Wait()
	slices.Sort(took)
	at := func(part float64) time.Duration {
		return took[min(int(part*float64(len(took))), len(took)-1)].Round(100 * time.Microsecond)
	}
	t.Logf("%v, %d faults, %d requests, %d lost; p50 %v, p99 %v, p99.9 %v, longest %v",
		length, changes, served.Load(), lost.Load(), at(0.5), at(0.99), at(0.999), at(1))
	if lost.Load() > 0 || served.Load() < 100 {
		t.Errorf("%d of %d requests were lost", lost.Load(), served.Load())
	}
	if longest := at(1); longest > 5*time.Second {
		t.Errorf("a request took %v", longest)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// harm changes what one endpoint does, or loses a zone. One endpoint at least is
// always well.
func harm(rng *rand.Rand, all []*chaotic) {
	switch n := rng.IntN(40); {
	case n == 0: // a zone is lost, the other one is well
		zone := []string{"here", "there"}[rng.IntN(2)]
		how := []int{killed, blackholed}[rng.IntN(2)]
		others := 0
		for _, e := range all {
			if e.zone == zone {
				continue
			}
			e.become(well) // before the others are lost
			if does, _ := e.state(); does == well {
				others++
			}
		}
		if others < 2 {
			return // somebody else has their ports
		}
		for _, e := range all {
			if e.zone == zone {
				e.become(how)
			}
		}
	case n < 12:
		all[rng.IntN(len(all))].become(well)
	default:
		e, others := all[rng.IntN(len(all))], 0
		for _, o := range all {
			if does, _ := o.state(); o != e && does == well {
				others++
			}
		}
		if others > 2 {
			e.become(1 + rng.IntN(behaviours-1))
		}
	}
}

// recovered wants all endpoints to be ready soon after they are well.
func recovered(t *testing.T, s *gatehousetest.Server, all []*chaotic) {
	t.Helper()
	want := len(all)
	for end := time.Now().Add(20 * time.Second); ; <-time.After(50 * time.Millisecond) { // ejections end with time
		for _, e := range all {
			if does, _ := e.state(); does != well {
				e.become(well) // again, if it could not listen
			}
		}
		ready, text := readyEndpoints(t, s)
		if ready == want {
			return
		}
		if time.Now().After(end) {
			t.Errorf("%d of %d endpoints are ready:\n%s", ready, want, text)
			return
		}
	}
}

func readyEndpoints(t *testing.T, s *gatehousetest.Server) (ready int, text []byte) {
	t.Helper()
	resp, err := http.Get(s.AdminURL() + "/clusters/shaky") //nolint:noctx // the client of tests
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	var status struct {
		Endpoints []struct{ Health string }
	}
	if err == nil {
		err = json.Unmarshal(text, &status)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range status.Endpoints {
		if e.Health == "ready" {
			ready++
		}
	}
	return ready, text
}
