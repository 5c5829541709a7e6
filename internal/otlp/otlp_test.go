package otlp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"gatehouse/internal/otlp"
	"gatehouse/internal/trace"
)

var quiet = slog.New(slog.DiscardHandler)

// kept keeps messages.
type kept struct {
	mu       sync.Mutex // guards the field below
	messages [][]byte
}

func (k *kept) take(_ context.Context, _ otlp.Signal, message []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.messages = append(k.messages, bytes.Clone(message))
	return nil, nil
}

// all returns the messages, and forgets them.
func (k *kept) all() [][]byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := k.messages
	k.messages = nil
	return list
}

// run runs a part until the test ends it.
func run(t *testing.T, part func(context.Context) error) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- part(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func texts(list []*common.KeyValue) map[string]string {
	out := map[string]string{}
	for _, kv := range list {
		switch v := kv.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			out[kv.Key] = v.StringValue
		default:
			out[kv.Key] = strings.TrimSpace(strings.SplitN(kv.Value.String(), ":", 2)[1])
		}
	}
	return out
}

func TestLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent kept
		c := otlp.NewFake(otlp.Options{Log: quiet, Resource: []otlp.Attribute{{Key: "service.name", Value: "gatehouse"}}}, sent.take)
		l := otlp.NewLogs(c)
		end := run(t, l.Run)
		at := time.Now()
		access := l.Source(otlp.Attribute{Key: "gatehouse.log", Value: "access"})
		access.Write(at, []byte("GET /pets 200"))
		access.Write(at, []byte("broken \xff text"))
		var text bytes.Buffer
		log := slog.New(l.Handler(slog.NewTextHandler(&text, nil))).With("stage", "prod").WithGroup("g")
		log.Warn("stage refused", "n", 7, slog.Group("in", "ok", true), "err", errors.New("no such thing"))
		log.Debug("not wanted")
		end()

		if !strings.Contains(text.String(), "msg=\"stage refused\" stage=prod g.n=7") {
			t.Errorf("the process log is %q", text.String())
		}
		var data logs.LogsData
		if err := proto.Unmarshal(bytes.Join(sent.messages, nil), &data); err != nil {
			t.Fatal(err)
		}
		if n := len(data.ResourceLogs); n != 1 {
			t.Fatalf("%d resources, want 1", n)
		}
		if got := texts(data.ResourceLogs[0].Resource.Attributes)["service.name"]; got != "gatehouse" {
			t.Errorf("service.name = %q", got)
		}
		type record struct {
			Body, Level string
			Number      int32
			At          uint64
			Attributes  map[string]string
		}
		var got []record
		for _, r := range data.ResourceLogs[0].ScopeLogs[0].LogRecords {
			got = append(got, record{r.Body.GetStringValue(), r.SeverityText, int32(r.SeverityNumber), r.TimeUnixNano, texts(r.Attributes)})
		}
		nano := uint64(at.UnixNano())
		want := []record{
			{"GET /pets 200", "", 9, nano, map[string]string{"gatehouse.log": "access"}},
			{"broken \uFFFD text", "", 9, nano, map[string]string{"gatehouse.log": "access"}},
			{"stage refused", "WARN", 13, nano, map[string]string{"stage": "prod", "g.n": "7", "g.in.ok": "true", "g.err": "no such thing"}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("records (-want +got):\n%s", diff)
		}
		if st := c.Stats(otlp.SignalLogs); st != (otlp.Stats{Sent: 3}) {
			t.Errorf("stats = %+v", st)
		}
	})
}

