// Package storetest is the suite that every implementation of store.Store
// passes. [Run] takes a constructor and runs all of it.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/internal/store"
)

// History is how many commits a store under test must keep, and MaxHistory
// how many it may keep at most: open returns a store whose history is bounded
// by a number in between.
const (
	History    = 100
	MaxHistory = 200
)

// Run runs the suite. open returns a new, empty store whose history is bounded
// as History and MaxHistory say; the suite closes it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	tests := []struct {
		name string
		run  func(t *testing.T, st store.Store)
	}{
		{"get", testGet},
		{"copies", testCopies},
		{"list", testList},
		{"list pages", testListPages},
		{"conditions", testConditions},
		{"commit without ops", testCommitWithoutOps},
		{"limits", testLimits},
		{"context", testContext},
		{"close", testClose},
		{"watch order", testWatchOrder},
		{"watch catches up", testWatchCatchesUp},
		{"watch empty batches", testWatchEmptyBatches},
		{"watch compacted", testWatchCompacted},
		{"watch slow reader", testWatchSlowReader},
		{"watch ends", testWatchEnds},
		{"counters", testCounters},
		{"watchers and committers", testWatchersAndCommitters},
		{"list and watch", testListAndWatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := open(t)
			defer func() {
				if err := st.Close(); err != nil {
					t.Errorf("Close = %v", err)
				}
			}()
			tt.run(t, st)
		})
	}
	t.Run("model", func(t *testing.T) { testModel(t, open) })
}

// must commits ops without conditions.
func must(t *testing.T, st store.Store, ops ...store.Op) store.Rev {
	t.Helper()
	rev, err := st.Commit(t.Context(), nil, ops)
	if err != nil {
		t.Fatalf("Commit = %v", err)
	}
	return rev
}

func put(key, value string) store.Op { return store.Put(key, []byte(value)) }

// same compares what stores return; nil and empty values are the same value.
func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func testGet(t *testing.T, st store.Store) {
	if _, err := st.Get(t.Context(), "/a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get in an empty store = %v, want ErrNotFound", err)
	}
	if rev := must(t, st, put("/a", "1"), put("/b", "")); rev != 1 {
		t.Errorf("first commit = revision %d, want 1", rev)
	}
	must(t, st, put("/b", "2"))
	must(t, st, store.Delete("/c"))
	must(t, st, put("/c", "3"))
	must(t, st, store.Delete("/c"))
	tests := []struct {
		key  string
		want store.KV
		err  error
	}{
		{"/a", store.KV{Key: "/a", Value: []byte("1"), Rev: 1}, nil},
		{"/b", store.KV{Key: "/b", Value: []byte("2"), Rev: 2}, nil},
		{"/c", store.KV{}, store.ErrNotFound},
		{"/", store.KV{}, store.ErrNotFound},
		{"", store.KV{}, store.ErrNotFound},
		{"/aa", store.KV{}, store.ErrNotFound},
	}
	for _, tt := range tests {
		got, err := st.Get(t.Context(), tt.key)
		if !errors.Is(err, tt.err) {
			t.Errorf("Get(%q) = %v, want %v", tt.key, err, tt.err)
		}
		same(t, "Get "+tt.key, tt.want, got)
	}
	if rev := must(t, st, put("/z", "")); rev != 6 {
		t.Errorf("sixth commit = revision %d", rev)
	}
	if got, err := st.Get(t.Context(), "/z"); err != nil || len(got.Value) != 0 || got.Rev != 6 {
		t.Errorf("Get of an empty value = %v, %v", got, err)
	}
}

// What goes in and comes out belongs to the caller.
func testCopies(t *testing.T, st store.Store) {
	value := []byte("1")
	must(t, st, store.Put("/a", value))
	value[0] = 'x'
	scribble := func() {
		kv, err := st.Get(t.Context(), "/a")
		if err != nil || string(kv.Value) != "1" {
			t.Errorf("Get = %q, %v, want \"1\"", kv.Value, err)
			return
		}
		kv.Value[0] = 'x'
		page, err := st.List(t.Context(), "/", "", 0)
		if err != nil || string(page.KVs[0].Value) != "1" {
			t.Errorf("List = %v, %v", page, err)
			return
		}
		page.KVs[0].Value[0] = 'x'
		for b, err := range st.Watch(t.Context(), "/", 0) {
			if err != nil || string(b.Ops[0].Value) != "1" {
				t.Errorf("Watch = %v, %v", b, err)
				return
			}
			b.Ops[0].Value[0] = 'x'
			break
		}
	}
	scribble()
	scribble()
}

