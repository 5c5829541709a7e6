package gateway_test

import (
	"fmt"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/limit"
)

func TestKeysFind(t *testing.T) {
	free, fast, slow := &gateway.UsagePlan{ID: "free"}, &gateway.UsagePlan{ID: "fast"}, &gateway.UsagePlan{ID: "slow"}
	for _, n := range []int{0, 1, 2, 3, 5, 8, 100, 5000} {
		list := make([]gateway.APIKey, n)
		for i := range list {
			key := gateway.APIKey{ID: fmt.Sprint("id", i), Value: fmt.Sprintf("value-%d", i), Enabled: i%2 == 0}
			switch i % 4 {
			case 1:
				key.Members = []gateway.Member{{Plan: free}}
			case 2:
				key.Members = []gateway.Member{{Plan: fast, Rate: limit.NewBucket(1, i)}}
			case 3:
				key.Members = []gateway.Member{{Plan: free}, {Plan: slow, Rate: limit.NewBucket(1, i)}}
			}
			list[i] = key
		}
		keys, err := gateway.NewKeys(list)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range list {
			k := keys.Find(want.Value)
			if k == nil || keys.ID(k) != want.ID || k.Enabled() != want.Enabled {
				t.Fatalf("%d keys: Find(%q) = %v, want %s", n, want.Value, k, want.ID)
			}
			for _, plan := range []*gateway.UsagePlan{free, fast, slow} {
				var m gateway.Member
				for _, have := range want.Members {
					if have.Plan == plan {
						m = have
					}
				}
				got := keys.Member(k, []*gateway.UsagePlan{nil, plan})
				if (got != nil) != (m.Plan != nil) || got != nil && (got.Plan != m.Plan || got.Rate != m.Rate) {
					t.Errorf("%d keys: member %d of %s = %v, want %v", n, i, plan.ID, got, m)
				}
			}
		}
		for _, value := range []string{"", "value", "value-", "value-00", "Value-0", fmt.Sprintf("value-%d", n)} {
			if k := keys.Find(value); k != nil {
				t.Errorf("%d keys: Find(%q) = %s, want none", n, value, keys.ID(k))
			}
		}
	}
	if (*gateway.Keys)(nil).Find("value-0") != nil {
		t.Error("found among no keys")
	}
}

func TestKeysFindAllocs(t *testing.T) {
	keys := manyKeys(t, 1000, nil)
	if n := testing.AllocsPerRun(100, func() { _ = keys.ID(keys.Find(keyValue(7))) }); n > 2 { // keyValue's own
		t.Errorf("Find and ID allocate %v times, budget 0", n-2)
	}
}