// While the other side is down the queue fills, then drops, and goes on when it is
// back. Each record is sent, or counted as dropped.
func TestSinkDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		var got, tries atomic.Int64
		c := otlp.NewFake(otlp.Options{Log: quiet}, func(_ context.Context, _ otlp.Signal, message []byte) ([]byte, error) {
			tries.Add(1)
			if down.Load() {
				return nil, otlp.Later(errors.New("connection refused"))
			}
			if len(message) > 1<<20+64<<10 {
				t.Errorf("a message has %d bytes", len(message))
			}
			var data logs.LogsData
			if err := proto.Unmarshal(message, &data); err != nil {
				t.Error(err)
			}
			got.Add(int64(len(data.ResourceLogs[0].ScopeLogs[0].LogRecords)))
			return nil, nil
		})
		l := otlp.NewLogs(c)
		end := run(t, l.Run)
		source := l.Source()
		line := bytes.Repeat([]byte("x"), 1000)
		written, refused := 0, 0
		for range 2 * otlp.LogRoom / len(line) {
			if written++; !source.Write(time.Now(), line) {
				refused++
			}
			if written%1000 == 0 {
				time.Sleep(time.Second)
			}
		}
		time.Sleep(10 * time.Second)
		if refused == 0 {
			t.Error("nothing is refused: the queue has no end")
		}
		if n := tries.Load(); n < 4 || n > 60 {
			t.Errorf("%d tries: want some, with growing rests", n)
		}
		down.Store(false)
		time.Sleep(time.Minute)
		source.Write(time.Now(), line)
		end()
		st := c.Stats(otlp.SignalLogs)
		if got.Load() == 0 || uint64(got.Load()) != st.Sent || st.Sent+st.Dropped != uint64(written+1) || st.Dropped < uint64(refused) || st.Failures == 0 {
			t.Errorf("written %d, refused %d, got %d, stats %+v", written+1, refused, got.Load(), st)
		}
	})
}

// What is refused for good is not tried again, and the end waits a moment only.
func TestRefusedAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int64
		c := otlp.NewFake(otlp.Options{Log: quiet}, func(ctx context.Context, _ otlp.Signal, _ []byte) ([]byte, error) {
			if tries.Add(1) == 1 {
				return nil, errors.New("400")
			}
			<-ctx.Done()
			return nil, otlp.Later(ctx.Err())
		})
		tr := otlp.NewTraces(c)
		end := run(t, tr.Run)
		tr.Write(segment())
		time.Sleep(time.Minute)
		if n := tries.Load(); n != 1 {
			t.Errorf("%d tries of what is refused", n)
		}
		begun := time.Now()
		for range 2 * otlp.TraceQueue {
			tr.Write(segment())
		}
		end()
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("the end took %v", took)
		}
		if st := c.Stats(otlp.SignalTraces); st.Sent != 0 || st.Dropped != 3*(2*otlp.TraceQueue+1) {
			t.Errorf("stats = %+v", st)
		}
	})
}

func TestPartialSuccess(t *testing.T) {
	part := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 2)
	part = protowire.AppendString(protowire.AppendTag(part, 2, protowire.BytesType), "two are bad")
	answer := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), part)
	var text bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		c := otlp.NewFake(otlp.Options{Log: slog.New(slog.NewTextHandler(&text, nil))}, func(context.Context, otlp.Signal, []byte) ([]byte, error) { return answer, nil })
		tr := otlp.NewTraces(c)
		end := run(t, tr.Run)
		tr.Write(segment())
		end()
		if st := c.Stats(otlp.SignalTraces); st.Sent != 1 || st.Dropped != 2 {
			t.Errorf("stats = %+v", st)
		}
	})
	if !strings.Contains(text.String(), "two are bad") {
		t.Errorf("the log is %q", text.String())
	}
}

// An endpoint that refuses everything, or a part of everything, is told of once, and
// once more when it does not any more.
func TestRefusedToldOnce(t *testing.T) {
	part := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)
	partly := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), part)
	for name, answer := range map[string]func() ([]byte, error){
		"all":    func() ([]byte, error) { return nil, errors.New("401") },
		"a part": func() ([]byte, error) { return partly, nil },
	} {
		var text bytes.Buffer
		var refuses atomic.Bool
		synctest.Test(t, func(t *testing.T) {
			c := otlp.NewFake(otlp.Options{Log: slog.New(slog.NewTextHandler(&text, nil))}, func(context.Context, otlp.Signal, []byte) ([]byte, error) {
				if refuses.Load() {
					return answer()
				}
				return nil, nil
			})
			tr := otlp.NewTraces(c)
			end := run(t, tr.Run)
			for i := range 12 {
				refuses.Store(i%6 != 5)
				tr.Write(segment())
				time.Sleep(10 * time.Second)
			}
			end()
		})
		if warn, info := strings.Count(text.String(), "level=WARN"), strings.Count(text.String(), "level=INFO"); warn != 2 || info != 2 {
			t.Errorf("%s: told %d times that it is refused and %d times that it is not, want twice each:\n%s", name, warn, info, text.String())
		}
	}
}

