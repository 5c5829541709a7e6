package boltstore

import (
	"slices"
	"sync"

	"gatehouse/internal/store"
)

// Bounds of one group of commits. A group is applied in memory before it is
// written, so they bound that memory; what does not fit is the next group.
const (
	groupCommits = 256
	groupBytes   = 8 << 20
)

// A queue orders commits for group commit. There is no goroutine that writes:
// whoever comes first leads, that is, writes its own commit and all that wait
// behind it, and then hands the lead to the first of those that came
// meanwhile. The queue is as long as there are callers in Commit.
type queue struct {
	mu      sync.Mutex // guards the fields below
	waiting []*pending
	led     bool          // somebody leads
	idle    chan struct{} // made by close; closed when nobody leads any more
}

// A pending commit waits for its turn.
type pending struct {
	ifs []store.Cond
	ops []store.Op

	leads bool      // was given the lead; guarded by the queue's mu
	turn  chan bool // true: lead; false: written, see rev and err

	rev store.Rev
	err error
}

// join lines p up. It gets its turn, unless the queue is closed.
func (q *queue) join(p *pending) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.idle != nil {
		return store.ErrClosed
	}
	q.waiting = append(q.waiting, p)
	if !q.led {
		q.led = true
		q.leadLocked(p)
	}
	return nil
}

func (q *queue) leadLocked(p *pending) {
	p.leads = true
	p.turn <- true // has room for one, and p gets no other before it took this
}

// leave takes p out again, if it is not being written yet.
func (q *queue) leave(p *pending) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, p)
	if i < 0 || p.leads {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

// take hands the leader its group: itself first.
func (q *queue) take() []*pending {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, bytes := 0, 0
	for n < len(q.waiting) && n < groupCommits && (n == 0 || bytes < groupBytes) {
		bytes += size(q.waiting[n].ops)
		n++
	}
	group := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return group
}

// pass tells the group that it is written and hands on the lead.
func (q *queue) pass(group []*pending) {
	for _, p := range group[1:] {
		p.turn <- false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 {
		q.leadLocked(q.waiting[0])
		return
	}
	q.led = false
	if q.idle != nil {
		close(q.idle)
	}
}

// close refuses further commits and returns when the last one is written.
func (q *queue) close() {
	q.mu.Lock()
	q.idle = make(chan struct{})
	if !q.led {
		close(q.idle)
	}
	q.mu.Unlock()
	<-q.idle
}
