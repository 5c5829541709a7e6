package gateway_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/limit"
)

func TestKeysFind(t *testing.T) {
	free, fast, slow := &gateway.UsagePlan{ID: "free"}, &gateway.UsagePlan{ID: "fast"}, &gateway.UsagePlan{ID: "slow"}
	for _, n := range []int{0, 1, 2, 3, 5, 8, 100, 5000} {
		list := make([]gatewaytest.APIKey, n)
		for i := range list {
			key := gatewaytest.APIKey{ID: fmt.Sprint("id", i), Value: fmt.Sprintf("value-%d", i), Enabled: i%2 == 0}
			switch i % 4 {
			case 1:
				key.Members = []gateway.Member{{Plan: free}}
			case 2:
				key.Members = []gateway.Member{{Plan: fast, Quota: quota(i)}}
			case 3:
				key.Members = []gateway.Member{{Plan: free}, {Plan: slow, Quota: quota(i)}}
			}
			list[i] = key
		}
		keys, err := gatewaytest.Keys(list)
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
				if (got != nil) != (m.Plan != nil) || got != nil && (got.Plan != m.Plan || got.Quota != m.Quota) {
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

// quota returns a quota that is no other.
func quota(n int) *limit.Quota {
	return limit.NewQuota(limit.QuotaSetting{Limit: int64(n)}, 0, nil)
}

func TestKeysFindAllocs(t *testing.T) {
	keys := manyKeys(t, 1000)
	if n := testing.AllocsPerRun(100, func() { _ = keys.ID(keys.Find(keyValue(7))) }); n > 2 { // keyValue's own
		t.Errorf("Find and ID allocate %v times, budget 0", n-2)
	}
}

// A keyring gives, after any changes, the keys that a map of the same changes
// has; and Keys made before do not change.
func TestKeyring(t *testing.T) {
	type state struct {
		value   string
		enabled bool
		plans   map[string]bool
	}
	r := rand.New(rand.NewPCG(1, 2))
	plans := map[string]*gateway.UsagePlan{"p0": {ID: "p0"}, "p1": {ID: "p1"}, "p2": {ID: "p2"}}
	make := func(ring *gateway.Keyring) *gateway.Keys {
		return ring.Keys(func(plan, key string) gateway.Member {
			m := gateway.Member{Plan: plans[plan]}
			if plan == "p2" {
				m.Quota = quota(len(key))
			}
			return m
		})
	}
	numbers := map[string]uint32{} // of keys that were there all the time
	check := func(what string, keys *gateway.Keys, want map[string]state) {
		t.Helper()
		taken := map[uint32]string{}
		if keys.Len() != len(want) {
			t.Fatalf("%s: %d keys, want %d", what, keys.Len(), len(want))
		}
		for id, w := range want {
			k := keys.Find(w.value)
			if k == nil || keys.ID(k) != id || k.Enabled() != w.enabled {
				t.Fatalf("%s: Find(%q) = %v, want %s", what, w.value, k, id)
			}
			if other, twice := taken[k.Number()]; twice || k.Number() >= 4096 {
				t.Fatalf("%s: %s and %s have number %d", what, id, other, k.Number())
			}
			taken[k.Number()] = id
			for name, plan := range plans {
				m := keys.Member(k, []*gateway.UsagePlan{plan})
				if (m != nil) != w.plans[name] || m != nil && (m.Plan != plan || (m.Quota != nil) != (name == "p2")) {
					t.Fatalf("%s: %s in %s: %v, want %v", what, id, name, m, w.plans[name])
				}
			}
		}
	}
	ring, have := gateway.NewKeyring(), map[string]state{}
	for round := range 60 {
		for range 200 {
			id := fmt.Sprint("key", r.IntN(300))
			plan := fmt.Sprint("p", r.IntN(3))
			s, ok := have[id]
			var err error
			switch op := r.IntN(6); {
			case op == 0 && ok:
				for plan := range plans {
					err = errors.Join(err, ring.Leave(plan, id))
				}
				ring.Remove(id)
				delete(have, id)
				delete(numbers, id)
			case op <= 2:
				if !ok {
					s = state{value: fmt.Sprint("value-", r.Uint64()), plans: map[string]bool{}}
				}
				s.enabled = r.IntN(2) == 0
				err = ring.Put(id, s.value, s.enabled)
				have[id] = s
			case ok:
				s.plans = maps.Clone(s.plans)
				if s.plans[plan] = op < 5; op < 5 {
					err = ring.Join(plan, id)
				} else {
					err = ring.Leave(plan, id)
				}
				have[id] = s
			default:
				err = errors.Join(ring.Join(plan, id), ring.Leave(plan, id)) // nobody
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		before, then := make(ring), maps.Clone(have)
		check("made", before, then)
		for id, s := range have {
			n := before.Find(s.value).Number()
			if had, was := numbers[id]; was && had != n {
				t.Fatalf("the number of %s changed from %d to %d", id, had, n)
			}
			numbers[id] = n
		}
		for plan := range plans {
			n := 0
			for _, s := range have {
				if s.plans[plan] {
					n++
				}
			}
			if in := ring.In(plan); len(in) != n {
				t.Fatalf("%d keys in %s, want %d", len(in), plan, n)
			}
		}
		if round%3 == 0 { // what comes next must not reach what was made
			for id, s := range have {
				ring.Remove(id)
				delete(numbers, id)
				check("made before a change", before, then)
				if err := ring.Put(id, s.value, s.enabled); err != nil { // comes back to its plans
					t.Fatal(err)
				}
				break
			}
		}
	}
	for id, s := range have {
		if err := ring.Put("another", s.value, true); err == nil {
			t.Errorf("two keys have the value of %s", id)
		}
		break
	}
}

// Plans that come and go do not use the room for sets of plans up.
func TestKeyringSets(t *testing.T) {
	ring := gateway.NewKeyring()
	if err := errors.Join(ring.Put("k", "value", true), ring.Put("other", "other value", true), ring.Join("stays", "other")); err != nil {
		t.Fatal(err)
	}
	for i := range 1 << 17 {
		plan := fmt.Sprint("plan", i)
		if err := errors.Join(ring.Join(plan, "k"), ring.Leave(plan, "k")); err != nil {
			t.Fatal(err)
		}
	}
	if in := ring.In("stays"); len(in) != 1 || in[0] != "other" {
		t.Errorf("in the plan that stays: %v, want other", in)
	}
}
