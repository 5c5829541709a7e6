package lambda

import (
	"context"
	"errors"

	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// commit runs prepare and commits what it asks for, as store.Update does.
func (s *Service) commit(ctx context.Context, prepare func(c *store.Change) error) error {
	err := store.Update(ctx, s.st, prepare)
	switch {
	case errors.Is(err, store.ErrTooLarge):
		return errParameter("The function's aliases, policies, event settings and tags are larger than what can be stored at once") // AWS: undocumented text
	case errors.Is(err, store.ErrConflict):
		// AWS: the text is that of a change while another one runs; undocumented here.
		return errConflict("The operation cannot be performed at this time. An update is in progress for resource")
	}
	return err
}

// A functionEdit is a function while it is being changed: the record belongs to
// the edit alone.
type functionEdit struct {
	target
	tables record.FunctionTables
	rec    record.Function
	change *store.Change
}

// editFunction changes a function: edit alters e.rec, and adds to e.change what
// else belongs to the change. If there is no such function, missing is returned;
// nil is the usual text.
func (s *Service) editFunction(ctx context.Context, t target, missing error, edit func(e *functionEdit) error) error {
	tables := s.tables(ctx)
	defer s.locks.Lock(tables.Functions.Key(t.name))()
	return s.commit(ctx, func(c *store.Change) error {
		rec, rev, err := s.function(ctx, t, missing)
		if err != nil {
			return err
		}
		e := &functionEdit{target: t, tables: tables, rec: rec, change: c}
		if err := edit(e); err != nil {
			return err
		}
		c.Require(tables.Functions.Is(t.name, rev))
		store.Add(c, tables.Functions, t.name, e.rec)
		return nil
	})
}

// function reads a function's record. If there is none, missing is returned; nil
// is the usual text.
func (s *Service) function(ctx context.Context, t target, missing error) (record.Function, store.Rev, error) {
	if missing == nil {
		missing = errFunction(t.unqualified())
	}
	return s.tables(ctx).Functions.Find(ctx, missing, t.name)
}

// nextNumber takes the next number of a counter.
func nextNumber(ctx context.Context, c *store.Change, t store.Table[record.Counter], name string) (int64, error) {
	n, rev, err := t.Find(ctx, nil, name)
	if err != nil {
		return 0, err
	}
	n.Last++
	c.Require(t.Is(name, rev)) // revision 0 if it is the first
	store.Add(c, t, name, n)
	return n.Last, nil
}
