package gatewaytest

import "gatehouse/internal/gateway"

// An APIKey is a key to be made, with its memberships.
type APIKey struct {
	ID      string
	Value   string
	Enabled bool
	Members []gateway.Member
}

// Keys makes the keys of a list.
func Keys(list []APIKey) (*gateway.Keys, error) {
	ring := gateway.NewKeyring()
	members := map[[2]string]gateway.Member{}
	for i := range list {
		k := &list[i]
		if err := ring.Put(k.ID, k.Value, k.Enabled); err != nil {
			return nil, err
		}
		for _, m := range k.Members {
			members[[2]string{m.Plan.ID, k.ID}] = m
			if err := ring.Join(m.Plan.ID, k.ID); err != nil {
				return nil, err
			}
		}
	}
	return ring.Keys(func(plan, key string) gateway.Member { return members[[2]string{plan, key}] }), nil
}
