package step

import (
	"strings"

	"gatehouse/internal/gateway"
)

// AccessLog writes one line for every exchange, in the format of its stage.
type AccessLog struct {
	line text
	sink gateway.Sink
}

// NewAccessLog compiles a format.
//
// AWS: logging-metrics.md §1.1: plain replacement, nothing is escaped; a
// variable that is missing or unknown prints "-".
func NewAccessLog(format string, sink gateway.Sink) *AccessLog {
	return newAccessLog(format, sink, gateway.ContextVar)
}

// NewHTTPAccessLog is NewAccessLog for HTTP APIs.
func NewHTTPAccessLog(format string, sink gateway.Sink) *AccessLog {
	return newAccessLog(format, sink, gateway.HTTPContextVar)
}

// NewSocketAccessLog is NewAccessLog for WebSocket APIs.
func NewSocketAccessLog(format string, sink gateway.Sink) *AccessLog {
	return newAccessLog(format, sink, gateway.SocketVar)
}

func newAccessLog(format string, sink gateway.Sink, find func(name string) gateway.Getter) *AccessLog {
	line := parseText(format, func(name string) (part, bool) {
		rest, ok := strings.CutPrefix(name, "context.")
		if rest == "requestId" {
			return part{get: appendRequestID}, ok
		}
		return part{get: find(rest), absent: "-"}, ok
	})
	line = append(line, part{constant: "\n"})
	return &AccessLog{line: line.merged(), sink: sink}
}

// AWS: rest-execution.md §4.1: what the log shows of a client's request id that
// is no UUID.
func appendRequestID(dst []byte, x *gateway.Exchange) []byte {
	if x.Vars.ReplacedRequestID {
		return append(dst, "UUID_REPLACED_INVALID_REQUEST_ID"...)
	}
	return append(dst, x.Vars.RequestID...)
}

// merged joins constant parts that stand side by side.
func (t text) merged() text {
	var out text
	for _, p := range t {
		if n := len(out); n > 0 && p.plain() && out[n-1].plain() {
			out[n-1].constant += p.constant
			continue
		}
		out = append(out, p)
	}
	return out
}

// plain tells whether p is constant text. A variable that there is none of
// prints always the same, but is not merged: formats hardly have any.
func (p *part) plain() bool { return p.get == nil && p.from == nil && p.absent == "" }

// Finish writes the line.
func (l *AccessLog) Finish(x *gateway.Exchange) {
	x.Buf = l.line.append(x.Buf[:0], x)
	l.sink.Write(x.Buf)
}

var _ gateway.Finisher = (*AccessLog)(nil)
