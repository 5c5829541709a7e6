package compile_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/apigateway"
	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/internal/wire"
)

// newMeasured makes a world whose metrics can be seen.
func newMeasured(t testing.TB) (*world, *compile.Metrics) {
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { _ = st.Close() })
	m := compile.NewMetrics()
	w := openWorld(t, st, compile.Options{Metrics: m})
	w.start()
	return w, m
}

// counts are the requests of all series, as "stage METHOD path: n, n 4XX".
func counts(m *compile.Metrics) []string {
	var list []string
	for k, s := range m.Stages.All() {
		f := s.Figures()
		list = append(list, fmt.Sprintf("%s/%s: %d, %d 4XX", k.API, k.Stage, f.Count, f.ClientErrors))
	}
	for k, s := range m.Routes.All() {
		f := s.Figures()
		list = append(list, fmt.Sprintf("%s/%s %s %s: %d, %d 4XX", k.API, k.Stage, k.Method, k.Path, f.Count, f.ClientErrors))
	}
	slices.Sort(list)
	return list
}

func expectCounts(t *testing.T, m *compile.Metrics, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, counts(m)); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
}

func measuring(key string, on bool) func(*record.Stage) {
	return func(rec *record.Stage) {
		if rec.MethodSettings == nil {
			rec.MethodSettings = map[string]api.MethodSetting{}
		}
		rec.MethodSettings[key] = api.MethodSetting{MetricsEnabled: &on}
	}
}

// A method's own setting replaces that of all methods. What matches no method
// is counted by stage. AWS: logging-metrics.md §3.
func TestMetricsOfMethods(t *testing.T) {
	w, m := newMeasured(t)
	def := answering("{}")
	w.deploy("a1", "prod", def, measuring("*/*", true), measuring("~1pets/GET", false))
	w.expect("{}", "a1", "prod", "/")
	w.expect("{}", "a1", "prod", "/pets")
	w.expect("403", "a1", "prod", "/nothing")
	expectCounts(t, m, "a1/prod GET /: 1, 0 4XX", "a1/prod: 3, 1 4XX")

	// A new deployment counts on, other settings act at once, and what is not
	// served any more is forgotten.
	w.deploy("a1", "prod", def, measuring("~1pets/GET", true))
	w.expect("{}", "a1", "prod", "/pets")
	expectCounts(t, m, "a1/prod GET /pets: 1, 0 4XX", "a1/prod: 4, 1 4XX")
	w.commit(w.Stages.Delete(store.ID("a1", "prod")))
	expectCounts(t, m)
}

// A test invocation is in no metric.
func TestMetricsOfTests(t *testing.T) {
	w, m := newMeasured(t)
	def := answering("{}")
	in := &api.TestInvokeMethodInput{RestApiId: new("a1"), ResourceId: new("ra"), HttpMethod: new("GET")}
	if _, err := w.c.TestInvoke(t.Context(), w.Scope, def, in); err != nil {
		t.Fatal(err)
	}
	expectCounts(t, m)
}

// putHTTP makes an HTTP API whose routes all call uri, with a stage.
func (w *world) putHTTP(id, uri string, stage *v2.Stage, keys ...string) {
	w.t.Helper()
	def := &record.APIDefinition{
		Routes: map[string]v2.Route{},
		Integrations: map[string]v2.Integration{"i1": {
			IntegrationType: new("HTTP_PROXY"), IntegrationMethod: new("ANY"), IntegrationUri: &uri, PayloadFormatVersion: new("1.0"),
		}},
	}
	for i, key := range keys {
		def.Routes[fmt.Sprint("r", i)] = v2.Route{RouteKey: &key, Target: new("integrations/i1")}
	}
	content, err := def.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	ref, ops, err := w.Blobs.Stage(context.Background(), content)
	if err != nil {
		w.t.Fatal(err)
	}
	put := func(op store.Op, err error) { ops = append(ops, must(w.t, op, err)) }
	put(w.APIs.Put(store.ID(id), record.API{Api: v2.Api{ApiId: &id}, Scope: w.Scope}))
	put(w.APIDeployments.Put(store.ID(id, "d1"), record.APIDeployment{
		Deployment: v2.Deployment{DeploymentId: new("d1")}, Scope: w.Scope, API: id, Definition: ref,
	}))
	stage.DeploymentId = new("d1")
	put(w.APIStages.Put(store.ID(id, *stage.StageName), record.APIStage{Stage: *stage, Scope: w.Scope, API: id}))
	w.commit(ops...)
}

