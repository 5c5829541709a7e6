package metrics

import (
	"maps"
	"sync"
)

// A Registry keeps series by key: a configuration compiled anew finds those of
// the one before with all that they have counted.
type Registry[K comparable] struct {
	limit   int
	minutes minutes[K]

	mu     sync.Mutex // guards the fields below; never held while calling out
	series map[K]*Series
	other  *Series
	turned map[K]struct{} // keys that had to share other
	gone   []gone[K]      // forgotten since the last minute ended; at most limit
}

// gone is a series that was forgotten.
type gone[K comparable] struct {
	key    K
	series *Series
}

// NewRegistry returns a registry of at most limit series. Whoever may make
// APIs, stages and methods can reach the limit; what comes after it is counted
// together, in one series more.
func NewRegistry[K comparable](limit int) *Registry[K] {
	return &Registry[K]{limit: limit, series: make(map[K]*Series), other: NewSeries(), turned: make(map[K]struct{})}
}

// Series returns the series of a key, and makes it if there is none. Beyond the
// registry's limit it returns the one that all others share.
func (r *Registry[K]) Series(key K) *Series {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.series[key]; s != nil {
		return s
	}
	if len(r.series) >= r.limit {
		r.turned[key] = struct{}{}
		return r.other
	}
	s := NewSeries()
	r.series[key] = s
	delete(r.turned, key)
	return s
}

// Retain forgets all keys but those that are in use. What they have counted is
// still in the minute that runs.
func (r *Registry[K]) Retain(inUse func(K) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.series, func(k K, s *Series) bool {
		if inUse(k) {
			return false
		}
		if len(r.gone) < r.limit {
			r.gone = append(r.gone, gone[K]{k, s})
		}
		return true
	})
	maps.DeleteFunc(r.turned, func(k K, _ struct{}) bool { return !inUse(k) })
}

// All returns the series there are now, without the shared one.
func (r *Registry[K]) All() map[K]*Series {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.series)
}

// Other returns the series of all keys for which there was no room, and how
// many those are now.
func (r *Registry[K]) Other() (s *Series, keys int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.other, len(r.turned)
}
