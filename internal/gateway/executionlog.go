package gateway

import (
	"strconv"
	"time"
	"unicode/utf8"

	"gatehouse/internal/wire"
)

// An ExecutionLog collects what is told of one exchange while it is executed.
// Exchanges have none unless somebody reads it: the steps that write are in
// plans that are made for that, and integrations that are no HTTP call ask
// whether x.Log is nil. Lines about what went well are left out where only
// failures are wanted, and what messages hold unless all is to be traced.
//
// AWS: logging-metrics.md §2.
type ExecutionLog struct {
	// Trace: messages are shown, with header and body.
	Trace bool

	level LogLevel
	most  int // bytes of a line's text
	lines []logLine
	buf   []byte // all texts, one after another
}

// A LogLevel says which lines of an ExecutionLog are written.
//
// AWS: logging-metrics.md §2.
type LogLevel uint8

// The levels, each with the lines of those before it.
const (
	LogOff LogLevel = iota
	LogError
	LogInfo
)

// NewExecutionLog makes a log. What is traced counts as LogInfo.
func NewExecutionLog(level LogLevel, trace bool) *ExecutionLog {
	return &ExecutionLog{Trace: trace && level >= LogInfo, level: level, most: maxLogLine}
}

type logLine struct {
	at  time.Time
	end int // in buf
}

// maxLogLine bounds a line's text; longer ones are cut and say so.
//
// AWS: measured in published logs of test invocations.
const maxLogLine = 1024

// maxWholeLine bounds the text of a line that is delivered: with the request's id
// it is no more than an event may have.
//
// AWS: rest-api-execution-logging: deliveries have events of up to 1 MB.
const maxWholeLine = 1<<20 - 64

const truncated = " [TRUNCATED]"

// maxKeptLog bounds what memory a log keeps for the next exchange.
const maxKeptLog = 64 << 10

// Reset empties l and keeps its memory, unless that is much. With whole, lines are
// kept as they are delivered, else as they are in a log group.
func (l *ExecutionLog) Reset(whole bool) {
	if cap(l.buf) > maxKeptLog {
		l.buf = nil
	}
	l.lines, l.buf, l.most = l.lines[:0], l.buf[:0], maxLogLine
	if whole {
		l.most = maxWholeLine
	}
}

// Add adds a line of parts.
func (l *ExecutionLog) Add(parts ...string) {
	if l.level >= LogInfo {
		l.add(parts)
	}
}

// Fail adds a line about what went wrong.
func (l *ExecutionLog) Fail(parts ...string) { l.add(parts) }

func (l *ExecutionLog) add(parts []string) {
	from := len(l.buf)
	for _, p := range parts {
		l.buf = append(l.buf, p...)
	}
	l.end(from)
}

// end ends the line that begins at from.
func (l *ExecutionLog) end(from int) {
	l.buf = cutAt(l.buf, from+l.most)
	l.lines = append(l.lines, logLine{time.Now(), len(l.buf)})
}

// cutAt cuts a text after most bytes, if it is longer, and says so.
func cutAt(text []byte, most int) []byte {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return append(text[:most], truncated...)
}

// AddBody adds a line with a body, of which no more is copied than is shown.
func (l *ExecutionLog) AddBody(name string, body []byte) {
	if !l.Trace {
		return
	}
	from := len(l.buf)
	l.buf = append(append(l.buf, name...), ": "...)
	l.buf = append(l.buf, body[:min(len(body), l.most+1)]...)
	l.end(from)
}

// AddHeader adds a line with header fields.
func (l *ExecutionLog) AddHeader(name string, fields []wire.Field) {
	if !l.Trace {
		return
	}
	from := l.begin(name)
	first := true
	for i := range fields {
		if l.buf = l.pair(first, fields[i].Name, fields[i].Value); len(l.buf)-from > l.most {
			break
		}
		first = false
	}
	l.buf = append(l.buf, '}')
	l.end(from)
}

// begin begins a line with a map.
func (l *ExecutionLog) begin(name string) (from int) {
	from = len(l.buf)
	l.buf = append(append(l.buf, name...), ": {"...)
	return from
}

// pair appends an entry of a map. Values that give access are masked.
//
// AWS: CAP rest_websocket_logs: every character but the last six.
func (l *ExecutionLog) pair(first bool, name, value string) []byte {
	dst := l.buf
	if !first {
		dst = append(dst, ", "...)
	}
	return appendShown(append(append(dst, name...), '='), name, value)
}

// AddParams adds a line with parameters, in the order in which all yields them.
func (l *ExecutionLog) AddParams(name string, all func(yield func(name, value string) bool)) {
	if !l.Trace {
		return
	}
	from := l.begin(name)
	first := true
	for n, v := range all {
		l.buf = l.pair(first, n, v)
		first = false
	}
	l.buf = append(l.buf, '}')
	l.end(from)
}

// An Endpoint is what an integration calls, as an ExecutionLog shows it.
type Endpoint struct {
	URI    string
	Header []wire.Field
	Body   []byte
}

// AddEndpointRequest tells what is sent to the integration endpoint.
func (l *ExecutionLog) AddEndpointRequest(e *Endpoint) {
	if l.Trace {
		l.Add("Endpoint request URI: ", e.URI)
	}
	l.AddHeader("Endpoint request headers", e.Header)
	l.AddBody("Endpoint request body after transformations", e.Body)
	l.Add("Sending request to ", e.URI)
}

// AddEndpointResponse tells what the integration endpoint answered.
func (l *ExecutionLog) AddEndpointResponse(status int, took time.Duration, header []wire.Field, body []byte) {
	l.Add("Received response. Status: ", strconv.Itoa(status), ", Integration latency: ", strconv.FormatInt(took.Milliseconds(), 10), " ms")
	l.AddHeader("Endpoint response headers", header)
	l.AddBody("Endpoint response body before transformations", body)
}

// Each calls write with every line, as one event of a log group, and as it is
// delivered, which may be longer.
//
// AWS: logging-metrics.md §2: the request's id in parentheses stands before each.
func (l *ExecutionLog) Each(requestID string, write func(at time.Time, text, whole []byte)) {
	from := 0
	var b, short []byte
	for _, line := range l.lines {
		b = append(append(append(b[:0], '('), requestID...), ") "...)
		id := len(b)
		b = append(b, l.buf[from:line.end]...)
		text := b
		if most := id + maxLogLine; l.most > maxLogLine && len(b) > most {
			short = cutAt(append(short[:0], b[:most+1]...), most)
			text = short
		}
		write(line.at, text, b)
		from = line.end
	}
}

// Append appends all lines as TestInvokeMethod returns them.
//
// AWS: logging-metrics.md §2.3.
func (l *ExecutionLog) Append(dst []byte, requestID string) []byte {
	dst = append(append(append(dst, "Execution log for request "...), requestID...), '\n')
	from := 0
	for _, line := range l.lines {
		dst = line.at.UTC().AppendFormat(dst, "Mon Jan 02 15:04:05 UTC 2006 : ")
		dst = append(append(dst, l.buf[from:line.end]...), '\n')
		from = line.end
	}
	return dst
}
