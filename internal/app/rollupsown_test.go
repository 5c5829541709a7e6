package app

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/metrics"
	"gatehouse/internal/rollup"
	"gatehouse/internal/upstream"
)

// AWS: "Types of metrics for Lambda functions".
func TestFunctionMetrics(t *testing.T) {
	store, err := rollup.Open(t.TempDir(), rollup.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() //nolint:errcheck // a test's
	r := &recorder{to: store, log: slog.New(slog.DiscardHandler)}
	from := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	ms := time.Millisecond
	const name = "arn:aws:lambda:eu-west-1:123456789012:function:"
	r.functions(&metrics.Minute[string]{From: from, To: from.Add(time.Minute), Points: map[string]metrics.Figures{
		name + "a": counted(metrics.Request{Called: true, Integration: 4 * ms}, metrics.Request{Called: true, Outcome: metrics.ServerError, Integration: 4 * ms}, metrics.Request{Outcome: metrics.ClientError}),
		name + "b": counted(metrics.Request{Called: true, Integration: 2 * ms}),
	}}, map[string]int{name + "a": 2, name + "slow": 1})
	var got []string
	store.List("123456789012", "eu-west-1", from, func(l *rollup.Listed) bool {
		series, err := store.Read(t.Context(), &l.Source, l.Name, from, from.Add(time.Minute))
		if err != nil || len(series) != 1 || len(series[0].Points) != 1 {
			t.Fatalf("%v: %v, %v", l, series, err)
		}
		p := series[0].Points[0]
		got = append(got, fmt.Sprintf("%v %s: %v of %v", l.Dimensions, l.Name, p.Sum, p.Count))
		return true
	})
	want := []string{
		"[] Duration: 10 of 3", "[] Errors: 1 of 3", "[] Invocations: 3 of 3", "[] Throttles: 1 of 4",
		"[{FunctionName a}] ConcurrentExecutions: 2 of 1", "[{FunctionName a}] Duration: 8 of 2", "[{FunctionName a}] Errors: 1 of 2",
		"[{FunctionName a}] Invocations: 2 of 2", "[{FunctionName a}] Throttles: 1 of 3",
		"[{FunctionName b}] Duration: 2 of 1", "[{FunctionName b}] Errors: 0 of 1", "[{FunctionName b}] Invocations: 1 of 1", "[{FunctionName b}] Throttles: 0 of 1",
		"[{FunctionName slow}] ConcurrentExecutions: 1 of 1",
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestClusterMetrics(t *testing.T) {
	last := make(map[rollup.Dimension][2]int64)
	of := func(requests, failed int64, health string) string {
		list := clusterSamples([]upstream.Status{{Name: "c", Endpoints: []upstream.EndpointStatus{{Address: "h:1", Requests: requests, Errors: failed, Health: health}}}}, last, time.Now())
		text := ""
		for _, v := range list[0].Values {
			text += fmt.Sprintf("%s %v/%v ", v.Metric.Name, v.Point.Sum, v.Point.Count)
		}
		return text
	}
	for _, tt := range []struct{ got, want string }{
		{of(10, 2, "ready"), "Requests 10/10 Failures 2/10 Ready 1/1 RequestsInFlight 0/1 "},
		{of(13, 2, "down"), "Requests 3/3 Failures 0/3 Ready 0/1 RequestsInFlight 0/1 "},
		{of(13, 2, "ready"), "Ready 1/1 RequestsInFlight 0/1 "},
		{of(4, 1, "ready"), "Requests 4/4 Failures 1/4 Ready 1/1 RequestsInFlight 0/1 "},
	} {
		if tt.got != tt.want {
			t.Errorf("got  %s\nwant %s", tt.got, tt.want)
		}
	}
}
