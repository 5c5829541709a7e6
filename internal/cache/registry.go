package cache

import (
	"context"
	"sync"
	"time"
)

// A Key names a cache in a registry. Those of one group are flushed together.
type Key struct {
	Group string
	Name  string
}

// A Registry keeps caches by name: a configuration compiled anew finds those
// of the one before as full as they were. Its zero value is empty.
type Registry[V any] struct {
	mu     sync.Mutex // guards caches; never held while calling out
	caches map[Key]*Cache[V]
}

// Cache returns the cache of a key. If there is none, or one with another
// limit, an empty one is made.
func (r *Registry[V]) Cache(key Key, limit int64) *Cache[V] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.caches[key]; c != nil && c.limit == limit {
		return c
	}
	if r.caches == nil {
		r.caches = make(map[Key]*Cache[V])
	}
	c := New[V](limit)
	r.caches[key] = c
	return c
}

// Retain forgets all caches but those that are in use.
func (r *Registry[V]) Retain(inUse map[Key]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key := range r.caches {
		if !inUse[key] {
			delete(r.caches, key)
		}
	}
}

// Flush empties the caches of a group.
func (r *Registry[V]) Flush(group string) {
	for key, c := range r.all() {
		if key.Group == group {
			c.Flush()
		}
	}
}

// Stats returns the figures of all caches.
func (r *Registry[V]) Stats() map[Key]Stats {
	out := make(map[Key]Stats)
	for key, c := range r.all() {
		out[key] = c.Stats()
	}
	return out
}

// sweepEvery is how long what has expired may lie about when nobody asks for
// it.
const sweepEvery = time.Minute

// Run gives back the memory of what has expired, until ctx ends.
func (r *Registry[V]) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			for _, c := range r.all() {
				c.Sweep(now)
			}
		}
	}
}

// all returns the caches there are now.
func (r *Registry[V]) all() map[Key]*Cache[V] {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[Key]*Cache[V], len(r.caches))
	for key, c := range r.caches {
		out[key] = c
	}
	return out
}
