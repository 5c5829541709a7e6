package upstream_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/upstream"
	"gatehouse/internal/wire"
)

// What a shaky backend does.
const (
	isWell = iota
	isDead // nobody listens, connections were closed
	resets // every request
	hangs  // until it does something else, then resets
	breaks // in the middle of an answer
	modes
)

// A shaky is a backend that changes what it does.
type shaky struct {
	addr string
	hung chan struct{} // room for those that hang, of all backends

	mu      sync.Mutex // guards the fields below
	mode    int
	changed chan struct{} // closed by the next change
	ln      net.Listener
	conns   map[net.Conn]bool
	wg      sync.WaitGroup
	served  atomic.Int64
}

func newShaky(t *testing.T, hung chan struct{}) *shaky {
	b := &shaky{addr: "127.0.0.1:0", hung: hung, changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	if runtime.GOOS == "linux" { // where nobody else is given the port while it is dead
		b.addr = "127.83.65.2:0"
	}
	b.listenLocked()
	if b.ln == nil {
		t.Fatal("cannot listen")
	}
	b.addr = b.ln.Addr().String()
	t.Cleanup(func() { b.become(isDead); b.wg.Wait() })
	return b
}

func (b *shaky) listenLocked() {
	ln, err := net.Listen("tcp", b.addr)
	if err != nil {
		return // somebody else has the port now: it stays dead
	}
	b.ln = ln
	b.wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			b.mu.Lock()
			b.conns[nc] = true
			dead := b.mode == isDead
			b.mu.Unlock()
			if dead {
				_ = nc.Close()
			}
			b.wg.Go(func() { b.serve(nc) })
		}
	})
}

// become changes what b does.
func (b *shaky) become(mode int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mode = mode
	close(b.changed)
	b.changed = make(chan struct{})
	switch {
	case mode == isDead && b.ln != nil:
		_ = b.ln.Close()
		b.ln = nil
		for nc := range b.conns {
			_ = nc.Close()
		}
	case mode != isDead && b.ln == nil:
		b.listenLocked()
	}
}

func (b *shaky) serve(nc net.Conn) {
	defer func() {
		_ = nc.Close()
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.conns, nc)
	}()
	br := bufio.NewReader(nc)
	for {
		if _, err := http.ReadRequest(br); err != nil {
			return
		}
		b.mu.Lock()
		mode, changed := b.mode, b.changed
		b.mu.Unlock()
		switch mode {
		case isWell:
			b.served.Add(1)
			if _, err := io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"); err != nil {
				return
			}
			continue
		case breaks:
			_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwe")
		case hangs:
			select {
			case b.hung <- struct{}{}:
				<-changed
				<-b.hung
			default:
			}
		}
		_ = nc.(*net.TCPConn).SetLinger(0)
		return
	}
}

// TestChaos: endpoints die, hang, reset and break off while requests come. One is
// always well, so that no request that may be sent again is lost; at the end all
// are used again.
func TestChaos(t *testing.T) {
	for _, tt := range []struct {
		name, balance string
		loops         bool
	}{{"goroutines", "least-request", false}, {"loops", "round-robin", true}} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.loops && runtime.GOOS != "linux" {
				t.Skip("loops are for Linux")
			}
			chaos(t, tt.balance, tt.loops)
		})
	}
}

func chaos(t *testing.T, balance string, loops bool) {
	const endpoints, workers, requests, every = 5, 8, 4000, 25
	hung := make(chan struct{}, workers/2)
	def := upstream.Definition{
		Balance: balance, Retries: upstream.Retries{Attempts: endpoints, Budget: 1},
		Eject: upstream.Eject{Failures: 3, Time: time.Millisecond, MaxTime: 5 * time.Millisecond},
	}
	var all []*shaky
	for range endpoints {
		b := newShaky(t, hung)
		all = append(all, b)
		def.Endpoints = append(def.Endpoints, upstream.Endpoint{Address: b.addr})
	}
	r := upstream.NewRegistry(upstream.Options{Clusters: map[string]upstream.Definition{"shaky": def}})
	t.Cleanup(r.Close)
	c, err := r.Cluster(upstream.Key{Scheme: "http", Host: "shaky.cluster", Port: 80}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var count, lost atomic.Int64
	var mu sync.Mutex // guards the generator
	rng := rand.New(rand.NewPCG(7, 7))
	client := clients(t, c, loops)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			do := client()
			for {
				n := count.Add(1)
				if n > requests {
					for _, b := range all {
						b.become(isWell) // lets those go that hang
					}
					return
				}
				if n%every == 0 {
					mu.Lock()
					which, mode := 1+rng.IntN(endpoints-1), rng.IntN(modes)
					mu.Unlock()
					all[which].become(mode)
				}
				if got, err := do(); err != nil || got != "well" {
					lost.Add(1)
					t.Logf("request %d: %q, %v", n, got, err)
				}
			}
		})
	}
	wg.Wait()
	if n := lost.Load(); n > 0 {
		t.Errorf("%d of %d requests were lost", n, requests)
	}
	recovers(t, r, all, client())
}

// recovers wants all endpoints to be used again, and nothing left under way.
func recovers(t *testing.T, r *upstream.Registry, all []*shaky, do func() (string, error)) {
	for _, b := range all {
		b.served.Store(0)
	}
	for end := soon(); ; {
		if _, err := do(); err != nil {
			t.Fatal(err)
		}
		unused := 0
		for _, b := range all {
			if b.served.Load() == 0 && b.listens() {
				unused++
			}
		}
		if unused == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d endpoints are not used again: %+v", unused, r.Status())
		}
	}
	for _, e := range r.Status()[0].Endpoints {
		if e.InFlight != 0 {
			t.Errorf("%s: %d requests are under way after all have ended", e.Address, e.InFlight)
		}
	}
	for _, c := range r.Clusters() {
		if st := c.Stats(); st.Open != st.Idle || st.Waiting != 0 {
			t.Errorf("left: %+v", st)
		}
	}
}

func (b *shaky) listens() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ln != nil
}

// clients returns what makes clients of c: directly, or through loops.
func clients(t *testing.T, c *upstream.Cluster, loops bool) func() func() (string, error) {
	if !loops {
		return func() func() (string, error) {
			return func() (string, error) { return call(c, request("GET", "/", ""), soon()) }
		}
	}
	s := &wire.Server{Handler: forwarders{c}, Loops: 2}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), ln) }()
	tr := &http.Transport{}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		_ = s.Shutdown(context.Background())
		<-served
	})
	return func() func() (string, error) {
		return func() (string, error) {
			resp, err := (&http.Client{Transport: tr}).Get("http://" + ln.Addr().String() + "/")
			if err != nil {
				return "", err
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if resp.StatusCode != http.StatusOK {
				err = errors.Join(err, fmt.Errorf("status %d %s", resp.StatusCode, resp.Header.Get("X-Error")))
			}
			return strings.TrimSpace(string(text)), err
		}
	}
}

// forwarders is a handler that passes requests on to a cluster.
type forwarders struct{ cluster *upstream.Cluster }

func (f forwarders) Acquire(*wire.Peer) wire.Exchange { return &forwarder{cluster: f.cluster} }
