package storetest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/internal/store"
)

// A model is the store as one would draw it on paper.
type model struct {
	keys map[string]store.KV
	log  []store.Batch
}

// testModel makes random calls to a store and to the model and compares.
func testModel(t *testing.T, open func(t *testing.T) store.Store) {
	rapid.Check(t, func(rt *rapid.T) {
		st := open(t)
		defer func() { _ = st.Close() }() // its own test
		m := &model{keys: make(map[string]store.KV)}
		rt.Repeat(map[string]func(*rapid.T){
			"commit": func(rt *rapid.T) { m.commit(t, rt, st) },
			"get":    func(rt *rapid.T) { m.get(t, rt, st) },
			"list":   func(rt *rapid.T) { m.list(t, rt, st) },
			"watch":  func(rt *rapid.T) { m.watch(t, rt, st) },
		})
	})
}

func (m *model) rev() store.Rev { return store.Rev(len(m.log)) }

// Few letters, so that keys meet.
func key() *rapid.Generator[string] { return rapid.StringMatching(`[ab/]{1,3}`) }

func (m *model) commit(t *testing.T, rt *rapid.T, st store.Store) {
	var ifs []store.Cond
	for _, k := range rapid.SliceOfN(key(), 0, 2).Draw(rt, "conditions") {
		rev := m.keys[k].Rev
		if rapid.IntRange(0, 9).Draw(rt, "stale") == 0 {
			rev++
		}
		ifs = append(ifs, store.Cond{Key: k, Rev: rev})
	}
	var ops []store.Op
	for _, k := range rapid.SliceOfNDistinct(key(), 0, 4, rapid.ID[string]).Draw(rt, "keys") {
		if rapid.Bool().Draw(rt, "delete") {
			ops = append(ops, store.Delete(k))
		} else {
			ops = append(ops, store.Put(k, rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(rt, "value")))
		}
	}
	holds := !slices.ContainsFunc(ifs, func(c store.Cond) bool { return m.keys[c.Key].Rev != c.Rev })
	rev, err := st.Commit(t.Context(), ifs, ops)
	if !holds {
		if !errors.Is(err, store.ErrConflict) {
			rt.Fatalf("Commit = %d, %v, want ErrConflict", rev, err)
		}
		return
	}
	if len(ops) > 0 {
		m.log = append(m.log, store.Batch{Rev: m.rev() + 1, Ops: ops})
	}
	for _, op := range ops {
		delete(m.keys, op.Key)
		if !op.Delete {
			m.keys[op.Key] = store.KV{Key: op.Key, Value: op.Value, Rev: m.rev()}
		}
	}
	if err != nil || rev != m.rev() {
		rt.Fatalf("Commit = %d, %v, want %d", rev, err, m.rev())
	}
}

func (m *model) get(t *testing.T, rt *rapid.T, st store.Store) {
	k := key().Draw(rt, "key")
	got, err := st.Get(t.Context(), k)
	want, ok := m.keys[k]
	if ok != (err == nil) || !ok && !errors.Is(err, store.ErrNotFound) {
		rt.Fatalf("Get(%q) = %v, found in the model: %v", k, err, ok)
	}
	same(t, "Get", want, got)
}

func (m *model) list(t *testing.T, rt *rapid.T, st store.Store) {
	prefix := rapid.StringMatching(`[ab/]{0,2}`).Draw(rt, "prefix")
	from := rapid.StringMatching(`[ab/]{0,3}`).Draw(rt, "from")
	limit := rapid.IntRange(0, 4).Draw(rt, "limit")
	want := store.Page{Rev: m.rev()}
	for _, k := range slices.Sorted(maps.Keys(m.keys)) {
		if !strings.HasPrefix(k, prefix) || k < from {
			continue
		}
		if limit > 0 && len(want.KVs) == limit {
			want.Next = k
			break
		}
		want.KVs = append(want.KVs, m.keys[k])
	}
	got, err := st.List(t.Context(), prefix, from, limit)
	if err != nil {
		rt.Fatalf("List = %v", err)
	}
	same(t, "List", want, got)
}

func (m *model) watch(t *testing.T, rt *rapid.T, st store.Store) {
	// No further back than every store's history reaches.
	oldest := max(0, m.rev()-History)
	after := store.Rev(rapid.Int64Range(int64(oldest), int64(m.rev())).Draw(rt, "after"))
	prefix := rapid.StringMatching(`[ab/]{0,2}`).Draw(rt, "prefix")
	var want []store.Batch
	for _, b := range m.log[after:] {
		own := store.Batch{Rev: b.Rev}
		for _, op := range b.Ops {
			if strings.HasPrefix(op.Key, prefix) {
				own.Ops = append(own.Ops, op)
			}
		}
		if len(own.Ops) > 0 {
			want = append(want, own)
		}
	}
	var got []store.Batch
	if after < m.rev() {
		for b, err := range st.Watch(t.Context(), prefix, after) {
			if err != nil {
				rt.Fatalf("Watch = %v", err)
			}
			if len(b.Ops) > 0 {
				got = append(got, b)
			}
			if b.Rev == m.rev() {
				break
			}
		}
	}
	same(t, "Watch", want, got)
}
