package apigateway

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/limit"
	"gatehouse/internal/usage"
)

func TestQuotaRefusals(t *testing.T) {
	c := newClient(t)
	const bad = "BadRequestException: "
	for _, tt := range []struct {
		quota doc
		want  string
	}{
		{doc{"period": "DAY"}, bad + "Usage Plan quota limit must be a non-negative numeric"},
		{doc{"limit": -1, "period": "DAY"}, bad + "Usage Plan quota limit must be a non-negative numeric"},
		{doc{"limit": 1}, bad + "Invalid Usage Plan quota period specified. Must be one of [DAY, WEEK, MONTH]"},
		{doc{"limit": 1, "period": "DAY", "offset": 1}, bad + "Usage Plan quota offset must be zero in the DAY period"},
		{doc{"limit": 1, "period": "WEEK", "offset": 7}, bad + "Usage Plan quota offset must be between 0 and 6 inclusive in the WEEK period"},
		{doc{"limit": 1, "period": "MONTH", "offset": 28}, bad + "Usage Plan quota offset must be between 0 and 27 inclusive in the MONTH period"},
		{doc{"limit": 1, "period": "MONTH", "offset": -1}, bad + "Usage Plan quota offset must be between 0 and 27 inclusive in the MONTH period"},
	} {
		if got := c.do("CreateUsagePlan", doc{"name": "q", "quota": tt.quota})["Error"]; got != tt.want {
			t.Errorf("quota %v: %v, want %q", tt.quota, got, tt.want)
		}
	}
	plan := c.must("CreateUsagePlan", doc{"name": "q", "quota": doc{"limit": 5, "period": "WEEK", "offset": 6}})
	if diff := cmp.Diff(doc{"limit": 5.0, "period": "WEEK", "offset": 6.0}, plan["quota"]); diff != "" {
		t.Errorf("quota (-want +got):\n%s", diff)
	}
	for _, tt := range []struct {
		ops  []doc
		want any // the error, or the quota
	}{
		{patch("replace", "/quota/period", "DAY"), bad + "Usage Plan quota offset must be zero in the DAY period"},
		{patch("replace", "/quota/limit", "many"), bad + "Usage Plan quota limit must be a non-negative numeric"},
		{patch("add", "/quota", "5"), bad + "Invalid patch path  '/quota' specified for op 'add'. Must be one of: [/apiStages, /productCode, " +
			"/quota/limit, /quota/offset, /quota/period, /throttle/burstLimit, /throttle/rateLimit]"},
		{patch("replace", "/quota/offset", "0", "replace", "/quota/period", "DAY", "add", "/quota/limit", "9"), doc{"limit": 9.0, "period": "DAY", "offset": 0.0}},
		{patch("remove", "/quota", nil), nil},
		{patch("add", "/quota/limit", "9"), bad + "Invalid Usage Plan quota period specified. Must be one of [DAY, WEEK, MONTH]"},
		{patch("add", "/quota/limit", "9", "add", "/quota/period", "MONTH"), doc{"limit": 9.0, "period": "MONTH", "offset": 0.0}},
	} {
		out := c.do("UpdateUsagePlan", doc{"usagePlanId": plan["id"], "patchOperations": tt.ops})
		got := out["Error"]
		if got == nil {
			got = out["quota"]
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.ops, diff)
		}
	}
}

// A usedPlan is a plan with some keys, which the data plane has bound.
type usedPlan struct {
	*client
	plan   string
	keys   []string
	quotas []*limit.Quota
}

func newUsedPlan(t *testing.T, s limit.QuotaSetting, quota doc, keys int) *usedPlan {
	c := newClient(t)
	up := &usedPlan{client: c, plan: c.must("CreateUsagePlan", doc{"name": "q", "quota": quota})["id"].(string)}
	for range keys {
		id := c.must("CreateApiKey", doc{"enabled": true})["id"].(string)
		c.must("CreateUsagePlanKey", doc{"usagePlanId": up.plan, "keyId": id, "keyType": "API_KEY"})
		up.keys = append(up.keys, id)
	}
	m := c.svc.opt.Usage.(*usage.Meter)
	bound := m.Bind(t.Context(), usage.Scope{Account: testAccount, Region: testRegion}, map[string]usage.PlanQuota{up.plan: {QuotaSetting: s, Keys: up.keys}})
	for _, id := range up.keys {
		up.quotas = append(up.quotas, bound[up.plan][id])
	}
	return up
}

func (up *usedPlan) take(key, n int) {
	for range n {
		up.quotas[key].TakeAt(time.Now())
	}
}

func (up *usedPlan) usage(start, end string, more ...any) doc {
	return up.do("GetUsage", with(doc{"usagePlanId": up.plan, "startDate": start, "endDate": end}, more...))
}

func rows(v ...float64) []any {
	var list []any
	for i := 0; i < len(v); i += 2 {
		list = append(list, []any{v[i], v[i+1]})
	}
	return list
}

