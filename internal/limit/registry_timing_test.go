package limit_test

import (
	"fmt"
	"runtime"
	"testing"

	"gatehouse/internal/limit"
)

// BenchmarkRegistryMemory shows what each bucket of a plan with many keys takes,
// with its place in the registry.
func BenchmarkRegistryMemory(b *testing.B) {
	const n = 200_000
	for b.Loop() {
		var r limit.Registry
		buckets := make([]*limit.Bucket, 0, n)
		before := heap()
		for i := range n {
			buckets = append(buckets, r.Bucket(fmt.Sprintf("key 000000000000 us-east-1 plan01 %010d", i), 10, 20))
		}
		b.ReportMetric(float64(heap()-before)/n, "B/bucket")
		runtime.KeepAlive(buckets)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
