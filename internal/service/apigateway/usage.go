package apigateway

import (
	"context"
	"slices"
	"strconv"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/limit"
	"gatehouse/internal/record"
	"gatehouse/internal/usage"
)

// A Meter knows what the data plane has counted.
type Meter interface {
	// Keys returns the ids of the keys of a plan that have counts for the days
	// from first to last, in order.
	Keys(ctx context.Context, p usage.Plan, first, last limit.Day) ([]string, error)
	// Usage returns the counts of some keys of a plan for the days from first
	// to last, as of now. Days without a count are missing.
	Usage(ctx context.Context, p usage.Plan, keys []string, first, last limit.Day) (map[string][]limit.Count, error)
	// Grant makes what a key has left of the present period what it is told,
	// and returns once that is durable.
	Grant(ctx context.Context, p usage.Plan, key string, s limit.QuotaSetting, left int64) error
}

// The texts of this file are undocumented unless they say otherwise.

// checkQuota refuses a quota that is none, and completes one.
//
// AWS: the texts are those that users of the public templates and providers
// report for CreateUsagePlan.
func checkQuota(q *api.QuotaSettings) error {
	if q == nil {
		return nil
	}
	if q.Limit == nil || *q.Limit < 0 {
		return api.BadRequestException("Usage Plan quota limit must be a non-negative numeric")
	}
	if q.Offset == nil {
		q.Offset = new(int32(0)) // recorded: test_usage_plan_crud
	}
	most, text := int32(0), ""
	switch str(q.Period) {
	case api.QuotaPeriodTypeDay:
		text = "Usage Plan quota offset must be zero in the DAY period"
	case api.QuotaPeriodTypeWeek:
		most, text = 6, "Usage Plan quota offset must be between 0 and 6 inclusive in the WEEK period"
	case api.QuotaPeriodTypeMonth:
		most, text = 27, "Usage Plan quota offset must be between 0 and 27 inclusive in the MONTH period"
	default:
		return api.BadRequestException("Invalid Usage Plan quota period specified. Must be one of [DAY, WEEK, MONTH]")
	}
	if *q.Offset < 0 || *q.Offset > most {
		return api.BadRequestException(text)
	}
	return nil
}

// setQuota does the operations on /quota/limit, /quota/offset and
// /quota/period. What they make together is checked with the plan.
func setQuota(pe *planEdit, o patchOp) error {
	q := api.QuotaSettings{}
	if pe.Quota != nil {
		q = *pe.Quota
	}
	pe.Quota = &q
	if o.path == "/quota/period" {
		q.Period = new(o.value)
		return nil
	}
	n, err := strconv.ParseInt(o.value, 10, 32)
	if o.path == "/quota/limit" {
		if err != nil {
			return api.BadRequestException("Usage Plan quota limit must be a non-negative numeric")
		}
		q.Limit = new(int32(n))
		return nil
	}
	if err != nil {
		return api.BadRequestException("Usage Plan quota offset must be a non-negative numeric")
	}
	q.Offset = new(int32(n))
	return nil
}

