package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// How often definitions that no record names are looked for, and how long one
// is kept. An edit that failed leaves one behind, and so does each change of an
// API that was not deployed.
const (
	sweepEvery = time.Hour
	sweepAge   = 24 * time.Hour
)

// A sweeper removes definitions that no record names any more.
type sweeper struct {
	st    store.Store
	blobs *store.Blobs
	log   *slog.Logger
}

// Run sweeps at every interval until ctx ends.
func (s *sweeper) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		n, err := s.sweep(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.log.Warn("unused definitions not all removed, next try in an hour", "error", err)
		case n > 0:
			s.log.Info("unused definitions removed", "count", n)
		}
	}
}

// sweep goes through all accounts and Regions once.
func (s *sweeper) sweep(ctx context.Context) (removed int, err error) {
	scopes, err := s.scopes(ctx)
	if err != nil {
		return 0, err
	}
	for _, scope := range scopes {
		tables := record.In(s.st, s.blobs, scope)
		n, err := tables.Blobs.Sweep(ctx, func(ctx context.Context) (map[store.Ref]struct{}, error) {
			return named(ctx, tables)
		}, sweepAge)
		removed += n
		if err != nil {
			return removed, fmt.Errorf("account %s, region %s: %w", scope.Account, scope.Region, err)
		}
	}
	return removed, nil
}

// scopes lists the accounts and Regions that hold anything, by reading one key
// of each.
func (s *sweeper) scopes(ctx context.Context) ([]record.Scope, error) {
	var list []record.Scope
	for next := ""; ; {
		page, err := s.st.List(ctx, "", next, 1)
		if err != nil {
			return nil, fmt.Errorf("list accounts: %w", err)
		}
		if len(page.KVs) == 0 {
			return list, nil
		}
		scope, rest, ok := record.ScopeOf(page.KVs[0].Key)
		if ok {
			list = append(list, scope)
		}
		if next = rest; next == "" {
			return list, nil
		}
	}
}

// named lists the definitions that APIs and deployments name.
func named(ctx context.Context, tables record.Tables) (map[store.Ref]struct{}, error) {
	refs := map[store.Ref]struct{}{}
	apis, err := tables.RestAPIs.List(ctx, "", "", 0)
	if err != nil {
		return nil, err
	}
	for _, row := range apis.Rows {
		refs[row.Value.Definition] = struct{}{}
	}
	deployments, err := tables.Deployments.List(ctx, "", "", 0)
	if err != nil {
		return nil, err
	}
	for _, row := range deployments.Rows {
		refs[row.Value.Definition] = struct{}{}
	}
	return refs, nil
}
