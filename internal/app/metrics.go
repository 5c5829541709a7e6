package app

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gatehouse/internal/metrics"
	"gatehouse/internal/upstream"
)

// Bounds of /metrics: a scrape of many routes takes memory and time.
const (
	scrapesAtOnce = 2
	scrapeTime    = 30 * time.Second
)

// exposition is all that is measured.
func (n *node) exposition() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector(),
		&trafficCollector{n.metrics, n.compiler.APINames}, &nodeCollector{n},
	)
	return reg
}

// metricsHandler answers /metrics.
func (n *node) metricsHandler() http.Handler {
	return promhttp.HandlerFor(n.exposition(), promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, EnableOpenMetrics: true, MaxRequestsInFlight: scrapesAtOnce, Timeout: scrapeTime,
	})
}

// A family is one metric, whatever labels it has.
type family struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func gauge(name, help string, labels ...string) family {
	return family{prometheus.NewDesc("gatehouse_"+name, help, labels, nil), prometheus.GaugeValue}
}

func counter(name, help string, labels ...string) family {
	return family{prometheus.NewDesc("gatehouse_"+name, help, labels, nil), prometheus.CounterValue}
}

func (f *family) send(to chan<- prometheus.Metric, value float64, labels ...string) {
	m, err := prometheus.NewConstMetric(f.desc, f.kind, value, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(f.desc, err) // a label that is no UTF-8
	}
	to <- m
}

// latencyBounds are where the buckets of histograms end: at ours, so that
// nothing is guessed; 1 ms to half a minute.
var latencyBounds = func() []time.Duration {
	var list []time.Duration
	for d := 1024 * time.Microsecond; d < time.Minute; d *= 2 {
		list = append(list, d)
	}
	return list
}()

func sendHistogram(to chan<- prometheus.Metric, desc *prometheus.Desc, d *metrics.Distribution, labels ...string) {
	buckets := make(map[float64]uint64, len(latencyBounds))
	for _, b := range latencyBounds {
		buckets[b.Seconds()] = d.Below(b)
	}
	m, err := prometheus.NewConstHistogram(desc, d.Count, d.Sum.Seconds(), buckets, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(desc, err)
	}
	to <- m
}

// A nodeCollector tells how the server itself is.
type nodeCollector struct{ n *node }

