package discovery

import (
	"fmt"
	"slices"
	"strings"
)

// A Change is what an operator decided about one endpoint of a cluster, over
// what its source says.
type Change struct {
	Address string `json:"address"`
	// Added: the endpoint is there, whether the source knows it or not.
	Added bool `json:"added,omitempty"`
	// Drained: the endpoint gets no new requests.
	Drained bool `json:"drained,omitempty"`
	// Weight replaces that of the source; 0: it does not.
	Weight int `json:"weight,omitempty"`
}

// Changes are all that operators decided about one cluster.
type Changes struct {
	// Off: no endpoint gets new requests.
	Off       bool     `json:"off,omitempty"`
	Endpoints []Change `json:"endpoints,omitempty"` // by address
}

// maxChanges bounds the changes of a cluster.
const maxChanges = 1000

// Check reports changes that cannot be.
func (c *Changes) Check() error {
	if len(c.Endpoints) > maxChanges {
		return fmt.Errorf("more than %d endpoints of the cluster were changed: take some changes back", maxChanges)
	}
	for _, e := range c.Endpoints {
		// Sockets of this machine are written down, and not added by hand.
		socket := !e.Added && strings.HasPrefix(e.Address, "unix:/")
		if err := checkAddress(e.Address); err != nil && !socket {
			return fmt.Errorf("%w: write host:port", err)
		}
		if e.Weight < 0 || e.Weight > maxWeight {
			return fmt.Errorf("the weight of %s is not between 1 and %d", e.Address, maxWeight)
		}
	}
	return nil
}

// Empty tells whether nothing is changed.
func (c *Changes) Empty() bool { return !c.Off && len(c.Endpoints) == 0 }

// Edit returns changes with the one of an endpoint replaced by what do makes of
// it. One that changes nothing any more is left out.
func (c *Changes) Edit(address string, do func(*Change) error) (Changes, error) {
	next := Changes{Off: c.Off, Endpoints: slices.Clone(c.Endpoints)}
	i, found := slices.BinarySearchFunc(next.Endpoints, address, func(e Change, a string) int { return strings.Compare(e.Address, a) })
	if !found {
		next.Endpoints = slices.Insert(next.Endpoints, i, Change{Address: address})
	}
	if err := do(&next.Endpoints[i]); err != nil {
		return *c, err
	}
	if next.Endpoints[i] == (Change{Address: address}) {
		next.Endpoints = slices.Delete(next.Endpoints, i, i+1)
	}
	return next, next.Check()
}

// over lays c over what was found, which is in the order of addresses.
func (c *Changes) over(found []Endpoint) []Endpoint {
	if c.Empty() {
		return found
	}
	list := make([]Endpoint, 0, len(found)+len(c.Endpoints))
	changed := make(map[string]*Change, len(c.Endpoints))
	for i := range c.Endpoints {
		changed[c.Endpoints[i].Address] = &c.Endpoints[i]
	}
	for _, e := range found {
		if ch := changed[e.Address]; ch != nil {
			delete(changed, e.Address)
			e.Draining = e.Draining || ch.Drained
			if ch.Weight > 0 {
				e.Weight = ch.Weight
			}
		}
		e.Draining = e.Draining || c.Off
		list = append(list, e)
	}
	for _, ch := range c.Endpoints {
		if changed[ch.Address] != nil && ch.Added && len(list) < maxEndpoints {
			list = append(list, Endpoint{Address: ch.Address, Weight: max(ch.Weight, 1), Draining: ch.Drained || c.Off})
		}
	}
	slices.SortFunc(list, func(a, b Endpoint) int { return strings.Compare(a.Address, b.Address) })
	return list
}
