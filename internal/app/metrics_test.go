package app

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/metrics"
	"gatehouse/internal/otlp"
	"gatehouse/internal/upstream"
)

// scraped is what Prometheus is told of some requests.
func scraped(t *testing.T) string {
	m := compile.NewMetrics()
	key := compile.SeriesKey{Account: "1", Region: "r", API: "a1", Stage: "prod"}
	s := m.Stages.Series(key)
	key.Method, key.Path = "GET", "/pets/{id}"
	for _, s := range []*metrics.Series{s, m.Routes.Series(key)} {
		s.Add(&metrics.Request{Latency: 1023 * time.Microsecond, Sent: 100, Received: 50, Cache: metrics.Hit})
		s.Add(&metrics.Request{Latency: 5 * time.Millisecond, Called: true, Integration: 4 * time.Millisecond, Outcome: metrics.ServerError, Cache: metrics.Miss})
	}
	clusters := upstream.NewRegistry(upstream.Options{})
	t.Cleanup(clusters.Close)
	for _, k := range []upstream.Key{ // of one name
		{Scheme: "https", Host: "b", Port: 443},
		{Scheme: "https", Host: "b", Port: 443, TLS: upstream.TLS{InsecureSkipVerification: true}},
	} {
		if _, err := clusters.Cluster(k, nil); err != nil {
			t.Fatal(err)
		}
	}
	client, err := otlp.NewClient(otlp.Options{Endpoint: &url.URL{Scheme: "http", Host: "localhost"}})
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	names := func() map[compile.SeriesKey]compile.NamedAPI {
		return map[compile.SeriesKey]compile.NamedAPI{{API: "a1", Stage: "prod"}: {Name: "pets"}}
	}
	reg.MustRegister(&trafficCollector{m, names}, partOfNode{&nodeCollector{&node{clusters: clusters, telemetry: telemetry{client: client}}}})
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	text, err := io.ReadAll(w.Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("status %d: %s (%v)", w.Code, text, err)
	}
	return string(text)
}

// partOfNode is a server that has nothing but backends: all else is 1.
type partOfNode struct{ *nodeCollector }

func (p partOfNode) Collect(to chan<- prometheus.Metric) {
	p.backends(to)
	sendCluster(to, &upstream.Status{Name: "orders", Refused: 5, Lacked: upstream.LackStatus{Attempts: 1, Budget: 2, Retries: 3, Endpoints: 4}})
	p.n.telemetry.collect(to)
	for _, f := range nodeFamilies() {
		f.send(to, 1)
	}
}

func TestMetricsText(t *testing.T) {
	text := scraped(t)
	for _, want := range []string{
		`# TYPE gatehouse_stage_requests_total counter`,
		`gatehouse_stage_requests_total{api="a1",stage="prod"} 2`,
		`gatehouse_stage_server_errors_total{api="a1",stage="prod"} 1`,
		`gatehouse_stage_cache_hits_total{api="a1",stage="prod"} 1`,
		`gatehouse_route_requests_total{api="a1",method="GET",path="/pets/{id}",stage="prod"} 2`,
		`gatehouse_route_latency_seconds_bucket{api="a1",method="GET",path="/pets/{id}",stage="prod",le="0.001024"} 1`,
		`gatehouse_route_latency_seconds_bucket{api="a1",method="GET",path="/pets/{id}",stage="prod",le="0.004096"} 1`,
		`gatehouse_route_latency_seconds_bucket{api="a1",method="GET",path="/pets/{id}",stage="prod",le="0.008192"} 2`,
		`gatehouse_route_integration_latency_seconds_count{api="a1",method="GET",path="/pets/{id}",stage="prod"} 1`,
		`gatehouse_stage_latency_seconds_sum{api="a1",stage="prod"} 0.006023`,
		`gatehouse_metric_series{of="routes"} 1`,
		`gatehouse_stage_info{api="a1",name="pets",stage="prod"} 1`,
		`gatehouse_backend_connections_idle{backend="https://b:443"} 0`,
		`gatehouse_cluster_requests_refused_total{cluster="orders"} 5`,
		`gatehouse_cluster_requests_lost_total{cluster="orders",lacked="attempts"} 1`,
		`gatehouse_cluster_requests_lost_total{cluster="orders",lacked="budget"} 2`,
		`gatehouse_cluster_requests_lost_total{cluster="orders",lacked="retries"} 3`,
		`gatehouse_cluster_requests_lost_total{cluster="orders",lacked="endpoints"} 4`,
		`gatehouse_otlp_dropped_total{signal="traces"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// Prometheus' linter has nothing to say about names, types and help.
func TestMetricsLint(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(scraped(t))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Nor has promtool, of the alert rules neither.
func TestPromtool(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a foreign program")
	}
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("needs promtool, of Debian's package prometheus")
	}
	for _, args := range [][]string{{"check", "metrics"}, {"check", "rules", "../../examples/observability/alerts.yaml"},
		{"test", "rules", "../../examples/observability/alerts_test.yaml"}} {
		cmd := exec.CommandContext(t.Context(), tool, args...)
		cmd.Stdin = strings.NewReader(scraped(t))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// The examples name no metric that there is not, and all that matter.
func TestObservabilityExamples(t *testing.T) {
	descs := make(chan *prometheus.Desc, 100)
	(&trafficCollector{}).Describe(descs)
	(&nodeCollector{}).Describe(descs)
	close(descs)
	known := map[string]bool{}
	for d := range descs {
		name, _, _ := strings.Cut(strings.TrimPrefix(d.String(), `Desc{fqName: "`), `"`)
		known[name] = true
	}
	metric := regexp.MustCompile(`gatehouse_[a-z0-9_]+`)
	for _, file := range []string{"alerts.yaml", "alerts_test.yaml", "dashboard.json"} {
		text, err := os.ReadFile("../../examples/observability/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if file == "dashboard.json" {
			checkDashboard(t, text, known)
		}
		names := metric.FindAllString(string(text), -1)
		if len(names) == 0 {
			t.Errorf("%s names no metric", file)
		}
		for _, name := range names {
			if !known[strings.TrimSuffix(name, "_bucket")] {
				t.Errorf("%s: there is no metric %s", file, name)
			}
		}
	}
}

// checkDashboard holds the dashboard to what it must show: whether telemetry
// arrives, without which the rest is not to be trusted.
func checkDashboard(t *testing.T, text []byte, known map[string]bool) {
	if !json.Valid(text) {
		t.Error("the dashboard is no JSON")
	}
	shown := 0
	for name := range known {
		if !strings.HasPrefix(name, "gatehouse_otlp_") {
			continue
		}
		if shown++; !strings.Contains(string(text), name+"[") {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
	if shown == 0 {
		t.Error("there are no metrics of OTLP")
	}
}