// The metrics of the server itself.
var (
	connections     = gauge("connections_open", "Connections of API clients that are open.")
	appliedRevision = gauge("applied_revision", "Revision of the store that requests are served from.")
	storeRevision   = gauge("store_revision", "Newest revision of the store. The lag is the difference.")
	refusedStages   = gauge("refused_stages", "Stages that do not compile, of which the last good version is served, if there is one.")
	ready           = gauge("ready", "1 while the server serves, 0 while it starts or ends.")
	logLines        = counter("access_log_lines_total", "Lines of access logs that were written.")
	segmentsDropped = counter("xray_dropped_segments_total", "Segments that the X-Ray daemon was not told: too many at once, or not to be sent.")
	traceSegments   = counter("trace_segments_total", "Segments of traces that were kept.")
	tracesDropped   = counter("trace_segments_dropped_total", "Segments that were not kept: over 2,600 a second, or the disk was too slow, or full.")
	tracesInvalid   = counter("trace_segments_invalid_total", "Segments that were not kept because they are none, or belong to no valid trace.")
	tracesBytes     = gauge("trace_bytes", "What segments of traces take on disk.")
	auditRecords    = counter("audit_records_total", "Calls of AWS APIs that were recorded.")
	auditDropped    = counter("audit_dropped_records_total", "Records of calls that were lost for want of room: of calls that changed nothing.")
	logDropped      = counter("access_log_dropped_lines_total", "Lines of access logs that were lost: written too slowly, or not at all.")
	events          = counter("log_events_total", "Events that log groups have taken from this server's own parts and from PutLogEvents.")
	eventsDropped   = counter("log_events_dropped_total", "Events that were lost because the disk was too slow, or full.")
	eventsHomeless  = counter("log_events_homeless_total", "Events that were lost because their log group does not exist.")
	blocksDamaged   = counter("log_blocks_damaged_total", "Blocks of log events that could not be read.")
	logsBytes       = gauge("log_bytes", "Bytes that log groups take on disk.")
	pointsLost      = counter("metric_samples_lost_total", "Samples that are not kept: there are too many metrics, or the disk is full.")
	pointsDamaged   = counter("metric_reads_damaged_total", "Reads of kept metrics that found a damaged file.")
	localFunctions  = gauge("functions", "Functions that run on this server when they are called.")
	instances       = gauge("function_instances", "Instances of functions that run on this server.")
	backendInUse    = gauge("backend_connections_in_use", "Connections to a backend that carry a request.", "backend")
	backendIdle     = gauge("backend_connections_idle", "Connections to a backend that wait for a request.", "backend")
	backendWaiting  = gauge("backend_requests_waiting", "Requests that wait for a connection to a backend.", "backend")
	breakerOpen     = gauge("cluster_breaker_open", "1 while the circuit breaker of a cluster is open or tries whether it may close.", "cluster")

	clusterRefused = counter("cluster_requests_refused_total", "Requests to a cluster for which no endpoint was chosen.", "cluster")
	clusterLacked  = counter("cluster_requests_lost_total", "Requests to a cluster that failed for want of another attempt: all attempts were made, the budget of retries was spent, too many retries were under way, or all endpoints were tried.", "cluster", "lacked")

	endpointReady    = gauge("cluster_endpoint_ready", "1 while an endpoint of a cluster takes requests, 0 while it is ejected or down.", "cluster", "endpoint")
	endpointInFlight = gauge("cluster_endpoint_requests_in_flight", "Requests under way to an endpoint of a cluster.", "cluster", "endpoint")
	endpointRequests = counter("cluster_endpoint_requests_total", "Requests that an endpoint of a cluster was sent, repeated ones too.", "cluster", "endpoint")
	endpointFailures = counter("cluster_endpoint_failures_total", "Requests that failed at an endpoint of a cluster.", "cluster", "endpoint")

	targetWeight   = gauge("release_target_share", "Part of the requests of a release that a target gets by weight, 0 to 1.", "release", "target")
	targetRequests = counter("release_target_requests_total", "Requests that a target of a release was given and that have ended, or were refused.", "release", "target")
	targetFailures = counter("release_target_failures_total", "Of those, without an answer, refused, or with a status from 500 on.", "release", "target")

	otlpSent     = counter("otlp_sent_total", "Spans, points of metrics and records of logs that the OTLP endpoint has taken.", "signal")
	otlpDropped  = counter("otlp_dropped_total", "Those that were lost: no room in the queue, or refused, or not taken for too long.", "signal")
	otlpFailures = counter("otlp_failures_total", "Messages that the OTLP endpoint did not take at once.", "signal")

	backendFailures = counter("backend_failures_total", "Requests to a backend without an answer: no connection, broken off, or timed out.", "backend")
)

// nodeFamilies are those of the whole server; backendFamilies have a label.
func nodeFamilies() []*family {
	return []*family{&connections, &appliedRevision, &storeRevision, &refusedStages, &ready, &logLines, &logDropped, &segmentsDropped, &traceSegments, &tracesDropped, &tracesInvalid, &tracesBytes, &auditRecords, &auditDropped, &events, &eventsDropped, &eventsHomeless, &blocksDamaged, &logsBytes, &pointsLost, &pointsDamaged, &localFunctions, &instances}
}

func backendFamilies() []*family {
	return []*family{&backendInUse, &backendIdle, &backendWaiting, &backendFailures,
		&breakerOpen, &clusterRefused, &clusterLacked, &endpointReady, &endpointInFlight, &endpointRequests, &endpointFailures,
		&targetWeight, &targetRequests, &targetFailures, &otlpSent, &otlpDropped, &otlpFailures}
}

