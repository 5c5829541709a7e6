package compile

import (
	"slices"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/metrics"
	"gatehouse/internal/record"
)

// A SeriesKey tells whose requests a series counts: those of a stage, or those
// of one of its methods or routes, whose Method is then not empty.
type SeriesKey struct {
	Account, Region string
	API, Stage      string // of a canary: the stage's name and /Canary
	Method, Path    string // of $default and of a WebSocket API's routes: ANY and the route key
}

func (k SeriesKey) stage() stageID {
	return stageID{record.Scope{Account: k.Account, Region: k.Region}, k.API, strings.TrimSuffix(k.Stage, canarySuffix)}
}

// Metrics are what the requests of all stages are counted in, and of those
// methods and routes whose detailed metrics are enabled.
type Metrics struct {
	Stages, Routes *metrics.Registry[SeriesKey]
}

// Bounds of the series, each of which takes some four KiB with its minutes. Who may make
// stages and methods can reach them; the requests of those that come after are
// counted together.
const (
	mostStageSeries = 20_000
	mostRouteSeries = 20_000
)

// NewMetrics returns metrics that have counted nothing.
func NewMetrics() *Metrics {
	return &Metrics{metrics.NewRegistry[SeriesKey](mostStageSeries), metrics.NewRegistry[SeriesKey](mostRouteSeries)}
}

// retainSeries forgets the series of what is not served any more.
func (c *Compiler) retainSeries() {
	inUse := func(k SeriesKey) bool {
		b := c.stages[k.stage()]
		if b == nil || strings.HasSuffix(k.Stage, canarySuffix) && (b.stage == nil || b.stage.Canary == nil) {
			return false
		}
		return k.Method == "" || b.series[k]
	}
	c.opt.Metrics.Stages.Retain(inUse)
	c.opt.Metrics.Routes.Retain(inUse)
}

// A NamedAPI is what is known of the API of a stage that is served.
type NamedAPI struct {
	Name         string
	HTTP, Socket bool // else it is a REST API
}

// apiNames are the APIs of all stages that are served.
func (c *Compiler) apiNames() map[SeriesKey]NamedAPI {
	names := make(map[SeriesKey]NamedAPI, len(c.stages))
	for id, b := range c.stages {
		names[id.seriesKey()] = NamedAPI{b.name, b.http, b.socket}
		if b.stage != nil && b.stage.Canary != nil {
			id.name += canarySuffix
			names[id.seriesKey()] = NamedAPI{Name: b.name}
		}
	}
	return names
}

// APINames returns the APIs of all stages that are served, by the keys of the
// stages' series. Nobody may change it.
func (c *Compiler) APINames() map[SeriesKey]NamedAPI {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.names
}

// seriesKey is the key of a stage's series.
func (id stageID) seriesKey() SeriesKey {
	return SeriesKey{Account: id.Account, Region: id.Region, API: id.api, Stage: id.name}
}

// counted makes the finisher that counts the exchanges of a stage.
func (c *Compiler) counted(id stageID) *step.Metrics {
	return &step.Metrics{Stage: c.opt.Metrics.Stages.Series(id.seriesKey())}
}

// countedRoute is finish, of which first is that of a stage, for a method or a
// route that is counted by itself too.
func (c *Compiler) countedRoute(b *built, id stageID, method, path string, finish []gateway.Finisher) []gateway.Finisher {
	key := id.seriesKey()
	key.Method, key.Path = method, path
	if b.series == nil {
		b.series = make(map[SeriesKey]bool)
	}
	b.series[key] = true
	of := *finish[0].(*step.Metrics) // finishers says so
	of.Route = c.opt.Metrics.Routes.Series(key)
	own := slices.Clone(finish)
	own[0] = &of
	return own
}

// finishersOf are what is run after the responses of a method.
//
// AWS: logging-metrics.md §3: settings of a method replace those of the stage.
func (p *planner) finishersOf(rt *gateway.Route) []gateway.Finisher {
	if set, _ := p.rec.MethodSetting(rt.ResourcePath, rt.Method); p.test || !isTrue(set.MetricsEnabled) {
		return p.finish
	}
	return p.c.countedRoute(p.b, p.seen, rt.Method, rt.ResourcePath, p.finish)
}

// finishersOf are what is run after the responses of a route.
func (p *httpPlanner) finishersOf(rt *gateway.Route) []gateway.Finisher {
	if !p.rec.DetailedMetrics(rt.Key) {
		return p.finish
	}
	method, path := rt.Method, rt.ResourcePath
	if path == "" {
		method, path = "ANY", rt.Key
	}
	return p.c.countedRoute(p.b, p.id, method, path, p.finish)
}
