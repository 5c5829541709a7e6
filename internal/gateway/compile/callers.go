package compile

import (
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
	ring := c.mirror.keys[s]
	if len(c.mirror.plans[s]) == 0 && ring == nil {
		delete(c.callers, s)
		return
	}
	type limits struct {
		plan  *gateway.UsagePlan
		rec   *record.UsagePlan
		rates []api.ThrottleSettings
	}
	plans := make(map[string]limits)
	cs := &callers{plans: make(map[stageID][]*gateway.UsagePlan)}
	for _, id := range slices.Sorted(maps.Keys(c.mirror.plans[s])) {
		rec := c.mirror.plans[s][id]
		plan := &gateway.UsagePlan{ID: id}
		plans[id] = limits{plan, rec, planMethods(plan, rec)}
		for _, st := range rec.ApiStages {
			place := stageID{s, str(st.ApiId), str(st.Stage)}
			cs.plans[place] = append(cs.plans[place], plan)
		}
	}
	if ring != nil {
		cs.keys = ring.Keys(func(plan, key string) gateway.Member {
			l, ok := plans[plan]
			if !ok {
				return gateway.Member{} // the plan is being deleted
			}
			m := c.member(s, l.plan, l.rec, l.rates, key)
			m.Quota = quotas[plan][key]
			return m
		})
	}
	c.callers[s] = cs
}

// planQuotas are the quotas of a scope's plans, with the keys they hold for.
func (c *Compiler) planQuotas(s record.Scope) map[string]usage.PlanQuota {
	quotas := make(map[string]usage.PlanQuota)
	for id, rec := range c.mirror.plans[s] {
		setting, ok := rec.QuotaSetting()
		if !ok {
			continue
		}
		quota := usage.PlanQuota{QuotaSetting: setting}
		if ring := c.mirror.keys[s]; ring != nil {
			quota.Keys = ring.In(id)
		}
		quotas[id] = quota
	}
	return quotas
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
