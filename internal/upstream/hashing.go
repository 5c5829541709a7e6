package upstream

import (
	"math/bits"
	"slices"
)

// A hashed chooses endpoints by a key, so that the same key gets the same one as
// long as that is there, and few keys move when endpoints come and go. It is
// made of all endpoints, those that are left out for a while too: choosing
// passes over them, so that only their keys move, and no table has to be made.
type hashed struct {
	list  []*member // at most 2^16
	ring  []uint64  // sorted: the place of a point, in its last 16 bits the endpoint
	guide []uint32  // where to begin in ring, for equal parts of the circle
	table []uint16  // Maglev's: the endpoint for each part of the circle
}

const (
	// ringPoints bounds the points of a ring, endpointPoints those of an
	// endpoint of average weight.
	ringPoints     = 1 << 20
	endpointPoints = 256
	indexBits      = 16
	indexMask      = 1<<indexBits - 1
)

// newRing makes a ring on which each endpoint has points as its weight says.
func newRing(list []*member) *hashed {
	h := &hashed{list: list}
	sum := totalWeight(list)
	points := float64(min(len(list)*endpointPoints, ringPoints))
	for i, m := range list {
		n := max(int(points*float64(m.weight.Load())/float64(sum)), 1)
		at := m.id
		for range n {
			at += golden
			h.ring = append(h.ring, mix(at)&^indexMask|uint64(i))
		}
	}
	slices.Sort(h.ring)
	size := len(h.ring)
	h.guide = make([]uint32, size)
	at := 0
	for i := range h.guide {
		from, _ := bits.Div64(uint64(i), 0, uint64(size))
		for at < size && h.ring[at] < from {
			at++
		}
		h.guide[i] = uint32(at)
	}
	return h
}

// maglevSizes are the sizes of Maglev tables: primes, each at least 100 times
// the endpoints it is for.
var maglevSizes = []struct{ upTo, size int }{{655, 65_537}, {2_600, 262_147}, {1 << indexBits, 1_048_583}}

// newMaglev fills a table by turns: each endpoint takes its next free place, as
// often as its weight says.
func newMaglev(list []*member) *hashed {
	size := 0
	for _, s := range maglevSizes {
		if size = s.size; len(list) <= s.upTo {
			break
		}
	}
	type preference struct{ at, skip, credit, weight uint64 }
	all, most := make([]preference, len(list)), uint64(0)
	for i, m := range list {
		all[i] = preference{at: m.id % uint64(size), skip: mix(m.id+golden)%uint64(size-1) + 1, weight: uint64(m.weight.Load())}
		most = max(most, all[i].weight)
	}
	const free = 1<<16 - 1
	h := &hashed{list: list, table: slices.Repeat([]uint16{free}, size)}
	for left := size; ; {
		for i := range all {
			p := &all[i]
			if p.credit += p.weight; p.credit < most {
				continue
			}
			p.credit -= most
			for h.table[p.at] != free {
				if p.at += p.skip; p.at >= uint64(size) {
					p.at -= uint64(size)
				}
			}
			h.table[p.at] = uint16(i)
			if left--; left == 0 {
				return h
			}
		}
	}
}

func totalWeight(list []*member) (sum uint64) {
	for _, m := range list {
		sum += uint64(m.weight.Load())
	}
	return sum
}

// maxPassed is how many endpoints that are left out choosing passes over one
// after the other; then it takes the first that is not, from where key says.
const maxPassed = 64

// choose returns the endpoint of a key. all: also one that is left out.
func (h *hashed) choose(key uint64, all bool) *member {
	var m *member
	for n := uint64(0); n < maxPassed; n++ {
		if h.table != nil {
			// Those whose endpoint is out spread over all others.
			at, _ := bits.Mul64(key, uint64(len(h.table)))
			m = h.list[h.table[at]]
			key = mix(key + golden)
		} else {
			m = h.list[h.ring[h.find(key)]&indexMask]
			key = mix(key + golden)
		}
		if all || !m.out.Load() {
			return m
		}
	}
	start, _ := bits.Mul64(key, uint64(len(h.list)))
	for i := range h.list {
		if o := h.list[(int(start)+i)%len(h.list)]; !o.out.Load() {
			return o
		}
	}
	return m
}

// find returns the first point of the ring from key on.
func (h *hashed) find(key uint64) int {
	slot, _ := bits.Mul64(key, uint64(len(h.guide)))
	i := int(h.guide[slot])
	for i < len(h.ring) && h.ring[i] < key {
		i++
	}
	if i == len(h.ring) {
		return 0
	}
	return i
}
