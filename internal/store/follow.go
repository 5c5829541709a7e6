package store

import (
	"bytes"
	"context"
	"iter"
	"strings"
)

// A Tail is the end of a store's history, as [Follow] reads it.
type Tail interface {
	// After returns commits after rev, oldest first: all, or as many as it
	// wants to hold in memory at once, but at least one if there is one. If
	// there is none, more is closed as soon as there is, or when the store is
	// closed. ErrCompacted: the history does not reach back to rev, or rev is
	// not part of it. ErrClosed: the store was closed.
	After(rev Rev) (batches []Batch, more <-chan struct{}, err error)
}

// Follow is the Watch of every implementation that has its history at hand.
// It holds no more than what one call of After returned: a slow reader costs
// no memory, it reads again from where it is.
func Follow(ctx context.Context, t Tail, prefix string, after Rev) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		at := after     // the last revision seen
		behind := false // at is further than what the reader knows
		for {
			if err := ctx.Err(); err != nil {
				yield(Batch{}, err)
				return
			}
			batches, more, err := t.After(at)
			if err != nil {
				yield(Batch{}, err)
				return
			}
			for _, b := range batches {
				at = b.Rev
				own := Batch{Rev: b.Rev, Ops: opsBelow(prefix, b.Ops)}
				if behind = len(own.Ops) == 0; behind {
					continue
				}
				if !yield(own, nil) {
					return
				}
				if ctx.Err() != nil {
					break
				}
			}
			if len(batches) > 0 {
				continue
			}
			if behind && !yield(Batch{Rev: at}, nil) {
				return
			}
			behind = false
			select {
			case <-ctx.Done():
			case <-more:
			}
		}
	}
}

// opsBelow copies those of ops whose key begins with prefix.
func opsBelow(prefix string, ops []Op) []Op {
	var own []Op
	for _, op := range ops {
		if strings.HasPrefix(op.Key, prefix) {
			op.Value = bytes.Clone(op.Value)
			own = append(own, op)
		}
	}
	return own
}
