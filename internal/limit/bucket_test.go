package limit_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/limit"
)

func TestBucketTake(t *testing.T) {
	tests := []struct {
		name  string
		rate  float64
		burst int
		waits []time.Duration // before each take
		want  []bool
	}{
		{"burst then empty", 1, 2, []time.Duration{0, 0, 0}, []bool{true, true, false}},
		{"one token a second", 1, 1, []time.Duration{0, time.Second, 0}, []bool{true, true, false}},
		{"refused does not take", 1, 1, []time.Duration{0, time.Second / 2, time.Second / 2}, []bool{true, false, true}},
		{"saves no more than burst", 10, 1, []time.Duration{time.Hour, 0}, []bool{true, false}},
		{"rate 0 blocks", 0, 5, []time.Duration{0, time.Hour}, []bool{false, false}},
		{"burst 0 blocks", 5, 0, []time.Duration{0, time.Hour}, []bool{false, false}},
		{"slow rate", 0.001, 1, []time.Duration{0, 999 * time.Second, time.Second}, []bool{true, false, true}},
		{"endless depth", 1e-9, 1 << 30, []time.Duration{0, 0}, []bool{true, true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := limit.NewBucket(tt.rate, tt.burst)
				for i, d := range tt.waits {
					time.Sleep(d) // fake time: returns at once
					if got := b.Take(); got != tt.want[i] {
						t.Errorf("take %d after %v = %v, want %v", i, d, got, tt.want[i])
					}
				}
			})
		})
	}
}

func TestBucketSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := limit.NewBucket(0.001, 1)
		b.Take()
		b.Set(10, 1)
		time.Sleep(100 * time.Millisecond)
		if !b.Take() {
			t.Error("a raised rate does not act: the bucket still waits for the old one's token")
		}
		b.Set(0, 0)
		time.Sleep(time.Hour)
		if b.Take() {
			t.Error("a rate of 0 lets a request pass")
		}
	})
}

// TestBucketBurst takes a whole burst at once, at rates whose tokens do not
// take a whole number of nanoseconds.
func TestBucketBurst(t *testing.T) {
	at := time.Now()
	for _, rate := range []float64{0.3, 3, 7, 9999.9, 123456.7, 1e9} {
		b := limit.NewBucket(rate, 1000)
		n := 0
		for b.TakeAt(at) {
			n++
		}
		if n != 1000 {
			t.Errorf("rate %v: %d tokens at once, want 1000", rate, n)
		}
	}
}

// TestBucketTogether takes from many goroutines at one moment: exactly burst
// of them may pass.
func TestBucketTogether(t *testing.T) {
	const burst = 1000
	b := limit.NewBucket(0.001, burst)
	at := time.Now()
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range burst {
				if b.TakeAt(at) {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != burst {
		t.Errorf("%d requests passed, want %d", passed.Load(), burst)
	}
}

func TestBucketTakeAllocs(t *testing.T) {
	b := limit.NewBucket(1e6, 1000)
	if n := testing.AllocsPerRun(1000, func() { b.Take() }); n != 0 {
		t.Errorf("Take allocates %v times, budget 0", n)
	}
}

func BenchmarkBucketTakeAt(b *testing.B) {
	bu := limit.NewBucket(1e9, 1<<30)
	at := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		bu.TakeAt(at)
	}
}
