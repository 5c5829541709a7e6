package compile

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/gateway"
	"gatehouse/internal/limit"
	"gatehouse/internal/record"
	"gatehouse/internal/usage"
)

// callers are who may call the stages of one account and Region: its API keys
// and, by stage, its usage plans. They act without a deployment, so stages are
// given them anew whenever they change.
type callers struct {
	keys  *gateway.Keys
	plans map[stageID][]*gateway.UsagePlan
}

// compileCallers makes the callers of a scope.
func (c *Compiler) compileCallers(ctx context.Context, s record.Scope) {
	quotas := c.opt.Quotas.Bind(ctx, usage.Scope(s), c.planQuotas(s))
	if len(c.mirror.plans[s])+len(c.mirror.apiKeys[s]) == 0 {
		delete(c.callers, s)
		return
	}
	plans := make(map[string]*gateway.UsagePlan)
	cs := &callers{plans: make(map[stageID][]*gateway.UsagePlan)}
	members := make(map[string][]gateway.Member) // by key
	for _, id := range slices.Sorted(maps.Keys(c.mirror.plans[s])) {
		rec := c.mirror.plans[s][id]
		plan := &gateway.UsagePlan{ID: id}
		rates := planMethods(plan, rec)
		plans[id] = plan
		for _, st := range rec.ApiStages {
			place := stageID{s, str(st.ApiId), str(st.Stage)}
			cs.plans[place] = append(cs.plans[place], plan)
		}
		for key := range c.mirror.members[planID{s, id}] {
			m := c.member(s, plan, rec, rates, key)
			m.Quota = quotas[id][key]
			members[key] = append(members[key], m)
		}
	}
	keys, err := gateway.NewKeys(c.keys(s, members))
	if err != nil {
		// Values are made unique before, and an id is short, so this cannot be.
		c.opt.Log.Error("API keys not taken over, the ones before stay in force", "account", s.Account, "region", s.Region, "error", err)
		return
	}
	cs.keys = keys
	c.callers[s] = cs
}

// planQuotas are the quotas of a scope's plans, with the keys they hold for.
func (c *Compiler) planQuotas(s record.Scope) map[string]usage.PlanQuota {
	quotas := make(map[string]usage.PlanQuota)
	for id, rec := range c.mirror.plans[s] {
		if setting, ok := rec.QuotaSetting(); ok {
			quotas[id] = usage.PlanQuota{QuotaSetting: setting, Keys: slices.Collect(maps.Keys(c.mirror.members[planID{s, id}]))}
		}
	}
	return quotas
}

// keys makes the API keys of a scope. The service reserves values, so that two
// keys have the same in a damaged store only: then the older one has it.
func (c *Compiler) keys(s record.Scope, members map[string][]gateway.Member) []gateway.APIKey {
	all := c.mirror.apiKeys[s]
	list := make([]gateway.APIKey, 0, len(all))
	byValue := make(map[string]bool, len(all))
	for _, id := range slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(all[a].Created.Compare(all[b].Created), cmp.Compare(a, b))
	}) {
		value := str(all[id].Value)
		if byValue[value] {
			c.opt.Log.Error("two API keys have the same value, the newer one is not served", "account", s.Account, "region", s.Region, "key", id)
			continue
		}
		byValue[value] = true
		list = append(list, gateway.APIKey{ID: id, Value: value, Enabled: isTrue(all[id].Enabled), Members: members[id]})
	}
	return list
}

// planMethods fills in the methods that have limits of their own in a plan,
// and returns these limits in the same order.
func planMethods(plan *gateway.UsagePlan, rec *record.UsagePlan) []api.ThrottleSettings {
	var rates []api.ThrottleSettings
	for _, st := range rec.ApiStages {
		for _, key := range slices.Sorted(maps.Keys(st.Throttle)) {
			path, method := record.SplitMethodKey(key)
			plan.Methods = append(plan.Methods, gateway.PlanMethod{API: str(st.ApiId), Stage: str(st.Stage), ResourcePath: path, Method: method})
			rates = append(rates, st.Throttle[key])
		}
	}
	return rates
}

// member makes a key's membership in a plan. Its buckets are its own, and are
// found again when the plan is compiled anew.
func (c *Compiler) member(s record.Scope, plan *gateway.UsagePlan, rec *record.UsagePlan, rates []api.ThrottleSettings, key string) gateway.Member {
	name := "key " + s.Account + " " + s.Region + " " + plan.ID + " " + key
	m := gateway.Member{Plan: plan, Rate: c.throttle(name, rec.Throttle)}
	for i := range rates {
		pm := &plan.Methods[i]
		m.Methods = append(m.Methods, c.throttle(name+" "+pm.API+" "+pm.Stage+" "+pm.Method+" "+pm.ResourcePath, &rates[i]))
	}
	return m
}

// throttle is the bucket of throttle settings, or nil if there are none.
//
// AWS: undocumented is what holds when only one of both is given; we take a
// burst of one second's requests, and a rate that gives the burst back in one
// second.
func (c *Compiler) throttle(name string, t *api.ThrottleSettings) *limit.Bucket {
	switch {
	case t == nil || t.RateLimit == nil && t.BurstLimit == nil:
		return nil
	case t.BurstLimit == nil:
		return c.buckets.Bucket(name, *t.RateLimit, int(min(math.Ceil(*t.RateLimit), math.MaxInt32)))
	case t.RateLimit == nil:
		return c.buckets.Bucket(name, float64(*t.BurstLimit), int(*t.BurstLimit))
	}
	return c.buckets.Bucket(name, *t.RateLimit, int(*t.BurstLimit))
}

// accountBucket is the bucket that all stages of an account share, or nil.
func (c *Compiler) accountBucket(s record.Scope) *limit.Bucket {
	if c.opt.AccountRate <= 0 {
		return nil
	}
	return c.buckets.Bucket("account "+s.Account+" "+s.Region, float64(c.opt.AccountRate), c.opt.AccountBurst)
}
