package integration

import (
	"strconv"

	"gatehouse/internal/wire"
)

// mockStatus finds the integer statusCode in what should be a JSON object, or
// returns -1.
//
// AWS: integrations.md §3: the parser is lenient: quotes may be single or
// missing, a comma may stand at the end, other pairs may be junk. The number
// must not be quoted, braces and quotes must match.
func mockStatus(text []byte) int {
	p := mockParser{s: text}
	if !p.skip('{') {
		return -1
	}
	status := -1
	for {
		p.blanks()
		if p.take('}') {
			break
		}
		if p.take(',') {
			continue
		}
		key, ok := p.scalar(":")
		if !ok || !p.skip(':') {
			return -1
		}
		value, quoted, ok := p.value()
		if !ok {
			return -1
		}
		if key == "statusCode" {
			n, err := strconv.Atoi(value)
			if err != nil || quoted {
				return -1
			}
			status = n
		}
		p.blanks()
		if !p.at(',') && !p.at('}') {
			return -1
		}
	}
	p.blanks()
	if p.i != len(p.s) {
		return -1
	}
	return status
}

type mockParser struct {
	s []byte
	i int
}

func (p *mockParser) at(c byte) bool { return p.i < len(p.s) && p.s[p.i] == c }

func (p *mockParser) take(c byte) bool {
	if p.at(c) {
		p.i++
		return true
	}
	return false
}

func (p *mockParser) blanks() {
	for p.at(' ') || p.at('\t') || p.at('\n') || p.at('\r') {
		p.i++
	}
}

// skip takes c, with blanks before it.
func (p *mockParser) skip(c byte) bool {
	p.blanks()
	return p.take(c)
}

// scalar reads a quoted text, or a bare one up to one of ends.
func (p *mockParser) scalar(ends string) (string, bool) {
	p.blanks()
	if p.at('"') || p.at('\'') {
		return p.quoted()
	}
	from := p.i
	for p.i < len(p.s) && !contains(ends, p.s[p.i]) && p.s[p.i] != '}' && p.s[p.i] != ',' {
		p.i++
	}
	to := p.i
	for to > from && (p.s[to-1] == ' ' || p.s[to-1] == '\t' || p.s[to-1] == '\n' || p.s[to-1] == '\r') {
		to--
	}
	return wire.String(p.s[from:to]), true
}

func contains(set string, c byte) bool {
	for i := range len(set) {
		if set[i] == c {
			return true
		}
	}
	return false
}

func (p *mockParser) quoted() (string, bool) {
	quote := p.s[p.i]
	p.i++
	from := p.i
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case '\\':
			p.i++
		case quote:
			p.i++
			return wire.String(p.s[from : p.i-1]), true
		}
		p.i++
	}
	return "", false
}

// value reads the value of a pair. Objects and arrays are passed over.
func (p *mockParser) value() (text string, quoted, ok bool) {
	p.blanks()
	if p.at('{') || p.at('[') {
		return "", true, p.nested()
	}
	quoted = p.at('"') || p.at('\'')
	text, ok = p.scalar("")
	return text, quoted, ok
}

// nested passes over an object or array.
func (p *mockParser) nested() bool {
	depth := 0
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case '"', '\'':
			if _, ok := p.quoted(); !ok {
				return false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		p.i++
		if depth == 0 {
			return true
		}
	}
	return false
}
