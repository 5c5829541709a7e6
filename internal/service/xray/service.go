// Package xray is AWS X-Ray: traces, the service graph that is made of them,
// groups and sampling rules, as methods of [Service].
//
// Segments belong to the node that took them and stand in a journal, bounded by
// age and size; everything else is a record in the store. A [Service] is the
// [trace.Sink] of the data plane, and its rules are in the [trace.Sampler] of each
// Region. A [Daemon] takes segments as X-Ray's daemon does.
package xray

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/journal"
	"gatehouse/internal/limit"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/trace"
)

// Options are what a [Service] is told. Zero fields take their defaults.
type Options struct {
	Dir      string       // of journals
	MaxBytes int64        // of them; 256 MiB
	Rules    []trace.Rule // from a file: they are asked before those that are stored
	Log      *slog.Logger
}

// A Service answers the operations of X-Ray. What is not implemented answers
// NotImplementedException, by the embedded type.
type Service struct {
	api.UnimplementedServer
	st  store.Store
	opt Options
	set *journal.Set

	rate     *limit.Bucket // of segments
	dropped  atomic.Uint64 // for want of it
	invalid  atomic.Uint64 // segments of no valid trace
	reading  chan struct{} // holds a place for each reading of many traces
	progress store.Progress
	clients  lenders
	kept     kept
	places   places

	mu       sync.Mutex // guards the field below
	samplers map[record.Scope]*sampling
}

// A sampling is the sampler of a Region where requests are served or that has rules
// of its own. Regions that callers only name have none.
type sampling struct {
	*trace.Sampler
	serves bool // requests ask it: it stays when the rules are gone
}

var (
	_ api.Server = (*Service)(nil)
	_ trace.Sink = (*Service)(nil)
)

// Bounds.
//
// AWS: "AWS X-Ray endpoints and quotas": 2,600 segments a second, kept for 30
// days, of at most 64 KB.
const (
	segmentRate  = 2600
	retention    = 30 * 24 * time.Hour
	maxDocument  = 64 << 10
	readersAtOne = 2 // readings of many traces at a time; others wait
)

// New returns a service over st.
func New(st store.Store, opt Options) *Service {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.MaxBytes == 0 {
		opt.MaxBytes = 256 << 20
	}
	return &Service{
		st: st, opt: opt, set: journal.NewSet(opt.Dir, journal.Options{MaxBytes: opt.MaxBytes, Log: opt.Log}),
		rate: limit.NewBucket(segmentRate, segmentRate), reading: make(chan struct{}, readersAtOne),
		samplers: map[record.Scope]*sampling{},
	}
}

// Stats counts segments since the start.
type Stats struct {
	Kept    uint64
	Dropped uint64 // for want of room, or beyond the rate
	Invalid uint64 // that belong to no valid trace
	Bytes   int64  // on disk
}

// Stats returns the counts.
func (s *Service) Stats() Stats {
	st := s.set.Stats()
	return Stats{Kept: st.Entries, Dropped: st.Dropped + s.dropped.Load(), Invalid: s.invalid.Load(), Bytes: st.Bytes}
}

// Run writes segments and keeps samplers in step with the store until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	if err := s.openAll(); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error { return s.set.Run(writing) })
	g.Go(func() error {
		defer stop() // what was taken until now is written
		return s.follow(ctx)
	})
	g.Go(func() error {
		tick := time.NewTicker(targetInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case now := <-tick.C:
				s.reclaim(now)
			}
		}
	})
	return g.Wait()
}

func scopeOf(ctx context.Context) record.Scope {
	c := awsrpc.CallerFrom(ctx)
	return record.Scope{Account: c.Account, Region: c.Region}
}

func newARN(scope record.Scope, resource string) string {
	return arn.ARN{Partition: arn.Partition(scope.Region), Service: "xray", Region: scope.Region, Account: scope.Account, Resource: resource}.String()
}

// Write keeps a segment of the data plane.
func (s *Service) Write(seg *trace.Segment) {
	if !s.rate.Take() {
		s.dropped.Add(1)
		return
	}
	doc := seg.Document()
	if len(doc) > maxDocument || checkTraceID(seg.TraceID, time.Now()) != "" {
		s.invalid.Add(1) // the client made the trace's id
		return
	}
	j, err := s.journal(record.Scope{Account: seg.Account, Region: seg.Region})
	if err != nil {
		s.dropped.Add(1)
		return
	}
	j.Append(entryOf(seg, doc))
}