func testList(t *testing.T, st store.Store) {
	keys := []string{"/", "/a", "/a/", "/a/\x00", "/a/1", "/a/10", "/a/2", "/a/é", "/a0", "/b", "b", "\xff", "\xff\xff"}
	for i := len(keys) - 1; i >= 0; i-- {
		must(t, st, put(keys[i], keys[i]))
	}
	tests := []struct {
		prefix, from string
		limit        int
		want         []string
		next         string
	}{
		{"", "", 0, keys, ""},
		{"/a/", "", 0, keys[2:8], ""},
		{"/a/", "/a/1", 0, keys[4:8], ""},
		{"/a/", "/a/11", 0, keys[6:8], ""},
		{"/a/", "/", 0, keys[2:8], ""},
		{"/a/", "/a/1", 2, keys[4:6], "/a/2"},
		{"/a/", "", 6, keys[2:8], ""},
		{"/a/", "", 5, keys[2:7], "/a/é"},
		{"/a/", "/b", 0, nil, ""},
		{"/c", "", 0, nil, ""},
		{"\xff", "", 0, keys[11:], ""},
		{"\xff\xff\xff", "", 0, nil, ""},
	}
	for _, tt := range tests {
		name := fmt.Sprintf("List(%q, %q, %d)", tt.prefix, tt.from, tt.limit)
		page, err := st.List(t.Context(), tt.prefix, tt.from, tt.limit)
		if err != nil {
			t.Errorf("%s = %v", name, err)
			continue
		}
		var got []string
		for _, kv := range page.KVs {
			got = append(got, kv.Key)
			if string(kv.Value) != kv.Key || kv.Rev == 0 {
				t.Errorf("%s: %q = %q at %d", name, kv.Key, kv.Value, kv.Rev)
			}
		}
		same(t, name, tt.want, got)
		if page.Next != tt.next || page.Rev != store.Rev(len(keys)) {
			t.Errorf("%s: Next %q, Rev %d, want %q, %d", name, page.Next, page.Rev, tt.next, len(keys))
		}
	}
}

// Every page is of one revision, though commits go on meanwhile: two keys that
// are always changed together are never seen apart.
func testListPages(t *testing.T, st store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error)
	must(t, st, put("/p/a", "0"), put("/p/b", "0"))
	go func() {
		var err error
		for i := 1; err == nil; i++ {
			v := fmt.Sprint(i)
			_, err = st.Commit(ctx, nil, []store.Op{put("/p/a", v), put("/p/b", v)})
		}
		stopped <- err
	}()
	for range 200 {
		page, err := st.List(t.Context(), "/p/", "", 2)
		if err != nil {
			t.Fatal(err)
		}
		a, b := page.KVs[0], page.KVs[1]
		if string(a.Value) != string(b.Value) || a.Rev != b.Rev || a.Rev != page.Rev {
			t.Fatalf("page at %d holds %s at %d and %s at %d", page.Rev, a.Value, a.Rev, b.Value, b.Rev)
		}
	}
	cancel()
	if err := <-stopped; !errors.Is(err, context.Canceled) {
		t.Errorf("Commit after cancel = %v", err)
	}
}

func testConditions(t *testing.T, st store.Store) {
	one := must(t, st, put("/a", "1"))
	two := must(t, st, put("/b", "1"))
	is := func(key string, rev store.Rev) store.Cond { return store.Cond{Key: key, Rev: rev} }
	tests := []struct {
		name string
		ifs  []store.Cond
		want error
	}{
		{"absent", []store.Cond{is("/new", 0)}, nil},
		{"not absent", []store.Cond{is("/a", 0)}, store.ErrConflict},
		{"unchanged", []store.Cond{is("/a", one)}, nil},
		{"changed", []store.Cond{is("/a", two)}, store.ErrConflict},
		{"all hold", []store.Cond{is("/a", one), is("/b", two), is("/new", 0)}, nil},
		{"one of many fails", []store.Cond{is("/a", one), is("/b", one), is("/new", 0)}, store.ErrConflict},
		{"gone", []store.Cond{is("/new", 7)}, store.ErrConflict},
		{"contradiction", []store.Cond{is("/a", one), is("/a", 0)}, store.ErrConflict},
	}
	before := two
	for _, tt := range tests {
		rev, err := st.Commit(t.Context(), tt.ifs, []store.Op{put("/x", tt.name), store.Delete("/y")})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: Commit = %v, want %v", tt.name, err, tt.want)
		}
		if err == nil {
			if before++; rev != before {
				t.Errorf("%s: Commit = revision %d, want %d", tt.name, rev, before)
			}
		}
		kv, err := st.Get(t.Context(), "/x")
		if err != nil || (string(kv.Value) == tt.name) != (tt.want == nil) || kv.Rev != before {
			t.Errorf("%s: afterwards /x = %q at %d, %v", tt.name, kv.Value, kv.Rev, err)
		}
	}
	must(t, st, store.Delete("/a"))
	if _, err := st.Commit(t.Context(), []store.Cond{is("/a", 0)}, []store.Op{put("/a", "2")}); err != nil {
		t.Errorf("Commit on a deleted key = %v", err)
	}
}

