package function_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/function"
	"gatehouse/internal/trace"
)

// tracer hands on what it is told.
type tracer struct {
	began chan string
	told  chan trace.Segment
}

func newTracer() *tracer { return &tracer{make(chan string, 100), make(chan trace.Segment, 100)} }

func (t *tracer) Began(traceID, account, region string) { t.began <- traceID + account + region }
func (t *tracer) Write(s *trace.Segment)                { t.told <- *s }

// next returns the next two segments: that of the service, and that of the function.
func (t *tracer) next() (service, fn trace.Segment) { return <-t.told, <-t.told }

const testRoot = "1-5759e988-bd862e3fe1be46a994272793"

// AWS: services-xray: a segment of Lambda, and one of the function with its phases.
func TestTrace(t *testing.T) {
	tr := newTracer()
	h := newHost(t, function.Options{Tracer: tr, XRayDaemon: "127.0.0.1:2000"})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	call := func(do, header string) *function.Result {
		t.Helper()
		r, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, Payload: []byte(`{"Do":"` + do + `"}`), TraceID: header})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := call("headers", "Root="+testRoot+";Parent=53995c3f42cd8ad8;Sampled=1")
	service, fn := tr.next()
	if service.Origin != "AWS::Lambda" || service.TraceID != testRoot || service.ParentID != "53995c3f42cd8ad8" || service.Resource != testARN || service.HTTP.Response.Status != 200 {
		t.Errorf("the segment of the service is %s", service.Document())
	}
	var names []string
	for _, sub := range fn.Subsegments {
		names = append(names, sub.Name)
		if sub.Start < fn.Start || sub.End < sub.Start || sub.End > fn.End {
			t.Errorf("%s is from %f to %f, the segment from %f to %f", sub.Name, sub.Start, sub.End, fn.Start, fn.End)
		}
	}
	if fn.Origin != "AWS::Lambda::Function" || fn.ParentID != service.ID || fn.Fault || strings.Join(names, " ") != "Initialization Invocation Overhead" {
		t.Errorf("the segment of the function is %s", fn.Document())
	}
	var got map[string][]string
	if err := json.Unmarshal(r.Payload, &got); err != nil {
		t.Fatal(err)
	}
	if want := "Root=" + testRoot + ";Parent=" + fn.Subsegments[1].ID + ";Sampled=1"; got["Lambda-Runtime-Trace-Id"][0] != want {
		t.Errorf("the function gets %q, want %q", got["Lambda-Runtime-Trace-Id"], want)
	}
	if began := <-tr.began; !strings.HasPrefix(began, testRoot) {
		t.Errorf("began: %s", began)
	}

	call("error", "Root="+testRoot+";Sampled=1")
	service, fn = tr.next()
	if !fn.Fault || fn.Cause.Exceptions[0].Type != "TestError" || fn.Cause.Exceptions[0].Message != "no" || service.Fault || len(fn.Subsegments) != 2 {
		t.Errorf("a failure is told as %s and %s", service.Document(), fn.Document())
	}

	call("pid", "Root="+testRoot+";Sampled=0")
	call("pid", "Root="+testRoot)
	call("pid", "")
	const other = "1-5759e988-000000000000000000000000"
	call("pid", "Root="+other+";Sampled=1")
	if service, fn = tr.next(); service.TraceID != other || fn.TraceID != other {
		t.Errorf("what is not traced is told as %s and %s", service.Document(), fn.Document())
	}
}

// With Tracing, Lambda decides where nobody has: the first of a second is traced.
func TestTraceActive(t *testing.T) {
	tr := newTracer()
	h := newHost(t, function.Options{Tracer: tr})
	mustSet(t, h, latest(function.Version{Code: testCode(t), Tracing: true}))
	invoke(t, h, deed{Do: "pid"})
	service, _ := tr.next()
	if !strings.HasPrefix(service.TraceID, "1-") || len(service.TraceID) != 35 || service.ParentID != "" {
		t.Errorf("the trace is %s", service.Document())
	}
}

// An asynchronous invocation tells how long it has waited, and each attempt.
func TestTraceEvent(t *testing.T) {
	tr := newTracer()
	h := newHost(t, function.Options{Tracer: tr, Retry: time.Millisecond})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	if _, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, Kind: function.Event, Payload: []byte(`{"Do":"error"}`), TraceID: "Root=" + testRoot + ";Sampled=1"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Attempt #1", "Attempt #2", "Attempt #3"} {
		service, fn := tr.next()
		if len(service.Subsegments) != 2 || service.Subsegments[0].Name != "Dwell Time" || service.Subsegments[1].Name != want || !fn.Fault {
			t.Errorf("want %s, got %s", want, service.Document())
		}
	}
}

// Who is throttled is told by Lambda alone.
func TestTraceThrottled(t *testing.T) {
	tr := newTracer()
	h := newHost(t, function.Options{Tracer: tr})
	def := latest(function.Version{Code: testCode(t)})
	def.Reserved = new(0)
	mustSet(t, h, def)
	_, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, TraceID: "Root=" + testRoot + ";Sampled=1"})
	if e := new(function.Error); !errors.As(err, &e) || e.Status != 429 {
		t.Fatal(err)
	}
	if s := <-tr.told; !s.Throttle || !s.Error || s.HTTP.Response.Status != 429 || len(tr.told) != 0 {
		t.Errorf("told is %s", s.Document())
	}
}
