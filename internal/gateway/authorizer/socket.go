package authorizer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/policy"
)

// ParseSocketSources reads the identity sources of a WebSocket API's authorizer.
//
// AWS: websocket-execution.md §10: eventType and messageDirection have no value.
func ParseSocketSources(list []string, variables map[string]string) ([]Source, error) {
	var sources []Source
	for _, text := range list {
		if name, ok := strings.CutPrefix(text, "route.request.header."); ok {
			sources = append(sources, Source{Header: name})
		} else if name, ok := strings.CutPrefix(text, "route.request.querystring."); ok {
			sources = append(sources, Source{Query: name})
		} else if name, ok := strings.CutPrefix(text, "context."); ok {
			get := gateway.SocketVar(name)
			if name == "eventType" || name == "messageDirection" {
				get = nil
			}
			sources = append(sources, Source{Get: variable(get)})
		} else if name, ok := strings.CutPrefix(text, "stageVariables."); ok {
			value := variables[name]
			sources = append(sources, Source{Get: func(dst []byte, _ *gateway.Exchange) []byte { return append(dst, value...) }})
		} else {
			return nil, errors.New("identity source " + text + ": no such place")
		}
	}
	return sources, nil
}

// A SocketLambda asks a function whether a client may connect to a WebSocket
// API. What it says holds as long as the connection does, and is not kept for
// another.
type SocketLambda struct {
	caller  Caller
	sources []Source
	form    *event.SocketForm
}

// NewSocketLambda makes a SocketLambda, whose events have a form.
func NewSocketLambda(caller Caller, sources []Source, form *event.SocketForm) (*SocketLambda, error) {
	if caller == nil || form == nil {
		return nil, errors.New("no function to ask, or nothing to ask it with")
	}
	return &SocketLambda{caller, sources, form}, nil
}

// Authorize fills in x.Authorization and x.Allowed.
//
// AWS: websocket-execution.md §10: all sources must be there, and not be empty.
func (l *SocketLambda) Authorize(ctx context.Context, x *gateway.Exchange) error {
	for i := range l.sources {
		if l.sources[i].value(x) == "" {
			return unauthorized
		}
	}
	if x.NoWait {
		return gateway.ErrWouldWait
	}
	d, err := l.ask(ctx, x)
	if err != nil {
		return err
	}
	asked, err := x.Asked()
	if err != nil {
		return err
	}
	x.Allowed = d.policy.Evaluate(asked).Effect
	x.Authorization = &d.Authorization
	return nil
}

// ask asks the function about x.
func (l *SocketLambda) ask(ctx context.Context, x *gateway.Exchange) (*Decision, error) {
	asked, err := x.Asked()
	if err != nil {
		return nil, err
	}
	from := len(x.Text)
	x.Text = l.form.AppendAuthorizer(x.Text, x, asked.Resource)
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	answer, err := call(ctx, x, l.caller, from)
	if err != nil {
		return nil, refusal(x, err)
	}
	d, err := parseSocketDecision(answer)
	if err != nil {
		x.Vars.AuthorizerError = err.Error()
		return nil, misconfigured(err)
	}
	return d, nil
}

// parseSocketDecision reads the answer of an authorizer.
//
// AWS: websocket-execution.md §10: unlike that of a REST API, a principalId may
// be missing or null, and then there is none, or be a number.
func parseSocketDecision(answer []byte) (*Decision, error) {
	var in struct {
		PrincipalID jsontext.Value `json:"principalId"`
		Policy      jsontext.Value `json:"policyDocument"`
		Context     jsontext.Value `json:"context"`
		UsageKey    *string        `json:"usageIdentifierKey"`
	}
	if len(answer) > maxAnswer {
		return nil, errors.New("the authorizer's answer is too large")
	}
	if err := json.Unmarshal(answer, &in); err != nil {
		return nil, fmt.Errorf("the authorizer's answer: %w", err)
	}
	if in.Policy.Kind() != '{' {
		return nil, errors.New("the authorizer's answer has no policyDocument")
	}
	doc, err := policy.Parse(in.Policy)
	if err == nil {
		err = doc.Check(policy.Identity)
	}
	if err != nil {
		return nil, fmt.Errorf("could not parse policy: %w", err)
	}
	d := &Decision{policy: doc}
	if err := d.socketValues(in.Context, in.PrincipalID); err != nil {
		return nil, err
	}
	d.Policy = string(in.Policy)
	if in.UsageKey != nil {
		d.UsageKey = *in.UsageKey
	}
	d.list()
	return d, nil
}

// socketValues takes context and principal.
//
// AWS: websocket-execution.md §10: scalars become text, a null vanishes, all
// else makes the answer worthless.
func (d *Decision) socketValues(raw, principal jsontext.Value) error {
	var members map[string]jsontext.Value
	if raw != nil && raw.Kind() != 'n' {
		if err := json.Unmarshal(raw, &members); err != nil {
			return fmt.Errorf("the authorizer's context: %w", err)
		}
	}
	delete(members, latency)
	delete(members, principalID)
	if principal != nil {
		if members == nil {
			members = make(map[string]jsontext.Value, 1)
		}
		members[principalID] = principal
	}
	for name, v := range members {
		text := string(v)
		switch v.Kind() {
		case 'n':
			continue
		case '"':
			if err := json.Unmarshal(v, &text); err != nil {
				return fmt.Errorf("the authorizer's context: %w", err)
			}
		case 't', 'f', '0':
		default:
			return fmt.Errorf("the authorizer's answer: %q is neither text, number nor truth value", name)
		}
		d.Values = append(d.Values, gateway.AuthorizerValue{Name: name, Value: text})
	}
	return nil
}

const principalID = "principalId"

var _ gateway.Authorizer = (*SocketLambda)(nil)
