package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/metrics"
)

// /traffic tells what was counted since the start, or in the last minutes.
func TestTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := compile.NewMetrics()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go m.Stages.Run(ctx, nil) //nolint:errcheck // it returns nil
		go m.Routes.Run(ctx, nil) //nolint:errcheck // likewise
		synctest.Wait()
		key := compile.SeriesKey{API: "a1", Stage: "prod"}
		route := key
		route.Method, route.Path = "GET", "/pets"
		begin := time.Now()
		time.Sleep(time.Second) // so that minutes end while nothing else happens
		for minute := range 4 {
			for range minute + 1 {
				m.Stages.Series(key).Add(&metrics.Request{Latency: time.Millisecond})
			}
			if minute == 0 {
				m.Routes.Series(route).Add(&metrics.Request{})
			}
			time.Sleep(time.Minute)
		}
		m.Stages.Series(key).Add(&metrics.Request{}) // of the minute that runs
		time.Sleep(10 * time.Second)
		tests := []struct {
			query  string
			from   time.Duration // since begin; -1: none
			counts map[string]uint64
		}{
			{"", -1, map[string]uint64{"": 11, "/pets": 1}},
			{"?last=1m", 3 * time.Minute, map[string]uint64{"": 4}},
			{"?last=2m", 2 * time.Minute, map[string]uint64{"": 7}},
			{"?last=1h", 0, map[string]uint64{"": 10, "/pets": 1}},
		}
		for _, tt := range tests {
			w := httptest.NewRecorder()
			(&admin{traffic: m, names: func() map[compile.SeriesKey]compile.NamedAPI { return nil }}).showTraffic(w, httptest.NewRequest(http.MethodGet, "/traffic"+tt.query, http.NoBody))
			var got Traffic
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", tt.query, w.Code, w.Body)
			}
			counts := map[string]uint64{}
			for _, s := range got.Series {
				counts[s.Path] = s.Figures.Count
			}
			if diff := cmp.Diff(tt.counts, counts); diff != "" {
				t.Errorf("%q: requests (-want +got):\n%s", tt.query, diff)
			}
			from := time.Duration(-1)
			if got.From != nil {
				from = got.From.Sub(begin)
			}
			if from != tt.from {
				t.Errorf("%q begins %v after the start, want %v", tt.query, from, tt.from)
			}
		}
	})
}
