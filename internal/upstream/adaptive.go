package upstream

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// An adaptive finds how many requests a cluster can have under way before they
// only wait for each other: by how long answers take, against how long they took
// when there was little to do.
type adaptive struct {
	def Adaptive

	limit atomic.Int64
	count atomic.Int64 // answers of the window
	sum   atomic.Int64 // of the times they took
	peak  atomic.Int64 // most requests under way in the window
	began atomic.Int64 // monotonic time when the window began

	mu   sync.Mutex // guards the field below
	base float64    // how long answers take when there is little to do
}

const (
	// A window of an adaptive limit is at least so long and of so many answers.
	adaptiveWindow  = 100 * time.Millisecond
	adaptiveAnswers = 10
	// adaptiveStart is the limit before anything is known.
	adaptiveStart = 100
)

func newAdaptive(def Adaptive) *adaptive {
	a := &adaptive{def: def}
	a.limit.Store(int64(min(max(adaptiveStart, def.Min), def.Max)))
	a.began.Store(monotonic())
	return a
}

// begun notes how many requests are under way.
func (a *adaptive) begun(busy int64) {
	if busy > a.peak.Load() {
		a.peak.Store(busy) // one of two at once may be lost: who cares
	}
}

// answered notes how long an answer took.
func (a *adaptive) answered(took, now int64) {
	a.sum.Add(took)
	if a.count.Add(1) >= adaptiveAnswers && now-a.began.Load() >= int64(adaptiveWindow) {
		a.adjust(now)
	}
}

// adjust ends a window.
func (a *adaptive) adjust(now int64) {
	if !a.mu.TryLock() {
		return // somebody else does
	}
	defer a.mu.Unlock()
	count := a.count.Swap(0)
	sum, peak := a.sum.Swap(0), a.peak.Swap(0)
	a.began.Store(now)
	if count == 0 {
		return
	}
	mean, limit := float64(sum)/float64(count), a.limit.Load()
	little := peak <= max(limit/4, 1)
	switch {
	case a.base == 0 || mean < a.base:
		a.base = mean
	case little:
		a.base += (mean - a.base) / 8 // so that is how long they take now
	}
	switch {
	case mean > a.def.Tolerance*a.base && limit > int64(a.def.Min):
		limit = max(int64(float64(limit)*0.9), int64(a.def.Min))
	case mean > a.def.Tolerance*a.base:
		a.base = mean // as few as may be, and still: it is not because of their number
	case peak > limit/2:
		limit = min(limit+int64(math.Sqrt(float64(limit))), int64(a.def.Max))
	}
	a.limit.Store(limit)
}
