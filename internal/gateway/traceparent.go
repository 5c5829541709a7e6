package gateway

import (
	"strings"

	"gatehouse/internal/trace"
	"gatehouse/internal/wire"
)

// adoptParent makes the traceparent of W3C what the client has asked for, unless
// X-Amzn-Trace-Id tells of a caller or a decision: load balancers add one that
// names a Root only.
func (x *Exchange) adoptParent() {
	s := &x.segment
	if s.asked.Parent != "" || s.asked.Sampled != "" {
		return
	}
	value, one := x.only(trace.W3CParent)
	if !one {
		return // W3C: several are none
	}
	if h, ok := trace.ParseW3C(value, &x.ids.root); ok {
		s.asked = h
		x.Vars.Trace = x.ids.newTrace(&x.random, x.Vars.Start.Unix(), &s.asked)
	}
}

// only returns the value of a header field that stands there once.
func (x *Exchange) only(name string) (value string, once bool) {
	fields := x.MethodRequest.Header.Fields
	for i := range fields {
		if f := &fields[i]; f.ID == wire.HeaderOther && len(f.Name) == len(name) && strings.EqualFold(f.Name, name) {
			if once {
				return "", false
			}
			value, once = f.Value, true
		}
	}
	return value, once
}

// signsParent tells whether the client has signed what passParent replaces: its
// signature is verified later, and names the fields that it is of.
func (x *Exchange) signsParent() bool {
	for _, name := range []string{trace.W3CParent, trace.W3CState} {
		if strings.Contains(x.Vars.Authorization, name) || strings.Contains(x.MethodRequest.Query, name) {
			return true
		}
	}
	return false
}

// passParent makes the gateway the parent of what gets the client's headers: its
// traceparent stands in the place of the client's. A tracestate goes on if it is
// of the same trace.
//
// W3C: Trace Context, 3.4 (mutating traceparent), 3.5: tracestate belongs to its
// traceparent.
func (x *Exchange) passParent() {
	s := &x.segment
	parent := trace.FormatW3C(s.root, s.backend)
	if parent == "" {
		return // a Root that W3C cannot say
	}
	h := &x.MethodRequest.Header
	if came, _ := x.only(trace.W3CParent); !trace.SameTrace(came, s.root) {
		h.Del(trace.W3CState)
	}
	s.state = h.Get(trace.W3CState)
	s.w3c = parent
	h.Set(trace.W3CParent, parent)
}

// AppendTraceContext appends W3C's trace context of a sampled exchange to the
// header of a request that does not get the client's.
func (x *Exchange) AppendTraceContext(dst []wire.Field) []wire.Field {
	s := &x.segment
	if s.w3c == "" {
		return dst
	}
	dst = append(dst, wire.Field{Name: trace.W3CParent, Value: s.w3c})
	if s.state != "" {
		dst = append(dst, wire.Field{Name: trace.W3CState, Value: s.state})
	}
	return dst
}
