package logs

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// Conditions of JSON and of space-delimited patterns: comparisons of what a
// selector finds, joined by && and ||.

// A selector names a value: a path in a JSON document, or a field.
type selector struct {
	text  string // as it is shown
	path  []step // of a JSON document
	field int
}

// A finding is the value that a selector has found.
type finding struct {
	kind valueKind
	raw  []byte // of a text, what it says
}

type valueKind byte

const (
	noValue valueKind = iota
	textValue
	numberValue
	trueValue
	falseValue
	nullValue
	otherValue // an array or an object
)

// A subject is an event as conditions look at it: a JSON document, or fields.
type subject struct {
	doc    jsonDocument // nil: fields
	fields [maxFields][]byte
	last   [maxFields][]byte // the newest fields of a split, in a ring
}

// find returns what a selector finds.
func (e *subject) find(s *selector) finding {
	if e.doc != nil {
		return e.doc.find(s)
	}
	return finding{kind: textValue, raw: e.fields[s.field]}
}

// A condition is true or false of an event.
type condition struct {
	test  func(e *subject) bool
	needs needs
}

func allOf(list []condition) condition {
	if len(list) == 1 {
		return list[0]
	}
	var n needs
	for _, c := range list {
		n = n.and(c.needs)
	}
	return condition{needs: n, test: func(e *subject) bool {
		for i := range list {
			if !list[i].test(e) {
				return false
			}
		}
		return true
	}}
}

func anyOf(list []condition) condition {
	if len(list) == 1 {
		return list[0]
	}
	n := list[0].needs
	for _, c := range list[1:] {
		n = n.or(c.needs)
	}
	return condition{needs: n, test: func(e *subject) bool {
		for i := range list {
			if list[i].test(e) {
				return true
			}
		}
		return false
	}}
}

// maxDepth bounds parentheses in a pattern.
const maxDepth = 32

// An exprParser reads conditions.
type exprParser struct {
	rest  string
	depth int
	// selector reads a selector off the beginning of rest.
	selector func(p *exprParser) (selector, error)
	seen     []selector
}

func (p *exprParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// take takes a token off, if it comes next.
func (p *exprParser) take(token string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
	}
	return ok
}

// word takes a word off, in any case, if it comes next.
func (p *exprParser) word(word string) bool {
	p.space()
	if len(p.rest) < len(word) || !strings.EqualFold(p.rest[:len(word)], word) {
		return false
	}
	if len(p.rest) > len(word) && inWord(rune(p.rest[len(word)])) {
		return false
	}
	p.rest = p.rest[len(word):]
	return true
}

// either reads conditions joined by ||.
func (p *exprParser) either() (condition, error) {
	return p.joined("||", anyOf, func() (condition, error) { return p.joined("&&", allOf, p.one) })
}

func (p *exprParser) joined(by string, join func([]condition) condition, next func() (condition, error)) (condition, error) {
	var list []condition
	for {
		c, err := next()
		if err != nil {
			return condition{}, err
		}
		list = append(list, c)
		if !p.take(by) {
			return join(list), nil
		}
	}
}

// one reads a comparison, or conditions in parentheses.
func (p *exprParser) one() (condition, error) {
	if p.take("(") {
		if p.depth++; p.depth > maxDepth {
			return condition{}, badPattern("too many parentheses")
		}
		c, err := p.either()
		if err == nil && !p.take(")") {
			err = badPattern("unbalanced parentheses")
		}
		p.depth--
		return c, err
	}
	p.space()
	s, err := p.selector(p)
	if err != nil {
		return condition{}, err
	}
	p.seen = append(p.seen, s)
	return p.comparison(&s)
}

