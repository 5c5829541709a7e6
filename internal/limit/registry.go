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
	many    map[string]weak.Pointer[Buckets]
	last    *setting // asked for: many are alike
}

// Bucket returns the bucket of a name, set to this rate and burst. If there is
// none it is made, full.
func (r *Registry) Bucket(name string, rate float64, burst int) *Bucket {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ask(rate, burst)
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

// ask makes the setting that is asked for, unless it is that of last time.
func (r *Registry) ask(rate float64, burst int) {
	if r.last == nil || r.last.rate != rate || r.last.burst != burst {
		r.last = newSetting(rate, burst)
	}
}

// Buckets returns the buckets of a name, set to this rate and burst. If there are
// none they are made, full.
func (r *Registry) Buckets(name string, rate float64, burst int) *Buckets {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ask(rate, burst)
	if b := r.many[name].Value(); b != nil {
		b.set(r.last)
		return b
	}
	b := newBuckets(r.last)
	p := weak.Make(b)
	if r.many == nil {
		r.many = make(map[string]weak.Pointer[Buckets])
	}
	r.many[name] = p
	runtime.AddCleanup(b, func(name string) { r.dropMany(name, p) }, name)
	return b
}

func (r *Registry) dropMany(name string, p weak.Pointer[Buckets]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.many[name] == p {
		delete(r.many, name)
	}
}

// drop forgets a bucket that nobody uses any more.
func (r *Registry) drop(name string, p weak.Pointer[Bucket]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.buckets[name] == p {
		delete(r.buckets, name)
	}
}

// Len returns how many names have buckets.
func (r *Registry) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.buckets) + len(r.many)
}
