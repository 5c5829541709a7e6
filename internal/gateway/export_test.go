package gateway

import (
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/wire"

	"gatehouse/internal/trace"
)

// Resolve is resolve for tests: the stage, and what is left of the path.
func (t *Table) Resolve(host, path string) (st *Stage, rest, contextPath, basePath string) {
	w := t.resolve(&wire.Request{Host: host, Path: path})
	return w.stage, w.path, w.head + w.tail, w.basePath
}

// ResolveRequest is resolve for tests: stage, path in it and path as it was, or
// nothing if there is no stage.
func (t *Table) ResolveRequest(r *wire.Request) string {
	w := t.resolve(r)
	if w.stage == nil {
		return ""
	}
	return w.stage.Name + " " + w.path + " " + w.head + w.tail
}

// ResolveOnly is resolve, to be measured.
func (t *Table) ResolveOnly(r *wire.Request) { _ = t.resolve(r) }

// NewTrace is newTrace for tests.
func NewTrace(epoch int64, incoming string) string {
	return new(ids).newTrace(new(random), epoch, new(trace.ParseHeader(incoming)))
}

// FaultTypes is how many there are.
const FaultTypes = faultTypeCount

// FillUnexported gives the fields that reflection cannot set a value: those of
// this package and the interfaces.
func (x *Exchange) FillUnexported() {
	x.passed, x.bodies = 1, new(Bodies)
	x.plan, x.segment = new(Plan), traceSegment{asked: trace.Header{Root: "x", Parent: "x", Sampled: "x"}, id: "x", root: "x", backend: "x", authorizer: "x", rule: "x", w3c: "x", state: "x"}
	x.body, x.answer, x.cookies = []byte("x"), []byte("x"), []string{"x"}
	x.ids = ids{request: [36]byte{1}, extended: [16]byte{1}, trace: [maxTrace]byte{1}, root: [35]byte{1}}
	x.random.seed()
	for _, s := range []*LimitedSource{&x.requestLimit, &x.responseLimit} {
		*s = LimitedSource{src: s, left: 1, fault: new(Fault)}
	}
	x.stream = firstContent{x: x, Source: &x.responseLimit}
	x.asked = policy.Request{
		Principal: policy.Principal{ARN: "x", Account: "x", Role: "x", Type: "x", UserID: "x", UserName: "x", Service: "x", Identity: "x"},
		Action:    "x", Resource: "x", Now: time.Unix(1, 1), Keys: policy.Map{},
	}
	x.Cluster = struct{ Cluster }{}
	x.Vars.Sent.Err = ErrAnswered
	for _, b := range []*wire.Body{&x.MethodRequest.Body, &x.IntegrationRequest.Body, &x.IntegrationResponse.Body, &x.MethodResponse.Body} {
		b.Source = &x.requestLimit
	}
}
