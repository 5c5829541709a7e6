package cache

import "time"

// A Flight fetches the value of one key. Whoever got it first ends it, once,
// whatever happened; before that it may store the value. Its methods but Done
// are for one goroutine.
type Flight[V any] struct {
	c        *Cache[V]
	key      string
	reserved int64
	done     chan struct{}
}

// Join begins a flight for key, or returns the one under way. Who is first may
// find, with a second look, that an earlier flight has just stored the value.
func (c *Cache[V]) Join(key []byte) (f *Flight[V], first bool) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f = s.flights[string(key)]; f != nil {
		return f, false
	}
	return c.beginLocked(s, string(key)), true
}

// Replace begins a flight for key in the place of one under way, whose value
// is out of date and will not be stored.
func (c *Cache[V]) Replace(key []byte) *Flight[V] {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.beginLocked(s, string(key))
}

func (c *Cache[V]) beginLocked(s *shard[V], key string) *Flight[V] {
	f := &Flight[V]{c: c, key: key, done: make(chan struct{})}
	if s.flights == nil {
		s.flights = make(map[string]*Flight[V])
	}
	s.flights[key] = f
	return f
}

// Key returns the key whose value is fetched.
func (f *Flight[V]) Key() string { return f.key }

// Done is closed when the flight has ended.
func (f *Flight[V]) Done() <-chan struct{} { return f.done }

// Reserve takes n more bytes of the cache for the value: memory in which it is
// collected counts like memory in which it is kept. It reports false if they
// are not to be had.
func (f *Flight[V]) Reserve(n int) bool {
	if !f.c.reserve(int64(n)) {
		return false
	}
	f.reserved += int64(n)
	return true
}

// Store stores the value, whose size is what was reserved, until it expires.
// It does not if the cache was flushed or the flight replaced meanwhile, or if
// there is no room.
func (f *Flight[V]) Store(value V, expires time.Time) {
	if !f.Reserve(len(f.key) + overhead) {
		return
	}
	c, s := f.c, f.c.shard([]byte(f.key))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flights[f.key] != f {
		return
	}
	if old := s.entries[f.key]; old != nil {
		c.drop(s, old)
	}
	s.addLocked(&entry[V]{key: f.key, value: value, size: f.reserved, expires: expires})
	f.reserved = 0 // they are the entry's now
}

// End ends the flight.
func (f *Flight[V]) End() {
	f.c.used.Add(-f.reserved)
	f.reserved = 0
	s := f.c.shard([]byte(f.key))
	s.mu.Lock()
	if s.flights[f.key] == f {
		delete(s.flights, f.key)
	}
	s.mu.Unlock()
	close(f.done)
}
