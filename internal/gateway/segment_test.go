package gateway

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/trace"
	"gatehouse/internal/wire"
)

type segments []trace.Segment

func (list *segments) Write(s *trace.Segment) { *list = append(*list, *s) }

// traced runs a tracing of a stage over a request with a trace header.
func traced(t *Tracing, header string) *Exchange {
	x := &Exchange{Stage: &Stage{Account: "000000000000", Region: "eu-west-1", API: "a1", Name: "prod"}}
	x.MethodRequest.Method, x.MethodRequest.Host, x.MethodRequest.Path, x.MethodRequest.Target = "GET", "h", "/p", "/p?q=1"
	if header != "" {
		x.MethodRequest.Header.AddID(wire.HeaderXAmznTraceID, header)
	}
	x.begin()
	if t.Do(context.Background(), x) != nil {
		panic("a tracing refuses")
	}
	return x
}

const testRoot = "1-5759e988-bd862e3fe1be46a994272793"

// AWS: what the client has decided stands; the backend's Parent is the
// subsegment of its call.
func TestTracingOfSampledRequest(t *testing.T) {
	var sink segments
	active := &Tracing{Name: "shop/prod", Origin: "AWS::ApiGateway::Stage", Resource: "arn", Choose: trace.NewSampler().Chooser("shop/prod", "AWS::ApiGateway::Stage", "arn"), Sink: &sink}
	passive := &Tracing{Name: "shop/prod", Sink: &sink}
	for name, tr := range map[string]*Tracing{"active": active, "passive": passive} {
		sink = nil
		x := traced(tr, "Root="+testRoot+";Parent=53995c3f42cd8ad8;Sampled=1")
		x.MethodResponse.Status = 429
		x.Vars.AuthorizerStart, x.Vars.AuthorizerLatency, x.Vars.AuthorizerStatus = x.Vars.Start, time.Millisecond, 200
		x.Vars.AuthorizerBackend = FunctionBackend("arn:aws:lambda:eu-west-1:000000000000:function:auth:live")
		x.Vars.IntegrationStart, x.Vars.IntegrationStatus = time.Now(), 502
		x.IntegrationRequest.Method, x.IntegrationRequest.Host, x.IntegrationRequest.Target = "POST", "b:81", "/q?X-Amz-Signature=0123456789abcdef"
		tr.Finish(x)
		if len(sink) != 1 {
			t.Fatalf("%s: %d segments, want 1", name, len(sink))
		}
		d := sink[0]
		if d.Name != "shop/prod" || d.Account != "000000000000" || d.Region != "eu-west-1" || d.TraceID != testRoot || d.ParentID != "53995c3f42cd8ad8" ||
			!d.Error || !d.Throttle || d.Fault || d.HTTP.Request.URL != "https://h/p?q=1" || d.AWS["xray"] != nil || len(d.Subsegments) != 2 {
			t.Fatalf("%s: the segment is %s", name, d.Document())
		}
		auth, call := d.Subsegments[0], d.Subsegments[1]
		if auth.Namespace != "aws" || auth.AWS["function_name"] != "auth" || auth.Fault || auth.End < auth.Start {
			t.Errorf("%s: the authorizer's part is %+v", name, auth)
		}
		if call.Name != "b:81/q" || call.Namespace != "remote" || !call.Fault || call.HTTP.Request.URL != "http://b:81/q?X-Amz-Signature=**********abcdef" {
			t.Errorf("%s: the backend's part is %+v", name, call)
		}
		if want := "Root=" + testRoot + ";Parent=" + call.ID + ";Sampled=1"; x.Vars.Trace != want {
			t.Errorf("%s: the backend gets %q, want %q", name, x.Vars.Trace, want)
		}
		if want := "Root=" + testRoot + ";Parent=" + auth.ID + ";Sampled=1"; x.AuthorizerTrace() != want {
			t.Errorf("%s: the authorizer gets %q, want %q", name, x.AuthorizerTrace(), want)
		}
	}
}

func TestTracingOfOthers(t *testing.T) {
	none := trace.Default()
	none.Reservoir, none.Rate = 0, 0
	all := trace.Default()
	all.Rate = 1
	tests := []struct {
		name, header string
		rule         *trace.Rule // nil: the stage has no tracing
		want         bool
	}{
		{"refused by the client", "Root=" + testRoot + ";Sampled=0", &all, false},
		{"left open by the client", "Root=" + testRoot + ";Sampled=?", &all, true},
		{"undecided", "Root=" + testRoot, &all, true},
		{"chosen by no rule", "Root=" + testRoot, &none, false},
		{"passive", "Root=" + testRoot, nil, false},
		{"passive without a header", "", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var sink segments
			tr := &Tracing{Sink: &sink}
			if tt.rule != nil {
				tr.Choose = trace.NewSampler(*tt.rule).Chooser("a", "b", "c")
			}
			x := traced(tr, tt.header)
			tr.Finish(x)
			if x.Sampled() != tt.want || len(sink) == 1 != tt.want || strings.HasSuffix(x.Vars.Trace, ";Sampled=1") != tt.want {
				t.Errorf("chosen: %v, %d segments, %q; want %v", x.Sampled(), len(sink), x.Vars.Trace, tt.want)
			}
			if tt.want && !strings.Contains(string(sink[0].Document()), `"xray":{"sampling_rule_name":"Default"}`) {
				t.Errorf("the segment does not name its rule: %s", sink[0].Document())
			}
		})
	}
}

// Who is not traced costs no memory.
func TestTracingOffAllocatesNothing(t *testing.T) {
	var sink segments
	none := trace.Default()
	none.Reservoir, none.Rate = 0, 0
	tr := &Tracing{Choose: trace.NewSampler(none).Chooser("a", "b", "c"), Sink: &sink}
	for _, header := range []string{"Sampled=0", ""} {
		x := traced(tr, header)
		if n := testing.AllocsPerRun(1000, func() {
			if tr.Do(context.Background(), x) != nil {
				t.Error("refused")
			}
			tr.Finish(x)
		}); n != 0 || len(sink) != 0 {
			t.Errorf("%q: %v allocations and %d segments, want none", header, n, len(sink))
		}
	}
}
