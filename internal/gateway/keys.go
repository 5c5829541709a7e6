package gateway

import (
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
	"slices"
	"strings"

	"gatehouse/internal/limit"
)

// Keys are the API keys of one account and Region, by value. They are made
// once and not changed.
//
// There may be millions of them, so they are packed into one table without
// pointers: values are known by their hashes only, ids stand in one text,
// and keys that have no limits of their own share their memberships. A look-up
// touches one cache line of the table.
type Keys struct {
	seeds   [2]maphash.Seed
	table   []Key // open addressing; a power of two, three quarters of it taken at most
	ids     string
	members []Member
}

// A Key is an API key in its Keys.
type Key struct {
	hash    [2]uint64 // of the value, by each seed: no two values have both
	id      uint32    // where its id begins among ids
	member  uint32    // its first membership
	count   uint16    // of memberships
	idLen   uint8
	taken   bool // false: this is no key
	enabled bool
}

// An APIKey is what a Key is made of.
type APIKey struct {
	ID      string
	Value   string
	Enabled bool
	Members []Member
}

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

// NewKeys makes an index of keys.
func NewKeys(keys []APIKey) (*Keys, error) {
	k := &Keys{
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		table: make([]Key, 1<<bits.Len(uint(len(keys)+len(keys)/3))),
	}
	var ids strings.Builder
	shared := make(map[*UsagePlan]uint32) // memberships without limits of their own
	for i := range keys {
		key := &keys[i]
		if len(key.ID) > math.MaxUint8 || len(key.Members) > math.MaxUint16 || ids.Len()+len(key.ID) > math.MaxUint32 {
			return nil, fmt.Errorf("api key %s: its id or the list of its plans is too long", key.ID)
		}
		hash := k.hash(key.Value)
		packed := k.find(hash)
		if packed.taken {
			return nil, fmt.Errorf("api key %s: its value is that of another", key.ID)
		}
		*packed = Key{
			hash: hash, taken: true, enabled: key.Enabled,
			id: uint32(ids.Len()), idLen: uint8(len(key.ID)),
			member: k.addMembers(key.Members, shared), count: uint16(len(key.Members)),
		}
		ids.WriteString(key.ID)
	}
	// Without the spare room that they grew into.
	k.ids, k.members = strings.Clone(ids.String()), slices.Clone(k.members)
	return k, nil
}

// addMembers adds the memberships of a key and returns the place of the first.
func (k *Keys) addMembers(members []Member, shared map[*UsagePlan]uint32) uint32 {
	at := uint32(len(k.members))
	if len(members) == 1 && members[0].free() {
		if same, ok := shared[members[0].Plan]; ok {
			return same
		}
		shared[members[0].Plan] = at
	}
	k.members = append(k.members, members...)
	return at
}

// free tells that a membership has no limits of its own.
func (m *Member) free() bool { return m.Rate == nil && m.Quota == nil && len(m.Methods) == 0 }

func (k *Keys) hash(value string) [2]uint64 {
	return [2]uint64{maphash.String(k.seeds[0], value), maphash.String(k.seeds[1], value)}
}

// find returns the key with a hash, or the free place for it.
func (k *Keys) find(hash [2]uint64) *Key {
	mask := len(k.table) - 1
	for at := int(hash[0]) & mask; ; at = (at + 1) & mask {
		if key := &k.table[at]; !key.taken || key.hash == hash {
			return key
		}
	}
}

// Find returns the key of a value, or nil.
func (k *Keys) Find(value string) *Key {
	if k == nil {
		return nil
	}
	if key := k.find(k.hash(value)); key.taken {
		return key
	}
	return nil
}

// ID returns the id of a key of k.
func (k *Keys) ID(key *Key) string { return k.ids[key.id : key.id+uint32(key.idLen)] }

// Member returns the membership of a key of k in one of plans, or nil. AWS
// refuses to put one key into two plans of the same stage.
func (k *Keys) Member(key *Key, plans []*UsagePlan) *Member {
	members := k.members[key.member : key.member+uint32(key.count)]
	for i := range members {
		for _, p := range plans {
			if members[i].Plan == p {
				return &members[i]
			}
		}
	}
	return nil
}

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
