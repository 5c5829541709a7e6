package cloudwatch

import (
	"fmt"
	"strconv"
	"strings"
)

// An expression is metric math, taken apart. Exactly one of its forms is set.
type expression struct {
	number   *float64
	text     *string // in quotes
	word     string  // an id, or a word that a function knows
	operator string  // with one or two of args
	function string  // with args
	array    bool    // of args
	args     []*expression
}

// maxDepth bounds how deep an expression is nested. Its length is bounded by the
// model.
const maxDepth = 100

// operators by how tightly they bind.
//
// AWS: "Using math expressions with CloudWatch metrics": arithmetic, comparison
// and logical operators.
var operators = [][]string{
	{"||", "OR"},
	{"&&", "AND"},
	{"==", "!=", "<=", ">=", "<", ">"},
	{"+", "-"},
	{"*", "/"},
	{"^"},
}

// parseExpression reads metric math.
func parseExpression(text string) (*expression, error) {
	p := &expressionParser{rest: text}
	if err := p.next(); err != nil {
		return nil, err
	}
	e, err := p.binary(0, 0)
	if err == nil && p.token != "" {
		err = fmt.Errorf("unexpected %q", p.token)
	}
	return e, err
}

type expressionParser struct {
	rest  string
	token string // what comes next; empty: the end
	kind  tokenKind
}

type tokenKind int

const (
	punctuation tokenKind = iota
	number
	quoted // the token is what is inside, behind a quote
	word
)

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isWord(c byte) bool {
	return isDigit(c) || c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// next reads the next token.
func (p *expressionParser) next() error {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	s := p.rest
	n := 1
	switch {
	case s == "":
		p.token, p.kind = "", punctuation
		return nil
	case isDigit(s[0]) || s[0] == '.':
		for n < len(s) && (isDigit(s[n]) || s[n] == '.' || (s[n] == 'e' || s[n] == 'E') || (s[n] == '-' || s[n] == '+') && (s[n-1] == 'e' || s[n-1] == 'E')) {
			n++
		}
		p.kind = number
	case s[0] == '"' || s[0] == '\'':
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 {
			return fmt.Errorf("the quotes of %s are not closed", s)
		}
		p.token, p.kind, p.rest = s[:end+1], quoted, s[end+2:]
		return nil
	case isWord(s[0]):
		for n < len(s) && isWord(s[n]) {
			n++
		}
		p.kind = word
	default:
		p.kind = punctuation
		if len(s) > 1 && strings.Contains("|| && == != <= >=", s[:2]) && s[1] != ' ' {
			n = 2
		}
	}
	p.token, p.rest = s[:n], s[n:]
	return nil
}

// binary reads what binds as tightly as operators[level], or tighter.
func (p *expressionParser) binary(level, depth int) (*expression, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the expression is nested too deeply")
	}
	if level == len(operators) {
		return p.unary(depth)
	}
	left, err := p.binary(level+1, depth)
	for err == nil {
		op := ""
		for _, o := range operators[level] {
			if p.kind != quoted && p.token == o {
				op = o
			}
		}
		if op == "" {
			return left, nil
		}
		if err = p.next(); err != nil {
			break
		}
		var right *expression
		right, err = p.binary(level+1, depth+1)
		left = &expression{operator: op, args: []*expression{left, right}}
	}
	return nil, err
}

func (p *expressionParser) unary(depth int) (*expression, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the expression is nested too deeply")
	}
	if p.kind == punctuation && p.token == "-" {
		if err := p.next(); err != nil {
			return nil, err
		}
		e, err := p.unary(depth + 1)
		return &expression{operator: "-", args: []*expression{e}}, err
	}
	return p.primary(depth)
}

func (p *expressionParser) primary(depth int) (*expression, error) {
	token, kind := p.token, p.kind
	if token == "" {
		return nil, fmt.Errorf("the expression ends too early")
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	switch {
	case kind == number:
		n, err := strconv.ParseFloat(token, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no number", token)
		}
		return &expression{number: &n}, nil
	case kind == quoted:
		inside := token[1:]
		return &expression{text: &inside}, nil
	case kind == word && p.kind == punctuation && p.token == "(":
		if err := p.next(); err != nil {
			return nil, err
		}
		args, err := p.list(")", depth+1)
		return &expression{function: token, args: args}, err
	case kind == word:
		return &expression{word: token}, nil
	case token == "(":
		e, err := p.binary(0, depth+1)
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	case token == "[":
		args, err := p.list("]", depth+1)
		return &expression{array: true, args: args}, err
	}
	return nil, fmt.Errorf("unexpected %q", token)
}

func (p *expressionParser) expect(token string) error {
	if p.kind == quoted || p.token != token {
		return fmt.Errorf("%q is missing", token)
	}
	return p.next()
}

// list reads what is between commas, and the end.
func (p *expressionParser) list(end string, depth int) ([]*expression, error) {
	var list []*expression
	for p.kind == quoted || p.token != end {
		e, err := p.binary(0, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
		if p.kind != punctuation || p.token != "," {
			break
		}
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	return list, p.expect(end)
}
