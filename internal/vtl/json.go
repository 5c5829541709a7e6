package vtl

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The parser of documents: JSON as json-smart's permissive mode reads it.
//
// AWS: the service reads payloads with net.minidev.json (its name stands in
// recorded error texts), which also takes single quotes, bare words, useless
// commas, leading zeros and text after the document.

const (
	// maxJSONDepth bounds the nesting of a document. Deeper ones, which only
	// an attacker sends, are a payload error.
	maxJSONDepth = 512
	// maxJSONNodes bounds the values of a document: 40 bytes each.
	maxJSONNodes = 1 << 20
)

type jsonParser struct {
	s     string
	pos   int
	depth int
	left  int // values that may still be made
	mem   *arena
}

// parseJSON reads a document.
func parseJSON(mem *arena, s string) (v Value, err error) {
	p := jsonParser{s: s, left: maxJSONNodes, mem: mem}
	defer mem.drop(len(mem.stack), len(mem.names))
	return p.value(stopDocument)
}

// A stops says which bytes end a bare word.
type stops uint8

const (
	stopDocument stops = iota // nothing but the end
	stopMember                // , and }
	stopElement               // , and ]
	stopName                  // :
)

func (s stops) at(c byte) bool {
	switch s {
	case stopMember:
		return c == ',' || c == '}'
	case stopElement:
		return c == ',' || c == ']'
	case stopName:
		return c == ':'
	}
	return false
}

func (p *jsonParser) value(stop stops) (Value, error) {
	p.skipSpace()
	if p.left--; p.left < 0 {
		return Value{}, fmt.Errorf("more than %d values", maxJSONNodes)
	}
	if p.pos == len(p.s) {
		return Value{}, p.errEnd("EOF")
	}
	switch c := p.s[p.pos]; c {
	case '{':
		return p.nested(p.object)
	case '[':
		return p.nested(p.array)
	case '"', '\'':
		s, err := p.quoted()
		return NewString(s), err
	case ':', '}', ']':
		return Value{}, p.errUnexpected()
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return p.number(stop), nil
	}
	switch word := p.word(stop); word {
	case "null":
		return Value{}, nil
	case "true":
		return NewBool(true), nil
	case "false":
		return NewBool(false), nil
	default:
		return NewString(word), nil
	}
}

func (p *jsonParser) nested(read func() (Value, error)) (Value, error) {
	if p.depth++; p.depth > maxJSONDepth {
		return Value{}, fmt.Errorf("nested more than %d levels", maxJSONDepth)
	}
	p.pos++
	v, err := read()
	p.depth--
	return v, err
}

func (p *jsonParser) array() (Value, error) {
	mark := len(p.mem.stack)
	for {
		p.skipSpace()
		if p.pos == len(p.s) {
			return Value{}, p.errEnd("EOF")
		}
		switch p.s[p.pos] {
		case ',':
			p.pos++
			continue
		case ']':
			p.pos++
			return p.mem.list(mark), nil
		}
		v, err := p.value(stopElement)
		if err != nil {
			return Value{}, err
		}
		p.mem.stack = append(p.mem.stack, v)
	}
}

func (p *jsonParser) object() (Value, error) {
	mark, names := len(p.mem.stack), len(p.mem.names)
	for {
		p.skipSpace()
		if p.pos == len(p.s) {
			return Value{}, p.errEnd("null")
		}
		switch p.s[p.pos] {
		case ',':
			p.pos++
			continue
		case '}':
			p.pos++
			return p.mem.dict(mark, names), nil
		case ':', ']', '[', '{':
			return Value{}, p.errUnexpected()
		}
		name, err := p.name()
		if err != nil {
			return Value{}, err
		}
		v, err := p.value(stopMember)
		if err != nil {
			return Value{}, err
		}
		p.mem.names = append(p.mem.names, name)
		p.mem.stack = append(p.mem.stack, v)
		if err := p.memberEnd(); err != nil {
			return Value{}, err
		}
	}
}

// name reads the name of a member and the colon.
func (p *jsonParser) name() (name string, err error) {
	if c := p.s[p.pos]; c == '"' || c == '\'' {
		name, err = p.quoted()
	} else {
		name = p.word(stopName)
	}
	if err != nil {
		return "", err
	}
	p.skipSpace()
	if p.pos == len(p.s) {
		return "", p.errEnd("null")
	}
	if p.s[p.pos] != ':' {
		return "", p.errUnexpected()
	}
	p.pos++
	return name, nil
}

func (p *jsonParser) memberEnd() error {
	p.skipSpace()
	if p.pos == len(p.s) {
		return p.errEnd("null")
	}
	if c := p.s[p.pos]; c != ',' && c != '}' {
		return p.errUnexpected()
	}
	return nil
}

func (p *jsonParser) skipSpace() {
	for p.pos < len(p.s) {
		if c := p.s[p.pos]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return
		}
		p.pos++
	}
}

