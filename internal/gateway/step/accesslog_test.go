package step_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/wire"
)

// AWS: logging-metrics.md §1.1, §1.3.
func TestAccessLog(t *testing.T) {
	tests := []struct{ format, want string }{
		{accessFormat, `192.0.2.7 - - [22/Nov/2026:10:00:00 +0000]"GET /pets/{id}/{rest+} HTTP/1.1" 200 12 req ext`},
		{`{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","status":$context.status}`, `{"requestId":"req","ip":"192.0.2.7","status":200}`},
		{`$context.requestId,$context.unknown,$context.error.message,$context.`, `req,-,-,$context.`},
		{`${context.requestId}x$context.requestId.`, `reqxreq.`},
		{`cost: $5, $stageVariables.v $contextual $$context.requestId$`, `cost: $5, $stageVariables.v $contextual $req$`},
		{`$context.requestTimeEpoch $context.integrationLatency`, `1795341600000 -`},
		{``, ``},
	}
	for _, tt := range tests {
		t.Run(tt.format, func(t *testing.T) {
			sink := new(lines)
			step.NewAccessLog(tt.format, sink).Finish(logged())
			if got := string(sink.last); got != tt.want+"\n" {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// A line has the time of its own request, and comes with the time of its end.
func TestAccessLogTimes(t *testing.T) {
	sink := new(lines)
	l := step.NewAccessLog("$context.requestTime", sink)
	for _, tt := range []struct {
		after time.Duration
		want  string
	}{
		{0, "22/Nov/2026:10:00:00 +0000"},
		{999 * time.Millisecond, "22/Nov/2026:10:00:00 +0000"},
		{time.Second, "22/Nov/2026:10:00:01 +0000"},
		{0, "22/Nov/2026:10:00:00 +0000"}, // it took longer
		{24 * time.Hour, "23/Nov/2026:10:00:00 +0000"},
	} {
		x := logged()
		x.Vars.Start = x.Vars.Start.Add(tt.after)
		x.Vars.Sent.At = x.Vars.Start.Add(3 * time.Second)
		l.Finish(x)
		if got := string(sink.last); got != tt.want+"\n" || !sink.at.Equal(x.Vars.Sent.At) {
			t.Errorf("after %v: %q at %v, want %q at %v", tt.after, got, sink.at, tt.want, x.Vars.Sent.At)
		}
	}
}

func logged() *gateway.Exchange {
	x := &gateway.Exchange{Peer: peer, Route: petRoute(), Stage: new(gateway.Stage)}
	x.Vars.Start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	x.Vars.HTTPMethod, x.Vars.RequestID, x.Vars.ExtendedRequestID = "GET", "req", "ext"
	x.MethodResponse.Status = 200
	x.Vars.Sent = wire.Sent{Body: 12}
	return x
}

// AWS: rest-execution.md §4.1.
func TestAccessLogRequestID(t *testing.T) {
	sink := new(lines)
	x := begun(petRoute(), nil, "GET", "/", "", "x-amzn-RequestId: mine")
	step.NewAccessLog("$context.requestId", sink).Finish(x)
	if got := string(sink.last); got != "UUID_REPLACED_INVALID_REQUEST_ID\n" {
		t.Errorf("got %q", got)
	}
}

func TestAccessLogAllocs(t *testing.T) {
	l, x := step.NewAccessLog(accessFormat, new(lines)), logged()
	if n := testing.AllocsPerRun(1000, func() { l.Finish(x) }); n != 0 {
		t.Errorf("Finish allocates %v times, budget 0", n)
	}
}

func BenchmarkAccessLog(b *testing.B) {
	sink := step.NewLogSink(func() (io.WriteCloser, error) { return nowhere{}, nil }, step.LogOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- sink.Run(ctx) }()
	defer func() {
		cancel()
		<-done
		b.ReportMetric(float64(sink.Dropped())/float64(b.N), "dropped/op")
	}()
	l, x := step.NewAccessLog(accessFormat, sink), logged()
	x.Vars.RequestID, x.Vars.ExtendedRequestID = strings.Repeat("x", 36), strings.Repeat("x", 16)
	b.ReportAllocs()
	for b.Loop() {
		l.Finish(x)
	}
}

// nowhere takes all lines at once.
type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) Close() error                { return nil }
