package gateway

import (
	"fmt"

	"gatehouse/internal/limit"
)

// Keys are the API keys of one account and Region, by value. They are made
// once and not changed.
type Keys struct {
	byValue map[string]*Key
}

// A Key is an API key.
type Key struct {
	ID      string
	Value   string
	Enabled bool
	Members []Member
}

// A Member is a key's membership in a usage plan. Its buckets are the key's
// own: they count what it does on all stages of the plan together.
type Member struct {
	Plan *UsagePlan
	Rate *limit.Bucket // nil: the plan has no throttle
	// Methods are the buckets of the plan's limits for single methods, in the
	// order of Plan.Methods.
	Methods []*limit.Bucket
	Quota   *limit.Quota // nil: the plan has no quota
}

// A UsagePlan says which of its limits belong to which method. Plans are told
// apart by their address.
type UsagePlan struct {
	ID      string
	Methods []PlanMethod
}

// A PlanMethod is a method with a limit of its own in a usage plan.
type PlanMethod struct {
	API, Stage   string
	ResourcePath string
	Method       string
}

// NewKeys makes an index of keys, none of which may be changed afterwards.
func NewKeys(keys []*Key) (*Keys, error) {
	k := &Keys{byValue: make(map[string]*Key, len(keys))}
	for _, key := range keys {
		if k.byValue[key.Value] != nil {
			return nil, fmt.Errorf("api key %s: its value is that of another", key.ID)
		}
		k.byValue[key.Value] = key
	}
	return k, nil
}

// Find returns the key of a value, or nil.
func (k *Keys) Find(value string) *Key {
	if k == nil {
		return nil
	}
	return k.byValue[value]
}

// Member returns the key's membership in one of plans, or nil. AWS refuses to
// put one key into two plans of the same stage.
func (k *Key) Member(plans []*UsagePlan) *Member {
	for i := range k.Members {
		for _, p := range plans {
			if k.Members[i].Plan == p {
				return &k.Members[i]
			}
		}
	}
	return nil
}

// Method returns the plan's bucket for a request's method on a route, or nil.
// On a route of ANY the limit of the method itself comes before that of ANY.
func (m *Member) Method(st *Stage, rt *Route, method string) (b *limit.Bucket) {
	for i := range m.Plan.Methods {
		pm := &m.Plan.Methods[i]
		if pm.API != st.API || pm.Stage != st.Name || pm.ResourcePath != rt.ResourcePath {
			continue
		}
		if pm.Method == method {
			return m.Methods[i]
		}
		if pm.Method == rt.Method {
			b = m.Methods[i]
		}
	}
	return b
}