// comparison reads what follows a selector.
func (p *exprParser) comparison(s *selector) (condition, error) {
	ofKind := func(is func(kind valueKind) bool) condition {
		return condition{test: func(e *subject) bool { return is(e.find(s).kind) }}
	}
	switch {
	case p.word("IS"):
		for word, kind := range map[string]valueKind{"TRUE": trueValue, "FALSE": falseValue, "NULL": nullValue} {
			if p.word(word) {
				return ofKind(func(k valueKind) bool { return k == kind }), nil
			}
		}
		return condition{}, badPattern("IS needs TRUE, FALSE or NULL")
	case p.word("NOT"):
		if !p.word("EXISTS") {
			return condition{}, badPattern("NOT needs EXISTS")
		}
		return ofKind(func(k valueKind) bool { return k == noValue }), nil
	case p.word("EXISTS"):
		return ofKind(func(k valueKind) bool { return k != noValue }), nil
	}
	for _, op := range []string{"!=", "<=", ">=", "=", "<", ">"} {
		if p.take(op) {
			v, err := p.operand()
			if err != nil {
				return condition{}, err
			}
			return v.compare(s, op)
		}
	}
	return condition{}, badPattern("a comparison is missing after '" + s.text + "'")
}

// An operand is the value that a selector's is compared with.
type operand struct {
	text   string
	parts  []string // of text, between the asterisks
	number float64
	isNum  bool
	re     *regexp.Regexp
}

// operand reads a value.
func (p *exprParser) operand() (*operand, error) {
	p.space()
	switch {
	case p.rest == "":
		return nil, badPattern("a value is missing")
	case p.rest[0] == '"':
		text, rest, ok := cutQuoted(p.rest)
		if !ok {
			return nil, badPattern("unbalanced quotation marks")
		}
		p.rest = rest
		return &operand{text: text, parts: strings.Split(text, "*")}, nil
	case p.rest[0] == '%':
		end := strings.IndexByte(p.rest[1:], '%')
		if end < 0 {
			return nil, badPattern("unbalanced %")
		}
		re, err := parseRegexp(p.rest[1 : end+1])
		p.rest = p.rest[end+2:]
		return &operand{re: re}, err
	}
	end := strings.IndexAny(p.rest, " \t\r\n)}],&|")
	if end < 0 {
		end = len(p.rest)
	}
	v := &operand{text: p.rest[:end], parts: strings.Split(p.rest[:end], "*")}
	p.rest = p.rest[end:]
	if v.text == "" {
		return nil, badPattern("a value is missing")
	}
	n, err := strconv.ParseFloat(v.text, 64)
	v.number, v.isNum = n, err == nil
	return v, nil
}

// compare makes the condition that what s finds is so.
//
// AWS: undocumented what is of a value that is not there; here no comparison
// is true of it.
func (v *operand) compare(s *selector, op string) (condition, error) {
	switch op {
	case "=":
		return condition{needs: v.needs(), test: func(e *subject) bool { f := e.find(s); return f.kind != noValue && v.equals(&f) }}, nil
	case "!=":
		return condition{test: func(e *subject) bool { f := e.find(s); return f.kind != noValue && !v.equals(&f) }}, nil
	}
	if !v.isNum {
		return condition{}, badPattern(op + " needs a number")
	}
	want := v.number
	return condition{test: func(e *subject) bool {
		f := e.find(s)
		n, ok := f.number()
		if !ok {
			return false
		}
		switch op {
		case "<":
			return n < want
		case ">":
			return n > want
		case "<=":
			return n <= want
		}
		return n >= want
	}}, nil
}

// number is the value as a number.
func (f *finding) number() (float64, bool) {
	if f.kind != numberValue && f.kind != textValue {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(f.raw), 64)
	return n, err == nil
}

func (v *operand) equals(f *finding) bool {
	if v.re != nil {
		return f.kind != otherValue && v.re.Match(f.raw)
	}
	if v.isNum {
		if n, ok := f.number(); ok {
			return n == v.number
		}
	}
	return f.kind != otherValue && v.like(f.raw)
}

// like compares text in which asterisks stand for anything.
func (v *operand) like(text []byte) bool {
	first, last := v.parts[0], v.parts[len(v.parts)-1]
	if len(v.parts) == 1 {
		return string(text) == first
	}
	if len(text) < len(first)+len(last) || !bytes.HasPrefix(text, []byte(first)) || !bytes.HasSuffix(text, []byte(last)) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range v.parts[1 : len(v.parts)-1] {
		i := bytes.Index(text, []byte(part))
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}
