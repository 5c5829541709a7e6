package boltstore_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/internal/store"
	"gatehouse/internal/store/boltstore"
)

// BenchmarkCommit shows what a commit of one 400 byte record costs, alone and
// when others commit at the same time: the fsync is shared.
func BenchmarkCommit(b *testing.B) {
	value := bytes.Repeat([]byte("v"), 400)
	for _, committers := range []int{1, 4, 32} {
		b.Run(fmt.Sprint("committers=", committers), func(b *testing.B) {
			st := open(b, filepath.Join(b.TempDir(), "store"), boltstore.Options{})
			defer func() { _ = st.Close() }()
			before := st.Transactions()
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range committers {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						op := store.Put(fmt.Sprintf("/bench/%05d", i%10_000), value)
						if _, err := st.Commit(context.Background(), nil, []store.Op{op}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/float64(st.Transactions()-before), "commits/fsync")
		})
	}
}

// BenchmarkWatch shows what it costs to tell all watchers of a commit: from
// before Commit until the last has seen it.
func BenchmarkWatch(b *testing.B) {
	for _, watchers := range []int{1, 10, 100} {
		b.Run(fmt.Sprint("watchers=", watchers), func(b *testing.B) {
			st := open(b, filepath.Join(b.TempDir(), "store"), boltstore.Options{})
			defer func() { _ = st.Close() }()
			seen := make(chan struct{}, watchers)
			var ended sync.WaitGroup
			ctx, cancel := context.WithCancel(b.Context())
			for range watchers {
				ended.Go(func() {
					for _, err := range st.Watch(ctx, "/", 0) {
						if err != nil {
							return
						}
						seen <- struct{}{}
					}
				})
			}
			for b.Loop() {
				commit(b, st, store.Put("/a", []byte("1")))
				for range watchers {
					<-seen
				}
			}
			cancel()
			ended.Wait()
		})
	}
}

// BenchmarkRead shows what reading costs among 10,000 records of 400 bytes.
func BenchmarkRead(b *testing.B) {
	st := open(b, filepath.Join(b.TempDir(), "store"), boltstore.Options{})
	defer func() { _ = st.Close() }()
	for i := range 100 {
		var ops []store.Op
		for j := range 100 {
			ops = append(ops, store.Put(fmt.Sprintf("/bench/%02d/%02d", i, j), make([]byte, 400)))
		}
		commit(b, st, ops...)
	}
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := st.Get(b.Context(), "/bench/50/50"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("list 100", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if page, err := st.List(b.Context(), "/bench/50/", "", 0); err != nil || len(page.KVs) != 100 {
				b.Fatal(len(page.KVs), err)
			}
		}
	})
}
