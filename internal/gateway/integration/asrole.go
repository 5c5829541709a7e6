package integration

import (
	"context"
	"fmt"
	"time"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsclient"
	"gatehouse/internal/function"
	"gatehouse/internal/identity"
)

// AsRole calls functions as a role: what the role may call, and nothing else.
// The policy of a function is not asked, as it is where the caller's own
// policies decide within one account.
//
// AWS: integrations.md §7: a role may invoke a function that has no resource
// policy.
type AsRole struct {
	Next       function.Invoker
	Role       awsclient.Source // gives the role's session
	Identities *identity.Registry
	Account    string // of the functions that the role may call
}

// Invoke calls a function, if the role may.
func (a *AsRole) Invoke(ctx context.Context, in *function.Invocation) (*function.Result, error) {
	creds, err := a.Role.Credentials(ctx)
	if err != nil {
		return nil, function.AccessDenied(fmt.Sprintf("the role cannot be assumed: %v", err))
	}
	found, ok := a.Identities.Find(creds.Key.AccessKey, creds.Key.SessionToken)
	now := time.Now()
	if !ok || found.Expired(now) || !found.Active {
		return nil, function.AccessDenied("the role is not one of this server, so it may not call functions here")
	}
	if err := mayInvoke(found.Principal, in.Function, a.Account, now); err != nil {
		return nil, err
	}
	call := *in
	call.Source = function.Source{}
	return a.Next.Invoke(ctx, &call)
}

// accountOf is the account of a function.
func accountOf(functionARN string) string {
	parsed, err := arn.Parse(functionARN)
	if err != nil {
		return ""
	}
	return parsed.Account
}

var _ function.Invoker = (*AsRole)(nil)
