package boltstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	bolt "go.etcd.io/bbolt"

	"gatehouse/internal/store"
)

// Commit implements store.Store. A ctx that ends while the commit waits for
// its turn takes it back; from then on Commit answers what became of it.
func (s *Store) Commit(ctx context.Context, ifs []store.Cond, ops []store.Op) (store.Rev, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := store.CheckCommit(ifs, ops); err != nil {
		return 0, err
	}
	p := &pending{ifs: ifs, ops: ops, turn: make(chan bool, 1)}
	if err := s.line.join(p); err != nil {
		return 0, err
	}
	var lead bool
	select {
	case lead = <-p.turn:
	case <-ctx.Done():
		if s.line.leave(p) {
			return 0, ctx.Err()
		}
		lead = <-p.turn
	}
	if lead {
		group := s.line.take()
		s.write(group)
		s.line.pass(group)
	}
	return p.rev, p.err
}

// write writes a group and notes in each commit what became of it.
func (s *Store) write(group []*pending) {
	batches, err := s.apply(group)
	if err != nil {
		for _, p := range group {
			p.rev, p.err = 0, fmt.Errorf("commit: %w", err)
		}
		return
	}
	if len(batches) > 0 {
		s.hub.publish(batches)
	}
}

// apply runs a group in one transaction: each commit sees those before it. An
// error means that nothing of the group is in the store, or that it failed.
func (s *Store) apply(group []*pending) (batches []store.Batch, err error) {
	if err := s.hub.failure(); err != nil {
		return nil, err
	}
	if err := s.present(); err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			s.stuck.Store(true)
			err = fmt.Errorf("%w: %v", ErrFailed, r)
			s.hub.fail(err)
		}
	}()
	tx, err := s.db.Begin(true)
	if err != nil {
		return nil, asClosed(err)
	}
	g := newGroup(tx)
	before := g.rev
	for _, p := range group {
		if err := g.add(p); err != nil {
			_ = tx.Rollback() // the error at hand says more
			return nil, err
		}
	}
	if len(g.batches) == 0 {
		return nil, tx.Rollback()
	}
	if err := g.finish(s.opt); err != nil {
		_ = tx.Rollback()
		return nil, err
	}
	if err := tx.Commit(); err != nil {
		return nil, s.afterFailure(before, err)
	}
	return g.batches, nil
}

// present says whether the file that is written is still the one that the next
// start would open.
func (s *Store) present() error {
	now, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRemoved, err)
	}
	if !os.SameFile(now, s.file) {
		return ErrRemoved
	}
	return nil
}

// afterFailure decides what a failed write means. If the file still shows the
// state before, as it does when the disk is full, nothing happened and the
// store goes on. If it shows the new state, only the last fsync failed: nobody
// can say what is on the disk, and nothing may be built on it.
func (s *Store) afterFailure(before store.Rev, err error) error {
	var now store.Rev
	viewErr := s.db.View(func(tx *bolt.Tx) error {
		now = store.Rev(tx.Bucket(bucketKeys).Sequence())
		return nil
	})
	if viewErr == nil && now == before {
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			return fmt.Errorf("%w: %w", ErrNoSpace, err)
		}
		return err
	}
	err = fmt.Errorf("%w: %w", ErrFailed, err)
	s.hub.fail(err)
	return err
}

// A group is a transaction that collects commits.
type group struct {
	keys, log *bolt.Bucket
	rev       store.Rev // of the newest commit
	logged    uint64    // bytes in log
	batches   []store.Batch
}

func newGroup(tx *bolt.Tx) *group {
	g := &group{keys: tx.Bucket(bucketKeys), log: tx.Bucket(bucketLog)}
	g.rev = store.Rev(g.keys.Sequence())
	g.logged = g.log.Sequence()
	g.log.FillPercent = 0.9 // it grows at the end only
	return g
}

// add applies one commit if its conditions hold, and notes in it whether they
// did. The error it returns is of the store, not of the commit.
func (g *group) add(p *pending) error {
	for _, c := range p.ifs {
		var rev store.Rev
		if v := g.keys.Get([]byte(c.Key)); len(v) >= valueHeader {
			rev = decodeRev(v[sumSize:valueHeader])
		}
		if rev != c.Rev {
			p.err = fmt.Errorf("%s is at revision %d, not %d: %w", c.Key, rev, c.Rev, store.ErrConflict)
			return nil
		}
	}
	if len(p.ops) == 0 {
		p.rev = g.rev
		return nil
	}
	g.rev++
	p.rev = g.rev
	for _, op := range p.ops {
		var err error
		if op.Delete {
			err = g.keys.Delete([]byte(op.Key))
		} else {
			err = g.keys.Put([]byte(op.Key), encodeValue(op.Key, g.rev, op.Value))
		}
		if err != nil {
			return err
		}
	}
	line := encodeOps(g.rev, p.ops)
	g.logged += uint64(len(line))
	ops, err := decodeOps(g.rev, line) // watchers get what the file holds, not what the caller may change
	if err != nil {
		return err
	}
	g.batches = append(g.batches, store.Batch{Rev: g.rev, Ops: ops})
	return g.log.Put(revKey(g.rev), line)
}

// finish drops the oldest history and writes the counts.
func (g *group) finish(opt Options) error {
	if err := g.trim(opt); err != nil {
		return err
	}
	if err := g.log.SetSequence(g.logged); err != nil {
		return err
	}
	return g.keys.SetSequence(uint64(g.rev))
}

// trim drops what is beyond the bounds of the history. The newest commit
// always stays.
func (g *group) trim(opt Options) error {
	var drop [][]byte
	c := g.log.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		kept := int64(g.rev - decodeRev(k) + 1)
		if kept == 1 || kept <= int64(opt.History) && g.logged <= uint64(opt.HistoryBytes) {
			break
		}
		g.logged -= uint64(len(v))
		drop = append(drop, append([]byte(nil), k...))
	}
	for _, k := range drop {
		if err := g.log.Delete(k); err != nil {
			return err
		}
	}
	return nil
}
