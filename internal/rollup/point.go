package rollup

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// A Point is what a metric was in a minute: a set of values, of which it is
// known how many there were, their sum, the least and the greatest, and, unless
// only these were told, about how large each one was.
type Point struct {
	Count, Sum, Min, Max float64
	Buckets              []Bucket // by index; none: the values are not known
}

// A Bucket counts values of about the same size: of the same sign, and less
// than a sixteenth apart.
type Bucket struct {
	Index int32
	Count float64
}

// perOctave is how many buckets there are to each doubling.
const (
	mantissaBits = 4
	perOctave    = 1 << mantissaBits
)

// BucketOf is the index of the bucket of a value. Those of greater values are
// greater.
func BucketOf(v float64) int32 {
	i := int32(math.Float64bits(math.Abs(v))>>(52-mantissaBits)) + 1
	switch {
	case v == 0:
		return 0
	case v < 0:
		return -i
	}
	return i
}

// bounds are the values of a bucket that are nearest to zero and farthest.
func bounds(index int32) (near, far float64) {
	if index == 0 {
		return 0, 0
	}
	i := uint64(max(index, -index)) - 1
	near = math.Float64frombits(i << (52 - mantissaBits))
	far = math.Float64frombits((i + 1) << (52 - mantissaBits))
	if index < 0 {
		return -near, -far
	}
	return near, far
}

// PointOf is the point of a value that occurred count times.
func PointOf(v, count float64) Point {
	p := Point{Count: count, Sum: v * count, Min: v, Max: v}
	return p
}

// Known reports whether the values themselves are known, so that there are
// percentiles.
//
// AWS: "percentile statistics are not available for metrics when … you publish
// statistic sets, unless the SampleCount is 1 or Min and Max are equal".
func (p *Point) Known() bool { return len(p.Buckets) > 0 || p.Count == 1 || p.Min == p.Max }

// buckets are the buckets of p, also where it has none of its own because all
// its values are equal.
func (p *Point) buckets() []Bucket {
	if len(p.Buckets) == 0 && p.Count > 0 && p.Known() {
		return []Bucket{{BucketOf(p.Max), p.Count}}
	}
	return p.Buckets
}

// Add adds the values of q to those of p. Neither's buckets are changed.
func (p *Point) Add(q *Point) {
	switch {
	case q.Count == 0:
		return
	case p.Count == 0:
		*p = *q
		return
	}
	switch {
	case !p.Known() || !q.Known():
		p.Buckets = nil
	case len(p.Buckets) == 0 && len(q.Buckets) == 0 && p.Max == q.Max:
		// Still all equal.
	default:
		p.Buckets = mergeBuckets(p.buckets(), q.buckets())
	}
	p.Count += q.Count
	p.Sum += q.Sum
	p.Min = min(p.Min, q.Min)
	p.Max = max(p.Max, q.Max)
}

