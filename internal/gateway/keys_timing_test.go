package gateway_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"gatehouse/internal/gateway"
)

// keyValue is as long as those that AWS makes.
func keyValue(i int) string { return fmt.Sprintf("%040x", i*7919) }

func manyKeys(t testing.TB, n int, built *time.Duration) *gateway.Keys {
	plan := &gateway.UsagePlan{ID: "plan01"}
	list := make([]gateway.APIKey, n)
	for i := range list {
		list[i] = gateway.APIKey{ID: fmt.Sprintf("%010x", i), Value: keyValue(i), Enabled: true, Members: []gateway.Member{{Plan: plan}}}
	}
	start := time.Now()
	keys, err := gateway.NewKeys(list)
	if err != nil {
		t.Fatal(err)
	}
	if built != nil {
		*built = time.Since(start)
	}
	return keys
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestKeysBudget keeps the memory of a million keys: at most 100 bytes each.
func TestKeysBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("a million keys take a second")
	}
	const n = 1_000_000
	before := heapInUse()
	keys := manyKeys(t, n, nil)
	each := float64(heapInUse()-before) / n
	t.Logf("%.1f bytes a key", each)
	if each > 100 {
		t.Errorf("%.1f bytes a key, budget 100", each)
	}
	runtime.KeepAlive(keys)
}

// BenchmarkKeysFind looks one of a million keys up, in no order.
func BenchmarkKeysFind(b *testing.B) {
	const n = 1_000_000
	var built time.Duration
	keys := manyKeys(b, n, &built)
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
	b.ReportMetric(float64(built.Milliseconds()), "ms/build")
}
