package apigateway

import (
	"context"
	"slices"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// All texts are recorded (test_usage_plan_crud) unless they say otherwise.

func errUsagePlan() error { return api.NotFoundException("Invalid Usage Plan ID specified") }

func errAPIStage() error { return api.BadRequestException("Invalid API Stage specified") }

// CreateUsagePlan creates a usage plan.
func (s *Service) CreateUsagePlan(ctx context.Context, in *api.CreateUsagePlanInput) (*api.UsagePlan, error) {
	t := s.tables(ctx)
	plan := record.UsagePlan{Scope: t.Scope, UsagePlan: api.UsagePlan{
		Name: in.Name, Description: text(in.Description), ApiStages: in.ApiStages, Throttle: in.Throttle, Quota: in.Quota,
	}}
	if plan.ApiStages == nil {
		plan.ApiStages = []api.ApiStage{}
	}
	if len(in.Tags) > 0 {
		plan.Tags = in.Tags
	}
	if err := checkTags(plan.Tags); err != nil {
		return nil, err
	}
	err := s.commit(ctx, func(c *store.Change) error {
		if err := checkCount(ctx, s.st, t.UsagePlans, s.opt.Limits.UsagePlans, errLimit("Usage Plans")); err != nil {
			return err
		}
		plan.Id = new(newID(shortIDLen))
		if err := checkUsagePlan(&plan.UsagePlan); err != nil {
			return err
		}
		for i, stage := range plan.ApiStages {
			if str(stage.ApiId) == "" || str(stage.Stage) == "" {
				// AWS: aws-sdk issue 354 shows the text with its placeholders.
				return api.BadRequestException("Invalid API Stage {api: %s, stage: %s} specified for usageplan %s")
			}
			if err := s.requirePlanStage(ctx, c, t, *plan.Id, str(stage.ApiId), str(stage.Stage)); err != nil {
				return err
			}
			if slices.ContainsFunc(plan.ApiStages[:i], func(other api.ApiStage) bool { return sameStage(other, stage) }) {
				return errAPIStage()
			}
		}
		c.Require(t.UsagePlans.Absent(*plan.Id))
		store.Add(c, t.UsagePlans, *plan.Id, plan)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &plan.UsagePlan, nil
}

// checkUsagePlan refuses what AWS refuses and what would not act.
func checkUsagePlan(plan *api.UsagePlan) error {
	if str(plan.Name) == "" {
		return api.BadRequestException("Usage Plan name cannot be an empty string") // AWS: undocumented text
	}
	if err := checkQuota(plan.Quota); err != nil {
		return err
	}
	if err := checkThrottle(plan.Throttle); err != nil {
		return err
	}
	for _, stage := range plan.ApiStages {
		if len(stage.Throttle) > 0 && plan.Throttle == nil {
			// AWS: aws-cdk pull request 6411 shows the text.
			return api.BadRequestException("Can not define fine grain throttling if usage plan throttle is not defined.")
		}
		for _, key := range sortedKeys(stage.Throttle) {
			path, method := record.SplitMethodKey(key)
			if !strings.HasPrefix(path, "/") || strings.Contains(path, "*") || !slices.Contains(httpMethods, method) {
				// AWS: undocumented text; the limit would act on nothing.
				return api.BadRequestException("Invalid method throttle specified: " + key + ". Must be {resourcePath}/{httpMethod}")
			}
			if err := checkThrottle(new(stage.Throttle[key])); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkThrottle refuses limits that are none. AWS: a burst above the rate is
// one (recorded: test_create_usage_plan_with_throttle).
func checkThrottle(th *api.ThrottleSettings) error {
	if th == nil {
		return nil
	}
	if th.BurstLimit != nil && *th.BurstLimit < 0 || th.RateLimit != nil && !(*th.RateLimit >= 0 && *th.RateLimit < 1e15) {
		return api.BadRequestException("Invalid throttle settings specified. Limits must not be negative") // AWS: undocumented text
	}
	return nil
}

func sameStage(a, b api.ApiStage) bool {
	return str(a.ApiId) == str(b.ApiId) && str(a.Stage) == str(b.Stage)
}

// requirePlanStage demands that a stage a plan names is there.
func (s *Service) requirePlanStage(ctx context.Context, c *store.Change, t record.Tables, plan, restAPI, stage string) error {
	missing := api.NotFoundException("Invalid API Stage {api: " + restAPI + ", stage: " + stage + "} specified for usageplan " + plan)
	key := store.ID(restAPI, stage)
	_, rev, err := t.Stages.Find(ctx, missing, restAPI, stage)
	if err == nil {
		c.Require(t.Stages.Is(key, rev))
		return nil
	}
	// A plan may have stages of WebSocket APIs, too (websocket-execution.md §10).
	if other, _, err := t.APIs.Get(ctx, restAPI); err != nil || str(other.ProtocolType) != v2.ProtocolTypeWebsocket && !s.opt.HTTPKeys {
		return missing
	}
	if _, rev, err = t.APIStages.Find(ctx, missing, restAPI, stage); err == nil {
		c.Require(t.APIStages.Is(key, rev))
	}
	return err
}

// GetUsagePlan returns one plan.
func (s *Service) GetUsagePlan(ctx context.Context, in *api.GetUsagePlanInput) (*api.UsagePlan, error) {
	plan, _, err := s.tables(ctx).UsagePlans.Find(ctx, errUsagePlan(), str(in.UsagePlanId))
	if err != nil {
		return nil, err
	}
	plan.Tags = shownTags(plan.Tags)
	return &plan.UsagePlan, nil
}

// GetUsagePlans lists plans, or those that have one key.
func (s *Service) GetUsagePlans(ctx context.Context, in *api.GetUsagePlansInput) (*api.UsagePlans, error) {
	t := s.tables(ctx)
	rows, err := t.UsagePlans.All(ctx)
	if err != nil {
		return nil, err
	}
	var plans []api.UsagePlan
	for _, row := range rows {
		if in.KeyId != nil {
			_, rev, err := t.UsagePlanKeys.Find(ctx, nil, row.ID, *in.KeyId)
			if err != nil {
				return nil, err
			}
			if rev == 0 {
				continue
			}
		}
		plans = append(plans, row.Value.UsagePlan)
	}
	items, next, err := page(plans, func(p *api.UsagePlan) string { return *p.Id }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.UsagePlans{Items: items, Position: next}, nil
}

// UpdateUsagePlan changes a plan, which acts at once.
func (s *Service) UpdateUsagePlan(ctx context.Context, in *api.UpdateUsagePlanInput) (*api.UsagePlan, error) {
	t := s.tables(ctx)
	var plan record.UsagePlan
	err := s.commit(ctx, func(c *store.Change) (err error) {
		var rev store.Rev
		if plan, rev, err = t.UsagePlans.Find(ctx, errUsagePlan(), str(in.UsagePlanId)); err != nil {
			return err
		}
		pe := planEdit{UsagePlan: &plan.UsagePlan, require: func(restAPI, stage string) error {
			if err := s.requirePlanStage(ctx, c, t, *plan.Id, restAPI, stage); err != nil {
				return err
			}
			return s.requireOnePlan(ctx, t, *plan.Id, restAPI, stage)
		}}
		if err := usagePlanPatches.apply(&pe, in.PatchOperations); err != nil {
			return err
		}
		if err := checkUsagePlan(&plan.UsagePlan); err != nil {
			return err
		}
		c.Require(t.UsagePlans.Is(*plan.Id, rev))
		store.Add(c, t.UsagePlans, *plan.Id, plan)
		return nil
	})
	plan.Tags = shownTags(plan.Tags)
	return &plan.UsagePlan, err
}

// requireOnePlan refuses a stage to a plan if one of its keys is in another
// plan with that stage: it would not be known which limits hold.
func (s *Service) requireOnePlan(ctx context.Context, t record.Tables, plan, restAPI, stage string) error {
	members, err := ids(ctx, s.st, t.UsagePlanKeys)
	if err != nil {
		return err
	}
	own := map[string]bool{} // the plan's keys
	for _, id := range members {
		if id[0] == plan {
			own[id[1]] = true
		}
	}
	stages := []api.ApiStage{{ApiId: new(restAPI), Stage: new(stage)}}
	others := map[string]string{} // plans that share a key with this one, with the key
	for _, id := range members {
		if id[0] != plan && own[id[1]] {
			others[id[0]] = id[1]
		}
	}
	for _, other := range sortedKeys(others) {
		if err := requireUnplanned(ctx, t, others[other], other, stages); err != nil {
			return err
		}
	}
	return nil
}

// A planEdit is a usage plan being patched.
type planEdit struct {
	*api.UsagePlan
	require func(restAPI, stage string) error // demands a stage to be there and free
}

// usagePlanPatches is UpdateUsagePlan.
var usagePlanPatches = patchTable[planEdit]{other: patchStageThrottle, rules: usagePlanRules}

var usagePlanRules = []patchRule[planEdit]{
	{path: "/apiStages", add: func(pe *planEdit, o patchOp) error {
		stage, ok := parseAPIStage(o.value)
		if !ok {
			return errAPIStage()
		}
		if slices.ContainsFunc(pe.ApiStages, func(other api.ApiStage) bool { return sameStage(other, stage) }) {
			return nil
		}
		if err := pe.require(*stage.ApiId, *stage.Stage); err != nil {
			return err
		}
		pe.ApiStages = append(pe.ApiStages, stage)
		return nil
	}, remove: func(pe *planEdit, o patchOp) error {
		stage, ok := parseAPIStage(o.value)
		i := slices.IndexFunc(pe.ApiStages, func(other api.ApiStage) bool { return sameStage(other, stage) })
		switch {
		case !ok:
			return errAPIStage()
		case i < 0:
			return api.NotFoundException("Invalid API Stage {api: " + *stage.ApiId + ", stage: " + *stage.Stage + "} specified for usageplan " + str(pe.Id))
		}
		pe.ApiStages = slices.Delete(pe.ApiStages, i, i+1)
		return nil
	}},
	{path: "/description", replace: func(pe *planEdit, o patchOp) error { patchString(&pe.Description, o); return nil }},
	{path: "/name", replace: func(pe *planEdit, o patchOp) error { patchString(&pe.Name, o); return nil }},
	{path: "/productCode", add: refuseProductCode, replace: refuseProductCode, remove: func(*planEdit, patchOp) error { return nil }},
	{path: "/quota", remove: func(pe *planEdit, _ patchOp) error { pe.Quota = nil; return nil }},
	{path: "/quota/limit", add: setQuota, replace: setQuota},
	{path: "/quota/offset", add: setQuota, replace: setQuota},
	{path: "/quota/period", add: setQuota, replace: setQuota},
	{path: "/throttle", remove: func(pe *planEdit, _ patchOp) error { pe.Throttle = nil; return nil }},
	{path: "/throttle/burstLimit", add: setPlanThrottle, replace: setPlanThrottle},
	{path: "/throttle/rateLimit", add: setPlanThrottle, replace: setPlanThrottle},
}

func refuseProductCode(*planEdit, patchOp) error { return noProductCode.refuse("") }

// parseAPIStage reads {apiId}:{stage}.
func parseAPIStage(s string) (api.ApiStage, bool) {
	restAPI, stage, ok := strings.Cut(s, ":")
	return api.ApiStage{ApiId: new(restAPI), Stage: new(stage)}, ok && restAPI != "" && stage != ""
}

func setPlanThrottle(pe *planEdit, o patchOp) error {
	if pe.Throttle == nil {
		pe.Throttle = &api.ThrottleSettings{}
	}
	return setLimit(pe.Throttle, strings.TrimPrefix(o.path, "/throttle/"), o.value)
}

// setLimit sets one of the limits of a throttle.
func setLimit(th *api.ThrottleSettings, name, value string) error {
	if name == "burstLimit" {
		n, err := strconv.ParseInt(value, 10, 32)
		th.BurstLimit = new(int32(n))
		if err == nil {
			return nil
		}
	} else {
		r, err := strconv.ParseFloat(value, 64)
		th.RateLimit = new(r)
		if err == nil {
			return nil
		}
	}
	return api.BadRequestException("Invalid value '" + value + "' for " + name) // AWS: undocumented text
}

// patchStageThrottle does the operations on limits of single methods:
// /apiStages/{apiId}:{stage}/throttle/{resourcePath}/{httpMethod}[/{limit}].
// The resource's path may be escaped or not.
func patchStageThrottle(pe *planEdit, o patchOp) error {
	rest, ok := strings.CutPrefix(o.path, "/apiStages/")
	name, method, found := strings.Cut(rest, "/throttle")
	if !ok || !found || o.op == "copy" {
		return refuseUsagePlan(o)
	}
	stage, _ := parseAPIStage(unescapePointer(name))
	i := slices.IndexFunc(pe.ApiStages, func(other api.ApiStage) bool { return sameStage(other, stage) })
	if i < 0 {
		return errAPIStage()
	}
	limits := pe.ApiStages[i].Throttle
	if limits == nil {
		limits = map[string]api.ThrottleSettings{}
		pe.ApiStages[i].Throttle = limits
	}
	key, limit := splitThrottlePath(method)
	th, exists := limits[key]
	switch {
	case o.op == "remove" && method == "":
		clear(limits)
	case o.op == "remove" && limit == "" && exists:
		delete(limits, key)
	case o.op != "remove" && limit != "" && key != "":
		if err := setLimit(&th, limit, o.value); err != nil {
			return err
		}
		limits[key] = th
	default:
		return refuseUsagePlan(o)
	}
	if len(limits) == 0 {
		pe.ApiStages[i].Throttle = nil
	}
	return nil
}

// refuseUsagePlan is how usage plans refuse.
//
// AWS: boto3 issue 2629 shows the list for removals; the others are not known.
func refuseUsagePlan(o patchOp) error {
	if o.op != "remove" {
		return refuseListing(usagePlanRules, o)
	}
	return api.BadRequestException("Invalid patch path  '" + o.path + "' specified for op 'remove'. Must be one of: " +
		"[/apiStages, /quota, /throttle, /productCode, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>, /apiStages/<apidId:stageName>/throttle]")
}

// splitThrottlePath takes what follows …/throttle apart: the key of a method's
// limits ("/pets/GET") and the name of the limit, if there is one.
func splitThrottlePath(s string) (key, limit string) {
	for _, name := range []string{"rateLimit", "burstLimit"} {
		if rest, ok := strings.CutSuffix(s, "/"+name); ok {
			s, limit = rest, name
		}
	}
	key = "/" + strings.TrimLeft(unescapePointer(s), "/")
	if i := strings.LastIndexByte(key, '/'); !slices.Contains(httpMethods, key[i+1:]) {
		return "", limit
	}
	return key, limit
}

// DeleteUsagePlan removes a plan that no stage belongs to any more.
func (s *Service) DeleteUsagePlan(ctx context.Context, in *api.DeleteUsagePlanInput) error {
	t := s.tables(ctx)
	id := str(in.UsagePlanId)
	err := s.commit(ctx, func(c *store.Change) error {
		plan, rev, err := t.UsagePlans.Find(ctx, errUsagePlan(), id)
		if err != nil {
			return err
		}
		if len(plan.ApiStages) > 0 {
			// AWS: aws-sdk-js issue 3841 shows the text.
			first := plan.ApiStages[0]
			return api.BadRequestException("Cannot delete Usage Plan " + id + " because there are API Stages associated with it, including " +
				str(first.ApiId) + ":" + str(first.Stage))
		}
		c.Require(t.UsagePlans.Is(store.ID(id), rev))
		c.Do(t.UsagePlans.Delete(store.ID(id)))
		return nil
	})
	if err != nil {
		return err
	}
	keys, err := t.UsagePlanKeys.All(ctx, id)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(keys, store.MaxOps) {
		ops := make([]store.Op, len(batch))
		for i, row := range batch {
			ops[i] = t.UsagePlanKeys.Delete(row.ID)
		}
		if _, err := s.st.Commit(ctx, nil, ops); err != nil {
			return err
		}
	}
	return nil
}
