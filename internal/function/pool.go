package function

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A pool is the instances of one version of a function.
type pool struct {
	host    *Host
	fn      *function
	number  string // $LATEST or the version's
	version *Version

	mu        sync.Mutex // guards the fields below, and what instances and calls say it does
	all       map[*instance]struct{}
	idle      []*instance // the one used last at the end
	finishing int         // instances that will be idle soon
	waiters   []chan *instance
	closed    bool      // no instance is kept
	cut       bool      // none may run
	failures  int       // starts that failed, one after the other
	retryAt   time.Time // no start before
	lastWords []byte    // of the last of them: its error document
	lastKind  string
}

func newPool(h *Host, fn *function, number string, v *Version) *pool {
	return &pool{host: h, fn: fn, number: number, version: v, all: make(map[*instance]struct{})}
}

// takeIdle takes a warm instance, the one that was used last; nil if there is
// none.
func (p *pool) takeIdle() *instance {
	now := time.Now()
	sig := p.host.codes.of(p.version)
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		in := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if in.state != idle {
			continue // it has just ended
		}
		if in.code != sig || in.stale(now) {
			in.stopLocked(nil)
			continue
		}
		in.state = busy
		return in
	}
	return nil
}

// stale tells whether the instance's credentials may end while it runs.
func (in *instance) stale(now time.Time) bool {
	return !in.expires.IsZero() && now.Add(in.pool.version.Timeout).After(in.expires)
}

// finishWithin is how long a call waits for an instance that has answered and
// is about to ask for its next event, before another one is started.
const finishWithin = 20 * time.Millisecond

// disappointLocked tells one who waits for an instance that there is none.
func (p *pool) disappointLocked() {
	if len(p.waiters) > p.finishing {
		last := len(p.waiters) - 1
		p.waiters[last] <- nil // has room
		p.waiters = p.waiters[:last]
	}
}

// awaitFinishing waits for such an instance, if there is one for us.
func (p *pool) awaitFinishing() *instance {
	p.mu.Lock()
	if p.finishing <= len(p.waiters) {
		p.mu.Unlock()
		return nil
	}
	w := make(chan *instance, 1)
	p.waiters = append(p.waiters, w)
	p.mu.Unlock()
	t := time.NewTimer(finishWithin)
	defer t.Stop()
	select {
	case in := <-w:
		return in
	case <-t.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.waiters {
		if other == w {
			p.waiters = append(p.waiters[:i], p.waiters[i+1:]...)
			return nil
		}
	}
	return <-w // it was given in this moment
}

// welcome takes note that an instance asks for an event: it is up, or done with
// the last one. It returns what is closed when it asks again, or nil if it gets
// no more.
func (p *pool) welcome(in *instance) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if in.superseded != nil {
		close(in.superseded)
	}
	in.superseded = make(chan struct{})
	switch {
	case in.state == ending:
		return nil
	case in.state == starting:
		if in.failed != nil {
			return nil
		}
		in.state = busy // with the call that it was started for
		close(in.ready)
		p.failures = 0
	case in.state == finishing:
		p.finishing--
		p.offerLocked(in)
	}
	return in.superseded
}

// offerLocked gives an instance to who waits for one, or lets it wait itself.
func (p *pool) offerLocked(in *instance) {
	in.state = busy
	if p.closed || in.stale(time.Now()) {
		in.stopLocked(nil)
		p.disappointLocked()
		return
	}
	if len(p.waiters) > 0 {
		w := p.waiters[0]
		p.waiters = p.waiters[1:]
		w <- in // has room
		return
	}
	in.state, in.idleSince = idle, time.Now()
	p.idle = append(p.idle, in)
}

func (p *pool) add(in *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[in] = struct{}{}
	if p.cut {
		in.stopLocked(nil)
	}
	if p.closed {
		p.host.keep(p, true)
	}
	select {
	case p.host.wake <- struct{}{}:
	default: // awake already
	}
}

// retire takes an instance out of service whose process has ended.
func (p *pool) retire(in *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	in.retireLocked()
	if in.call != nil {
		in.call.timer.Stop() // it has ended in time, if not well
	}
}

// blame says why an instance has ended, if that is not known.
func (p *pool) blame(in *instance, f *failure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if in.killed == nil {
		in.killed = f
	}
}

// remove forgets an instance that has ended.
func (p *pool) remove(in *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, in)
	for i, other := range p.idle {
		if other == in {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			break
		}
	}
	if p.closed && len(p.all) == 0 {
		p.host.keep(p, false)
	}
}

// serve starts an instance for a call, unless one is free after all, and gives
// it the call.
func (p *pool) serve(ctx context.Context, c *call) {
	if in := p.awaitFinishing(); in != nil && in.give(c) {
		return
	}
	in, f := p.start(ctx, c)
	if f == nil {
		if in.give(c) {
			return
		}
		<-in.gone
		f = in.exitFailure(c.requestID)
	}
	p.failStart(in, c, f)
}