func mergeBuckets(a, b []Bucket) []Bucket {
	out := make([]Bucket, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].Index < b[0].Index:
			out, a = append(out, a[0]), a[1:]
		case a[0].Index > b[0].Index:
			out, b = append(out, b[0]), b[1:]
		default:
			out = append(out, Bucket{a[0].Index, a[0].Count + b[0].Count})
			a, b = a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// AddValue adds a value that occurred count times, and remembers its size.
func (p *Point) AddValue(v, count float64) {
	q := PointOf(v, count)
	p.Add(&q)
}

// Quantile is the value below which the share q of all lies, to within a
// sixteenth; false if the values are not known.
func (p *Point) Quantile(q float64) (float64, bool) {
	if p.Count == 0 || !p.Known() {
		return 0, false
	}
	rank, before := q*p.Count, 0.0
	list := p.buckets()
	for i, b := range list {
		if before+b.Count < rank && i < len(list)-1 {
			before += b.Count
			continue
		}
		from, to := bounds(b.Index)
		if to < from {
			from, to = to, from
		}
		share := min(1, max(0, (rank-before)/b.Count))
		return min(p.Max, max(p.Min, from+share*(to-from))), true
	}
	return p.Max, true
}

// Within returns about how many values lie in [from, to], and their sum. Those
// of a bucket at the edge are thought to be spread evenly.
func (p *Point) Within(from, to float64) (count, sum float64) {
	for _, b := range p.buckets() {
		lo, hi := bounds(b.Index)
		if hi < lo {
			lo, hi = hi, lo
		}
		lo, hi = min(p.Max, max(p.Min, lo)), max(p.Min, min(p.Max, hi))
		a, z := max(lo, from), min(hi, to)
		switch {
		case a > z:
			continue
		case hi > lo:
			part := b.Count * (z - a) / (hi - lo)
			count, sum = count+part, sum+part*(a+z)/2
		default:
			count, sum = count+b.Count, sum+b.Count*lo
		}
	}
	return count, sum
}

// Ranked returns about how many values there are from one share of all on to
// another, in their order, and their sum.
func (p *Point) Ranked(from, to float64) (count, sum float64) {
	first, last, before := from*p.Count, to*p.Count, 0.0
	for _, b := range p.buckets() {
		a, z := max(first, before), min(last, before+b.Count)
		if z > a {
			lo, hi := bounds(b.Index)
			if hi < lo {
				lo, hi = hi, lo
			}
			lo, hi = min(p.Max, max(p.Min, lo)), max(p.Min, min(p.Max, hi))
			at := func(rank float64) float64 { return lo + (hi-lo)*(rank-before)/b.Count }
			count, sum = count+z-a, sum+(z-a)*(at(a)+at(z))/2
		}
		before += b.Count
	}
	return count, sum
}

// Forms of a point on disk, told by its first byte. Most points of a gateway
// are counts and zeros.
const (
	formWhole   = 1 << iota // Count is whole
	formOnes                // every value is 1
	formZeros               // every value is 0
	formBuckets             // there are buckets
)

// appendPoint writes p.
func appendPoint(b []byte, p *Point) []byte {
	form := byte(0)
	if p.Count == math.Trunc(p.Count) && p.Count >= 0 && p.Count < 1<<53 {
		form |= formWhole
	}
	switch {
	case p.Min == 1 && p.Max == 1 && p.Sum == p.Count:
		form |= formOnes
	case p.Min == 0 && p.Max == 0 && p.Sum == 0:
		form |= formZeros
	case len(p.Buckets) > 0:
		form |= formBuckets
	}
	b = append(b, form)
	b = appendCount(b, p.Count, form)
	if form&(formOnes|formZeros) != 0 {
		return b
	}
	b = appendFloat(appendFloat(appendFloat(b, p.Sum), p.Min), p.Max)
	if form&formBuckets == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(p.Buckets)))
	last := int32(0)
	for i := range p.Buckets {
		c := &p.Buckets[i]
		b = binary.AppendVarint(b, int64(c.Index-last))
		b = appendCount(b, c.Count, form)
		last = c.Index
	}
	return b
}

func appendCount(b []byte, n float64, form byte) []byte {
	if form&formWhole != 0 && n == math.Trunc(n) && n >= 0 && n < 1<<53 {
		return binary.AppendUvarint(b, uint64(n)<<1)
	}
	return appendFloat(append(b, 1), n)
}

// appendFloat writes x with its bytes reversed: few where it is a small whole
// number.
func appendFloat(b []byte, x float64) []byte {
	return binary.AppendUvarint(b, bits.ReverseBytes64(math.Float64bits(x)))
}

func (r *reader) float() float64 { return math.Float64frombits(bits.ReverseBytes64(r.uvarint())) }

func (r *reader) count(form byte) float64 {
	if form&formWhole == 0 {
		if r.byte() != 1 {
			r.err = errDamaged
		}
		return r.float()
	}
	n := r.uvarint()
	if n == 1 {
		return r.float()
	}
	return float64(n >> 1)
}

// point reads a point.
func (r *reader) point() Point {
	form := r.byte()
	p := Point{Count: r.count(form)}
	switch {
	case form&formOnes != 0:
		p.Sum, p.Min, p.Max = p.Count, 1, 1
		return p
	case form&formZeros != 0:
		return p
	}
	p.Sum, p.Min, p.Max = r.float(), r.float(), r.float()
	if form&formBuckets == 0 {
		return p
	}
	n := r.uvarint()
	if n > uint64(len(r.b)) { // each takes two bytes
		r.err = errDamaged
		return p
	}
	p.Buckets = slices.Grow([]Bucket(nil), int(n))
	last := int32(0)
	for range n {
		last += int32(r.varint())
		p.Buckets = append(p.Buckets, Bucket{last, r.count(form)})
	}
	return p
}
