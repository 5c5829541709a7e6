package boltstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"gatehouse/internal/store"
	"gatehouse/internal/store/boltstore"
)

func commit(t testing.TB, st store.Store, ops ...store.Op) store.Rev {
	t.Helper()
	rev, err := st.Commit(t.Context(), nil, ops)
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

// fill makes a store with some hundred keys of all sizes and closes it.
func fill(t testing.TB, path string) {
	t.Helper()
	st := open(t, path, boltstore.Options{})
	for i := range 40 {
		var ops []store.Op
		for j := range 20 {
			ops = append(ops, store.Put(fmt.Sprintf("/%02d/%02d", j, i), bytes.Repeat([]byte{byte(i)}, 1<<(j%14))))
		}
		commit(t, st, ops...)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	st := open(t, path, boltstore.Options{})
	commit(t, st, store.Put("/a", []byte("1")), store.Put("/b", []byte("1")))
	commit(t, st, store.Delete("/b"))
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}

	st = open(t, path, boltstore.Options{})
	defer func() { _ = st.Close() }()
	kv, err := st.Get(t.Context(), "/a")
	if err != nil || string(kv.Value) != "1" || kv.Rev != 1 {
		t.Errorf("Get = %v, %v", kv, err)
	}
	if rev := commit(t, st, store.Put("/c", nil)); rev != 3 {
		t.Errorf("the next commit has revision %d, want 3", rev)
	}
	var got []store.Rev
	for b, err := range st.Watch(t.Context(), "/", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, b.Rev); b.Rev == 3 {
			break
		}
	}
	if fmt.Sprint(got) != "[1 2 3]" {
		t.Errorf("history = %v, want 1 to 3", got)
	}
	for _, name := range []string{path, path + ".lock"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", name, info.Mode(), err)
		}
	}
}

func TestOpenLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	st := open(t, path, boltstore.Options{})
	if _, err := boltstore.Open(path, boltstore.Options{}); !errors.Is(err, boltstore.ErrLocked) {
		t.Errorf("Open of an open store = %v, want ErrLocked", err)
	}
	if err := boltstore.Compact(path); !errors.Is(err, boltstore.ErrLocked) {
		t.Errorf("Compact of an open store = %v, want ErrLocked", err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path, boltstore.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	fill(t, good)
	file, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(dir, "foreign")
	db, err := bolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	foreignFile, err := os.ReadFile(foreign)
	if err != nil {
		t.Fatal(err)
	}
	anError := errors.New("any error")
	tests := []struct {
		name string
		file []byte
		want error
	}{
		{"empty", nil, boltstore.ErrDamaged},
		{"text", []byte("not a store"), boltstore.ErrDamaged},
		{"zeros", make([]byte, 1<<20), boltstore.ErrDamaged},
		{"one page", file[:4096], boltstore.ErrDamaged},
		{"half", file[:len(file)/2/4096*4096], boltstore.ErrDamaged},
		{"both meta pages lost", append(make([]byte, 8192), file[8192:]...), boltstore.ErrDamaged},
		{"another program's", foreignFile, anError},
	}
	for _, tt := range tests {
		path := filepath.Join(dir, "bad")
		if err := os.WriteFile(path, tt.file, 0o600); err != nil {
			t.Fatal(err)
		}
		st, err := boltstore.Open(path, boltstore.Options{})
		if err == nil {
			_ = st.Close()
		}
		if err == nil || tt.want != anError && !errors.Is(err, tt.want) {
			t.Errorf("%s: Open = %v, want %v", tt.name, err, tt.want)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, tt.file) {
			t.Errorf("%s: the refused file was changed", tt.name)
		}
	}
	if _, err := boltstore.Open(filepath.Join(dir, "no", "folder"), boltstore.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open in a folder that is not there = %v", err)
	}
	if _, err := boltstore.Open(dir, boltstore.Options{}); err == nil {
		t.Error("Open of a folder succeeded")
	}
}

// One sound meta page is enough: a crash may have torn the other.
func TestOpenTornMeta(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	for page := range int64(2) {
		fill(t, path)
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(make([]byte, 40), page*4096+20); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		st := open(t, path, boltstore.Options{})
		page, err := st.List(t.Context(), "", "", 0)
		// The torn page may be the newer one: then the last commit counts as
		// never finished.
		if err != nil || page.Rev < 39 || len(page.KVs) != 20*int(page.Rev) {
			t.Errorf("%d keys at %d, %v, want 800 at 40 or 780 at 39", len(page.KVs), page.Rev, err)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever bytes of a file are spoiled, Open, reading everything and
// committing end with an answer or an error, never with a panic; and what is
// read is what was written.
func TestOpenDamaged(t *testing.T) {
	dir := t.TempDir()
	good, path := filepath.Join(dir, "good"), filepath.Join(dir, "bad")
	fill(t, good)
	file, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	refused, rounds := 0, 200
	if testing.Short() {
		rounds = 50
	}
	for range rounds {
		bad := bytes.Clone(file)
		for range 1 + rng.IntN(3) {
			// Mostly where structure is: at the beginning of a page.
			at := rng.IntN(len(bad)/4096)*4096 + rng.IntN(64)
			if rng.IntN(4) == 0 {
				at = rng.IntN(len(bad))
			}
			for i := range 1 + rng.IntN(8) {
				if at+i < len(bad) {
					bad[at+i] = byte(rng.Uint32() >> (8 * rng.IntN(4)))
				}
			}
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		st, err := boltstore.Open(path, boltstore.Options{})
		if err != nil {
			refused++
			continue
		}
		readAll(t, seed, st)
		_, _ = st.Commit(t.Context(), nil, []store.Op{store.Put("/new", nil), store.Delete("/03/03")}) // may fail
		if err := st.Close(); err != nil {
			t.Errorf("seed %d: Close = %v", seed, err)
		}
	}
	t.Logf("seed %d: %d of %d spoiled files refused", seed, refused, rounds)
	if refused == 0 {
		t.Errorf("seed %d: no spoiled file was refused", seed)
	}
}

// readAll reads keys and history of a store that fill made and something
// spoiled. Errors are fine; a wrong value is not.
func readAll(t *testing.T, seed uint64, st store.Store) {
	check := func(key string, value []byte) {
		var i, j int
		if _, err := fmt.Sscanf(key, "/%02d/%02d", &j, &i); err != nil || !bytes.Equal(value, bytes.Repeat([]byte{byte(i)}, 1<<(j%14))) {
			t.Errorf("seed %d: %q holds what was never written", seed, key)
		}
	}
	page, err := st.List(t.Context(), "", "", 0)
	for _, kv := range page.KVs {
		check(kv.Key, kv.Value)
	}
	if err != nil {
		return
	}
	for b, err := range st.Watch(t.Context(), "", 0) {
		for _, op := range b.Ops {
			check(op.Key, op.Value)
		}
		if err != nil || b.Rev >= page.Rev {
			return
		}
	}
}

func TestBackup(t *testing.T) {
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "store"), filepath.Join(dir, "copy")
	fill(t, path)
	st := open(t, path, boltstore.Options{})
	defer func() { _ = st.Close() }()

	// Commits go on while the backup is written.
	var backup bytes.Buffer
	writes := 0
	err := st.Backup(t.Context(), writerFunc(func(p []byte) (int, error) {
		if writes++; writes < 4 {
			commit(t, st, store.Put("/later", []byte("x")))
		}
		return backup.Write(p)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, backup.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	restored := open(t, copied, boltstore.Options{})
	defer func() { _ = restored.Close() }()
	page, err := restored.List(t.Context(), "", "", 0)
	if err != nil || len(page.KVs) != 800 || page.Rev != 40 {
		t.Errorf("the copy holds %d keys at %d, %v, want 800 at 40", len(page.KVs), page.Rev, err)
	}
	if _, err := restored.Get(t.Context(), "/later"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the copy holds a key committed after it was begun: %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	err = st.Backup(ctx, writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil }))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Backup with a cancelled context = %v", err)
	}
	if err := st.Backup(t.Context(), writerFunc(func([]byte) (int, error) { return 0, io.ErrShortWrite })); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Backup to a broken writer = %v", err)
	}
}

type writerFunc func(p []byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

func TestCompact(t *testing.T) {
	for _, atOpen := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "store")
		opt := boltstore.Options{HistoryBytes: 1 << 20}
		st := open(t, path, opt)
		for i := range 60 {
			commit(t, st, store.Put(fmt.Sprintf("/%d", i), make([]byte, 512<<10)))
		}
		for i := 1; i < 60; i++ {
			commit(t, st, store.Delete(fmt.Sprintf("/%d", i)))
		}
		before, err := st.List(t.Context(), "", "", 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		was := fileSize(t, path)
		if !atOpen {
			if err := boltstore.Compact(path); err != nil {
				t.Fatal(err)
			}
		}
		st = open(t, path, opt)
		if is := fileSize(t, path); was < 24<<20 || is > 4<<20 {
			t.Errorf("at open %v: compacted from %d to %d bytes", atOpen, was, is)
		}
		after, err := st.List(t.Context(), "", "", 0)
		if err != nil || after.Rev != before.Rev || len(after.KVs) != 1 || !bytes.Equal(after.KVs[0].Value, before.KVs[0].Value) {
			t.Errorf("at open %v: compaction changed the store: %d keys at %d, %v", atOpen, len(after.KVs), after.Rev, err)
		}
		if rev := commit(t, st, store.Put("/z", nil)); rev != before.Rev+1 {
			t.Errorf("the next commit has revision %d, want %d", rev, before.Rev+1)
		}
		for b, err := range st.Watch(t.Context(), "/", before.Rev-5) {
			if err != nil {
				t.Errorf("compaction lost the history: %v", err)
			}
			if err != nil || b.Rev == before.Rev+1 {
				break
			}
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func fileSize(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// What a crash left of making or compacting a store is in nobody's way.
func TestOpenAfterCrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	for _, left := range []string{path + ".new", path + ".compact", path + ".lock"} {
		if err := os.WriteFile(left, []byte("left behind"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	st := open(t, path, boltstore.Options{})
	commit(t, st, store.Put("/a", nil))
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if err := boltstore.Compact(path); err != nil {
		t.Fatal(err)
	}
}
