// Package store keeps everything that must outlive the process and be agreed
// on by a fleet: an ordered map of keys to values with one history.
//
// A [Store] has five methods. Its implementations live in subpackages
// (memstore, boltstore) and all pass the suite storetest. [Table] adds a type
// and a prefix to a store, [Blobs] holds immutable values that are larger than
// one commit may be. The store knows nothing of AWS, of records or of who
// reads them.
//
// A reader's loop is always the same: List, then Watch from the revision of
// that list; on [ErrCompacted] list again.
package store

import (
	"context"
	"errors"
	"iter"
)

// Limits of one commit and one key. They are etcd's, less some room for its
// own framing, and every implementation enforces them, so that one node cannot
// store what a fleet could not.
const (
	MaxConds      = 100       // conditions in one commit
	MaxOps        = 100       // operations in one commit
	MaxCommitSize = 1 << 20   // bytes of all keys and values of one commit
	MaxKeySize    = 1024      // bytes of one key
	MaxValueSize  = 768 << 10 // bytes of one value
)

// Conditions that callers act on, to be tested with errors.Is.
var (
	ErrNotFound  = errors.New("key not found")
	ErrConflict  = errors.New("store changed since it was read")
	ErrCompacted = errors.New("revision compacted away")
	ErrTooLarge  = errors.New("commit exceeds the limits of the store")
	ErrClosed    = errors.New("store is closed")
)

// A Rev numbers the commits of a store: the first is 1, and every successful
// commit gets the next number. Zero is "before everything".
type Rev int64

// A KV is a key with its value and the revision that wrote it.
type KV struct {
	Key   string
	Value []byte // the caller's own copy
	Rev   Rev    // the commit that last put this key
}

// A Page is a part of a listing, all of it as of one revision.
type Page struct {
	KVs  []KV
	Rev  Rev    // the revision this listing shows
	Next string // pass as from to continue; empty at the end
}

// A Cond demands that the key was last put by revision Rev; Rev 0 demands that
// it does not exist.
type Cond struct {
	Key string
	Rev Rev
}

// An Op puts Value under Key, or deletes Key.
type Op struct {
	Key    string
	Value  []byte
	Delete bool
}

// Put is the Op that stores value under key.
func Put(key string, value []byte) Op { return Op{Key: key, Value: value} }

// Delete is the Op that removes key; removing an absent key is no error.
func Delete(key string) Op { return Op{Key: key, Delete: true} }

// A Batch is one commit as a watcher sees it: every operation below the
// watched prefix, in the order given to Commit.
type Batch struct {
	Rev Rev
	Ops []Op
}

// A Store is an ordered map of keys to values with one history. Every commit
// gets the next revision; a watcher sees every commit after the revision it
// names, whole, once, in order — or [ErrCompacted] when that is no longer
// possible. All methods may be called from many goroutines.
type Store interface {
	// Get returns the current value of key, or ErrNotFound.
	Get(ctx context.Context, key string) (KV, error)

	// List returns keys below prefix in byte order, starting at from (or at
	// the first if from is empty), at most limit of them (0: no limit). Two
	// pages of one listing may show two revisions: who must not miss a change
	// in between watches from the revision of the first.
	List(ctx context.Context, prefix, from string, limit int) (Page, error)

	// Commit applies all ops as one revision if all conditions hold, and
	// returns once that is durable. ErrConflict: a condition does not hold and
	// nothing was changed. ErrTooLarge: beyond the limits above. A key may
	// stand in ops once only. A commit without ops checks its conditions and
	// returns the current revision.
	Commit(ctx context.Context, ifs []Cond, ops []Op) (Rev, error)

	// Watch yields every commit after revision after that touches prefix, in
	// order, and waits for further ones until ctx ends. Commits that touch
	// nothing below the prefix are yielded as a Batch without Ops at the
	// latest when the watcher has caught up, so that it can follow the
	// revision. ErrCompacted ends it when the history no longer reaches back
	// to after, or when after is a revision this store has not seen; a watcher
	// that lags beyond the history is ended likewise. Unless the reader stops
	// first, the last pair carries the error that ended the watch: ErrCompacted,
	// ErrClosed or that of ctx. Batches are the reader's own copies.
	Watch(ctx context.Context, prefix string, after Rev) iter.Seq2[Batch, error]

	// Close ends all watches with ErrClosed and releases the store.
	Close() error
}
