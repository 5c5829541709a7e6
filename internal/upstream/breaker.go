package upstream

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A breaker counts the requests of a cluster and refuses them for a while when
// too many have failed. Then a few are let through: if they all succeed it is
// closed again.
type breaker struct {
	def Breaker

	state  atomic.Uint32 // a breakerState; changed under mu
	began  atomic.Int64  // monotonic time when the window began
	total  atomic.Int64  // requests ended in the window
	failed atomic.Int64  // of those

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

// ended notes the end of a request.
func (b *breaker) ended(failed bool, now int64) {
	if b.state.Load() != breakerClosed {
		b.endedSlow(failed, now)
		return
	}
	if began := b.began.Load(); now-began >= int64(b.def.Window) && b.began.CompareAndSwap(began, now) {
		b.total.Store(0)
		b.failed.Store(0)
	}
	total := b.total.Add(1)
	if !failed {
		return
	}
	if n := b.failed.Add(1); total >= int64(b.def.Minimum) && float64(n) >= float64(b.def.Rate)*float64(total) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.state.Load() == breakerClosed {
			b.tripLocked(now, fmt.Sprintf("%d of %d requests failed within %v", n, total, b.def.Window))
		}
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
		b.tripLocked(now, "a probe failed")
		return
	}
	if b.passed++; b.passed < b.def.Probes {
		return
	}
	b.total.Store(0)
	b.failed.Store(0)
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
