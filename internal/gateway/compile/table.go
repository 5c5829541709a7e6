package compile

import (
	"cmp"
	"slices"

	"gatehouse/internal/gateway"
	"gatehouse/internal/store"
	"gatehouse/internal/upstream"
)

// table puts together what is served as of a revision: the compiled stages,
// each with the callers of its account, and the custom domains.
func (c *Compiler) table(rev store.Rev) (*gateway.Table, error) {
	apis := make(map[apiID]*gateway.API)
	for id, b := range c.stages {
		key := apiID{id.Scope, id.api}
		a := apis[key]
		if a == nil {
			a = &gateway.API{ID: id.api, Stages: make(map[string]*gateway.Stage)}
			apis[key] = a
		}
		a.Stages[id.name] = c.withCallers(id, b.stage)
		a.Disabled = a.Disabled || b.disabled
	}
	hosts := c.hosts(apis)
	list := make([]*gateway.API, 0, len(apis))
	seen := make(map[string]apiID, len(apis))
	for id, a := range apis {
		if first, twice := seen[id.id]; twice {
			c.opt.Log.Error("two accounts or Regions have the same API id, one is not served", "api", id.id, "account", id.Account, "other", first.Account)
			continue
		}
		seen[id.id] = id
		list = append(list, a)
	}
	return gateway.NewTable(int64(rev), list, hosts)
}

// withCallers returns a stage that knows its callers; the router is shared.
func (c *Compiler) withCallers(id stageID, st *gateway.Stage) *gateway.Stage {
	cs := c.callers[id.Scope]
	if cs == nil {
		return st
	}
	own := *st
	own.Keys, own.UsagePlans = cs.keys, cs.plans[id]
	if st.Canary != nil {
		canary, other := *st.Canary, *st.Canary.Stage
		other.Keys, other.UsagePlans = own.Keys, own.UsagePlans
		canary.Stage = &other
		own.Canary = &canary
	}
	return &own
}

// hosts makes the custom domains. A mapping to a stage that is not served is
// left out: requests for it are forbidden, as for an unknown path.
func (c *Compiler) hosts(apis map[apiID]*gateway.API) []*gateway.Host {
	var hosts []*gateway.Host
	names := make(map[string]bool)
	for _, id := range c.mirror.sortedDomains() {
		if names[id.name] {
			c.opt.Log.Error("two Regions have the same domain name, one is not served", "domain", id.name, "region", id.Region)
			continue
		}
		names[id.name] = true
		h := &gateway.Host{Name: id.name}
		for _, rec := range c.mirror.mappings[id] {
			a := apis[apiID{id.Scope, str(rec.RestApiId)}]
			if a == nil {
				continue
			}
			m := gateway.Mapping{BasePath: str(rec.BasePath), API: a}
			if name := str(rec.Stage); name != "" {
				if m.Stage = a.Stages[name]; m.Stage == nil {
					continue
				}
			}
			h.Mappings = append(h.Mappings, m)
		}
		slices.SortFunc(h.Mappings, func(a, b gateway.Mapping) int { return cmp.Compare(a.BasePath, b.BasePath) })
		hosts = append(hosts, h)
	}
	return hosts
}

// clustersInUse are the backends that some stage may call.
func (c *Compiler) clustersInUse() map[upstream.Key]bool {
	all := make(map[upstream.Key]bool)
	for _, b := range c.stages {
		for k := range b.clusters {
			all[k] = true
		}
	}
	return all
}
