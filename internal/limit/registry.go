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
	mu      sync.Mutex // guards the fields below; never held while calling out
	buckets map[string]weak.Pointer[Bucket]
	last    *setting // asked for: there may be a bucket for each of a million keys of one plan
}

// Bucket returns the bucket of a name, set to this rate and burst. If there is
// none it is made, full.
func (r *Registry) Bucket(name string, rate float64, burst int) *Bucket {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil || r.last.rate != rate || r.last.burst != burst {
		r.last = newSetting(rate, burst)
	}
	if b := r.buckets[name].Value(); b != nil {
		b.set(r.last)
		return b
	}
	b := newBucket(r.last)
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