// GetUsage tells day by day what keys have used of a plan's quota and what was
// left of it at the end of the day, or is now.
//
// AWS: a key that has used nothing is left out; what a period's days used and
// what its last day left add up to the quota. Clients in the wild rely on both.
// Undocumented: a plan without a quota counts nothing.
func (s *Service) GetUsage(ctx context.Context, in *api.GetUsageInput) (*api.Usage, error) {
	if s.opt.Usage == nil {
		return s.UnimplementedServer.GetUsage(ctx, in)
	}
	t := s.tables(ctx)
	plan, _, err := t.UsagePlans.Find(ctx, errUsagePlan(), str(in.UsagePlanId))
	if err != nil {
		return nil, err
	}
	if in.KeyId != nil {
		if _, _, err := t.UsagePlanKeys.Find(ctx, errAPIKey(), *plan.Id, *in.KeyId); err != nil {
			return nil, err
		}
	}
	first, last, err := usageDays(in)
	if err != nil {
		return nil, err
	}
	out := &api.Usage{UsagePlanId: plan.Id, StartDate: in.StartDate, EndDate: in.EndDate, Items: map[string][][]int64{}}
	setting, ok := plan.QuotaSetting()
	if !ok {
		return out, nil
	}
	p := planOf(t.Scope, *plan.Id)
	keys, err := s.opt.Usage.Keys(ctx, p, setting.Start(first), last)
	if err != nil {
		return nil, err
	}
	if in.KeyId != nil {
		keys = slices.DeleteFunc(keys, func(key string) bool { return key != *in.KeyId })
	}
	keys, out.Position, err = page(keys, func(key *string) string { return *key }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	counts, err := s.opt.Usage.Usage(ctx, p, keys, setting.Start(first), last)
	for _, key := range keys {
		out.Items[key] = usageRows(setting, counts[key], first, last)
	}
	return out, err
}

func planOf(s record.Scope, id string) usage.Plan { return usage.Plan{Scope: usage.Scope(s), ID: id} }

// usageDays reads the days that GetUsage is asked for. Those to come have no
// usage and are cut off.
func usageDays(in *api.GetUsageInput) (first, last limit.Day, err error) {
	start, err := time.Parse(time.DateOnly, str(in.StartDate))
	if err != nil {
		return 0, 0, api.BadRequestException("Invalid start date specified. Must be of the form yyyy-MM-dd")
	}
	end, err := time.Parse(time.DateOnly, str(in.EndDate))
	if err != nil {
		return 0, 0, api.BadRequestException("Invalid end date specified. Must be of the form yyyy-MM-dd")
	}
	first, last = limit.DayOf(start), limit.DayOf(end)
	switch {
	case last < first:
		return 0, 0, api.BadRequestException("Invalid date range specified. The end date must not be before the start date")
	case last-first >= usage.Kept:
		return 0, 0, api.BadRequestException("Invalid date range specified. Must not be longer than " + strconv.Itoa(usage.Kept) + " days")
	}
	return first, min(last, limit.DayOf(time.Now())), nil
}

// usageRows are [used, remaining] of each day from first to last. The counts
// reach back to the start of the first day's period.
func usageRows(s limit.QuotaSetting, counts []limit.Count, first, last limit.Day) [][]int64 {
	byDay := make(map[limit.Day]limit.Count, len(counts))
	for _, c := range counts {
		byDay[c.Day] = c
	}
	rows := [][]int64{}
	left, end := s.Limit, s.End(first)
	for d := s.Start(first); d <= last; d++ {
		if d == end {
			left, end = s.Limit, s.End(d)
		}
		c := byDay[d]
		left += c.Granted - c.Used
		if d >= first {
			rows = append(rows, []int64{c.Used, max(0, left)})
		}
	}
	return rows
}

// UpdateUsage sets what a key has left of the present period of its quota. The
// answer shows the period so far.
func (s *Service) UpdateUsage(ctx context.Context, in *api.UpdateUsageInput) (*api.Usage, error) {
	if s.opt.Usage == nil {
		return s.UnimplementedServer.UpdateUsage(ctx, in)
	}
	t := s.tables(ctx)
	plan, _, err := t.UsagePlans.Find(ctx, errUsagePlan(), str(in.UsagePlanId))
	if err != nil {
		return nil, err
	}
	if _, _, err := t.UsagePlanKeys.Find(ctx, errAPIKey(), *plan.Id, str(in.KeyId)); err != nil {
		return nil, err
	}
	var left *int64
	if err := usagePatches.apply(&left, in.PatchOperations); err != nil {
		return nil, err
	}
	setting, ok := plan.QuotaSetting()
	if !ok {
		return nil, api.BadRequestException("Usage Plan " + *plan.Id + " has no quota")
	}
	p, key := planOf(t.Scope, *plan.Id), *in.KeyId
	if left != nil {
		if err := s.opt.Usage.Grant(ctx, p, key, setting, *left); err != nil {
			return nil, err
		}
	}
	today := limit.DayOf(time.Now())
	first := setting.Start(today)
	counts, err := s.opt.Usage.Usage(ctx, p, []string{key}, first, today)
	if err != nil {
		return nil, err
	}
	return &api.Usage{
		UsagePlanId: plan.Id, StartDate: new(first.String()), EndDate: new(today.String()),
		Items: map[string][][]int64{key: usageRows(setting, counts[key], first, today)},
	}, nil
}

// usagePatches is UpdateUsage.
var usagePatches = patchTable[*int64]{refuse: refuseListing[*int64], rules: []patchRule[*int64]{
	{path: "/remaining", replace: func(left **int64, o patchOp) error {
		n, err := strconv.ParseInt(o.value, 10, 32)
		if err != nil || n < 0 {
			return api.BadRequestException("Invalid value '" + o.value + "' for /remaining. Must be a non-negative numeric")
		}
		*left = new(n)
		return nil
	}},
}}
