package upstream

import (
	"maps"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync/atomic"
)

// A balance is a rule by which endpoints are chosen.
type balance uint8

const (
	roundRobin   balance = iota // in turn, as often as their weights say
	leastRequest                // the one with the fewest requests for its weight
	twoChoices                  // the better of two taken at random
	fastest                     // likewise, by how fast they answer too
	ringHash                    // by a key, on a ring
	maglev                      // by a key, in a table
)

// balances are the rules by their names in a Definition.
var balances = map[string]balance{
	"": roundRobin, "round-robin": roundRobin, "least-request": leastRequest, "two-choices": twoChoices, "ewma": fastest,
	"ring-hash": ringHash, "maglev": maglev,
}

func (b balance) hashes() bool { return b == ringHash || b == maglev }

// lookedAt is how many endpoints leastRequest compares: of more it takes as
// many one after the other, from where it is the turn.
const lookedAt = 16

// golden steps through the circle of 2^64 so that any number of steps falls
// evenly: an interval gets its share of them, give or take a few.
const golden = 0x9e3779b97f4a7c15

// A ready is what to choose from. It is replaced whole.
type ready struct {
	levels []level   // at least one, if there are endpoints
	list   []*member // of all levels
	all    []*member // of all ranks, with those that are left out for a while; of retries
	scant  bool      // too few are left: list is all
	ids    map[uint64]*member
	// ejectable: one endpoint at least may be left out.
	ejectable bool
}

// A level is the endpoints of one priority and nearness. Requests go to the next
// one as far as too many of its endpoints are left out.
type level struct {
	end  uint64 // where its part of the circle ends; the last one's is all of it
	list []*member
	rank int // which of the ranks it is
	// ends are, of each endpoint, where its part of the sum of weights ends; nil
	// if all weights are equal.
	ends   []uint32
	guide  []int32 // where to begin to look in ends, for equal parts of the sum
	hashed *hashed // of rules that choose by a key
}

func newLevel(list []*member) level {
	l := level{list: list}
	equal, sum := true, uint32(0)
	for _, m := range list {
		equal = equal && m.weight.Load() == list[0].weight.Load()
	}
	if equal {
		return l
	}
	l.ends = make([]uint32, len(list))
	for i, m := range list {
		sum += m.weight.Load()
		l.ends[i] = sum
	}
	at := int32(0)
	l.guide = make([]int32, len(list))
	for i := range list {
		for uint64(l.ends[at])*uint64(len(list)) <= uint64(i)*uint64(sum) {
			at++
		}
		l.guide[i] = at
	}
	return l
}

// choose returns the endpoint of the next request, or of a key. There must be
// one. It takes no lock.
func (r *ready) choose(rule balance, turn *atomic.Uint64, key uint64, keyed bool) *member {
	l := &r.levels[0]
	if len(r.levels) > 1 {
		l = r.levelOf(turn, key, keyed)
	}
	if l.hashed != nil && keyed {
		return l.hashed.choose(key, r.scant)
	}
	return l.choose(rule, turn)
}

// levelOf returns the level whose part of the circle a request falls into.
func (r *ready) levelOf(turn *atomic.Uint64, key uint64, keyed bool) *level {
	x := mix(key)
	if !keyed {
		x = mix(turn.Load())
	}
	for i := range r.levels {
		if x <= r.levels[i].end {
			return &r.levels[i]
		}
	}
	return &r.levels[len(r.levels)-1]
}

// choose returns the endpoint of l for the next request.
func (l *level) choose(rule balance, turn *atomic.Uint64) *member {
	n := uint64(len(l.list))
	switch {
	case n == 1:
		turn.Add(1) // of levels
		return l.list[0]
	case rule == leastRequest:
		return l.least(turn, n)
	case rule == twoChoices || rule == fastest:
		turn.Add(1)
		x := rand.Uint64()
		i, _ := bits.Mul64(x, n)
		if rule == twoChoices && l.ends != nil {
			i = uint64(l.at(x)) // it is taken if the two have equally little to do
		}
		j, _ := bits.Mul64(x<<32, n-1)
		if j >= i {
			j++
		}
		if rule == fastest {
			return faster(l.list[i], l.list[j])
		}
		return better(l.list[i], l.list[j])
	case l.ends == nil:
		return l.list[turn.Add(1)%n]
	}
	return l.list[l.at(turn.Add(1)*golden)]
}

