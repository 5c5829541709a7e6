package authorizer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/policy"
)

// A Decision is what an authorizer said of one caller: who it is, and a policy.
// It is never changed.
type Decision struct {
	gateway.Authorization
	policy *policy.Document
	size   int // in memory, about
}

// maxAnswer bounds the answer of an authorizer: one that is longer is none.
const maxAnswer = 1 << 20

// ParseDecision reads the answer of an authorizer.
//
// AWS: authorizers.md §1.3: a principalId and a policy there must be; what is
// not as it must be makes the whole answer worthless.
func ParseDecision(answer []byte) (*Decision, error) {
	var in struct {
		PrincipalID *string        `json:"principalId"`
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
	switch {
	case in.PrincipalID == nil:
		return nil, errors.New("the authorizer's answer has no principalId")
	case in.Policy.Kind() != '{':
		return nil, errors.New("the authorizer's answer has no policyDocument")
	}
	doc, err := policy.Parse(in.Policy)
	if err != nil {
		return nil, fmt.Errorf("could not parse policy: %w", err)
	}
	if err := doc.Check(policy.Identity); err != nil {
		return nil, fmt.Errorf("could not parse policy: %w", err)
	}
	d := &Decision{policy: doc, size: 5*len(answer) + 512}
	if d.Values, err = contextValues(in.Context); err != nil {
		return nil, err
	}
	d.Values = append(d.Values, gateway.AuthorizerValue{Name: "principalId", Value: *in.PrincipalID})
	d.Policy = string(in.Policy)
	if in.UsageKey != nil {
		d.UsageKey = *in.UsageKey
	}
	d.list()
	return d, nil
}

// contextValues reads the context that an authorizer returned.
//
// AWS: authorizers.md §1.3 and §1.6: scalars, which become text. A null is
// undocumented: here it is no scalar.
func contextValues(raw jsontext.Value) ([]gateway.AuthorizerValue, error) {
	if raw == nil || raw.Kind() == 'n' {
		return nil, nil
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, fmt.Errorf("the authorizer's context: %w", err)
	}
	var list []gateway.AuthorizerValue
	for name, v := range members {
		var text string
		switch v.Kind() {
		case '"':
			if err := json.Unmarshal(v, &text); err != nil {
				return nil, fmt.Errorf("the authorizer's context: %w", err)
			}
		case 't', 'f', '0':
			text = string(v)
		default:
			return nil, fmt.Errorf("the authorizer's context: %q is neither text, number nor truth value", name)
		}
		if name == "principalId" || name == latency {
			continue // these are not the function's to set
		}
		list = append(list, gateway.AuthorizerValue{Name: name, Value: text})
	}
	return list, nil
}

const latency = "integrationLatency"

// list writes requestContext.authorizer of events.
//
// AWS: authorizers.md §1.6: all values are text but integrationLatency; for the
// order see event.Order.
func (d *Decision) list() {
	all := append(d.Values, gateway.AuthorizerValue{Name: latency})
	slices.SortFunc(all, func(a, b gateway.AuthorizerValue) int { return strings.Compare(a.Name, b.Name) })
	event.Order(all, func(v *gateway.AuthorizerValue) string { return v.Name })
	d.Values, d.Timed = d.Values[:0:0], true
	part, text := 0, []byte{'{'}
	for i, v := range all {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(event.AppendString(text, v.Name), ':')
		if v.Name == latency {
			d.Event[0], text, part = string(text), nil, 1
			continue
		}
		text = event.AppendString(text, v.Value)
		d.Values = append(d.Values, v)
	}
	d.Event[part] = string(append(text, '}'))
}
