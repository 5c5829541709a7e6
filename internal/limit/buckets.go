package limit

import (
	"sync"
	"sync/atomic"
	"time"
)

// Buckets are token buckets of many who have the same rate and burst, told apart
// by small numbers. One that was never taken from takes no memory, the others
// eight bytes each, in pages. It is safe for any number of goroutines.
type Buckets struct {
	setting atomic.Pointer[setting]
	pages   atomic.Pointer[[]atomic.Pointer[page]]

	mu sync.Mutex // held while pages are added
}

// A page is the buckets of consecutive numbers: as Bucket.full, but 0 is full.
type page [pageSize]atomic.Int64

const pageSize = 512

func newBuckets(s *setting) *Buckets {
	b := new(Buckets)
	b.setting.Store(s)
	b.pages.Store(new([]atomic.Pointer[page]))
	return b
}

// NewBuckets returns full buckets. A rate or a burst of 0 lets nothing pass.
func NewBuckets(rate float64, burst int) *Buckets { return newBuckets(newSetting(rate, burst)) }

// set changes rate and burst. A bucket that a smaller burst finds emptier than
// empty waits no longer than for that burst: see TakeAt.
func (b *Buckets) set(s *setting) {
	if had := b.setting.Load(); had.rate != s.rate || had.burst != s.burst {
		b.setting.Store(s)
	}
}

// TakeAt takes a token from the bucket of a number and tells whether there was
// one. It allocates only for the first of a page.
func (b *Buckets) TakeAt(number uint32, t time.Time) bool {
	now := int64(t.Sub(epoch)) * ticks
	s := b.setting.Load()
	full := b.at(number)
	for {
		old := full.Load()
		if old > now+s.depth { // taken at a larger burst or a slower rate, which is over
			full.CompareAndSwap(old, now+s.depth) // or another has done so
			continue
		}
		next := max(old, now) + s.gap
		if next-now > s.depth || s.depth == 0 {
			return false
		}
		if full.CompareAndSwap(old, next) {
			return true
		}
	}
}

// at finds the bucket of a number.
func (b *Buckets) at(number uint32) *atomic.Int64 {
	p, i := int(number/pageSize), number%pageSize
	if pages := *b.pages.Load(); p < len(pages) {
		if found := pages[p].Load(); found != nil {
			return &found[i]
		}
	}
	return &b.add(p)[i]
}

// add makes a page.
func (b *Buckets) add(p int) *page {
	b.mu.Lock()
	defer b.mu.Unlock()
	pages := *b.pages.Load()
	if p >= len(pages) {
		more := make([]atomic.Pointer[page], max(p+1, 2*len(pages)))
		for i := range pages {
			more[i].Store(pages[i].Load())
		}
		b.pages.Store(&more)
		pages = more
	}
	if found := pages[p].Load(); found != nil {
		return found
	}
	made := new(page)
	pages[p].Store(made)
	return made
}