func TestGetUsage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins on 2000-01-01
		up := newUsedPlan(t, limit.QuotaSetting{Limit: 10, Period: limit.Weekly}, doc{"limit": 10, "period": "WEEK"}, 3)
		up.take(0, 4) // a Saturday, the last day of its week
		time.Sleep(24 * time.Hour)
		up.take(0, 3)
		up.take(1, 11)
		time.Sleep(48 * time.Hour)
		up.take(0, 1)
		want := doc{"usagePlanId": up.plan, "startDate": "2000-01-01", "endDate": "2000-01-31", "values": doc{
			up.keys[0]: rows(4, 6, 3, 7, 0, 7, 1, 6),
			up.keys[1]: rows(0, 10, 10, 0, 0, 0, 0, 0),
		}}
		got := up.usage("2000-01-01", "2000-01-31")
		delete(got, "$")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("usage (-want +got):\n%s", diff)
		}
		// The first day shown is in the middle of a period.
		got = up.usage("2000-01-03", "2000-01-03", "keyId", up.keys[0])
		if diff := cmp.Diff(any(doc{up.keys[0]: rows(0, 7)}), got["values"]); diff != "" {
			t.Errorf("usage of one key and day (-want +got):\n%s", diff)
		}
		if got := up.usage("1999-12-01", "1999-12-31", "keyId", up.keys[2])["values"]; !cmp.Equal(got, any(doc{})) {
			t.Errorf("usage of a key that used nothing = %v, want none", got)
		}
		all := doc{}
		page := up.usage("2000-01-02", "2000-01-02", "limit", 1)
		for n := 0; ; n++ {
			for key, v := range page["values"].(doc) {
				all[key] = v
			}
			if page["position"] == nil || n > 2 {
				break
			}
			page = up.usage("2000-01-02", "2000-01-02", "limit", 1, "position", page["position"])
		}
		if diff := cmp.Diff(doc{up.keys[0]: rows(3, 7), up.keys[1]: rows(10, 0)}, all); diff != "" {
			t.Errorf("usage page by page (-want +got):\n%s", diff)
		}
	})
}

func TestUpdateUsage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := newUsedPlan(t, limit.QuotaSetting{Limit: 5, Period: limit.Monthly}, doc{"limit": 5, "period": "MONTH"}, 2)
		up.take(0, 5)
		time.Sleep(24 * time.Hour)
		update := func(key string, ops []doc) doc {
			return up.do("UpdateUsage", doc{"usagePlanId": up.plan, "keyId": key, "patchOperations": ops})
		}
		want := doc{"$": 200.0, "usagePlanId": up.plan, "startDate": "2000-01-01", "endDate": "2000-01-02", "values": doc{up.keys[0]: rows(5, 0, 0, 3)}}
		if diff := cmp.Diff(want, update(up.keys[0], patch("replace", "/remaining", "3"))); diff != "" {
			t.Errorf("UpdateUsage (-want +got):\n%s", diff)
		}
		up.take(0, 9)
		up.take(1, 9)
		if diff := cmp.Diff(any(doc{up.keys[0]: rows(3, 0), up.keys[1]: rows(5, 0)}), up.usage("2000-01-02", "2000-01-02")["values"]); diff != "" {
			t.Errorf("usage after the grant (-want +got):\n%s", diff)
		}
		for _, tt := range []struct {
			key  string
			ops  []doc
			want string
		}{
			{"nope", patch("replace", "/remaining", "3"), "NotFoundException: Invalid API Key identifier specified"},
			{up.keys[0], patch("replace", "/remaining", "-3"), "BadRequestException: Invalid value '-3' for /remaining. Must be a non-negative numeric"},
			{up.keys[0], patch("replace", "/remaining", "x"), "BadRequestException: Invalid value 'x' for /remaining. Must be a non-negative numeric"},
			{up.keys[0], patch("replace", "/quota/limit", "3"), "BadRequestException: Invalid patch path  '/quota/limit' specified for op 'replace'. Must be one of: [/remaining]"},
		} {
			if got := update(tt.key, tt.ops)["Error"]; got != tt.want {
				t.Errorf("UpdateUsage(%s, %v) = %v, want %q", tt.key, tt.ops, got, tt.want)
			}
		}
		up.must("UpdateUsagePlan", doc{"usagePlanId": up.plan, "patchOperations": patch("remove", "/quota", nil)})
		if got, want := update(up.keys[0], patch("replace", "/remaining", "3"))["Error"], "BadRequestException: Usage Plan "+up.plan+" has no quota"; got != want {
			t.Errorf("without a quota: %v, want %q", got, want)
		}
		if got := up.usage("2000-01-01", "2000-01-02")["values"]; !cmp.Equal(got, any(doc{})) {
			t.Errorf("usage without a quota = %v, want none", got)
		}
	})
}

func TestGetUsageRefusals(t *testing.T) {
	up := newUsedPlan(t, limit.QuotaSetting{Limit: 5}, doc{"limit": 5, "period": "DAY"}, 1)
	const bad = "BadRequestException: Invalid "
	for _, tt := range []struct {
		in   doc
		want string
	}{
		{doc{"usagePlanId": "nope"}, "NotFoundException: Invalid Usage Plan ID specified"},
		{doc{"keyId": "nope"}, "NotFoundException: Invalid API Key identifier specified"},
		{doc{"startDate": "2026-02-29"}, bad + "start date specified. Must be of the form yyyy-MM-dd"},
		{doc{"endDate": "tomorrow"}, bad + "end date specified. Must be of the form yyyy-MM-dd"},
		{doc{"endDate": "2025-12-31"}, bad + "date range specified. The end date must not be before the start date"},
		{doc{"endDate": "9999-12-31"}, bad + "date range specified. Must not be longer than 400 days"},
		{doc{"position": "nope!"}, bad + "position parameter specified"},
	} {
		in := doc{"usagePlanId": up.plan, "startDate": "2026-01-01", "endDate": "2026-01-31"}
		for k, v := range tt.in {
			in[k] = v
		}
		if got := up.do("GetUsage", in)["Error"]; got != tt.want {
			t.Errorf("GetUsage(%v) = %v, want %q", in, got, tt.want)
		}
	}
}
