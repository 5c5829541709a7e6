// Package limit decides whether one more request is within a rate or a quota.
//
// A [Bucket] is a token bucket: it holds up to burst tokens, gains rate tokens
// a second, and a request takes one. Taking never waits and never allocates, so
// a bucket may stand on the request path. A [Registry] keeps buckets by name,
// so that they outlive the configuration that uses them. A [Quota] is a number
// of requests for a day, a week or a month; it counts by days. None of them
// knows of clients, stages or usage plans; who shares a bucket is the caller's
// business.
package limit

import (
	"math"
	"sync/atomic"
	"time"
)

// A Bucket is a token bucket in one machine word: the time at which it would
// be full again (the generic cell rate algorithm). It is safe for any number
// of goroutines.
type Bucket struct {
	full    atomic.Int64 // in ticks since epoch
	setting atomic.Pointer[setting]
}

// A setting is what a rate and a burst come to.
type setting struct {
	rate  float64
	burst int
	gap   int64 // ticks that one token takes to come back
	depth int64 // ticks that all tokens take; 0: no token ever
}

// ticks per nanosecond: fine enough for millions of tokens a second, coarse
// enough for 18 years.
const ticks = 16

// longest bounds depth, so that sums of times cannot overflow.
const longest = math.MaxInt64 / 8

var epoch = time.Now()

// NewBucket returns a full bucket. A rate or a burst of 0 lets nothing pass.
func NewBucket(rate float64, burst int) *Bucket { return newBucket(newSetting(rate, burst)) }

func newBucket(s *setting) *Bucket {
	b := new(Bucket)
	b.full.Store(math.MinInt64)
	b.setting.Store(s)
	return b
}

func newSetting(rate float64, burst int) *setting {
	s := &setting{rate: rate, burst: burst}
	if rate > 0 && burst > 0 {
		gap := min(float64(time.Second)*ticks/rate, longest/float64(burst))
		s.gap = max(1, int64(gap))
		s.depth = s.gap * int64(burst)
	}
	return s
}

// Set changes rate and burst. What was taken stays taken, as far as the new
// burst reaches.
func (b *Bucket) Set(rate float64, burst int) {
	if s := b.setting.Load(); s.rate == rate && s.burst == burst {
		return
	}
	b.set(newSetting(rate, burst))
}

func (b *Bucket) set(s *setting) {
	if had := b.setting.Load(); had.rate == s.rate && had.burst == s.burst {
		return
	}
	b.setting.Store(s)
	most := int64(time.Since(epoch))*ticks + s.depth
	for old := b.full.Load(); old > most && !b.full.CompareAndSwap(old, most); old = b.full.Load() {
	}
}

// Take takes one token and tells whether there was one.
func (b *Bucket) Take() bool { return b.TakeAt(time.Now()) }

// TakeAt is Take for who knows what time it is. Times may come slightly out of
// order.
func (b *Bucket) TakeAt(t time.Time) bool {
	now := int64(t.Sub(epoch)) * ticks
	s := b.setting.Load()
	for {
		old := b.full.Load()
		next := max(old, now) + s.gap
		if next-now > s.depth || s.depth == 0 {
			return false
		}
		if b.full.CompareAndSwap(old, next) {
			return true
		}
	}
}