// Describe implements prometheus.Collector.
func (c *nodeCollector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range append(nodeFamilies(), backendFamilies()...) {
		to <- f.desc
	}
}

// revisionTime bounds the look at the store's revision during a scrape.
const revisionTime = time.Second

// Collect implements prometheus.Collector.
func (c *nodeCollector) Collect(to chan<- prometheus.Metric) {
	n := c.n
	connections.send(to, float64(n.front.ingress.Conns()))
	status := n.compiler.Status()
	appliedRevision.send(to, float64(status.Applied))
	refusedStages.send(to, float64(len(status.Refused)))
	ctx, cancel := context.WithTimeout(context.Background(), revisionTime)
	defer cancel()
	if rev, err := n.revision(ctx); err == nil {
		storeRevision.send(to, float64(rev))
	}
	ready.send(to, truth(n.serving.Load()))
	n.sendLogs(to)
	if n.rollups != nil {
		pointsLost.send(to, float64(n.rollups.Lost()))
		pointsDamaged.send(to, float64(n.rollups.Damaged()))
	}
	localFunctions.send(to, float64(len(n.functions.host.ARNs())))
	instances.send(to, float64(n.functions.host.Instances()))
	c.backends(to)
	c.targets(to)
	n.telemetry.collect(to)
}

// backends adds up clusters that have one name: they differ in their TLS
// settings or in where they are.
func (c *nodeCollector) backends(to chan<- prometheus.Metric) {
	for name, st := range backendStats(c.n.clusters) {
		backendInUse.send(to, float64(st.Open-st.Idle), name)
		backendIdle.send(to, float64(st.Idle), name)
		backendWaiting.send(to, float64(st.Waiting), name)
		backendFailures.send(to, float64(st.Failures), name)
	}
	for _, cl := range c.n.clusters.Status() {
		sendCluster(to, &cl)
	}
}

// sendCluster tells of a cluster and its endpoints.
func sendCluster(to chan<- prometheus.Metric, cl *upstream.Status) {
	if cl.Breaker != nil {
		breakerOpen.send(to, truth(cl.Breaker.State != "closed"), cl.Name)
	}
	clusterRefused.send(to, float64(cl.Refused), cl.Name)
	clusterLacked.send(to, float64(cl.Lacked.Attempts), cl.Name, "attempts")
	clusterLacked.send(to, float64(cl.Lacked.Budget), cl.Name, "budget")
	clusterLacked.send(to, float64(cl.Lacked.Retries), cl.Name, "retries")
	clusterLacked.send(to, float64(cl.Lacked.Endpoints), cl.Name, "endpoints")
	for i := range cl.Endpoints {
		e := &cl.Endpoints[i]
		endpointReady.send(to, truth(e.Health == "ready"), cl.Name, e.Address)
		endpointInFlight.send(to, float64(e.InFlight), cl.Name, e.Address)
		endpointRequests.send(to, float64(e.Requests), cl.Name, e.Address)
		endpointFailures.send(to, float64(e.Errors), cl.Name, e.Address)
	}
}

// targets tells of releases.
func (c *nodeCollector) targets(to chan<- prometheus.Metric) {
	for _, name := range c.n.clusters.Releases() {
		s, _ := c.n.clusters.ReleaseStatus(name)
		sum := 0
		for _, t := range s.Targets {
			sum += t.Weight
		}
		for _, t := range s.Targets {
			targetWeight.send(to, float64(t.Weight)/float64(max(sum, 1)), name, t.Cluster)
			targetRequests.send(to, float64(t.Requests+t.Refused), name, t.Cluster)
			targetFailures.send(to, float64(t.Failed+t.Refused), name, t.Cluster)
		}
	}
}

// truth is 1 or 0.
func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
