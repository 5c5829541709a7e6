package apigateway

import (
	"context"
	"errors"
	"fmt"
	"sync"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// commit runs prepare and commits what it asks for, as store.Update does.
func (s *Service) commit(ctx context.Context, prepare func(c *store.Change) error) error {
	err := store.Update(ctx, s.st, prepare)
	switch {
	case errors.Is(err, store.ErrTooLarge):
		return api.BadRequestException("The change is larger than what can be stored at once") // AWS: undocumented text
	case errors.Is(err, store.ErrConflict):
		// AWS: recorded (test_authorizer_crud_no_api).
		return api.ConflictException("Unable to complete operation due to concurrent modification. Please try again later.")
	}
	return err
}

// errUnchanged ends a change that turns out to change nothing.
var errUnchanged = errors.New("nothing to change")

// An apiEdit is a REST API while it is being changed: record and definition
// belong to the edit alone.
type apiEdit struct {
	tables record.Tables
	limits *Limits
	scope  record.Scope
	rec    record.RestAPI
	def    *record.Definition

	// frozen is the definition's ref as long as it is unchanged.
	frozen store.Ref
}

// editAPI changes a REST API: edit alters e.rec and e.def, and adds to c what
// else belongs to the change. If there is no such API, missing is returned.
func (s *Service) editAPI(ctx context.Context, id *string, missing error, edit func(e *apiEdit, c *store.Change) error) error {
	t := s.tables(ctx)
	key := t.RestAPIs.Key(str(id))
	if b := store.BundleOf(ctx, key); b != nil {
		return s.editBundle(ctx, b, id, missing, edit)
	}
	defer s.locks.Lock(key)()
	return s.commit(ctx, func(c *store.Change) error {
		e, rev, err := s.openEdit(ctx, t, id, missing)
		if err != nil {
			return err
		}
		if err := edit(e, c); err != nil {
			return err
		}
		c.Require(t.RestAPIs.Is(store.ID(str(id)), rev))
		return e.save(ctx, c)
	})
}

// openEdit reads a REST API to change it.
func (s *Service) openEdit(ctx context.Context, t record.Tables, id *string, missing error) (*apiEdit, store.Rev, error) {
	rec, rev, err := t.RestAPIs.Get(ctx, store.ID(str(id)))
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, missing
	}
	if err != nil {
		return nil, 0, err
	}
	def, err := t.LoadDefinition(ctx, rec.Definition)
	return &apiEdit{tables: t, limits: &s.opt.Limits, scope: t.Scope, rec: rec, def: def, frozen: rec.Definition}, rev, err
}

// editBundle is editAPI of one of several changes that are written together: the first
// reads the API, the end of the bundle writes it. An edit that fails fails all.
func (s *Service) editBundle(ctx context.Context, b *store.Bundle, id *string, missing error, edit func(e *apiEdit, c *store.Change) error) error {
	type bundled struct {
		edit *apiEdit
		all  store.Change
	}
	held, ok := b.Held().(*bundled)
	if !ok {
		t := s.tables(ctx)
		key := t.RestAPIs.Key(str(id))
		unlock := s.locks.Lock(key)
		e, rev, err := s.openEdit(ctx, t, id, missing)
		if err != nil {
			unlock()
			return err
		}
		held = &bundled{edit: e}
		held.all.Require(t.RestAPIs.Is(store.ID(str(id)), rev))
		b.Hold(key, held, func(ctx context.Context, keep bool) error {
			defer unlock()
			if !keep {
				return nil
			}
			last := store.Change{}
			if err := held.edit.save(ctx, &last); err != nil {
				return err
			}
			held.all.Join(last)
			_, err := store.Once(ctx, s.st, held.all)
			return err
		})
	}
	var c store.Change
	if err := edit(held.edit, &c); err != nil {
		return err
	}
	held.all.Join(c)
	return nil
}

