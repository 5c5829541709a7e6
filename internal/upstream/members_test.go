package upstream_test

import (
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
)

// endpoints are these addresses.
func endpoints(addresses ...string) []upstream.Endpoint {
	var list []upstream.Endpoint
	for _, a := range addresses {
		list = append(list, upstream.Endpoint{Address: a})
	}
	return list
}

// TestSetEndpoints: endpoints come and go while requests are made, through both
// drivers, and no request fails.
func TestSetEndpoints(t *testing.T) {
	var all []string
	for range 4 {
		all = append(all, upstreamtest.New(t, upstreamtest.Echo).Addr().String())
	}
	for _, loops := range []bool{false, runtime.GOOS == "linux"} {
		r, c := balanced(t, upstream.Definition{Retries: upstream.Retries{Attempts: -1}}, all[0])
		client := clients(t, c, loops)
		var wg sync.WaitGroup
		var stop atomic.Bool
		var served atomic.Int64
		for range 4 {
			wg.Go(func() {
				do := client()
				for !stop.Load() {
					if _, err := do(); err != nil {
						t.Errorf("loops %v: %v", loops, err)
						return
					}
					served.Add(1)
				}
			})
		}
		for i := range 60 {
			list := endpoints(all[i%4], all[(i+1)%4])
			list[0].Weight, list[0].Draining = i%3, i%5 == 0
			if i%2 == 0 {
				list = list[1:]
			}
			if err := r.SetEndpoints("test", list); err != nil {
				t.Fatal(err)
			}
			for before := served.Load(); served.Load() < before+4 && !t.Failed(); {
				runtime.Gosched()
			}
		}
		stop.Store(true)
		wg.Wait()
	}
}

// TestDrain: a request that is under way at an endpoint that leaves ends as it
// began, and then the connection is closed.
func TestDrain(t *testing.T) {
	came, free, closed := make(chan bool, 1), make(chan bool), make(chan bool)
	old := upstreamtest.New(t, func(c *upstreamtest.Conn) {
		for c.Request() != nil {
			came <- true
			<-free
			upstreamtest.Answer(c, "old")
		}
		close(closed)
	})
	young := upstreamtest.New(t, upstreamtest.Echo)
	r, c := balanced(t, upstream.Definition{}, old.Addr().String())
	got := make(chan string, 1)
	go func() {
		text, err := call(c, request("GET", "/", ""), soon())
		if err != nil {
			text = err.Error()
		}
		got <- text
	}()
	<-came
	if err := r.SetEndpoints("test", endpoints(young.Addr().String())); err != nil {
		t.Fatal(err)
	}
	if s := r.Status()[0].Endpoints; len(s) != 2 || s[1].Health != "draining" || s[1].InFlight != 1 {
		t.Errorf("status %+v", s)
	}
	// It comes back, and leaves again: it is listed once.
	for _, list := range [][]upstream.Endpoint{endpoints(old.Addr().String(), young.Addr().String()), endpoints(young.Addr().String())} {
		if err := r.SetEndpoints("test", list); err != nil {
			t.Fatal(err)
		}
		if s := r.Status()[0].Endpoints; len(s) != 2 || s[0].InFlight+s[1].InFlight != 1 {
			t.Errorf("status %+v", s)
		}
	}
	for range 3 {
		if text, err := call(c, request("GET", "/", ""), soon()); err != nil || text != "GET / " {
			t.Errorf("meanwhile: %q, %v", text, err)
		}
	}
	free <- true
	if text := <-got; text != "old" {
		t.Errorf("the request under way: %q", text)
	}
	<-closed
	if s := r.Status()[0].Endpoints; len(s) != 1 {
		t.Errorf("afterwards: status %+v", s)
	}
}

// TestSetEndpointsRefused: a list that cannot be leaves the one before, and an empty
// one leaves none.
func TestSetEndpointsRefused(t *testing.T) {
	r, c := balanced(t, upstream.Definition{}, upstreamtest.New(t, upstreamtest.Echo).Addr().String())
	for _, tt := range []struct {
		name string
		list []upstream.Endpoint
		want string
	}{
		{"test", endpoints("a"), "is not an address"},
		{"test", endpoints("a:1", "a:1"), "is there twice"},
		{"test", make([]upstream.Endpoint, 10_001), "10001 are more than 10000"},
		{"other", nil, `there is no cluster "other"`},
	} {
		if err := r.SetEndpoints(tt.name, tt.list); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
	if _, err := call(c, request("GET", "/", ""), soon()); err != nil {
		t.Error(err)
	}
	if err := r.SetEndpoints("test", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := call(c, request("GET", "/", ""), soon()); !errors.Is(err, upstream.ErrNoEndpoint) {
		t.Errorf("without endpoints: %v, want ErrNoEndpoint", err)
	}
}

// TestStatusOfNobody: a cluster without endpoints has a list of none.
func TestStatusOfNobody(t *testing.T) {
	r, _ := balanced(t, upstream.Definition{}, "127.0.0.1:1")
	if err := r.SetEndpoints("test", nil); err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(r.Status()[0].Endpoints); err != nil || string(text) != "[]" {
		t.Errorf("endpoints %s, %v", text, err)
	}
}
