package boltstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"testing"

	"gatehouse/internal/store"
	"gatehouse/internal/store/boltstore"
)

// Conflicts in a group of commits answer those they concern and no others.
func TestGroupCommit(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "store"), boltstore.Options{})
	defer func() { _ = st.Close() }()
	const committers, rounds = 32, 10
	var mu sync.Mutex // guards the fields below
	won, lost := 0, 0
	var wg sync.WaitGroup
	for c := range committers {
		wg.Go(func() {
			for i := range rounds {
				// All of a round want the same key to be absent: one gets it.
				_, err := st.Commit(t.Context(), []store.Cond{{Key: fmt.Sprint("/once/", i)}}, []store.Op{
					store.Put(fmt.Sprint("/once/", i), []byte(fmt.Sprint(c))),
					store.Put(fmt.Sprint("/by/", c, "/", i), nil),
				})
				if err != nil && !errors.Is(err, store.ErrConflict) {
					t.Errorf("Commit = %v", err)
				}
				if _, err := st.Commit(t.Context(), nil, []store.Op{store.Put(fmt.Sprint("/always/", c, "/", i), nil)}); err != nil {
					t.Errorf("Commit without conditions = %v", err)
				}
				mu.Lock()
				if err == nil {
					won++
				} else {
					lost++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if won != rounds || lost != (committers-1)*rounds {
		t.Errorf("%d won and %d lost, want %d and %d", won, lost, rounds, (committers-1)*rounds)
	}
	for prefix, want := range map[string]int{"/once/": rounds, "/by/": rounds, "/always/": committers * rounds} {
		page, err := st.List(t.Context(), prefix, "", 0)
		if err != nil || len(page.KVs) != want || page.Rev != rounds+committers*rounds {
			t.Errorf("%s: %d keys at %d, %v, want %d at %d", prefix, len(page.KVs), page.Rev, err, want, rounds+committers*rounds)
		}
	}
}

// A commit whose caller gave up while it waited was made whole or not at all,
// and its answer says which.
func TestCommitCancelled(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "store"), boltstore.Options{})
	defer func() { _ = st.Close() }()
	var wg sync.WaitGroup
	for c := range 16 {
		wg.Go(func() {
			for i := range 30 {
				ctx, cancel := context.WithCancel(t.Context())
				go cancel()
				key := fmt.Sprint("/", c, "/", i)
				rev, err := st.Commit(ctx, nil, []store.Op{store.Put(key, nil)})
				kv, getErr := st.Get(t.Context(), key)
				if err == nil && (getErr != nil || kv.Rev != rev) {
					t.Errorf("acknowledged at %d, then Get = %d, %v", rev, kv.Rev, getErr)
				}
				if err != nil && (!errors.Is(err, context.Canceled) || !errors.Is(getErr, store.ErrNotFound)) {
					t.Errorf("refused with %v, then Get = %v", err, getErr)
				}
			}
		})
	}
	wg.Wait()
}

// Close finishes what was accepted and refuses the rest.
func TestCloseWhileCommitting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	st := open(t, path, boltstore.Options{})
	var mu sync.Mutex // guards told
	told := make(map[string]store.Rev)
	var started, wg sync.WaitGroup
	for c := range 8 {
		started.Add(1)
		wg.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprint("/", c, "/", i)
				rev, err := st.Commit(t.Context(), nil, []store.Op{store.Put(key, nil)})
				if i == 0 {
					started.Done()
				}
				if err != nil {
					if !errors.Is(err, store.ErrClosed) {
						t.Errorf("Commit = %v, want ErrClosed", err)
					}
					return
				}
				mu.Lock()
				told[key] = rev
				mu.Unlock()
			}
		})
	}
	started.Wait()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	st = open(t, path, boltstore.Options{})
	defer func() { _ = st.Close() }()
	page, err := st.List(t.Context(), "", "", 0)
	if err != nil || len(page.KVs) != len(told) {
		t.Errorf("%d keys, %v, but %d acknowledged", len(page.KVs), err, len(told))
	}
	for _, kv := range page.KVs {
		if told[kv.Key] != kv.Rev {
			t.Errorf("%s is at %d, acknowledged at %d", kv.Key, kv.Rev, told[kv.Key])
		}
	}
}

