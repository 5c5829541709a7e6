package gateway

import (
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"
)

// A Keyring gathers the API keys of one account and Region and the plans they
// are in, and makes Keys of them. It is what is known of the keys between two
// Keys, and shares its tables with the Keys made last until it is changed.
//
// A Keyring is not for several goroutines.
type Keyring struct {
	keys   Keys
	byID   index
	setIDs map[string]uint16 // places of sets, by their plans
	absent map[string]uint16 // sets of keys that are in plans and not there, by their ids
	shared bool              // with Keys that were made: tables must be copied before a change
	waste  int               // bytes among ids that no key has any more

	next uint32   // the first number that no key ever had
	free []uint32 // numbers of keys that are gone
}

// maxKeys is how many keys an account has at most: a slot of an index has that
// many bits for a place.
const maxKeys = 1<<placeBits - 2

// NewKeyring makes a keyring without keys.
func NewKeyring() *Keyring {
	return &Keyring{
		keys:   Keys{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, sets: []planSet{nil}},
		setIDs: map[string]uint16{"": 0},
		absent: map[string]uint16{},
	}
}

// Empty reports whether nothing is known of any key.
func (r *Keyring) Empty() bool { return len(r.keys.keys)+len(r.absent) == 0 }

// Put adds a key, or changes the one with this id, which stays in its plans.
// A value that another key has is refused.
func (r *Keyring) Put(id, value string, enabled bool) error {
	hash := hashValue(&r.keys.seeds, value)
	k := &r.keys
	same := k.Find(value)
	if at, ok := r.find(id); ok {
		if same == nil { // AWS: values do not change, so this is a new key of an old id
			r.Remove(id)
			return r.add(Key{hash: hash, enabled: enabled}, id)
		}
		if same != &k.keys[at] {
			return fmt.Errorf("api key %s: its value is that of another", id)
		}
		if same.enabled != enabled {
			r.own()
			k.keys[at].enabled = enabled
		}
		return nil
	}
	if same != nil {
		return fmt.Errorf("api key %s: its value is that of another", id)
	}
	return r.add(Key{hash: hash, enabled: enabled}, id)
}

// add appends a key.
func (r *Keyring) add(key Key, id string) error {
	r.own()
	k := &r.keys
	if len(id) > math.MaxUint8 || len(k.keys) == maxKeys || len(k.ids)+len(id) > math.MaxUint32 {
		return fmt.Errorf("api key %s: its id is too long, or there are too many keys", id)
	}
	key.id, key.idLen, key.set = uint32(len(k.ids)), uint8(len(id)), r.absent[id]
	if n := len(r.free); n > 0 {
		key.number, r.free = r.free[n-1], r.free[:n-1]
	} else {
		key.number = r.next
		r.next++
	}
	delete(r.absent, id)
	k.ids = append(k.ids, id...)
	k.keys = append(k.keys, key)
	place := uint32(len(k.keys) - 1)
	k.byValue.add(place, k.hashAt)
	r.byID.add(place, r.hashIDAt)
	return nil
}

// Remove takes a key away, if there is one with this id. Should it come back,
// it is in the plans that it was in.
func (r *Keyring) Remove(id string) {
	at, ok := r.find(id)
	if !ok {
		return
	}
	r.own()
	k := &r.keys
	last := uint32(len(k.keys) - 1)
	k.byValue.remove(at, k.hashAt)
	r.byID.remove(at, r.hashIDAt)
	r.waste += int(k.keys[at].idLen)
	r.free = append(r.free, k.keys[at].number)
	if set := k.keys[at].set; set != 0 {
		r.absent[id] = set
	}
	if at != last {
		k.byValue.move(last, at, k.hashAt)
		r.byID.move(last, at, r.hashIDAt)
		k.keys[at] = k.keys[last]
	}
	k.keys = k.keys[:last]
	if r.waste > len(k.ids)/2 {
		r.compact()
	}
}

// compact leaves out the ids that no key has.
func (r *Keyring) compact() {
	k := &r.keys
	ids := make([]byte, 0, len(k.ids)-r.waste)
	for i := range k.keys {
		key := &k.keys[i]
		id := k.idOf(key)
		key.id = uint32(len(ids))
		ids = append(ids, id...)
	}
	k.ids, r.waste = ids, 0
}

// Join puts a key into a plan. It may do so before the key is there.
func (r *Keyring) Join(plan, id string) error { return r.setPlans(plan, id, true) }

