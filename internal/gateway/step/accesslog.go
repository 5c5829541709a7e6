package step

import (
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/internal/gateway"
)

// AccessLog writes one line for every exchange, in the format of its stage.
type AccessLog struct {
	line   text
	sink   gateway.Sink
	second atomic.Pointer[second] // of the last line
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
	l := &AccessLog{sink: sink}
	l.line = parseText(format+"\n", func(name string) (part, bool) {
		rest, ok := strings.CutPrefix(name, "context.")
		switch rest {
		case "requestId":
			return part{get: appendRequestID}, ok
		case "requestTime":
			return part{get: l.appendRequestTime}, ok
		}
		return part{get: find(rest), absent: "-"}, ok
	})
	return l
}

// AWS: rest-execution.md §4.1: what the log shows of a client's request id that
// is no UUID.
func appendRequestID(dst []byte, x *gateway.Exchange) []byte {
	if x.Vars.ReplacedRequestID {
		return append(dst, "UUID_REPLACED_INVALID_REQUEST_ID"...)
	}
	return append(dst, x.Vars.RequestID...)
}

// A second is how a time is written, but for fractions.
type second struct {
	unix int64
	text []byte
}

// appendRequestTime appends the time of x, which is written once a second: lines
// are many.
func (l *AccessLog) appendRequestTime(dst []byte, x *gateway.Exchange) []byte {
	s := l.second.Load()
	if at := x.Vars.Start; s == nil || s.unix != at.Unix() {
		s = &second{at.Unix(), gateway.AppendRequestTime(nil, at)}
		l.second.Store(s)
	}
	return append(dst, s.text...)
}

// Finish writes the line.
func (l *AccessLog) Finish(x *gateway.Exchange) {
	x.Buf = l.line.append(x.Buf[:0], x)
	at := x.Vars.Sent.At
	if at.IsZero() {
		at = time.Now()
	}
	l.sink.Write(at, x.Buf)
}

var _ gateway.Finisher = (*AccessLog)(nil)
