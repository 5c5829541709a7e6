package limit_test

import (
	"runtime"
	"testing"

	"gatehouse/internal/limit"
)

// TestRegistryKeeps shows that a name leads to the same bucket, as empty as it
// was, whatever its rate becomes.
func TestRegistryKeeps(t *testing.T) {
	r := new(limit.Registry)
	a := r.Bucket("stage/GET", 0.001, 1)
	a.Take()
	b := r.Bucket("stage/GET", 0.002, 1)
	if a != b {
		t.Fatal("the same name gives two buckets")
	}
	if b.Take() {
		t.Error("a new rate filled the bucket")
	}
	if c := r.Bucket("stage/POST", 0.001, 1); !c.Take() {
		t.Error("another name's bucket is empty")
	}
	runtime.KeepAlive(a)
}

// TestRegistryForgets shows that buckets nobody uses are not kept.
func TestRegistryForgets(t *testing.T) {
	r := new(limit.Registry)
	kept := r.Bucket("kept", 1, 1)
	for i := range 100 {
		r.Bucket(string(rune('a'+i)), 1, 1)
	}
	for i := 0; r.Len() > 1 && i < 1000; i++ {
		runtime.GC()
		runtime.Gosched()
	}
	if r.Len() != 1 {
		t.Errorf("%d buckets kept, want 1", r.Len())
	}
	runtime.KeepAlive(kept)
}