// entryOf is a segment as it is kept. Source tells traces apart, nearly.
func entryOf(seg *trace.Segment, doc []byte) journal.Entry {
	return journal.Entry{Time: int64(seg.Start * 1000), Source: sourceOf(seg.TraceID), Text: doc}
}

func sourceOf(traceID string) uint32 { return crc32.ChecksumIEEE([]byte(traceID)) }

// retryTime is the pause before a store that failed is read again.
const retryTime = time.Second

// follow keeps the samplers in step with the rules until ctx ends.
func (s *Service) follow(ctx context.Context) error {
	for {
		err := s.watch(ctx)
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return nil
		}
		if errors.Is(err, store.ErrCompacted) {
			continue
		}
		s.opt.Log.Error("sampling rules are not kept current, next try in a second", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryTime):
		}
	}
}

// watch reads all rules and then watches, until the history breaks off.
func (s *Service) watch(ctx context.Context) error {
	page, err := s.st.List(ctx, "", "", 1)
	if err != nil {
		return err
	}
	scopes, err := record.Scopes(ctx, s.st)
	if err != nil {
		return err
	}
	for _, scope := range scopes {
		if err := s.refresh(ctx, scope); err != nil {
			return err
		}
	}
	s.progress.Reach(page.Rev)
	for batch, err := range s.st.Watch(ctx, "", page.Rev) {
		if err != nil {
			return err
		}
		touched := map[record.Scope]bool{}
		for _, op := range batch.Ops {
			if parts := store.Parts(op.Key); len(parts) > 3 && parts[2] == keyService && parts[3] == keyRule {
				touched[record.Scope{Account: parts[0], Region: parts[1]}] = true
			}
		}
		for scope := range touched {
			if err := s.refresh(ctx, scope); err != nil {
				return err
			}
		}
		s.progress.Reach(batch.Rev)
	}
	return ctx.Err()
}

// Wait returns when sampling rules are as of a revision.
func (s *Service) Wait(ctx context.Context, rev store.Rev) error {
	if err := s.progress.Wait(ctx, rev); err != nil {
		return fmt.Errorf("sampling rules are %w", err)
	}
	return nil
}

// Sampler holds the sampling rules of a Region where requests are served.
func (s *Service) Sampler(scope record.Scope) *trace.Sampler {
	s.mu.Lock()
	defer s.mu.Unlock()
	sampler := s.samplingLocked(scope)
	sampler.serves = true
	return sampler.Sampler
}

func (s *Service) samplingLocked(scope record.Scope) *sampling {
	sampler := s.samplers[scope]
	if sampler == nil {
		sampler = &sampling{Sampler: trace.NewSampler(s.withLocal(nil)...)}
		s.samplers[scope] = sampler
	}
	return sampler
}

// known is the sampler of a Region, if it has one, or nil.
func (s *Service) known(scope record.Scope) *trace.Sampler {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sampler := s.samplers[scope]; sampler != nil {
		return sampler.Sampler
	}
	return nil
}

// counts are what a Region's rules have chosen here, by their names.
func (s *Service) counts(scope record.Scope) map[string]trace.Count {
	if sampler := s.known(scope); sampler != nil {
		return sampler.Counts()
	}
	return nil
}

// refresh brings the sampler of a Region in step with its rules.
func (s *Service) refresh(ctx context.Context, scope record.Scope) error {
	rows, err := s.rules(scope).All(ctx)
	if err != nil {
		return fmt.Errorf("sampling rules: %w", err)
	}
	rules := make([]trace.Rule, len(rows))
	for i := range rows {
		rules[i] = rows[i].Value.runs()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sampler := s.samplers[scope]; len(rows) == 0 && (sampler == nil || !sampler.serves) {
		delete(s.samplers, scope)
		return nil
	}
	s.samplingLocked(scope).Set(s.withLocal(rules))
	return nil
}

// withLocal puts the rules of the file before those that are stored. Its default
// stands in until that of the API is changed.
func (s *Service) withLocal(rules []trace.Rule) []trace.Rule {
	changed := false
	for i := range rules {
		changed = changed || rules[i].Name == trace.DefaultRule
	}
	for _, r := range s.opt.Rules {
		if r.Name != trace.DefaultRule || !changed {
			rules = append(rules, r)
		}
	}
	return rules
}

func invalid(format string, args ...any) error {
	return api.InvalidRequestException(fmt.Sprintf(format, args...))
}

// str is what p points to, or "".
func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// optional is a pointer to text, or nil for none.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
