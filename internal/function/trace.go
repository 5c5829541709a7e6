package function

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"time"

	"gatehouse/internal/arn"
	"gatehouse/internal/trace"
)

// A Tracer is told of the invocations that are traced.
type Tracer interface {
	trace.Sink
	// Began notes the account and Region of a trace, before the function can tell
	// anything of it.
	Began(traceID, account, region string)
}

// A tracedCall is what is to be told of an invocation: a segment of the service
// Lambda, and below it one of the function.
//
// AWS: services-xray.
type tracedCall struct {
	header     trace.Header // as it came; Root is there
	service    string       // ids of segments
	function   string
	invocation string // of the subsegment that what the function tells hangs below
	received   time.Time
	answered   time.Time // zero: not yet, or as a stream
	error      string    // of the function
	cause      []byte    // its document
}

// traceCall says what is to be told of an invocation; nil: nothing.
//
// AWS: TracingConfig: who is called with Sampled=1 is traced; with Active, Lambda
// decides where nobody has.
func (h *Host) traceCall(fn *function, v *Version, in *Invocation) *tracedCall {
	if h.opt.Tracer == nil || in.TraceID == "" && !v.Tracing {
		return nil
	}
	header := trace.ParseHeader(in.TraceID)
	if header.Sampled != "1" {
		if header.Sampled == "0" || !v.Tracing {
			return nil
		}
		if _, chosen := h.sampling.Choose(&trace.Subject{Now: time.Now(), Draw: mathrand.Float64()}); !chosen {
			return nil
		}
	}
	if header.Root == "" {
		header.Root, header.Parent = newTraceID(time.Now()), ""
	}
	a, _ := arn.Parse(fn.arn) // Set has parsed it
	h.opt.Tracer.Began(header.Root, a.Account, a.Region)
	return &tracedCall{header: header, service: trace.NewID(), function: trace.NewID(), invocation: trace.NewID(), received: time.Now()}
}

// newTraceID returns the id of a trace that begins now.
func newTraceID(now time.Time) string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process instead
	return fmt.Sprintf("1-%08x-%s", now.Unix(), hex.EncodeToString(b[:]))
}

// traceID is the trace header for the function.
func (c *call) traceID() string {
	t := c.traced
	if t == nil {
		return c.in.TraceID
	}
	return trace.Header{Root: t.header.Root, Parent: t.invocation, Sampled: "1"}.String()
}

// note takes down how an invocation was answered.
func (t *tracedCall) note(r *Result) {
	if t == nil {
		return
	}
	if t.error = r.Error; r.Error != "" {
		t.cause = r.Payload
	}
	if r.Body == nil {
		t.answered = time.Now()
	}
}

// tell tells of an invocation that is over.
//
// AWS: services-xray: a segment of the service and one of the function, with
// Initialization, Invocation and Overhead. Those of an asynchronous invocation have
// Dwell Time and Attempt #.
func (c *call) tell() {
	t := c.traced
	if t == nil {
		return
	}
	p, over := c.pool, time.Now()
	if t.answered.IsZero() {
		t.answered = over
	}
	status := 200
	if c.refusal != nil {
		status = c.refusal.Status
	}
	service := c.segment("AWS::Lambda", t.service, t.header.Parent, t.received, t.answered)
	service.HTTP = &trace.HTTP{Response: &trace.Response{Status: status}}
	service.AWS = map[string]any{"request_id": c.requestID}
	service.Fail(status)
	if !c.in.Queued.IsZero() {
		service.Subsegments = []trace.Segment{
			{Name: "Dwell Time", ID: trace.NewID(), Start: trace.Seconds(c.in.Queued), End: trace.Seconds(t.received)},
			{Name: fmt.Sprintf("Attempt #%d", c.in.Attempt), ID: trace.NewID(), Start: trace.Seconds(t.received), End: trace.Seconds(t.answered)},
		}
		service.Start = trace.Seconds(c.in.Queued)
	}
	p.host.opt.Tracer.Write(service)

	start := c.start
	fn := c.segment("AWS::Lambda::Function", t.function, t.service, start, over)
	fn.AWS = map[string]any{"account_id": fn.Account, "function_arn": p.fn.arn, "request_id": c.requestID, "resource_names": []string{p.fn.name}}
	if !c.born.IsZero() {
		fn.Start = trace.Seconds(c.born)
		fn.Subsegments = append(fn.Subsegments, trace.Segment{Name: "Initialization", ID: trace.NewID(), Start: fn.Start, End: trace.Seconds(c.born.Add(c.init))})
	}
	fn.Subsegments = append(fn.Subsegments,
		trace.Segment{Name: "Invocation", ID: t.invocation, Start: trace.Seconds(start), End: trace.Seconds(t.answered)},
		trace.Segment{Name: "Overhead", ID: trace.NewID(), Start: trace.Seconds(t.answered), End: trace.Seconds(over)})
	if t.error != "" {
		fn.Fault, fn.Cause = true, causeOf(t.cause)
	}
	p.host.opt.Tracer.Write(fn)
}

// segment is one of the segments of an invocation.
func (c *call) segment(origin, id, parent string, start, end time.Time) *trace.Segment {
	fn := c.pool.fn
	a, _ := arn.Parse(fn.arn) // Set has parsed it
	return &trace.Segment{
		Name: fn.name, ID: id, TraceID: c.traced.header.Root, ParentID: parent, Start: trace.Seconds(start), End: trace.Seconds(end),
		Origin: origin, Resource: fn.arn, Account: a.Account, Region: a.Region,
	}
}

// causeOf is the cause that an error document tells.
func causeOf(document []byte) *trace.Cause {
	var d struct{ ErrorType, ErrorMessage string }
	_ = json.Unmarshal(document, &d) // what it does not tell stays empty
	return &trace.Cause{Directory: "/var/task", Exceptions: []trace.Exception{{ID: trace.NewID(), Type: d.ErrorType, Message: d.ErrorMessage}}}
}

// tellThrottled tells of an invocation that was not let in.
func (h *Host) tellThrottled(fn *function, t *tracedCall, e *Error) {
	if t == nil {
		return
	}
	a, _ := arn.Parse(fn.arn) // Set has parsed it
	s := &trace.Segment{
		Name: fn.name, ID: t.service, TraceID: t.header.Root, ParentID: t.header.Parent, Start: trace.Seconds(t.received), End: trace.Seconds(time.Now()),
		Origin: "AWS::Lambda", Resource: fn.arn, Account: a.Account, Region: a.Region, HTTP: &trace.HTTP{Response: &trace.Response{Status: e.Status}},
	}
	s.Fail(e.Status)
	h.opt.Tracer.Write(s)
}

// daemonVariables tells an instance where the X-Ray daemon is.
//
// AWS: configuration-envvars.
func daemonVariables(e *environment, addr string) {
	if addr == "" {
		return
	}
	host, port, _ := net.SplitHostPort(addr) // the configuration was checked
	e.set("AWS_XRAY_DAEMON_ADDRESS", addr)
	e.set("_AWS_XRAY_DAEMON_ADDRESS", host)
	e.set("_AWS_XRAY_DAEMON_PORT", port)
}
