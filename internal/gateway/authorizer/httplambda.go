package authorizer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"gatehouse/internal/cache"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/policy"
)

// HTTPTimeout is how long a Lambda authorizer of an HTTP API may take.
//
// AWS: authorizers.md §2.
const HTTPTimeout = 10 * time.Second

// An HTTPLambdaConfig says how a REQUEST authorizer of an HTTP API decides.
type HTTPLambdaConfig struct {
	Caller  Caller
	Sources []Source
	Version string // of the payload format: 1.0 or 2.0
	Simple  bool   // the answer is a simple one, isAuthorized
	// TTL is how long a decision counts, and Cache where it is kept. 0: the
	// function is asked every time.
	TTL   time.Duration
	Cache *cache.Cache[*HTTPDecision]
}

// An HTTPLambda asks a function whether a caller may. All routes of a stage
// with the same authorizer share one.
type HTTPLambda struct {
	HTTPLambdaConfig
	flights flights[*HTTPDecision]
}

// NewHTTPLambda makes an HTTPLambda.
func NewHTTPLambda(c *HTTPLambdaConfig) (*HTTPLambda, error) {
	switch {
	case c.Caller == nil:
		return nil, errors.New("no function to ask")
	case c.Version != "1.0" && c.Version != "2.0":
		return nil, errors.New("authorizerPayloadFormatVersion " + c.Version + " is unknown")
	case c.Simple && c.Version != "2.0":
		return nil, errors.New("simple responses need the payload format 2.0")
	case c.TTL > 0 && (c.Cache == nil || len(c.Sources) == 0):
		return nil, errors.New("decisions cannot be kept without a cache and identity sources")
	}
	return &HTTPLambda{HTTPLambdaConfig: *c}, nil
}

// For returns the step of a route, whose events have this form.
func (l *HTTPLambda) For(form *event.Form) gateway.Step { return &httpLambdaRoute{l, form} }

type httpLambdaRoute struct {
	l    *HTTPLambda
	form *event.Form
}

// An HTTPDecision is what the authorizer of an HTTP API said of one caller. It
// is never changed.
type HTTPDecision struct {
	gateway.Authorization
	simple  bool // what it said itself; then there is no policy
	policy  *policy.Document
	allowed bool
	size    int
}

var errDenied = errors.New("the authorizer does not allow it")

// Do fills in x.Authorization, or refuses.
//
// AWS: authorizers.md §2.
func (r *httpLambdaRoute) Do(ctx context.Context, x *gateway.Exchange) error {
	l := r.l
	from := len(x.Buf)
	for i := range l.Sources {
		if !l.Sources[i].present(x) {
			return unauthorized
		}
	}
	key := l.key(x)
	d, ok := (*HTTPDecision)(nil), false
	if l.TTL > 0 {
		d, ok = l.Cache.Get(key, x.Vars.Now)
	}
	if !ok {
		if x.NoWait {
			return gateway.ErrWouldWait
		}
		var err error
		if d, err = r.ask(ctx, x, key); err != nil {
			return err
		}
	}
	x.Buf = x.Buf[:from]
	return d.decide(x)
}

// key appends the caller's identity to x.Buf, each value behind its length.
func (l *HTTPLambda) key(x *gateway.Exchange) []byte {
	var room [8]string // sources write into x.Buf themselves
	values := room[:0]
	for i := range l.Sources {
		values = append(values, l.Sources[i].value(x))
	}
	from := len(x.Buf)
	for _, v := range values {
		x.Buf = binary.AppendUvarint(x.Buf, uint64(len(v)))
		x.Buf = append(x.Buf, v...)
	}
	return x.Buf[from:len(x.Buf):len(x.Buf)]
}

// decide is what a decision means for x.
func (d *HTTPDecision) decide(x *gateway.Exchange) error {
	if d.simple {
		if !d.allowed {
			return gateway.NewFault(gateway.AccessDenied, errDenied)
		}
		x.Authorization = &d.Authorization
		return nil
	}
	asked, err := x.Asked()
	if err != nil {
		return err
	}
	if d.policy.Evaluate(asked).Effect != policy.Allow {
		return gateway.NewFault(gateway.AccessDenied, errDenied)
	}
	x.Authorization = &d.Authorization
	return nil
}

// ask gets a decision, and keeps it. A refusal without a decision is not kept.
func (r *httpLambdaRoute) ask(ctx context.Context, x *gateway.Exchange, key []byte) (*HTTPDecision, error) {
	l := r.l
	if l.TTL <= 0 {
		return r.call(ctx, x)
	}
	return askOnce(ctx, &l.flights, l.Cache, key, func(ctx context.Context) (kept[*HTTPDecision], error) {
		d, err := r.call(ctx, x)
		if err != nil {
			return kept[*HTTPDecision]{}, err
		}
		return kept[*HTTPDecision]{d, d.size, x.Vars.Now.Add(l.TTL)}, nil
	})
}

