package lambda

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"time"

	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// maxTries bounds how often a change begins again because somebody was faster.
// Who hits it gets ConflictException.
const maxTries = 20

// A change collects what one commit demands and does.
type change struct {
	ifs []store.Cond
	ops []store.Op
	err error // the first record that could not be encoded
}

// require adds a condition.
func (c *change) require(cond store.Cond) { c.ifs = append(c.ifs, cond) }

// do adds operations.
func (c *change) do(ops ...store.Op) { c.ops = append(c.ops, ops...) }

// put adds a record to a change.
func put[T any](c *change, t store.Table[T], id string, rec T) {
	op, err := t.Put(id, rec)
	if err != nil && c.err == nil {
		c.err = err
	}
	c.do(op)
}

// commit runs prepare and commits what it asks for; if the store has moved on
// since prepare read it, both again. An error of prepare ends it.
func (s *Service) commit(ctx context.Context, prepare func(c *change) error) error {
	for try := range maxTries {
		var c change
		if err := prepare(&c); err != nil {
			return err
		}
		if c.err != nil {
			return c.err
		}
		_, err := s.st.Commit(ctx, c.ifs, c.ops)
		if !errors.Is(err, store.ErrConflict) {
			if errors.Is(err, store.ErrTooLarge) {
				return errParameter("The function's aliases, policies, event settings and tags are larger than what can be stored at once") // AWS: undocumented text
			}
			return err
		}
		if err := backOff(ctx, try); err != nil {
			return err
		}
	}
	// AWS: the text is that of a change while another one runs; undocumented here.
	return errConflict("The operation cannot be performed at this time. An update is in progress for resource")
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

// A lockTable keeps changes of the same thing on this node from beating each
// other to the commit. It is a courtesy: correctness comes from the commit's
// conditions. Different things may share a lock.
type lockTable struct {
	mu [64]sync.Mutex // held during one change; by the hash of its key
}

var lockSeed = maphash.MakeSeed()

// lock takes the lock of a key and returns what releases it.
func (lt *lockTable) lock(key string) (unlock func()) {
	mu := &lt.mu[maphash.String(lockSeed, key)%uint64(len(lt.mu))]
	mu.Lock()
	return mu.Unlock
}

// lookup reads one record, or returns missing if there is none.
func lookup[T any](ctx context.Context, t store.Table[T], missing error, id ...string) (T, store.Rev, error) {
	rec, rev, err := t.Get(ctx, store.ID(id...))
	if errors.Is(err, store.ErrNotFound) {
		return rec, 0, missing
	}
	return rec, rev, err
}

// all reads every record of a table whose id begins with these parts.
func all[T any](ctx context.Context, t store.Table[T], under ...string) ([]store.Row[T], error) {
	prefix := ""
	if len(under) > 0 {
		prefix = store.ID(under...) + "/"
	}
	rows, err := t.List(ctx, prefix, "", 0)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	return rows.Rows, nil
}

// A functionEdit is a function while it is being changed: the record belongs to
// the edit alone.
type functionEdit struct {
	target
	tables record.FunctionTables
	rec    record.Function
	change *change
}

// editFunction changes a function: edit alters e.rec, and adds to e.change what
// else belongs to the change. If there is no such function, missing is returned;
// nil is the usual text.
func (s *Service) editFunction(ctx context.Context, t target, missing error, edit func(e *functionEdit) error) error {
	tables := s.tables(ctx)
	defer s.locks.lock(tables.Functions.Key(t.name))()
	return s.commit(ctx, func(c *change) error {
		rec, rev, err := s.function(ctx, t, missing)
		if err != nil {
			return err
		}
		e := &functionEdit{target: t, tables: tables, rec: rec, change: c}
		if err := edit(e); err != nil {
			return err
		}
		c.require(tables.Functions.Is(t.name, rev))
		put(c, tables.Functions, t.name, e.rec)
		return nil
	})
}

// function reads a function's record. If there is none, missing is returned; nil
// is the usual text.
func (s *Service) function(ctx context.Context, t target, missing error) (record.Function, store.Rev, error) {
	if missing == nil {
		missing = errFunction(t.unqualified())
	}
	return lookup(ctx, s.tables(ctx).Functions, missing, t.name)
}

// nextNumber takes the next number of a counter.
func nextNumber(ctx context.Context, c *change, t store.Table[record.Counter], name string) (int64, error) {
	n, rev, err := lookup(ctx, t, nil, name)
	if err != nil {
		return 0, err
	}
	n.Last++
	c.require(t.Is(name, rev)) // revision 0 if it is the first
	put(c, t, name, n)
	return n.Last, nil
}
