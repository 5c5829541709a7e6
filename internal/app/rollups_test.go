package app

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/metrics"
	"gatehouse/internal/rollup"
)

// counted is what a series counts of some requests.
func counted(requests ...metrics.Request) metrics.Figures {
	s := metrics.NewSeries()
	for i := range requests {
		s.Add(&requests[i])
	}
	return s.Figures()
}

// AWS: logging-metrics.md §3: names, units and dimensions of each kind of API.
func TestRecorder(t *testing.T) {
	store, err := rollup.Open(t.TempDir(), rollup.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() //nolint:errcheck // a test's
	rest := compile.SeriesKey{Account: "123456789012", Region: "eu-west-1", API: "r1", Stage: "prod"}
	other, http, socket, odd := rest, rest, rest, rest
	other.Stage, http.API, socket.API, odd.API = "test", "h1", "w1", "r2"
	names := map[compile.SeriesKey]compile.NamedAPI{
		rest: {Name: "pets é"}, other: {Name: "pets é"}, http: {Name: "x", HTTP: true}, socket: {Name: "x", Socket: true}, odd: {Name: "日本"},
	}
	r := &recorder{to: store, names: func() map[compile.SeriesKey]compile.NamedAPI { return names }, log: slog.New(slog.DiscardHandler)}
	from := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	minute := func(points map[compile.SeriesKey]metrics.Figures) *metrics.Minute[compile.SeriesKey] {
		return &metrics.Minute[compile.SeriesKey]{From: from, To: from.Add(time.Minute), Points: points}
	}
	ms := time.Millisecond
	r.stages(minute(map[compile.SeriesKey]metrics.Figures{
		rest: counted(metrics.Request{Latency: 8 * ms, Called: true, Integration: 5 * ms}, metrics.Request{Outcome: metrics.ClientError, Latency: 2 * ms},
			metrics.Request{Latency: 2 * ms, Cache: metrics.Hit}),
		other:  counted(metrics.Request{Outcome: metrics.ServerError, Latency: 4 * ms}),
		http:   counted(metrics.Request{Outcome: metrics.ServerError, Latency: ms, Received: 10, Sent: 20}),
		socket: counted(metrics.Request{Connect: true}, metrics.Request{Reply: true, Outcome: metrics.ExecutionError}, metrics.Request{Outcome: metrics.ServerError}),
		odd:    counted(metrics.Request{}),
	}))
	names = map[compile.SeriesKey]compile.NamedAPI{} // the APIs are deleted
	method, route := rest, socket
	method.Method, method.Path = "GET", "/pets/{id}"
	route.Method, route.Path = "ANY", "$connect"
	r.routes(minute(map[compile.SeriesKey]metrics.Figures{method: counted(metrics.Request{Latency: 8 * ms}), route: counted(metrics.Request{Connect: true})}))

	var got []string
	store.List("123456789012", "eu-west-1", from, func(l *rollup.Listed) bool {
		var dims []string
		for _, d := range l.Dimensions {
			dims = append(dims, d.Name+"="+d.Value)
		}
		series, err := store.Read(t.Context(), &l.Source, l.Name, from, from.Add(time.Minute))
		if err != nil || len(series) != 1 || len(series[0].Points) != 1 {
			t.Fatalf("%v: %v, %v", l, series, err)
		}
		p := series[0].Points[0]
		got = append(got, fmt.Sprintf("%s [%s] %s: %v %.2f %.2f-%.2f", l.Name, strings.Join(dims, " "), l.Unit, p.Count, p.Sum, p.Min, p.Max))
		return true
	})
	want := strings.Split(strings.TrimSpace(`
4XXError [ApiName=r2] Count: 1 0.00 0.00-0.00
5XXError [ApiName=r2] Count: 1 0.00 0.00-0.00
Count [ApiName=r2] Count: 1 1.00 1.00-1.00
Latency [ApiName=r2] Milliseconds: 1 0.00 0.00-0.00
4XXError [ApiName=r2 Stage=prod] Count: 1 0.00 0.00-0.00
5XXError [ApiName=r2 Stage=prod] Count: 1 0.00 0.00-0.00
Count [ApiName=r2 Stage=prod] Count: 1 1.00 1.00-1.00
Latency [ApiName=r2 Stage=prod] Milliseconds: 1 0.00 0.00-0.00
4XXError [ApiName=pets ] Count: 4 1.00 0.00-1.00
5XXError [ApiName=pets ] Count: 4 1.00 0.00-1.00
CacheHitCount [ApiName=pets ] Count: 4 1.00 0.00-1.00
CacheMissCount [ApiName=pets ] Count: 4 0.00 0.00-0.00
Count [ApiName=pets ] Count: 4 4.00 1.00-1.00
IntegrationLatency [ApiName=pets ] Milliseconds: 1 5.00 5.00-5.00
Latency [ApiName=pets ] Milliseconds: 4 16.00 1.92-8.19
4XXError [ApiName=pets  Method=GET Resource=/pets/{id} Stage=prod] Count: 1 0.00 0.00-0.00
5XXError [ApiName=pets  Method=GET Resource=/pets/{id} Stage=prod] Count: 1 0.00 0.00-0.00
Count [ApiName=pets  Method=GET Resource=/pets/{id} Stage=prod] Count: 1 1.00 1.00-1.00
Latency [ApiName=pets  Method=GET Resource=/pets/{id} Stage=prod] Milliseconds: 1 8.00 8.00-8.00
4XXError [ApiName=pets  Stage=prod] Count: 3 1.00 0.00-1.00
5XXError [ApiName=pets  Stage=prod] Count: 3 0.00 0.00-0.00
CacheHitCount [ApiName=pets  Stage=prod] Count: 3 1.00 0.00-1.00
CacheMissCount [ApiName=pets  Stage=prod] Count: 3 0.00 0.00-0.00
Count [ApiName=pets  Stage=prod] Count: 3 3.00 1.00-1.00
IntegrationLatency [ApiName=pets  Stage=prod] Milliseconds: 1 5.00 5.00-5.00
Latency [ApiName=pets  Stage=prod] Milliseconds: 3 12.00 1.92-8.19
4XXError [ApiName=pets  Stage=test] Count: 1 0.00 0.00-0.00
5XXError [ApiName=pets  Stage=test] Count: 1 1.00 1.00-1.00
Count [ApiName=pets  Stage=test] Count: 1 1.00 1.00-1.00
Latency [ApiName=pets  Stage=test] Milliseconds: 1 4.00 4.00-4.00
4xx [ApiId=h1] None: 1 0.00 0.00-0.00
5xx [ApiId=h1] None: 1 1.00 1.00-1.00
Count [ApiId=h1] None: 1 1.00 1.00-1.00
DataProcessed [ApiId=h1] Bytes: 1 30.00 30.00-30.00
Latency [ApiId=h1] Milliseconds: 1 1.00 1.00-1.00
4xx [ApiId=h1 Stage=prod] None: 1 0.00 0.00-0.00
5xx [ApiId=h1 Stage=prod] None: 1 1.00 1.00-1.00
Count [ApiId=h1 Stage=prod] None: 1 1.00 1.00-1.00
DataProcessed [ApiId=h1 Stage=prod] Bytes: 1 30.00 30.00-30.00
Latency [ApiId=h1 Stage=prod] Milliseconds: 1 1.00 1.00-1.00
ClientError [ApiId=w1] Count: 3 0.00 0.00-0.00
ConnectCount [ApiId=w1] Count: 1 1.00 1.00-1.00
ExecutionError [ApiId=w1] Count: 3 1.00 0.00-1.00
IntegrationError [ApiId=w1] Count: 3 1.00 0.00-1.00
MessageCount [ApiId=w1] Count: 4 4.00 1.00-1.00
ClientError [ApiId=w1 Route=$connect Stage=prod] Count: 1 0.00 0.00-0.00
ConnectCount [ApiId=w1 Route=$connect Stage=prod] Count: 1 1.00 1.00-1.00
ExecutionError [ApiId=w1 Route=$connect Stage=prod] Count: 1 0.00 0.00-0.00
IntegrationError [ApiId=w1 Route=$connect Stage=prod] Count: 1 0.00 0.00-0.00
MessageCount [ApiId=w1 Route=$connect Stage=prod] Count: 1 1.00 1.00-1.00
ClientError [ApiId=w1 Stage=prod] Count: 3 0.00 0.00-0.00
ConnectCount [ApiId=w1 Stage=prod] Count: 1 1.00 1.00-1.00
ExecutionError [ApiId=w1 Stage=prod] Count: 3 1.00 0.00-1.00
IntegrationError [ApiId=w1 Stage=prod] Count: 3 1.00 0.00-1.00
MessageCount [ApiId=w1 Stage=prod] Count: 4 4.00 1.00-1.00`), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Quantiles of what is recorded are those of what was counted, to within an
// eighth.
func TestMillis(t *testing.T) {
	s := metrics.NewSeries()
	for i := range 10_000 {
		s.Add(&metrics.Request{Latency: time.Duration(i*i) * time.Microsecond})
	}
	f := s.Figures()
	p := millis(&f.Latency)
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99} {
		want := float64(f.Latency.Quantile(q)) / float64(time.Millisecond)
		if got, ok := p.Quantile(q); !ok || math.Abs(got-want) > want/8 {
			t.Errorf("quantile %v = %v, want %v", q, got, want)
		}
	}
}