// failStart ends a call for which no instance could be started; in is the one
// that failed last.
func (p *pool) failStart(in *instance, c *call, f *failure) {
	c.begin(p.version.Timeout)
	p.mu.Lock()
	c.failure = f
	p.answerLocked(c, &Result{Error: unhandled, Payload: f.document})
	p.mu.Unlock()
	if p.fn.logs(c) && f.refusal == nil {
		in.log.begin(c.in.Tail)
		in.log.say("START RequestId: " + c.requestID + " Version: " + c.version)
		in.closeLog(c, in.peak)
	}
	c.settle()
}

// start starts an instance for a call. The failure is the function's; the
// instance is then one that has ended.
//
// AWS: an init phase that fails or takes more than 10 seconds is tried once
// more, within the time-out of the function (lambda-runtime-environment).
func (p *pool) start(ctx context.Context, c *call) (*instance, *failure) {
	if f := p.backOff(c.requestID); f != nil {
		return p.newInstance(), f
	}
	in, f := p.boot(ctx, c, "init", initWithin)
	if f == nil {
		c.born, c.init = in.born, time.Since(in.born)
		return in, nil
	}
	if f.kind != typeEntrypoint {
		c.begin(p.version.Timeout)
		if in, f = p.boot(ctx, c, "invoke", time.Until(c.deadline)); f == nil {
			return in, nil
		}
	}
	if f.refusal == nil {
		p.noteFailure(f)
	}
	return in, f
}

// boot starts an instance and waits until it is up.
func (p *pool) boot(ctx context.Context, c *call, phase string, within time.Duration) (*instance, *failure) {
	in, f := p.launch(ctx, c.requestID)
	if f != nil {
		return in, f
	}
	t := time.NewTimer(within)
	defer t.Stop()
	status := "error"
	select {
	case <-in.ready:
		return in, nil
	case <-in.gone:
	case <-t.C:
		status = "timeout"
		p.stop(in)
		<-in.gone
	}
	select {
	case <-in.ready: // and has ended since: who gives it the call finds out
		return in, nil
	default:
	}
	f = p.initFailure(in, c, status)
	text := fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: %s\tStatus: %s", milliseconds(time.Since(in.born)), phase, status)
	if status == "error" {
		text += "\tError Type: " + f.kind
	}
	in.log.say(text)
	return in, f
}

func (p *pool) initFailure(in *instance, c *call, status string) *failure {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case status == "timeout":
		return timedOut(c.requestID, p.version.Timeout, time.Now())
	case in.failed != nil:
		in.failed.fatal = true
		return in.failed
	}
	return in.exitFailure(c.requestID)
}

func (p *pool) stop(in *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	in.stopLocked(nil)
}

// After some starts that failed one after the other, the next ones wait longer
// and longer: callers get the last error document at once instead of a process
// each.
const (
	freeFailures = 3
	firstBackOff = 100 * time.Millisecond
	mostBackOff  = 10 * time.Second
)

func (p *pool) noteFailure(f *failure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures++
	p.lastWords, p.lastKind = f.document, f.kind
	if n := p.failures - freeFailures; n > 0 {
		p.retryAt = time.Now().Add(min(mostBackOff, firstBackOff<<min(n-1, 20)))
	}
}

func (p *pool) backOff(requestID string) *failure {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failures < freeFailures || !time.Now().Before(p.retryAt) {
		return nil
	}
	return &failure{kind: p.lastKind, document: p.lastWords, fatal: true,
		lines: []string{"Gatehouse: not started again before " + p.retryAt.UTC().Format(time.RFC3339Nano), p.lastKind}}
}

// conclude ends what an ended instance leaves behind.
func (p *pool) conclude(in *instance, exit string) {
	p.mu.Lock()
	in.exit = exit
	p.mu.Unlock()
	in.end(in.exitFailure).settle()
}

// close ends all instances: at once, or those that are busy when they are done.
func (p *pool) close(atOnce bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.cut = p.cut || atOnce
	for in := range p.all {
		if atOnce || in.state == idle {
			in.stopLocked(nil)
		}
	}
	p.idle = nil
	if len(p.all) == 0 {
		p.host.keep(p, false)
	}
}

// reap ends instances that have been idle since before.
func (p *pool) reap(before time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	keep := p.idle[:0]
	for _, in := range p.idle {
		if in.idleSince.Before(before) {
			in.stopLocked(nil)
		} else {
			keep = append(keep, in)
		}
	}
	clear(p.idle[len(keep):])
	p.idle = keep
}

// credentials returns what the function acts with.
func (p *pool) credentials(ctx context.Context) (Credentials, error) {
	if p.host.opt.Credentials == nil || p.version.Role == "" {
		return Credentials{}, nil
	}
	cr, err := p.host.opt.Credentials(ctx, p.version.Role)
	if err != nil {
		return cr, fmt.Errorf("credentials of role %s: %w", p.version.Role, err)
	}
	return cr, nil
}
