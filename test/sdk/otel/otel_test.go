// Package otel_test sends from the real binary to the OTLP receiver of the
// OpenTelemetry collector, unmodified.
package otel_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"

	"gatehouse/test/gatehousetest"
)

// A collector keeps what a receiver hands it.
type collector struct {
	traces  chan ptrace.Traces
	metrics chan pmetric.Metrics
	logs    chan plog.Logs
}

// receive starts a receiver of one protocol, and returns its address.
func receive(t *testing.T, protocol string) (*collector, string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	if err := ln.Close(); err != nil { // the receiver takes no listener
		t.Fatal(err)
	}
	f := otlpreceiver.NewFactory()
	cfg := f.CreateDefaultConfig().(*otlpreceiver.Config)
	if protocol == "grpc" {
		cfg.Protocols.GRPC.GetOrInsertDefault().NetAddr.Endpoint = address
	} else {
		cfg.Protocols.HTTP.GetOrInsertDefault().ServerConfig.NetAddr.Endpoint = address
	}
	c := &collector{make(chan ptrace.Traces, 100), make(chan pmetric.Metrics, 100), make(chan plog.Logs, 100)}
	set := receiver.Settings{ID: component.NewID(f.Type()), TelemetrySettings: componenttest.NewNopTelemetrySettings()}
	ctx := t.Context()
	traces, err := consumer.NewTraces(func(_ context.Context, d ptrace.Traces) error { c.traces <- d; return nil })
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := consumer.NewMetrics(func(_ context.Context, d pmetric.Metrics) error { c.metrics <- d; return nil })
	if err != nil {
		t.Fatal(err)
	}
	logs, err := consumer.NewLogs(func(_ context.Context, d plog.Logs) error { c.logs <- d; return nil })
	if err != nil {
		t.Fatal(err)
	}
	rt, err := f.CreateTraces(ctx, set, cfg, traces)
	if err != nil {
		t.Fatal(err)
	}
	rm, err := f.CreateMetrics(ctx, set, cfg, metrics)
	if err != nil {
		t.Fatal(err)
	}
	rl, err := f.CreateLogs(ctx, set, cfg, logs)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []component.Component{rt, rm, rl} { // one receiver, shared
		if err := r.Start(ctx, componenttest.NewNopHost()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Shutdown(context.Background()) })
	}
	return c, address
}

// until takes what comes until it is what is wanted.
func until[T any](t *testing.T, from <-chan T, what string, is func(T) bool) {
	t.Helper()
	end := time.After(2 * time.Minute)
	for {
		select {
		case d := <-from:
			if is(d) {
				return
			}
		case <-end:
			t.Fatalf("no %s", what)
		}
	}
}

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	caller  = "00f067aa0ba902b7"
	format  = `{"id":"$context.requestId","status":"$context.status"}`
)

func TestCollector(t *testing.T) {
	bin, err := gatehousetest.Build("../../..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, protocol := range []string{"http/protobuf", "grpc"} {
		t.Run(protocol, func(t *testing.T) { collect(t, bin, protocol) })
	}
}

