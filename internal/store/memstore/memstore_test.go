package memstore_test

import (
	"errors"
	"testing"

	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
	"gatehouse/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store {
		return memstore.New(memstore.Options{History: storetest.History})
	})
}

// The history is bounded in bytes as well as in commits.
func TestHistoryBytes(t *testing.T) {
	st := memstore.New(memstore.Options{HistoryBytes: 1000})
	for range 10 {
		if _, err := st.Commit(t.Context(), nil, []store.Op{store.Put("/a", make([]byte, 298))}); err != nil {
			t.Fatal(err)
		}
	}
	for after, want := range map[store.Rev]error{6: store.ErrCompacted, 7: nil, 9: nil} {
		for b, err := range st.Watch(t.Context(), "/", after) {
			if !errors.Is(err, want) || err == nil && b.Rev != after+1 {
				t.Errorf("Watch after %d = %d, %v, want %v", after, b.Rev, err, want)
			}
			break
		}
	}
}
