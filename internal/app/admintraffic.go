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
// Whoever asks twice knows what happened in between. Asked for the last minutes,
// it is what was counted in those, as far as they are remembered.
type Traffic struct {
	From   *time.Time      `json:"from,omitempty"` // nil: since the start
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
	Name    string `json:"name,omitempty"`   // of the API
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
			t.add(key, s.Figures())
		}
		s, _ := r.Other()
		t.addOther(s.Figures(), r == m.Routes)
	}
	t.sort()
	return t
}

// trafficOf adds up the whole minutes that began after from.
func trafficOf(m *compile.Metrics, from time.Time) Traffic {
	t := Traffic{Series: []TrafficSeries{}}
	for _, r := range []*metrics.Registry[compile.SeriesKey]{m.Stages, m.Routes} {
		sums := make(map[compile.SeriesKey]metrics.Figures)
		var others metrics.Figures
		for _, minute := range r.Minutes() {
			if minute.From.Before(from) {
				continue
			}
			for key, f := range minute.Points {
				sum := sums[key]
				sums[key] = sum.Plus(&f)
			}
			others = others.Plus(&minute.Other)
			t.cover(minute.From, minute.To)
		}
		for key, f := range sums {
			t.add(key, f)
		}
		t.addOther(others, r == m.Routes)
	}
	t.sort()
	return t
}

// cover widens the time that t tells of.
func (t *Traffic) cover(from, to time.Time) {
	if t.From == nil || from.Before(*t.From) {
		t.From = &from
	}
	if to.After(t.At) {
		t.At = to
	}
}

func (t *Traffic) add(key compile.SeriesKey, f metrics.Figures) {
	t.Series = append(t.Series, TrafficSeries{
		Account: key.Account, Region: key.Region, API: key.API, Stage: key.Stage, Method: key.Method, Path: key.Path, Figures: f,
	})
}

func (t *Traffic) addOther(f metrics.Figures, routes bool) {
	if f.Count == 0 {
		return
	}
	key := compile.SeriesKey{Account: other, Region: other, API: other, Stage: other}
	if routes {
		key.Method, key.Path = other, other
	}
	t.add(key, f)
}

func (t *Traffic) sort() {
	slices.SortFunc(t.Series, func(a, b TrafficSeries) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.API, b.API),
			cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
}

// showTraffic tells what was counted since the start or, with last=5m, in the
// whole minutes of that time.
func (a *admin) showTraffic(w http.ResponseWriter, r *http.Request) {
	text := r.URL.Query().Get("last")
	if text == "" {
		a.writeTraffic(w, traffic(a.traffic))
		return
	}
	last, err := time.ParseDuration(text)
	if err != nil || last < time.Minute {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "last is a time of at least 1m, as in last=15m"})
		return
	}
	// The minute that runs is not over: the last whole one began up to two ago.
	a.writeTraffic(w, trafficOf(a.traffic, time.Now().Truncate(time.Minute).Add(-last-time.Second)))
}

// writeTraffic answers t with the names of APIs.
func (a *admin) writeTraffic(w http.ResponseWriter, t Traffic) {
	names := a.names()
	for i := range t.Series {
		s := &t.Series[i]
		s.Name = names[compile.SeriesKey{Account: s.Account, Region: s.Region, API: s.API, Stage: s.Stage}].Name
	}
	writeJSON(w, http.StatusOK, t)
}
