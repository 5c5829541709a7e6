package gateway_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/limit"
)

// keyValue is as long as those that AWS makes.
func keyValue(i int) string { return fmt.Sprintf("%040x", i*7919) }

// manyKeyring has n keys in one plan.
func manyKeyring(t testing.TB, n int) *gateway.Keyring {
	ring := gateway.NewKeyring()
	for i := range n {
		id := fmt.Sprintf("%010x", i)
		if err := errors.Join(ring.Put(id, keyValue(i), true), ring.Join("plan01", id)); err != nil {
			t.Fatal(err)
		}
	}
	return ring
}

func manyKeys(t testing.TB, n int) *gateway.Keys {
	return keysOf(manyKeyring(t, n))
}

func keysOf(ring *gateway.Keyring) *gateway.Keys {
	plan := &gateway.UsagePlan{ID: "plan01"}
	return ring.Keys(func(string, string) gateway.Member { return gateway.Member{Plan: plan} })
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestKeysBudget keeps the memory of a million keys, each held to a rate of its
// plan and used: at most 100 bytes each, what is known of them between two changes
// and all.
func TestKeysBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("a million keys take a second")
	}
	const n = 1_000_000
	before := heapInUse()
	ring := manyKeyring(t, n)
	keys := keysOf(ring)
	rate, now := limit.NewBuckets(1, 1), time.Now()
	for i := range n {
		if !rate.TakeAt(keys.Find(keyValue(i)).Number(), now) {
			t.Fatalf("key %d has no token of its own", i)
		}
	}
	each := float64(heapInUse()-before) / n
	t.Logf("%.1f bytes a key", each)
	if each > 100 {
		t.Errorf("%.1f bytes a key, budget 100", each)
	}
	runtime.KeepAlive(keys)
	runtime.KeepAlive(ring)
	runtime.KeepAlive(rate)
}

// BenchmarkKeysFind looks one of a million keys up, in no order.
func BenchmarkKeysFind(b *testing.B) {
	const n = 1_000_000
	keys := manyKeys(b, n)
	values := make([]string, 1<<18)
	for i, r := 0, uint64(1); i < len(values); i++ {
		r = r*6364136223846793005 + 1442695040888963407
		values[i] = keyValue(int((r >> 33) % n))
	}
	runtime.GC()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if keys.Find(values[i&(len(values)-1)]) == nil {
			b.Fatal("not found")
		}
		i++
	}
}

// BenchmarkKeysChange adds one to a million keys.
func BenchmarkKeysChange(b *testing.B) {
	const n = 1_000_000
	ring := manyKeyring(b, n)
	for i := n; b.Loop(); i++ {
		if err := ring.Put(fmt.Sprintf("%010x", i), keyValue(i), true); err != nil {
			b.Fatal(err)
		}
		keysOf(ring)
	}
}
