package app

import (
	"context"
	"maps"
	"strings"
	"time"

	"gatehouse/internal/arn"
	"gatehouse/internal/metrics"
	"gatehouse/internal/record"
	"gatehouse/internal/rollup"
	"gatehouse/internal/upstream"
)

// countStages and those that follow end the minutes of what is counted.
func (n *node) countStages(ctx context.Context) error {
	return n.metrics.Stages.Run(ctx, n.recorder.stages)
}

func (n *node) countRoutes(ctx context.Context) error {
	return n.metrics.Routes.Run(ctx, n.recorder.routes)
}

func (n *node) countFunctions(ctx context.Context) error {
	return n.functions.metrics.Run(ctx, func(m *metrics.Minute[string]) { n.recorder.functions(m, n.functions.host.Peaks()) })
}

// functions records what the functions counted that run here, and of each
// account all together.
//
// AWS: "Types of metrics for Lambda functions", and their dimensions.
func (r *recorder) functions(m *metrics.Minute[string], peaks map[string]int) {
	var samples []rollup.Sample
	add := func(src *rollup.Source, f *metrics.Figures, peak int) {
		if list := functionValues(f, peak); len(list) > 0 {
			samples = append(samples, rollup.Sample{Source: src, At: m.At(), Values: list, Ours: true})
		}
	}
	points := maps.Clone(m.Points)
	for name := range peaks {
		points[name] = m.Points[name] // of what ran all the time, and ended never, too
	}
	all := make(map[[2]string]metrics.Figures)
	for name, f := range points {
		a, err := arn.Parse(name)
		if err != nil {
			continue // it was one when the function was made
		}
		add(&rollup.Source{Account: a.Account, Region: a.Region, Namespace: "AWS/Lambda", Dimensions: []rollup.Dimension{
			{Name: "FunctionName", Value: strings.TrimPrefix(a.Resource, "function:")}}}, &f, peaks[name])
		at := [2]string{a.Account, a.Region}
		sum := all[at]
		all[at] = sum.Plus(&f)
	}
	for at, f := range all {
		add(&rollup.Source{Account: at[0], Region: at[1], Namespace: "AWS/Lambda"}, &f, 0)
	}
	r.put(samples)
}

// functionValues are the metrics of invocations: Called ran, ClientErrors were
// throttled.
func functionValues(f *metrics.Figures, peak int) []rollup.Value {
	var v values
	if ran := f.Integration.Count; ran > 0 {
		v.of = ran
		v.add("Invocations", "Count", v.share(ran))
		v.add("Errors", "Count", v.share(f.ServerErrors))
		v.latencies("Duration", &f.Integration)
	}
	if f.Count > 0 {
		v.of = f.Count
		v.add("Throttles", "Count", v.share(f.ClientErrors))
	}
	if peak > 0 {
		v.add("ConcurrentExecutions", "Count", rollup.PointOf(float64(peak), 1))
	}
	return v.list
}

// countClusters records each minute what became of the endpoints of clusters,
// in our own namespace, in all Regions in which the server's account has
// anything.
func (n *node) countClusters(ctx context.Context) error {
	last := make(map[rollup.Dimension][2]int64)
	for {
		now := time.Now()
		timer := time.NewTimer(now.Truncate(time.Minute).Add(time.Minute).Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		regions, err := record.Regions(ctx, n.st, n.credential.AccountID)
		if err != nil {
			n.log.Warn("what clusters counted in the last minute is lost", "error", err)
		}
		var samples []rollup.Sample
		for _, s := range clusterSamples(n.clusters.Status(), last, now) {
			for _, region := range regions {
				src := *s.Source
				src.Account, src.Region = n.credential.AccountID, region
				s.Source = &src
				samples = append(samples, s)
			}
		}
		n.recorder.put(samples)
	}
}

// clusterSamples are the metrics of the endpoints, by what they had counted
// last.
func clusterSamples(all []upstream.Status, last map[rollup.Dimension][2]int64, at time.Time) []rollup.Sample {
	var samples []rollup.Sample
	seen := make(map[rollup.Dimension]bool)
	for i := range all {
		for j := range all[i].Endpoints {
			e := &all[i].Endpoints[j]
			key := rollup.Dimension{Name: all[i].Name, Value: e.Address}
			before := last[key]
			seen[key], last[key] = true, [2]int64{e.Requests, e.Errors}
			if e.Requests < before[0] {
				before = [2]int64{} // it began anew
			}
			v := values{of: uint64(e.Requests - before[0])}
			if v.of > 0 {
				v.add("Requests", "Count", v.share(v.of))
				v.add("Failures", "Count", v.share(uint64(max(0, e.Errors-before[1]))))
			}
			v.add("Ready", "Count", rollup.PointOf(truth(e.Health == "ready"), 1))
			v.add("RequestsInFlight", "Count", rollup.PointOf(float64(e.InFlight), 1))
			samples = append(samples, rollup.Sample{At: at, Values: v.list, Ours: true, Source: &rollup.Source{Namespace: "Gatehouse", Dimensions: []rollup.Dimension{
				{Name: "Cluster", Value: all[i].Name}, {Name: "Endpoint", Value: e.Address}}}})
		}
	}
	for key := range last {
		if !seen[key] {
			delete(last, key)
		}
	}
	return samples
}
