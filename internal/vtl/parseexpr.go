package vtl

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// The parser of what stands in parentheses: expressions, arguments, literals.

// blanks moves over white space within a directive.
func (p *parser) blanks() {
	p.pos = len(p.src) - len(strings.TrimLeft(p.src[p.pos:], " \t\r\n"))
}

// take moves over s if it is next.
func (p *parser) take(s string) bool {
	if strings.HasPrefix(p.src[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

// A level is the operators of one precedence. Words are operators, too.
type level []operator

type operator struct {
	text string
	op   op
}

// levels are the binary operators, from those that bind least. Longer
// operators come before those they begin with.
var levels = []level{
	{{"||", opOr}, {"or", opOr}},
	{{"&&", opAnd}, {"and", opAnd}},
	{{"==", opEqual}, {"eq", opEqual}, {"!=", opUnequal}, {"ne", opUnequal}},
	{{"<=", opLessEqual}, {"le", opLessEqual}, {">=", opGreaterEqual}, {"ge", opGreaterEqual},
		{"<", opLess}, {"lt", opLess}, {">", opGreater}, {"gt", opGreater}},
	{{"+", opAdd}, {"-", opSubtract}},
	{{"*", opMultiply}, {"/", opDivide}, {"%", opModulo}},
}

func (p *parser) expression() (expr, error) {
	if p.depth++; p.depth > maxSource {
		return nil, p.errf("Expressions are nested more than %d levels", maxSource)
	}
	defer func() { p.depth-- }()
	return p.binary(0)
}

// binary reads operands joined by the operators of a level, from the left.
func (p *parser) binary(at int) (expr, error) {
	if at == len(levels) {
		return p.unary()
	}
	from := p.skipped()
	left, err := p.binary(at + 1)
	if err != nil {
		return nil, err
	}
	for {
		end := p.pos
		op, ok := p.operator(levels[at])
		if !ok {
			return left, nil
		}
		leftText := strings.TrimSpace(p.src[from:end])
		next := p.skipped()
		right, err := p.binary(at + 1)
		if err != nil {
			return nil, err
		}
		left = newBinary(op, left, right, leftText, strings.TrimSpace(p.src[next:p.pos]))
	}
}

// skipped moves over blanks and returns where it got.
func (p *parser) skipped() int {
	p.blanks()
	return p.pos
}

func (p *parser) operator(l level) (op, bool) {
	p.blanks()
	for _, o := range l {
		if !isAlpha(o.text[0]) {
			if !p.minusOfNumber() && p.take(o.text) {
				return o.op, true
			}
			continue
		}
		if word := p.word(); word == o.text {
			p.pos += len(word)
			return o.op, true
		}
	}
	return 0, false
}

// minusOfNumber tells whether a minus is next that belongs to a number: in
// Velocity 5-3 is two numbers, and an error.
func (p *parser) minusOfNumber() bool {
	rest := p.src[p.pos:]
	return len(rest) > 1 && rest[0] == '-' &&
		(isDigit(rest[1]) || rest[1] == '.' && len(rest) > 2 && isDigit(rest[2]))
}

// word returns the word that is next.
func (p *parser) word() string {
	i := p.pos
	for i < len(p.src) && isWordByte(p.src[i]) && (i > p.pos || !isDigit(p.src[i])) {
		i++
	}
	return p.src[p.pos:i]
}

func (p *parser) unary() (expr, error) {
	p.blanks()
	if p.depth++; p.depth > maxSource {
		return nil, p.errf("Expressions are nested more than %d levels", maxSource)
	}
	defer func() { p.depth-- }()
	not := p.word() == "not"
	if not {
		p.pos += len("not")
	} else {
		not = !strings.HasPrefix(p.src[p.pos:], "!=") && p.take("!")
	}
	if not {
		e, err := p.unary()
		return notExpr{e}, err
	}
	if p.take("(") {
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		p.blanks()
		if !p.take(")") {
			return nil, p.unexpected(")")
		}
		return e, nil
	}
	return p.parameter()
}

// parameter reads what may be an argument: a literal or a reference.
func (p *parser) parameter() (expr, error) {
	p.blanks()
	if p.pos == len(p.src) {
		return nil, p.unexpected("a value")
	}
	switch c := p.src[p.pos]; {
	case c == '"' || c == '\'':
		return p.stringLiteral()
	case c == '$':
		return p.wantReference()
	case c == '[':
		return p.listOrRange()
	case c == '{':
		return p.mapLiteral()
	case isDigit(c) || c == '-' || c == '.':
		return p.number()
	}
	switch word := p.word(); word {
	case "true", "false":
		p.pos += len(word)
		return constExpr{NewBool(word == "true"), word == "true"}, nil
	}
	return nil, p.unexpected("a value")
}

// number reads an integer or a fraction. Two dots after an integer belong to
// a range.
func (p *parser) number() (expr, error) {
	rest := p.src[p.pos:]
	i := 0
	if rest[i] == '-' {
		i++
	}
	whole := digits(rest, i)
	i = whole
	if strings.HasPrefix(rest[i:], ".") && !strings.HasPrefix(rest[i:], "..") {
		i = digits(rest, i+1)
	}
	if e := exponent(rest[i:]); e > 0 && i > 0 {
		i += e
	}
	text := rest[:i]
	if i == whole {
		v := parseNumber(text)
		if v.kind == Null {
			return nil, p.unexpected("a value")
		}
		p.pos += i
		return constExpr{value: v}, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && f == 0 {
		return nil, p.unexpected("a value")
	}
	p.pos += i
	return constExpr{value: newDouble(f)}, nil
}

// digits returns where the digits of s from i on end.
func digits(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

// exponent returns the length of an exponent at the start of s, or 0.
func exponent(s string) int {
	if s == "" || s[0]|0x20 != 'e' {
		return 0
	}
	i := 1
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	if end := digits(s, i); end > i {
		return end
	}
	return 0
}

// listOrRange reads [a, b] and [a..b].
func (p *parser) listOrRange() (expr, error) {
	p.pos++
	list := listExpr{}
	if p.take("]") {
		return list, nil
	}
	for {
		e, err := p.nested()
		if err != nil {
			return nil, err
		}
		p.blanks()
		if len(list) == 0 && p.take("..") {
			return p.rangeEnd(e)
		}
		list = append(list, e)
		if p.take("]") {
			return list, nil
		}
		if !p.take(",") {
			return nil, p.unexpected("]")
		}
	}
}

func (p *parser) rangeEnd(first expr) (expr, error) {
	p.blanks()
	last, err := p.nested()
	if err != nil {
		return nil, err
	}
	p.blanks()
	if !p.take("]") {
		return nil, p.unexpected("]")
	}
	for _, e := range [...]expr{first, last} {
		c, constant := e.(constExpr)
		if _, ref := e.(*refNode); !ref && (!constant || c.value.kind != Int) {
			return nil, p.errf("A range needs integers")
		}
	}
	return rangeExpr{first, last}, nil
}

// nested is parameter within a literal or a call, which nest.
func (p *parser) nested() (expr, error) {
	if p.depth++; p.depth > maxSource {
		return nil, p.errf("Values are nested more than %d levels", maxSource)
	}
	defer func() { p.depth-- }()
	return p.parameter()
}

func (p *parser) mapLiteral() (expr, error) {
	p.pos++
	m := mapExpr{}
	for {
		p.blanks()
		if len(m) == 0 && p.take("}") {
			return m, nil
		}
		key, err := p.nested()
		if err != nil {
			return nil, err
		}
		p.blanks()
		if !p.take(":") {
			return nil, p.unexpected(":")
		}
		v, err := p.nested()
		if err != nil {
			return nil, err
		}
		m = append(m, pair{key, v})
		p.blanks()
		if p.take("}") {
			return m, nil
		}
		if !p.take(",") {
			return nil, p.unexpected("}")
		}
	}
}

// stringLiteral reads a string. Two quotes in it stand for one. In double
// quotes references and directives act.
func (p *parser) stringLiteral() (expr, error) {
	quote := p.src[p.pos]
	end := literalEnd(p.src[p.pos:], quote)
	if end < 0 {
		return nil, p.errf("String has no closing %c", quote)
	}
	line, column := p.place(p.pos + 1)
	text := p.src[p.pos+1 : p.pos+end]
	p.pos += end + 1
	if quote == '\'' {
		return stringExpr(strings.ReplaceAll(text, "''", "'")), nil
	}
	text, ok := unescapeUnicode(text)
	if !ok {
		return nil, p.errf(`String has a \u without four hexadecimal digits`)
	}
	text = strings.ReplaceAll(text, `""`, `"`)
	if !strings.ContainsAny(text, "$#") {
		return stringExpr(text), nil
	}
	sub := &parser{src: text, shared: p.shared, line: line, column: column, depth: p.depth + 1, inString: true, noComment: -1, afterCall: -1}
	nodes, err := sub.template()
	if err != nil {
		return nil, err
	}
	if len(nodes) == 0 {
		return stringExpr(""), nil
	}
	if t, ok := nodes[0].(textNode); ok && len(nodes) == 1 {
		return stringExpr(t), nil
	}
	return &interpolation{nodes: nodes}, nil
}

// literalEnd returns the offset of the quote that ends the string s begins
// with, or -1: the last one that can.
func literalEnd(s string, quote byte) int {
	end := -1
	for i := 1; i < len(s); i++ {
		if s[i] != quote {
			continue
		}
		end = i
		if i+1 == len(s) || s[i+1] != quote {
			return end
		}
		i++
	}
	return end
}

// unescapeUnicode replaces \uXXXX.
func unescapeUnicode(s string) (string, bool) {
	i := strings.Index(s, `\u`)
	if i < 0 {
		return s, true
	}
	var units []uint16
	var b strings.Builder
	flush := func() {
		b.WriteString(string(utf16.Decode(units)))
		units = units[:0]
	}
	for ; i >= 0; i = strings.Index(s, `\u`) {
		if i > 0 {
			flush()
		}
		b.WriteString(s[:i])
		if len(s) < i+6 {
			return "", false
		}
		u, err := strconv.ParseUint(s[i+2:i+6], 16, 16)
		if err != nil {
			return "", false
		}
		units = append(units, uint16(u))
		s = s[i+6:]
	}
	flush()
	b.WriteString(s)
	return b.String(), true
}
