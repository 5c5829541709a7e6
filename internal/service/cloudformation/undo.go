package cloudformation

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"gatehouse/internal/store"
)

// Between the call that makes a resource and the record of what it is called the
// server may be killed. So each commit of such a call takes with it a note of how to
// undo it, which goes when the record is written. At the next start a note that is
// left tells what nobody would know of.

// A deed is what the calls that make one resource have done to the store.
type deed struct{ Changes []change }

// A change is what was done to one key.
type change struct {
	Key    string
	Prior  []byte // what it held before; nil: it was not there
	Digest string // of what it holds since; "" if it is gone
}

// maxPrior bounds the prior value of a key that a note holds. Larger ones are left
// as they are: what is new has none.
const maxPrior = 32 << 10

// noting returns a context whose calls are noted for the resource that w makes. A call
// that is too large together with its note is made without.
func (w *worker) noting(ctx context.Context) context.Context {
	if w.deed == "" {
		return ctx
	}
	return store.Noting(ctx, func(ctx context.Context, c *store.Change) error {
		done, rev, err := w.t.deeds.Get(ctx, w.deed)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		plain := *c
		if done, err = done.with(ctx, w.s.st, c); err != nil {
			return err
		}
		c.Require(w.t.deeds.Is(w.deed, rev)) // revision 0 if it is the first
		store.Add(c, w.t.deeds, w.deed, done)
		if errors.Is(store.CheckCommit(c.Ifs, c.Ops), store.ErrTooLarge) {
			*c = plain
		}
		return nil
	})
}

// with is the deed with a change that is about to be committed. It demands that the
// keys are still what it has seen.
func (d deed) with(ctx context.Context, st store.Store, c *store.Change) (deed, error) {
	next := deed{slices.Clone(d.Changes)}
	for _, op := range slices.Clone(c.Ops) {
		digest := digestOf(op.Value)
		if op.Delete {
			digest = ""
		}
		if store.OfBlob(op.Key) {
			continue
		}
		kv, err := st.Get(ctx, op.Key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return d, err
		}
		if i := slices.IndexFunc(next.Changes, func(ch change) bool { return ch.Key == op.Key }); i >= 0 {
			ch := &next.Changes[i]
			if ch.Prior != nil && digestOf(kv.Value) != ch.Digest {
				ch.Prior = kv.Value // somebody else has changed it since: that stays
			}
			ch.Digest = digest
			continue
		}
		if len(kv.Value) > maxPrior {
			continue
		}
		if !slices.ContainsFunc(c.Ifs, func(cond store.Cond) bool { return cond.Key == op.Key }) {
			c.Require(store.Cond{Key: op.Key, Rev: kv.Rev})
		}
		next.Changes = append(next.Changes, change{op.Key, kv.Value, digest})
	}
	return next, nil
}

func digestOf(value []byte) string {
	sum := sha256.Sum256(value)
	return string(fmt.Appendf(nil, "%x", sum[:8]))
}

// undo takes back what calls for resources of a stack have done that no record
// tells of.
func (t tables) undo(ctx context.Context, stackID string) error {
	rows, err := t.deeds.All(ctx, stackID)
	if err != nil {
		return err
	}
	// The latest first: what it found is what the others left.
	slices.SortFunc(rows, func(a, b store.Row[deed]) int { return cmp.Compare(b.Rev, a.Rev) })
	for _, row := range rows {
		if err := t.undoOne(ctx, row.Value); err != nil {
			return err
		}
		if err := store.Update(ctx, t.st, func(c *store.Change) error { c.Do(t.deeds.Delete(row.ID)); return nil }); err != nil {
			return err
		}
	}
	return nil
}

// maxUndone bounds the keys that one commit takes back.
const maxUndone = store.MaxOps / 2

// undoOne takes back one deed. What was new goes; what was there before and somebody
// has changed since stays.
func (t tables) undoOne(ctx context.Context, d deed) error {
	for some := range slices.Chunk(d.Changes, maxUndone) {
		err := store.Update(ctx, t.st, func(c *store.Change) error {
			for _, ch := range some {
				kv, err := t.st.Get(ctx, ch.Key)
				is := digestOf(kv.Value)
				if errors.Is(err, store.ErrNotFound) {
					err, is = nil, ""
				}
				switch {
				case err != nil:
					return err
				case ch.Prior == nil && is != "":
					c.Do(store.Delete(ch.Key))
				case ch.Prior != nil && is == ch.Digest:
					c.Do(store.Put(ch.Key, ch.Prior))
				default:
					continue
				}
				c.Require(store.Cond{Key: ch.Key, Rev: kv.Rev})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
