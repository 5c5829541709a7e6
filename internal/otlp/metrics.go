package otlp

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// Metrics sends what Prometheus would scrape, under the same names: counters as
// cumulative sums, histograms with their buckets.
type Metrics struct {
	c        *Client
	from     prometheus.Gatherer
	interval time.Duration
	start    time.Time // since which counters count
}

// NewMetrics returns what sends the metrics of a gatherer each interval, once
// [Metrics.Run] runs.
func NewMetrics(c *Client, from prometheus.Gatherer, interval time.Duration) *Metrics {
	return &Metrics{c: c, from: from, interval: interval, start: time.Now()}
}

// Run sends metrics until ctx ends, and then once more.
func (m *Metrics) Run(ctx context.Context) error {
	tick := time.NewTicker(m.interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		m.export(ctx)
	}
	return nil
}

// mostPoints bounds the points of a message; histograms have some 500 bytes.
const mostPoints = 2000

// export sends all metrics, in as many messages as they need.
func (m *Metrics) export(ctx context.Context) {
	families, err := m.from.Gather()
	if err != nil { // of some; the others are there
		m.c.opt.Log.Warn("metrics are not whole", "error", err)
	}
	now := time.Now()
	var list []*metrics.Metric
	points := 0
	send := func() {
		if points == 0 {
			return
		}
		data := &metrics.MetricsData{ResourceMetrics: []*metrics.ResourceMetrics{{
			Resource: m.c.newResource(), ScopeMetrics: []*metrics.ScopeMetrics{{Scope: scope, Metrics: list}},
		}}}
		message, err := proto.Marshal(data)
		if err != nil {
			m.c.counts[SignalMetrics].dropped.Add(uint64(points))
			m.c.opt.Log.Error("metrics not encoded", "error", err)
		} else {
			m.c.deliver(ctx, SignalMetrics, message, points)
		}
		list, points = nil, 0
	}
	for _, f := range families {
		for from := 0; from < len(f.Metric); {
			n := min(len(f.Metric)-from, mostPoints-points)
			if one := m.metric(f, f.Metric[from:from+n], now); one != nil {
				list, points = append(list, one), points+n
			}
			if from += n; points == mostPoints {
				send()
			}
		}
	}
	send()
}

// metric is a family of metrics, with some of its points.
func (m *Metrics) metric(f *dto.MetricFamily, list []*dto.Metric, now time.Time) *metrics.Metric {
	out := &metrics.Metric{Name: f.GetName(), Description: f.GetHelp(), Unit: unit(f.GetName())}
	at := times{uint64(m.start.UnixNano()), uint64(now.UnixNano())}
	const cumulative = metrics.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		sum := &metrics.Sum{AggregationTemporality: cumulative, IsMonotonic: true}
		for _, p := range list {
			sum.DataPoints = append(sum.DataPoints, at.number(p, p.GetCounter().GetValue()))
		}
		out.Data = &metrics.Metric_Sum{Sum: sum}
	case dto.MetricType_GAUGE, dto.MetricType_UNTYPED:
		gauge := &metrics.Gauge{}
		for _, p := range list {
			point := at.number(p, p.GetGauge().GetValue()+p.GetUntyped().GetValue())
			point.StartTimeUnixNano = 0
			gauge.DataPoints = append(gauge.DataPoints, point)
		}
		out.Data = &metrics.Metric_Gauge{Gauge: gauge}
	case dto.MetricType_HISTOGRAM:
		h := &metrics.Histogram{AggregationTemporality: cumulative}
		for _, p := range list {
			h.DataPoints = append(h.DataPoints, at.histogram(p))
		}
		out.Data = &metrics.Metric_Histogram{Histogram: h}
	case dto.MetricType_SUMMARY:
		s := &metrics.Summary{}
		for _, p := range list {
			s.DataPoints = append(s.DataPoints, at.summary(p))
		}
		out.Data = &metrics.Metric_Summary{Summary: s}
	default:
		return nil
	}
	return out
}

// unit is what a metric is measured in, by its name.
func unit(name string) string {
	name = strings.TrimSuffix(name, "_total")
	switch {
	case strings.HasSuffix(name, "_seconds"):
		return "s"
	case strings.HasSuffix(name, "_bytes"):
		return "By"
	}
	return ""
}

// times are since when points count, and when they were read.
type times struct{ start, now uint64 }

func (t times) number(p *dto.Metric, value float64) *metrics.NumberDataPoint {
	return &metrics.NumberDataPoint{
		Attributes: labels(p), StartTimeUnixNano: t.start, TimeUnixNano: t.now, Value: &metrics.NumberDataPoint_AsDouble{AsDouble: value},
	}
}

// histogram makes buckets that count what is below their bound ones that count
// what is between theirs and the one before.
func (t times) histogram(p *dto.Metric) *metrics.HistogramDataPoint {
	h := p.GetHistogram()
	sum := h.GetSampleSum()
	out := &metrics.HistogramDataPoint{Attributes: labels(p), StartTimeUnixNano: t.start, TimeUnixNano: t.now, Count: h.GetSampleCount(), Sum: &sum}
	before := uint64(0)
	for _, b := range h.GetBucket() {
		if math.IsInf(b.GetUpperBound(), 1) {
			continue
		}
		out.ExplicitBounds = append(out.ExplicitBounds, b.GetUpperBound())
		out.BucketCounts = append(out.BucketCounts, b.GetCumulativeCount()-before)
		before = b.GetCumulativeCount()
	}
	out.BucketCounts = append(out.BucketCounts, h.GetSampleCount()-before)
	return out
}

func (t times) summary(p *dto.Metric) *metrics.SummaryDataPoint {
	s := p.GetSummary()
	out := &metrics.SummaryDataPoint{Attributes: labels(p), StartTimeUnixNano: t.start, TimeUnixNano: t.now, Count: s.GetSampleCount(), Sum: s.GetSampleSum()}
	for _, q := range s.GetQuantile() {
		if !math.IsNaN(q.GetValue()) {
			out.QuantileValues = append(out.QuantileValues, &metrics.SummaryDataPoint_ValueAtQuantile{Quantile: q.GetQuantile(), Value: q.GetValue()})
		}
	}
	return out
}

func labels(p *dto.Metric) []*common.KeyValue {
	list := make([]*common.KeyValue, len(p.GetLabel()))
	for i, l := range p.GetLabel() {
		list[i] = pair(l.GetName(), text(l.GetValue()))
	}
	return list
}
