package upstream

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A track counts the requests of one target of a release: attempts that ended,
// how, and how long their answers took to begin.
type track struct {
	requests atomic.Int64
	failed   atomic.Int64 // without an answer, or with a status from 500 on
	refused  atomic.Int64 // no endpoint was chosen
	took     [64 * perDouble]atomic.Int64
}

// perDouble is into how many parts each doubling of a time is counted: times
// are known to a fifth.
const perDouble = 4

// note counts a request. took is 0 if there was no answer.
func (t *track) note(failed bool, took int64) {
	t.requests.Add(1)
	if failed {
		t.failed.Add(1)
	}
	if took > 0 {
		n := bits.Len64(uint64(took)) - 1
		part := 0
		if n >= 2 {
			part = int(uint64(took)>>(n-2)) & (perDouble - 1)
		}
		t.took[n*perDouble+part].Add(1)
	}
}

// A Tally is what a target of a release has done up to some time.
type Tally struct {
	Requests, Failed, Refused int64

	took [64 * perDouble]int64
}

func (t *track) tally() Tally {
	n := Tally{Requests: t.requests.Load(), Failed: t.failed.Load(), Refused: t.refused.Load()}
	for i := range t.took {
		n.took[i] = t.took[i].Load()
	}
	return n
}

// Since returns what was done since an earlier tally.
func (t Tally) Since(was Tally) Tally {
	t.Requests, t.Failed, t.Refused = t.Requests-was.Requests, t.Failed-was.Failed, t.Refused-was.Refused
	for i := range t.took {
		t.took[i] -= was.took[i]
	}
	return t
}

// Quantile returns the time in which that part of the answers had begun, at most
// a fifth too long; 0: there were none.
func (t *Tally) Quantile(part float64) time.Duration {
	all := int64(0)
	for _, n := range t.took {
		all += n
	}
	left := int64(part * float64(all))
	for i, n := range t.took {
		if left -= n; left < 0 || n > 0 && left == 0 {
			low := int64(1) << (i / perDouble)
			return time.Duration(low + low/perDouble*int64(i%perDouble+1))
		}
	}
	return 0
}

// NewTally returns the tally of requests of which all took the same time, for
// tests of those who judge by tallies.
func NewTally(requests, failed, refused int, took time.Duration) Tally {
	var t track
	for i := range requests {
		t.note(i < failed, int64(took))
	}
	t.refused.Store(int64(refused))
	return t.tally()
}
