package xray

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	api "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/record"
)

// mostServices bounds the nodes of a graph. AWS: xray-services-apigateway: 10,000.
const mostServices = 10_000

// A graph is what services did in many traces, and who called whom.
type graph struct {
	nodes map[nodeID]*service
	order []*service
}

// A service is a node of a graph.
type service struct {
	id         nodeID
	number     int32
	root       bool
	client     bool // it stands for who sent the requests
	inferred   bool
	start, end float64
	stats      statistics
	durations  histogram
	edges      map[*service]*link
	targets    []*link
}

// A link is an edge of a graph.
type link struct {
	to         *service
	start, end float64
	stats      statistics
}

// statistics count calls.
type statistics struct {
	ok, throttle, otherError, fault int64
	seconds                         float64
	times                           histogram
}

// A histogram counts times by their values, of three digits.
type histogram map[float64]int32

func (h *histogram) add(seconds float64) {
	if *h == nil {
		*h = histogram{}
	}
	(*h)[threeDigits(seconds)]++
}

// threeDigits rounds a time, so that a histogram has few values.
func threeDigits(seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(seconds))-2)
	return round(math.Round(seconds/unit) * unit)
}

// round takes off what is less than a microsecond.
func round(seconds float64) float64 { return math.Round(seconds*1e6) / 1e6 }

func (h histogram) shown() []api.HistogramEntry {
	list := make([]api.HistogramEntry, 0, len(h))
	for value, count := range h {
		list = append(list, api.HistogramEntry{Value: new(value), Count: new(count)})
	}
	slices.SortFunc(list, func(a, b api.HistogramEntry) int { return cmp.Compare(*a.Value, *b.Value) })
	return list
}

func (st *statistics) add(c *call) {
	switch {
	case c.seg.Fault:
		st.fault++
	case c.seg.Throttle:
		st.throttle++
	case c.seg.Error:
		st.otherError++
	default:
		st.ok++
	}
	st.seconds += c.seconds()
	st.times.add(c.seconds())
}

func (st *statistics) total() int64 { return st.ok + st.throttle + st.otherError + st.fault }

func (st *statistics) ofService() *api.ServiceStatistics {
	return (*api.ServiceStatistics)(st.ofEdge())
}

func (st *statistics) ofEdge() *api.EdgeStatistics {
	return &api.EdgeStatistics{
		OkCount: new(st.ok), TotalCount: new(st.total()), TotalResponseTime: new(round(st.seconds)),
		ErrorStatistics: &api.ErrorStatistics{ThrottleCount: new(st.throttle), OtherCount: new(st.otherError), TotalCount: new(st.throttle + st.otherError)},
		FaultStatistics: &api.FaultStatistics{OtherCount: new(st.fault), TotalCount: new(st.fault)},
	}
}

func newGraph() *graph { return &graph{nodes: map[nodeID]*service{}} }

// clientKind is the type of the nodes that stand for who sends requests.
const clientKind = "client"

func (g *graph) service(id nodeID) *service {
	s := g.nodes[id]
	if s == nil {
		s = &service{id: id, number: int32(len(g.order)), client: id.kind == clientKind, edges: map[*service]*link{}}
		g.nodes[id] = s
		g.order = append(g.order, s)
	}
	return s
}

// add takes in a trace.
func (g *graph) add(t *traced) {
	for _, n := range t.nodes {
		s := g.service(n.id)
		s.inferred = s.inferred || n.inferred
		for _, c := range n.calls {
			s.seen(c)
			s.stats.add(c)
			s.durations.add(c.seconds())
		}
		if !n.root {
			continue
		}
		s.root = true
		for _, c := range n.calls {
			if c == t.root { // the others have callers whose segments are missing
				client := g.service(nodeID{name: n.id.name, kind: clientKind})
				client.seen(c)
				client.calls(s, c)
			}
		}
	}
	for _, e := range t.edges {
		g.service(e.from.id).calls(g.service(e.to.id), e.call)
	}
}

func (s *service) seen(c *call) {
	if s.start == 0 || c.seg.Start < s.start {
		s.start = c.seg.Start
	}
	s.end = max(s.end, c.seg.End)
}

