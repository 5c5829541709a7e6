package step

import (
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
	line := append(parseContextText(format, "-"), part{constant: "\n"})
	return &AccessLog{line: line.merged(), sink: sink}
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
