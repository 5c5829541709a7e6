package apigatewayv2

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Sweep takes away what is left of deleted APIs, in all accounts and Regions.
// It may run at any time, on any node. The definitions are swept with those of
// REST APIs, which lie in the same place.
func (s *Service) Sweep(ctx context.Context) error {
	scopes, err := record.Scopes(ctx, s.st)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for _, scope := range scopes {
		if err := s.sweepScope(ctx, record.In(s.st, s.blobs, scope)); err != nil {
			return fmt.Errorf("sweep %s %s: %w", scope.Account, scope.Region, err)
		}
	}
	return nil
}

func (s *Service) sweepScope(ctx context.Context, t record.Tables) error {
	gone := map[string]bool{}
	err := s.eachChild(ctx, t, func(id string, _ store.Cond) error {
		if _, known := gone[id]; known {
			return nil
		}
		_, _, err := t.APIs.Get(ctx, store.ID(id))
		gone[id] = errors.Is(err, store.ErrNotFound)
		if gone[id] {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.removeChildren(ctx, t, func(id string) bool { return gone[id] })
}

// eachChild calls f for every record that belongs to an API, with the API and
// the condition that the record is unchanged.
func (s *Service) eachChild(ctx context.Context, t record.Tables, f func(id string, is store.Cond) error) error {
	stages, err := t.APIStages.All(ctx)
	if err != nil {
		return err
	}
	for _, row := range stages {
		if err := f(row.Value.API, t.APIStages.Is(row.ID, row.Rev)); err != nil {
			return err
		}
	}
	deployments, err := t.APIDeployments.All(ctx)
	if err != nil {
		return err
	}
	for _, row := range deployments {
		if err := f(row.Value.API, t.APIDeployments.Is(row.ID, row.Rev)); err != nil {
			return err
		}
	}
	return nil
}

// removeChildren takes away what belonged to APIs that are gone.
func (s *Service) removeChildren(ctx context.Context, t record.Tables, gone func(id string) bool) error {
	for left := true; left; {
		err := store.Update(ctx, s.st, func(c *store.Change) error {
			err := s.eachChild(ctx, t, func(id string, is store.Cond) error {
				if gone(id) && len(c.Ops) < store.MaxOps {
					c.Require(is)
					c.Do(store.Delete(is.Key))
				}
				return nil
			})
			left = len(c.Ops) > 0
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
