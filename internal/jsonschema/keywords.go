package jsonschema

import (
	"slices"
	"unicode/utf8"
)

// The keywords, each with the text that says why a value is refused.

// types is the keyword type: a bit for each kind.
type types uint8

func (k types) holds(r *run, i uint32) bool {
	found := r.doc.values[i].kind
	if k&(1<<found) != 0 {
		return true
	}
	return r.refuse("instance type (%s) does not match any allowed primitive type (allowed: %s)", found, k)
}

// String lists the kinds.
//
// AWS: integer is listed whenever number is.
func (k types) String() string {
	var list []string
	for kind := range kindString + 1 {
		if k&(1<<kind) != 0 {
			list = append(list, kind.String())
		}
	}
	return names(list)
}

type enum struct {
	doc    *document
	values []uint32
	text   string
}

func (k *enum) holds(r *run, i uint32) bool {
	for _, v := range k.values {
		if r.equal(k.doc, v, &r.doc, i) {
			return true
		}
	}
	if !r.explains {
		return false
	}
	return r.refuse("instance value (%s) not found in enum (possible values: %s)", r.json(i), k.text)
}

// A bound is minimum or maximum.
type bound struct {
	text      []byte
	upper     bool
	exclusive bool
}

func (k *bound) holds(r *run, i uint32) bool {
	if !isNumber(r.doc.values[i].kind) {
		return true
	}
	found := r.doc.text(i)
	c := compareNumbers(found, k.text)
	if k.upper {
		c = -c
	}
	switch {
	case c < 0 && k.upper:
		return r.refuse("numeric instance is greater than the required maximum (maximum: %s, found: %s)", k.text, found)
	case c < 0:
		return r.refuse("numeric instance is lower than the required minimum (minimum: %s, found: %s)", k.text, found)
	case c == 0 && k.exclusive && k.upper:
		return r.refuse("numeric instance is not strictly lower than the required maximum %s", k.text)
	case c == 0 && k.exclusive:
		return r.refuse("numeric instance is not strictly greater than the required minimum %s", k.text)
	}
	return true
}

type multipleOf []byte

func (k multipleOf) holds(r *run, i uint32) bool {
	if !isNumber(r.doc.values[i].kind) || isMultiple(r.doc.text(i), k) {
		return true
	}
	return r.refuse("remainder of division is not zero (%s / %s)", r.doc.text(i), []byte(k))
}

// A size bounds the length of a string, array or object, from below or above.
type size struct {
	of    kind
	upper bool
	limit int
}

func (k *size) holds(r *run, i uint32) bool {
	v := &r.doc.values[i]
	if v.kind != k.of {
		return true
	}
	n := int(v.n)
	if k.of == kindString {
		if !r.spend(int(v.end-v.start) / 16) {
			return false
		}
		n = utf8.RuneCount(r.doc.text(i))
	}
	if n == k.limit || (n < k.limit) == k.upper {
		return true
	}
	return k.refuse(r, i, n)
}

func (k *size) refuse(r *run, i uint32, n int) bool {
	if !r.explains {
		return false
	}
	switch {
	case k.of == kindString && k.upper:
		return r.refuse(`string "%s" is too long (length: %d, maximum allowed: %d)`, r.plain(i), n, k.limit)
	case k.of == kindString:
		return r.refuse(`string "%s" is too short (length: %d, required minimum: %d)`, r.plain(i), n, k.limit)
	case k.of == kindArray && k.upper:
		return r.refuse("array is too long: must have at most %d elements but instance has %d elements", k.limit, n)
	case k.of == kindArray:
		return r.refuse("array is too short: must have at least %d elements but instance has %d elements", k.limit, n)
	case k.upper:
		return r.refuse("object has too many properties (found %d but schema requires at most %d)", n, k.limit)
	}
	return r.refuse("object has too few properties (found %d but schema requires at least %d)", n, k.limit)
}

// matches is the keyword pattern.
type matches struct{ pattern *pattern }

func (k matches) holds(r *run, i uint32) bool {
	if r.doc.values[i].kind != kindString || r.match(k.pattern, r.doc.text(i)) {
		return true
	}
	if !r.explains {
		return false
	}
	return r.refuse(`ECMA 262 regex "%s" does not match input string "%s"`, k.pattern.text, r.plain(i))
}

// formatted is the keyword format, for formats that are known.
type formatted struct{ format *format }

func (k formatted) holds(r *run, i uint32) bool {
	if r.doc.values[i].kind != kindString {
		return true
	}
	text := r.doc.text(i)
	if r.spend(len(text)/16) && k.format.is(text) {
		return true
	}
	if !r.explains {
		return false
	}
	return k.format.refuse(r, r.plain(i))
}

type uniqueItems struct{}

func (uniqueItems) holds(r *run, i uint32) bool {
	if r.doc.values[i].kind != kindArray || r.distinct(i) {
		return true
	}
	return r.refuse("array must not contain duplicate elements")
}

// noAdditionalItems is additionalItems: false beside so many items.
type noAdditionalItems int

func (k noAdditionalItems) holds(r *run, i uint32) bool {
	v := &r.doc.values[i]
	if v.kind != kindArray || int(v.n) <= int(k) {
		return true
	}
	return r.refuse("schema only allows %d elements in array but instance has %d elements", int(k), v.n)
}

