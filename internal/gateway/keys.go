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
	number  uint32  // in buckets, as long as it is there
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

// A Member is a key's membership in a usage plan.
type Member struct {
	Plan  *UsagePlan
	Quota *limit.Quota // nil: the plan has no quota
}

// A UsagePlan has the rates of its keys, by their numbers: each key has buckets
// of its own, which count what it does on all stages of the plan together. Plans
// are told apart by their address.
type UsagePlan struct {
	ID      string
	Rate    *limit.Buckets // nil: the plan has no throttle
	Methods []PlanMethod   // with limits of their own
}

// A PlanMethod is a method with a limit of its own in a usage plan.
type PlanMethod struct {
	API, Stage   string
	ResourcePath string
	Method       string
	Rate         *limit.Buckets
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
func (m *Member) free() bool { return m.Quota == nil }

// Number tells the key apart from all others of its account and Region that are
// there at the same time. It is small.
func (k *Key) Number() uint32 { return k.number }

// Enabled tells whether the key opens methods that require one.
func (k *Key) Enabled() bool { return k.enabled }

// Method returns the plan's buckets for a request's method on a route, or nil.
// On a route of ANY the limit of the method itself comes before that of ANY.
func (p *UsagePlan) Method(st *Stage, rt *Route, method string) (b *limit.Buckets) {
	for i := range p.Methods {
		pm := &p.Methods[i]
		if pm.API != st.API || pm.Stage != st.Name || pm.ResourcePath != rt.ResourcePath {
			continue
		}
		if pm.Method == method {
			return pm.Rate
		}
		if pm.Method == rt.Method {
			b = pm.Rate
		}
	}
	return b
}
