package integration

import (
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/awsclient"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/sigv4"
)

// CallersOwn are the credentials of an integration that is called as whoever
// has signed the request.
//
// AWS: API reference of Integration: "To require that the caller's identity be
// passed through from the request, specify the string".
const CallersOwn = "arn:aws:iam::*:user/*"

var (
	errNobody   = errors.New("the integration is called with the caller's credentials, and the method has none: its authorization must be AWS_IAM")
	errStranger = errors.New("the integration is called with the caller's credentials, and the caller is of another account than the API")
)

// callerOf is who has signed x, if it is one of the API's account.
//
// AWS: undocumented is what becomes of callers of other accounts. Here an API
// does nothing in the name of theirs.
func callerOf(x *gateway.Exchange, account string) (*identity.Credential, error) {
	c := x.Identity.Credential
	switch {
	case c == nil:
		return nil, errNobody
	case c.Principal.Account != account:
		return nil, errStranger
	}
	return c, nil
}

// callerCredentials are what x was signed with.
func callerCredentials(x *gateway.Exchange, account string) (awsclient.Credentials, error) {
	c, err := callerOf(x, account)
	if err != nil {
		return awsclient.Credentials{}, err
	}
	return awsclient.Credentials{Key: sigv4.Key{AccessKey: c.AccessKey, SecretKey: c.Secret.Reveal(), SessionToken: c.Token.Reveal()}}, nil
}

// callerMayInvoke demands that who has signed x may call a function.
func callerMayInvoke(x *gateway.Exchange, functionARN, account string) error {
	c, err := callerOf(x, account)
	if err != nil {
		return function.AccessDenied(err.Error())
	}
	return mayInvoke(c.Principal, functionARN, account, time.Now())
}

// mayInvoke demands that the policies of somebody let it call a function. That
// of the function is not asked, so it must be of the account.
func mayInvoke(who *identity.Principal, functionARN, account string, now time.Time) error {
	name, _ := function.Split(functionARN)
	v := who.Decide(&policy.Request{Principal: who.Principal, Action: "lambda:InvokeFunction", Resource: functionARN, Now: now, Keys: who},
		nil, who.Account != account || accountOf(name) != account)
	if !v.Allowed {
		return function.AccessDenied(fmt.Sprintf("User: %s is not authorized to perform: lambda:InvokeFunction on resource: %s", who.ARN, functionARN))
	}
	return nil
}
