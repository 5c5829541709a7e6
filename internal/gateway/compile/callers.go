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
	plans := make(map[string]*gateway.UsagePlan)
	cs := &callers{plans: make(map[stageID][]*gateway.UsagePlan)}
	for _, id := range slices.Sorted(maps.Keys(c.mirror.plans[s])) {
		rec := c.mirror.plans[s][id]
		plan := c.plan(s, id, rec)
		plans[id] = plan
		for _, st := range rec.ApiStages {
			place := stageID{s, str(st.ApiId), str(st.Stage)}
			cs.plans[place] = append(cs.plans[place], plan)
		}
	}
	if ring != nil {
		cs.keys = ring.Keys(func(plan, key string) gateway.Member {
			return gateway.Member{Plan: plans[plan], Quota: quotas[plan][key]} // no plan: it is being deleted
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

// plan makes a usage plan. The buckets of its keys are found again when it is
// compiled anew.
func (c *Compiler) plan(s record.Scope, id string, rec *record.UsagePlan) *gateway.UsagePlan {
	name := "plan " + s.Account + " " + s.Region + " " + id
	plan := &gateway.UsagePlan{ID: id, Rate: c.throttles(name, rec.Throttle)}
	for _, st := range rec.ApiStages {
		for _, key := range slices.Sorted(maps.Keys(st.Throttle)) {
			path, method := record.SplitMethodKey(key)
			pm := gateway.PlanMethod{API: str(st.ApiId), Stage: str(st.Stage), ResourcePath: path, Method: method}
			own := st.Throttle[key]
			pm.Rate = c.throttles(name+" "+pm.API+" "+pm.Stage+" "+pm.Method+" "+pm.ResourcePath, &own)
			plan.Methods = append(plan.Methods, pm)
		}
	}
	return plan
}

// throttles are the buckets of throttle settings, or nil if there are none.
func (c *Compiler) throttles(name string, t *api.ThrottleSettings) *limit.Buckets {
	if rate, burst, ok := rateOf(t); ok {
		return c.buckets.Buckets(name, rate, burst)
	}
	return nil
}

// rateOf reads throttle settings. It reports false if there are none.
//
// AWS: undocumented is what holds when only one of both is given; we take a
// burst of one second's requests, and a rate that gives the burst back in one
// second.
func rateOf(t *api.ThrottleSettings) (rate float64, burst int, ok bool) {
	switch {
	case t == nil || t.RateLimit == nil && t.BurstLimit == nil:
		return 0, 0, false
	case t.BurstLimit == nil:
		return *t.RateLimit, int(min(math.Ceil(*t.RateLimit), math.MaxInt32)), true
	case t.RateLimit == nil:
		return float64(*t.BurstLimit), int(*t.BurstLimit), true
	}
	return *t.RateLimit, int(*t.BurstLimit), true
}

// accountBucket is the bucket that all stages of an account share, or nil.
func (c *Compiler) accountBucket(s record.Scope) *limit.Bucket {
	if c.opt.AccountRate <= 0 {
		return nil
	}
	return c.buckets.Bucket("account "+s.Account+" "+s.Region, float64(c.opt.AccountRate), c.opt.AccountBurst)
}
