package metrics_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/metrics"
)

// running runs r to the test's end.
func running(t *testing.T, r *metrics.Registry[string]) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

// counted are the requests of each minute, by key.
func counted(r *metrics.Registry[string]) []map[string]uint64 {
	var list []map[string]uint64
	for _, m := range r.Minutes() {
		points := map[string]uint64{}
		for k, f := range m.Points {
			points[k] = f.Count
		}
		if m.Other.Count > 0 {
			points["other"] = m.Other.Count
		}
		list = append(list, points)
	}
	return list
}

func TestMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := metrics.NewRegistry[string](2)
		running(t, r)
		add := func(key string, n int) {
			for range n {
				r.Series(key).Add(&metrics.Request{Latency: time.Millisecond})
			}
		}
		time.Sleep(time.Second) // so that minutes end while nothing else happens
		add("a", 3)
		add("b", 1)
		add("c", 2) // no room
		time.Sleep(time.Minute)
		add("a", 2)
		time.Sleep(time.Minute)
		time.Sleep(time.Minute) // nothing
		add("a", 1)
		r.Retain(func(k string) bool { return k != "a" })
		add("a", 4) // another series of the same key
		time.Sleep(time.Minute)
		add("a", 1)
		time.Sleep(time.Minute)
		want := []map[string]uint64{{"a": 3, "b": 1, "other": 2}, {"a": 2}, {}, {"a": 5}, {"a": 1}}
		if diff := cmp.Diff(want, counted(r)); diff != "" {
			t.Errorf("minutes (-want +got):\n%s", diff)
		}
		list := r.Minutes()
		for i, m := range list {
			if m.To.Second() != 0 || i > 0 && !m.From.Equal(list[i-1].To) {
				t.Errorf("minute %d is from %v to %v", i, m.From, m.To)
			}
		}
		time.Sleep(5 * time.Hour)
		if got := len(r.Minutes()); got != 180 {
			t.Errorf("%d minutes are remembered, want 180", got)
		}
	})
}

// Many busy series are remembered for a shorter time.
func TestMinutesBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 5000
		r := metrics.NewRegistry[string](n)
		running(t, r)
		time.Sleep(time.Second) // so that minutes end while nothing else happens
		for range 8 {
			for i := range n {
				r.Series(fmt.Sprint(i)).Add(&metrics.Request{})
			}
			time.Sleep(time.Minute)
		}
		if got := len(r.Minutes()); got != 2 {
			t.Errorf("%d minutes of %d points are remembered, want 2", got, n)
		}
	})
}

// TestMemory holds 10,000 routes, with all that is remembered of them, to
// 50 MiB.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector takes memory of its own")
	}
	before := heap()
	var r *metrics.Registry[string]
	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		r = metrics.NewRegistry[string](n)
		running(t, r)
		for range 4 {
			for i := range n {
				s := r.Series(fmt.Sprint(i))
				for d := 100 * time.Microsecond; d < 100*time.Millisecond; d += d / 3 {
					s.Add(&metrics.Request{Latency: d, Called: true, Integration: d})
				}
			}
			time.Sleep(time.Minute)
		}
	})
	const budget = 50 << 20
	if got := int64(heap()) - int64(before); got > budget {
		t.Errorf("10,000 routes take %d MiB, budget %d", got>>20, budget>>20)
	} else {
		t.Logf("10,000 routes take %d MiB", got>>20)
	}
	runtime.KeepAlive(r)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