func collect(t *testing.T, bin, protocol string) {
	got := make(chan http.Header, 1)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header
		w.WriteHeader(http.StatusTeapot)
	}))
	defer backend.Close()
	chooses := filepath.Join(t.TempDir(), "rules.json")
	if err := os.WriteFile(chooses, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	c, address := receive(t, protocol)
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"), "--otlp-endpoint", "http://"+address, "--otlp-protocol", protocol,
		"--xray-rules", chooses, "--otlp-interval", "200ms", "--access-log", "groups,otlp", "--otlp-execution-logs", "--otlp-resource", "deployment.environment.name=test%2Cbench")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	api := deploy(t, s, backend.URL)

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Endpoint()+"/_aws/execute-api/"+api+"/prod/pets/7", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("traceparent", "00-"+traceID+"-"+caller+"-01")
	req.Header.Set("tracestate", "vendor=1")
	res, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	id := res.Header.Get("x-amzn-requestid")
	if res.StatusCode != http.StatusTeapot || id == "" {
		t.Fatalf("status %d, request id %q", res.StatusCode, id)
	}
	parent := (<-got).Get("traceparent")

	until(t, c.traces, "span", func(d ptrace.Traces) bool {
		rs := d.ResourceSpans().At(0)
		name, _ := rs.Resource().Attributes().Get("service.name")
		environment, _ := rs.Resource().Attributes().Get("deployment.environment.name")
		spans := rs.ScopeSpans().At(0).Spans()
		if name.Str() != "pets/prod" || environment.Str() != "test,bench" || spans.Len() != 2 {
			t.Fatalf("service %q in %q, %d spans", name.Str(), environment.Str(), spans.Len())
		}
		server, call := spans.At(0), spans.At(1)
		if server.Name() != "GET /pets/{id}" || server.TraceID().String() != traceID || server.ParentSpanID().String() != caller || server.Kind() != ptrace.SpanKindServer ||
			server.TraceState().AsRaw() != "vendor=1" || server.Status().Code() != ptrace.StatusCodeUnset {
			t.Errorf("the server's span is %q of %s, below %s: %v", server.Name(), server.TraceID(), server.ParentSpanID(), server.Attributes().AsRaw())
		}
		if call.ParentSpanID() != server.SpanID() || call.Kind() != ptrace.SpanKindClient || call.Status().Code() != ptrace.StatusCodeError {
			t.Errorf("the call's span is %v", call.Attributes().AsRaw())
		}
		if want := "00-" + traceID + "-" + call.SpanID().String() + "-01"; parent != want {
			t.Errorf("the backend got traceparent %q, want %q", parent, want)
		}
		return true
	})
	until(t, c.metrics, "counter of the request", func(d pmetric.Metrics) bool {
		return requests(d, api) == 1
	})
	var access, execution, own bool
	until(t, c.logs, "access, execution and process log", func(d plog.Logs) bool {
		for i := range d.ResourceLogs().Len() {
			records := d.ResourceLogs().At(i).ScopeLogs().At(0).LogRecords()
			for j := range records.Len() {
				r := records.At(j)
				kind, _ := r.Attributes().Get("gatehouse.log")
				access = access || kind.Str() == "access" && r.Body().Str() == `{"id":"`+id+`","status":"418"}`
				execution = execution || kind.Str() == "execution" && r.Body().Str() == "("+id+") Method completed with status: 418"
				own = own || kind.Str() == "" && r.SeverityText() == "INFO"
			}
		}
		return access && execution && own
	})
	exposed := scrape(t, s)
	for _, want := range []string{`gatehouse_otlp_sent_total{signal="traces"} 2`, `gatehouse_otlp_dropped_total{signal="logs"} 0`, `gatehouse_otlp_failures_total{signal="metrics"} 0`} {
		if !strings.Contains(exposed, want) {
			t.Errorf("/metrics has no %s", want)
		}
	}
	version2(t, c, s, backend.URL, got)
}

// rules have each request traced.
const rules = `{"version": 2, "default": {"fixed_target": 0, "rate": 1}}`

