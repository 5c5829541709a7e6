package gateway

import (
	"hash/maphash"

	"gatehouse/internal/limit"
	"gatehouse/internal/wire"
)

// Keys are the API keys of one account and Region, by value. They are made
// by a [Keyring] and not changed.
//
// There may be millions of them, so they are packed into tables without
// pointers: values are known by their hashes only, ids stand in one text, and
// keys that have no limits of their own share their memberships. A look-up
// touches one cache line of the index and one of the keys.
type Keys struct {
	seeds   [2]maphash.Seed
	keys    []Key
	byValue index
	ids     []byte
	members []Member
	sets    []planSet
}

// A Key is an API key in its Keys.
type Key struct {
	hash    keyHash // of the value: no two keys have the same
	id      uint32  // where its id begins among ids
	member  uint32  // its first membership
	set     uint16  // the plans it is in
	idLen   uint8
	enabled bool
}

// A keyHash is 96 bits of a keyed hash, in words that leave a Key no gaps.
// Whoever does not know the seed finds no second value with it.
type keyHash struct {
	low  uint64
	high uint32
}

// A planSet is plans that some keys are in, by their ids, in order.
type planSet []string

// A Member is a key's membership in a usage plan. Its buckets are the key's
// own: they count what it does on all stages of the plan together.
type Member struct {
	Plan *UsagePlan
	Rate *limit.Bucket // nil: the plan has no throttle
	// Methods are the buckets of the plan's limits for single methods, in the
	// order of Plan.Methods.
	Methods []*limit.Bucket
	Quota   *limit.Quota // nil: the plan has no quota
}

// A UsagePlan says which of its limits belong to which method. Plans are told
// apart by their address.
type UsagePlan struct {
	ID      string
	Methods []PlanMethod
}

// A PlanMethod is a method with a limit of its own in a usage plan.
type PlanMethod struct {
	API, Stage   string
	ResourcePath string
	Method       string
}

// Len returns how many keys there are.
func (k *Keys) Len() int {
	if k == nil {
		return 0
	}
	return len(k.keys)
}

// Find returns the key of a value, or nil.
func (k *Keys) Find(value string) *Key {
	if k == nil || len(k.keys) == 0 {
		return nil
	}
	hash := hashValue(&k.seeds, value)
	mask := uint32(len(k.byValue.slots) - 1)
	tag := tagOf(hash.low)
	for at := uint32(hash.low) & mask; ; at = (at + 1) & mask {
		switch s := k.byValue.slots[at]; {
		case s == 0:
			return nil
		case s.tag() == tag && k.keys[s.place()].hash == hash:
			return &k.keys[s.place()]
		}
	}
}

// ID returns the id of a key of k. It is part of the text of all ids, which
// never changes.
func (k *Keys) ID(key *Key) string { return wire.String(k.idOf(key)) }

func (k *Keys) idOf(key *Key) []byte { return k.ids[key.id : key.id+uint32(key.idLen)] }

// Member returns the membership of a key of k in one of plans, or nil. AWS
// refuses to put one key into two plans of the same stage.
func (k *Keys) Member(key *Key, plans []*UsagePlan) *Member {
	members := k.members[key.member : int(key.member)+len(k.sets[key.set])]
	for i := range members {
		for _, p := range plans {
			if p != nil && members[i].Plan == p {
				return &members[i]
			}
		}
	}
	return nil
}

// free tells that a membership has no limits of its own.
func (m *Member) free() bool { return m.Rate == nil && m.Quota == nil && len(m.Methods) == 0 }

// Enabled tells whether the key opens methods that require one.
func (k *Key) Enabled() bool { return k.enabled }

// Method returns the plan's bucket for a request's method on a route, or nil.
// On a route of ANY the limit of the method itself comes before that of ANY.
func (m *Member) Method(st *Stage, rt *Route, method string) (b *limit.Bucket) {
	for i := range m.Plan.Methods {
		pm := &m.Plan.Methods[i]
		if pm.API != st.API || pm.Stage != st.Name || pm.ResourcePath != rt.ResourcePath {
			continue
		}
		if pm.Method == method {
			return m.Methods[i]
		}
		if pm.Method == rt.Method {
			b = m.Methods[i]
		}
	}
	return b
}
