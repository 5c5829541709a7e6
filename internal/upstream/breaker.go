package upstream

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A breaker counts the requests of a cluster and refuses them for a while when
// too many have failed, or took too long. Then a few are let through: if they all succeed it is
// closed again.
type breaker struct {
	def Breaker

	state  atomic.Uint32 // a breakerState; changed under mu
	began  atomic.Int64  // monotonic time when the window began
	total  atomic.Int64  // requests ended in the window
	failed atomic.Int64  // of those
	slow   atomic.Int64  // of those

	mu      sync.Mutex // guards the fields below; never held while calling out
	until   int64      // when open: until then; half open: when probes are given up for lost
	permits int        // half open: probes that may still begin
	passed  int        // half open: probes that have succeeded
	trips   int        // in a row
	reason  string
}

type breakerState = uint32

const (
	breakerClosed breakerState = iota
	breakerOpen
	breakerHalfOpen
)

// maxOpen bounds how long a breaker stays open at a time.
const maxOpen = time.Minute

func newBreaker(def Breaker) *breaker {
	b := &breaker{def: def}
	b.began.Store(monotonic())
	return b
}

// allow tells whether a request may begin.
func (b *breaker) allow() bool {
	return b.state.Load() == breakerClosed || b.allowSlow(monotonic())
}

func (b *breaker) allowSlow(now int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.state.Load() {
	case breakerClosed:
		return true
	case breakerOpen:
		if now < b.until {
			return false
		}
		b.state.Store(breakerHalfOpen)
		b.probeLocked(now)
	case breakerHalfOpen:
		if now >= b.until { // some probes never ended, or nobody made any
			b.probeLocked(now)
		}
	}
	if b.permits == 0 {
		return false
	}
	b.permits--
	return true
}

func (b *breaker) probeLocked(now int64) {
	b.permits, b.passed, b.until = b.def.Probes, 0, now+int64(b.def.Open)
}

// ended notes the end of a request, and how long its answer took to begin; 0:
// nobody knows.
func (b *breaker) ended(failed bool, took, now int64) {
	slow := b.def.Slow > 0 && took >= int64(b.def.Slow)
	if b.state.Load() != breakerClosed {
		b.endedSlow(failed || slow, now)
		return
	}
	if began := b.began.Load(); now-began >= int64(b.def.Window) && b.began.CompareAndSwap(began, now) {
		b.total.Store(0)
		b.failed.Store(0)
		b.slow.Store(0)
	}
	total := b.total.Add(1)
	if failed {
		b.tooMany(&b.failed, b.def.Rate, total, now, "failed")
	}
	if slow {
		b.tooMany(&b.slow, b.def.SlowRate, total, now, "took longer than "+b.def.Slow.String())
	}
}

// tooMany counts a request that was not as it should be, and trips if there are
// too many of those.
func (b *breaker) tooMany(count *atomic.Int64, rate Share, total, now int64, what string) {
	n := count.Add(1)
	if total < int64(b.def.Minimum) || float64(n) < float64(rate)*float64(total) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state.Load() == breakerClosed {
		b.tripLocked(now, fmt.Sprintf("%d of %d requests %s within %v", n, total, what, b.def.Window))
	}
}

// endedSlow notes the end of a probe. Requests that began before the breaker
// tripped end while it is open, and say nothing new.
func (b *breaker) endedSlow(failed bool, now int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state.Load() != breakerHalfOpen {
		return
	}
	if failed {
		b.tripLocked(now, "a probe failed or took too long")
		return
	}
	if b.passed++; b.passed < b.def.Probes {
		return
	}
	b.total.Store(0)
	b.failed.Store(0)
	b.slow.Store(0)
	b.began.Store(now)
	b.trips, b.reason = 0, ""
	b.state.Store(breakerClosed)
}

func (b *breaker) tripLocked(now int64, reason string) {
	open := min(b.def.Open<<min(b.trips, 10), max(maxOpen, b.def.Open))
	b.trips++
	b.reason, b.until = reason, now+int64(open)
	b.state.Store(breakerOpen)
}
