package integration

import (
	"gatehouse/internal/gateway"
	"gatehouse/internal/policy"
)

// Invalidators are those whom policies let invalidate what is cached.
//
// AWS: rest-execution.md §12: who has signed the request, and may
// execute-api:InvalidateCache on the method.
type Invalidators struct {
	Account string           // of the API
	Policy  *policy.Document // of the API; nil: it has none
}

const invalidateAction = "execute-api:InvalidateCache"

// include tells whether who sent x is one of them.
func (i *Invalidators) include(x *gateway.Exchange) bool {
	who := x.Identity.Principal
	if who == nil {
		return false
	}
	asked, err := x.Asked()
	if err != nil {
		return false
	}
	asked.Action = invalidateAction
	if e := x.Endpoint; e != nil && e.Policy != nil && !e.Policy.Evaluate(asked).Allowed() {
		return false
	}
	return who.Decide(asked, i.Policy, who.Account != i.Account).Allowed
}
