package gateway

import (
	"context"
	"strings"
	"testing"

	"gatehouse/internal/trace"
	"gatehouse/internal/wire"
)

// The trace context of W3C beside X-Ray's: who of both is heard, and what goes on.
func TestTraceContext(t *testing.T) {
	const (
		w3c   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"
		same  = "1-4bf92f35-77b34da6a3ce929d0e0e4736"
		other = "1-5759e988-bd862e3fe1be46a994272793"
	)
	all := trace.Default()
	all.Rate = 1
	tests := []struct {
		name, xray, parent string
		passive            bool
		root, caller       string // of the segment; no root: there is none
		decided            string // Sampled of the backend's X-Amzn-Trace-Id
		keeps              bool   // the client's traceparent goes on as it came
		state              bool   // tracestate goes on
	}{
		{name: "sampled", parent: w3c + "01", root: same, caller: "00f067aa0ba902b7", decided: "1", state: true},
		{name: "not sampled", parent: w3c + "00", decided: "0", keeps: true, state: true},
		{name: "of no meaning", parent: w3c + "zz", root: "new", decided: "1"},
		{name: "with the Root of a load balancer", xray: "Root=" + other, parent: w3c + "01", root: same, caller: "00f067aa0ba902b7", decided: "1", state: true},
		{name: "with a decision of X-Ray", xray: "Root=" + other + ";Sampled=0", parent: w3c + "01", decided: "0", keeps: true, state: true},
		{name: "with a caller of X-Ray", xray: "Root=" + other + ";Parent=53995c3f42cd8ad8;Sampled=1", parent: w3c + "01", root: other, caller: "53995c3f42cd8ad8", decided: "1"},
		{name: "of the same trace", xray: "Root=" + same + ";Parent=53995c3f42cd8ad8;Sampled=1", parent: w3c + "01", root: same, caller: "53995c3f42cd8ad8", decided: "1", state: true},
		{name: "none", root: "new", decided: "1"},
		{name: "stage without tracing, sampled by X-Ray", passive: true, xray: "Root=" + other + ";Sampled=1", parent: w3c + "01", root: other, decided: "1", keeps: true, state: true},
		{name: "stage without tracing", passive: true, parent: w3c + "01", decided: "0", keeps: true, state: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var sink segments
			tr := &Tracing{Sink: &sink}
			if !tt.passive {
				tr.Choose = trace.NewSampler(all).Chooser("a", "b", "c")
			}
			x := &Exchange{Stage: &Stage{}}
			h := &x.MethodRequest.Header
			if tt.xray != "" {
				h.AddID(wire.HeaderXAmznTraceID, tt.xray)
			}
			if tt.parent != "" {
				h.Add("TraceParent", tt.parent)
				h.Add("tracestate", "vendor=1")
			}
			x.begin()
			if err := tr.Do(context.Background(), x); err != nil {
				t.Fatal(err)
			}
			tr.Finish(x)
			if (len(sink) == 1) != (tt.root != "") || !strings.HasSuffix(x.Vars.Trace, ";Sampled="+tt.decided) {
				t.Fatalf("%d segments, X-Amzn-Trace-Id %q", len(sink), x.Vars.Trace)
			}
			parent, state := h.Get("traceparent"), h.Get("tracestate")
			if (state == "vendor=1") != tt.state {
				t.Errorf("tracestate is %q", state)
			}
			if tt.keeps {
				if parent != tt.parent || len(x.AppendTraceContext(nil)) != 0 {
					t.Errorf("traceparent is %q", parent)
				}
				return
			}
			d := sink[0]
			if tt.root != "new" && d.TraceID != tt.root || d.ParentID != tt.caller || d.State != state {
				t.Errorf("the segment is %s with state %q", d.Document(), d.State)
			}
			// Both headers name the same trace and the same parent: the call of the backend.
			if want := trace.FormatW3C(d.TraceID, x.segment.backend); parent != want || !strings.Contains(x.Vars.Trace, "Root="+d.TraceID+";Parent="+x.segment.backend) {
				t.Errorf("traceparent is %q, X-Amzn-Trace-Id %q; want %q", parent, x.Vars.Trace, want)
			}
			if added := x.AppendTraceContext(nil); added[0].Value != parent {
				t.Errorf("added is %v", added)
			}
		})
	}
}

// A caller that says no costs no memory.
func TestTraceContextAllocatesNothing(t *testing.T) {
	x := &Exchange{Stage: &Stage{}}
	x.MethodRequest.Header.Add("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")
	x.begin()
	tr := &Tracing{Choose: trace.NewSampler().Chooser("a", "b", "c"), Sink: &segments{}}
	if n := testing.AllocsPerRun(1000, func() {
		x.segment = traceSegment{}
		if tr.Do(context.Background(), x) != nil {
			t.Error("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// What a client has signed must reach the verification as it came.
func TestSignedTraceContext(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	all := trace.Default()
	all.Rate = 1
	for name, sign := range map[string]func(r *wire.Request){
		"header": func(r *wire.Request) {
			r.Header.AddID(wire.HeaderAuthorization, "AWS4-HMAC-SHA256 Credential=c, SignedHeaders=host;traceparent;x-amz-date, Signature=s")
		},
		"query": func(r *wire.Request) { r.Query = "X-Amz-SignedHeaders=host%3Btraceparent" },
	} {
		var sink segments
		tr := &Tracing{Sink: &sink, Choose: trace.NewSampler(all).Chooser("a", "b", "c")}
		x := &Exchange{Stage: &Stage{}}
		x.MethodRequest.Header.Add("traceparent", parent)
		sign(&x.MethodRequest)
		x.begin()
		if err := tr.Do(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		if got := x.MethodRequest.Header.Get("traceparent"); !x.Sampled() || got != parent {
			t.Errorf("%s: sampled: %v, traceparent is %q, want that of the client", name, x.Sampled(), got)
		}
	}
}