func testCommitWithoutOps(t *testing.T, st store.Store) {
	commit := func(ifs ...store.Cond) (store.Rev, error) { return st.Commit(t.Context(), ifs, nil) }
	if rev, err := commit(); rev != 0 || err != nil {
		t.Errorf("in an empty store = %d, %v, want 0", rev, err)
	}
	must(t, st, put("/a", "1"))
	must(t, st, put("/b", "1"))
	if rev, err := commit(store.Cond{Key: "/a", Rev: 1}); rev != 2 || err != nil {
		t.Errorf("with a condition that holds = %d, %v, want 2", rev, err)
	}
	if _, err := commit(store.Cond{Key: "/a", Rev: 2}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("with a condition that fails = %v, want ErrConflict", err)
	}
	if rev := must(t, st, put("/c", "1")); rev != 3 {
		t.Errorf("the next commit = %d, want 3: without ops there is no revision", rev)
	}
}

func testLimits(t *testing.T, st store.Store) {
	ops := func(n, size int) []store.Op {
		out := make([]store.Op, n)
		for i := range out {
			out[i] = store.Put(fmt.Sprintf("/%03d", i), make([]byte, size))
		}
		return out
	}
	conds := func(n int) []store.Cond {
		out := make([]store.Cond, n)
		for i := range out {
			out[i] = store.Cond{Key: fmt.Sprintf("/absent/%d", i)}
		}
		return out
	}
	long := strings.Repeat("k", store.MaxKeySize)
	anError := errors.New("any error")
	tests := []struct {
		name string
		ifs  []store.Cond
		ops  []store.Op
		want error
	}{
		{"most operations", nil, ops(store.MaxOps, 1), nil},
		{"too many operations", nil, ops(store.MaxOps+1, 1), store.ErrTooLarge},
		{"most conditions", conds(store.MaxConds), ops(1, 1), nil},
		{"too many conditions", conds(store.MaxConds + 1), ops(1, 1), store.ErrTooLarge},
		{"largest value", nil, ops(1, store.MaxValueSize), nil},
		{"too large a value", nil, ops(1, store.MaxValueSize+1), store.ErrTooLarge},
		{"largest commit", nil, ops(2, store.MaxCommitSize/2-len("/000")), nil},
		{"too large a commit", nil, ops(2, store.MaxCommitSize/2), store.ErrTooLarge},
		{"longest key", nil, []store.Op{put(long, "1")}, nil},
		{"too long a key", nil, []store.Op{put(long+"k", "1")}, store.ErrTooLarge},
		{"too long a key in a condition", []store.Cond{{Key: long + "k"}}, ops(1, 1), store.ErrTooLarge},
		{"empty key", nil, []store.Op{put("", "1")}, anError},
		{"empty key in a condition", []store.Cond{{}}, ops(1, 1), anError},
		{"a key twice", nil, []store.Op{put("/a", "1"), store.Delete("/a")}, anError},
	}
	var rev store.Rev
	for _, tt := range tests {
		got, err := st.Commit(t.Context(), tt.ifs, tt.ops)
		switch {
		case tt.want == nil:
			if rev++; err != nil || got != rev {
				t.Errorf("%s: Commit = %d, %v, want %d", tt.name, got, err, rev)
			}
		case err == nil || tt.want != anError && !errors.Is(err, tt.want):
			t.Errorf("%s: Commit = %v, want %v", tt.name, err, tt.want)
		}
	}
	page, err := st.List(t.Context(), "", "", 0)
	if err != nil || len(page.KVs) != store.MaxOps+1 || page.Rev != rev {
		t.Errorf("afterwards %d keys at %d, %v, want %d at %d", len(page.KVs), page.Rev, err, store.MaxOps+1, rev)
	}
}

func testContext(t *testing.T, st store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := st.Get(ctx, "/a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Get = %v", err)
	}
	if _, err := st.List(ctx, "/", "", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("List = %v", err)
	}
	if _, err := st.Commit(ctx, nil, []store.Op{put("/a", "1")}); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit = %v", err)
	}
	if _, err := st.Get(t.Context(), "/a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a commit that was refused left %v", err)
	}
}

func testClose(t *testing.T, st store.Store) {
	must(t, st, put("/a", "1"))
	for range 2 {
		if err := st.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	if _, err := st.Get(t.Context(), "/a"); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Get = %v, want ErrClosed", err)
	}
	if _, err := st.List(t.Context(), "/", "", 0); !errors.Is(err, store.ErrClosed) {
		t.Errorf("List = %v, want ErrClosed", err)
	}
	if _, err := st.Commit(t.Context(), nil, []store.Op{put("/a", "1")}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Commit = %v, want ErrClosed", err)
	}
	if _, err := st.Commit(t.Context(), nil, nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Commit without ops = %v, want ErrClosed", err)
	}
	for _, err := range st.Watch(t.Context(), "/", 0) {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("Watch = %v, want ErrClosed", err)
		}
	}
}
