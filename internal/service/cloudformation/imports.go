package cloudformation

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// What a stack exports and what others import are in records of their own, and
// stacks are worked on side by side. A guard orders them: whoever comes to export,
// to import or to delete what is exported looks at the others and commits on the
// condition that nobody else has done so since.

// guardID is the one guard of an account and Region.
const guardID = "all"

// guard reads the guard. The function that it returns lets a change go through only
// if it is the next.
func (t tables) guard(ctx context.Context) (func(c *store.Change), error) {
	n, rev, err := t.guards.Get(ctx, guardID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return func(c *store.Change) {
		if rev == 0 {
			c.Require(t.guards.Absent(guardID))
		} else {
			c.Require(t.guards.Is(guardID, rev))
		}
		store.Add(c, t.guards, guardID, n+1)
	}, nil
}

// maxGuardTries bounds how often the end of a run waits for those of others.
const maxGuardTries = 50

// settleExports checks what the stack exports and imports against the other stacks,
// and commits that with more. The second error is why the run cannot end well.
func (r *runner) settleExports(ctx context.Context, exports map[string]string, tell bool) (failed, why error) {
	for try := 0; ; try++ {
		own, err := r.ownExports(ctx)
		if err != nil {
			return err, nil
		}
		more := []func(c *store.Change){func(c *store.Change) { c.Require(r.t.orders.Absent(r.st.ID)) }}
		if len(own)+len(exports)+len(r.st.Imports) > 0 {
			next, err := r.t.guard(ctx)
			if err != nil {
				return err, nil
			}
			if why := r.checkExports(ctx, exports); why != nil {
				return nil, why
			}
			if why := r.checkImports(ctx); why != nil {
				return nil, why
			}
			more = append(more, next, func(c *store.Change) { r.putExports(c, own, exports) })
		}
		if err = r.commit(ctx, tell, more...); !errors.Is(err, store.ErrConflict) || try == maxGuardTries {
			return err, nil
		}
		if o, err := r.ordered(ctx); o != nil || err != nil {
			return err, errOrdered
		}
	}
}

// putExports makes the records of exports what the stack exports.
func (r *runner) putExports(c *store.Change, own []string, exports map[string]string) {
	for _, name := range own {
		if _, kept := exports[name]; !kept {
			c.Do(r.t.exports.Delete(store.ID(name)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(exports)) {
		store.Add(c, r.t.exports, store.ID(name), export{str(r.st.StackId), name, exports[name]})
	}
}

// checkImports refuses to end on a value that is no longer exported: while this
// stack was worked on, nothing told the exporter that it is in use.
func (r *runner) checkImports(ctx context.Context) error {
	for _, name := range r.st.Imports {
		e, _, err := r.t.exports.Find(ctx, awsrpc.Validation("No export named "+name+" found."), store.ID(name))
		if err != nil {
			return err
		}
		r.mu.Lock()
		value, taken := r.imported[name]
		r.mu.Unlock()
		if taken && value != e.Value {
			return awsrpc.Validation("Export " + name + " was changed while it was imported")
		}
		st, _, err := r.t.stacks.Get(ctx, e.Stack[strings.LastIndexByte(e.Stack, '/')+1:])
		if err != nil {
			return err
		}
		if st.Run != nil && st.Run.Phase == phaseDelete {
			return awsrpc.Validation("Export " + name + " cannot be imported as its stack is being deleted")
		}
	}
	return nil
}

// unused refuses to delete a stack of which others import something, and lets c go
// through only as long as none does.
func (st *stack) unused(ctx context.Context, t tables, c *store.Change) error {
	next, err := t.guard(ctx)
	if err != nil {
		return err
	}
	rows, err := t.exports.All(ctx)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(row store.Row[export]) bool { return row.Value.Stack != str(st.StackId) })
	if len(rows) > 0 {
		next(c)
	}
	for _, row := range rows {
		users, err := importersOf(ctx, t, row.Value.Name)
		if err != nil {
			return err
		}
		if users != nil {
			return awsrpc.Validation("Export " + row.Value.Name + " cannot be deleted as it is in use by " + strings.Join(users, ", "))
		}
	}
	return nil
}

// importersOf are the names of the stacks that import an export, or will again if
// their update fails.
func importersOf(ctx context.Context, t tables, name string) ([]string, error) {
	var users []string
	err := t.living(ctx, func(st *stack) {
		if slices.Contains(st.Imports, name) || st.Before != nil && slices.Contains(st.Before.Imports, name) {
			users = append(users, str(st.StackName))
		}
	})
	return users, err
}

// living calls do for the stacks that are not deleted, by name. Deleted ones are kept
// for long and are many.
func (t tables) living(ctx context.Context, do func(st *stack)) error {
	rows, err := t.names.All(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		st, _, err := t.stacks.Get(ctx, row.Value)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		do(&st)
	}
	return nil
}
