package compile_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/record"
	"gatehouse/internal/store/memstore"
	"gatehouse/internal/trace"
	"gatehouse/internal/wire"
)

type segments []trace.Segment

func (list *segments) Write(s *trace.Segment) { *list = append(*list, *s) }

// tracedWorld is a world with an HTTP API whose traces go somewhere; nil: nowhere.
// The sampling rules choose a share of the requests.
func tracedWorld(t testing.TB, to trace.Sink, share float64) *world {
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { _ = st.Close() })
	rule := trace.Default()
	rule.Reservoir, rule.Rate = 0, share
	w := openWorld(t, st, compile.Options{SegmentsV2: to, Samplers: func(record.Scope) *trace.Sampler { return trace.NewSampler(rule) }})
	w.start()
	w.deployHTTP("shop", v2.Integration{IntegrationUri: new("arn:aws:lambda:eu-west-1:000000000000:function:none")})
	return w
}

// plans are all that may happen to requests to the HTTP API.
func (w *world) plans() []*gateway.Plan {
	st := w.gw.Table().API("shop").Stages["s"]
	rt, _ := st.Router.Match("POST", "/a", nil)
	return []*gateway.Plan{rt.Plan, st.Fallback}
}

// Where nobody is told of traces plans have no step for them.
func TestHTTPPlansWithoutTracing(t *testing.T) {
	for _, to := range []trace.Sink{nil, new(segments)} {
		w := tracedWorld(t, to, 1)
		for i, p := range w.plans() {
			_, first := p.Request[0].(*gateway.Tracing)
			steps := slices.ContainsFunc(p.Request, func(s gateway.Step) bool { _, is := s.(*gateway.Tracing); return is })
			last := slices.ContainsFunc(p.Finish, func(f gateway.Finisher) bool { _, is := f.(*gateway.Tracing); return is })
			if want := to != nil; first != want || steps != want || last != want {
				t.Errorf("plan %d of traces to %v: first %v, among the steps %v, among the finishers %v", i, to, first, steps, last)
			}
		}
	}
}

func (w *world) post(x *gateway.Exchange, path string, header ...wire.Field) {
	x.MethodRequest.Method, x.MethodRequest.Host = "POST", "shop.execute-api.localhost"
	x.MethodRequest.Path, x.MethodRequest.Target = path, path
	x.MethodRequest.Header.Fields = append(x.MethodRequest.Header.Fields[:0], header...)
	w.gw.Serve(context.Background(), x)
	w.gw.Finish(x, wire.Sent{})
}

// What X-Ray is told of a request to an HTTP API: who is who as of a REST API's.
func TestHTTPSegments(t *testing.T) {
	var sink segments
	w := tracedWorld(t, &sink, 0)
	const root = "1-5759e988-bd862e3fe1be46a994272793"
	x := new(gateway.Exchange)
	w.post(x, "/s/a", wire.Field{Name: "X-Amzn-Trace-Id", Value: "Root=" + root + ";Parent=53995c3f42cd8ad8;Sampled=1", ID: wire.HeaderXAmznTraceID})
	w.post(x, "/s/a/b", wire.Field{Name: "traceparent", Value: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
	w.post(x, "/s/a")
	if len(sink) != 2 {
		t.Fatalf("%d segments, want those of both who asked for it", len(sink))
	}
	d := sink[0]
	by, _ := d.AWS["api_gateway"].(map[string]string)
	if d.Origin != "AWS::ApiGatewayV2::Stage" || d.Resource != "arn:aws:apigateway:eu-west-1::/apis/shop/stages/s" || d.TraceID != root || d.ParentID != "53995c3f42cd8ad8" ||
		d.Route != "POST /{x}" || by["api_id"] != "shop" || by["rest_api_id"] != "" || by["request_id"] == "" || !d.Fault {
		t.Errorf("the segment of the route is %s", d.Document())
	}
	if n := sink[1]; n.TraceID != "1-4bf92f35-77b34da6a3ce929d0e0e4736" || n.ParentID != "00f067aa0ba902b7" || n.Route != "" || !n.Error || n.HTTP.Response.Status != 404 {
		t.Errorf("the segment without a route is %s", n.Document())
	}
}

// Requests that are not chosen cost no more memory than where nobody is told.
func TestHTTPTracingAllocs(t *testing.T) {
	var sink segments
	var got []float64
	for _, to := range []trace.Sink{nil, &sink} {
		w := tracedWorld(t, to, 0)
		x := new(gateway.Exchange)
		got = append(got, testing.AllocsPerRun(1000, func() { w.post(x, "/s/a") }))
	}
	if fmt.Sprint(got) != "[0 0]" || len(sink) != 0 {
		t.Errorf("allocations without tracing and with it: %v, %d segments; want none", got, len(sink))
	}
}
