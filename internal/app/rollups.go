package app

import (
	"cmp"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/metrics"
	"gatehouse/internal/rollup"
	"gatehouse/internal/service/logs"
)

// A recorder puts what is counted in a minute into the store of points, as the
// metrics that AWS has of it.
type recorder struct {
	to    *rollup.Store
	names func() map[compile.SeriesKey]compile.NamedAPI
	log   *slog.Logger

	mu    sync.Mutex                             // guards the field below
	known map[compile.SeriesKey]compile.NamedAPI // those of the minute before, too
}

// sampleBatch is how many samples are put at once.
const sampleBatch = 500

func (r *recorder) put(samples []rollup.Sample) {
	for len(samples) > 0 {
		n := min(sampleBatch, len(samples))
		if err := r.to.Put(samples[:n]); err != nil {
			r.log.Warn("what was measured in the last minute is lost", "error", err)
			return
		}
		samples = samples[n:]
	}
}

// apis are the APIs of stages that are served, and of those that were a minute
// ago: what they counted last comes now.
func (r *recorder) apis() map[compile.SeriesKey]compile.NamedAPI {
	now := r.names()
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[compile.SeriesKey]compile.NamedAPI, len(now))
	maps.Copy(all, r.known)
	maps.Copy(all, now)
	return all
}

// stages records what the stages counted: of each, and of each API.
func (r *recorder) stages(m *metrics.Minute[compile.SeriesKey]) {
	apis := r.apis()
	samples := make([]rollup.Sample, 0, 2*len(m.Points))
	sums := make(map[compile.SeriesKey]metrics.Figures)
	kinds := make(map[compile.SeriesKey]compile.NamedAPI)
	for key, f := range m.Points {
		samples = append(samples, gatewaySample(m.At(), key, apis[key], &f))
		api := key
		api.Stage = ""
		sum := sums[api]
		sums[api], kinds[api] = sum.Plus(&f), apis[key]
	}
	for key, f := range sums {
		samples = append(samples, gatewaySample(m.At(), key, kinds[key], &f))
	}
	r.put(samples)
	r.mu.Lock()
	r.known = r.names()
	r.mu.Unlock()
}

// routes records what the methods and routes counted whose detailed metrics are
// enabled.
func (r *recorder) routes(m *metrics.Minute[compile.SeriesKey]) {
	apis := r.apis()
	samples := make([]rollup.Sample, 0, len(m.Points))
	for key, f := range m.Points {
		stage := key
		stage.Method, stage.Path = "", ""
		samples = append(samples, gatewaySample(m.At(), key, apis[stage], &f))
	}
	r.put(samples)
}

// gatewaySample is what AWS/ApiGateway has of an API, of a stage, or of a method
// or route.
//
// AWS: logging-metrics.md §3; CAP v2_metrics for the units of HTTP APIs and the
// dimension Route.
func gatewaySample(at time.Time, key compile.SeriesKey, api compile.NamedAPI, f *metrics.Figures) rollup.Sample {
	src := &rollup.Source{Account: key.Account, Region: key.Region, Namespace: "AWS/ApiGateway"}
	dimension := func(name, value string) {
		if value != "" {
			src.Dimensions = append(src.Dimensions, rollup.Dimension{Name: name, Value: value})
		}
	}
	s := rollup.Sample{Source: src, At: at, Ours: true}
	dimension("Stage", key.Stage)
	switch {
	case api.Socket:
		dimension("ApiId", key.API)
		dimension("Route", key.Path)
		s.Values = socketValues(f)
	case api.HTTP:
		dimension("ApiId", key.API)
		dimension("Method", key.Method)
		dimension("Resource", key.Path)
		s.Values = httpValues(f)
	default:
		dimension("ApiName", metricName(api.Name, key.API))
		dimension("Method", key.Method)
		dimension("Resource", key.Path)
		s.Values = restValues(f)
	}
	src.Sort()
	return s
}

// metricName is the name of an API in metrics.
//
// AWS: logging-metrics.md §3: what is not ASCII is removed; if nothing stays it
// is the id.
func metricName(name, id string) string {
	ascii := strings.Map(func(c rune) rune {
		if c >= 0x80 {
			return -1
		}
		return c
	}, name)
	if strings.TrimSpace(ascii) == "" {
		return id
	}
	return ascii
}

func restValues(f *metrics.Figures) []rollup.Value {
	v := values{of: f.Count}
	v.add("Count", "Count", v.share(f.Count))
	v.add("4XXError", "Count", v.share(f.ClientErrors))
	v.add("5XXError", "Count", v.share(f.ServerErrors))
	v.latencies("Latency", &f.Latency)
	v.latencies("IntegrationLatency", &f.Integration)
	v.cache(f)
	return v.list
}