// save adds the changed API to c.
func (e *apiEdit) save(ctx context.Context, c *store.Change) error {
	e.def.Freeze(e.rec.RestApi)
	b, err := e.def.Encode()
	if err != nil {
		return err
	}
	if len(b) > maxDefinition {
		return api.LimitExceededException("The definition of the API is too large") // AWS: undocumented text
	}
	ref, ops, err := e.tables.Blobs.Stage(ctx, b)
	if err != nil {
		return err
	}
	e.rec.Definition = ref
	c.Do(ops...)
	store.Add(c, e.tables.RestAPIs, store.ID(str(e.rec.Id)), e.rec)
	return nil
}

// maxDefinition bounds what one API may grow to by single edits; an import is
// bounded by its body already.
const maxDefinition = 32 << 20

// restAPI reads a REST API's record, or returns missing.
func (s *Service) restAPI(ctx context.Context, id *string, missing error) (record.RestAPI, error) {
	rec, _, err := s.tables(ctx).RestAPIs.Get(ctx, store.ID(str(id)))
	if errors.Is(err, store.ErrNotFound) {
		return rec, missing
	}
	return rec, err
}

// definition reads the working definition of a REST API. Others read it too:
// it must not be changed.
func (s *Service) definition(ctx context.Context, id *string, missing error) (*record.Definition, error) {
	rec, err := s.restAPI(ctx, id, missing)
	if err != nil {
		return nil, err
	}
	return s.defs.load(ctx, s.tables(ctx), rec.Definition)
}

// Bounds of the definitions that are kept decoded for reading, by the size of
// their blobs; decoded they take a few times as much. Who reads a larger one
// waits for it to be decoded.
const (
	maxCached    = 16 << 20
	maxCachedOne = 4 << 20
)

// A definitionCache keeps the definitions that were read last. They never
// change, so nothing in it is ever stale. The zero cache is ready.
type definitionCache struct {
	mu   sync.Mutex // guards the fields below; never held while reading
	defs map[store.Ref]cachedDefinition
	age  []store.Ref // oldest first
	size int         // of all
}

type cachedDefinition struct {
	def  *record.Definition
	size int
}

// load returns the definition that ref names, which nobody may change.
func (dc *definitionCache) load(ctx context.Context, t record.Tables, ref store.Ref) (*record.Definition, error) {
	dc.mu.Lock()
	cached := dc.defs[ref]
	dc.mu.Unlock()
	if cached.def != nil {
		return cached.def, nil
	}
	b, err := t.Blobs.Get(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("load definition: %w", err)
	}
	def, err := record.DecodeDefinition(b)
	if err == nil && len(b) <= maxCachedOne {
		dc.add(ref, cachedDefinition{def, len(b)})
	}
	return def, err
}

// add keeps a definition, and drops the oldest beyond the bound.
func (dc *definitionCache) add(ref store.Ref, cached cachedDefinition) {
	dc.mu.Lock()
	defer dc.mu.Unlock()
	if _, ok := dc.defs[ref]; ok {
		return
	}
	if dc.defs == nil {
		dc.defs = map[store.Ref]cachedDefinition{}
	}
	dc.defs[ref] = cached
	dc.age = append(dc.age, ref)
	dc.size += cached.size
	for dc.size > maxCached {
		dc.size -= dc.defs[dc.age[0]].size
		delete(dc.defs, dc.age[0])
		dc.age = dc.age[1:]
	}
}

// ids are the ids of all records of a table that begin with these parts, taken
// apart. The records themselves are not decoded.
func ids[T any](ctx context.Context, st store.Store, t store.Table[T], under ...string) ([][]string, error) {
	prefix := t.Key("")
	if len(under) > 0 {
		prefix = t.Key(store.ID(under...) + "/")
	}
	page, err := st.List(ctx, prefix, "", 0)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	list := make([][]string, len(page.KVs))
	for i, kv := range page.KVs {
		id, _ := t.ID(kv.Key)
		list[i] = store.Parts(id)
	}
	return list, nil
}

// checkCount returns beyond if a part of a table has limit records already.
func checkCount[T any](ctx context.Context, st store.Store, t store.Table[T], limit int, beyond error, under ...string) error {
	have, err := ids(ctx, st, t, under...)
	if err == nil && len(have) >= limit {
		err = beyond
	}
	return err
}
