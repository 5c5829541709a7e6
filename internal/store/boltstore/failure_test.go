package boltstore_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"gatehouse/internal/store"
	"gatehouse/internal/store/boltstore"
)

// A write that failed before it changed anything costs one commit.
func TestFailedWrite(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "store"), boltstore.Options{})
	defer func() { _ = st.Close() }()
	commit(t, st, store.Put("/a", nil))
	if err := st.FailWrite(io.ErrShortWrite); !errors.Is(err, io.ErrShortWrite) || errors.Is(err, boltstore.ErrFailed) {
		t.Errorf("the commit ends with %v", err)
	}
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT} { // of the disk, and of who runs the server
		if err := st.FailWrite(&os.PathError{Op: "write", Path: "store", Err: full}); !errors.Is(err, boltstore.ErrNoSpace) || !errors.Is(err, full) {
			t.Errorf("the commit ends with %v, want that there is no space", err)
		}
	}
	if rev := commit(t, st, store.Put("/b", nil)); rev != 2 {
		t.Errorf("the next commit has revision %d, want 2", rev)
	}
}

// A write of which nobody can say whether it is on disk ends the service:
// readers and watchers too are told. Opened again, the store goes on from what
// is really there.
func TestFailedSync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	st := open(t, path, boltstore.Options{})
	commit(t, st, store.Put("/a", nil))
	watching, ended := make(chan struct{}), make(chan error)
	go func() {
		for b, err := range st.Watch(t.Context(), "/", 0) {
			if b.Rev == 1 {
				close(watching)
			}
			if err != nil {
				ended <- err
			}
		}
	}()
	<-watching
	if err := st.FailSync(io.ErrShortWrite); !errors.Is(err, boltstore.ErrFailed) || !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("the commit ends with %v, want ErrFailed and its cause", err)
	}
	if err := <-ended; !errors.Is(err, boltstore.ErrFailed) {
		t.Errorf("Watch = %v, want ErrFailed", err)
	}
	checkFailed(t, st)
	if err := st.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	st = open(t, path, boltstore.Options{})
	defer func() { _ = st.Close() }()
	if rev := commit(t, st, store.Put("/b", nil)); rev != 2 {
		t.Errorf("opened again, the next commit has revision %d, want 2", rev)
	}
}

// A panic of bbolt ends the service, not the process.
func TestPanic(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "store"), boltstore.Options{})
	repair := st.Break()
	if _, err := st.Commit(t.Context(), nil, []store.Op{store.Put("/a", nil)}); !errors.Is(err, boltstore.ErrFailed) {
		t.Errorf("Commit = %v, want ErrFailed", err)
	}
	repair()
	checkFailed(t, st)
	if err := st.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

func checkFailed(t *testing.T, st store.Store) {
	t.Helper()
	if _, err := st.Commit(t.Context(), nil, []store.Op{store.Put("/a", nil)}); !errors.Is(err, boltstore.ErrFailed) {
		t.Errorf("Commit = %v, want ErrFailed", err)
	}
	if _, err := st.Get(t.Context(), "/a"); !errors.Is(err, boltstore.ErrFailed) {
		t.Errorf("Get = %v, want ErrFailed", err)
	}
	if _, err := st.List(t.Context(), "/", "", 0); !errors.Is(err, boltstore.ErrFailed) {
		t.Errorf("List = %v, want ErrFailed", err)
	}
}

// FuzzVerify looks for files that verify cannot stand, or that it lets pass
// though bbolt cannot stand them.
func FuzzVerify(f *testing.F) {
	good := filepath.Join(f.TempDir(), "good")
	fill(f, good)
	file, err := os.ReadFile(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(8192), []byte{1, 2, 3})
	f.Add(uint32(8192+10), []byte{255})
	f.Add(uint32(16), []byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, at uint32, with []byte) {
		bad := append([]byte(nil), file...)
		copy(bad[int(at)%len(bad):], with)
		path := filepath.Join(t.TempDir(), "bad")
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := boltstore.Verify(path); err != nil {
			if !errors.Is(err, boltstore.ErrDamaged) {
				t.Errorf("verify = %v, want ErrDamaged", err)
			}
			return
		}
		st, err := boltstore.Open(path, boltstore.Options{})
		if err != nil {
			return
		}
		readAll(t, 0, st)
		if err := st.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
}

// What is written to a file that was removed would be gone with the next start:
// it is refused. Put back, the file is written again.
func TestRemovedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	st := open(t, path, boltstore.Options{})
	defer func() { _ = st.Close() }()
	commit(t, st, store.Put("/a", nil))
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Commit(t.Context(), nil, []store.Op{store.Put("/b", nil)}); !errors.Is(err, boltstore.ErrRemoved) {
		t.Errorf("a commit to a file that was removed: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Commit(t.Context(), nil, []store.Op{store.Put("/b", nil)}); !errors.Is(err, boltstore.ErrRemoved) {
		t.Errorf("a commit to a file in whose place another stands: %v", err)
	}
	if _, err := st.Get(t.Context(), "/a"); err != nil {
		t.Errorf("reading goes on: %v", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if rev := commit(t, st, store.Put("/b", nil)); rev != 2 {
		t.Errorf("the next commit has revision %d, want 2", rev)
	}
}
