// Package cache keeps values under keys, each for a time of its own, within a
// bound of bytes for all of them together.
//
// A [Cache] finds a value without allocating, whatever it holds. Who misses
// begins a [Flight]: it says that the value is being fetched, so that others
// can wait for it instead of fetching it too, and it alone may store what it
// brought. A [Registry] keeps caches by name, so that they outlive the
// configuration that uses them. None of them knows what is kept, or where it
// comes from.
package cache

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// A Cache keeps values of one kind. It is safe for any number of goroutines.
// An empty one has a few hundred bytes and no goroutine: there may be
// thousands.
//
// When a value does not fit, others go: those that were not asked for since
// the hand last came by (the SIEVE algorithm), whichever they are.
type Cache[V any] struct {
	limit  int64
	used   atomic.Int64  // bytes of what is kept and of what is being fetched; never over limit
	next   atomic.Uint32 // the shard to take from when the cache is full
	hits   atomic.Int64
	misses atomic.Int64
	shards [shardCount]shard[V]
}

// shardCount is a power of two: enough for that goroutines seldom meet.
const shardCount = 16

// overhead is what an entry needs in memory beside its key and value: itself
// and its part of the map.
const overhead = 192

// New returns an empty cache for limit bytes.
func New[V any](limit int64) *Cache[V] { return &Cache[V]{limit: limit} }

// A shard is the part of a cache that has one lock.
type shard[V any] struct {
	mu      sync.Mutex // guards the fields below; never held while calling out
	entries map[string]*entry[V]
	flights map[string]*Flight[V]
	newest  *entry[V] // of a list of all entries
	oldest  *entry[V]
	hand    *entry[V] // where to look for what can go; nil: at the oldest
}

type entry[V any] struct {
	key          string
	value        V
	size         int64
	expires      time.Time
	visited      bool
	newer, older *entry[V]
}

var seed = maphash.MakeSeed()

func (c *Cache[V]) shard(key []byte) *shard[V] {
	return &c.shards[maphash.Bytes(seed, key)%shardCount]
}

// Get returns the value of a key, if there is one that has not expired by now.
// It does not keep key.
func (c *Cache[V]) Get(key []byte, now time.Time) (value V, ok bool) {
	s := c.shard(key)
	s.mu.Lock()
	e := s.entries[string(key)]
	if ok = e != nil && now.Before(e.expires); ok {
		e.visited, value = true, e.value
	}
	s.mu.Unlock()
	return value, ok
}

// CountHit and CountMiss count what came of a look-up: only its caller knows
// whether one that found nothing at first was answered after all.
func (c *Cache[V]) CountHit() { c.hits.Add(1) }

// CountMiss is the other of the two.
func (c *Cache[V]) CountMiss() { c.misses.Add(1) }

// Flush drops everything. What is being fetched will not be stored.
func (c *Cache[V]) Flush() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for _, e := range s.entries {
			c.used.Add(-e.size)
		}
		s.entries, s.flights = nil, nil
		s.newest, s.oldest, s.hand = nil, nil, nil
		s.mu.Unlock()
	}
}

// Sweep drops what has expired by now, in case nobody asks for it again.
func (c *Cache[V]) Sweep(now time.Time) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for e := s.oldest; e != nil; {
			newer := e.newer
			if !now.Before(e.expires) {
				c.drop(s, e)
			}
			e = newer
		}
		s.mu.Unlock()
	}
}

// Stats are the figures of a cache.
type Stats struct {
	Entries      int
	Bytes        int64 // what Limit bounds
	Limit        int64
	Hits, Misses int64
}

// Stats returns the figures as they are now.
func (c *Cache[V]) Stats() Stats {
	st := Stats{Bytes: c.used.Load(), Limit: c.limit, Hits: c.hits.Load(), Misses: c.misses.Load()}
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		st.Entries += len(s.entries)
		s.mu.Unlock()
	}
	return st
}

// reserve takes n bytes, from others if it must. It reports false if they are
// not to be had.
func (c *Cache[V]) reserve(n int64) bool {
	if n > c.limit {
		return false
	}
	for {
		used := c.used.Load()
		if used+n > c.limit {
			if !c.evict() {
				return false
			}
			continue
		}
		if c.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// evict drops one entry. The shards take turns, so that no key is better off
// for where it lies. It reports false if there is none.
func (c *Cache[V]) evict() bool {
	for range 2 * shardCount { // in the second round no mark is left, unless just made
		s := &c.shards[c.next.Add(1)%shardCount]
		s.mu.Lock()
		e := s.victimLocked()
		if e != nil {
			c.drop(s, e)
		}
		s.mu.Unlock()
		if e != nil {
			return true
		}
	}
	return false
}

// victimLocked moves the hand to the next entry that nobody has asked for
// since it came by, once around at most. Those it passes lose their mark.
func (s *shard[V]) victimLocked() *entry[V] {
	e := s.hand
	for range s.entries {
		if e == nil {
			e = s.oldest
		}
		if !e.visited {
			s.hand = e
			return e
		}
		e.visited = false
		e = e.newer
	}
	s.hand = e
	return nil
}

// drop takes e out of s, whose lock is held.
func (c *Cache[V]) drop(s *shard[V], e *entry[V]) {
	delete(s.entries, e.key)
	if s.hand == e {
		s.hand = e.newer
	}
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		s.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		s.oldest = e.newer
	}
	c.used.Add(-e.size)
}

// addLocked puts e at the newest end.
func (s *shard[V]) addLocked(e *entry[V]) {
	if s.entries == nil {
		s.entries = make(map[string]*entry[V])
	}
	s.entries[e.key] = e
	e.older = s.newest
	if s.newest != nil {
		s.newest.newer = e
	} else {
		s.oldest = e
	}
	s.newest = e
}
