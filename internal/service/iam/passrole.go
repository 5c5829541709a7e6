package iam

import (
	"context"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
)

// PassRole decides whether the caller of a call may hand a role to a service,
// which will act as the role from then on.
//
// AWS: "Grant a user permissions to pass a role to an AWS service", IAM user
// guide; the condition key is iam:PassedToService.
func (a *Access) PassRole(ctx context.Context, role, service string) error {
	caller := awsrpc.CallerFrom(ctx)
	if caller.Root {
		return nil
	}
	cred, ok := a.reg.Find(caller.AccessKey, caller.SessionToken.Reveal())
	if !ok { // deleted since its signature was verified
		return &awsrpc.Error{Code: "UnrecognizedClientException", Status: 403, Message: "The security token included in the request is invalid."}
	}
	who := cred.Principal
	const action = "iam:PassRole"
	r := policy.Request{Principal: who.Principal, Action: action, Resource: role, Now: time.Now(), Keys: &passKeys{who: who, service: service}}
	verdict := who.Decide(&r, nil, false)
	if verdict.Allowed {
		return nil
	}
	return &awsrpc.Error{Code: "AccessDeniedException", Status: 403, Message: "User: " + who.ARN + " is not authorized to perform: " + action +
		" on resource: " + role + string(verdict.AppendReason(nil, action))}
}

// passKeys are the condition keys of iam:PassRole.
type passKeys struct {
	who     *identity.Principal
	service string
}

// Key returns the values of a key.
func (k *passKeys) Key(name string) (policy.Values, bool) {
	if name == "iam:passedtoservice" {
		return policy.One(k.service), true
	}
	return k.who.Key(name)
}
