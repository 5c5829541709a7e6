package cache_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/cache"
)

// put stores a value of size bytes.
func put(c *cache.Cache[string], key, value string, size int, expires time.Time) {
	f, first := c.Join([]byte(key))
	if !first {
		panic("somebody is fetching " + key)
	}
	defer f.End()
	if f.Reserve(size) {
		f.Store(value, expires)
	}
}

func get(c *cache.Cache[string], key string) string {
	v, _ := c.Get([]byte(key), time.Now())
	return v
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New[string](1 << 20)
		put(c, "a", "1", 10, time.Now().Add(time.Minute))
		time.Sleep(time.Minute - time.Nanosecond)
		if got := get(c, "a"); got != "1" {
			t.Errorf("before its time is over: %q", got)
		}
		time.Sleep(time.Nanosecond)
		if got := get(c, "a"); got != "" {
			t.Errorf("when its time is over: %q", got)
		}
		put(c, "a", "2", 10, time.Now().Add(time.Minute))
		if got := get(c, "a"); got != "2" {
			t.Errorf("stored again: %q", got)
		}
	})
}

// What has expired gives its memory back though nobody asks for it.
func TestRegistrySweeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r cache.Registry[string]
		ctx, cancel := context.WithCancel(t.Context())
		var g sync.WaitGroup
		defer g.Wait()
		defer cancel()
		g.Go(func() { _ = r.Run(ctx) })
		key := cache.Key{Group: "g", Name: "n"}
		c := r.Cache(key, 1<<20)
		put(c, "short", "1", 1000, time.Now().Add(time.Second))
		put(c, "long", "2", 1000, time.Now().Add(time.Hour))
		time.Sleep(2 * time.Minute)
		if st := r.Stats()[key]; st.Entries != 1 || st.Bytes > 1500 {
			t.Errorf("after a sweep: %+v, want one entry", st)
		}
	})
}

// The bound holds at every moment, whoever stores what.
func TestBound(t *testing.T) {
	const limit = 100_000
	c := cache.New[string](limit)
	var g sync.WaitGroup
	for w := range 8 {
		g.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 1))
			for range 3000 {
				key := []byte(fmt.Sprint(rnd.IntN(500)))
				if rnd.IntN(200) == 0 {
					c.Flush()
				}
				f, first := c.Join(key)
				if !first {
					c.Get(key, time.Now())
					continue
				}
				for range rnd.IntN(4) {
					f.Reserve(rnd.IntN(3000))
				}
				if rnd.IntN(4) > 0 {
					f.Store("v", time.Now().Add(time.Hour))
				}
				if st := c.Stats(); st.Bytes > limit || st.Bytes < 0 {
					t.Errorf("%d bytes, the limit is %d", st.Bytes, limit)
				}
				f.End()
			}
		})
	}
	g.Wait()
	c.Flush()
	if st := c.Stats(); st.Bytes != 0 || st.Entries != 0 {
		t.Errorf("flushed: %+v, want nothing", st)
	}
}

// What is asked for outlives what is not, when not all has room.
func TestEvictsWhatNobodyWants(t *testing.T) {
	c := cache.New[string](64 << 10)
	far := time.Now().Add(time.Hour)
	for i := range 10 {
		put(c, fmt.Sprint("wanted", i), "v", 1000, far)
	}
	for i := range 2000 {
		for j := range 10 {
			get(c, fmt.Sprint("wanted", j))
		}
		put(c, fmt.Sprint("scan", i), "v", 1000, far)
	}
	for i := range 10 {
		if get(c, fmt.Sprint("wanted", i)) == "" {
			t.Errorf("wanted%d is gone", i)
		}
	}
}

func TestTooLarge(t *testing.T) {
	c := cache.New[string](2000)
	put(c, "small", "v", 100, time.Now().Add(time.Hour))
	put(c, "large", "v", 3000, time.Now().Add(time.Hour))
	if get(c, "small") == "" || get(c, "large") != "" {
		t.Error("a value larger than the cache must leave it as it is")
	}
}

// Who fetches stores only what is still wanted.
func TestFlightOutOfDate(t *testing.T) {
	far := time.Now().Add(time.Hour)
	t.Run("flushed", func(t *testing.T) {
		c := cache.New[string](1 << 20)
		f, _ := c.Join([]byte("a"))
		c.Flush()
		f.Store("old", far)
		f.End()
		if got := get(c, "a"); got != "" {
			t.Errorf("what was fetched before a flush is served after it: %q", got)
		}
	})
	t.Run("replaced", func(t *testing.T) {
		c := cache.New[string](1 << 20)
		old, _ := c.Join([]byte("a"))
		fresh := c.Replace([]byte("a"))
		if f, first := c.Join([]byte("a")); first || f != fresh {
			t.Error("who comes after a replacement does not wait for it")
		}
		fresh.Store("new", far)
		fresh.End()
		old.Store("old", far)
		old.End()
		if got := get(c, "a"); got != "new" {
			t.Errorf("got %q, want what was fetched last", got)
		}
	})
}

func TestRegistry(t *testing.T) {
	var r cache.Registry[string]
	a, canary, b := cache.Key{"a", "0.5"}, cache.Key{"a", "0.5 canary"}, cache.Key{"b", "0.5"}
	far := time.Now().Add(time.Hour)
	for _, k := range []cache.Key{a, canary, b} {
		put(r.Cache(k, 1<<20), "x", "v", 1, far)
	}
	r.Flush("a")
	if get(r.Cache(a, 1<<20), "x") != "" || get(r.Cache(canary, 1<<20), "x") != "" || get(r.Cache(b, 1<<20), "x") == "" {
		t.Error("a flush must empty the caches of its group and no others")
	}
	if get(r.Cache(b, 2<<20), "x") != "" {
		t.Error("a cache of another size must begin empty")
	}
	r.Retain(map[cache.Key]bool{a: true})
	if st := r.Stats(); len(st) != 1 {
		t.Errorf("retained %v, want one", st)
	}
}

func TestGetAllocs(t *testing.T) {
	c := cache.New[string](1 << 20)
	put(c, "key", "v", 1, time.Now().Add(time.Hour))
	now, key := time.Now(), []byte("key")
	if n := testing.AllocsPerRun(1000, func() { c.Get(key, now) }); n != 0 {
		t.Errorf("Get allocates %v times, budget 0", n)
	}
}

// A thousand idle caches cost little: 2 KiB each, and no goroutine.
func TestIdle(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var r cache.Registry[string]
	for i := range 1000 {
		r.Cache(cache.Key{Group: fmt.Sprint(i)}, 1<<20)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / 1000
	if each > 2048 {
		t.Errorf("an idle cache has %d bytes, budget 2048", each)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines more", n-goroutines)
	}
	t.Logf("%d bytes each", each)
	runtime.KeepAlive(&r)
}

func BenchmarkGet(b *testing.B) {
	c := cache.New[string](64 << 20)
	keys := make([][]byte, 10_000)
	far := time.Now().Add(time.Hour)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "a key of the usual length, number %d", i)
		put(c, string(keys[i]), "v", 100, far)
	}
	now := time.Now()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := rand.IntN(len(keys)); pb.Next(); i++ {
			c.Get(keys[i%len(keys)], now)
		}
	})
}
