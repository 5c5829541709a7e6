package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Sweep removes blobs that no record has named for longer than olderThan, and
// returns how many. referenced returns the refs that records name now; it is
// called once.
//
// A blob is removed by two sweeps: the first that finds it unnamed notes the
// time at it, a later one removes it if it is still unnamed and nobody has
// staged it since. So referenced may read record after record while they
// change: a ref that moves from one record to another under its eyes and is
// missed costs a note, not the blob.
func (b *Blobs) Sweep(ctx context.Context, referenced func(context.Context) (map[Ref]struct{}, error), olderThan time.Duration) (int, error) {
	heads, err := b.heads().List(ctx, "", "", 0)
	if err != nil {
		return 0, fmt.Errorf("sweep blobs: %w", err)
	}
	// After the heads: what is staged and named later is not among them, or
	// at another revision.
	named, err := referenced(ctx)
	if err != nil {
		return 0, fmt.Errorf("sweep blobs: list references: %w", err)
	}
	removed := 0
	for _, head := range heads.Rows {
		_, isNamed := named[Ref(head.ID)]
		gone, err := b.judge(ctx, head, isNamed, olderThan)
		if errors.Is(err, ErrConflict) {
			continue // staged meanwhile
		}
		if err != nil {
			return removed, fmt.Errorf("sweep blob %s: %w", head.ID, err)
		}
		if gone {
			removed++
		}
	}
	return removed, nil
}

// judge notes, forgets or removes one blob, provided that its head is still
// the one listed.
func (b *Blobs) judge(ctx context.Context, head Row[blobHead], isNamed bool, olderThan time.Duration) (removed bool, err error) {
	idle := head.Value.Idle
	switch {
	case isNamed && idle.IsZero():
		return false, nil
	case isNamed:
		head.Value.Idle = time.Time{}
	case idle.IsZero():
		head.Value.Idle = time.Now().UTC()
	case time.Since(idle) < olderThan:
		return false, nil
	default:
		return true, b.remove(ctx, head)
	}
	_, err = b.putHead(ctx, head)
	return false, err
}

// remove deletes a blob from its last chunk to its first and the head with the
// first. Blobs of more chunks than one commit may delete are marked incomplete
// before, and every commit demands that nobody has staged the blob again.
func (b *Blobs) remove(ctx context.Context, head Row[blobHead]) error {
	ref := Ref(head.ID)
	for head.Value.Chunks > MaxOps-1 {
		var ops []Op
		for len(ops) < MaxOps-1 {
			head.Value.Chunks--
			ops = append(ops, Delete(b.chunkKey(ref, head.Value.Chunks)))
		}
		head.Value.Complete = false
		rev, err := b.putHead(ctx, head, ops...)
		if err != nil {
			return err
		}
		head.Rev = rev
	}
	ops := []Op{b.heads().Delete(head.ID)}
	for i := range head.Value.Chunks {
		ops = append(ops, Delete(b.chunkKey(ref, i)))
	}
	_, err := b.st.Commit(ctx, []Cond{b.heads().Is(head.ID, head.Rev)}, ops)
	return err
}

// putHead commits a changed head, with ops, if it is still the one listed.
func (b *Blobs) putHead(ctx context.Context, head Row[blobHead], ops ...Op) (Rev, error) {
	put, err := b.heads().Put(head.ID, head.Value)
	if err != nil {
		return 0, err
	}
	return b.st.Commit(ctx, []Cond{b.heads().Is(head.ID, head.Rev)}, append(ops, put))
}
