package upstream

import (
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
)

// A balance is a rule by which endpoints are chosen.
type balance uint8

const (
	roundRobin   balance = iota // in turn, as often as their weights say
	leastRequest                // the one with the fewest requests for its weight
	twoChoices                  // the better of two taken at random
)

// balances are the rules by their names in a Definition.
var balances = map[string]balance{"": roundRobin, "round-robin": roundRobin, "least-request": leastRequest, "two-choices": twoChoices}

// lookedAt is how many endpoints leastRequest compares: of more it takes as
// many one after the other, from where it is the turn.
const lookedAt = 16

// golden steps through the circle of 2^64 so that any number of steps falls
// evenly: an interval gets its share of them, give or take a few.
const golden = 0x9e3779b97f4a7c15

// A ready is a list of endpoints to choose from. It is replaced whole.
type ready struct {
	list []*member
	all  []*member // with those that are left out for a while; of retries
	// ejectable: one endpoint at least may be left out.
	ejectable bool
	// ends are, of each endpoint, where its part of the sum of weights ends; nil
	// if all weights are equal.
	ends  []uint32
	guide []int32 // where to begin to look in ends, for equal parts of the sum
}

func newReady(list []*member) *ready {
	r := &ready{list: list}
	equal, sum := true, uint32(0)
	for _, m := range list {
		equal = equal && m.weight.Load() == list[0].weight.Load()
	}
	if equal {
		return r
	}
	for _, m := range list {
		sum += m.weight.Load()
		r.ends = append(r.ends, sum)
	}
	at := int32(0)
	for i := range list {
		for uint64(r.ends[at])*uint64(len(list)) <= uint64(i)*uint64(sum) {
			at++
		}
		r.guide = append(r.guide, at)
	}
	return r
}

// choose returns the endpoint of the next request. It takes no lock.
func (r *ready) choose(rule balance, turn *atomic.Uint64) *member {
	n := uint64(len(r.list))
	switch {
	case n == 1:
		return r.list[0]
	case rule == roundRobin && r.ends == nil:
		return r.list[turn.Add(1)%n]
	case rule == roundRobin:
		return r.list[r.at(turn.Add(1)*golden)]
	case rule == twoChoices:
		x := rand.Uint64()
		i, _ := bits.Mul64(x, n)
		j, _ := bits.Mul64(x<<32, n-1)
		if j >= i {
			j++
		}
		return better(r.list[i], r.list[j])
	}
	i := turn.Add(1) % n
	best := r.list[i]
	for range min(n, lookedAt) - 1 {
		if i++; i == n {
			i = 0
		}
		best = better(best, r.list[i])
	}
	return best
}

// at returns the index of the endpoint whose part of the circle x is in.
func (r *ready) at(x uint64) int {
	sum := uint64(r.ends[len(r.ends)-1])
	point, _ := bits.Mul64(x, sum)
	slot, _ := bits.Mul64(x, uint64(len(r.guide)))
	i := int(r.guide[slot])
	for uint64(r.ends[i]) <= point {
		i++
	}
	return i
}

// better returns the endpoint that has fewer requests for its weight; of equals
// the first.
func better(a, b *member) *member {
	if int64(b.busy.Load())*int64(a.weight.Load()) < int64(a.busy.Load())*int64(b.weight.Load()) {
		return b
	}
	return a
}