// A stage's detailedMetricsEnabled wins over its routes', and a request without
// a route is in no metric. AWS: logging-metrics.md §3.
func TestMetricsOfRoutes(t *testing.T) {
	const uri = "http://127.0.0.1:1/" // nobody listens: 503
	stage := func(all, pets bool) *v2.Stage {
		return &v2.Stage{
			StageName: new("dev"), DefaultRouteSettings: &v2.RouteSettings{DetailedMetricsEnabled: &all},
			RouteSettings: map[string]v2.RouteSettings{"GET /pets": {DetailedMetricsEnabled: &pets}},
		}
	}
	ask := func(w *world) {
		w.expect("503", "h1", "dev", "/pets")
		w.expect("503", "h1", "dev", "/other")
		w.expect("404", "h1", "dev", "/nothing")
	}
	for _, tt := range []struct {
		name      string
		all, pets bool
		want      []string
	}{
		{"none", false, false, []string{"h1/dev: 2, 0 4XX"}},
		{"one route", false, true, []string{"h1/dev GET /pets: 1, 0 4XX", "h1/dev: 2, 0 4XX"}},
		{"the stage", true, false, []string{"h1/dev ANY /other: 1, 0 4XX", "h1/dev GET /pets: 1, 0 4XX", "h1/dev: 2, 0 4XX"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, m := newMeasured(t)
			w.putHTTP("h1", uri, stage(tt.all, tt.pets), "GET /pets", "ANY /other")
			ask(w)
			expectCounts(t, m, tt.want...)
		})
	}
	w, m := newMeasured(t)
	w.putHTTP("h1", uri, stage(true, true), "$default")
	w.expect("503", "h1", "dev", "/whatever")
	expectCounts(t, m, "h1/dev ANY $default: 1, 0 4XX", "h1/dev: 1, 0 4XX")
}

// A proxied request that is counted by stage and by method takes no memory.
func TestMetricsAllocs(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector allocates")
	}
	const answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"
	backend := upstreamtest.New(t, func(c *upstreamtest.Conn) { answerEach(c.Conn, []byte(answer)) })
	w, m := newMeasured(t)
	proxy := api.Method{AuthorizationType: new("NONE"), MethodIntegration: &api.Integration{
		Type: new("HTTP_PROXY"), HttpMethod: new("GET"), Uri: new("http://" + backend.Addr().String() + "/base"),
	}}
	w.deploy("a1", "prod", define(map[string]api.Method{"GET": proxy}, "/pets"), measuring("*/*", true))
	x, peer := new(gateway.Exchange), new(wire.Peer)
	var mem [64]byte
	ctx := context.Background()
	once := func() {
		x.Peer = peer
		r := &x.MethodRequest
		r.Method, r.Host, r.Target, r.Path = "GET", "localhost", "/_aws/execute-api/a1/prod/pets", "/_aws/execute-api/a1/prod/pets"
		w.gw.Serve(ctx, x)
		if x.MethodResponse.Status != 200 {
			t.Fatalf("status %d", x.MethodResponse.Status)
		}
		if src := x.MethodResponse.Body.Source; src != nil {
			for {
				if _, err := src.Read(mem[:]); err != nil {
					break
				}
			}
			_ = src.Close()
		}
		w.gw.Finish(x, wire.Sent{Body: 11})
	}
	once()
	if n := testing.AllocsPerRun(500, once); n != 0 {
		t.Errorf("an exchange allocates %v times, budget 0", n)
	}
	expectCounts(t, m, "a1/prod GET /: 0, 0 4XX", "a1/prod GET /pets: 502, 0 4XX", "a1/prod: 502, 0 4XX")
}

// answerEach answers every request alike and allocates nothing.
func answerEach(c net.Conn, answer []byte) {
	br := bufio.NewReader(c)
	for {
		line, err := br.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(line) > 2 {
			continue
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}
