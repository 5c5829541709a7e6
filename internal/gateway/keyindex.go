package gateway

import "hash/maphash"

// An index finds places in a table by hashes: open addressing over a power of
// two of slots, three quarters of which are taken at most.
type index struct {
	slots []slot
	taken int
}

// A slot is a place, counted from one, below some bits of its hash, which make
// it unlikely that a place is looked at in vain. Zero is free.
type slot uint32

const placeBits = 24

func (s slot) place() uint32 { return uint32(s)&(1<<placeBits-1) - 1 }
func (s slot) tag() uint8    { return uint8(s >> placeBits) }

func tagOf(hash uint64) uint8 { return uint8(hash >> 56) }

func newSlot(hash uint64, place uint32) slot { return slot(tagOf(hash))<<placeBits | slot(place+1) }

// hashValue hashes the value of a key.
func hashValue(seeds *[2]maphash.Seed, value string) keyHash {
	return keyHash{maphash.String(seeds[0], value), uint32(maphash.String(seeds[1], value))}
}

// find returns the place with a hash that is the one.
func (x *index) find(hash uint64, is func(place uint32) bool) (uint32, bool) {
	if len(x.slots) == 0 {
		return 0, false
	}
	mask := uint32(len(x.slots) - 1)
	for at := uint32(hash) & mask; ; at = (at + 1) & mask {
		switch s := x.slots[at]; {
		case s == 0:
			return 0, false
		case s.tag() == tagOf(hash) && is(s.place()):
			return s.place(), true
		}
	}
}

// add enters a place. hashAt tells the hash of every place.
func (x *index) add(place uint32, hashAt func(uint32) uint64) {
	if x.taken+1 > len(x.slots)*3/4 {
		old := x.slots
		x.slots = make([]slot, max(8, 2*len(old)))
		for _, s := range old {
			if s != 0 {
				x.put(hashAt(s.place()), s.place())
			}
		}
	}
	x.put(hashAt(place), place)
	x.taken++
}

func (x *index) put(hash uint64, place uint32) {
	mask := uint32(len(x.slots) - 1)
	at := uint32(hash) & mask
	for x.slots[at] != 0 {
		at = (at + 1) & mask
	}
	x.slots[at] = newSlot(hash, place)
}

// slotOf returns where a place is entered.
func (x *index) slotOf(place uint32, hashAt func(uint32) uint64) uint32 {
	mask := uint32(len(x.slots) - 1)
	at := uint32(hashAt(place)) & mask
	for x.slots[at].place() != place {
		at = (at + 1) & mask
	}
	return at
}

// move gives what stands at place from the place to.
func (x *index) move(from, to uint32, hashAt func(uint32) uint64) {
	x.slots[x.slotOf(from, hashAt)] = newSlot(hashAt(from), to)
}

// remove takes a place out, and moves those behind it up that would else not be
// found.
func (x *index) remove(place uint32, hashAt func(uint32) uint64) {
	mask := uint32(len(x.slots) - 1)
	hole := x.slotOf(place, hashAt)
	for at := (hole + 1) & mask; x.slots[at] != 0; at = (at + 1) & mask {
		home := uint32(hashAt(x.slots[at].place())) & mask
		if (at-home)&mask >= (at-hole)&mask {
			x.slots[hole], hole = x.slots[at], at
		}
	}
	x.slots[hole] = 0
	x.taken--
}

func (x *index) clone() index {
	return index{append([]slot(nil), x.slots...), x.taken}
}
