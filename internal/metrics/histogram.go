package metrics

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram counts durations in buckets that are narrow where durations are
// short: eight to each doubling, so that a bucket is at most an eighth of the
// duration wide. Up to 8 µs they are 1 µs wide; the last one ends at 2^30 µs,
// 18 minutes, and takes all that is longer.
//
// The eight buckets of a doubling are one cache line. It is made when the first
// duration falls into it: most histograms need half a dozen.
type histogram struct {
	octaves [octaves]atomic.Pointer[octave]
	sum     atomic.Uint64 // in ns
}

type octave [perOctave]atomic.Uint64

const (
	perOctave = 8
	octaves   = 28
	longest   = 1<<30 - 1 // in µs
)

// add counts a duration. It reports false if another goroutine counted in the
// same bucket at the same moment.
func (h *histogram) add(d time.Duration) (alone bool) {
	d = max(0, d)
	i := bucketOf(uint64(d / time.Microsecond))
	o := h.octaves[i/perOctave].Load()
	if o == nil {
		o = h.addOctaveSlow(i / perOctave)
	}
	h.sum.Add(uint64(d))
	bucket := &o[i%perOctave]
	n := bucket.Load()
	if bucket.CompareAndSwap(n, n+1) {
		return true
	}
	bucket.Add(1)
	return false
}

// addOctaveSlow makes the buckets of an octave: once, whoever comes first.
func (h *histogram) addOctaveSlow(n uint) *octave {
	h.octaves[n].CompareAndSwap(nil, new(octave))
	return h.octaves[n].Load()
}

// bucketOf returns the number of the bucket for a duration in µs.
func bucketOf(v uint64) uint {
	v = min(v, longest)
	if v < perOctave {
		return uint(v)
	}
	e := uint(bits.Len64(v)) - 4 // v>>e is 8 to 15
	return e*perOctave + uint(v>>e)
}

// boundsOf returns where a bucket begins, and where the next one does, in µs.
func boundsOf(i uint) (from, to uint64) {
	if i < perOctave {
		return uint64(i), uint64(i) + 1
	}
	e := i/perOctave - 1
	m := uint64(i%perOctave + perOctave)
	return m << e, (m + 1) << e
}

// A tally adds up histograms.
type tally struct {
	buckets [octaves * perOctave]uint64
	sum     uint64
}

func (t *tally) take(h *histogram) {
	for n := range h.octaves {
		o := h.octaves[n].Load()
		if o == nil {
			continue
		}
		for i := range o {
			t.buckets[n*perOctave+i] += o[i].Load()
		}
	}
	t.sum += h.sum.Load()
}

func (t *tally) distribution() Distribution {
	d := Distribution{Sum: time.Duration(t.sum)}
	used := 0
	for _, n := range t.buckets {
		if n > 0 {
			used++
		}
	}
	if used > 0 {
		d.Buckets = make([]Bucket, 0, used)
	}
	for i, n := range t.buckets {
		if n > 0 {
			from, _ := boundsOf(uint(i))
			d.Buckets = append(d.Buckets, Bucket{from, n})
			d.Count += n
		}
	}
	return d
}
