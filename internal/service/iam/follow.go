package iam

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/internal/identity"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A Follower keeps a registry in step with the identities in a store. A store
// that cannot be read leaves the last directory in force.
type Follower struct {
	st  store.Store
	reg *identity.Registry
	log *slog.Logger

	// Always are keys that are in force besides those of the store: the root's.
	Always []*identity.Credential

	world *world // of the goroutine of Run alone

	progress store.Progress
}

// NewFollower returns a follower that publishes to reg.
func NewFollower(st store.Store, reg *identity.Registry, log *slog.Logger) *Follower {
	return &Follower{st: st, reg: reg, log: log}
}

// retryAfter is the pause before a store that failed is read again.
const retryAfter = time.Second

// Run follows the store until ctx ends.
func (f *Follower) Run(ctx context.Context) error {
	for {
		err := f.ensureSessionKey(ctx)
		if err == nil {
			err = f.follow(ctx)
		}
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return nil
		}
		if errors.Is(err, store.ErrCompacted) {
			continue
		}
		f.log.Error("cannot follow identities, the last ones stay in force", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryAfter):
		}
	}
}

// sessionKeyID is the one session key there is.
const sessionKeyID = "current"

// ensureSessionKey makes the key that seals tokens, if there is none.
func (f *Follower) ensureSessionKey(ctx context.Context) error {
	t := record.SessionKeys(f.st)
	_, _, err := t.Get(ctx, sessionKeyID)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	put, err := t.Put(sessionKeyID, record.SessionKey{Key: record.Secret(base64.StdEncoding.EncodeToString(b)), Created: time.Now().UTC()})
	if err != nil {
		return err
	}
	_, err = f.st.Commit(ctx, []store.Cond{t.Absent(sessionKeyID)}, []store.Op{put})
	if errors.Is(err, store.ErrConflict) {
		return nil // another node was faster
	}
	return err
}

// follow lists all identities, then applies commit after commit.
func (f *Follower) follow(ctx context.Context) error {
	f.world = newWorld()
	from, to, err := f.list(ctx)
	if err != nil {
		return fmt.Errorf("list identities: %w", err)
	}
	dirty := true
	if from == to {
		f.publish(to, dirty)
		dirty = false
	}
	for batch, err := range f.st.Watch(ctx, "", from) {
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		for _, op := range batch.Ops {
			dirty = f.apply(op) || dirty
		}
		if batch.Rev < to {
			continue // what is in memory is partly older and partly newer
		}
		f.publish(batch.Rev, dirty)
		dirty = false
	}
	return ctx.Err()
}

// list reads all identities, account by account.
func (f *Follower) list(ctx context.Context) (from, to store.Rev, err error) {
	next := ""
	for first := true; first || next != ""; first = false {
		page, err := f.st.List(ctx, "", next, 1)
		if err != nil {
			return 0, 0, err
		}
		if first {
			from, to = page.Rev, page.Rev
		}
		if len(page.KVs) == 0 {
			break
		}
		scope, rest, ok := record.ScopeOf(page.KVs[0].Key)
		next = rest
		if !ok || scope.Region != "-" {
			continue
		}
		for at, more := "", true; more; more = at != "" {
			page, err := f.st.List(ctx, store.Prefix(scope.Account, "-", "iam"), at, 500)
			if err != nil {
				return 0, 0, err
			}
			for _, kv := range page.KVs {
				f.apply(store.Put(kv.Key, kv.Value))
			}
			at, to = page.Next, max(to, page.Rev)
		}
	}
	return from, to, nil
}

// apply takes one operation in and reports whether it was about identities. A
// record that cannot be read is taken as gone: nobody gets in by it.
func (f *Follower) apply(op store.Op) bool {
	account, kind, id, ok := record.ParseIdentityKey(op.Key)
	if !ok {
		return false
	}
	if err := f.world.set(worldKey{account, kind, id}, op); err != nil {
		f.log.Error("identity not understood, it has no access", "key", op.Key, "error", err)
	}
	return true
}

func (f *Follower) publish(rev store.Rev, changed bool) {
	if changed {
		f.reg.Publish(f.world.directory(f.Always, f.log))
	}
	f.progress.Reach(rev)
}

// Wait returns when what was committed up to revision rev is in force, or when
// ctx ends.
func (f *Follower) Wait(ctx context.Context, rev store.Rev) error { return f.progress.Wait(ctx, rev) }
