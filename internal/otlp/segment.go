package otlp

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	tracing "gatehouse/internal/trace"
)

// check says whether a segment has what a span needs.
func check(s *tracing.Segment) (trace []byte, err error) {
	if trace = traceID(s.TraceID); trace == nil {
		return nil, fmt.Errorf("trace id %.64q is none of X-Ray's", s.TraceID)
	}
	if spanID(s.ID) == nil {
		return nil, fmt.Errorf("segment id %.64q is not 16 hexadecimal digits", s.ID)
	}
	return trace, nil
}

// traceID is a trace id of X-Ray as OpenTelemetry has it: 1-{8}-{24} hexadecimal
// digits without what stands between; nil: it is none.
func traceID(s string) []byte {
	rest, ok := strings.CutPrefix(s, "1-")
	if !ok || len(rest) != 33 || rest[8] != '-' {
		return nil
	}
	return nonZero(rest[:8] + rest[9:])
}

func spanID(s string) []byte {
	if len(s) != 16 {
		return nil
	}
	return nonZero(s)
}

// nonZero decodes an id; all zeros is none.
func nonZero(digits string) []byte {
	b, err := hex.DecodeString(digits)
	if err != nil || !slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) {
		return nil
	}
	return b
}

// resourceOf is what is known of who made a segment: each has a service of its
// own, as on X-Ray's map.
func resourceOf(s *tracing.Segment) []Attribute {
	list := []Attribute{{"service.name", s.Name}}
	if s.Origin != "" {
		list = append(list, Attribute{"aws.xray.origin", s.Origin})
	}
	if s.Account != "" {
		list = append(list, Attribute{"cloud.account.id", s.Account}, Attribute{"cloud.region", s.Region})
	}
	return list
}

// mostDepth bounds how deep subsegments are read; deeper ones are left out.
const mostDepth = 64

// A node is a segment with its place in its trace.
type node struct {
	s      *tracing.Segment
	parent []byte
	kind   trace.Span_SpanKind
	depth  int
}

// spansOf are the spans of a segment and all below it.
func spansOf(s *tracing.Segment, id []byte) []*trace.Span {
	kind := trace.Span_SPAN_KIND_SERVER
	if s.Type == tracing.TypeSubsegment {
		kind = childKind(s)
	}
	var spans []*trace.Span
	todo := []node{{s, spanID(s.ParentID), kind, 0}}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		own := spanID(n.s.ID)
		if own == nil || n.s.End == 0 {
			continue
		}
		span := n.span()
		span.TraceId, span.SpanId = id, own
		spans = append(spans, span)
		for i := range n.s.Subsegments {
			if sub := &n.s.Subsegments[i]; n.depth < mostDepth {
				todo = append(todo, node{sub, own, childKind(sub), n.depth + 1})
			}
		}
	}
	return spans
}

func childKind(s *tracing.Segment) trace.Span_SpanKind {
	if s.Namespace == "remote" || s.Namespace == "aws" {
		return trace.Span_SPAN_KIND_CLIENT
	}
	return trace.Span_SPAN_KIND_INTERNAL
}

// span is one segment without those below it. The sampled flag is set: what was
// not sampled has no segment.
func (n *node) span() *trace.Span {
	s := n.s
	out := &trace.Span{
		ParentSpanId: n.parent, Flags: 1, Name: valid(s.Name), Kind: n.kind, TraceState: valid(s.State),
		StartTimeUnixNano: nanos(s.Start), EndTimeUnixNano: nanos(s.End), Status: &trace.Status{}, Attributes: n.attributes(),
	}
	if s.Route != "" {
		out.Name = valid(s.Route)
	}
	// OpenTelemetry's conventions for HTTP: 4xx is an error of the client only.
	if s.Fault || s.Error && n.kind != trace.Span_SPAN_KIND_SERVER {
		out.Status.Code = trace.Status_STATUS_CODE_ERROR
	}
	if s.Cause == nil {
		return out
	}
	for _, e := range s.Cause.Exceptions {
		if out.Status.Code == trace.Status_STATUS_CODE_ERROR {
			out.Status.Message = valid(e.Message)
		}
		event := &trace.Span_Event{TimeUnixNano: out.EndTimeUnixNano, Name: "exception", Attributes: []*common.KeyValue{pair("exception.message", text(e.Message))}}
		if e.Type != "" {
			event.Attributes = append(event.Attributes, pair("exception.type", text(e.Type)))
		}
		out.Events = append(out.Events, event)
	}
	return out
}

// nanos is a time of X-Ray, in seconds, to the microsecond that a float64 has.
func nanos(seconds float64) uint64 {
	return uint64(max(0, math.Round(seconds*1e6))) * 1000
}

// attributes are those of OpenTelemetry's conventions, and X-Ray's own under the
// names that the OpenTelemetry collector gives them.
func (n *node) attributes() []*common.KeyValue {
	s := n.s
	var list []*common.KeyValue
	add := func(key, value string) {
		if value != "" {
			list = append(list, pair(key, text(value)))
		}
	}
	if _, route, ok := strings.Cut(s.Route, " "); ok && strings.HasPrefix(route, "/") { // keys of WebSocket APIs are no paths
		add("http.route", route)
	}
	if h := s.HTTP; h != nil && h.Request != nil {
		add("http.request.method", h.Request.Method)
		add("url.full", h.Request.URL)
		add("user_agent.original", h.Request.UserAgent)
		add("client.address", h.Request.ClientIP)
	}
	if h := s.HTTP; h != nil && h.Response != nil && h.Response.Status != 0 {
		status := h.Response.Status
		list = append(list, pair("http.response.status_code", number(int64(status))), pair("http.response.body.size", number(int64(h.Response.Length))))
		if status >= 500 || status >= 400 && n.kind != trace.Span_SPAN_KIND_SERVER {
			add("error.type", strconv.Itoa(status))
		}
	}
	add("enduser.id", s.User)
	add("aws.xray.resource_arn", s.Resource)
	if s.Throttle {
		list = append(list, pair("aws.xray.throttle", truth(true)))
	}
	list = appendFlat(list, "aws.", s.AWS, 0)
	list = appendFlat(list, "", s.Annotations, 0)
	for _, key := range slices.Sorted(maps.Keys(s.Metadata)) {
		if b, err := json.Marshal(s.Metadata[key]); err == nil {
			add("aws.xray.metadata."+key, string(b))
		}
	}
	return list
}

// mostFlat bounds how deep documents in attributes are read.
const mostFlat = 3

// appendFlat appends fields as attributes, those of a document by its name and
// theirs.
func appendFlat(dst []*common.KeyValue, prefix string, from map[string]any, depth int) []*common.KeyValue {
	for _, key := range slices.Sorted(maps.Keys(from)) {
		name := prefix + key
		switch v := from[key].(type) {
		case map[string]any:
			if depth < mostFlat {
				dst = appendFlat(dst, name+".", v, depth+1)
			}
		case map[string]string:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				dst = append(dst, pair(valid(name+"."+k), text(v[k])))
			}
		default:
			dst = append(dst, pair(valid(name), value(v)))
		}
	}
	return dst
}
