package gateway

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/wire"
)

type documents [][]byte

func (d *documents) Write(b []byte) { *d = append(*d, b) }

// traced runs a tracing of a stage over a request with a trace header.
func traced(t *Tracing, header string) *Exchange {
	x := &Exchange{Stage: &Stage{Account: "000000000000", API: "a1", Name: "prod"}}
	x.MethodRequest.Method, x.MethodRequest.Host, x.MethodRequest.Path = "GET", "h", "/p"
	if header != "" {
		x.MethodRequest.Header.AddID(wire.HeaderXAmznTraceID, header)
	}
	x.begin()
	if t.Do(context.Background(), x) != nil {
		panic("a tracing refuses")
	}
	return x
}

func TestTracing(t *testing.T) {
	const root = "1-5759e988-bd862e3fe1be46a994272793"
	synctest.Test(t, func(t *testing.T) {
		var sink documents
		tr := &Tracing{Name: "shop/prod", Resource: "arn", Sample: NewSampling(), Sink: &sink}

		// AWS: what the client has decided stands; Parent becomes the segment.
		x := traced(tr, "Root="+root+";Parent=53995c3f42cd8ad8;Sampled=1")
		if !strings.HasPrefix(x.Vars.Trace, "Root="+root+";Parent=") || !strings.HasSuffix(x.Vars.Trace, ";Sampled=1") || strings.Contains(x.Vars.Trace, "53995c3f42cd8ad8") {
			t.Errorf("the backend gets %q", x.Vars.Trace)
		}
		x.MethodResponse.Status = 429
		x.Vars.IntegrationStart, x.Vars.IntegrationStatus = time.Now(), 502
		tr.Finish(x)
		if len(sink) != 1 {
			t.Fatalf("%d segments, want 1", len(sink))
		}
		var d segmentDocument
		if err := json.Unmarshal(sink[0], &d); err != nil {
			t.Fatal(err)
		}
		if d.Name != "shop/prod" || d.TraceID != root || d.ParentID != "53995c3f42cd8ad8" || !d.Error || !d.Throttle || d.Fault || len(d.Subsegments) != 1 || !d.Subsegments[0].Fault {
			t.Errorf("the segment is %s", sink[0])
		}
		if !strings.Contains(x.Vars.Trace, d.ID) {
			t.Errorf("the backend's Parent is not the segment %s", d.ID)
		}

		x = traced(tr, "Root="+root+";Sampled=0")
		tr.Finish(x)
		if len(sink) != 1 || !strings.HasSuffix(x.Vars.Trace, ";Sampled=0") {
			t.Error("a client that wants no trace is traced")
		}

		// AWS: the first request of each second, and five percent of the others.
		time.Sleep(time.Second)
		chosen := 0
		for i := range 2000 {
			if x := traced(tr, ""); x.segment.id != "" {
				chosen++
			} else if i == 0 {
				t.Error("the first request of a second is not traced")
			}
		}
		if chosen < 50 || chosen > 170 {
			t.Errorf("%d of 2000 requests are traced, want about 101", chosen)
		}
	})
}

// Who is not traced costs no memory.
func TestTracingOffAllocatesNothing(t *testing.T) {
	var sink documents
	tr := &Tracing{Sample: NewSampling(), Sink: &sink}
	x := traced(tr, "Sampled=0")
	if n := testing.AllocsPerRun(1000, func() {
		if tr.Do(context.Background(), x) != nil {
			t.Error("refused")
		}
		tr.Finish(x)
	}); n != 0 || len(sink) != 0 {
		t.Errorf("%v allocations and %d segments, want none", n, len(sink))
	}
}
