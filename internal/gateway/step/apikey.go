package step

import (
	"context"

	"gatehouse/internal/gateway"
)

// APIKey finds the API key that came with a request, and refuses requests
// without a valid one if the method requires one.
type APIKey struct {
	Required bool
	// FromAuthorizer: the key is what the authorizer says, and no header counts.
	FromAuthorizer bool
}

var invalidKey = gateway.NewFault(gateway.InvalidAPIKey, nil)

// Do sets x.Key and x.Member.
//
// AWS: rest-execution.md §8: a valid key exists, is enabled and is in a usage
// plan that lists the stage. A key that is not required passes whatever it is,
// but one with a plan for the stage is held to it, even when it is disabled.
func (s *APIKey) Do(_ context.Context, x *gateway.Exchange) error {
	if s.FromAuthorizer {
		x.Vars.APIKey = ""
		if x.Authorization != nil {
			x.Vars.APIKey = x.Authorization.UsageKey
		}
	}
	if x.Vars.APIKey == "" {
		if s.Required {
			return invalidKey
		}
		return nil
	}
	keys := x.Stage.Keys
	key := keys.Find(x.Vars.APIKey)
	if key == nil {
		if s.Required {
			return invalidKey
		}
		return nil
	}
	x.Key = key
	x.Vars.APIKeyID = keys.ID(key)
	x.Member = keys.Member(key, x.Stage.UsagePlans)
	if s.Required && (x.Member == nil || !key.Enabled()) {
		return invalidKey
	}
	return nil
}

var _ gateway.Prompt = (*APIKey)(nil)

// Prompt implements gateway.Prompt.
func (*APIKey) Prompt() {}
