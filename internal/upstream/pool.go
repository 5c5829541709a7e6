package upstream

import (
	"context"
	"sync"
	"time"

	"gatehouse/internal/wire"
)

// A pool holds the connections of one cluster: a stack of idle ones, newest on
// top so that the surplus grows old, and a queue of those who wait because the
// cluster has as many connections as it may.
//
// Stack and queue are linked through the connections and waiters themselves,
// so that taking and giving back allocate nothing. One short mutex guards
// both: two lists without locks would have to agree on the number of open
// connections, and a waiter could miss the connection given back beside it.
type pool struct {
	maxOpen, maxIdle, maxWaiting int
	// room bounds the connections, and queue the waiters, of several pools
	// together; nil: there are no others.
	room, queue *room

	mu      sync.Mutex // guards the fields below; never held while calling out
	top     *conn      // of the stack of idle connections
	lent    []*conn    // tops of the stacks of those that belong to loops, by their index
	idle    int
	open    int // connections in use, idle and being made
	first   *waiter
	last    *waiter
	waiting int
	spare   *waiter // waiters to use again, linked by next: as many as ever waited
	closed  bool
}

// A waiter is one request that waits for a connection.
type waiter struct {
	next, prev *waiter
	queued     bool
	// ready gets a connection, or nil for the permission to make one. It holds
	// one value: who takes a waiter out of the queue sends exactly once.
	ready chan *conn
	timer *time.Timer
}

// take returns an idle connection, or nil for the permission to make one,
// which ends with release. It waits until deadline for either.
func (p *pool) take(ctx context.Context, deadline time.Time) (*conn, error) {
	p.mu.Lock()
	if c := p.top; c != nil {
		p.popLocked(c)
		p.mu.Unlock()
		return c, nil
	}
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if p.mayOpenLocked() {
		p.mu.Unlock()
		return nil, nil
	}
	if c := p.evictLocked(); c != nil {
		p.mu.Unlock()
		closeAll(c) // with its permission
		return nil, nil
	}
	return p.waitLocked(ctx, deadline)
}

func (p *pool) popLocked(c *conn) {
	p.top, c.below = c.below, nil
	p.idle--
}

// evictLocked takes out an idle connection of a loop, if there is one.
func (p *pool) evictLocked() *conn {
	for i, c := range p.lent {
		if c != nil {
			p.lent[i], c.below = c.below, nil
			p.idle--
			return c
		}
	}
	return nil
}

// lend is take for a loop, which does not wait: it returns an idle connection
// of the loop's own, or nil for the permission to make one, or false.
func (p *pool) lend(l *wire.Loop) (*conn, bool) {
	i := l.Index()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, false
	}
	if i < len(p.lent) {
		// Loops of two servers may have the same index.
		for at := &p.lent[i]; *at != nil; at = &(*at).below {
			if c := *at; c.In() == l {
				*at, c.below = c.below, nil
				p.idle--
				return c, true
			}
		}
	}
	if p.mayOpenLocked() {
		return nil, true
	}
	return nil, false
}

// mayOpenLocked takes the permission to make a connection, if there is one.
func (p *pool) mayOpenLocked() bool {
	if p.open >= p.maxOpen || !p.room.take() {
		return false
	}
	p.open++
	return true
}

// bound changes how many connections there may be, and requests that wait. Those who wait
// get the connections that there may be besides; it returns the idle ones that are too many,
// and others are closed when they are given back.
func (p *pool) bound(maxOpen, maxWaiting int) (surplus *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.maxOpen, p.maxWaiting = maxOpen, maxWaiting
	for p.first != nil && p.mayOpenLocked() {
		w := p.first
		p.removeLocked(w)
		w.ready <- nil
	}
	for p.tooManyLocked() && p.idle > 0 {
		c := p.top
		if c != nil {
			p.popLocked(c)
		} else {
			c = p.evictLocked()
		}
		c.below, surplus = surplus, c
		p.closedLocked(1)
	}
	return surplus
}

// tooManyLocked tells whether there are more connections than there may be, as that has
// been changed. The last one of a pool is not too many while somebody waits for it.
func (p *pool) tooManyLocked() bool {
	return p.open > p.maxOpen || p.room.over() && (p.open > 1 || p.first == nil)
}

// closedLocked notes that so many connections are none any more.
func (p *pool) closedLocked(n int) {
	p.open -= n
	p.room.give(n)
}

// permit is the permission to make a connection, if there is one at once.
func (p *pool) permit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.closed && p.mayOpenLocked()
}

// remove takes out an idle connection that a loop has found to be good for
// nothing. It does nothing if that is out already.
func (p *pool) remove(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := c.In().Index()
	if i >= len(p.lent) {
		return
	}
	for at := &p.lent[i]; *at != nil; at = &(*at).below {
		if *at == c {
			*at, c.below = c.below, nil
			p.idle--
			p.releaseLocked()
			return
		}
	}
}

