package jsonschema

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"slices"
)

// equal tells whether two values are equal: numbers by value, objects without
// regard to the order of their members. It costs r work.
func (r *run) equal(a *document, i uint32, b *document, j uint32) bool {
	if !r.spend(1) {
		return false
	}
	v, w := &a.values[i], &b.values[j]
	if isNumber(v.kind) && isNumber(w.kind) {
		return compareNumbers(a.text(i), b.text(j)) == 0
	}
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case kindBoolean:
		return v.truth == w.truth
	case kindString:
		return bytes.Equal(a.text(i), b.text(j))
	case kindArray:
		return v.n == w.n && r.equalElements(a, i, b, j)
	case kindObject:
		return v.n == w.n && r.equalMembers(a, i, b, j)
	}
	return true
}

func isNumber(k kind) bool { return k == kindInteger || k == kindNumber }

func (r *run) equalElements(a *document, i uint32, b *document, j uint32) bool {
	n := a.values[i].n
	i, j = i+1, j+1
	for range n {
		if !r.equal(a, i, b, j) {
			return false
		}
		i, j = a.values[i].next, b.values[j].next
	}
	return true
}

func (r *run) equalMembers(a *document, i uint32, b *document, j uint32) bool {
	n := a.values[i].n
	at := i + 1
	for range n {
		if !r.spend(int(n)) {
			return false
		}
		other, ok := b.member(j, string(a.text(at)))
		if !ok || !r.equal(a, at+1, b, other) {
			return false
		}
		at = a.values[at+1].next
	}
	return true
}

// fewItems is how many elements are compared each with each.
const fewItems = 8

// distinct tells whether no two elements of array i are equal.
func (r *run) distinct(i uint32) bool {
	d := &r.doc
	if d.values[i].n > fewItems {
		return r.distinctSlow(i)
	}
	end := d.values[i].next
	for a := i + 1; a < end; a = d.values[a].next {
		for b := d.values[a].next; b < end; b = d.values[b].next {
			if r.equal(d, a, d, b) {
				return false
			}
		}
	}
	return true
}

// distinctSlow compares only elements with the same hash, which no client can
// foresee.
func (r *run) distinctSlow(i uint32) bool {
	d := &r.doc
	type item struct {
		hash uint64
		at   uint32
	}
	items := make([]item, 0, d.values[i].n)
	if !r.spend(int(d.values[i].next-i) * 2) {
		return false
	}
	for at := i + 1; at < d.values[i].next; at = d.values[at].next {
		items = append(items, item{r.hash(at), at})
	}
	slices.SortFunc(items, func(a, b item) int {
		if a.hash < b.hash {
			return -1
		}
		return int(min(a.hash-b.hash, 1))
	})
	for a := range items {
		for b := a + 1; b < len(items) && items[a].hash == items[b].hash; b++ {
			if r.equal(d, items[a].at, d, items[b].at) {
				return false
			}
		}
	}
	return true
}

// hash returns the same for equal values.
func (r *run) hash(i uint32) uint64 {
	d := &r.doc
	v := &d.values[i]
	switch v.kind {
	case kindBoolean, kindNull:
		return r.mix(uint64(v.kind), d.text(i))
	case kindString:
		return r.mix(uint64(v.kind), d.text(i))
	case kindInteger, kindNumber:
		n := readDecimal(d.text(i))
		if n.sign() == 0 {
			return r.mix(uint64(kindNumber), nil)
		}
		var b [maxNumber + 16]byte
		digits := append(append(b[:0], n.whole...), n.fraction...)
		digits = binary.LittleEndian.AppendUint64(digits, uint64(n.point))
		return r.mix(uint64(kindNumber)+uint64(n.sign()), digits)
	case kindArray:
		h := r.mix(uint64(v.kind), nil)
		for at := i + 1; at < v.next; at = d.values[at].next {
			h = r.mix(h, binary.LittleEndian.AppendUint64(nil, r.hash(at)))
		}
		return h
	}
	h := uint64(v.kind) // the sum of the members: their order does not count
	for at := i + 1; at < v.next; at = d.values[at+1].next {
		h += r.mix(r.hash(at+1), d.text(at))
	}
	return h
}

func (r *run) mix(h uint64, b []byte) uint64 {
	var m maphash.Hash
	m.SetSeed(r.seed)
	var first [8]byte
	binary.LittleEndian.PutUint64(first[:], h)
	_, _ = m.Write(first[:])
	_, _ = m.Write(b)
	return m.Sum64()
}
