package step_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/limit"
	"gatehouse/internal/wire"
)

// lines is a sink that keeps the last line.
type lines struct {
	last []byte
	at   time.Time
}

func (l *lines) Write(at time.Time, line []byte) { l.at, l.last = at, append(l.last[:0], line...) }

// accessFormat is the common log format, and what is of interest here.
//
// AWS: logging-metrics.md §1.3.
const accessFormat = `$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime]` +
	`"$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength $context.requestId $context.extendedRequestId`

// small makes a gateway with the stage that the benchmark "gw" is about: many
// routes with a path parameter, many keys, a rate, an access log.
func small(t testing.TB, routes, keys int, cl gateway.Cluster, sink gateway.Sink) *gateway.Gateway {
	t.Helper()
	log := step.NewAccessLog(accessFormat, sink)
	fault, err := step.NewFault(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	bucket := limit.NewBucket(1e9, 1<<30)
	var list []*gateway.Route
	for i := range routes {
		rt := &gateway.Route{ResourceID: "r", ResourcePath: fmt.Sprintf("/r%d/items/{id}", i), Method: "GET"}
		list = append(list, rt)
	}
	router, err := gateway.NewRouter(list)
	if err != nil {
		t.Fatal(err)
	}
	for i, rt := range list {
		u, err := integration.ParseURI(fmt.Sprintf("http://127.0.0.1:9000/r%d/items/{id}", i))
		if err != nil {
			t.Fatal(err)
		}
		proxy, err := integration.NewProxy(&integration.Config{API: "abc123", URI: u, Cluster: cl, Method: "ANY"})
		if err != nil {
			t.Fatal(err)
		}
		request, err := step.NewIntegrationRequest(map[string]string{"integration.request.path.id": "method.request.path.id"},
			u.Variables(), step.BackendHTTP, &step.Scope{Route: rt})
		if err != nil {
			t.Fatal(err)
		}
		rt.Plan = &gateway.Plan{
			Request:     []gateway.Step{&step.APIKey{Required: true}, &step.Throttle{Method: bucket}, request},
			Integration: proxy,
			Fault:       fault,
			Finish:      []gateway.Finisher{log},
		}
	}
	plan := &gateway.UsagePlan{ID: "p", Rate: limit.NewBuckets(1e9, 1<<20)}
	var ks []gatewaytest.APIKey
	for i := range keys {
		ks = append(ks, gatewaytest.APIKey{ID: fmt.Sprint("k", i), Value: fmt.Sprintf("key-%04d-0123456789abcdef", i), Enabled: true,
			Members: []gateway.Member{{Plan: plan}}})
	}
	index, err := gatewaytest.Keys(ks)
	if err != nil {
		t.Fatal(err)
	}
	st := &gateway.Stage{Account: "111111111111", Region: "us-east-1", API: "abc123", Name: "prod", Router: router,
		Fallback: &gateway.Plan{Request: []gateway.Step{step.NoRoute{}}, Fault: fault, Finish: []gateway.Finisher{log}},
		Keys:     index, UsagePlans: []*gateway.UsagePlan{plan}}
	table, err := gateway.NewTable(1, []*gateway.API{{ID: "abc123", Stages: map[string]*gateway.Stage{"prod": st}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	gw := new(gateway.Gateway)
	gw.Publish(table)
	return gw
}

var peer = &wire.Peer{Addr: netip.MustParseAddrPort("192.0.2.7:4711"), Proto: "HTTP/1.1"}

func TestWholeExchange(t *testing.T) {
	cl := &gatewaytest.Cluster{Keep: true, Body: `{"pets":[]}`, Header: gatewaytest.Header("Content-Type: application/json", "Server: b")}
	sink := new(lines)
	gw := small(t, 10, 10, cl, sink)
	tests := []struct {
		name   string
		target string
		lines  []string
		want   gatewaytest.Answer
		asked  string // target at the backend
		log    string // with the ids left out
	}{
		{
			name: "proxied", target: "/prod/r3/items/a%20b?x=1", lines: []string{"Host: abc123.execute-api.localhost:8080", "X-Api-Key: key-0005-0123456789abcdef"},
			want:  gatewaytest.Answer{Status: 200, Body: `{"pets":[]}`, Length: 11, Header: []string{"Content-Type: application/json", "x-amzn-Remapped-Server: b"}},
			asked: "/r3/items/a%20b?x=1",
			log:   `192.0.2.7 - - [TIME]"GET /r3/items/{id} HTTP/1.1" 200 11`,
		},
		{
			name: "path form", target: "/restapis/abc123/prod/_user_request_/r3/items/7", lines: []string{"Host: localhost", "x-api-key: key-0005-0123456789abcdef"},
			want:  gatewaytest.Answer{Status: 200, Body: `{"pets":[]}`, Length: 11, Header: []string{"Content-Type: application/json", "x-amzn-Remapped-Server: b"}},
			asked: "/r3/items/7",
			log:   `192.0.2.7 - - [TIME]"GET /r3/items/{id} HTTP/1.1" 200 11`,
		},
		{
			name: "no key", target: "/_aws/execute-api/abc123/prod/r3/items/7", lines: []string{"Host: localhost"},
			want: gatewaytest.Answer{Status: 403, Body: `{"message":"Forbidden"}`, Length: 23, Header: []string{"Content-Type: application/json", "x-amzn-ErrorType: ForbiddenException"}},
			log:  `192.0.2.7 - - [TIME]"GET /r3/items/{id} HTTP/1.1" 403 23`,
		},
		{
			name: "no route", target: "/_aws/execute-api/abc123/prod/nowhere", lines: []string{"Host: localhost"},
			want: gatewaytest.Answer{Status: 403, Body: `{"message":"Missing Authentication Token"}`, Length: 42, Header: []string{"Content-Type: application/json", "x-amzn-ErrorType: MissingAuthenticationTokenException"}},
			log:  `192.0.2.7 - - [TIME]"GET - HTTP/1.1" 403 42`,
		},
		{
			name: "query that must be encoded", target: "/_aws/execute-api/abc123/prod/r3/items/7?a={b}", lines: []string{"Host: localhost"},
			want: gatewaytest.Answer{Status: 400, Body: `{"message": "Bad Request"}`, Length: 26, Header: []string{"Content-Type: application/json", "x-amzn-ErrorType: BadRequestException"}},
		},
		{
			name: "no stage", target: "/nowhere", lines: []string{"Host: abc123.execute-api.localhost"},
			want: gatewaytest.Answer{Status: 403, Body: `{"message":"Forbidden"}`, Length: 23, Header: []string{"Content-Type: application/json", "x-amzn-ErrorType: ForbiddenException"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cl.Last, sink.last = gatewaytest.Request{}, nil
			x := &gateway.Exchange{Peer: peer}
			gatewaytest.Fill(x, "GET", tt.target, "", tt.lines...)
			gw.Serve(context.Background(), x)
			got, err := gatewaytest.Drain(x)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("answer (-want +got):\n%s", d)
			}
			if cl.Last.Target != tt.asked {
				t.Errorf("backend was asked for %q, want %q", cl.Last.Target, tt.asked)
			}
			log := tt.log
			if log != "" {
				log = strings.Replace(log, "TIME", string(gateway.AppendRequestTime(nil, x.Vars.Start)), 1) + " " +
					x.Vars.RequestID + " " + x.Vars.ExtendedRequestID + "\n"
			}
			gw.Finish(x, wire.Sent{Body: int64(len(got.Body)), At: time.Now()})
			if string(sink.last) != log {
				t.Errorf("access log %q, want %q", sink.last, log)
			}
		})
	}
}

// gwExchange serves one exchange of the benchmark "gw", in the memory of the
// one before.
func gwExchange(gw *gateway.Gateway, x *gateway.Exchange, fields []wire.Field) {
	x.Peer = peer
	r := &x.MethodRequest
	r.Method, r.Target, r.Path, r.Host = "GET", "/prod/r500/items/42", "/prod/r500/items/42", "abc123.execute-api.localhost:8080"
	r.Header.Fields = append(r.Header.Fields[:0], fields...)
	gw.Serve(context.Background(), x)
	if x.MethodResponse.Body.Source != nil {
		_ = x.MethodResponse.Body.Source.Close()
	}
}

var gwHeader = gatewaytest.Header("Host: abc123.execute-api.localhost:8080", "User-Agent: load", "Accept: */*", "X-Api-Key: key-0500-0123456789abcdef")

func gwCluster() *gatewaytest.Cluster {
	return &gatewaytest.Cluster{Body: strings.Repeat("x", 1024), Header: gatewaytest.Header("Content-Type: application/json", "Content-Length: 1024")}
}

func TestWholeExchangeAllocs(t *testing.T) {
	x := new(gateway.Exchange)
	gw := small(t, 1000, 1000, gwCluster(), new(lines))
	sent := wire.Sent{Body: 1024, At: time.Now()}
	if n := testing.AllocsPerRun(2000, func() {
		gwExchange(gw, x, gwHeader)
		if x.MethodResponse.Status != 200 {
			t.Fatal(x.MethodResponse.Status)
		}
		gw.Finish(x, sent)
	}); n != 0 {
		t.Errorf("an exchange allocates %v times, budget 0", n)
	}
	refused := gwHeader[:3]
	if n := testing.AllocsPerRun(2000, func() {
		gwExchange(gw, x, refused)
		if x.MethodResponse.Status != 403 {
			t.Fatal(x.MethodResponse.Status)
		}
		gw.Finish(x, sent)
	}); n != 0 {
		t.Errorf("a refused exchange allocates %v times, budget 0", n)
	}
}

func BenchmarkWholeExchange(b *testing.B) {
	gw := small(b, 1000, 1000, gwCluster(), new(lines))
	sent := wire.Sent{Body: 1024, At: time.Now()}
	x := new(gateway.Exchange)
	b.ReportAllocs()
	for b.Loop() {
		gwExchange(gw, x, gwHeader)
		gw.Finish(x, sent)
	}
}