// noAdditional is additionalProperties: false.
type noAdditional struct{ node *node }

func (k noAdditional) holds(r *run, i uint32) bool {
	v := &r.doc.values[i]
	if v.kind != kindObject {
		return true
	}
	at := i + 1
	for range v.n {
		if !k.names(r, at) {
			return r.explains && k.refuse(r, i)
		}
		at = r.doc.values[at+1].next
	}
	return true
}

// names tells whether the schema names the member at.
func (k noAdditional) names(r *run, at uint32) bool {
	name := r.doc.text(at)
	if _, ok := k.node.properties[string(name)]; ok {
		return true
	}
	for i := range k.node.patterns {
		if r.match(k.node.patterns[i].pattern, name) {
			return true
		}
	}
	return false
}

func (k noAdditional) refuse(r *run, i uint32) bool {
	var list []string
	for _, at := range r.sortedMembers(i) {
		if len(list) < maxReason && !k.names(r, at) {
			list = append(list, r.plain(at))
		}
	}
	return r.refuse("object instance has properties which are not allowed by the schema: %s", names(slices.Compact(list)))
}

// required lists, in order, the names that an object must have.
type required struct {
	names []string
	place map[string]int
}

// fewNames is how many comparisons of names are done without a map.
const fewNames = 64

func (k *required) holds(r *run, i uint32) bool {
	v := &r.doc.values[i]
	if v.kind != kindObject {
		return true
	}
	if len(k.names)*int(v.n) > fewNames {
		return k.holdsMany(r, i)
	}
	for _, name := range k.names {
		if _, ok := r.doc.member(i, name); !ok {
			return k.refuse(r, i)
		}
	}
	return true
}

// holdsMany marks what it sees, and counts.
func (k *required) holdsMany(r *run, i uint32) bool {
	words := (len(k.names) + 63) / 64
	r.seen = slices.Grow(r.seen[:0], words)[:words]
	clear(r.seen)
	if !r.spend(words + int(r.doc.values[i].n)) {
		return false
	}
	missing := len(k.names)
	at := i + 1
	for range r.doc.values[i].n {
		if p, ok := k.place[string(r.doc.text(at))]; ok && r.seen[p/64]&(1<<(p%64)) == 0 {
			r.seen[p/64] |= 1 << (p % 64)
			missing--
		}
		at = r.doc.values[at+1].next
	}
	return missing == 0 || k.refuse(r, i)
}

func (k *required) refuse(r *run, i uint32) bool {
	if !r.explains {
		return false
	}
	return r.refuse("object has missing required properties (%s)", names(missing(r, i, k.names)))
}

// missing lists those of names that object i does not have.
func missing(r *run, i uint32, list []string) []string {
	var out []string
	for _, name := range list {
		if !r.spend(int(r.doc.values[i].n)) {
			break
		}
		if _, ok := r.doc.member(i, name); !ok {
			out = append(out, name)
		}
	}
	return out
}

// dependencies are what the members of an object ask of it.
type dependencies struct {
	names   []nameDependency
	schemas []schemaDependency
}

type nameDependency struct {
	name string
	asks []string
}

type schemaDependency struct {
	name string
	asks *node
}

func (k *dependencies) holds(r *run, i uint32) bool {
	v := &r.doc.values[i]
	if v.kind != kindObject || !r.spend((len(k.names)+len(k.schemas))*(1+int(v.n)/8)) {
		return v.kind != kindObject
	}
	ok := true
	for _, d := range k.names {
		if _, has := r.doc.member(i, d.name); !has {
			continue
		}
		if list := missing(r, i, d.asks); len(list) > 0 {
			ok = r.refuse(`property "%s" of object has missing property dependencies (schema requires %s; missing: %s)`, d.name, names(d.asks), names(list))
		}
	}
	for _, d := range k.schemas {
		if _, has := r.doc.member(i, d.name); has {
			ok = r.holds(d.asks, i) && ok
		}
	}
	return ok
}

type allOf []*node

func (k allOf) holds(r *run, i uint32) bool {
	matched := 0
	for _, n := range k {
		if r.quietly(n, i) {
			matched++
		} else if !r.explains {
			return false
		}
	}
	if matched == len(k) {
		return true
	}
	return r.refuse("instance failed to match all required schemas (matched only %d out of %d)", matched, len(k))
}

type anyOf []*node

func (k anyOf) holds(r *run, i uint32) bool {
	for _, n := range k {
		if r.quietly(n, i) {
			return true
		}
	}
	return r.refuse("instance failed to match at least one required schema among %d", len(k))
}

type oneOf []*node

func (k oneOf) holds(r *run, i uint32) bool {
	matched := 0
	for _, n := range k {
		if r.quietly(n, i) {
			matched++
		}
		if matched > 1 && !r.explains {
			return false
		}
	}
	if matched == 1 {
		return true
	}
	return r.refuse("instance failed to match exactly one schema (matched %d out of %d)", matched, len(k))
}

type not struct{ node *node }

func (k not) holds(r *run, i uint32) bool {
	if !r.quietly(k.node, i) {
		return true
	}
	return r.refuse("instance matched a schema which it should not have")
}