// Leave takes a key out of a plan.
func (r *Keyring) Leave(plan, id string) error { return r.setPlans(plan, id, false) }

func (r *Keyring) setPlans(plan, id string, in bool) error {
	at, present := r.find(id)
	before := r.absent[id]
	if present {
		before = r.keys.keys[at].set
	}
	set := r.keys.sets[before]
	i, has := slices.BinarySearch(set, plan)
	if has == in {
		return nil
	}
	set = slices.Clone(set)
	if in {
		set = slices.Insert(set, i, plan)
	} else {
		set = slices.Delete(set, i, i+1)
	}
	place, ok := r.place(set)
	switch {
	case !ok:
		return fmt.Errorf("api key %s: the account's keys are in more than %d different sets of plans", id, math.MaxUint16)
	case present:
		r.own()
		r.keys.keys[at].set = place
	case place == 0:
		delete(r.absent, id)
	default:
		r.absent[id] = place
	}
	return nil
}

// place returns where a set stands.
func (r *Keyring) place(set planSet) (uint16, bool) {
	name := strings.Join(set, " ")
	if place, ok := r.setIDs[name]; ok {
		return place, true
	}
	if len(r.keys.sets) > math.MaxUint16 {
		r.dropSets()
	}
	if len(r.keys.sets) > math.MaxUint16 {
		return 0, false
	}
	place := uint16(len(r.keys.sets))
	r.setIDs[name] = place
	r.keys.sets = append(r.keys.sets, set) // behind what made Keys may be reading
	return place, true
}

// dropSets forgets the sets that no key has any more.
func (r *Keyring) dropSets() {
	r.own()
	before := r.keys.sets
	r.keys.sets, r.setIDs = []planSet{nil}, map[string]uint16{"": 0}
	moved := map[uint16]uint16{0: 0}
	move := func(set uint16) uint16 {
		to, ok := moved[set]
		if !ok {
			to, _ = r.place(before[set]) // there are no more than before
			moved[set] = to
		}
		return to
	}
	for i := range r.keys.keys {
		r.keys.keys[i].set = move(r.keys.keys[i].set)
	}
	for id, set := range r.absent {
		r.absent[id] = move(set)
	}
}

// In returns the ids of the keys in a plan, in no order.
func (r *Keyring) In(plan string) []string {
	var ids []string
	sets := make([]bool, len(r.keys.sets))
	for i, set := range r.keys.sets {
		_, sets[i] = slices.BinarySearch(set, plan)
	}
	for i := range r.keys.keys {
		if key := &r.keys.keys[i]; sets[key.set] {
			ids = append(ids, string(r.keys.idOf(key))) // a copy: it may outlive the text of all ids
		}
	}
	return ids
}

// Keys makes the keys as they are now. Member is asked for the membership of a
// key in a plan.
func (r *Keyring) Keys(member func(plan, key string) Member) *Keys {
	r.own()
	k := &r.keys
	k.members = nil
	shared := map[uint16]uint32{} // sets without limits of their own
	for i := range k.keys {
		key := &k.keys[i]
		if at, ok := shared[key.set]; ok {
			key.member = at
			continue
		}
		key.member = uint32(len(k.members))
		free := true
		for _, plan := range k.sets[key.set] {
			m := member(plan, k.ID(key))
			free = free && m.free()
			k.members = append(k.members, m)
		}
		if free {
			shared[key.set] = key.member
		}
	}
	// Without the spare room that they grew into.
	k.members, k.ids = slices.Clip(slices.Clone(k.members)), slices.Clip(k.ids)
	r.shared = true
	advise(k.keys)
	advise(k.byValue.slots)
	made := *k
	return &made
}

// own makes the tables the keyring's own before a change.
func (r *Keyring) own() {
	if !r.shared {
		return
	}
	r.shared = false
	k := &r.keys
	room := len(k.keys)/64 + 16 // a copy with little to spare
	k.keys, k.byValue = append(make([]Key, 0, len(k.keys)+room), k.keys...), k.byValue.clone()
}

func (r *Keyring) find(id string) (place uint32, ok bool) {
	return r.byID.find(maphash.String(r.keys.seeds[0], id), func(at uint32) bool { return string(r.keys.idOf(&r.keys.keys[at])) == id })
}

func (r *Keyring) hashIDAt(at uint32) uint64 {
	return maphash.Bytes(r.keys.seeds[0], r.keys.idOf(&r.keys.keys[at]))
}

func (k *Keys) hashAt(at uint32) uint64 { return k.keys[at].hash.low }
