package step

import (
	"context"
	"errors"

	"gatehouse/internal/gateway"
	"gatehouse/internal/policy"
)

// The steps of a resource policy. Which of them a method has, and where, its
// authorization decides.
//
// AWS: authorizers.md §7.

// PolicyDeny refuses what the policy denies explicitly. It stands before an
// authorizer that costs something to ask.
type PolicyDeny struct{ Document *policy.Document }

// Do asks the policy.
func (s *PolicyDeny) Do(_ context.Context, x *gateway.Exchange) error {
	r, err := x.Asked()
	if err != nil {
		return err
	}
	if d := s.Document.Evaluate(r); d.Effect == policy.Deny {
		return explicitDeny(x, s.Document, d)
	}
	return nil
}

// explicitDeny is the refusal of a statement that denies.
func explicitDeny(x *gateway.Exchange, doc *policy.Document, d policy.Decision) error {
	return x.AccessDeniedFault(" with an explicit deny", &policyCause{doc, d.Statement})
}

// A policyCause says which statement of a resource policy decided.
type policyCause struct {
	doc       *policy.Document
	statement int
}

// Error names the statement.
func (c *policyCause) Error() string {
	return "the resource policy denies it: statement " + c.doc.Label(c.statement)
}

// PolicyAllow lets in only what the policy allows explicitly: methods whose
// callers no other policy speaks for. A nil Document allows nothing.
type PolicyAllow struct{ Document *policy.Document }

var (
	errNotAllowed = errors.New("no statement of the resource policy allows it")
	errNoPolicy   = errors.New("a private API without a resource policy lets nobody in")
)

// Do asks the policy.
func (s *PolicyAllow) Do(_ context.Context, x *gateway.Exchange) error {
	r, err := x.Asked()
	if err != nil {
		return err
	}
	if s.Document == nil {
		return x.AccessDeniedFault("", errNoPolicy)
	}
	switch d := s.Document.Evaluate(r); d.Effect {
	case policy.Allow:
		return nil
	case policy.Deny:
		return explicitDeny(x, s.Document, d)
	default:
		return x.AccessDeniedFault("", errNotAllowed)
	}
}

// PolicyCombined stands behind a Lambda authorizer, and lets in what its policy
// or the resource policy allows and neither denies. A nil Document, of a
// private API without a policy, allows nothing.
type PolicyCombined struct{ Document *policy.Document }

// AWS: authorizers.md §1.3: the body of a refusal by the authorizer's policy.
var notAllowed = gateway.NewFault(gateway.AccessDenied, errors.New("neither the authorizer's policy nor the resource policy allows it"))

// Do asks the policy.
func (s *PolicyCombined) Do(_ context.Context, x *gateway.Exchange) error {
	r, err := x.Asked()
	if err != nil {
		return err
	}
	if s.Document == nil {
		return x.AccessDeniedFault("", errNoPolicy)
	}
	d := s.Document.Evaluate(r)
	switch {
	case d.Effect == policy.Deny:
		return explicitDeny(x, s.Document, d)
	case x.Allowed == policy.Deny:
		return notAllowed // the step before has refused it
	case x.Allowed == policy.Allow, d.Effect == policy.Allow:
		return nil
	}
	return notAllowed
}

// PrivateOnly lets in only what comes through a VPC endpoint, and notes through
// which.
//
// AWS: authorizers.md §9.
type PrivateOnly struct{ Endpoints []gateway.VPCEndpoint }

var (
	notPrivate    = &gateway.Fault{Type: gateway.Forbidden, Cause: errors.New("a private API is reached through a VPC endpoint only")}
	wrongEndpoint = &gateway.Fault{Type: gateway.Forbidden, Cause: errors.New("the host name is that of another VPC endpoint")}
)

// Do sets x.Endpoint.
func (s *PrivateOnly) Do(_ context.Context, x *gateway.Exchange) error {
	e := gateway.EndpointOf(s.Endpoints, x.Peer)
	switch {
	case e == nil:
		return notPrivate
	case x.Vars.Endpoint != "" && x.Vars.Endpoint != e.ID:
		return wrongEndpoint
	}
	x.Endpoint = e
	return nil
}

// EndpointPolicy refuses what the policy of the VPC endpoint, by which x came
// in, does not allow. It stands where it is known who calls.
type EndpointPolicy struct{}

// Do asks the endpoint's policy.
func (EndpointPolicy) Do(_ context.Context, x *gateway.Exchange) error {
	if x.Endpoint == nil || x.Endpoint.Policy == nil {
		return nil
	}
	r, err := x.Asked()
	if err != nil {
		return err
	}
	v := policy.Verdict{Source: policy.FromEndpoint}
	switch d := x.Endpoint.Policy.Evaluate(r); d.Effect {
	case policy.Allow:
		return nil
	case policy.Deny:
		v.Explicit = true
	}
	return x.AccessDeniedFault(string(v.AppendReason(nil, gateway.InvokeAction)), errEndpoint)
}

var errEndpoint = errors.New("the policy of the VPC endpoint does not allow it")

// DomainPolicy refuses what the policy of the private custom domain, to which x
// came, does not allow. It stands where it is known who calls.
type DomainPolicy struct{}

var errDomain = errors.New("the policy of the private custom domain does not allow it")

// Do asks the domain's policy.
//
// AWS: custom-domains.md §5: without a policy nobody is let in. The text is that
// of an API's policy.
func (DomainPolicy) Do(_ context.Context, x *gateway.Exchange) error {
	effect, err := x.DomainAllows()
	switch {
	case err != nil:
		return err
	case effect == policy.Allow:
		return nil
	}
	if _, err := x.Asked(); err != nil { // what the refusal names
		return err
	}
	if effect == policy.Deny {
		return x.AccessDeniedFault(" with an explicit deny", errDomain)
	}
	return x.AccessDeniedFault("", errDomain)
}

// The steps of policies are Prompts.

// Prompt implements gateway.Prompt.
func (*PolicyDeny) Prompt() {}

// Prompt implements gateway.Prompt.
func (*PolicyAllow) Prompt() {}

// Prompt implements gateway.Prompt.
func (*PolicyCombined) Prompt() {}

// Prompt implements gateway.Prompt.
func (*PrivateOnly) Prompt() {}

// Prompt implements gateway.Prompt.
func (EndpointPolicy) Prompt() {}

// Prompt implements gateway.Prompt.
func (DomainPolicy) Prompt() {}

var (
	_ gateway.Prompt = (*PolicyDeny)(nil)
	_ gateway.Prompt = (*PolicyAllow)(nil)
	_ gateway.Prompt = (*PolicyCombined)(nil)
	_ gateway.Prompt = (*PrivateOnly)(nil)
	_ gateway.Prompt = EndpointPolicy{}
	_ gateway.Prompt = DomainPolicy{}
)
