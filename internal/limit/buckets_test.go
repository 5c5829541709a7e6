package limit

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBucketsAreBuckets holds each of many to what a Bucket does.
func TestBucketsAreBuckets(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	numbers := []uint32{0, 1, pageSize - 1, pageSize, 7 * pageSize, 1_000_000}
	for _, c := range []struct {
		rate  float64
		burst int
	}{{1, 1}, {10, 5}, {0.5, 3}, {1000, 1}, {0, 5}, {5, 0}} {
		many, each := NewBuckets(c.rate, c.burst), map[uint32]*Bucket{}
		for _, n := range numbers {
			each[n] = NewBucket(c.rate, c.burst)
		}
		now := epoch
		for range 2000 {
			now = now.Add(time.Duration(rng.Int64N(int64(300 * time.Millisecond))))
			n := numbers[rng.IntN(len(numbers))]
			if got, want := many.TakeAt(n, now), each[n].TakeAt(now); got != want {
				t.Fatalf("rate %v, burst %d, number %d after %v: %v, want %v", c.rate, c.burst, n, now.Sub(epoch), got, want)
			}
		}
	}
}

// TestBucketsSet: a smaller burst is what counts from then on.
func TestBucketsSet(t *testing.T) {
	var r Registry
	b := r.Buckets("plan", 1, 100)
	now := epoch.Add(time.Second)
	for i := range 100 {
		if !b.TakeAt(3, now) {
			t.Fatalf("token %d of 100", i)
		}
	}
	if r.Buckets("plan", 1, 2) != b {
		t.Fatal("the buckets are others")
	}
	if b.TakeAt(3, now) {
		t.Error("an empty bucket gave a token")
	}
	now, given := now.Add(3*time.Second), 0
	for b.TakeAt(3, now) {
		given++
	}
	if given != 2 {
		t.Errorf("three seconds later there are %d tokens, want the two of the burst", given)
	}
	runtime.KeepAlive(b)
}

// TestBucketsTogether: no token is given twice while pages are added.
func TestBucketsTogether(t *testing.T) {
	b := NewBuckets(1e-9, 100)
	var given atomic.Int64
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 200 {
				if b.TakeAt(5, epoch) {
					given.Add(1)
				}
				b.TakeAt(uint32((g*200+i)*pageSize), epoch)
			}
		})
	}
	all.Wait()
	if n := given.Load(); n != 100 {
		t.Errorf("%d tokens of 100 were given", n)
	}
}

func TestBucketsAllocs(t *testing.T) {
	b := NewBuckets(1e9, 1000)
	now := time.Now()
	if n := testing.AllocsPerRun(1000, func() { b.TakeAt(77, now) }); n != 0 {
		t.Errorf("taking allocates %v times, budget 0", n)
	}
}
