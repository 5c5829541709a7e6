package function

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsclient"
)

// A Rule says where functions run whose names it matches.
type Rule struct {
	// Functions is NAME, ACCOUNT:NAME or REGION:ACCOUNT:NAME. In each part *
	// stands for any text.
	Functions string
	Invoker   Invoker
}

// ErrRule is why a rule cannot be.
var ErrRule = errors.New("want the name of functions as in pay-*, 123456789012:pay-* or eu-west-1:123456789012:pay-*")

// A Router calls each function where it runs: where the first rule that matches
// it says; else here, if it is one of ours; else elsewhere. It is an Invoker.
type Router struct {
	rules     []compiledRule
	here      *Host
	elsewhere Invoker
}

type compiledRule struct {
	region, account, name string
	to                    Invoker
}

// NewRouter returns a router. Elsewhere may be nil: functions that no rule knows
// and that are not ours do not exist.
func NewRouter(rules []Rule, here *Host, elsewhere Invoker) (*Router, error) {
	r := &Router{here: here, elsewhere: elsewhere}
	for _, rule := range rules {
		parts := strings.Split(rule.Functions, ":")
		if len(parts) > 3 || parts[len(parts)-1] == "" {
			return nil, fmt.Errorf("%q: %w", rule.Functions, ErrRule)
		}
		for len(parts) < 3 {
			parts = append([]string{"*"}, parts...)
		}
		r.rules = append(r.rules, compiledRule{parts[0], parts[1], parts[2], rule.Invoker})
	}
	return r, nil
}

// Invoke calls a function.
func (r *Router) Invoke(ctx context.Context, in *Invocation) (*Result, error) {
	if to := r.ruled(in.Function); to != nil {
		return to.Invoke(ctx, in)
	}
	if r.elsewhere == nil || r.here.Has(in.Function) {
		return r.here.Invoke(ctx, in)
	}
	res, err := r.elsewhere.Invoke(ctx, in)
	if errors.Is(err, awsclient.ErrNoEndpoint) {
		return nil, NotFound(in.Function)
	}
	return res, err
}

// ruled is where the first rule that matches says.
func (r *Router) ruled(function string) Invoker {
	if len(r.rules) == 0 {
		return nil
	}
	a, err := arn.Parse(function)
	if err != nil {
		return nil
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(a.Resource, "function:"), ":")
	for i := range r.rules {
		c := &r.rules[i]
		if match(c.name, name) && match(c.account, a.Account) && match(c.region, a.Region) {
			return c.to
		}
	}
	return nil
}

// match reports whether text is what pattern says, in which * is any text.
func match(pattern, text string) bool {
	before, rest, ok := strings.Cut(pattern, "*")
	if !ok {
		return pattern == text
	}
	if !strings.HasPrefix(text, before) {
		return false
	}
	for text = text[len(before):]; ; text = text[1:] {
		if match(rest, text) {
			return true
		}
		if text == "" {
			return false
		}
	}
}

var (
	_ Invoker = (*Router)(nil)
	_ Invoker = (*Remote)(nil)
	_ Invoker = (*Plain)(nil)
)
