package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"
)

// A Change collects what one commit demands and does. The zero Change is empty.
type Change struct {
	Ifs []Cond
	Ops []Op
	err error // the first record that could not be encoded
}

// Require adds a condition.
func (c *Change) Require(cond Cond) { c.Ifs = append(c.Ifs, cond) }

// Do adds operations.
func (c *Change) Do(ops ...Op) { c.Ops = append(c.Ops, ops...) }

// Join adds what another change of the same things demands and does: of two
// operations on a key the later counts, of two conditions the first.
func (c *Change) Join(next Change) {
	for _, cond := range next.Ifs {
		if !slices.ContainsFunc(c.Ifs, func(have Cond) bool { return have.Key == cond.Key }) {
			c.Ifs = append(c.Ifs, cond)
		}
	}
	for _, op := range next.Ops {
		if i := slices.IndexFunc(c.Ops, func(have Op) bool { return have.Key == op.Key }); i >= 0 {
			c.Ops[i] = op
			continue
		}
		c.Ops = append(c.Ops, op)
	}
	if c.err == nil {
		c.err = next.err
	}
}

// Add adds the putting of a record. One that cannot be encoded fails the
// commit.
func Add[T any](c *Change, t Table[T], id string, rec T) {
	op, err := t.Put(id, rec)
	if err != nil && c.err == nil {
		c.err = err
	}
	c.Do(op)
}

// maxTries bounds how often a change begins again because somebody was faster.
const maxTries = 20

// Update runs prepare and commits what it asks for; if the store has moved on
// since prepare read it, both again. An error of prepare ends it. It returns
// ErrConflict when somebody was faster each of many times, and ErrTooLarge as
// Commit does.
func Update(ctx context.Context, st Store, prepare func(c *Change) error) error {
	for try := 0; ; try++ {
		var c Change
		if err := prepare(&c); err != nil {
			return err
		}
		if c.err == nil && len(c.Ops) == 0 {
			return nil
		}
		_, err := Once(ctx, st, c)
		if !errors.Is(err, ErrConflict) || try == maxTries {
			return err
		}
		if err := backOff(ctx, try); err != nil {
			return err
		}
	}
}

// Once commits a change that cannot be prepared again: it returns ErrConflict if
// somebody was faster.
func Once(ctx context.Context, st Store, c Change) (Rev, error) {
	if err := takeNote(ctx, &c); err != nil {
		return 0, err
	}
	if c.err != nil {
		return 0, c.err
	}
	return st.Commit(ctx, c.Ifs, c.Ops)
}

// backOff waits a little, longer after each try.
func backOff(ctx context.Context, try int) error {
	limit := time.Millisecond << min(try, 6)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rand.N(limit)):
		return nil
	}
}
