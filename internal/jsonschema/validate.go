package jsonschema

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// A node is one schema, compiled: what it asks of a value itself, and the
// schemas for what is in the value.
type node struct {
	ref      *node     // not nil: this one is used instead, and all else is empty
	keywords []keyword // in alphabetical order, as in the texts

	properties map[string]*node
	patterns   []patternProperty
	additional *node // for members that neither names; nil: anything

	items      *node   // for every element,
	tuple      []*node // or for the first ones,
	additItems *node   // and the others; nil: anything

	parent  *node  // the schema it stands in, or nil
	pointer string // from there, or from outside
}

type patternProperty struct {
	pattern *pattern
	node    *node
}

// hasChildren tells whether what is in a value of kind k is looked at.
func (n *node) hasChildren(k kind) bool {
	switch k {
	case kindObject:
		return n.properties != nil || n.patterns != nil || n.additional != nil
	case kindArray:
		return n.items != nil || n.tuple != nil
	}
	return false
}

// A keyword is what one word of a schema asks of a value itself.
type keyword interface {
	// holds tells whether value i of r's document is as asked. If not, and r
	// explains, it tells r why.
	holds(r *run, i uint32) bool
}

// A run is one validation, and the memory for it.
type run struct {
	doc    document
	seed   maphash.Seed
	left   int // steps of work that are left; below 0: too costly
	nested int

	seen []uint64 // which required names were seen, a bit each

	explains bool
	reasons  []string
}

// spend takes n steps from those left. A step is about 30 ns.
func (r *run) spend(n int) bool {
	r.left -= n
	return r.left >= 0
}

// holds tells whether value i is as n asks.
//
// What is in a value is looked at only if no reason to refuse was found yet.
//
// AWS: so does the fge validator, unless asked for a deep check.
func (r *run) holds(n *node, i uint32) bool {
	for n.ref != nil {
		n = n.ref
	}
	if r.nested >= maxNested {
		r.left = -1
	}
	if !r.spend(1 + len(n.keywords)) {
		return false
	}
	r.nested++
	ok := true
	for _, k := range n.keywords {
		if k.holds(r, i) {
			continue
		}
		ok = false
		if !r.explains {
			break
		}
	}
	if ok && len(r.reasons) == 0 && n.hasChildren(r.doc.values[i].kind) {
		ok = r.childrenHold(n, i)
	}
	r.nested--
	return ok
}

func (r *run) childrenHold(n *node, i uint32) bool {
	switch {
	case r.doc.values[i].kind == kindArray:
		return r.elementsHold(n, i)
	case r.explains:
		return r.sortedMembersHold(n, i)
	}
	at := i + 1
	for range r.doc.values[i].n {
		if !r.memberHolds(n, at) {
			return false
		}
		at = r.doc.values[at+1].next
	}
	return true
}

func (r *run) elementsHold(n *node, i uint32) bool {
	ok := true
	at := i + 1
	for place := range int(r.doc.values[i].n) {
		child := n.items
		if child == nil {
			child = n.additItems
			if place < len(n.tuple) {
				child = n.tuple[place]
			}
		}
		if child != nil && !r.holds(child, at) {
			ok = false
			if !r.explains || len(r.reasons) >= maxReasons {
				return false
			}
		}
		at = r.doc.values[at].next
	}
	return ok
}

// memberHolds looks at the member whose name is value at.
func (r *run) memberHolds(n *node, at uint32) bool {
	name := r.doc.text(at)
	child := n.properties[string(name)]
	known, ok := child != nil, true
	if known {
		ok = r.holds(child, at+1)
	}
	for i := range n.patterns {
		if !ok && !r.explains {
			return false
		}
		p := &n.patterns[i]
		if r.match(p.pattern, name) {
			known = true
			ok = r.holds(p.node, at+1) && ok
		}
	}
	if !known && n.additional != nil {
		ok = r.holds(n.additional, at+1)
	}
	return ok
}

// sortedMembersHold looks at the members in the order of their names, as the
// texts are.
func (r *run) sortedMembersHold(n *node, i uint32) bool {
	ok := true
	for _, at := range r.sortedMembers(i) {
		ok = r.memberHolds(n, at) && ok
		if len(r.reasons) >= maxReasons {
			return false
		}
	}
	return ok
}

func (r *run) sortedMembers(i uint32) []uint32 {
	d := &r.doc
	list := make([]uint32, 0, d.values[i].n)
	at := i + 1
	for range d.values[i].n {
		list = append(list, at)
		at = d.values[at+1].next
	}
	slices.SortStableFunc(list, func(a, b uint32) int { return bytes.Compare(d.text(a), d.text(b)) })
	return list
}

// quietly is holds without reasons, for schemas of which not all need match.
func (r *run) quietly(n *node, i uint32) bool {
	explains, reasons := r.explains, r.reasons
	r.explains, r.reasons = false, nil
	ok := r.holds(n, i)
	r.explains, r.reasons = explains, reasons
	return ok
}

// match tells whether the pattern matches somewhere in text.
func (r *run) match(p *pattern, text []byte) bool {
	return r.spend(1+len(text)*p.size/4) && p.expr.Match(text)
}

// explain validates again and returns the reasons.
func (r *run) explain(root *node) []string {
	r.left, r.nested, r.explains, r.reasons = maxWork, 0, true, nil
	r.holds(root, 0)
	reasons := r.reasons
	r.explains, r.reasons = false, nil
	if r.left < 0 || len(reasons) == 0 {
		reasons = append(reasons, tooCostly)
	}
	return reasons
}
