package store

import (
	"hash/maphash"
	"sync"
)

// Locks keep changes of the same thing on this node from beating each other to
// the commit. They are a courtesy: correctness comes from the commit's
// conditions. Different things may share a lock. The zero Locks are ready.
type Locks struct {
	mu [64]sync.Mutex // held during one change; by the hash of its key
}

var lockSeed = maphash.MakeSeed()

// Lock takes the lock of a key and returns what releases it.
func (l *Locks) Lock(key string) (unlock func()) {
	mu := &l.mu[maphash.String(lockSeed, key)%uint64(len(l.mu))]
	mu.Lock()
	return mu.Unlock
}
