package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"gatehouse/internal/store"
)

// take reads n batches, or fewer if the watch ends, and the error it ended with.
func take(w iter.Seq2[store.Batch, error], n int) (got []store.Batch, err error) {
	for b, err := range w {
		if err != nil {
			return got, err
		}
		if got = append(got, b); len(got) == n {
			break
		}
	}
	return got, nil
}

// A watcher sees every commit whole, in order, with its operations in the
// order given to Commit.
func testWatchOrder(t *testing.T, st store.Store) {
	want := []store.Batch{
		{Rev: 1, Ops: []store.Op{put("/b", "1"), put("/a", "1")}},
		{Rev: 2, Ops: []store.Op{store.Delete("/a"), put("/c", ""), store.Delete("/never")}},
		{Rev: 3, Ops: []store.Op{put("/b", "2")}},
	}
	for _, b := range want {
		must(t, st, b.Ops...)
	}
	if _, err := st.Commit(t.Context(), []store.Cond{{Key: "/b"}}, []store.Op{put("/b", "3")}); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("Commit = %v", err)
	}
	w := st.Watch(t.Context(), "/", 0)
	for range 2 { // a sequence may be ranged over again
		got, err := take(w, 3)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "batches", want, got)
	}
	got, err := take(st.Watch(t.Context(), "/", 2), 1)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "batches after 2", want[2:], got)
}

// A watcher goes from history to what is committed while it waits.
func testWatchCatchesUp(t *testing.T, st store.Store) {
	must(t, st, put("/0", ""))
	i := 0
	for b, err := range st.Watch(t.Context(), "/", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if i++; b.Rev != store.Rev(i) {
			t.Fatalf("batch %d has revision %d", i, b.Rev)
		}
		if i == 50 {
			break
		}
		// Committed while the watcher is awake, or just about to sleep.
		if i%2 == 1 {
			must(t, st, put("/a", fmt.Sprint(i)))
			must(t, st, put("/b", fmt.Sprint(i)))
		}
	}
}

// Commits below other prefixes show as empty batches when the watcher has
// caught up, never in the middle of others' order.
func testWatchEmptyBatches(t *testing.T, st store.Store) {
	must(t, st, put("/x/1", ""), put("/y/1", "1"))
	must(t, st, put("/y/2", ""))
	must(t, st, put("/y/3", ""))
	next, stop := iter.Pull2(st.Watch(t.Context(), "/x/", 0))
	defer stop()
	want := func(rev store.Rev, ops int) {
		t.Helper()
		// Batches without operations may come in between, in order.
		for {
			b, err, _ := next()
			if err != nil {
				t.Fatal(err)
			}
			if b.Rev > rev || b.Rev == rev && len(b.Ops) != ops {
				t.Fatalf("batch %d with %d ops, want %d with %d", b.Rev, len(b.Ops), rev, ops)
			}
			if b.Rev == rev {
				return
			}
			if len(b.Ops) != 0 {
				t.Fatalf("batch %d is not below the prefix: %v", b.Rev, b.Ops)
			}
		}
	}
	want(1, 1)
	want(3, 0)
	must(t, st, put("/y/4", ""))
	want(4, 0)
	must(t, st, put("/y/5", ""))
	must(t, st, put("/x/6", ""))
	want(6, 1)
}

func testWatchCompacted(t *testing.T, st store.Store) {
	must(t, st, put("/a", "1"))
	if _, err := take(st.Watch(t.Context(), "/", 2), 1); !errors.Is(err, store.ErrCompacted) {
		t.Errorf("Watch after a revision that was never there = %v, want ErrCompacted", err)
	}
	for range MaxHistory {
		must(t, st, put("/b", "1"))
	}
	last := store.Rev(MaxHistory + 1)
	if _, err := take(st.Watch(t.Context(), "/", 0), 1); !errors.Is(err, store.ErrCompacted) {
		t.Errorf("Watch from the beginning = %v, want ErrCompacted", err)
	}
	got, err := take(st.Watch(t.Context(), "/", last-History), History)
	if err != nil || len(got) != History || got[0].Rev != last-History+1 || got[History-1].Rev != last {
		t.Errorf("Watch of the history = %d batches, %v, want %d", len(got), err, History)
	}
	// The reader's loop: list again, watch from there.
	page, err := st.List(t.Context(), "/", "", 0)
	if err != nil || page.Rev != last || len(page.KVs) != 2 {
		t.Fatalf("List = %d keys at %d, %v", len(page.KVs), page.Rev, err)
	}
	must(t, st, put("/c", "1"))
	if got, err := take(st.Watch(t.Context(), "/", page.Rev), 1); err != nil || got[0].Rev != last+1 {
		t.Errorf("Watch after the list = %v, %v", got, err)
	}
}

// A reader that lags beyond the history is told so; it never skips silently.
func testWatchSlowReader(t *testing.T, st store.Store) {
	must(t, st, put("/a", "1"))
	var last store.Rev
	for b, err := range st.Watch(t.Context(), "/", 0) {
		if errors.Is(err, store.ErrCompacted) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if b.Rev != last+1 {
			t.Fatalf("after revision %d came %d", last, b.Rev)
		}
		if last = b.Rev; last == 1 {
			for range 3 * MaxHistory {
				must(t, st, put("/a", "2"))
			}
		}
		if last == 3*MaxHistory+1 {
			t.Fatal("the watch went on from a history longer than allowed")
		}
	}
}

func testWatchEnds(t *testing.T, st store.Store) {
	rev := must(t, st, put("/a", "1"))
	type end struct {
		n   int
		err error
	}
	watch := func(ctx context.Context) (caughtUp chan struct{}, ended chan end) {
		caughtUp, ended = make(chan struct{}), make(chan end, 1)
		go func() {
			n := 0
			for b, err := range st.Watch(ctx, "/", 0) {
				if err != nil {
					ended <- end{n, err}
					continue // a pair after the error would be counted
				}
				if n++; b.Rev == rev {
					close(caughtUp)
				}
			}
			close(ended)
		}()
		return caughtUp, ended
	}

	ctx, cancel := context.WithCancel(t.Context())
	caughtUp, ended := watch(ctx)
	<-caughtUp
	cancel()
	if e := <-ended; e.n != 1 || !errors.Is(e.err, context.Canceled) {
		t.Errorf("cancelled: %d batches, %v, want 1 and context.Canceled", e.n, e.err)
	}
	if _, more := <-ended; more {
		t.Error("the watch went on after its error")
	}

	caughtUp, ended = watch(t.Context())
	<-caughtUp
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if e := <-ended; e.n != 1 || !errors.Is(e.err, store.ErrClosed) {
		t.Errorf("closed: %d batches, %v, want 1 and ErrClosed", e.n, e.err)
	}
}
