package boltstore_test

import (
	"path/filepath"
	"testing"

	"gatehouse/internal/store"
	"gatehouse/internal/store/boltstore"
	"gatehouse/internal/store/storetest"
)

func open(t testing.TB, path string, opt boltstore.Options) *boltstore.Store {
	t.Helper()
	st, err := boltstore.Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, filepath.Join(t.TempDir(), "store"), boltstore.Options{History: storetest.History})
	})
}