func (s *service) calls(to *service, c *call) {
	l := s.edges[to]
	if l == nil {
		l = &link{to: to, start: c.seg.Start}
		s.edges[to] = l
		s.targets = append(s.targets, l)
	}
	l.start, l.end = min(l.start, c.seg.Start), max(l.end, c.seg.End)
	l.stats.add(c)
}

func (g *graph) shown() []api.ServiceShape {
	list := make([]api.ServiceShape, len(g.order))
	for i, s := range g.order {
		list[i] = s.shown()
	}
	return list
}

func (s *service) shown() api.ServiceShape {
	out := api.ServiceShape{
		ReferenceId: new(s.number), Name: new(s.id.name), Names: []string{s.id.name}, Type: optional(s.id.kind), AccountId: optional(s.id.account),
		State: new("active"), StartTime: new(seconds(s.start)), EndTime: new(seconds(s.end)), Edges: []api.Edge{},
	}
	if s.root {
		out.Root = new(true)
	}
	if s.client || s.inferred {
		out.State = new("unknown")
	}
	if !s.client {
		out.SummaryStatistics = s.stats.ofService()
		out.DurationHistogram, out.ResponseTimeHistogram = s.durations.shown(), s.stats.times.shown()
	}
	for _, l := range s.targets {
		out.Edges = append(out.Edges, api.Edge{
			ReferenceId: new(l.to.number), StartTime: new(seconds(l.start)), EndTime: new(seconds(l.end)), SummaryStatistics: l.stats.ofEdge(),
			ResponseTimeHistogram: l.stats.times.shown(), Aliases: []api.Alias{},
		})
	}
	return out
}

// eachTrace visits the traces of a time that a filter lets pass.
func (s *Service) eachTrace(ctx context.Context, scope record.Scope, from, to int64, f filter, visit func(t *traced) error) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	for from < to {
		list, next, err := s.window(ctx, scope, from, to, byEvent)
		if err != nil {
			return err
		}
		for _, t := range list {
			if f != nil && !f.holds(t) {
				continue
			}
			if err := visit(t); err != nil {
				return err
			}
		}
		from = next
	}
	return nil
}

// ofGroup is the filter of the group that a call names; nil: it names none.
func (s *Service) ofGroup(ctx context.Context, scope record.Scope, name, resource *string) (filter, error) {
	if name == nil && resource == nil {
		return nil, nil
	}
	which, err := oneGroup(name, resource)
	if err != nil {
		return nil, err
	}
	g, err := s.group(ctx, scope, which)
	if err != nil {
		return nil, err
	}
	return s.filter(ctx, scope, g.Filter)
}

