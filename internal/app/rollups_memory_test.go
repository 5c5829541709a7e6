package app

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/metrics"
	"gatehouse/internal/rollup"
)

// Ten thousand routes with detailed metrics, all called in every minute, cost at most 50 MiB: their counters, what is remembered of them, and
// what is on its way to disk.
func TestRoutesMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it counts two million requests")
	}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const routes, limit = 10_000, 50 << 20
	synctest.Test(t, func(t *testing.T) {
		before := heap()
		store, err := rollup.Open(t.TempDir(), rollup.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close() //nolint:errcheck // a test's
		stage := compile.SeriesKey{Account: "123456789012", Region: "eu-west-1", API: "a1b2c3d4e5", Stage: "prod"}
		names := map[compile.SeriesKey]compile.NamedAPI{stage: {Name: "shop"}}
		r := &recorder{to: store, names: func() map[compile.SeriesKey]compile.NamedAPI { return names }, log: slog.New(slog.DiscardHandler)}
		m := compile.NewMetrics()
		series := make([]*metrics.Series, routes)
		for i := range series {
			key := stage
			key.Method, key.Path = "GET", fmt.Sprintf("/things/%d/{id}", i)
			series[i] = m.Routes.Series(key)
		}
		go m.Routes.Run(t.Context(), r.routes) //nolint:errcheck // it returns nil
		rng := rand.New(rand.NewPCG(1, 2))
		for minute := range 20 {
			for _, s := range series {
				for range 10 {
					d := time.Duration(rng.ExpFloat64() * float64(20*time.Millisecond))
					s.Add(&metrics.Request{Called: true, Latency: d, Integration: d - d/10, Sent: 500})
				}
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if minute%3 == 2 {
				if err := store.Flush(time.Now()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if store.Lost() > 0 {
			t.Errorf("%d samples are lost", store.Lost())
		}
		used := heap() - before
		t.Logf("%.1f MiB", float64(used)/(1<<20))
		if used > limit {
			t.Errorf("%d routes take %d bytes, budget %d", routes, used, limit)
		}
		runtime.KeepAlive(series)
		runtime.KeepAlive(store)
	})
}
