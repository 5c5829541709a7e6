package compile

import (
	"slices"

	"gatehouse/internal/gateway"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
)

// A domainPolicy is the policy of a private custom domain, and the record that
// it was made of.
type domainPolicy struct {
	of  *record.DomainName
	doc *policy.Document
}

// privateHost makes what is private of a custom domain that these VPC endpoints
// are associated with; nil: it is a public one.
func (c *Compiler) privateHost(id domainID, associated []string) *gateway.PrivateHost {
	if !record.IsPrivateDomain(id.name) {
		return nil
	}
	rec := c.mirror.domains[id]
	return &gateway.PrivateHost{ARN: rec.PolicyARN(), Policy: c.domainPolicy(id, rec), Endpoints: c.opt.Endpoints, Associated: associated}
}

// domainPolicy compiles the policy of a private domain, once for each record.
// With one that cannot be read nobody is let in.
func (c *Compiler) domainPolicy(id domainID, rec *record.DomainName) *policy.Document {
	if made := c.domainPolicies[id]; made.of == rec {
		return made.doc
	}
	made := domainPolicy{of: rec}
	if text := str(rec.Policy); text != "" {
		doc, err := policy.Parse([]byte(text))
		if err != nil {
			c.opt.Log.Error("policy not understood, nobody is let in", "domain", id.name, "error", err)
		}
		made.doc = doc
	}
	c.domainPolicies[id] = made
	return made.doc
}

// associated are the VPC endpoints that are associated with each private
// custom domain.
func (m *mirror) associated() map[domainID][]string {
	list := make(map[domainID][]string)
	for key, access := range m.accesses {
		id := domainID{record.Scope{Account: access.Owner, Region: key.region}, access.Domain}
		list[id] = append(list[id], key.endpoint)
	}
	for _, endpoints := range list {
		slices.Sort(endpoints)
	}
	return list
}
