package releases

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"gatehouse/internal/store"
)

// A Follower keeps a registry in step with the stored clusters and releases. A
// store that cannot be read leaves what is in force.
type Follower struct {
	s       *Service
	log     *slog.Logger
	applied map[string]store.Rev // by key; of the goroutine of Run alone

	progress store.Progress
}

// NewFollower returns what keeps the backend of s in step with its store.
func NewFollower(s *Service, log *slog.Logger) *Follower {
	return &Follower{s: s, log: log, applied: make(map[string]store.Rev)}
}

// retryAfter is the pause before a store that failed is read again.
const retryAfter = time.Second

// Run keeps the registry in step until ctx ends.
func (f *Follower) Run(ctx context.Context) error {
	for {
		err := f.follow(ctx)
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return nil
		}
		if !errors.Is(err, store.ErrCompacted) {
			f.log.Error("clusters and releases are not kept current, next try in a second", "error", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(retryAfter):
			}
		}
	}
}

func (f *Follower) follow(ctx context.Context) error {
	from, err := f.load(ctx)
	if err != nil {
		return err
	}
	f.progress.Reach(from)
	for batch, err := range f.s.st.Watch(ctx, prefix, from) {
		if err != nil {
			return err
		}
		if len(batch.Ops) > 0 {
			if _, err := f.load(ctx); err != nil {
				return err
			}
		}
		f.progress.Reach(batch.Rev)
	}
	return ctx.Err()
}

// load takes over all that is stored, clusters before the releases that part
// requests between them, and forgets what is gone. It returns the revision it is
// at least as of.
func (f *Follower) load(ctx context.Context) (store.Rev, error) {
	page, err := f.s.st.List(ctx, "", "", 1)
	if err != nil {
		return 0, err
	}
	clusters, err := f.s.clusters.All(ctx)
	if err != nil {
		return 0, err
	}
	releases, err := f.s.releases.All(ctx)
	if err != nil {
		return 0, err
	}
	there := make(map[string]bool)
	for _, row := range clusters {
		f.apply(there, nameOf(row.ID), f.s.clusters.Key(row.ID), row.Rev, func(name string) error {
			def, err := clusterOf([]byte(row.Value.Text))
			if err != nil {
				return err
			}
			return f.s.backend.Define(name, def)
		})
	}
	for _, row := range releases {
		f.apply(there, nameOf(row.ID), f.s.releases.Key(row.ID), row.Rev, func(name string) error {
			def, err := row.Value.Effective()
			if err != nil {
				return err
			}
			if err := f.s.backend.Lead(name, def); err != nil {
				return err
			}
			if c := row.Value.Canary; c != nil && c.Phase == Running && def.Canary != nil {
				if tally, ok := f.s.backend.Tally(name, def.Canary.Target); ok {
					f.s.steps.begin(name, c.Since, tally)
				}
			}
			return nil
		})
	}
	for key := range f.applied {
		if there[key] {
			continue
		}
		delete(f.applied, key)
		// What has become of the name since, cluster or release, is defined
		// already, under another key.
		name := nameOf(key[strings.LastIndexByte(key, '/')+1:])
		if !f.s.fixed[name] && !there[f.s.clusters.Key(store.ID(name))] && !there[f.s.releases.Key(store.ID(name))] {
			f.s.backend.Undefine(name)
			f.s.steps.end(name)
		}
	}
	return page.Rev, nil
}

// apply takes over one record, if it has changed. One that cannot be understood
// leaves the one before in force.
func (f *Follower) apply(there map[string]bool, name, key string, rev store.Rev, do func(name string) error) {
	there[key] = true
	if f.applied[key] == rev {
		return
	}
	if f.s.fixed[name] {
		f.applied[key] = rev
		f.log.Warn("the configuration file defines a cluster that is stored, too: the file's is used", "cluster", name)
		return
	}
	if err := do(name); err != nil {
		f.log.Error("definition not understood, the one before stays in force", "name", name, "error", err)
		return // with the next change it is tried again
	}
	f.applied[key] = rev
}

// Wait returns when the registry is as of rev or later, or with ctx's error.
func (f *Follower) Wait(ctx context.Context, rev store.Rev) error {
	if err := f.progress.Wait(ctx, rev); err != nil {
		return fmt.Errorf("clusters are %w", err)
	}
	return nil
}
