package function

import (
	"container/heap"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// How asynchronous invocations are tried.
//
// AWS: invocation-async-error-handling: two more attempts after errors of the
// function, one minute and then two minutes later; after throttling and errors
// of the service, for up to six hours, with pauses that grow from 1 second to 5
// minutes.
const (
	eventRetries   = 2
	eventMaxAge    = 6 * time.Hour
	firstThrottled = time.Second
	mostThrottled  = 5 * time.Minute
)

// Bounds of the queue. A caller beyond them is refused with a
// TooManyRequestsException.
const (
	queueLength = 10_000
	queueBytes  = 256 << 20
)

// A queue holds asynchronous invocations until they are due.
type queue struct {
	length int // most events, those that run included
	spool  spool

	mu     sync.Mutex // guards the fields below
	events eventHeap
	held   int // events, those that run included
	bytes  int // of their payloads
	wake   chan struct{}
}

// An event is an asynchronous invocation.
type event struct {
	in        *Invocation
	version   string // that was asked for when it was queued
	queued    time.Time
	due       time.Time
	attempts  int // that reached the function
	throttled int // one after the other, that did not
	result    *Result
	file      string // where it is kept; empty: nowhere
	found     bool   // by this host, kept by one before
}

func (q *queue) init(length int) {
	q.length = length
	if length == 0 {
		q.length = queueLength
	}
	q.wake = make(chan struct{}, 1)
}

// open takes up what a host before has left, which has ended if this one is alone.
func (q *queue) open(dir string, log *slog.Logger, alone bool) error {
	list, err := q.spool.open(dir, log, alone)
	q.take(list)
	return err
}

// adopt takes up what a host before has held.
func (q *queue) adopt() error {
	if q.spool.dir == "" {
		return nil
	}
	list, err := q.spool.adopt()
	q.take(list)
	return err
}

// take queues events that were let in once: the limits are for new ones.
func (q *queue) take(list []*event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range list {
		q.held++
		q.bytes += len(e.in.Payload)
		heap.Push(&q.events, e)
	}
	q.nudge()
}

// add accepts an event.
func (q *queue) add(in *Invocation, version string) (*Result, error) {
	cp := *in
	cp.Payload = slices.Clone(in.Payload)
	cp.Kind, cp.Tail, cp.Stream = RequestResponse, false, false
	if cp.RequestID == "" {
		cp.RequestID = newRequestID()
	}
	now := time.Now()
	e := &event{in: &cp, version: version, queued: now, due: now}
	if !q.reserve(e) {
		return nil, TooMany(ReasonAccount)
	}
	if err := q.spool.keep(e); err != nil {
		q.forget(e)
		return nil, Failure(err.Error())
	}
	q.again(e, 0)
	return &Result{Status: 202, RequestID: cp.RequestID, Version: version}, nil
}

// reserve counts an event, if there is room for it.
func (q *queue) reserve(e *event) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held >= q.length || q.bytes+len(e.in.Payload) > queueBytes {
		return false
	}
	q.held++
	q.bytes += len(e.in.Payload)
	return true
}

// forget counts an event no more.
func (q *queue) forget(e *event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held--
	q.bytes -= len(e.in.Payload)
}

// nudge wakes the goroutine that looks for what is due.
func (q *queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default: // awake already
	}
}

// again queues an event, for the first time or once more.
func (q *queue) again(e *event, after time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e.due = time.Now().Add(after)
	heap.Push(&q.events, e)
	q.nudge()
}

// next returns an event that is due, or else how long to wait for one; a
// negative time is for ever.
func (q *queue) next(now time.Time) (*event, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.events) == 0 {
		return nil, -1
	}
	if wait := q.events[0].due.Sub(now); wait > 0 {
		return nil, wait
	}
	return heap.Pop(&q.events).(*event), 0
}

// runQueue makes the invocations that are due until ctx ends.
func (h *Host) runQueue(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	t := time.NewTimer(0)
	defer t.Stop()
	for ctx.Err() == nil {
		e, wait := h.queue.next(time.Now())
		if e != nil {
			running.Go(func() { h.attempt(ctx, e) })
			continue
		}
		if wait < 0 {
			wait = time.Hour
		}
		t.Reset(wait)
		select {
		case <-ctx.Done():
		case <-h.queue.wake:
		case <-t.C:
		}
	}
}

