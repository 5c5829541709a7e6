package xray

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Keywords and what they are asked by.
var (
	booleanKeywords = []string{"ok", "error", "throttle", "fault", "partial", "inferred"}
	numberKeywords  = []string{"responsetime", "duration", "http.status"}
	textKeywords    = []string{"http.url", "http.method", "http.useragent", "http.clientip", "user", "name", "type", "message",
		"availabilityzone", "instance.id", "resource.arn"}
	// notYet are keywords that AWS has and Gatehouse has not.
	notYet = []string{"rootcause", "faultrootcause", "errorrootcause", "responsetimerootcause", "json", "index", "coverage", "first", "last", "remote", "root"}
)

// deepest bounds how deep expressions stand in one another, and longest how long
// they are. AWS: "AWS X-Ray endpoints and quotas" has neither.
const (
	deepestFilter = 32
	longestFilter = 2000
)

// groupFilter returns the filter of a group that an expression names.
type groupFilter func(name string) (filter, error)

// parseFilter reads an expression. An empty one is nil: it lets all pass.
func parseFilter(text string, groups groupFilter) (filter, error) {
	if len(text) > longestFilter {
		return nil, fmt.Errorf("it is longer than %d characters", longestFilter)
	}
	p := &filterParser{groups: groups}
	if err := p.split(text); err != nil {
		return nil, err
	}
	if len(p.tokens) == 0 {
		return nil, nil
	}
	f, err := p.or(0)
	if err == nil && p.at < len(p.tokens) {
		err = fmt.Errorf("%q is out of place", p.tokens[p.at].text)
	}
	return f, err
}

type filterToken struct {
	text   string
	quoted bool
}

type filterParser struct {
	tokens []filterToken
	at     int
	groups groupFilter
	inside bool // the braces of service() or edge()
}

// split cuts text into tokens.
func (p *filterParser) split(text string) error {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		n := 1
		switch c := text[0]; {
		case c == '"':
			value, length, ok := unquote(text)
			if !ok {
				return fmt.Errorf("the text that begins with %.20s has no end", text)
			}
			p.tokens = append(p.tokens, filterToken{value, true})
			text = text[length:]
			continue
		case strings.HasPrefix(text, "!="), strings.HasPrefix(text, "<="), strings.HasPrefix(text, ">="):
			n = 2
		case strings.IndexByte("!=<>(){},:[]", c) >= 0:
		default:
			if n = strings.IndexAny(text, "!=<>(){},:[]\" \t\r\n"); n < 0 {
				n = len(text)
			}
		}
		p.tokens = append(p.tokens, filterToken{text: text[:n]})
		text = text[n:]
	}
	return nil
}

// unquote reads a text in quotation marks, in which \ takes the next byte as it is.
func unquote(text string) (value string, length int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), i + 1, true
		case '\\':
			if i++; i == len(text) {
				return "", 0, false
			}
		}
		b.WriteByte(text[i])
	}
	return "", 0, false
}

// peek says whether the next token is a word or sign, whatever its case.
func (p *filterParser) peek(text string) bool {
	return p.at < len(p.tokens) && !p.tokens[p.at].quoted && strings.EqualFold(p.tokens[p.at].text, text)
}

func (p *filterParser) accept(text string) bool {
	ok := p.peek(text)
	if ok {
		p.at++
	}
	return ok
}

func (p *filterParser) expect(text string) error {
	if p.accept(text) {
		return nil
	}
	if p.at == len(p.tokens) {
		return fmt.Errorf("it ends where %q is expected", text)
	}
	return fmt.Errorf("%q stands where %q is expected", p.tokens[p.at].text, text)
}

func (p *filterParser) next() (filterToken, error) {
	if p.at == len(p.tokens) {
		return filterToken{}, fmt.Errorf("it ends too early")
	}
	p.at++
	return p.tokens[p.at-1], nil
}

