package compile

import (
	"maps"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/gateway"
	"gatehouse/internal/limit"
	"gatehouse/internal/record"
)

// callers are who may call the stages of one account and Region: its API keys
// and, by stage, its usage plans. They act without a deployment, so stages are
// given them anew whenever they change.
type callers struct {
	keys  *gateway.Keys
	plans map[stageID][]*gateway.UsagePlan
}

// compileCallers makes the callers of a scope.
func (c *Compiler) compileCallers(s record.Scope) {
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
			members[key] = append(members[key], c.member(s, plan, rec, rates, key))
		}
	}
	list := make([]*gateway.Key, 0, len(c.mirror.apiKeys[s]))
	for id, rec := range c.mirror.apiKeys[s] {
		list = append(list, &gateway.Key{ID: id, Value: str(rec.Value), Enabled: isTrue(rec.Enabled), Members: members[id]})
	}
	keys, err := gateway.NewKeys(list)
	if err != nil {
		// The service reserves values, so this is a damaged store. Whoever could
		// call before still can; nobody else gets in.
		c.opt.Log.Error("API keys not taken over, the ones before stay in force", "account", s.Account, "region", s.Region, "error", err)
		return
	}
	cs.keys = keys
	c.callers[s] = cs
}

// planMethods fills in the methods that have limits of their own in a plan,
// and returns these limits in the same order.
func planMethods(plan *gateway.UsagePlan, rec *record.UsagePlan) []api.ThrottleSettings {
	var rates []api.ThrottleSettings
	for _, st := range rec.ApiStages {
		for _, key := range slices.Sorted(maps.Keys(st.Throttle)) {
			i := strings.LastIndexByte(key, '/')
			if i < 0 {
				continue
			}
			plan.Methods = append(plan.Methods, gateway.PlanMethod{API: str(st.ApiId), Stage: str(st.Stage), ResourcePath: key[:i], Method: key[i+1:]})
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

// throttle is the bucket of throttle settings, or nil if there are none. A
// burst that is not given is one second's worth.
func (c *Compiler) throttle(name string, t *api.ThrottleSettings) *limit.Bucket {
	if t == nil || t.RateLimit == nil && t.BurstLimit == nil {
		return nil
	}
	rate, burst := 0.0, 0
	if t.RateLimit != nil {
		rate = *t.RateLimit
	}
	if t.BurstLimit != nil {
		burst = int(*t.BurstLimit)
	}
	return c.buckets.Bucket(name, rate, burst)
}

// accountBucket is the bucket that all stages of an account share, or nil.
func (c *Compiler) accountBucket(s record.Scope) *limit.Bucket {
	if c.opt.AccountRate <= 0 {
		return nil
	}
	return c.buckets.Bucket("account "+s.Account+" "+s.Region, float64(c.opt.AccountRate), c.opt.AccountBurst)
}