// version2 wants the spans of a request to an HTTP API, and of a message to a
// WebSocket API.
func version2(t *testing.T, c *collector, s *gatehousetest.Server, backend string, got <-chan http.Header) {
	client, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	var api struct{ ApiEndpoint, ApiId string }
	if err := client.Call(t.Context(), http.MethodPost, "/v2/apis", map[string]any{"name": "web", "protocolType": "HTTP", "target": backend, "routeKey": "GET /pets/{id}"}, &api); err != nil {
		t.Fatal(err)
	}
	sent := "00-" + traceID + "-" + caller + "-01"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Endpoint()+"/_aws/execute-api/"+api.ApiId+"/pets/7", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("traceparent", sent)
	res, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	wantPair(t, c, "web/$default", "GET /pets/{id}", (<-got).Get("traceparent"))

	sockets, err := client.NewSocketAPI()
	if err != nil {
		t.Fatal(err)
	}
	call := map[string]any{"integrationType": "HTTP_PROXY", "integrationMethod": "POST", "integrationUri": backend}
	if err := sockets.Route("pet", call, nil, false); err != nil {
		t.Fatal(err)
	}
	path, err := sockets.Deploy()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := gatehousetest.DialSocket(strings.TrimPrefix(s.Endpoint(), "http://"), path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Send(`{"to":"pet"}`); err != nil {
		t.Fatal(err)
	}
	wantPair(t, c, "sockets/s", "pet", (<-got).Get("traceparent"))
}

// wantPair wants the span of a service for a route, and below it that of the call
// whose backend got a traceparent. Other spans of the service are passed over.
func wantPair(t *testing.T, c *collector, service, route, parent string) {
	until(t, c.traces, "spans of "+service, func(d ptrace.Traces) bool {
		for _, rs := range d.ResourceSpans().All() {
			spans := rs.ScopeSpans().At(0).Spans()
			if name, _ := rs.Resource().Attributes().Get("service.name"); name.Str() != service || spans.At(0).Name() != route {
				continue
			}
			if spans.Len() != 2 {
				t.Fatalf("%s has %d spans, want 2", service, spans.Len())
			}
			server, call := spans.At(0), spans.At(1)
			want := "00-" + server.TraceID().String() + "-" + call.SpanID().String() + "-01"
			if server.Kind() != ptrace.SpanKindServer || call.Kind() != ptrace.SpanKindClient || call.ParentSpanID() != server.SpanID() || parent != want {
				t.Errorf("%s: the backend got traceparent %q, want %q", service, parent, want)
			}
			return true
		}
		return false
	})
}

// requests is what a stage's counter says.
func requests(d pmetric.Metrics, api string) float64 {
	for i := range d.ResourceMetrics().Len() {
		list := d.ResourceMetrics().At(i).ScopeMetrics().At(0).Metrics()
		for j := range list.Len() {
			if m := list.At(j); m.Name() == "gatehouse_stage_requests_total" && m.Sum().IsMonotonic() {
				p := m.Sum().DataPoints().At(0)
				if of, _ := p.Attributes().Get("api"); of.Str() == api {
					return p.DoubleValue()
				}
			}
		}
	}
	return 0
}

// deploy deploys an API with tracing, an access log and execution logs.
func deploy(t *testing.T, s *gatehousetest.Server, backend string) (id string) {
	c, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	document := map[string]any{"openapi": "3.0.1", "info": map[string]any{"title": "pets", "version": "1"}, "paths": map[string]any{
		"/pets/{id}": map[string]any{"get": map[string]any{"responses": map[string]any{}, "x-amazon-apigateway-integration": map[string]any{
			"type": "http_proxy", "httpMethod": "GET", "uri": backend + "/pets",
		}}},
	}}
	var api struct{ ID string }
	ctx := t.Context()
	for _, call := range []struct {
		method, path string
		body, out    any
	}{
		{http.MethodPost, "/restapis?mode=import&endpointConfigurationTypes=REGIONAL", document, &api},
		{http.MethodPost, "/restapis/ID/deployments", map[string]any{"stageName": "prod", "tracingEnabled": true}, nil},
		{http.MethodPatch, "/account", map[string]any{"patchOperations": []map[string]string{
			{"op": "replace", "path": "/cloudwatchRoleArn", "value": "arn:aws:iam::000000000000:role/logs"},
		}}, nil},
		{http.MethodPatch, "/restapis/ID/stages/prod", map[string]any{"patchOperations": []map[string]string{
			{"op": "replace", "path": "/accessLogSettings/destinationArn", "value": "arn:aws:logs:us-east-1:000000000000:log-group:pets"},
			{"op": "replace", "path": "/accessLogSettings/format", "value": format},
			{"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"},
		}}, nil},
	} {
		if err := c.Call(ctx, call.method, strings.Replace(call.path, "ID", api.ID, 1), call.body, call.out); err != nil {
			t.Fatal(err)
		}
	}
	return api.ID
}

// scrape is what Prometheus would get.
func scrape(t *testing.T, s *gatehousetest.Server) string {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Admin+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
