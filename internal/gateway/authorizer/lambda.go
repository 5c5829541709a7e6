package authorizer

import (
	"context"
	"encoding/binary"
	"errors"
	"regexp"
	"sync"
	"time"

	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/policy"
	"gatehouse/internal/wire"
)

// A LambdaConfig says how a Lambda authorizer decides.
type LambdaConfig struct {
	Caller  Caller
	Token   bool     // of type TOKEN: one source, and only its value is sent
	Sources []Source // none: every caller is asked about
	Pattern *regexp.Regexp
	ARN     string // what method ARNs begin with: arn:aws:execute-api:{region}:{account}:{api}/{stage}/
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
	arn, err := l.methodARN(x)
	if err != nil {
		return err
	}
	req := requests.Get().(*policy.Request)
	*req = policy.Request{Action: "execute-api:Invoke", Resource: arn, Now: x.Vars.Now, Keys: keys{x}}
	x.Allowed = d.policy.Evaluate(req).Effect
	*req = policy.Request{}
	requests.Put(req)
	x.Authorization = &d.Authorization
	return nil
}

var requests = sync.Pool{New: func() any { return new(policy.Request) }}

// maxMethodARN is the longest method ARN.
//
// AWS: authorizers.md §1.4.
const maxMethodARN = 1600

var tooLong = gateway.NewFault(gateway.URITooLong, nil)

// methodARN names what x asks for, by its own method and path.
//
// AWS: authorizers.md §1.1. What routing does not tell apart, policies must not
// either: a character that needs no encoding is not encoded, slashes at the
// beginning are one, and one at the end counts as little as for the router.
func (l *Lambda) methodARN(x *gateway.Exchange) (string, error) {
	from := len(x.Buf)
	b := append(append(append(x.Buf, l.ARN...), x.Vars.HTTPMethod...), '/')
	path := x.Vars.Path
	for len(path) > 0 && path[0] == '/' {
		path = path[1:]
	}
	if n := len(path); n > 0 && path[n-1] == '/' {
		path = path[:n-1]
	}
	b = appendPath(b, path)
	x.Buf = b
	if len(b)-from > maxMethodARN {
		return "", tooLong
	}
	return wire.String(b[from:]), nil
}

// appendPath appends a path with its needless encodings taken off.
func appendPath(dst []byte, path string) []byte {
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+3 <= len(path) {
			from := len(dst)
			dst = gateway.AppendDecoded(dst, path[i:i+3], false)
			if len(dst) == from+1 && gateway.PlainPath(wire.String(dst[from:])) && dst[from] != '/' {
				i += 2
				continue
			}
			dst = dst[:from]
		}
		dst = append(dst, path[i])
	}
	return dst
}

// keys are the condition keys of the policies that authorizers return.
//
// AWS: authorizers.md §1.4 and §7.
type keys struct{ x *gateway.Exchange }

// Key returns the values of a key.
func (k keys) Key(name string) (policy.Values, bool) {
	x := k.x
	switch name {
	case "aws:sourceip":
		from := len(x.Buf)
		if x.Peer != nil && x.Peer.Addr.IsValid() {
			x.Buf = x.Peer.Addr.Addr().Unmap().AppendTo(x.Buf)
		}
		return policy.One(wire.String(x.Buf[from:])), len(x.Buf) > from
	case "aws:useragent":
		return policy.One(x.Vars.UserAgent), x.Vars.UserAgent != ""
	case "aws:referer":
		v := x.MethodRequest.Header.GetID(wire.HeaderReferer)
		return policy.One(v), v != ""
	case "aws:securetransport":
		if x.Peer != nil && x.Peer.TLS {
			return policy.One("true"), true
		}
		return policy.One("false"), true
	}
	return policy.Values{}, false
}
