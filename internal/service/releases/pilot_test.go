package releases

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/upstream"
)

// TestJudge: a canary goes on, waits or goes back by what it has done in a step.
func TestJudge(t *testing.T) {
	c := (&upstream.Canary{Minimum: 100, ErrorRate: 0.05, P99: 100 * time.Millisecond, Interval: time.Minute}).WithDefaults()
	tally := func(requests, failed, refused int, took time.Duration) upstream.Tally {
		return upstream.NewTally(requests, failed, refused, took)
	}
	for _, tt := range []struct {
		name string
		t    upstream.Tally
		age  time.Duration
		want verdict
		why  string
	}{
		{"nothing yet", tally(0, 0, 0, 0), time.Hour, wait, ""},
		{"too few", tally(99, 0, 0, time.Millisecond), time.Hour, wait, ""},
		{"too early", tally(100, 5, 0, time.Millisecond), time.Second, wait, ""},
		{"well", tally(100, 5, 0, time.Millisecond), time.Minute, advance, "100 requests in 1m0s, 5 failed"},
		{"too many failed", tally(100, 6, 0, time.Millisecond), time.Second, fail, "6 of 100 requests failed, allowed are 5%"},
		{"too many already", tally(6, 6, 0, time.Millisecond), time.Second, fail, "6 of 6 requests failed"},
		{"not too many yet", tally(5, 5, 0, time.Millisecond), time.Hour, wait, ""},
		{"refused", tally(0, 0, 6, 0), time.Second, fail, "6 of 6 requests failed"},
		{"slow", tally(100, 0, 0, 200*time.Millisecond), time.Second, fail, "p99 is "},
		{"slow, but too few to tell", tally(50, 0, 0, 200*time.Millisecond), time.Hour, wait, ""},
	} {
		if got, why := judge(&c, tt.t, tt.age); got != tt.want || !strings.Contains(why, tt.why) {
			t.Errorf("%s: %v, %q; want %v, %q", tt.name, got, why, tt.want, tt.why)
		}
	}
}

// TestJudgeOfNone: with an error rate of 0% one failure is too many, whatever the minimum.
func TestJudgeOfNone(t *testing.T) {
	rec := Release{Text: "targets: [{cluster: old, weight: 7}, {cluster: new}]\ncanary: {target: new, error-rate: 0%}"}
	def, err := rec.definition()
	if err != nil {
		t.Fatal(err)
	}
	c := def.Canary.WithDefaults()
	if got, why := judge(&c, upstream.NewTally(1, 1, 0, time.Millisecond), 0); got != fail || why != "1 of 1 requests failed, allowed are 0%" {
		t.Errorf("%v, %q", got, why)
	}
	if got, _ := judge(&c, upstream.NewTally(1000, 0, 0, time.Millisecond), time.Hour); got != advance {
		t.Errorf("without failures: %v", got)
	}
}

// TestShares: the canary comes first, so that who has it keeps it, and gets what its
// step says.
func TestShares(t *testing.T) {
	rec := Release{Text: "targets: [{cluster: old, weight: 7}, {cluster: new}]\ncanary: {target: new}"}
	def, err := rec.definition()
	if err != nil {
		t.Fatal(err)
	}
	rec.share(&def, "new", 0.055)
	got, err := rec.Effective()
	if err != nil || got.Targets[0] != (upstream.Target{Cluster: "new", Weight: 55}) || got.Targets[1] != (upstream.Target{Cluster: "old", Weight: 945}) {
		t.Errorf("%+v, %v", got.Targets, err)
	}
	for range 2 * mostHistory {
		rec.note(&def, "me", "nothing", "")
	}
	if len(rec.History) != mostHistory {
		t.Errorf("%d entries are kept", len(rec.History))
	}
}
