// Package memstore is a store in memory: for tests, and for nodes whose
// configuration is given to them anew at every start.
//
// A [Store] keeps its keys in one sorted slice. Reads are binary searches; a
// new key moves those behind it, 8 bytes each, which for the tens of thousands
// of keys it is meant for costs microseconds. The history is bounded in
// commits and in bytes.
package memstore

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"gatehouse/internal/store"
)

// Defaults of Options.
const (
	DefaultHistory      = 10_000
	DefaultHistoryBytes = 32 << 20
)

// Options bound the history. The zero Options are the defaults.
type Options struct {
	History      int // commits a watcher may lag behind
	HistoryBytes int // bytes of their keys and values
}

// A Store is a store.Store in memory.
type Store struct {
	opt Options

	mu     sync.RWMutex  // guards the fields below
	keys   []*store.KV   // by key; entries never change once they stand here
	rev    store.Rev     // of the newest commit
	log    []store.Batch // the newest commits, without gaps, up to rev
	logged int           // bytes in log
	more   chan struct{} // closed at the next commit and at Close
	closed bool
}

var (
	_ store.Store = (*Store)(nil)
	_ store.Tail  = (*Store)(nil)
)

// New returns an empty store.
func New(opt Options) *Store {
	if opt.History <= 0 {
		opt.History = DefaultHistory
	}
	if opt.HistoryBytes <= 0 {
		opt.HistoryBytes = DefaultHistoryBytes
	}
	return &Store{opt: opt, more: make(chan struct{})}
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, key string) (store.KV, error) {
	if err := ctx.Err(); err != nil {
		return store.KV{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return store.KV{}, store.ErrClosed
	}
	i, found := s.findLocked(key)
	if !found {
		return store.KV{}, fmt.Errorf("get %s: %w", key, store.ErrNotFound)
	}
	return own(s.keys[i]), nil
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, prefix, from string, limit int) (store.Page, error) {
	if err := ctx.Err(); err != nil {
		return store.Page{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return store.Page{}, store.ErrClosed
	}
	page := store.Page{Rev: s.rev}
	i, _ := s.findLocked(max(prefix, from))
	for _, kv := range s.keys[i:] {
		if !strings.HasPrefix(kv.Key, prefix) {
			break
		}
		if limit > 0 && len(page.KVs) == limit {
			page.Next = kv.Key
			break
		}
		page.KVs = append(page.KVs, own(kv))
	}
	return page, nil
}

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, ifs []store.Cond, ops []store.Op) (store.Rev, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := store.CheckCommit(ifs, ops); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, store.ErrClosed
	}
	for _, c := range ifs {
		if err := s.checkLocked(c); err != nil {
			return 0, err
		}
	}
	if len(ops) == 0 {
		return s.rev, nil
	}
	s.rev++
	b := store.Batch{Rev: s.rev, Ops: make([]store.Op, len(ops))}
	for i, op := range ops {
		if op.Delete {
			op.Value = nil
		}
		op.Value = bytes.Clone(op.Value)
		b.Ops[i] = op
		s.applyLocked(op)
	}
	s.logLocked(b)
	close(s.more)
	s.more = make(chan struct{})
	return s.rev, nil
}

// Watch implements store.Store.
func (s *Store) Watch(ctx context.Context, prefix string, after store.Rev) iter.Seq2[store.Batch, error] {
	return store.Follow(ctx, s, prefix, after)
}

// After implements store.Tail.
func (s *Store) After(rev store.Rev) ([]store.Batch, <-chan struct{}, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, nil, store.ErrClosed
	}
	oldest := s.rev - store.Rev(len(s.log)) // the revision before log[0]
	if rev < oldest || rev > s.rev {
		return nil, nil, fmt.Errorf("watch after %d, history holds %d to %d: %w", rev, oldest+1, s.rev, store.ErrCompacted)
	}
	// The part of the log that is handed out is never written to again.
	return s.log[rev-oldest:], s.more, nil
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.more)
		s.keys, s.log = nil, nil
	}
	return nil
}

func (s *Store) findLocked(key string) (int, bool) {
	return slices.BinarySearchFunc(s.keys, key, func(kv *store.KV, key string) int {
		return strings.Compare(kv.Key, key)
	})
}

func (s *Store) checkLocked(c store.Cond) error {
	var rev store.Rev
	if i, found := s.findLocked(c.Key); found {
		rev = s.keys[i].Rev
	}
	if rev != c.Rev {
		return fmt.Errorf("%s is at revision %d, not %d: %w", c.Key, rev, c.Rev, store.ErrConflict)
	}
	return nil
}

func (s *Store) applyLocked(op store.Op) {
	i, found := s.findLocked(op.Key)
	switch {
	case op.Delete && found:
		s.keys = slices.Delete(s.keys, i, i+1)
	case op.Delete:
	case found:
		s.keys[i] = &store.KV{Key: op.Key, Value: op.Value, Rev: s.rev}
	default:
		s.keys = slices.Insert(s.keys, i, &store.KV{Key: op.Key, Value: op.Value, Rev: s.rev})
	}
}

// logLocked appends b to the history and drops what is beyond its bounds. The
// newest commit always stays.
func (s *Store) logLocked(b store.Batch) {
	s.log = append(s.log, b)
	s.logged += size(b)
	drop := 0
	for drop < len(s.log)-1 && (len(s.log)-drop > s.opt.History || s.logged > s.opt.HistoryBytes) {
		s.logged -= size(s.log[drop])
		drop++
	}
	s.log = s.log[drop:]
}

func size(b store.Batch) int {
	n := 0
	for _, op := range b.Ops {
		n += len(op.Key) + len(op.Value)
	}
	return n
}

// own copies what stands in the store for a caller.
func own(kv *store.KV) store.KV {
	return store.KV{Key: kv.Key, Value: bytes.Clone(kv.Value), Rev: kv.Rev}
}
