package lambda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/internal/function"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A Host is where functions are run, as a [Syncer] needs it.
type Host interface {
	Set(def *function.Definition) error
	Remove(arn string)
	ARNs() []string
}

// Logs takes what functions write.
type Logs interface {
	// Of returns what takes the lines of the functions of an account and Region:
	// each says in which log group and stream it belongs. It must not wait.
	Of(s record.Scope) func(function.Line)
}

// SyncOptions are what a [Syncer] is told.
type SyncOptions struct {
	Host    Host
	Invoker function.Invoker // calls destinations
	Logs    Logs             // takes what functions write; nil drops it
	Log     *slog.Logger     // nil discards
}

// A Syncer keeps a host in step with the records of functions, in all accounts
// and Regions: it lists them, and then follows the store's history.
type Syncer struct {
	st    store.Store
	blobs *store.Blobs
	code  *codeStore
	opt   SyncOptions
	log   *slog.Logger

	progress store.Progress
}

// NewSyncer returns a syncer for the functions of a service's store.
func (s *Service) NewSyncer(opt SyncOptions) *Syncer {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Syncer{st: s.st, blobs: s.blobs, code: s.code, opt: opt, log: opt.Log}
}

// retryTime is how long the syncer rests when the store fails it.
const retryTime = time.Second

// Run keeps the host in step until ctx ends.
func (y *Syncer) Run(ctx context.Context) error {
	for {
		err := y.follow(ctx)
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return nil
		}
		if !errors.Is(err, store.ErrCompacted) {
			y.log.Error("functions are not kept current, next try in a second", "error", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(retryTime):
			}
		}
	}
}

// follow lists all functions and then watches, until the history breaks off.
func (y *Syncer) follow(ctx context.Context) error {
	page, err := y.st.List(ctx, "", "", 1)
	if err != nil {
		return err
	}
	from := page.Rev
	if err := y.load(ctx); err != nil {
		return err
	}
	y.progress.Reach(from)
	for batch, err := range y.st.Watch(ctx, "", from) {
		if err != nil {
			return err
		}
		y.apply(ctx, batch)
		y.progress.Reach(batch.Rev)
	}
	return ctx.Err()
}

// load sets all functions there are, and removes those that are no more.
func (y *Syncer) load(ctx context.Context) error {
	there := map[string]bool{}
	err := eachScope(ctx, y.st, func(scope record.Scope) error {
		tables := record.FunctionsIn(y.st, y.blobs, scope)
		rows, err := tables.Functions.All(ctx)
		for _, row := range rows {
			there[functionARN(scope, row.Value.Name, "")] = true
			y.set(ctx, tables, row.Value.Name)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, arn := range y.opt.Host.ARNs() {
		if !there[arn] {
			y.opt.Host.Remove(arn)
		}
	}
	return nil
}

// eachScope calls f for every account and Region that has keys.
func eachScope(ctx context.Context, st store.Store, f func(record.Scope) error) error {
	from := ""
	for {
		page, err := st.List(ctx, "", from, 1)
		if err != nil || len(page.KVs) == 0 {
			return err
		}
		scope, after, ok := record.ScopeOf(page.KVs[0].Key)
		if ok {
			if err := f(scope); err != nil {
				return err
			}
		}
		from = after
	}
}

// apply sets the functions that a commit touched.
func (y *Syncer) apply(ctx context.Context, batch store.Batch) {
	type key struct {
		record.Scope
		name string
	}
	done := map[key]bool{}
	for _, op := range batch.Ops {
		k, ok := record.ParseFunctionKey(op.Key)
		if id := (key{k.Scope, ""}); ok {
			id.name = k.ID[0]
			if !done[id] {
				done[id] = true
				y.set(ctx, record.FunctionsIn(y.st, y.blobs, k.Scope), id.name)
			}
		}
	}
}

// set brings one function of the host in step. One that cannot be defined keeps
// its last definition.
func (y *Syncer) set(ctx context.Context, tables record.FunctionTables, name string) {
	rec, _, err := tables.Functions.Get(ctx, store.ID(name))
	if errors.Is(err, store.ErrNotFound) {
		y.opt.Host.Remove(functionARN(tables.Scope, name, ""))
		return
	}
	var def *function.Definition
	if err == nil {
		def, err = y.define(ctx, tables, &rec)
	}
	if err == nil {
		err = y.opt.Host.Set(def)
	}
	if err != nil {
		if ctx.Err() == nil {
			y.log.Error("function not updated", "function", functionARN(tables.Scope, name, ""), "error", err)
		}
	}
}

// Wait returns when the host is as of rev or later, or with ctx's error.
func (y *Syncer) Wait(ctx context.Context, rev store.Rev) error {
	if err := y.progress.Wait(ctx, rev); err != nil {
		return fmt.Errorf("functions are %w", err)
	}
	return nil
}
