package otlp

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Logs takes records of logs. It writes each down in OTLP's own form at once, into
// one of two buffers that take turns, so that adding one takes no memory and
// nothing is to be done for it later.
type Logs struct {
	c    *Client
	wake chan struct{}

	mu      sync.Mutex // guards the fields below; held for a copy only
	records []byte     // fields of a ScopeLogs
	count   int
	ends    []int // where a message may end, about each messageSize
}

// Bounds of the queue of logs.
const (
	logRoom     = 4 << 20         // bytes that wait; more are dropped
	messageSize = 1 << 20         // bytes of a message: gRPC servers take 4 MiB by default
	logDelay    = 2 * time.Second // how long a record may wait for more
)

// NewLogs returns a queue of logs, which [Logs.Run] empties.
func NewLogs(c *Client) *Logs {
	return &Logs{c: c, wake: make(chan struct{}, 1), records: make([]byte, 0, 64<<10)}
}

// A Source is where records come from that have some attributes in common.
type Source struct {
	logs       *Logs
	attributes []byte // of a LogRecord
}

// Source returns a source.
func (l *Logs) Source(attributes ...Attribute) *Source {
	s := &Source{logs: l}
	for _, a := range attributes {
		s.attributes = appendAttribute(s.attributes, a.Key, text(a.Value))
	}
	return s
}

// appendAttribute appends an attribute as a field of a LogRecord.
func appendAttribute(dst []byte, key string, v *common.AnyValue) []byte {
	b, err := proto.Marshal(pair(key, v))
	if err != nil {
		return dst // not with what is made here: its texts are valid
	}
	return protowire.AppendBytes(protowire.AppendTag(dst, recordAttribute, protowire.BytesType), b)
}

// Numbers of fields, of opentelemetry/proto/logs/v1/logs.proto.
const (
	requestResourceLogs = 1
	resourceOfLogs      = 1
	resourceScopeLogs   = 2
	scopeOfLogs         = 1
	scopeRecord         = 2

	recordTime      = 1
	recordSeverity  = 2
	recordLevel     = 3
	recordBody      = 5
	recordAttribute = 6
	recordObserved  = 11

	valueText = 1 // of AnyValue
)

// fixedSize is what times, severity and the tags of a record take.
const fixedSize = 9 + 9 + 2

// Write adds a record of normal severity, of which it keeps nothing: a line, its
// newline left out. It never waits. False: there was no room.
func (s *Source) Write(at time.Time, line []byte) bool {
	if !utf8.Valid(line) {
		line = bytes.ToValidUTF8(line, []byte("\uFFFD"))
	}
	return s.logs.add(at, slog.LevelInfo, "", line, s.attributes)
}

func (l *Logs) add(at time.Time, level slog.Level, name string, line, attributes []byte) bool {
	body := 1 + protowire.SizeBytes(len(line))
	size := fixedSize + 1 + protowire.SizeBytes(body) + len(attributes)
	if name != "" {
		size += 1 + protowire.SizeBytes(len(name))
	}
	l.mu.Lock()
	b := l.records
	if len(b)+size+8 > logRoom {
		l.mu.Unlock()
		l.c.counts[SignalLogs].dropped.Add(1)
		return false
	}
	if last := len(l.ends) - 1; last < 0 && len(b)+size > messageSize || last >= 0 && len(b)+size-l.ends[last] > messageSize {
		l.ends = append(l.ends, len(b)) // at most logRoom/messageSize of them
	}
	b = protowire.AppendTag(b, scopeRecord, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	b = protowire.AppendFixed64(protowire.AppendTag(b, recordTime, protowire.Fixed64Type), uint64(at.UnixNano()))
	b = protowire.AppendVarint(protowire.AppendTag(b, recordSeverity, protowire.VarintType), severity(level))
	if name != "" {
		b = protowire.AppendString(protowire.AppendTag(b, recordLevel, protowire.BytesType), name)
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, recordBody, protowire.BytesType), uint64(body))
	b = protowire.AppendBytes(protowire.AppendTag(b, valueText, protowire.BytesType), line)
	b = append(b, attributes...)
	b = protowire.AppendFixed64(protowire.AppendTag(b, recordObserved, protowire.Fixed64Type), uint64(at.UnixNano()))
	l.records = b
	l.count++
	first, full := l.count == 1, len(b) > messageSize
	l.mu.Unlock()
	if first || full {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// severity is the number of a level: OpenTelemetry's are slog's and nine more.
func severity(level slog.Level) uint64 { return uint64(min(24, max(1, int(level)+9))) }

// Run sends records until ctx ends, and then what is left.
func (l *Logs) Run(ctx context.Context) error {
	who, err := proto.Marshal(l.c.newResource())
	if err != nil {
		return err
	}
	what, err := proto.Marshal(scope)
	if err != nil {
		return err
	}
	before := protowire.AppendBytes(protowire.AppendTag(nil, resourceOfLogs, protowire.BytesType), who)
	inner := protowire.AppendBytes(protowire.AppendTag(nil, scopeOfLogs, protowire.BytesType), what)
	spare := make([]byte, 0, 64<<10)
	for last := false; !last; {
		last = ctx.Err() != nil
		select {
		case <-ctx.Done():
		case <-l.wake:
			l.rest(ctx)
		}
		l.mu.Lock()
		records, ends, count := l.records, append(l.ends, len(l.records)), l.count
		l.records, l.ends, l.count = spare[:0], nil, 0
		l.mu.Unlock()
		spare = records
		from := 0
		for i, end := range ends {
			n := count
			if i < len(ends)-1 {
				n = countRecords(records[from:end])
			}
			count -= n
			if n > 0 {
				l.c.deliver(ctx, SignalLogs, logsMessage(before, inner, records[from:end]), n)
			}
			from = end
		}
	}
	return nil
}

// rest waits for more to come, but not long.
func (l *Logs) rest(ctx context.Context) {
	timer := time.NewTimer(logDelay)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-l.wake:
			l.mu.Lock()
			full := len(l.records) > messageSize
			l.mu.Unlock()
			if full {
				return
			}
		}
	}
}

func countRecords(b []byte) (n int) {
	for len(b) > 0 {
		size := protowire.ConsumeFieldValue(scopeRecord, protowire.BytesType, b[1:])
		if size < 0 {
			return n // not with what add wrote
		}
		b = b[1+size:]
		n++
	}
	return n
}

// logsMessage is an ExportLogsServiceRequest of one resource and one scope.
func logsMessage(resource, scope, records []byte) []byte {
	scopeLogs := len(scope) + len(records)
	resourceLogs := len(resource) + 1 + protowire.SizeBytes(scopeLogs)
	b := make([]byte, 0, resourceLogs+16)
	b = protowire.AppendVarint(protowire.AppendTag(b, requestResourceLogs, protowire.BytesType), uint64(resourceLogs))
	b = append(b, resource...)
	b = protowire.AppendVarint(protowire.AppendTag(b, resourceScopeLogs, protowire.BytesType), uint64(scopeLogs))
	return append(append(b, scope...), records...)
}
