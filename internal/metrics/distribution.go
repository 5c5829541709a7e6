package metrics

import (
	"math"
	"time"
)

// A Distribution is how durations are distributed.
type Distribution struct {
	Count   uint64        `json:"count"`
	Sum     time.Duration `json:"sumNanos"`
	Buckets []Bucket      `json:"buckets,omitempty"` // those that are not empty, shortest first
}

// A Bucket is how many durations there were of about the same length: less than
// an eighth longer than From, but at least 1 µs.
type Bucket struct {
	From  uint64 `json:"fromMicros"`
	Count uint64 `json:"count"`
}

// Bounds returns the least duration of the bucket, and the least of the next.
func (b Bucket) Bounds() (from, to time.Duration) {
	lo, hi := boundsOf(bucketOf(b.From))
	return time.Duration(lo) * time.Microsecond, time.Duration(hi) * time.Microsecond
}

// Mean returns the mean, or 0 if there is no duration.
func (d *Distribution) Mean() time.Duration {
	if d.Count == 0 {
		return 0
	}
	return d.Sum / time.Duration(d.Count)
}

// Quantile returns the duration below which the share q of all lies, to within
// an eighth; 0 if there is none.
func (d *Distribution) Quantile(q float64) time.Duration {
	rank := min(1, max(0, q)) * float64(d.Count)
	before := 0.0
	for i, b := range d.Buckets {
		n := float64(b.Count)
		if before+n < rank && i < len(d.Buckets)-1 {
			before += n
			continue
		}
		from, to := boundsOf(bucketOf(b.From))
		share := min(1, (rank-before)/n)
		micros := float64(from) + share*float64(to-from)
		return time.Duration(math.Round(micros * float64(time.Microsecond)))
	}
	return 0
}

// Below returns how many durations are shorter than limit, which is exact where
// limit in µs is a power of two.
func (d *Distribution) Below(limit time.Duration) uint64 {
	n := uint64(0)
	for _, b := range d.Buckets {
		if time.Duration(b.From)*time.Microsecond >= limit {
			break
		}
		n += b.Count
	}
	return n
}

func (d *Distribution) plus(e *Distribution) Distribution {
	out := Distribution{Count: d.Count + e.Count, Sum: d.Sum + e.Sum}
	a, b := d.Buckets, e.Buckets
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].From < b[0].From:
			out.Buckets, a = append(out.Buckets, a[0]), a[1:]
		case a[0].From > b[0].From:
			out.Buckets, b = append(out.Buckets, b[0]), b[1:]
		default:
			out.Buckets = append(out.Buckets, Bucket{a[0].From, a[0].Count + b[0].Count})
			a, b = a[1:], b[1:]
		}
	}
	out.Buckets = append(append(out.Buckets, a...), b...)
	return out
}

// since returns what came to e to make it d.
func (d *Distribution) since(e *Distribution) Distribution {
	out := Distribution{Sum: max(0, d.Sum-e.Sum)}
	earlier := e.Buckets
	for _, b := range d.Buckets {
		for len(earlier) > 0 && earlier[0].From < b.From {
			earlier = earlier[1:]
		}
		if len(earlier) > 0 && earlier[0].From == b.From {
			b.Count = less(b.Count, earlier[0].Count)
		}
		if b.Count > 0 {
			out.Buckets = append(out.Buckets, b)
			out.Count += b.Count
		}
	}
	return out
}