func (l *level) least(turn *atomic.Uint64, n uint64) *member {
	i := turn.Add(1)
	if l.ends == nil {
		i %= n
	} else {
		i = uint64(l.at(i * golden)) // of those that have equally little to do it is taken
	}
	best := l.list[i]
	for range min(n, lookedAt) - 1 {
		if i++; i == n {
			i = 0
		}
		best = better(best, l.list[i])
	}
	return best
}

// at returns the index of the endpoint whose part of the circle x is in.
func (l *level) at(x uint64) int {
	sum := uint64(l.ends[len(l.ends)-1])
	point, _ := bits.Mul64(x, sum)
	slot, _ := bits.Mul64(x, uint64(len(l.guide)))
	i := int(l.guide[slot])
	for uint64(l.ends[i]) <= point {
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

// faster returns the endpoint that may be expected to answer first: by how fast
// it has answered lately, by the requests it has, and by its weight.
func faster(a, b *member) *member {
	if b.cost()*float64(a.weight.Load()) < a.cost()*float64(b.weight.Load()) {
		return b
	}
	return a
}

// spill is by how much the endpoints of a level that are left may make up for
// those that are not: a level gives nothing away while 1/spill of it is ready.
const spill = 1.4

// settled is what to choose from when all are the members that take requests,
// by rank too, and their out says who is left out.
func settled(all []*member, ranks [][]*member, scant bool) *ready {
	r := &ready{all: all, scant: scant}
	given := 0.0 // of the requests, to the levels so far
	for rank, of := range ranks {
		list := of
		if !scant && slices.ContainsFunc(of, (*member).isOut) {
			list = slices.DeleteFunc(slices.Clone(of), (*member).isOut)
		}
		if len(list) == 0 {
			continue
		}
		given += min(spill*float64(len(list))/float64(len(of)), 1)
		l := newLevel(list)
		l.rank = rank
		l.end = 1<<64 - 1
		if given < 1 {
			l.end = uint64(given * (1 << 64))
		}
		r.levels = append(r.levels, l)
		if given >= 1 {
			break // what is left of others takes nothing
		}
	}
	r.stretch(given)
	if len(r.levels) == 1 {
		r.list = r.levels[0].list
		return r
	}
	for i := range r.levels {
		r.list = append(r.list, r.levels[i].list...)
	}
	return r
}

// ranked parts endpoints by rank, the best first.
func ranked(all []*member, zone string) [][]*member {
	if len(all) == 0 {
		return nil
	}
	if !slices.ContainsFunc(all, func(m *member) bool { return m.rank(zone) != all[0].rank(zone) }) {
		return [][]*member{all}
	}
	byRank := make(map[int][]*member)
	for _, m := range all {
		byRank[m.rank(zone)] = append(byRank[m.rank(zone)], m)
	}
	var list [][]*member
	for _, rank := range slices.Sorted(maps.Keys(byRank)) {
		list = append(list, byRank[rank])
	}
	return list
}

// rank is the place of m among levels: by its priority, then by whether it is
// in the zone of this node. Who does not say where it is, is near.
func (m *member) rank(zone string) int {
	if zone != "" && m.zone != "" && m.zone != zone {
		return 2*m.priority + 1
	}
	return 2 * m.priority
}

// stretch has the levels share the whole circle, if together they would take
// less.
func (r *ready) stretch(given float64) {
	if len(r.levels) == 0 {
		return
	}
	if given < 1 {
		for i := range r.levels {
			r.levels[i].end = uint64(min(float64(r.levels[i].end)/given, 1<<64-2048))
		}
	}
	r.levels[len(r.levels)-1].end = 1<<64 - 1
}
