package step

import (
	"context"
	"strings"

	"gatehouse/internal/gateway"
)

// NoRoute refuses a request that no route is for. It ends a stage's fallback
// plan.
type NoRoute struct{}

var missingToken = gateway.NewFault(gateway.MissingAuthenticationToken, nil)

// Do returns the fault.
//
// AWS: rest-execution.md §2.2 and authorizers.md §5: an Authorization header
// that is not SigV4 is parsed as one, and fails.
func (NoRoute) Do(_ context.Context, x *gateway.Exchange) error {
	a := x.Vars.Authorization
	if a == "" || strings.HasPrefix(a, "AWS4-") {
		return missingToken
	}
	return gateway.UnreadableSignature(a)
}

var _ gateway.Step = NoRoute{}
