package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"gatehouse/internal/store"
)

// Goroutines increment shared counters by read and conditional commit. No
// increment is lost, no revision is given twice.
func testCounters(t *testing.T, st store.Store) {
	const workers, rounds, counters = 8, 40, 3
	var mu sync.Mutex // guards revs
	revs := make(map[store.Rev]bool)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				rev, err := increment(t.Context(), st, fmt.Sprintf("/counter/%d", (w+i)%counters))
				if err != nil {
					t.Errorf("increment = %v", err)
					return
				}
				mu.Lock()
				if revs[rev] {
					t.Errorf("revision %d was given twice", rev)
				}
				revs[rev] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	page, err := st.List(t.Context(), "/counter/", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, kv := range page.KVs {
		n, err := strconv.Atoi(string(kv.Value))
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	if sum != workers*rounds || page.Rev != workers*rounds || len(revs) != workers*rounds {
		t.Errorf("counters add up to %d at revision %d with %d revisions, want %d", sum, page.Rev, len(revs), workers*rounds)
	}
}

// increment adds one to a counter, again and again until nobody was faster.
func increment(ctx context.Context, st store.Store, key string) (store.Rev, error) {
	for {
		n := 0
		kv, err := st.Get(ctx, key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return 0, err
		}
		if err == nil {
			if n, err = strconv.Atoi(string(kv.Value)); err != nil {
				return 0, err
			}
		}
		rev, err := st.Commit(ctx, []store.Cond{{Key: key, Rev: kv.Rev}}, []store.Op{put(key, strconv.Itoa(n+1))})
		if !errors.Is(err, store.ErrConflict) {
			return rev, err
		}
	}
}

// Every watcher sees every commit of many committers once, in order, whole,
// and with what its committer was told.
func testWatchersAndCommitters(t *testing.T, st store.Store) {
	const committers, rounds, watchers = 8, 12, 5 // fewer commits than History
	const total = committers * rounds
	seen := make([][]store.Batch, watchers)
	var watching, committing sync.WaitGroup
	for i := range watchers {
		watching.Go(func() {
			var err error
			if seen[i], err = take(st.Watch(t.Context(), "/", 0), total); err != nil {
				t.Errorf("watcher %d: %v", i, err)
			}
		})
	}
	var mu sync.Mutex // guards told
	told := make(map[store.Rev]string)
	for c := range committers {
		committing.Go(func() {
			for i := range rounds {
				v := fmt.Sprintf("%d.%d", c, i)
				rev, err := st.Commit(t.Context(), nil, []store.Op{put("/w/a", v), put("/w/"+v, v)})
				if err != nil {
					t.Errorf("Commit = %v", err)
				}
				mu.Lock()
				told[rev] = v
				mu.Unlock()
			}
		})
	}
	committing.Wait()
	watching.Wait()
	want := make([]store.Batch, total)
	for i := range want {
		rev := store.Rev(i + 1)
		v := told[rev]
		want[i] = store.Batch{Rev: rev, Ops: []store.Op{put("/w/a", v), put("/w/"+v, v)}}
	}
	for i := range seen {
		same(t, fmt.Sprintf("watcher %d", i), want, seen[i])
	}
}

// The reader's loop under load: a copy made by List and kept by Watch is, in
// the end, what the store holds.
func testListAndWatch(t *testing.T, st store.Store) {
	const rounds = 150
	var committing sync.WaitGroup
	for c := range 2 {
		committing.Go(func() {
			for i := range rounds {
				op := put(fmt.Sprintf("/k/%d", (i*7+c)%20), fmt.Sprint(c, i))
				if i%5 == 0 {
					op = store.Delete(op.Key)
				}
				if _, err := st.Commit(t.Context(), nil, []store.Op{op}); err != nil {
					t.Errorf("Commit = %v", err)
				}
			}
		})
	}
	copied := make(map[string]string)
	done := store.Rev(2 * rounds)
	for rev := store.Rev(0); rev < done; {
		page, err := st.List(t.Context(), "/k/", "", 0)
		if err != nil {
			t.Fatal(err)
		}
		rev = page.Rev
		clear(copied)
		for _, kv := range page.KVs {
			copied[kv.Key] = string(kv.Value)
		}
		if rev == done {
			break
		}
		for b, err := range st.Watch(t.Context(), "/k/", rev) {
			if errors.Is(err, store.ErrCompacted) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			rev = b.Rev
			apply(copied, b)
			if rev == done {
				break
			}
		}
	}
	committing.Wait()
	page, err := st.List(t.Context(), "/k/", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for _, kv := range page.KVs {
		want[kv.Key] = string(kv.Value)
	}
	same(t, "copy", want, copied)
}

// apply makes the changes of b in a copy.
func apply(copied map[string]string, b store.Batch) {
	for _, op := range b.Ops {
		if op.Delete {
			delete(copied, op.Key)
		} else {
			copied[op.Key] = string(op.Value)
		}
	}
}
