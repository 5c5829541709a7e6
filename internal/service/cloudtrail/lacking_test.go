package cloudtrail

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

// TestLacking: what was taken away between two starts is told at the second.
func TestLacking(t *testing.T) {
	tests := []struct {
		name string
		do   func(dir string) error
		want []string
	}{
		{"nothing", func(string) error { return nil }, nil},
		{"all", os.RemoveAll, []string{"records 1 to 3"}},
		{"the newest", func(dir string) error { return os.Remove(filepath.Join(dir, eventsName, eventsName, "tail")) }, []string{"records 1 to 3"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, mark := filepath.Join(t.TempDir(), "audit"), filepath.Join(t.TempDir(), "last")
			k, err := newKeeper(Options{Dir: dir, Mark: mark, MaxBytes: 1 << 30})
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{"a", "b", "c"} {
				if err := k.begin(someEvent(id)); err != nil {
					t.Fatal(err)
				}
				k.end(someEvent(id))
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // it writes what there is, and ends
			if err := k.run(ctx); err != nil {
				t.Fatal(err)
			}
			if err := tt.do(dir); err != nil {
				t.Fatal(err)
			}
			k, err = newKeeper(Options{Dir: dir, Mark: mark, MaxBytes: 1 << 30})
			if err != nil || !slices.Equal(k.lacks, tt.want) {
				t.Errorf("lacking are %q, %v; want %q", k.lacks, err, tt.want)
			}
		})
	}
}

// TestMark: a server that is killed has marked all but its last records.
func TestMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mark := mark(filepath.Join(t.TempDir(), "last"))
		k, err := newKeeper(Options{Dir: t.TempDir(), Mark: string(mark), MaxBytes: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go k.follow(ctx)
		k.end(someEvent("a"))
		if err := k.log.Write(nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*markPace + time.Second)
		synctest.Wait()
		if got, ok := mark.read(); got != 1 || !ok {
			t.Errorf("the mark is %d, %v; want 1", got, ok)
		}
		cancel()
	})
}

// TestNeverKept: a store that has changes has records, or had them.
func TestNeverKept(t *testing.T) {
	st := memstore.New(memstore.Options{})
	defer st.Close() //nolint:errcheck // it is in memory
	k, err := newKeeper(Options{Dir: t.TempDir(), Mark: filepath.Join(t.TempDir(), "last"), MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, want bool) {
		if got, err := k.neverKept(st); got != want || err != nil {
			t.Errorf("%s: neverKept = %v, %v; want %v", what, got, err, want)
		}
	}
	check("a new store", false)
	if _, err := st.Commit(t.Context(), nil, []store.Op{{Key: "/a", Value: []byte("{}")}}); err != nil {
		t.Fatal(err)
	}
	check("one with changes", true)
	if err := k.mark.write(0); err != nil {
		t.Fatal(err)
	}
	check("with a mark", false)
}