// settingUp is how long functions may take to be set after a host has begun to
// run: until then, events it has found do not end for want of theirs.
const settingUp = time.Minute

// attempt makes an asynchronous invocation once.
func (h *Host) attempt(ctx context.Context, e *event) {
	cfg := h.eventConfig(e.in.Function)
	if time.Since(e.queued) > cfg.MaxAge {
		h.finish(cfg, e, "EventAgeExceeded")
		return
	}
	r, err := h.invokeEvent(ctx, e)
	var refused *Error
	switch {
	case err == nil && r.Error == "":
		e.attempts, e.result = e.attempts+1, r
		h.finish(cfg, e, "Success")
	case err == nil:
		e.attempts, e.throttled, e.result = e.attempts+1, 0, r
		if e.attempts > *cfg.Retries {
			h.finish(cfg, e, "RetriesExhausted")
			return
		}
		if err := h.queue.spool.keep(e); err != nil { // the old count is still there
			h.opt.Logger.Warn("attempts of an asynchronous invocation are not counted", "error", err)
		}
		h.queue.again(e, time.Duration(e.attempts)*h.retryAfter())
	case errors.As(err, &refused) && refused.Status == 404 && !(e.found && time.Since(h.began) < settingUp):
		h.finish(cfg, e, "RetriesExhausted") // the function is gone
	case ctx.Err() == nil:
		e.throttled++
		h.queue.again(e, min(mostThrottled, firstThrottled<<min(e.throttled-1, 20)))
	}
}

// invokeEvent calls the version that the event was for. An alias is asked
// again: its version may be gone.
func (h *Host) invokeEvent(ctx context.Context, e *event) (*Result, error) {
	name, qualifier := Split(e.in.Function)
	h.mu.Lock()
	fn := h.functions[name]
	h.mu.Unlock()
	if fn == nil {
		return nil, NotFound(e.in.Function)
	}
	version := e.version
	if def := fn.def.Load(); e.attempts > 0 || def.Versions[version].Runtime == "" {
		var ok bool
		if version, ok = def.resolve(qualifier); !ok {
			return nil, NotFound(e.in.Function)
		}
	}
	in := *e.in
	in.Queued, in.Attempt = e.queued, e.attempts+1
	return h.call(ctx, fn, version, &in)
}

// finish tells who wants to know how an event has ended.
func (h *Host) finish(cfg EventConfig, e *event, condition string) {
	defer h.queue.forget(e)
	defer h.queue.spool.drop(e) // last: who is told of its end may be told twice, but not never
	if cfg.Done != nil {
		cfg.Done(&Outcome{Invocation: e.in, RequestID: e.in.RequestID, Condition: condition,
			Attempts: e.attempts, Result: e.result, Queued: e.queued})
	}
}

// eventConfig returns how events of a function are tried, with the defaults
// filled in.
func (h *Host) eventConfig(arn string) EventConfig {
	name, qualifier := Split(arn)
	if qualifier == "" {
		qualifier = "$LATEST"
	}
	h.mu.Lock()
	fn := h.functions[name]
	h.mu.Unlock()
	var cfg EventConfig
	if fn != nil {
		cfg = fn.def.Load().Events[qualifier]
	}
	if cfg.Retries == nil {
		n := eventRetries
		cfg.Retries = &n
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = eventMaxAge
	}
	return cfg
}

// retryAfter is the pause before the first new attempt.
func (h *Host) retryAfter() time.Duration {
	if h.opt.Retry > 0 {
		return h.opt.Retry
	}
	return time.Minute
}

// eventHeap is a container/heap of events, the one due first on top.
type eventHeap []*event

func (l eventHeap) Len() int           { return len(l) }
func (l eventHeap) Less(i, j int) bool { return l[i].due.Before(l[j].due) }
func (l eventHeap) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

// Push implements heap.Interface.
func (l *eventHeap) Push(e any) { *l = append(*l, e.(*event)) }

// Pop implements heap.Interface.
func (l *eventHeap) Pop() any {
	old := *l
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*l = old[:len(old)-1]
	return e
}
