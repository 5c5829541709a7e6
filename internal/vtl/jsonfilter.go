package vtl

import "strings"

// Filters of JSONPath: [?(@.price < 10 && @.title =~ /.*x/)].

// A filter is a condition on a value: an operator with two operands, or
// several filters joined.
type filter struct {
	op          string // "&&", "||", "!", "exists", or a comparison
	parts       []*filter
	left, right operand
}

// An operand of a filter: a path from the value or the document, or a literal.
type operand struct {
	path   *Path
	root   bool // the path begins with $
	value  Value
	regexp *javaRegexp
}

// comparisons are the operators; longer ones before those they begin with.
var comparisons = []string{
	"===", "!==", "==", "!=", "=~", "<=", ">=", "<", ">",
	"nin", "in", "contains", "all", "size", "empty", "subsetof", "anyof", "noneof",
}

// maxFilter bounds the nesting of a filter.
const maxFilter = 50

func (p *pathParser) filterStep() (pathStep, error) {
	p.pos++
	p.blanks()
	if !p.has("(") {
		return pathStep{}, p.errf("Expected ( after ?")
	}
	f, err := p.filterTerm()
	return pathStep{kind: stepFilter, filter: f}, err
}

func (p *pathParser) filterJoined(op string, read func() (*filter, error)) (*filter, error) {
	f, err := read()
	if err != nil {
		return nil, err
	}
	list := []*filter{f}
	for {
		p.blanks()
		if !p.has(op) {
			break
		}
		p.pos += len(op)
		if f, err = read(); err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	if len(list) == 1 {
		return f, nil
	}
	return &filter{op: op, parts: list}, nil
}

func (p *pathParser) filterOr() (*filter, error) {
	return p.filterJoined("||", func() (*filter, error) {
		return p.filterJoined("&&", p.filterTerm)
	})
}

// filterTerm reads a filter in parentheses, a negated one, or a comparison.
func (p *pathParser) filterTerm() (*filter, error) {
	if p.depth++; p.depth > maxFilter {
		return nil, p.errf("Filter is nested too deeply")
	}
	defer func() { p.depth-- }()
	p.blanks()
	switch {
	case p.has("("):
		p.pos++
		f, err := p.filterOr()
		if err != nil {
			return nil, err
		}
		p.blanks()
		if !p.has(")") {
			return nil, p.errf("Expected )")
		}
		p.pos++
		return f, nil
	case p.has("!"):
		p.pos++
		f, err := p.filterTerm()
		return &filter{op: "!", parts: []*filter{f}}, err
	}
	return p.comparison()
}

func (p *pathParser) comparison() (*filter, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	p.blanks()
	for _, op := range comparisons {
		if !p.hasWord(op) {
			continue
		}
		p.pos += len(op)
		p.blanks()
		right, err := p.operand()
		return &filter{op: op, left: left, right: right}, err
	}
	if left.path == nil {
		return nil, p.errf("Expected an operator")
	}
	return &filter{op: "exists", left: left}, nil
}

// hasWord is has without regard to case.
func (p *pathParser) hasWord(op string) bool {
	rest := p.src[p.pos:]
	return len(rest) >= len(op) && strings.EqualFold(rest[:len(op)], op)
}

func (p *pathParser) operand() (operand, error) {
	p.blanks()
	if p.done() {
		return operand{}, p.errf("Expected a value")
	}
	switch c := p.src[p.pos]; c {
	case '@', '$':
		return p.pathOperand(c == '$')
	case '\'', '"':
		s, err := p.quoted()
		return operand{value: NewString(s)}, err
	case '/':
		return p.regexpOperand()
	case '[', '{':
		return p.jsonOperand()
	}
	end := strings.IndexAny(p.src[p.pos:], " \t\r\n)&|=<>!")
	if end <= 0 {
		return operand{}, p.errf("Expected a value")
	}
	text := p.src[p.pos : p.pos+end]
	v, err := parseJSON(&arena{}, text)
	if err != nil || v.kind == String {
		return operand{}, p.errf("Expected a value, not %q", text)
	}
	p.pos += end
	return operand{value: v}, nil
}

// pathOperand reads a path up to where it cannot go on.
func (p *pathParser) pathOperand(root bool) (operand, error) {
	from := p.pos
	nested := 0
	i := p.pos + 1
scan:
	for ; i < len(p.src); i++ {
		switch c := p.src[i]; {
		case c == '[' || c == '(':
			nested++
		case (c == ']' || c == ')') && nested > 0:
			nested--
		case nested == 0 && strings.IndexByte(" \t\r\n)=<>!&|,]", c) >= 0:
			break scan
		}
	}
	sub := pathParser{src: p.src[:i], pos: from + 1, depth: p.depth + 1}
	if sub.depth > maxFilter {
		return operand{}, p.errf("Filter is nested too deeply")
	}
	steps, err := sub.steps()
	if err != nil {
		return operand{}, err
	}
	p.pos = i
	return operand{path: newPath(steps), root: root}, nil
}

// regexpOperand reads /pattern/flags.
func (p *pathParser) regexpOperand() (operand, error) {
	end := p.pos + 1
	for end < len(p.src) && p.src[end] != '/' {
		if p.src[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.src) {
		return operand{}, p.errf("Regular expression does not end")
	}
	text := p.src[p.pos+1 : end]
	p.pos = end + 1
	for !p.done() && strings.IndexByte("idmsux", p.src[p.pos]) >= 0 {
		if c := p.src[p.pos]; c == 'i' || c == 's' || c == 'm' {
			text = "(?" + string(c) + ")" + text
		}
		p.pos++
	}
	re, err := compileRegexp(text, true)
	return operand{regexp: re}, err
}

// jsonOperand reads a list or an object.
func (p *pathParser) jsonOperand() (operand, error) {
	j := jsonParser{s: p.src, pos: p.pos, left: 1000, mem: &arena{}}
	v, err := j.value(stopDocument)
	p.pos = j.pos
	return operand{value: v}, err
}
