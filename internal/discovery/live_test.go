package discovery_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/discovery"
	"gatehouse/internal/upstream"
	"gatehouse/internal/wire"
)

// Endpoints come, go, are drained and weighted under load, by the source and by
// hand at once, and no request fails.
func TestChangesUnderLoad(t *testing.T) {
	var addresses []string
	for range 4 {
		addresses = append(addresses, backend(t))
	}
	reg := upstream.NewRegistry(upstream.Options{Clusters: map[string]upstream.Definition{"c": {Discovered: true}}})
	t.Cleanup(reg.Close)
	k := discovery.NewKeeper(map[string]discovery.Cluster{"c": {Source: newScripted()}}, reg, slog.New(slog.DiscardHandler))
	k.Take("c", found(addresses...))
	cluster, err := reg.Cluster(upstream.Key{Scheme: "http", Host: "c.cluster", Port: 80}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var sent, failed atomic.Int64
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !done.Load() {
				var resp wire.Response
				req := &wire.Request{Method: "GET", Target: "/", Host: "c.cluster"}
				err := cluster.Do(t.Context(), req, &resp, time.Now().Add(time.Minute))
				if sent.Add(1); err != nil || resp.Status != 200 {
					failed.Add(1)
					t.Errorf("status %d, %v", resp.Status, err)
					return
				}
				if resp.Body.Source != nil {
					_ = resp.Body.Source.Close()
				}
			}
		})
	}
	for i := range 200 {
		one, other := addresses[i%4], addresses[(i+1)%4]
		k.Take("c", found(one, other))
		k.Change("c", discovery.Changes{Endpoints: []discovery.Change{{Address: one, Drained: true}}})
		k.Take("c", found(addresses[:2+i%3]...))
		k.Change("c", discovery.Changes{Endpoints: []discovery.Change{{Address: other, Weight: 1 + i%7, Added: true}}})
		for n := sent.Load(); sent.Load() < n+20 && failed.Load() == 0; {
			runtime.Gosched() // until requests have met this
		}
	}
	done.Store(true)
	wg.Wait()
	t.Logf("%d requests during 800 changes, %d failed", sent.Load(), failed.Load())
}

// backend answers everything.
func backend(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// One endpoint of ten thousand changes: what a hundred of these cost in a second.
func BenchmarkChangeOfTenThousand(b *testing.B) {
	reg := upstream.NewRegistry(upstream.Options{Clusters: map[string]upstream.Definition{"c": {Discovered: true}}})
	defer reg.Close()
	k := discovery.NewKeeper(map[string]discovery.Cluster{"c": {Source: newScripted()}}, reg, slog.New(slog.DiscardHandler))
	f := discovery.Found{}
	for i := range 10_000 {
		f.Endpoints = append(f.Endpoints, discovery.Endpoint{Address: fmt.Sprintf("10.0.%d.%d:80", i/250, i%250), Weight: 1})
	}
	k.Take("c", f)
	from := processorTime(b)
	for i := 0; b.Loop(); i++ {
		f.Endpoints[i%10_000].Weight = 2 + i%3
		k.Take("c", f)
	}
	b.ReportMetric(float64(processorTime(b)-from)/float64(b.N), "cpu-ns/op")
}

// processorTime is what this process has used.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