// segment is one of the gateway's, with an authorizer and a backend.
func segment() *trace.Segment {
	return &trace.Segment{
		Name: "shop/prod", ID: "70de5b6f19ff9a0a", TraceID: "1-5759e988-bd862e3fe1be46a994272793", ParentID: "53995c3f42cd8ad8",
		Start: 1480615200.010, End: 1480615200.090, Origin: "AWS::ApiGateway::Stage", Account: "1", Region: "r",
		Route: "GET /pets/{id}", State: "vendor=1",
		HTTP:  &trace.HTTP{Request: &trace.Request{Method: "GET", URL: "https://h/pets/7", ClientIP: "10.0.0.1"}, Response: &trace.Response{Status: 404, Length: 12}},
		Error: true, Annotations: map[string]any{"aws:api_id": "a1"}, AWS: map[string]any{"api_gateway": map[string]string{"stage": "prod"}, "n": []string{"x"}},
		Subsegments: []trace.Segment{
			{Name: "Authorizer", ID: "0000000000000001", Start: 1480615200.020, End: 1480615200.030, Namespace: "aws"},
			{Name: "h/pets/7", ID: "0000000000000002", Start: 1480615200.030, End: 1480615200.080, Namespace: "remote", Fault: true,
				HTTP:  &trace.HTTP{Response: &trace.Response{Status: 502}},
				Cause: &trace.Cause{Exceptions: []trace.Exception{{Type: "Timeout", Message: "too late"}}}},
		},
	}
}

func TestTraces(t *testing.T) {
	var sent kept
	synctest.Test(t, func(t *testing.T) {
		c := otlp.NewFake(otlp.Options{Log: quiet, Resource: []otlp.Attribute{{Key: "service.name", Value: "gatehouse"}, {Key: "host.name", Value: "n1"}}}, sent.take)
		tr := otlp.NewTraces(c)
		end := run(t, tr.Run)
		tr.Write(segment())
		bad := segment()
		bad.TraceID = "what a client made up"
		tr.Write(bad)
		tr.Write(segment())
		end()
		if st := c.Stats(otlp.SignalTraces); st != (otlp.Stats{Sent: 6, Dropped: 1}) {
			t.Errorf("stats = %+v", st)
		}
	})
	if len(sent.messages) != 1 {
		t.Fatalf("%d messages, want 1", len(sent.messages))
	}
	var data traces.TracesData
	if err := proto.Unmarshal(sent.messages[0], &data); err != nil {
		t.Fatal(err)
	}
	if len(data.ResourceSpans) != 2 {
		t.Fatalf("%d resources, want 2", len(data.ResourceSpans))
	}
	of := texts(data.ResourceSpans[0].Resource.Attributes)
	if of["service.name"] != "shop/prod" || of["host.name"] != "n1" || of["cloud.region"] != "r" {
		t.Errorf("resource = %v", of)
	}
	spans := map[string]*traces.Span{}
	for _, s := range data.ResourceSpans[0].ScopeSpans[0].Spans {
		spans[s.Name] = s
	}
	root, backend := spans["GET /pets/{id}"], spans["h/pets/7"]
	if len(spans) != 3 || root == nil || backend == nil || spans["Authorizer"] == nil {
		t.Fatalf("spans = %v", spans)
	}
	type shape struct {
		Trace, Parent, State string
		Kind                 traces.Span_SpanKind
		Code                 traces.Status_StatusCode
		Nanos                uint64
	}
	show := func(s *traces.Span) shape {
		return shape{string(hexOf(s.TraceId)), string(hexOf(s.ParentSpanId)), s.TraceState, s.Kind, s.Status.Code, s.EndTimeUnixNano - s.StartTimeUnixNano}
	}
	const id = "5759e988bd862e3fe1be46a994272793"
	want := map[string]shape{
		"root":    {id, "53995c3f42cd8ad8", "vendor=1", traces.Span_SPAN_KIND_SERVER, traces.Status_STATUS_CODE_UNSET, 80e6},
		"backend": {id, "70de5b6f19ff9a0a", "", traces.Span_SPAN_KIND_CLIENT, traces.Status_STATUS_CODE_ERROR, 50e6},
	}
	if diff := cmp.Diff(want, map[string]shape{"root": show(root), "backend": show(backend)}); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	got := texts(root.Attributes)
	for key, want := range map[string]string{
		"http.route": "/pets/{id}", "http.request.method": "GET", "url.full": "https://h/pets/7", "client.address": "10.0.0.1",
		"http.response.status_code": "404", "aws:api_id": "a1", "aws.api_gateway.stage": "prod",
	} {
		if got[key] != want {
			t.Errorf("%s = %q, want %q", key, got[key], want)
		}
	}
	if backend.Events[0].Name != "exception" || texts(backend.Events[0].Attributes)["exception.message"] != "too late" || texts(backend.Attributes)["error.type"] != "502" {
		t.Errorf("backend = %v", backend)
	}
}