func (p *filterParser) or(depth int) (filter, error) {
	var list anyOf
	for {
		f, err := p.and(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
		if !p.accept("OR") {
			break
		}
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return list, nil
}

// and reads what holds together: with AND, or with nothing in between.
func (p *filterParser) and(depth int) (filter, error) {
	var list allOf
	for {
		f, err := p.not(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
		if p.accept("AND") {
			continue
		}
		if p.at == len(p.tokens) || p.peek("OR") || p.peek(")") || p.peek("}") {
			break
		}
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return list, nil
}

func (p *filterParser) not(depth int) (filter, error) {
	if depth == deepestFilter {
		return nil, fmt.Errorf("it is nested deeper than %d", deepestFilter)
	}
	if p.accept("!") {
		f, err := p.not(depth + 1)
		return negate{f}, err
	}
	if p.accept("(") {
		f, err := p.or(depth + 1)
		if err == nil {
			err = p.expect(")")
		}
		return f, err
	}
	return p.keyword(depth + 1)
}

func (p *filterParser) keyword(depth int) (filter, error) {
	t, err := p.next()
	if err != nil {
		return nil, err
	}
	word := strings.ToLower(t.text)
	first, _, _ := strings.Cut(word, ".")
	switch {
	case t.quoted:
	case slices.Contains(booleanKeywords, word):
		return p.boolean(word)
	case slices.Contains(numberKeywords, word):
		return p.compared(word, numberOps, false)
	case slices.Contains(textKeywords, word):
		return p.compared(word, textOps, true)
	case word == "group.name", word == "group.arn":
		return p.group()
	case first == "annotation":
		return p.annotation(t.text)
	case word == "service":
		return p.service(depth)
	case word == "edge":
		return p.edge(depth)
	case slices.Contains(notYet, first):
		return nil, fmt.Errorf("keyword %q is not supported by Gatehouse yet", t.text)
	}
	return nil, fmt.Errorf("%q is no keyword", t.text)
}

func (p *filterParser) boolean(word string) (filter, error) {
	switch {
	case p.accept("="):
		value, err := p.truth()
		return isTrue{word, value}, err
	case p.accept("!="):
		value, err := p.truth()
		return isTrue{word, !value}, err
	}
	return isTrue{word, true}, nil
}

func (p *filterParser) truth() (bool, error) {
	t, err := p.next()
	switch {
	case err != nil:
		return false, err
	case strings.EqualFold(t.text, "true"):
		return true, nil
	case strings.EqualFold(t.text, "false"):
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", t.text)
}

var (
	numberOps = []string{"=", "!=", "<", "<=", ">", ">="}
	textOps   = []string{"=", "!=", "CONTAINS", "BEGINSWITH", "ENDSWITH"}
)

// operator reads one of the operators.
func (p *filterParser) operator(word string, ops []string) (string, error) {
	for _, op := range ops {
		if p.accept(op) {
			return op, nil
		}
	}
	return "", fmt.Errorf("%s is compared by one of %s", word, strings.Join(ops, ", "))
}

func (p *filterParser) compared(word string, ops []string, text bool) (filter, error) {
	op, err := p.operator(word, ops)
	if err != nil {
		return nil, err
	}
	t, err := p.next()
	if err != nil {
		return nil, err
	}
	if text {
		if !t.quoted {
			return nil, fmt.Errorf("the value of %s must stand in quotation marks", word)
		}
		return compareText{word, op, t.text}, nil
	}
	n, err := strconv.ParseFloat(t.text, 64)
	if err != nil || t.quoted {
		return nil, fmt.Errorf("%q is no number to compare %s with", t.text, word)
	}
	return compareNumber{word, op, n}, nil
}

// annotation reads annotation.KEY or annotation[KEY], and what its value is
// compared with; nothing asks whether there is one.
func (p *filterParser) annotation(word string) (filter, error) {
	if p.inside {
		return nil, fmt.Errorf("annotations cannot be asked for inside service() and edge()")
	}
	f := annotated{key: strings.TrimPrefix(word[len("annotation"):], ".")}
	if f.key == "" {
		if err := p.expect("["); err != nil {
			return nil, err
		}
		for !p.accept("]") { // keys such as aws:api_id are several tokens
			t, err := p.next()
			if err != nil {
				return nil, err
			}
			f.key += t.text
		}
	}
	op, err := p.operator("annotation", append(slices.Clone(textOps), numberOps...))
	if err != nil {
		return f, nil //nolint:nilerr // there need be none
	}
	f.op = op
	t, err := p.next()
	if err != nil {
		return nil, err
	}
	n, notNumber := strconv.ParseFloat(t.text, 64)
	switch {
	case t.quoted && slices.Contains(textOps, op):
		f.value = t.text
	case !t.quoted && notNumber == nil && slices.Contains(numberOps, op):
		f.value = n
	case !t.quoted && (t.text == "true" || t.text == "false") && (op == "=" || op == "!="):
		f.value = t.text == "true"
	default:
		return nil, fmt.Errorf("an annotation cannot be compared with %q by %s", t.text, op)
	}
	return f, nil
}

func (p *filterParser) group() (filter, error) {
	if err := p.expect("="); err != nil {
		return nil, err
	}
	t, err := p.next()
	if err != nil {
		return nil, err
	}
	if !t.quoted || p.groups == nil {
		return nil, fmt.Errorf("no group can be named here")
	}
	f, err := p.groups(t.text)
	if f == nil && err == nil {
		f = allOf{}
	}
	return f, err
}

func (p *filterParser) service(depth int) (filter, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	id, err := p.nodeID()
	if err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	with, err := p.braces(depth)
	return onService{id, with}, err
}

func (p *filterParser) edge(depth int) (filter, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	from, err := p.nodeID()
	if err != nil {
		return nil, err
	}
	var to nodeID
	if p.accept(",") {
		if to, err = p.nodeID(); err != nil {
			return nil, err
		}
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	with, err := p.braces(depth)
	return onEdge{from, to, with}, err
}

// braces reads the filter of the segments of a service; there need be none.
func (p *filterParser) braces(depth int) (filter, error) {
	if !p.accept("{") {
		return nil, nil
	}
	if p.inside {
		return nil, fmt.Errorf("service() and edge() cannot stand in one another")
	}
	p.inside = true
	f, err := p.or(depth)
	p.inside = false
	if err == nil {
		err = p.expect("}")
	}
	return f, err
}

// nodeID reads a name, id(…), or nothing.
func (p *filterParser) nodeID() (nodeID, error) {
	var id nodeID
	switch {
	case p.peek(")"), p.peek(","):
		return id, nil
	case !p.accept("id"):
		t, err := p.next()
		if err == nil && !t.quoted {
			err = fmt.Errorf("the name of a service must stand in quotation marks, not %q", t.text)
		}
		id.name = t.text
		return id, err
	}
	if err := p.expect("("); err != nil {
		return id, err
	}
	for !p.accept(")") {
		key, err := p.next()
		if err != nil {
			return id, err
		}
		if err := p.expect(":"); err != nil {
			return id, err
		}
		value, err := p.next()
		if err != nil {
			return id, err
		}
		switch strings.ToLower(key.text) {
		case "name":
			id.name = value.text
		case "type":
			id.kind = value.text
		case "account.id":
			id.account = value.text
		default:
			return id, fmt.Errorf("id() knows name, type and account.id, not %q", key.text)
		}
		p.accept(",")
	}
	return id, nil
}
