package apigateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Sweep takes away what nothing refers to any more, in all accounts and
// regions: what is left of deleted APIs, and definitions that have been unused
// for longer than olderThan, of which it returns how many. It may run at any
// time, on any node.
func (s *Service) Sweep(ctx context.Context, olderThan time.Duration) (removed int, err error) {
	scopes, err := record.Scopes(ctx, s.st)
	if err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	for _, scope := range scopes {
		n, err := s.sweepScope(ctx, record.In(s.st, s.blobs, scope), olderThan)
		removed += n
		if err != nil {
			return removed, fmt.Errorf("sweep %s %s: %w", scope.Account, scope.Region, err)
		}
	}
	return removed, nil
}

func (s *Service) sweepScope(ctx context.Context, t record.Tables, olderThan time.Duration) (removed int, err error) {
	dead, err := s.deadAPIs(ctx, t)
	if err != nil {
		return 0, err
	}
	if len(dead) > 0 {
		if err := s.removeOrphans(ctx, t, func(id string) bool { return slices.Contains(dead, id) }); err != nil {
			return 0, err
		}
	}
	return t.Blobs.Sweep(ctx, func(ctx context.Context) (map[store.Ref]struct{}, error) { return references(ctx, t) }, olderThan)
}

// deadAPIs are the ids of APIs that are gone while something belongs to them.
// Children are listed before their parents are looked for: nothing belongs to
// an API before it is there, so none that is being created is taken for dead.
func (s *Service) deadAPIs(ctx context.Context, t record.Tables) ([]string, error) {
	named := map[string]bool{}
	if err := s.eachChild(ctx, t, func(a string, _ store.Cond) { named[a] = true }); err != nil {
		return nil, err
	}
	var dead []string
	for id := range named {
		_, _, err := t.RestAPIs.Get(ctx, store.ID(id))
		if errors.Is(err, store.ErrNotFound) {
			_, _, err = t.APIs.Get(ctx, store.ID(id)) // a mapping may lead to an HTTP API
		}
		if errors.Is(err, store.ErrNotFound) {
			dead = append(dead, id)
		} else if err != nil {
			return nil, err
		}
	}
	return dead, nil
}

// eachChild calls f for every record that belongs to an API, with the API and
// the condition that the record is unchanged.
func (s *Service) eachChild(ctx context.Context, t record.Tables, f func(restAPI string, is store.Cond)) error {
	stages, err := t.Stages.All(ctx)
	if err != nil {
		return err
	}
	for _, row := range stages {
		f(row.Value.RestAPI, t.Stages.Is(row.ID, row.Rev))
	}
	deployments, err := t.Deployments.All(ctx)
	if err != nil {
		return err
	}
	for _, row := range deployments {
		f(row.Value.RestAPI, t.Deployments.Is(row.ID, row.Rev))
	}
	mappings, err := t.BasePathMappings.All(ctx)
	if err != nil {
		return err
	}
	for _, row := range mappings {
		f(str(row.Value.RestApiId), t.BasePathMappings.Is(row.ID, row.Rev))
	}
	versions, err := t.DocumentationVersions.All(ctx)
	if err != nil {
		return err
	}
	for _, row := range versions {
		f(row.Value.RestAPI, t.DocumentationVersions.Is(row.ID, row.Rev))
	}
	return nil
}

// removeOrphans takes away what belonged to deleted APIs, and their stages out
// of usage plans.
func (s *Service) removeOrphans(ctx context.Context, t record.Tables, deleted func(restAPI string) bool) error {
	for left := true; left; {
		err := s.commit(ctx, func(c *store.Change) error {
			err := s.eachChild(ctx, t, func(a string, is store.Cond) {
				if deleted(a) && len(c.Ops) < store.MaxOps {
					c.Require(is)
					c.Do(store.Delete(is.Key))
				}
			})
			left = len(c.Ops) > 0
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.dropPlanStages(ctx, t, func(st api.ApiStage) bool { return deleted(str(st.ApiId)) })
}

// dropPlanStages takes stages out of all usage plans that name them.
func (s *Service) dropPlanStages(ctx context.Context, t record.Tables, drop func(api.ApiStage) bool) error {
	plans, err := t.UsagePlans.All(ctx)
	if err != nil {
		return err
	}
	for _, row := range plans {
		if !slices.ContainsFunc(row.Value.ApiStages, drop) {
			continue
		}
		err := s.commit(ctx, func(c *store.Change) error {
			plan, rev, err := t.UsagePlans.Get(ctx, row.ID)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			plan.ApiStages = slices.DeleteFunc(plan.ApiStages, drop)
			c.Require(t.UsagePlans.Is(row.ID, rev))
			store.Add(c, t.UsagePlans, row.ID, plan)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// references are the definitions and the documentation that records name.
func references(ctx context.Context, t record.Tables) (map[store.Ref]struct{}, error) {
	refs := map[store.Ref]struct{}{}
	deployments, err := t.Deployments.All(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range deployments {
		refs[row.Value.Definition] = struct{}{}
	}
	apis, err := t.RestAPIs.All(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range apis {
		refs[row.Value.Definition] = struct{}{}
		refs[row.Value.Documentation] = struct{}{}
	}
	versions, err := t.DocumentationVersions.All(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range versions {
		refs[row.Value.Documentation] = struct{}{}
	}
	return refs, t.APIReferences(ctx, refs)
}
