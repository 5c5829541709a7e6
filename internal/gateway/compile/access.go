package compile

import (
	"fmt"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/authorizer"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
)

// resourcePolicy compiles the policy of an API. One that cannot be read keeps
// the stage from being compiled: nobody knows whom it means to keep out.
func resourcePolicy(def *record.Definition) (*policy.Document, error) {
	text := str(def.RestAPI.Policy)
	if text == "" {
		return nil, nil
	}
	doc, err := policy.Parse([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("resource policy: %w", err)
	}
	return doc, nil
}

// access appends the steps that find out who calls a method and whether they
// may. by asks the method's authorizer; nil: it has none.
//
// AWS: authorizers.md §7: without an authorizer the policy must allow, if there
// is one; a private API lets nobody in without. With signatures the policies of
// the caller and of the API are asked together. A Lambda authorizer is asked
// between the two passes of the policy.
func (p *planner) access(steps []gateway.Step, m *api.Method, by gateway.Step) []gateway.Step {
	private := endpointType(p.def) == api.EndpointTypePrivate
	guarded := p.policy != nil || private
	steps = p.private(steps)
	switch {
	case str(m.AuthorizationType) == typeIAM:
		steps = append(steps, &authorizer.IAM{
			Identities: p.c.opt.Identities, Region: p.id.Region, Account: p.id.Account,
			Resource: p.policy, Private: private, Organization: p.c.opt.Organization, Asymmetric: true,
		})
	case str(m.AuthorizationType) == typeCustom && guarded:
		if p.policy != nil {
			steps = append(steps, &step.PolicyDeny{Document: p.policy})
		}
		steps = append(steps, by, &step.PolicyCombined{Document: p.policy})
	default:
		if by != nil {
			steps = append(steps, by)
		}
		if guarded {
			steps = append(steps, &step.PolicyAllow{Document: p.policy})
		}
	}
	if private {
		steps = append(steps, step.EndpointPolicy{}, step.DomainPolicy{})
	}
	return steps
}

// private appends the step that keeps all but VPC endpoints out of a private
// API.
func (p *planner) private(steps []gateway.Step) []gateway.Step {
	if endpointType(p.def) != api.EndpointTypePrivate {
		return steps
	}
	return append(steps, &step.PrivateOnly{Endpoints: p.c.opt.Endpoints})
}
