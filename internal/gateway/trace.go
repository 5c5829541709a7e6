package gateway

import (
	"strings"

	"gatehouse/internal/trace"
	"gatehouse/internal/wire"
)

// maxTrace bounds X-Amzn-Trace-Id. A client that sends a longer Root, Parent
// or Sampled has them replaced by our own.
const maxTrace = 128

// newTrace writes the trace header that goes to the backend.
//
// AWS: rest-execution.md §4.1: an incoming Root is kept; Parent is added when
// missing; Sampled is 0 without tracing. The form is
// Root=1-{8 hex epoch}-{24 hex};Parent={16 hex};Sampled=0.
func (d *ids) newTrace(r *random, epoch int64, in *trace.Header) string {
	b := append(d.trace[:0], "Root="...)
	if in.Root != "" {
		b = append(b, in.Root...)
	} else {
		b = append(b, "1-xxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx"...)
		id := b[len("Root=1-"):]
		putHex(id[:8], uint64(epoch))
		putHex(id[9:17], r.uint64())
		putHex(id[17:33], r.uint64())
	}
	b = append(b, ";Parent="...)
	if in.Parent != "" {
		b = append(b, in.Parent...)
	} else {
		b = append(b, "xxxxxxxxxxxxxxxx"...)
		putHex(b[len(b)-16:], r.uint64())
	}
	b = append(b, ";Sampled="...)
	if in.Sampled != "" {
		b = append(b, in.Sampled...)
	} else {
		b = append(b, '0')
	}
	return wire.String(b)
}

// traceRoot returns the Root of a trace header: $context.xrayTraceId.
func traceRoot(trace string) string {
	root, _, _ := strings.Cut(strings.TrimPrefix(trace, "Root="), ";")
	return root
}