// GetServiceGraph returns which services were called in a time, and by whom.
func (s *Service) GetServiceGraph(ctx context.Context, in *api.GetServiceGraphInput) (*api.GetServiceGraphResponse, error) {
	from, to, err := span(in.StartTime, in.EndTime, longestGraph)
	if err != nil {
		return nil, err
	}
	if str(in.NextToken) != "" { // all is in the first answer
		return nil, errToken()
	}
	scope := scopeOf(ctx)
	f, err := s.ofGroup(ctx, scope, in.GroupName, in.GroupARN)
	if err != nil {
		return nil, err
	}
	g := newGraph()
	err = s.eachTrace(ctx, scope, from, to, f, func(t *traced) error {
		if g.add(t); len(g.order) > mostServices {
			return invalid("The service graph has more than %d services: choose a shorter time or a group", mostServices)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.GetServiceGraphResponse{Services: g.shown(), StartTime: in.StartTime, EndTime: in.EndTime, ContainsOldGroupVersions: new(false)}, nil
}

// GetTraceGraph returns the graph of some traces.
func (s *Service) GetTraceGraph(ctx context.Context, in *api.GetTraceGraphInput) (*api.GetTraceGraphResponse, error) {
	if str(in.NextToken) != "" || len(in.TraceIds) > mostTraceIDs {
		return nil, invalid("GetTraceGraph takes at most %d TraceIds, and no NextToken", mostTraceIDs)
	}
	found, err := s.byID(ctx, scopeOf(ctx), in.TraceIds)
	if err != nil {
		return nil, err
	}
	g := newGraph()
	for _, id := range in.TraceIds {
		if t := found[id]; t != nil {
			g.add(t)
			delete(found, id)
		}
	}
	return &api.GetTraceGraphResponse{Services: g.shown()}, nil
}

// Periods of statistics. AWS: GetTimeSeriesServiceStatistics.
const (
	shortPeriod = 60
	longPeriod  = 300
)

// GetTimeSeriesServiceStatistics returns statistics of a service, or of the calls
// between two, by periods of one or five minutes. Without a selector they are of
// the requests of clients.
func (s *Service) GetTimeSeriesServiceStatistics(ctx context.Context, in *api.GetTimeSeriesServiceStatisticsInput) (*api.GetTimeSeriesServiceStatisticsResponse, error) {
	from, to, err := span(in.StartTime, in.EndTime, longestGraph)
	if err != nil {
		return nil, err
	}
	period := int64(shortPeriod)
	if in.Period != nil {
		period = int64(*in.Period)
	}
	switch {
	case period != shortPeriod && period != longPeriod:
		return nil, invalid("Period is 60 or 300 seconds")
	case isSet(in.ForecastStatistics):
		return nil, noForecast.refuse()
	case str(in.NextToken) != "": // all is in the first answer
		return nil, errToken()
	}
	scope := scopeOf(ctx)
	f, err := s.ofGroup(ctx, scope, in.GroupName, in.GroupARN)
	if err != nil {
		return nil, err
	}
	of, err := selector(str(in.EntitySelectorExpression))
	if err != nil {
		return nil, err
	}
	periods := map[int64]*statistics{}
	err = s.eachTrace(ctx, scope, from, to, f, func(t *traced) error {
		for _, c := range selected(t, of) {
			at := int64(c.seg.Start) / period * period
			if periods[at] == nil {
				periods[at] = new(statistics)
			}
			periods[at].add(c)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &api.GetTimeSeriesServiceStatisticsResponse{TimeSeriesServiceStatistics: []api.TimeSeriesServiceStatistics{}, ContainsOldGroupVersions: new(false)}
	_, ofNode := of.(onService)
	for at := from / period * period; at < to; at += period {
		st := periods[at]
		if st == nil {
			continue
		}
		one := api.TimeSeriesServiceStatistics{Timestamp: new(time.Unix(at, 0)), ResponseTimeHistogram: st.times.shown()}
		if ofNode {
			one.ServiceSummaryStatistics = st.ofService()
		} else {
			one.EdgeSummaryStatistics = st.ofEdge()
		}
		out.TimeSeriesServiceStatistics = append(out.TimeSeriesServiceStatistics, one)
	}
	return out, nil
}

// selector reads which calls are counted: service(…), edge(…) or id(…); nil: those
// of clients.
func selector(text string) (filter, error) {
	if len(text) > 3 && text[:3] == "id(" {
		text = "service(" + text + ")"
	}
	f, err := parseFilter(text, nil)
	if err != nil {
		return nil, invalid("Invalid entity selector expression: %v", err)
	}
	switch f.(type) {
	case nil, onService, onEdge:
		return f, nil
	}
	return nil, invalid("Invalid entity selector expression: it is none of service(), edge() and id()")
}

// selected are the calls of a trace that a selector chooses.
func selected(t *traced, of filter) (list []*call) {
	switch of := of.(type) {
	case onService:
		for _, n := range t.nodes {
			for _, c := range n.calls {
				if of.of.fits(&n.id) && (of.with == nil || of.with.holds(c)) {
					list = append(list, c)
				}
			}
		}
	case onEdge:
		for _, e := range t.edges {
			if of.from.fits(&e.from.id) && of.to.fits(&e.to.id) && (of.with == nil || of.with.holds(e.call)) {
				list = append(list, e.call)
			}
		}
	case nil:
		if t.root != nil {
			list = append(list, t.root)
		}
	}
	return list
}
