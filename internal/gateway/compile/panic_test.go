package compile_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
	"gatehouse/internal/upstream"
)

// panicking panics at its first listing.
type panicking struct {
	store.Store
	done atomic.Bool
}

func (s *panicking) List(ctx context.Context, prefix, from string, limit int) (store.Page, error) {
	if !s.done.Swap(true) {
		panic("list")
	}
	return s.Store.List(ctx, prefix, from, limit)
}

// A panic while compiling does not end the node: everything is read again.
func TestPanicIsSurvived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		st := &panicking{Store: memstore.New(memstore.Options{})}
		rev, err := st.Commit(ctx, nil, []store.Op{store.Put("/begin", nil)})
		if err != nil {
			t.Fatal(err)
		}
		c := compile.New(st, store.NewBlobs(st, "/"), new(gateway.Gateway), compile.Options{Clusters: upstream.NewRegistry(upstream.Options{})})
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		if err := c.Wait(ctx, rev); err != nil {
			t.Errorf("wait = %v", err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run = %v", err)
		}
		_ = st.Close()
	})
}
