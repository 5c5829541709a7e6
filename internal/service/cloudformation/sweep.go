package cloudformation

import (
	"context"
	"time"

	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

const (
	// keptFor is how long a deleted stack is described by its ARN. AWS: 90 days
	// (ListStacks).
	keptFor    = 90 * 24 * time.Hour
	sweepEvery = time.Hour
	// maxSwept bounds the records that one commit takes away.
	maxSwept = 100
)

// sweep forgets stacks that were deleted long before now, with their events.
func (s *Service) sweep(ctx context.Context, now time.Time) error {
	scopes, err := record.Scopes(ctx, s.st)
	if err != nil {
		return err
	}
	for _, scope := range scopes {
		t := tablesOf(s.st, scope.Account, scope.Region)
		rows, err := t.stacks.All(ctx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if at := row.Value.DeletionTime; at == nil || row.Value.Run != nil || str(row.Value.StackStatus) != "DELETE_COMPLETE" || now.Sub(*at) < keptFor {
				continue
			}
			if err := t.forget(ctx, row.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// forget takes away the events of a stack, some at a time, and then its record: what
// a crash interrupts is found again.
func (t tables) forget(ctx context.Context, id string) error {
	events, err := t.events.All(ctx, id)
	if err != nil {
		return err
	}
	for len(events) > 0 {
		some := events[:min(maxSwept, len(events))]
		events = events[len(some):]
		err := store.Update(ctx, t.st, func(c *store.Change) error {
			for _, e := range some {
				c.Do(t.events.Delete(e.ID))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return store.Update(ctx, t.st, func(c *store.Change) error {
		c.Do(t.stacks.Delete(id), t.executed.Delete(id))
		return nil
	})
}
