package step

import (
	"context"
	"errors"

	"gatehouse/internal/gateway"
	"gatehouse/internal/policy"
)

// Authorize asks who the caller is, and refuses whom the policy that the
// authorizer brings does not let in.
type Authorize struct {
	By gateway.Authorizer
	// Combined: a resource policy is asked afterwards, and may allow what the
	// authorizer's does not speak of.
	Combined bool
}

// AWS: authorizers.md §1.3 (body of a deny, observed 2026 for an explicit one).
var (
	denied           = gateway.NewFault(gateway.AccessDenied, errors.New("the authorizer's policy does not allow it"))
	deniedExplicitly = &gateway.Fault{Type: gateway.AccessDenied,
		Message: "User is not authorized to access this resource with an explicit deny in an identity-based policy",
		Cause:   errors.New("the authorizer's policy denies it")}
)

// Do fills in x.Authorization.
func (s *Authorize) Do(ctx context.Context, x *gateway.Exchange) error {
	if err := s.By.Authorize(ctx, x); err != nil {
		x.Authorization = nil
		return err
	}
	switch {
	case x.Allowed == policy.Deny:
		return deniedExplicitly
	case x.Allowed == policy.Allow && x.Authorization != nil, s.Combined && x.Authorization != nil:
		return nil
	}
	return denied
}

// Prompt implements gateway.Prompt.
func (*Authorize) Prompt() {}

var _ gateway.Prompt = (*Authorize)(nil)
