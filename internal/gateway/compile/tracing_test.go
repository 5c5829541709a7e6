package compile_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/gateway/wsapi"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
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
	hub := wsapi.New(new(gateway.Gateway), wsapi.Options{})
	ended, end := context.WithCancel(context.Background())
	end()
	t.Cleanup(func() { _ = hub.Run(ended) })
	w := openWorld(t, st, compile.Options{SegmentsV2: to, Sockets: hub, Samplers: func(record.Scope) *trace.Sampler { return trace.NewSampler(rule) }})
	w.start()
	w.deployHTTP("shop", v2.Integration{IntegrationUri: new("arn:aws:lambda:eu-west-1:000000000000:function:none")})
	w.deploySocket("chat")
	return w
}

// deploySocket makes a WebSocket API with a route of its own and that of $connect.
func (w *world) deploySocket(id string) {
	w.t.Helper()
	def := &record.APIDefinition{
		API:          v2.Api{ApiId: &id, Name: new("talk"), ProtocolType: new(v2.ProtocolTypeWebsocket), RouteSelectionExpression: new("$request.body.to")},
		Integrations: map[string]v2.Integration{"i": {IntegrationId: new("i"), IntegrationType: new(v2.IntegrationTypeMock)}},
		Routes: map[string]v2.Route{
			"c": {RouteId: new("c"), RouteKey: new("$connect"), Target: new("integrations/i")},
			"m": {RouteId: new("m"), RouteKey: new("mock"), Target: new("integrations/i")},
			"e": {RouteId: new("e"), RouteKey: new("empty")},
		},
	}
	b, err := def.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	ref, ops, err := w.Blobs.Stage(context.Background(), b)
	if err != nil {
		w.t.Fatal(err)
	}
	put := func(op store.Op, err error) { ops = append(ops, must(w.t, op, err)) }
	put(w.APIs.Put(store.ID(id), record.API{Api: def.API, Scope: w.Scope, Definition: ref}))
	put(w.APIDeployments.Put(store.ID(id, "d"), record.APIDeployment{Scope: w.Scope, API: id, Definition: ref, Created: time.Now()}))
	put(w.APIStages.Put(store.ID(id, "s"), record.APIStage{Scope: w.Scope, API: id, Stage: v2.Stage{StageName: new("s"), DeploymentId: new("d")}}))
	w.commit(ops...)
}

// plans are all that may happen to requests to the HTTP API, and on connections of
// the WebSocket API.
func (w *world) plans() []*gateway.Plan {
	st := w.gw.Table().API("shop").Stages["s"]
	rt, _ := st.Router.Match("POST", "/a", nil)
	chat := w.gw.Table().API("chat").Stages["s"].Socket
	return []*gateway.Plan{rt.Plan, st.Fallback, chat.Handshake, chat.Routes["mock"].Plan, chat.Routes["empty"].Plan, chat.Unrouted, chat.Left}
}

// Where nobody is told of traces plans have no step for them.
func TestPlansWithoutTracing(t *testing.T) {
	for _, to := range []trace.Sink{nil, new(segments)} {
		w := tracedWorld(t, to, 1)
		for i, p := range w.plans() {
			first := false
			if len(p.Request) > 0 {
				_, first = p.Request[0].(*gateway.Tracing)
			}
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

// The events of a connection are told each by itself.
func TestSocketSegments(t *testing.T) {
	var sink segments
	w := tracedWorld(t, &sink, 1)
	st := w.gw.Table().API("chat").Stages["s"]
	x := new(gateway.Exchange)
	for _, e := range []struct {
		event gateway.SocketEvent
		rt    *gateway.Route
	}{{gateway.SocketMessage, st.Socket.Routes["mock"]}, {gateway.SocketMessage, st.Socket.Routes["empty"]}, {gateway.SocketMessage, nil}, {gateway.SocketDisconnect, nil}} {
		p := w.gw.BeginEvent(x, w.gw.Table(), st, e.rt, &gateway.Socket{Event: e.event, ConnectionID: "c"})
		p.Run(context.Background(), x)
		w.gw.Finish(x, wire.Sent{})
	}
	var got []string
	for i := range sink {
		d := &sink[i]
		by, _ := d.AWS["api_gateway"].(map[string]string)
		got = append(got, fmt.Sprint(d.Name, " ", d.Resource, " ", by["event_type"], " ", by["connection_id"], " ", d.Route, " ", d.Error, d.Fault))
	}
	const stage = "talk/s arn:aws:apigateway:eu-west-1::/apis/chat/stages/s "
	if want := []string{stage + "MESSAGE c mock false false", stage + "MESSAGE c empty false true", stage + "MESSAGE c  true false", stage + "DISCONNECT c  false false"}; !slices.Equal(got, want) {
		t.Errorf("segments are %q, want %q", got, want)
	}
}

// Requests and messages that are not chosen cost no memory, as where nobody is
// told.
func TestTracingAllocs(t *testing.T) {
	var sink segments
	var got []float64
	for _, to := range []trace.Sink{nil, &sink} {
		w := tracedWorld(t, to, 0)
		x := new(gateway.Exchange)
		got = append(got, testing.AllocsPerRun(1000, func() { w.post(x, "/s/a") }))
		table := w.gw.Table()
		st, s := table.API("chat").Stages["s"], &gateway.Socket{Event: gateway.SocketMessage}
		got = append(got, testing.AllocsPerRun(1000, func() {
			w.gw.BeginEvent(x, table, st, st.Socket.Routes["empty"], s).Run(context.Background(), x)
			w.gw.Finish(x, wire.Sent{})
		}))
	}
	if fmt.Sprint(got) != "[0 0 0 0]" || len(sink) != 0 {
		t.Errorf("allocations without tracing and with it: %v, %d segments; want none", got, len(sink))
	}
}