// word reads a bare word, which ends where its surroundings go on.
func (p *jsonParser) word(stop stops) string {
	from := p.pos
	for p.pos < len(p.s) && !stop.at(p.s[p.pos]) {
		p.pos++
	}
	return strings.Trim(p.s[from:p.pos], " \t\n\r")
}

// number reads a number, or the bare word that began like one.
func (p *jsonParser) number(stop stops) Value {
	from := p.pos
	p.pos++
	whole := true
	for ; p.pos < len(p.s); p.pos++ {
		switch c := p.s[p.pos]; {
		case c >= '0' && c <= '9':
			continue
		case c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-':
			whole = false
			continue
		}
		break
	}
	text := p.s[from:p.pos]
	if p.numberEnds(stop) {
		if v, ok := numberValue(text, whole); ok {
			return v
		}
	}
	p.pos = from
	return NewString(p.word(stop))
}

// numberEnds tells whether what stands after a number leaves it one.
func (p *jsonParser) numberEnds(stop stops) bool {
	for i := p.pos; i < len(p.s); i++ {
		c := p.s[i]
		if stop.at(c) {
			return true
		}
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}

func numberValue(text string, whole bool) (Value, bool) {
	if len(text) > maxDigits/10 {
		return Value{}, false // a text to us: its conversion would be the work
	}
	if whole {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return NewInt(n), true
		}
		z, ok := new(big.Int).SetString(text, 10)
		if !ok {
			return Value{}, false
		}
		return newBig(z), true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && f-f == 0 {
		return Value{}, false
	}
	if len(text) > 18 {
		// AWS: json-smart keeps long fractions as BigDecimal.
		return toDecimal(NewString(text)).value(), true
	}
	return newDouble(f), true
}

// quoted reads a string in either quotes.
func (p *jsonParser) quoted() (string, error) {
	quote := p.s[p.pos]
	p.pos++
	end := strings.IndexByte(p.s[p.pos:], quote)
	if end < 0 {
		p.pos = len(p.s)
		return "", p.errEnd("null")
	}
	if s := p.s[p.pos : p.pos+end]; strings.IndexByte(s, '\\') < 0 {
		p.pos += end + 1
		return s, nil
	}
	return p.escaped(quote)
}

// escaped reads the rest of a string with escapes. Control characters in it
// vanish, as json-smart has it.
func (p *jsonParser) escaped(quote byte) (string, error) {
	buf := make([]byte, 0, 64)
	for p.pos < len(p.s) {
		c := p.s[p.pos]
		p.pos++
		switch {
		case c == quote:
			return string(buf), nil
		case c == '\\':
			var ok bool
			if buf, ok = p.escape(buf); !ok {
				return "", p.errUnexpected()
			}
		case c >= ' ' && c != 0x7f:
			buf = append(buf, c)
		}
	}
	return "", p.errEnd("null")
}

func (p *jsonParser) escape(buf []byte) ([]byte, bool) {
	if p.pos == len(p.s) {
		return buf, true
	}
	c := p.s[p.pos]
	p.pos++
	switch c {
	case 't':
		return append(buf, '\t'), true
	case 'n':
		return append(buf, '\n'), true
	case 'r':
		return append(buf, '\r'), true
	case 'f':
		return append(buf, '\f'), true
	case 'b':
		return append(buf, '\b'), true
	case '\\', '\'', '"', '/':
		return append(buf, c), true
	case 'x':
		return p.unicode(buf, 2)
	case 'u':
		return p.unicode(buf, 4)
	}
	return buf, true
}

// unicode reads n hexadecimal digits, and a second half of a pair with them.
func (p *jsonParser) unicode(buf []byte, n int) ([]byte, bool) {
	u, ok := p.hex(n)
	if !ok {
		return buf, false
	}
	if u >= 0xd800 && u < 0xdc00 && strings.HasPrefix(p.s[p.pos:], `\u`) {
		back := p.pos
		p.pos += 2
		if low, ok := p.hex(4); ok && low >= 0xdc00 && low < 0xe000 {
			return utf8.AppendRune(buf, (u-0xd800)<<10+(low-0xdc00)+0x10000), true
		}
		p.pos = back
	}
	return utf8.AppendRune(buf, u), true
}

func (p *jsonParser) hex(n int) (rune, bool) {
	if p.pos+n > len(p.s) {
		return 0, false
	}
	u, err := strconv.ParseUint(p.s[p.pos:p.pos+n], 16, 32)
	p.pos += n
	return rune(u), err == nil
}

// AWS: the texts of json-smart's ParseException (recorded for `{a` and `[a`).
func (p *jsonParser) errEnd(token string) error {
	//lint:ignore ST1005 AWS's text
	return fmt.Errorf("Unexpected End Of File position %d: %s", max(p.pos-1, 0), token)
}

func (p *jsonParser) errUnexpected() error {
	if p.pos >= len(p.s) {
		return p.errEnd("null")
	}
	//lint:ignore ST1005 AWS's text
	return fmt.Errorf("Unexpected character (%c) at position %d.", p.s[p.pos], p.pos)
}
