package app

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/metrics"
)

// A Traffic is the answer of /traffic: what the server has counted so far.
// Whoever asks twice knows what happened in between.
type Traffic struct {
	At     time.Time       `json:"at"`
	Series []TrafficSeries `json:"series"`
}

// A TrafficSeries is what one stage has counted, or one method or route of it.
// Those for which there was no room are one series, in which all that names it
// is "other".
type TrafficSeries struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	API     string `json:"api"`
	Stage   string `json:"stage"`
	Method  string `json:"method,omitempty"` // empty: all of the stage
	Path    string `json:"path,omitempty"`

	Figures metrics.Figures `json:"figures"`
}

// other names what there was no room for.
const other = "other"

// traffic reads all series, in a fixed order.
func traffic(m *compile.Metrics) Traffic {
	t := Traffic{At: time.Now(), Series: []TrafficSeries{}} // never null
	for _, r := range []*metrics.Registry[compile.SeriesKey]{m.Stages, m.Routes} {
		for key, s := range r.All() {
			t.Series = append(t.Series, TrafficSeries{key.Account, key.Region, key.API, key.Stage, key.Method, key.Path, s.Figures()})
		}
		s, _ := r.Other()
		if f := s.Figures(); f.Count > 0 {
			row := TrafficSeries{other, other, other, other, "", "", f}
			if r == m.Routes {
				row.Method, row.Path = other, other
			}
			t.Series = append(t.Series, row)
		}
	}
	slices.SortFunc(t.Series, func(a, b TrafficSeries) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.API, b.API),
			cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return t
}

func (a *admin) showTraffic(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, traffic(a.traffic))
}