func hexOf(b []byte) []byte {
	const digits = "0123456789abcdef"
	var out []byte
	for _, c := range b {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return out
}

func TestMetrics(t *testing.T) {
	var sent kept
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		n := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "x_requests_total", Help: "Requests."}, []string{"api"})
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "x_ready"})
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "x_latency_seconds", Buckets: []float64{1, 2}})
		reg.MustRegister(n, g, h)
		for i := range 3000 { // more than fit one message
			n.WithLabelValues(strings.Repeat("i", 1+i%50) + string(rune('a'+i%26)) + time.Duration(i).String()).Add(2)
		}
		g.Set(1)
		for _, v := range []float64{0.5, 1.5, 1.6, 5} {
			h.Observe(v)
		}
		c := otlp.NewFake(otlp.Options{Log: quiet}, sent.take)
		m := otlp.NewMetrics(c, reg, time.Minute)
		end := run(t, m.Run)
		time.Sleep(time.Minute + time.Second)
		if n := len(sent.all()); n != 2 {
			t.Errorf("%d messages after a minute, want 2", n)
		}
		end()
		if st := c.Stats(otlp.SignalMetrics); st != (otlp.Stats{Sent: 2 * 3002}) {
			t.Errorf("stats = %+v", st)
		}
	})
	var data metrics.MetricsData
	if err := proto.Unmarshal(bytes.Join(sent.messages, nil), &data); err != nil {
		t.Fatal(err)
	}
	points := 0
	for _, r := range data.ResourceMetrics {
		for _, m := range r.ScopeMetrics[0].Metrics {
			switch m.Name {
			case "x_requests_total":
				s := m.GetSum()
				points += len(s.DataPoints)
				if p := s.DataPoints[0]; !s.IsMonotonic || s.AggregationTemporality != metrics.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE || p.GetAsDouble() != 2 || p.TimeUnixNano-p.StartTimeUnixNano != uint64(61*time.Second) {
					t.Errorf("sum = %v", s)
				}
			case "x_ready":
				if m.GetGauge().DataPoints[0].GetAsDouble() != 1 {
					t.Errorf("gauge = %v", m)
				}
			case "x_latency_seconds":
				p := m.GetHistogram().DataPoints[0]
				if m.Unit != "s" || p.Count != 4 || p.GetSum() != 8.6 || !cmp.Equal(p.BucketCounts, []uint64{1, 2, 1}) || !cmp.Equal(p.ExplicitBounds, []float64{1, 2}) {
					t.Errorf("histogram = %v", m)
				}
			}
		}
	}
	if points != 3000 {
		t.Errorf("%d points, want 3000", points)
	}
}

// TestHTTP sends to a server that is well.
func TestHTTP(t *testing.T) {
	type request struct{ path, header, kind, line string }
	got := make(chan request, 4)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		zipped, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		body, err := io.ReadAll(zipped)
		var data logs.LogsData
		if err := errors.Join(err, proto.Unmarshal(body, &data)); err != nil {
			t.Error(err)
			return
		}
		got <- request{r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("Content-Type"), data.ResourceLogs[0].ScopeLogs[0].LogRecords[0].Body.GetStringValue()}
	}))
	defer srv.Close()
	c := client(t, otlp.Options{Headers: map[string]string{"authorization": "Bearer x"}}, srv.URL+"/in/")
	l := otlp.NewLogs(c)
	l.Source().Write(time.Now(), []byte("hello"))
	l.Source().Write(time.Now(), bytes.Repeat([]byte("x"), 1<<20)) // fills a message: none waits for more
	end := run(t, l.Run)
	want := request{"/in/v1/logs", "Bearer x", "application/x-protobuf", "hello"}
	if r := <-got; r != want {
		t.Errorf("request = %+v, want %+v", r, want)
	}
	<-got
	for stop := time.Now().Add(time.Minute); c.Stats(otlp.SignalLogs).Sent < 2 && time.Now().Before(stop); {
		runtime.Gosched() // the end waits for what is on its way, but not for long
	}
	end()
	if st := c.Stats(otlp.SignalLogs); st != (otlp.Stats{Sent: 2}) {
		t.Errorf("stats = %+v", st)
	}
}

