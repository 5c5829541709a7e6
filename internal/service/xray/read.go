package xray

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/journal"
	"gatehouse/internal/record"
	"gatehouse/internal/trace"
)

// Bounds of what is read of traces at a time.
const (
	maxTraceBytes = 500 << 10 // of one trace. AWS: "AWS X-Ray endpoints and quotas": 100 to 500 KB
	mostAtOnce    = 50_000    // segments that are in memory for a page of traces
	mostBytes     = 64 << 20  // likewise
)

// begin waits for a place to read many traces in, and returns what gives it up.
func (s *Service) begin(ctx context.Context) (end func(), err error) {
	select {
	case s.reading <- struct{}{}:
		return func() { <-s.reading }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// gathered are the segments of one trace while it is read.
type gathered struct {
	segs  []trace.Segment
	docs  []document
	bytes int
	large bool
}

// gather sorts entries of a journal by traces.
func gather(entries []journal.Entry, into map[string]*gathered) {
	for i := range entries {
		var seg trace.Segment
		text := entries[i].Text
		if json.Unmarshal(text, &seg) != nil {
			continue // it was read when it came
		}
		g := into[seg.TraceID]
		if g == nil {
			g = new(gathered)
			into[seg.TraceID] = g
		}
		if g.bytes += len(text); g.bytes > maxTraceBytes {
			g.large = true
			continue
		}
		doc := document{seg.ID, text}
		if i := slices.IndexFunc(g.docs, func(d document) bool { return d.id == seg.ID }); i >= 0 { // it was in progress
			g.docs[i] = doc
			j := slices.IndexFunc(g.segs, func(s trace.Segment) bool { return s.ID == seg.ID })
			g.segs[j] = seg
			continue
		}
		g.docs, g.segs = append(g.docs, doc), append(g.segs, seg)
	}
}

func (g *gathered) trace(id string, scope record.Scope) *traced {
	t := assemble(id, scope.Account, g.segs, g.docs)
	t.tooLarge = g.large
	return t
}

// byID reads traces by their ids. One that is not known is missing in the result.
func (s *Service) byID(ctx context.Context, scope record.Scope, ids []string) (map[string]*traced, error) {
	j := s.kept.of(scope)
	if j == nil {
		return nil, nil
	}
	q := journal.Query{From: math.MaxInt64, Limit: mostAtOnce, Bytes: mostBytes}
	wanted := map[string]bool{}
	for _, id := range ids {
		at, ok := traceTime(id)
		if !ok {
			continue
		}
		wanted[id] = true
		q.Sources = append(q.Sources, sourceOf(id))
		q.From = min(q.From, at.Add(-newestTrace).UnixMilli())
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	q.Match = func(e *journal.Entry) bool { // few have the same source
		for id := range wanted {
			if bytes.Contains(e.Text, []byte(id)) {
				return true
			}
		}
		return false
	}
	res, err := j.Select(ctx, q)
	if err != nil {
		return nil, err
	}
	byTrace := map[string]*gathered{}
	gather(res.Entries, byTrace)
	found := map[string]*traced{}
	for id, g := range byTrace {
		if wanted[id] {
			found[id] = g.trace(id, scope)
		}
	}
	return found, nil
}

// How the time of a trace is told.
type timeRange uint8

const (
	byTraceID timeRange = iota // by its id
	byEvent                    // by its segments
)

// How long after the beginning of a trace its segments are looked for, and how far
// the clocks of those who sent them may be apart.
const (
	late = 15 * time.Minute
	skew = 5 * time.Second
)

// window reads the traces of the time from one second to another, oldest first.
// Next is the second to go on from; to, when all were read.
func (s *Service) window(ctx context.Context, scope record.Scope, from, to int64, by timeRange) (list []*traced, next int64, err error) {
	j := s.kept.of(scope)
	if j == nil {
		return nil, to, nil
	}
	res, err := j.Select(ctx, journal.Query{From: from*1000 - skew.Milliseconds(), To: to*1000 + late.Milliseconds(), Limit: mostAtOnce, Bytes: mostBytes})
	if err != nil {
		return nil, 0, err
	}
	next = to
	if res.More {
		// What began shortly before the last segment may go on behind it. The rate
		// of segments keeps as many from falling into one second.
		last := (res.Entries[len(res.Entries)-1].Time - skew.Milliseconds()) / 1000
		next = min(to, max(last, from+1))
	}
	byTrace := map[string]*gathered{}
	gather(res.Entries, byTrace)
	for id, g := range byTrace {
		t := g.trace(id, scope)
		if at := t.second(by); at >= from && at < next {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *traced) int {
		if a.start != b.start {
			if a.start < b.start {
				return -1
			}
			return 1
		}
		return strings.Compare(a.id, b.id)
	})
	return list, next, nil
}

// second is the second that a trace belongs to.
func (t *traced) second(by timeRange) int64 {
	if at, ok := traceTime(t.id); ok && by == byTraceID {
		return at.Unix()
	}
	return int64(t.start)
}
