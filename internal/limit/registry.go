package limit

import (
	"runtime"
	"sync"
	"weak"
)

// A Registry keeps buckets by name for as long as somebody uses them: a
// configuration compiled anew finds the buckets of the one before as full as
// they were. Its zero value is empty.
type Registry struct {
	mu      sync.Mutex // guards buckets; never held while calling out
	buckets map[string]weak.Pointer[Bucket]
}

// Bucket returns the bucket of a name, set to this rate and burst. If there is
// none it is made, full.
func (r *Registry) Bucket(name string, rate float64, burst int) *Bucket {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.buckets[name].Value(); b != nil {
		b.Set(rate, burst)
		return b
	}
	b := NewBucket(rate, burst)
	p := weak.Make(b)
	if r.buckets == nil {
		r.buckets = make(map[string]weak.Pointer[Bucket])
	}
	r.buckets[name] = p
	runtime.AddCleanup(b, func(name string) { r.drop(name, p) }, name)
	return b
}

// drop forgets a bucket that nobody uses any more.
func (r *Registry) drop(name string, p weak.Pointer[Bucket]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.buckets[name] == p {
		delete(r.buckets, name)
	}
}

// Len returns how many buckets are kept.
func (r *Registry) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.buckets)
}
