package cloudwatch

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/cloudwatch"
)

// A rule is when a composite alarm goes off. Exactly one of its forms is set.
type rule struct {
	operator string // AND, OR or NOT, with the rules in args
	args     []*rule
	state    string // with alarm: it is in this state
	alarm    string
	constant *bool
}

// parseRule reads an AlarmRule.
//
// AWS: API reference of PutCompositeAlarm: ALARM("name or ARN"), OK(…),
// INSUFFICIENT_DATA(…), TRUE, FALSE, AND, OR, NOT and parentheses; quotes may be
// left out.
func parseRule(text string) (*rule, error) {
	p := &ruleParser{rest: text}
	r, err := p.binary("OR", 0)
	if err == nil && p.skip() != "" {
		err = fmt.Errorf("unexpected %q", p.rest)
	}
	return r, err
}

type ruleParser struct{ rest string }

func (p *ruleParser) skip() string {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	return p.rest
}

// word reads a word, if it is the next thing.
func (p *ruleParser) word(w string) bool {
	s := p.skip()
	if len(s) < len(w) || !strings.EqualFold(s[:len(w)], w) || len(s) > len(w) && isWord(s[len(w)]) && isWord(w[0]) {
		return false
	}
	p.rest = s[len(w):]
	return true
}

func (p *ruleParser) binary(op string, depth int) (*rule, error) {
	next := func() (*rule, error) {
		if op == "OR" {
			return p.binary("AND", depth)
		}
		return p.unary(depth)
	}
	left, err := next()
	for err == nil && p.word(op) {
		var right *rule
		right, err = next()
		left = &rule{operator: op, args: []*rule{left, right}}
	}
	return left, err
}

func (p *ruleParser) unary(depth int) (*rule, error) {
	switch {
	case depth > maxDepth:
		return nil, errors.New("it is nested too deeply")
	case p.word("NOT"):
		r, err := p.unary(depth + 1)
		return &rule{operator: "NOT", args: []*rule{r}}, err
	case p.word("("):
		r, err := p.binary("OR", depth+1)
		if err == nil && !p.word(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return r, err
	case p.word("TRUE"):
		return &rule{constant: new(true)}, nil
	case p.word("FALSE"):
		return &rule{constant: new(false)}, nil
	}
	for _, state := range []string{api.StateValueAlarm, api.StateValueOk, api.StateValueInsufficientData} {
		if p.word(state) {
			name, err := p.argument()
			return &rule{state: state, alarm: name}, err
		}
	}
	return nil, fmt.Errorf("want ALARM(…), OK(…), INSUFFICIENT_DATA(…), TRUE, FALSE or NOT at %q", p.rest)
}

// argument reads ("name"). Of an ARN the name counts.
func (p *ruleParser) argument() (string, error) {
	if !p.word("(") {
		return "", errors.New("want a parenthesis behind the state")
	}
	s := p.skip()
	var name string
	if strings.HasPrefix(s, `"`) || strings.HasPrefix(s, "'") {
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 {
			return "", errors.New("quotes are not closed")
		}
		name, p.rest = s[1:end+1], s[end+2:]
	} else {
		end := strings.IndexByte(s, ')')
		if end < 0 {
			return "", errors.New("a parenthesis is not closed")
		}
		name, p.rest = strings.TrimSpace(s[:end]), s[end:]
	}
	if !p.word(")") {
		return "", errors.New("a parenthesis is not closed")
	}
	if strings.HasPrefix(name, "arn:") {
		_, name, _ = strings.Cut(name, ":alarm:")
	}
	if name == "" {
		return "", errors.New("the name of an alarm is missing")
	}
	return name, nil
}

// names adds the alarms that the rule asks about.
func (r *rule) names(to []string) []string {
	if r.alarm != "" && !slices.Contains(to, r.alarm) {
		to = append(to, r.alarm)
	}
	for _, a := range r.args {
		to = a.names(to)
	}
	return to
}

// holds tells whether the rule holds in the states of alarms by name. An alarm
// that is gone is in none.
func (r *rule) holds(states map[string]state) bool {
	switch {
	case r.constant != nil:
		return *r.constant
	case r.alarm != "":
		st, ok := states[r.alarm]
		return ok && st.value == r.state
	case r.operator == "NOT":
		return !r.args[0].holds(states)
	case r.operator == "AND":
		return r.args[0].holds(states) && r.args[1].holds(states)
	}
	return r.args[0].holds(states) || r.args[1].holds(states)
}
