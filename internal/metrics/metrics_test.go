package metrics_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/metrics"
)

func TestSeriesFigures(t *testing.T) {
	s := metrics.NewSeries()
	for _, r := range []metrics.Request{
		{Latency: 3 * time.Microsecond, Sent: 10},
		{Outcome: metrics.ClientError, Latency: 16 * time.Microsecond, Received: 5},
		{Outcome: metrics.ServerError, Latency: 17 * time.Microsecond, Called: true, Integration: 9 * time.Microsecond},
		{Cache: metrics.Hit, Latency: time.Hour, Sent: -1},
		{Cache: metrics.Miss, Latency: -time.Second},
	} {
		s.Add(&r)
	}
	want := metrics.Figures{
		Count: 5, ClientErrors: 1, ServerErrors: 1, Hits: 1, Misses: 1, Received: 5, Sent: 10,
		Latency: metrics.Distribution{
			Count: 5, Sum: time.Hour + 36*time.Microsecond,
			Buckets: []metrics.Bucket{{0, 1}, {3, 1}, {16, 2}, {15 << 26, 1}},
		},
		Integration: metrics.Distribution{Count: 1, Sum: 9 * time.Microsecond, Buckets: []metrics.Bucket{{9, 1}}},
	}
	got := s.Figures()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
	if got := got.Latency.Below(16 * time.Microsecond); got != 2 {
		t.Errorf("below 16 µs = %d, want 2", got)
	}
}

// Whatever is counted, quantiles are within an eighth of the truth.
func TestQuantile(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s := metrics.NewSeries()
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(rng.ExpFloat64() * float64(20*time.Millisecond))
		all = append(all, d)
		s.Add(&metrics.Request{Latency: d})
	}
	slices.Sort(all)
	d := s.Figures().Latency
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 1} {
		truth := all[min(len(all)-1, int(q*float64(len(all))))]
		got := d.Quantile(q)
		if off := (got - truth).Abs(); off > truth/8+2*time.Microsecond {
			t.Errorf("quantile %v = %v, truth %v", q, got, truth)
		}
	}
	if got := new(metrics.Distribution).Quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing = %v", got)
	}
}

// What is added in one order or another, in parts or at once, is the same.
func TestFiguresMerge(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	random := func(s *metrics.Series) {
		for range 500 {
			d := time.Duration(rng.Int64N(int64(time.Second)) >> rng.IntN(20))
			s.Add(&metrics.Request{
				Outcome: metrics.Outcome(rng.IntN(3)), Cache: metrics.Lookup(rng.IntN(3)), Called: true,
				Latency: d, Integration: d / 2, Received: rng.Int64N(100), Sent: rng.Int64N(100),
			})
		}
	}
	s, other := metrics.NewSeries(), metrics.NewSeries()
	random(s)
	first := s.Figures()
	random(s)
	second := s.Figures()
	since := second.Since(&first)
	if diff := cmp.Diff(second, first.Plus(&since)); diff != "" {
		t.Errorf("first plus what came since (-want +got):\n%s", diff)
	}
	random(other)
	o := other.Figures()
	if diff := cmp.Diff(first.Plus(&o), o.Plus(&first)); diff != "" {
		t.Errorf("a+b and b+a:\n%s", diff)
	}
	if diff := cmp.Diff(first, first.Since(&second)); diff != "" {
		t.Errorf("a series that began anew (-want +got):\n%s", diff)
	}
}

func TestRegistry(t *testing.T) {
	r := metrics.NewRegistry[string](2)
	a, b := r.Series("a"), r.Series("b")
	c, d := r.Series("c"), r.Series("d")
	if a == b || a == c || c != d {
		t.Error("two series of their own, and one for all others")
	}
	if again := r.Series("a"); again != a {
		t.Error("the series of a key is not what it was")
	}
	other, keys := r.Other()
	if other != c || keys != 2 {
		t.Errorf("other is shared by %d keys, want 2", keys)
	}
	r.Retain(func(k string) bool { return k == "a" || k == "c" })
	if r.Series("c") == other {
		t.Error("there is room again, but the key still shares")
	}
	if _, keys := r.Other(); keys != 0 {
		t.Errorf("other is shared by %d keys, want 0", keys)
	}
	if got := len(r.All()); got != 2 {
		t.Errorf("%d series, want 2", got)
	}
}

func TestSeriesAtOnce(t *testing.T) {
	s := metrics.NewSeries()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 1000 {
				s.Add(&metrics.Request{Outcome: metrics.ClientError, Latency: time.Duration(i) * time.Microsecond})
				if f := s.Figures(); i%100 == 0 && f.ClientErrors > f.Count {
					t.Errorf("%d errors of %d requests", f.ClientErrors, f.Count)
				}
			}
		})
	}
	wg.Wait()
	if f := s.Figures(); f.Count != 8000 || f.ClientErrors != 8000 {
		t.Errorf("counted %d requests and %d errors, want 8000", f.Count, f.ClientErrors)
	}
}

// A series that spreads while it is used loses nothing.
func TestSeriesSpreads(t *testing.T) {
	s := metrics.NewSeries()
	add := func(n int) {
		for range n {
			s.Add(&metrics.Request{Outcome: metrics.ServerError, Called: true, Latency: time.Millisecond, Integration: time.Microsecond})
		}
	}
	add(10)
	before := s.Figures()
	metrics.Spread(s)
	if diff := cmp.Diff(before, s.Figures()); diff != "" {
		t.Errorf("spreading changes figures:\n%s", diff)
	}
	add(90)
	if f := s.Figures(); f.Count != 100 || f.ServerErrors != 100 || f.Latency.Sum != 100*time.Millisecond || f.Integration.Count != 100 {
		t.Errorf("figures = %+v, want 100 of all", f)
	}
	if n := testing.AllocsPerRun(1000, func() { add(1) }); n != 0 {
		t.Errorf("Add allocates %v times, budget 0", n)
	}
}

func TestAddAllocs(t *testing.T) {
	s := metrics.NewSeries()
	r := metrics.Request{Latency: time.Millisecond, Called: true, Integration: time.Millisecond, Sent: 100, Received: 100}
	if n := testing.AllocsPerRun(1000, func() { s.Add(&r) }); n != 0 {
		t.Errorf("Add allocates %v times, budget 0", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	s := metrics.NewSeries()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := metrics.Request{Called: true, Latency: time.Millisecond, Integration: time.Millisecond, Sent: 100, Received: 100}
		for pb.Next() {
			s.Add(&r)
		}
	})
}