func httpValues(f *metrics.Figures) []rollup.Value {
	v := values{of: f.Count}
	v.add("Count", "None", v.share(f.Count))
	v.add("4xx", "None", v.share(f.ClientErrors))
	v.add("5xx", "None", v.share(f.ServerErrors))
	v.latencies("Latency", &f.Latency)
	v.latencies("IntegrationLatency", &f.Integration)
	v.add("DataProcessed", "Bytes", rollup.PointOf(float64(f.Received+f.Sent)/float64(f.Count), float64(f.Count)))
	v.cache(f) // beyond AWS, where answers are kept
	return v.list
}

func socketValues(f *metrics.Figures) []rollup.Value {
	v := values{of: f.Count}
	if f.Connects > 0 {
		v.add("ConnectCount", "Count", rollup.PointOf(1, float64(f.Connects)))
	}
	v.add("MessageCount", "Count", rollup.PointOf(1, float64(f.Count+f.Replies)))
	v.add("ClientError", "Count", v.share(f.ClientErrors))
	v.add("IntegrationError", "Count", v.share(f.ServerErrors-min(f.ServerErrors, f.ExecutionErrors)))
	v.add("ExecutionError", "Count", v.share(f.ExecutionErrors))
	v.latencies("IntegrationLatency", &f.Integration)
	return v.list
}

// values are the metrics of a number of requests.
type values struct {
	of   uint64
	list []rollup.Value
}

func (v *values) add(name, unit string, p rollup.Point) {
	v.list = append(v.list, rollup.Value{Metric: rollup.Metric{Name: name, Unit: unit}, Point: p})
}

// cache adds how often a cache had the answer, if there is one.
func (v *values) cache(f *metrics.Figures) {
	if f.Hits+f.Misses > 0 {
		v.add("CacheHitCount", "Count", v.share(f.Hits))
		v.add("CacheMissCount", "Count", v.share(f.Misses))
	}
}

// share is the point of requests of which n are a 1 and the others a 0.
func (v *values) share(n uint64) rollup.Point {
	n = min(n, v.of)
	p := rollup.PointOf(1, float64(n))
	rest := rollup.PointOf(0, float64(v.of-n))
	p.Add(&rest)
	return p
}

// latencies is the point of durations, in milliseconds, if there are any. What
// lies in a bucket is thought to be in its middle; the sum is exact.
func (v *values) latencies(name string, d *metrics.Distribution) {
	if d.Count > 0 {
		v.add(name, "Milliseconds", millis(d))
	}
}

func millis(d *metrics.Distribution) rollup.Point {
	const ms = float64(time.Millisecond)
	p := rollup.Point{Count: float64(d.Count), Sum: float64(d.Sum) / ms}
	if d.Count == 1 {
		return rollup.PointOf(p.Sum, 1)
	}
	for i, b := range d.Buckets {
		from, to := b.Bounds()
		if middle := float64(from+to) / 2 / ms; len(d.Buckets) == 1 {
			// The mean is the best that is known of the least and the greatest.
			return rollup.PointOf(p.Sum/p.Count, p.Count)
		} else if at := rollup.BucketOf(middle); i > 0 && p.Buckets[len(p.Buckets)-1].Index == at {
			p.Buckets[len(p.Buckets)-1].Count += float64(b.Count)
		} else {
			p.Buckets = append(p.Buckets, rollup.Bucket{Index: at, Count: float64(b.Count)})
		}
		if i == 0 {
			p.Min = float64(from) / ms
		}
		p.Max = float64(to) / ms
	}
	return p
}

// filterMetrics puts what metric filters of log groups find among the metrics.
// What has no room is counted as lost.
type filterMetrics struct{ to *rollup.Store }

var _ logs.Metrics = filterMetrics{}

// PutMetric adds one value.
func (f filterMetrics) PutMetric(account, region string, m logs.Metric) {
	src := &rollup.Source{Account: account, Region: region, Namespace: m.Namespace}
	for name, value := range m.Dimensions {
		src.Dimensions = append(src.Dimensions, rollup.Dimension{Name: name, Value: value})
	}
	src.Sort()
	_ = f.to.Put([]rollup.Sample{{Source: src, At: m.At, Values: []rollup.Value{
		{Metric: rollup.Metric{Name: m.Name, Unit: cmp.Or(m.Unit, "None")}, Point: rollup.PointOf(m.Value, 1)},
	}}})
}
