package iam

import (
	"context"
	"time"

	"gatehouse/internal/awsrpc"
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
	who, err := a.principal(&caller)
	if err != nil {
		return err
	}
	const action = "iam:PassRole"
	keys := &passKeys{callKeys{call: &awsrpc.Call{Caller: caller, Service: "iam", API: "iam", Operation: "PassRole", RemoteAddr: caller.RemoteAddr, TLS: caller.TLS}, who: who}, service}
	r := policy.Request{Principal: who.Principal, Action: action, Resource: role, Now: time.Now(), Keys: keys}
	verdict := who.Decide(&r, nil, false)
	if verdict.Allowed && keys.unknown == "" {
		return nil
	}
	why := string(verdict.AppendReason(nil, action))
	if keys.unknown != "" { // a statement that denies may have asked for it
		why = keys.undecided()
	}
	return &awsrpc.Error{Code: "AccessDeniedException", Status: 403, Message: "User: " + who.ARN + " is not authorized to perform: " + action + " on resource: " + role + why}
}

// passKeys are the condition keys of iam:PassRole.
type passKeys struct {
	callKeys
	service string
}

// Key returns the values of a key.
func (k *passKeys) Key(name string) (policy.Values, bool) {
	switch name {
	case "iam:passedtoservice":
		return policy.One(k.service), true
	case "iam:associatedresourcearn":
		k.unknown = name
		return policy.Values{}, false
	}
	return k.callKeys.Key(name)
}
