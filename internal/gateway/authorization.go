package gateway

import (
	"context"
	"strings"
)

// An Authorization is what an authorizer found out about the caller of an
// exchange. Exchanges of the same caller share it: it is not changed after it
// was made.
type Authorization struct {
	// Values are the authorizer's context and, if it has one, principalId, in
	// the order in which events list them; all are text.
	Values []AuthorizerValue
	// Claims are those of the token that was verified; nil: there was none.
	Claims []AuthorizerValue
	// UsageKey is the usageIdentifierKey: the API key of an API whose keys come
	// from its authorizers.
	UsageKey string

	// Policy is the text of the policy that a Lambda authorizer returned.
	Policy string

	// Event is requestContext.authorizer of events. Between its two parts goes
	// the latency, if Timed.
	Event [2]string
	Timed bool

	// Kind is the member of an HTTP API's events of format 2.0 that Event stands
	// in: jwt or lambda.
	Kind string
}

// An AuthorizerValue is one $context.authorizer.{name}.
type AuthorizerValue struct {
	Name, Value string
}

// Value returns $context.authorizer.{name}; ok is false if there is none.
func (a *Authorization) Value(name string) (value string, ok bool) {
	if a == nil {
		return "", false
	}
	return findValue(a.Values, name)
}

// Claim returns $context.authorizer.claims.{name}.
func (a *Authorization) Claim(name string) (value string, ok bool) {
	if a == nil {
		return "", false
	}
	return findValue(a.Claims, name)
}

func findValue(list []AuthorizerValue, name string) (string, bool) {
	for i := range list {
		if list[i].Name == name {
			return list[i].Value, true
		}
	}
	return "", false
}

// authorizerVar returns the getter of $context.authorizer.{name}.
//
// AWS: logging-metrics.md §1.2.
func authorizerVar(name string) Getter {
	switch name {
	case "latency", "integrationLatency":
		return func(dst []byte, x *Exchange) []byte {
			if x.Vars.AuthorizerStatus == 0 {
				return dst
			}
			return appendMillis(dst, x.Vars.AuthorizerLatency)
		}
	case "integrationStatus", "status":
		return func(dst []byte, x *Exchange) []byte { return appendStatus(dst, x.Vars.AuthorizerStatus) }
	case "requestId":
		return func(dst []byte, x *Exchange) []byte { return append(dst, x.Vars.AuthorizerRequestID...) }
	case "error":
		return appendAuthorizerError
	}
	if claim, ok := strings.CutPrefix(name, "claims."); ok {
		return func(dst []byte, x *Exchange) []byte {
			v, _ := x.Authorization.Claim(claim)
			return append(dst, v...)
		}
	}
	return func(dst []byte, x *Exchange) []byte {
		v, _ := x.Authorization.Value(name)
		return append(dst, v...)
	}
}

// An Authorizer finds out who sent an exchange. It is shared by all exchanges
// of its routes.
type Authorizer interface {
	// Authorize fills in x.Authorization and x.Allowed, or returns a *Fault to
	// refuse. One that has to wait returns ErrWouldWait if x.NoWait.
	Authorize(ctx context.Context, x *Exchange) error
}
