package lambda

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Sweep takes away what no function refers to any more, in all accounts and
// Regions: versions of deleted functions, zip files that have been unused for
// longer than olderThan, and code that is unpacked on this node. It returns how
// many zip files went.
func (s *Service) Sweep(ctx context.Context, olderThan time.Duration) (removed int, err error) {
	kept := map[store.Ref]struct{}{}
	err = eachScope(ctx, s.st, func(scope record.Scope) error {
		n, err := s.sweepScope(ctx, record.FunctionsIn(s.st, s.blobs, scope), kept, olderThan)
		removed += n
		if err != nil {
			return fmt.Errorf("sweep functions of %s %s: %w", scope.Account, scope.Region, err)
		}
		return nil
	})
	if err == nil {
		err = s.code.sweep(kept)
	}
	return removed, err
}

func (s *Service) sweepScope(ctx context.Context, t record.FunctionTables, kept map[store.Ref]struct{}, olderThan time.Duration) (int, error) {
	// Versions before functions: one is published after its function is there.
	versions, err := t.Versions.All(ctx)
	if err != nil {
		return 0, err
	}
	for _, row := range versions {
		_, _, err := t.Functions.Get(ctx, store.ID(row.Value.Function))
		if errors.Is(err, store.ErrNotFound) {
			_, err = s.st.Commit(ctx, []store.Cond{t.Versions.Is(row.ID, row.Rev)}, []store.Op{t.Versions.Delete(row.ID)})
		}
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return 0, err
		}
	}
	n, err := t.Blobs.Sweep(ctx, func(ctx context.Context) (map[store.Ref]struct{}, error) {
		refs, err := references(ctx, t)
		for ref := range refs {
			kept[ref] = struct{}{}
		}
		return refs, err
	}, olderThan)
	return n, err
}

// references are the zip files that records name.
func references(ctx context.Context, t record.FunctionTables) (map[store.Ref]struct{}, error) {
	refs := map[store.Ref]struct{}{}
	versions, err := t.Versions.All(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range versions {
		named(refs, &row.Value.FunctionCode)
	}
	functions, err := t.Functions.All(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range functions {
		named(refs, &row.Value.Latest)
	}
	layers, err := t.LayerVersions.All(ctx)
	for _, row := range layers {
		refs[row.Value.Zip] = struct{}{}
	}
	return refs, err
}
