package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	bolt "go.etcd.io/bbolt"

	"gatehouse/internal/store"
)

// How much of the history is held at once.
const (
	recentBatches = 256     // in the hub, for all watchers together
	recentBytes   = 1 << 20 // of keys and values; a watcher further behind reads the file

	// readBytes bounds what one watcher reads from the file at a time; it
	// holds one commit more than that at most.
	readBytes = 1 << 20
)

// A hub tells readers which commits are on disk, and watchers of new ones.
type hub struct {
	mu      sync.Mutex    // guards the fields below; never held while calling out
	durable store.Rev     // the newest commit that is on disk
	recent  []store.Batch // the newest of these, without gaps, up to durable
	bytes   int           // in recent
	more    chan struct{} // closed when one of the fields changes
	err     error         // ErrClosed or what made the store fail
}

func (h *hub) init(rev store.Rev) {
	h.durable = rev
	h.more = make(chan struct{})
}

// publish announces commits that are on disk.
func (h *hub) publish(batches []store.Batch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range batches {
		h.durable = b.Rev
		h.recent = append(h.recent, b)
		h.bytes += size(b.Ops)
	}
	drop := 0
	for drop < len(h.recent)-1 && (len(h.recent)-drop > recentBatches || h.bytes > recentBytes) {
		h.bytes -= size(h.recent[drop].Ops)
		drop++
	}
	h.recent = h.recent[drop:] // what was handed out stays as it is
	h.wakeLocked()
}

// fail ends the service: nobody may rely on what is read after it.
func (h *hub) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.err = err
		h.wakeLocked()
	}
}

func (h *hub) close() { h.fail(store.ErrClosed) }

func (h *hub) wakeLocked() {
	close(h.more)
	h.more = make(chan struct{})
}

// failure is why the store takes no more commits, if it does not.
func (h *hub) failure() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// waitDurable returns when the commit rev is on disk: at once, unless it is
// just being written.
func (h *hub) waitDurable(ctx context.Context, rev store.Rev) error {
	for {
		h.mu.Lock()
		durable, more, err := h.durable, h.more, h.err
		h.mu.Unlock()
		if err != nil {
			return err
		}
		if rev <= durable {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// After implements store.Tail: from memory if it reaches back to rev, else
// from the file.
func (s *Store) After(rev store.Rev) ([]store.Batch, <-chan struct{}, error) {
	h := &s.hub
	h.mu.Lock()
	durable, recent, more, err := h.durable, h.recent, h.more, h.err
	h.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	if rev > durable {
		return nil, nil, fmt.Errorf("watch after %d, newest revision is %d: %w", rev, durable, store.ErrCompacted)
	}
	if oldest := durable - store.Rev(len(recent)); rev >= oldest && durable-rev <= store.Rev(s.opt.History) {
		return recent[rev-oldest:], more, nil
	}
	batches, err := s.readLog(rev, durable)
	return batches, more, err
}

// readLog reads commits after rev and up to durable from the file, no more
// than readBytes and one commit at once.
func (s *Store) readLog(rev, durable store.Rev) (batches []store.Batch, err error) {
	read := 0
	err = s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketLog).Cursor()
		k, v := c.Seek(revKey(rev + 1))
		if k == nil || decodeRev(k) != rev+1 {
			return fmt.Errorf("watch after %d: %w", rev, store.ErrCompacted)
		}
		for ; k != nil && decodeRev(k) <= durable && read < readBytes; k, v = c.Next() {
			b := store.Batch{Rev: decodeRev(k)}
			if b.Ops, err = decodeOps(b.Rev, bytes.Clone(v)); err != nil {
				return fmt.Errorf("history at %d: %w", b.Rev, err)
			}
			read += len(v)
			batches = append(batches, b)
		}
		return nil
	})
	return batches, asClosed(err)
}

func size(ops []store.Op) int {
	n := 0
	for _, op := range ops {
		n += len(op.Key) + len(op.Value)
	}
	return n
}
