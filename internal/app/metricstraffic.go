package app

import (
	"net"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/metrics"
	"gatehouse/internal/upstream"
)

// A trafficCollector tells what requests there were.
type trafficCollector struct {
	m     *compile.Metrics
	names func() map[compile.SeriesKey]compile.NamedAPI
}

// trafficFamilies are the metrics of stages, or those of routes.
type trafficFamilies struct {
	requests, clientErrors, serverErrors, hits, misses, received, sent family
	latency, integration                                               *prometheus.Desc
}

func newTrafficFamilies(of, whose string, labels ...string) trafficFamilies {
	histogram := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("gatehouse_"+of+"_"+name, help+whose, labels, nil)
	}
	return trafficFamilies{
		requests:     counter(of+"_requests_total", "Requests (Count)"+whose, labels...),
		clientErrors: counter(of+"_client_errors_total", "Requests that ended in an error of the client (4XXError)"+whose, labels...),
		serverErrors: counter(of+"_server_errors_total", "Requests that ended in an error of the server (5XXError)"+whose, labels...),
		hits:         counter(of+"_cache_hits_total", "Requests answered from the cache (CacheHitCount)"+whose, labels...),
		misses:       counter(of+"_cache_misses_total", "Requests answered by the backend though there is a cache (CacheMissCount)"+whose, labels...),
		received:     counter(of+"_received_bytes_total", "Bytes of requests, heads and bodies"+whose, labels...),
		sent:         counter(of+"_sent_bytes_total", "Bytes of responses, heads and bodies"+whose, labels...),
		latency:      histogram("latency_seconds", "Time from request to answer (Latency)"),
		integration:  histogram("integration_latency_seconds", "Time that backends took, of requests that called one (IntegrationLatency)"),
	}
}

var (
	stageFamilies = newTrafficFamilies("stage", ", by stage.", "api", "stage")
	routeFamilies = newTrafficFamilies("route", ", by method or route with detailed metrics.", "api", "stage", "method", "path")

	stageInfo    = gauge("stage_info", "1 for every stage that is served, with the name of its API.", "api", "stage", "name")
	seriesKept   = gauge("metric_series", "Series that are kept, of stages and of routes.", "of")
	seriesShared = gauge("metric_series_turned_away", "Stages and routes for which there is no series any more: they are counted together, as other.", "of")
)

// Describe implements prometheus.Collector.
func (c *trafficCollector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range []*trafficFamilies{&stageFamilies, &routeFamilies} {
		for _, d := range []*prometheus.Desc{f.requests.desc, f.clientErrors.desc, f.serverErrors.desc, f.hits.desc, f.misses.desc,
			f.received.desc, f.sent.desc, f.latency, f.integration} {
			to <- d
		}
	}
	to <- stageInfo.desc
	to <- seriesKept.desc
	to <- seriesShared.desc
}

// Collect implements prometheus.Collector.
func (c *trafficCollector) Collect(to chan<- prometheus.Metric) {
	all := traffic(c.m)
	for i := range all.Series {
		s := &all.Series[i]
		if s.Method == "" {
			stageFamilies.send(to, &s.Figures, s.API, s.Stage)
			continue
		}
		routeFamilies.send(to, &s.Figures, s.API, s.Stage, s.Method, s.Path)
	}
	for key, api := range c.names() {
		stageInfo.send(to, 1, key.API, key.Stage, api.Name)
	}
	for _, r := range []struct {
		of  string
		reg *metrics.Registry[compile.SeriesKey]
	}{{"stages", c.m.Stages}, {"routes", c.m.Routes}} {
		_, shared := r.reg.Other()
		seriesKept.send(to, float64(len(r.reg.All())), r.of)
		seriesShared.send(to, float64(shared), r.of)
	}
}

func (f *trafficFamilies) send(to chan<- prometheus.Metric, x *metrics.Figures, labels ...string) {
	f.requests.send(to, float64(x.Count), labels...)
	f.clientErrors.send(to, float64(x.ClientErrors), labels...)
	f.serverErrors.send(to, float64(x.ServerErrors), labels...)
	if x.Hits+x.Misses > 0 {
		f.hits.send(to, float64(x.Hits), labels...)
		f.misses.send(to, float64(x.Misses), labels...)
	}
	f.received.send(to, float64(x.Received), labels...)
	f.sent.send(to, float64(x.Sent), labels...)
	sendHistogram(to, f.latency, &x.Latency, labels...)
	if x.Integration.Count > 0 {
		sendHistogram(to, f.integration, &x.Integration, labels...)
	}
}

// backendStats returns the figures of clusters by the name of their backend.
func backendStats(r *upstream.Registry) map[string]upstream.Stats {
	all := make(map[string]upstream.Stats)
	for _, c := range r.Clusters() {
		k, st := c.Key(), c.Stats()
		name := strings.ToValidUTF8(k.Scheme+"://"+net.JoinHostPort(k.Host, strconv.Itoa(int(k.Port))), "\uFFFD")
		sum := all[name]
		sum.Open, sum.Idle, sum.Waiting = sum.Open+st.Open, sum.Idle+st.Idle, sum.Waiting+st.Waiting
		sum.Failures += st.Failures
		all[name] = sum
	}
	return all
}
