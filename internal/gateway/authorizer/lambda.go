package authorizer

import (
	"context"
	"encoding/binary"
	"errors"
	"regexp"
	"time"

	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
)

// A LambdaConfig says how a Lambda authorizer decides.
type LambdaConfig struct {
	Caller  Caller
	Token   bool     // of type TOKEN: one source, and only its value is sent
	Sources []Source // none: every caller is asked about
	Pattern *regexp.Regexp
	// TTL is how long a decision counts, and Cache where it is kept. 0: the
	// function is asked every time.
	TTL   time.Duration
	Cache *cache.Cache[*Decision]
}

// A Lambda authorizer asks a function who the caller is and what it may do.
// All routes of a stage with the same authorizer share one.
type Lambda struct {
	LambdaConfig
	flights flights[*Decision]
}

// NewLambda makes a Lambda.
func NewLambda(c *LambdaConfig) (*Lambda, error) {
	switch {
	case c.Caller == nil:
		return nil, errors.New("no function to ask")
	case c.Token && len(c.Sources) != 1:
		return nil, errors.New("a TOKEN authorizer has one identity source")
	case c.TTL > 0 && (c.Cache == nil || len(c.Sources) == 0):
		return nil, errors.New("decisions cannot be kept without a cache and identity sources")
	}
	return &Lambda{LambdaConfig: *c}, nil
}

// For returns the authorizer of a route, whose events have this form.
func (l *Lambda) For(form *event.Form) gateway.Authorizer { return &lambdaRoute{l, form} }

type lambdaRoute struct {
	l    *Lambda
	form *event.Form
}

// Authorize fills in x.Authorization and x.Allowed.
func (r *lambdaRoute) Authorize(ctx context.Context, x *gateway.Exchange) error {
	l := r.l
	key, err := l.identify(x)
	if err != nil {
		return err
	}
	var d *Decision
	var ok bool
	if l.TTL > 0 {
		d, ok = l.Cache.Get(key, x.Vars.Now)
	}
	if !ok {
		if x.NoWait {
			return gateway.ErrWouldWait
		}
		if d, err = r.ask(ctx, x, key); err != nil {
			return err
		}
	}
	return l.decide(x, d)
}

// identify returns the caller's identity, in x's memory: the key of a decision.
// Each value stands behind its length, so that no two identities have one key.
//
// AWS: authorizers.md §1.2 and §1.5: every source must have a value.
func (l *Lambda) identify(x *gateway.Exchange) ([]byte, error) {
	var room [8]string // sources write into x.Buf themselves
	values := room[:0]
	for i := range l.Sources {
		v := l.Sources[i].value(x)
		if v == "" || l.Pattern != nil && !l.Pattern.MatchString(v) {
			return nil, unauthorized
		}
		values = append(values, v)
	}
	from := len(x.Buf)
	for _, v := range values {
		x.Buf = binary.AppendUvarint(x.Buf, uint64(len(v)))
		x.Buf = append(x.Buf, v...)
	}
	return x.Buf[from:len(x.Buf):len(x.Buf)], nil
}

// decide is what a decision means for x.
//
// AWS: authorizers.md §1.4: the policy is evaluated for each method anew.
func (l *Lambda) decide(x *gateway.Exchange, d *Decision) error {
	asked, err := x.Asked()
	if err != nil {
		return err
	}
	x.Allowed = d.policy.Evaluate(asked).Effect
	x.Authorization = &d.Authorization
	return nil
}
