package step_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/metrics"
	"gatehouse/internal/wire"
)

// AWS: logging-metrics.md §3.
func TestMetrics(t *testing.T) {
	called := func(x *gateway.Exchange) {
		x.Vars.IntegrationStart = x.Vars.Start.Add(time.Millisecond)
		x.Vars.IntegrationEnd = x.Vars.Start.Add(4 * time.Millisecond)
	}
	status := func(code int) func(*gateway.Exchange) {
		return func(x *gateway.Exchange) { x.MethodResponse.Status = code }
	}
	fault := func(of gateway.FaultType, code int) func(*gateway.Exchange) {
		return func(x *gateway.Exchange) {
			x.Fault, x.MethodResponse.Status = gateway.NewFault(of, nil), code
		}
	}
	lookup := func(l metrics.Lookup) func(*gateway.Exchange) {
		return func(x *gateway.Exchange) { x.Vars.Cache = l }
	}
	tests := []struct {
		name    string
		change  func(*gateway.Exchange)
		want    metrics.Figures
		backend bool
	}{
		{"answered by the gateway", func(*gateway.Exchange) {}, metrics.Figures{}, false},
		{"a backend was called", called, metrics.Figures{}, true},
		{"4XX of the backend", status(404), metrics.Figures{ClientErrors: 1}, false},
		{"5XX of the backend", status(503), metrics.Figures{ServerErrors: 1}, false},
		{"3XX", status(302), metrics.Figures{}, false},
		{"fault", fault(gateway.Throttled, 429), metrics.Figures{ClientErrors: 1}, false},
		{"4XX fault answered 200", fault(gateway.Throttled, 200), metrics.Figures{ClientErrors: 1}, false},
		{"5XX fault answered 200", fault(gateway.IntegrationTimeout, 200), metrics.Figures{ClientErrors: 1}, false},
		{"5XX fault answered 503", fault(gateway.IntegrationTimeout, 503), metrics.Figures{ServerErrors: 1}, false},
		{"from the cache", lookup(metrics.Hit), metrics.Figures{Hits: 1}, false},
		{"not in the cache", lookup(metrics.Miss), metrics.Figures{Misses: 1}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := measured()
			tt.change(x)
			m := &step.Metrics{Stage: metrics.NewSeries(), Route: metrics.NewSeries()}
			m.Finish(x)
			want := tt.want
			want.Count, want.Received, want.Sent = 1, 70, 150
			want.Latency = metrics.Distribution{Count: 1, Sum: 8 * time.Microsecond, Buckets: []metrics.Bucket{{From: 8, Count: 1}}}
			if tt.backend {
				want.Integration = metrics.Distribution{Count: 1, Sum: 3 * time.Millisecond, Buckets: []metrics.Bucket{{From: 11 << 8, Count: 1}}}
			}
			for _, s := range []*metrics.Series{m.Stage, m.Route} {
				if diff := cmp.Diff(want, s.Figures()); diff != "" {
					t.Errorf("figures (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// measured is an exchange that took 8 µs.
func measured() *gateway.Exchange {
	x := logged()
	x.Vars.Now = x.Vars.Start
	x.Vars.Sent = wire.Sent{Head: 138, Body: 12, Received: 70, At: x.Vars.Start.Add(8 * time.Microsecond)}
	return x
}

func TestMetricsAllocs(t *testing.T) {
	x, m := measured(), &step.Metrics{Stage: metrics.NewSeries(), Route: metrics.NewSeries()}
	if n := testing.AllocsPerRun(1000, func() { m.Finish(x) }); n != 0 {
		t.Errorf("Finish allocates %v times, budget 0", n)
	}
}

func BenchmarkMetrics(b *testing.B) {
	x := measured()
	x.Vars.IntegrationStart, x.Vars.IntegrationEnd = x.Vars.Start, x.Vars.Start.Add(time.Millisecond)
	for _, bb := range []struct {
		name string
		m    *step.Metrics
	}{
		{"stage", &step.Metrics{Stage: metrics.NewSeries()}},
		{"stage+route", &step.Metrics{Stage: metrics.NewSeries(), Route: metrics.NewSeries()}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					bb.m.Finish(x)
				}
			})
		})
	}
}