func client(t *testing.T, opt otlp.Options, endpoint string) *otlp.Client {
	var err error
	if opt.Endpoint, err = url.Parse(endpoint); err != nil {
		t.Fatal(err)
	}
	opt.Log = quiet
	c, err := otlp.NewClient(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestHTTPStatus is which answers are worth another try.
//
// OpenTelemetry: "OTLP/HTTP Response", "Retryable Response Codes".
func TestHTTPStatus(t *testing.T) {
	for status, want := range map[int]bool{200: false, 302: false, 400: false, 401: false, 404: false, 429: true, 500: false, 502: true, 503: true, 504: true} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
		}))
		again, after, err := otlp.Try(client(t, otlp.Options{Plain: true}, srv.URL), otlp.SignalTraces, nil)
		if again != want || (err == nil) != (status == 200) || want && after != 7*time.Second {
			t.Errorf("%d: again %v after %v, %v", status, again, after, err)
		}
		srv.Close()
	}
	if again, _, err := otlp.Try(client(t, otlp.Options{}, "http://127.0.0.1:1"), otlp.SignalTraces, nil); !again {
		t.Errorf("nobody listens: again %v, %v", again, err)
	}
}

// TestGRPCStatus is the same for gRPC.
//
// OpenTelemetry: "OTLP/gRPC Response".
func TestGRPCStatus(t *testing.T) {
	var answer *status.Status
	srv := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(stream)
		md, _ := metadata.FromIncomingContext(stream.Context())
		if method != "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" || md.Get("authorization")[0] != "Bearer x" {
			t.Errorf("method %s, %v", method, md)
		}
		var in metrics.MetricsData
		if err := stream.RecvMsg(&in); err != nil || in.ResourceMetrics[0].SchemaUrl != "here" {
			t.Errorf("%v: %v", &in, err)
		}
		if answer.Code() != codes.OK {
			return answer.Err()
		}
		return stream.SendMsg(&metrics.MetricsData{})
	}))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(ln)
	defer srv.Stop()
	c := client(t, otlp.Options{GRPC: true, Headers: map[string]string{"authorization": "Bearer x"}}, "http://"+ln.Addr().String())
	message, err := proto.Marshal(&metrics.MetricsData{ResourceMetrics: []*metrics.ResourceMetrics{{SchemaUrl: "here"}}})
	if err != nil {
		t.Fatal(err)
	}
	busy, err := status.New(codes.ResourceExhausted, "busy").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(9 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		answer *status.Status
		again  bool
		after  time.Duration
	}{
		{status.New(codes.OK, ""), false, 0},
		{status.New(codes.Unavailable, ""), true, 0},
		{status.New(codes.InvalidArgument, ""), false, 0},
		{status.New(codes.Unauthenticated, ""), false, 0},
		{status.New(codes.ResourceExhausted, ""), false, 0},
		{busy, true, 9 * time.Second},
	} {
		answer = tt.answer
		again, after, err := otlp.Try(c, otlp.SignalMetrics, message)
		if again != tt.again || after != tt.after || (err == nil) != (tt.answer.Code() == codes.OK) {
			t.Errorf("%v: again %v after %v, %v", tt.answer, again, after, err)
		}
	}
}

func TestWriteAllocs(t *testing.T) {
	l := otlp.NewLogs(otlp.NewFake(otlp.Options{Log: quiet}, nil))
	s, line, now := l.Source(otlp.Attribute{Key: "a", Value: "b"}), bytes.Repeat([]byte("x"), 200), time.Now()
	for range 1000 {
		s.Write(now, line) // the buffer grows to what it needs
	}
	if n := testing.AllocsPerRun(100, func() { s.Write(now, line) }); n != 0 {
		t.Errorf("Write allocates %v times, budget 0", n)
	}
}
