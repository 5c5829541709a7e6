// Package limit decides whether one more request is within a rate.
//
// A [Bucket] is a token bucket: it holds up to burst tokens, gains rate tokens
// a second, and a request takes one. Taking never waits and never allocates, so
// a bucket may stand on the request path. A [Registry] keeps buckets by name,
// so that they outlive the configuration that uses them. Neither knows of
// clients, stages or usage plans; who shares a bucket is the caller's business.
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
	full  atomic.Int64 // in ticks since epoch
	rate  float64
	burst int
	gap   int64 // ticks that one token takes to come back
	depth int64 // ticks that all tokens take; 0: no token ever
}

// ticks per nanosecond: fine enough for millions of tokens a second, coarse
// enough for 18 years.
const ticks = 16

// longest bounds gap and depth, so that sums of times cannot overflow.
const longest = math.MaxInt64 / 8

var epoch = time.Now()

// NewBucket returns a full bucket. A rate or a burst of 0 lets nothing pass.
func NewBucket(rate float64, burst int) *Bucket {
	b := &Bucket{rate: rate, burst: burst}
	b.full.Store(math.MinInt64)
	if rate > 0 && burst > 0 {
		gap := min(float64(time.Second)*ticks/rate, longest)
		b.gap = int64(math.Round(gap))
		b.depth = int64(min(gap*float64(burst), longest))
	}
	return b
}

// Take takes one token and tells whether there was one.
func (b *Bucket) Take() bool { return b.TakeAt(time.Now()) }

// TakeAt is Take for who knows what time it is. Times may come slightly out of
// order.
func (b *Bucket) TakeAt(t time.Time) bool {
	now := int64(t.Sub(epoch)) * ticks
	for {
		old := b.full.Load()
		next := max(old, now) + b.gap
		if next-now > b.depth || b.depth == 0 {
			return false
		}
		if b.full.CompareAndSwap(old, next) {
			return true
		}
	}
}
