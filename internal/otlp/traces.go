package otlp

import (
	"context"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	tracing "gatehouse/internal/trace"
)

// Traces takes segments of X-Ray and sends them as spans.
type Traces struct {
	c     *Client
	queue chan spans
}

// spans are those of one segment: a TracesData, several of which one after the
// other are one.
type spans struct {
	data  []byte
	count int
}

// Bounds of the queue of traces: segments are at most 64 KiB, and mostly 1.
const (
	traceQueue = 2048
	traceDelay = time.Second // how long a span may wait for more
	mostSpans  = 64 << 10    // bytes of a segment's spans
)

var _ tracing.Sink = (*Traces)(nil)

// NewTraces returns a queue of spans, which [Traces.Run] empties.
func NewTraces(c *Client) *Traces { return &Traces{c: c, queue: make(chan spans, traceQueue)} }

// Write takes a segment, of which it keeps nothing. It never waits.
func (t *Traces) Write(s *tracing.Segment) {
	if s.InProgress {
		return // it comes again when it has ended
	}
	n := &t.c.counts[SignalTraces]
	id, err := check(s)
	if err != nil {
		n.dropped.Add(1)
		t.c.opt.Log.Debug("segment has no span", "error", err)
		return
	}
	list := spansOf(s, id)
	data, err := proto.Marshal(&trace.TracesData{ResourceSpans: []*trace.ResourceSpans{{
		Resource: t.c.newResource(resourceOf(s)...), ScopeSpans: []*trace.ScopeSpans{{Scope: scope, Spans: list}},
	}}})
	if err == nil && len(data) <= mostSpans {
		select {
		case t.queue <- spans{data, len(list)}:
			return
		default:
		}
	}
	n.dropped.Add(uint64(len(list)))
}

// Run sends spans until ctx ends, and then what is left.
func (t *Traces) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			for len(t.queue) > 0 {
				t.send(ctx, <-t.queue)
			}
			return nil
		case first := <-t.queue:
			t.send(ctx, first)
		}
	}
}

// send sends spans, and those that come within a moment with them.
func (t *Traces) send(ctx context.Context, first spans) {
	delay := traceDelay
	if ctx.Err() != nil {
		delay = 0
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	message, count := first.data, first.count
	for wait := true; wait && len(message) < messageSize; {
		select {
		case next := <-t.queue:
			message, count = append(message, next.data...), count+next.count
			continue
		default:
		}
		select {
		case next := <-t.queue:
			message, count = append(message, next.data...), count+next.count
		case <-ctx.Done():
			wait = false
		case <-timer.C:
			wait = false
		}
	}
	t.c.deliver(ctx, SignalTraces, message, count)
}
