package step

import (
	"context"

	"gatehouse/internal/gateway"
	"gatehouse/internal/limit"
)

// Throttle refuses requests beyond a rate, or beyond the quota of their key.
// Buckets that are nil do not limit.
type Throttle struct {
	Method  *limit.Bucket // the method's own setting, else the stage's default
	Account *limit.Bucket
}

var (
	throttled     = gateway.NewFault(gateway.Throttled, nil)
	quotaExceeded = gateway.NewFault(gateway.QuotaExceeded, nil)
)

// Do takes a token from every bucket that applies.
//
// AWS: rest-execution.md §9: usage plan per method, then per client; stage;
// account. The first that has none wins. §8: a looser limit for a method does
// not escape that of the plan. execution.md §3, step 13: the quota is asked
// after the plan's rates and before the stage's; but as requests that are
// throttled do not count (§8), it is taken from last.
func (s *Throttle) Do(_ context.Context, x *gateway.Exchange) error {
	now := x.Vars.Start
	if m := x.Member; m != nil {
		if len(m.Plan.Methods) > 0 {
			if b := m.Plan.Method(x.Stage, x.Route, x.Vars.HTTPMethod); b != nil && !b.TakeAt(x.Key.Number(), now) {
				return throttled
			}
		}
		if b := m.Plan.Rate; b != nil && !b.TakeAt(x.Key.Number(), now) {
			return throttled
		}
		if m.Quota != nil && m.Quota.LeftAt(now) == 0 {
			return quotaExceeded
		}
	}
	if s.Method != nil && !s.Method.TakeAt(now) {
		return throttled
	}
	if s.Account != nil && !s.Account.TakeAt(now) {
		return throttled
	}
	if m := x.Member; m != nil && m.Quota != nil && !m.Quota.TakeAt(now) {
		return quotaExceeded
	}
	return nil
}

var _ gateway.Prompt = (*Throttle)(nil)

// Prompt implements gateway.Prompt.
func (*Throttle) Prompt() {}
