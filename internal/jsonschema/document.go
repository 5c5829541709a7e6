package jsonschema

import (
	"bytes"
	"unicode/utf8"
)

// A document is a parsed JSON text: its values in the order of the text, each
// a small record that points into the text. An array is followed by its
// elements, an object by its members, each a name and a value.
//
// A name that stands twice in an object is kept twice, and both values are
// checked.
//
// AWS: undocumented; of two values the backend may read either.
type document struct {
	src    []byte
	side   []byte // strings whose text has escapes, without them
	values []value
}

// A value is one value of a document, or the name of a member.
type value struct {
	kind   kind
	truth  bool   // of a boolean
	inSide bool   // the text of a string is in side
	start  uint32 // its text; of a string, what is between the quotes
	end    uint32
	next   uint32 // the first value after it and all that is in it
	n      uint32 // how many elements or members
}

// A kind is a primitive type of JSON, in the order in which they are listed
// in texts.
type kind uint8

const (
	kindArray kind = iota
	kindBoolean
	kindInteger
	kindNull
	kindNumber
	kindObject
	kindString
)

var kindNames = [...]string{"array", "boolean", "integer", "null", "number", "object", "string"}

// String returns the name of the type.
func (k kind) String() string { return kindNames[k] }

// text returns the text of value i.
func (d *document) text(i uint32) []byte {
	v := &d.values[i]
	if v.inSide {
		return d.side[v.start:v.end]
	}
	return d.src[v.start:v.end]
}

// member returns the value of the member of object i with that name.
func (d *document) member(i uint32, name string) (uint32, bool) {
	at := i + 1
	for range d.values[i].n {
		if string(d.text(at)) == name {
			return at + 1, true
		}
		at = d.values[at+1].next
	}
	return 0, false
}

// parse reads src, which must be one JSON text and nothing else.
func (d *document) parse(src []byte) bool {
	d.src, d.side, d.values = src, d.side[:0], d.values[:0]
	if len(src) > maxText || !utf8.Valid(src) {
		return false
	}
	p := parser{d: d, src: src}
	p.space()
	if !p.value(0) {
		return false
	}
	p.space()
	return p.at == len(src)
}

type parser struct {
	d   *document
	src []byte
	at  int
}