// call asks the function about x.
func (r *httpLambdaRoute) call(ctx context.Context, x *gateway.Exchange) (*HTTPDecision, error) {
	asked, err := x.Asked()
	if err != nil {
		return nil, err
	}
	resource := asked.Resource
	var room [8]string
	identity := room[:0]
	for i := range r.l.Sources {
		identity = append(identity, r.l.Sources[i].value(x))
	}
	from := len(x.Text)
	if r.l.Version == "2.0" {
		x.Text = r.form.AppendHTTPAuthorizer(x.Text, x, resource, identity)
	} else {
		x.Text = r.form.AppendHTTPAuthorizer1(x.Text, x, resource, identity)
	}
	ctx, cancel := context.WithTimeout(ctx, HTTPTimeout)
	defer cancel()
	answer, err := call(ctx, x, r.l.Caller, from)
	if err == nil {
		var d *HTTPDecision
		if d, err = r.l.parse(answer); err == nil {
			return d, nil
		}
	}
	x.Vars.AuthorizerError = err.Error()
	var raised *Raised
	if errors.As(err, &raised) && raised.Message == "Unauthorized" {
		return nil, unauthorized
	}
	var e *function.Error
	if errors.As(err, &e) {
		x.Vars.AuthorizerStatus = e.Status
	}
	return nil, misconfigured(err)
}

// parse reads the answer of an authorizer. What is not as it must be makes the
// whole answer worthless.
//
// AWS: authorizers.md §2.
func (l *HTTPLambda) parse(answer []byte) (*HTTPDecision, error) {
	var in struct {
		Allowed   *bool          `json:"isAuthorized"`
		Principal *string        `json:"principalId"`
		Policy    jsontext.Value `json:"policyDocument"`
		Context   jsontext.Value `json:"context"`
	}
	if len(answer) > maxAnswer {
		return nil, errors.New("the authorizer's answer is too large")
	}
	if err := json.Unmarshal(answer, &in); err != nil {
		return nil, fmt.Errorf("the authorizer's answer: %w", err)
	}
	d := &HTTPDecision{simple: l.Simple, size: 4*len(answer) + 512}
	if l.Simple {
		if in.Allowed == nil {
			return nil, errors.New("the authorizer's answer has no isAuthorized")
		}
		d.allowed = *in.Allowed
	} else {
		if in.Principal == nil || in.Policy.Kind() != '{' {
			return nil, errors.New("the authorizer's answer has no principalId, or no policyDocument")
		}
		var err error
		if d.policy, err = policy.Parse(in.Policy); err == nil {
			err = d.policy.Check(policy.Identity)
		}
		if err != nil {
			return nil, fmt.Errorf("could not parse policy: %w", err)
		}
	}
	return d, d.setContext(in.Context, in.Principal, l.Version)
}

// setContext takes the context that the authorizer returned.
//
// AWS: authorizers.md §2: format 2.0 keeps JSON types, and drops a key claims;
// in 1.0 scalars become text, and all else makes the answer invalid.
func (d *HTTPDecision) setContext(raw jsontext.Value, principal *string, version string) error {
	members := map[string]jsontext.Value{}
	if raw != nil && raw.Kind() != 'n' {
		if err := json.Unmarshal(raw, &members); err != nil {
			return fmt.Errorf("the authorizer's context: %w", err)
		}
	}
	delete(members, "claims")
	d.Kind = "lambda"
	text := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(members)) {
		v := members[name]
		value := string(v)
		if v.Kind() == '"' {
			b, err := jsontext.AppendUnquote(nil, v)
			if err != nil {
				return fmt.Errorf("the authorizer's context: %w", err)
			}
			value = string(b)
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(event.AppendString(text, name), ':')
		switch k := v.Kind(); {
		case version == "2.0":
			text = append(text, v...)
		case k == '{' || k == '[' || k == 'n':
			return fmt.Errorf("the authorizer's context: %q is neither text, number nor truth value", name)
		default:
			text = event.AppendString(text, value)
		}
		d.Values = append(d.Values, gateway.AuthorizerValue{Name: name, Value: value})
	}
	if principal != nil {
		if version == "1.0" {
			if len(text) > 1 {
				text = append(text, ',')
			}
			text = event.AppendString(append(text, `"principalId":`...), *principal)
		}
		d.Values = append(d.Values, gateway.AuthorizerValue{Name: "principalId", Value: *principal})
	}
	d.Event[0] = string(append(text, '}'))
	return nil
}

// Prompt implements gateway.Prompt.
func (*httpLambdaRoute) Prompt() {}

var _ gateway.Prompt = (*httpLambdaRoute)(nil)