// waitLocked queues until a connection is given back, one is closed, the
// deadline passes or ctx ends. It unlocks p.mu.
func (p *pool) waitLocked(ctx context.Context, deadline time.Time) (*conn, error) {
	// Who waits where there is no connection, because others have them all, would
	// wait in vain.
	if p.waiting >= p.maxWaiting || p.open == 0 || !p.queue.take() {
		p.mu.Unlock()
		return nil, ErrOverload
	}
	w := p.waiterLocked()
	p.pushLocked(w)
	p.mu.Unlock()

	w.timer.Reset(time.Until(deadline))
	var err error
	select {
	case c := <-w.ready:
		return p.served(w, c)
	case <-w.timer.C:
		err = failure(ErrOverload, ErrTimeout)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	p.mu.Lock()
	if !w.queued { // served in the same moment: use it
		p.mu.Unlock()
		return p.served(w, <-w.ready)
	}
	p.removeLocked(w)
	p.sparedLocked(w)
	p.mu.Unlock()
	return nil, err
}

func (p *pool) served(w *waiter, c *conn) (*conn, error) {
	p.mu.Lock()
	p.sparedLocked(w)
	p.mu.Unlock()
	if c == closedConn {
		return nil, ErrClosed
	}
	return c, nil
}

func (p *pool) waiterLocked() *waiter {
	w := p.spare
	if w == nil {
		w = &waiter{ready: make(chan *conn, 1), timer: time.NewTimer(time.Hour)}
		w.timer.Stop()
		return w
	}
	p.spare = w.next
	return w
}

func (p *pool) sparedLocked(w *waiter) {
	w.timer.Stop()
	w.next, p.spare = p.spare, w
}

// closedConn is sent to those who wait in a pool that is closed.
var closedConn = new(conn)

func (p *pool) pushLocked(w *waiter) {
	w.queued, w.next, w.prev = true, nil, p.last
	if p.last == nil {
		p.first = w
	} else {
		p.last.next = w
	}
	p.last = w
	p.waiting++
}

func (p *pool) removeLocked(w *waiter) {
	if w.prev == nil {
		p.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		p.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.queued, w.next, w.prev = false, nil, nil
	p.waiting--
	p.queue.give(1)
}

// give takes back a connection that may serve another request. It reports
// false if the pool does not want it: the caller closes it then.
func (p *pool) give(c *conn, now int64) bool {
	c.idleSince = now
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.tooManyLocked() {
		p.closedLocked(1)
		return false
	}
	l := c.In()
	if w := p.first; w != nil {
		p.removeLocked(w)
		if l != nil {
			w.ready <- nil // those who wait are in no loop: the permission goes on
			return false
		}
		w.ready <- c
		return true
	}
	if p.idle >= p.maxIdle {
		p.closedLocked(1)
		return false
	}
	p.idle++
	top := &p.top
	if l != nil {
		for len(p.lent) <= l.Index() {
			p.lent = append(p.lent, nil)
		}
		top = &p.lent[l.Index()]
	}
	c.below, *top = *top, c
	return true
}

// keepNone closes connections when they are given back, and returns the idle
// ones.
func (p *pool) keepNone() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.maxIdle = 0
	return p.emptyLocked()
}

func (p *pool) emptyLocked() *conn {
	old := p.top
	for i, c := range p.lent {
		old = joined(c, old)
		p.lent[i] = nil
	}
	p.closedLocked(p.idle)
	p.top, p.idle = nil, 0
	return old
}

// release ends a permission: its connection is closed or was never made.
func (p *pool) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.releaseLocked()
}

func (p *pool) releaseLocked() {
	if w := p.first; w != nil && !p.closed && !p.tooManyLocked() {
		p.removeLocked(w)
		w.ready <- nil // the permission goes on to the next in line
		return
	}
	p.closedLocked(1)
}

// expire takes out the connections that have been idle since before the given
// time, and returns them as a list linked by below.
func (p *pool) expire(before int64) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, kept := expired(&p.top, before)
	for i := range p.lent {
		list, n := expired(&p.lent[i], before)
		old = joined(list, old)
		kept += n
	}
	p.closedLocked(p.idle - kept)
	p.idle = kept
	return old
}

// expired cuts off the part of a stack that is older than before, and counts
// what it leaves.
func expired(at **conn, before int64) (old *conn, kept int) {
	for *at != nil && (*at).idleSince >= before {
		at = &(*at).below
		kept++
	}
	old = *at
	*at = nil
	return old, kept
}

// joined puts one list before another.
func joined(first, then *conn) *conn {
	if first == nil {
		return then
	}
	last := first
	for last.below != nil {
		last = last.below
	}
	last.below = then
	return first
}

// close refuses everything from now on and returns the idle connections.
func (p *pool) close() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for p.first != nil {
		w := p.first
		p.removeLocked(w)
		w.ready <- closedConn
	}
	return p.emptyLocked()
}

// Stats is how full a cluster is.
type Stats struct {
	Open, Idle, Waiting int
	// Failures is how many requests got no answer: no connection could be made,
	// or it broke, or it took too long.
	Failures uint64
}

func (p *pool) stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{Open: p.open, Idle: p.idle, Waiting: p.waiting}
}