func (p *parser) space() {
	for p.at < len(p.src) {
		switch p.src[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// is takes the byte c, if it comes next.
func (p *parser) is(c byte) bool {
	if p.at < len(p.src) && p.src[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) add(v value) bool {
	if len(p.d.values) >= maxValues {
		return false
	}
	v.next = uint32(len(p.d.values) + 1)
	p.d.values = append(p.d.values, v)
	return true
}

func (p *parser) value(depth int) bool {
	if p.at >= len(p.src) {
		return false
	}
	switch c := p.src[p.at]; c {
	case '{':
		return p.object(depth)
	case '[':
		return p.array(depth)
	case '"':
		return p.string()
	case 't':
		return p.word("true", value{kind: kindBoolean, truth: true})
	case 'f':
		return p.word("false", value{kind: kindBoolean})
	case 'n':
		return p.word("null", value{kind: kindNull})
	default:
		return p.number()
	}
}

func (p *parser) word(w string, v value) bool {
	v.start = uint32(p.at)
	if !bytes.HasPrefix(p.src[p.at:], []byte(w)) {
		return false
	}
	p.at += len(w)
	v.end = uint32(p.at)
	return p.add(v)
}

func (p *parser) array(depth int) bool {
	me, ok := p.open(kindArray, depth)
	if !ok {
		return false
	}
	p.space()
	if p.is(']') {
		return p.shut(me, 0)
	}
	for n := uint32(1); ; n++ {
		p.space()
		if !p.value(depth + 1) {
			return false
		}
		p.space()
		if p.is(']') {
			return p.shut(me, n)
		}
		if !p.is(',') {
			return false
		}
	}
}

func (p *parser) object(depth int) bool {
	me, ok := p.open(kindObject, depth)
	if !ok {
		return false
	}
	p.space()
	if p.is('}') {
		return p.shut(me, 0)
	}
	for n := uint32(1); ; n++ {
		p.space()
		if p.at >= len(p.src) || p.src[p.at] != '"' || !p.string() {
			return false
		}
		p.space()
		if !p.is(':') {
			return false
		}
		p.space()
		if !p.value(depth + 1) {
			return false
		}
		p.space()
		if p.is('}') {
			return p.shut(me, n)
		}
		if !p.is(',') {
			return false
		}
	}
}

func (p *parser) open(k kind, depth int) (int, bool) {
	me := len(p.d.values)
	ok := depth < maxDepth && p.add(value{kind: k, start: uint32(p.at)})
	p.at++
	return me, ok
}

func (p *parser) shut(me int, n uint32) bool {
	v := &p.d.values[me]
	v.end, v.n, v.next = uint32(p.at), n, uint32(len(p.d.values))
	return true
}

// number reads a number. One with a fraction or an exponent is no integer,
// whatever its value.
//
// AWS: so does the fge validator.
func (p *parser) number() bool {
	start, kind := p.at, kindInteger
	p.is('-')
	if p.is('0') {
		// No digit may follow.
	} else if !p.digits() {
		return false
	}
	if p.is('.') {
		kind = kindNumber
		if !p.digits() {
			return false
		}
	}
	if p.is('e') || p.is('E') {
		kind = kindNumber
		if !p.is('+') {
			p.is('-')
		}
		if !p.digits() {
			return false
		}
	}
	if p.at-start > maxNumber {
		return false
	}
	return p.add(value{kind: kind, start: uint32(start), end: uint32(p.at)})
}

func (p *parser) digits() bool {
	start := p.at
	for p.at < len(p.src) && '0' <= p.src[p.at] && p.src[p.at] <= '9' {
		p.at++
	}
	return p.at > start
}

func (p *parser) string() bool {
	start := p.at + 1
	for i := start; i < len(p.src); i++ {
		switch c := p.src[i]; {
		case c == '"':
			p.at = i + 1
			return p.add(value{kind: kindString, start: uint32(start), end: uint32(i)})
		case c == '\\':
			return p.stringSlow(start, i)
		case c < ' ':
			return false
		}
	}
	return false
}

// stringSlow reads a string that has an escape at i.
func (p *parser) stringSlow(start, i int) bool {
	from := len(p.d.side)
	side := append(p.d.side, p.src[start:i]...)
	for i < len(p.src) {
		c := p.src[i]
		i++
		switch {
		case c == '"':
			p.at, p.d.side = i, side
			return p.add(value{kind: kindString, inSide: true, start: uint32(from), end: uint32(len(side))})
		case c < ' ':
			return false
		case c != '\\':
			side = append(side, c)
		default:
			r, n := unescape(p.src[i:])
			if n == 0 {
				return false
			}
			side = utf8.AppendRune(side, r)
			i += n
		}
	}
	return false
}

// unescape reads what follows a backslash and returns how long that is, 0 if
// it is no escape. Half a surrogate pair is the replacement character.
func unescape(b []byte) (r rune, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	switch b[0] {
	case '"', '\\', '/':
		return rune(b[0]), 1
	case 'b':
		return '\b', 1
	case 'f':
		return '\f', 1
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'u':
		return unescapeUnit(b[1:])
	}
	return 0, 0
}

func unescapeUnit(b []byte) (r rune, n int) {
	first, ok := hexUnit(b)
	switch {
	case !ok:
		return 0, 0
	case first < 0xd800 || first > 0xdfff:
		return first, 5
	case first > 0xdbff || len(b) < 6 || b[4] != '\\' || b[5] != 'u':
		return utf8.RuneError, 5
	}
	second, ok := hexUnit(b[6:])
	if !ok || second < 0xdc00 || second > 0xdfff {
		return utf8.RuneError, 5
	}
	return (first-0xd800)<<10 + (second - 0xdc00) + 0x10000, 11
}

func hexUnit(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var u rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			u = u<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			u = u<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return u, true
}
