package step_test

import (
	"context"
	"errors"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/limit"
)

// faultType runs a step and returns the type of the fault it refuses with.
func faultType(t *testing.T, s gateway.Step, x *gateway.Exchange) string {
	t.Helper()
	err := s.Do(context.Background(), x)
	if err == nil {
		return ""
	}
	var f *gateway.Fault
	if !errors.As(err, &f) {
		t.Fatalf("Do = %v, want a fault", err)
	}
	return f.Type.String()
}

// AWS: rest-execution.md §8.
func TestAPIKey(t *testing.T) {
	mine, other := &gateway.UsagePlan{ID: "mine"}, &gateway.UsagePlan{ID: "other"}
	keys, err := gatewaytest.Keys([]gatewaytest.APIKey{
		{ID: "1", Value: "good", Enabled: true, Members: []gateway.Member{{Plan: other}, {Plan: mine}}},
		{ID: "2", Value: "disabled", Members: []gateway.Member{{Plan: mine}}},
		{ID: "3", Value: "elsewhere", Enabled: true, Members: []gateway.Member{{Plan: other}}},
		{ID: "4", Value: "alone", Enabled: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		required bool
		key      string
		want     string
		id       string // $context.identity.apiKeyId
		member   bool   // held to its plan
	}{
		{"good", true, "good", "", "1", true},
		{"missing", true, "", "INVALID_API_KEY", "", false},
		{"unknown", true, "GOOD", "INVALID_API_KEY", "", false},
		{"disabled", true, "disabled", "INVALID_API_KEY", "2", true},
		{"not in a plan of this stage", true, "elsewhere", "INVALID_API_KEY", "3", false},
		{"in no plan", true, "alone", "INVALID_API_KEY", "4", false},
		{"not required, missing", false, "", "", "", false},
		{"not required, unknown", false, "nobody", "", "", false},
		{"not required, in no plan", false, "alone", "", "4", false},
		{"not required, disabled: held to its plan all the same", false, "disabled", "", "2", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := &gateway.Exchange{Stage: &gateway.Stage{Keys: keys, UsagePlans: []*gateway.UsagePlan{mine}}}
			x.Vars.APIKey = tt.key
			got := faultType(t, &step.APIKey{Required: tt.required}, x)
			if got != tt.want || x.Vars.APIKeyID != tt.id || (x.Member != nil) != tt.member {
				t.Errorf("key %q: fault %q, id %q, member %v; want %q, %q, %v", tt.key, got, x.Vars.APIKeyID, x.Member, tt.want, tt.id, tt.member)
			}
		})
	}
	x := &gateway.Exchange{Stage: new(gateway.Stage)}
	x.Vars.APIKey = "good"
	if got := faultType(t, &step.APIKey{Required: true}, x); got != "INVALID_API_KEY" {
		t.Errorf("a stage without keys: %q, want INVALID_API_KEY", got)
	}
}

func TestKeyringRefuses(t *testing.T) {
	if _, err := gatewaytest.Keys([]gatewaytest.APIKey{{ID: "1", Value: "v"}, {ID: "2", Value: "v"}}); err == nil {
		t.Error("two keys of one value: no error")
	}
}

// TestThrottle takes until each limit in turn is the one that is used up.
//
// AWS: rest-execution.md §8, §9.
func TestThrottle(t *testing.T) {
	const slow = 1e-6
	rt := &gateway.Route{Method: "GET", ResourcePath: "/pets"}
	st := &gateway.Stage{API: "a", Name: "s"}
	bucket := func(n int) *limit.Bucket { return limit.NewBucket(slow, n) }
	many := func(n int) *limit.Buckets { return limit.NewBuckets(slow, n) }
	tests := []struct {
		name          string
		method, plan  *limit.Buckets
		stage, accout *limit.Bucket
		want          int // requests that pass
	}{
		{"plan's method", many(1), many(9), bucket(9), bucket(9), 1},
		{"plan, though the method is looser", many(9), many(2), bucket(9), bucket(9), 2},
		{"stage", many(9), many(9), bucket(3), bucket(9), 3},
		{"account", many(9), many(9), bucket(9), bucket(4), 4},
		{"no plan throttle", nil, nil, bucket(5), nil, 5},
		{"blocked", nil, nil, limit.NewBucket(0, 0), nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &step.Throttle{Method: tt.stage, Account: tt.accout}
			plan := &gateway.UsagePlan{Rate: tt.plan, Methods: []gateway.PlanMethod{
				{API: "a", Stage: "other", ResourcePath: "/pets", Method: "GET", Rate: many(0)}, {API: "a", Stage: "s", ResourcePath: "/pets", Method: "GET", Rate: tt.method}}}
			x := &gateway.Exchange{Stage: st, Route: rt, Key: new(gateway.Key), Member: &gateway.Member{Plan: plan}}
			got := 0
			for faultType(t, s, x) == "" {
				got++
			}
			if got != tt.want {
				t.Errorf("%d requests pass, want %d", got, tt.want)
			}
		})
	}
}