// bbolt shows a commit before it is synced; a reader waits until it is, and a
// watcher does not see it before.
func TestReadersWaitForSync(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "store"), boltstore.Options{})
	defer func() { _ = st.Close() }()
	commit(t, st, store.Put("/a", []byte("1")))
	commit(t, st, store.Put("/a", []byte("2")), store.Delete("/b"))
	release := st.HoldBack()
	reads := map[string]func(ctx context.Context) error{
		"Get":           func(ctx context.Context) error { _, err := st.Get(ctx, "/a"); return err },
		"Get of no key": func(ctx context.Context) error { _, err := st.Get(ctx, "/b"); return err },
		"List":          func(ctx context.Context) error { _, err := st.List(ctx, "/", "", 0); return err },
		"Backup":        func(ctx context.Context) error { return st.Backup(ctx, io.Discard) },
		"Watch":         func(ctx context.Context) error { return firstAfter(ctx, st, 1) },
	}
	for name, read := range reads {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		if err := read(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s before the sync = %v, want to wait", name, err)
		}
	}
	release()
	for name, read := range reads {
		if err := read(t.Context()); err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s after the sync = %v", name, err)
		}
	}
}

// firstAfter waits for one batch.
func firstAfter(ctx context.Context, st store.Store, after store.Rev) error {
	for _, err := range st.Watch(ctx, "/", after) {
		return err
	}
	return nil
}

// A full disk refuses commits and harms nothing: reading goes on, and so does
// committing as soon as there is room.
func TestFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	opt := boltstore.Options{MaxFileSize: 8 << 20, HistoryBytes: 1 << 20}
	st := open(t, path, opt)
	defer func() { _ = st.Close() }()
	n := 0
	var full error
	for ; n < 100 && full == nil; n++ {
		_, full = st.Commit(t.Context(), nil, []store.Op{
			store.Put(fmt.Sprint("/", n, "/a"), make([]byte, 300<<10)),
			store.Put(fmt.Sprint("/", n, "/b"), make([]byte, 300<<10)),
		})
	}
	n-- // the last one was refused
	if full == nil {
		t.Fatal("the file grew beyond its limit")
	}
	t.Logf("after %d commits: %v", n, full)
	check := func() {
		t.Helper()
		page, err := st.List(t.Context(), "", "", 0)
		if err != nil || len(page.KVs) != 2*n || page.Rev != store.Rev(n) {
			t.Fatalf("%d keys at %d, %v, want %d at %d", len(page.KVs), page.Rev, err, 2*n, n)
		}
	}
	check()
	// Deleting makes room, in time for the pages to be free.
	for i := range 4 {
		if _, err := st.Commit(t.Context(), nil, []store.Op{store.Delete(fmt.Sprint("/", i, "/a")), store.Delete(fmt.Sprint("/", i, "/b"))}); err != nil {
			t.Fatalf("Delete in a full store = %v", err)
		}
	}
	if _, err := st.Commit(t.Context(), nil, []store.Op{store.Put("/new", make([]byte, 300<<10))}); err != nil {
		t.Errorf("Commit after making room = %v", err)
	}
	if size := fileSize(t, path); size > opt.MaxFileSize {
		t.Errorf("the file has %d bytes, limit %d", size, opt.MaxFileSize)
	}
}

// A watcher far behind is served from the file, one near from memory; both see
// the same.
func TestWatchFromFile(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "store"), boltstore.Options{})
	defer func() { _ = st.Close() }()
	const commits = 40
	for i := range commits { // 4 MB: several reads of the file, the last MB in memory
		commit(t, st, store.Put(fmt.Sprint("/", i), make([]byte, 100<<10)), store.Delete(fmt.Sprint("/", i-1)))
	}
	for after := range store.Rev(commits) {
		want := after
		for b, err := range st.Watch(t.Context(), "/", after) {
			if err != nil {
				t.Fatal(err)
			}
			if want++; b.Rev != want || len(b.Ops) != 2 || b.Ops[0].Key != fmt.Sprint("/", want-1) || len(b.Ops[0].Value) != 100<<10 || !b.Ops[1].Delete {
				t.Fatalf("after %d: batch %d with %d ops, want %d", after, b.Rev, len(b.Ops), want)
			}
			if b.Rev == commits {
				break
			}
		}
	}
}

// The history is bounded in bytes as well as in commits.
func TestHistoryBytes(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "store"), boltstore.Options{HistoryBytes: 3 << 20})
	defer func() { _ = st.Close() }()
	for range 10 {
		commit(t, st, store.Put("/a", make([]byte, 700<<10)))
	}
	for after, want := range map[store.Rev]error{5: store.ErrCompacted, 6: nil, 9: nil} {
		for b, err := range st.Watch(t.Context(), "/", after) {
			if !errors.Is(err, want) || err == nil && b.Rev != after+1 {
				t.Errorf("Watch after %d = %d, %v, want %v", after, b.Rev, err, want)
			}
			break
		}
	}
}
