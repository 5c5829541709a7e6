package compile

import (
	"context"
	"sync"

	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// pageSize bounds what one listing holds in memory.
const pageSize = 500

// load reads all records that the data plane needs into a mirror. It never
// reads the blobs between them. The listing takes several reads, so the mirror
// shows no single revision: watching from revision from makes it exact once
// revision to is reached.
func (c *Compiler) load(ctx context.Context) (m *mirror, from, to store.Rev, err error) {
	m = newMirror(c.st, c.blobs)
	st := c.st
	next := ""
	for first := true; first || next != ""; first = false {
		// One key tells the next account and Region; their kinds are listed one
		// by one, and then all else below them is passed over.
		page, err := st.List(ctx, "", next, 1)
		if err != nil {
			return nil, 0, 0, err
		}
		if first {
			from, to = page.Rev, page.Rev
		}
		if len(page.KVs) == 0 {
			break
		}
		scope, rest, ok := record.ScopeOf(page.KVs[0].Key)
		next = rest
		if !ok {
			continue
		}
		for _, prefix := range scope.Prefixes() {
			rev, err := c.list(ctx, m, prefix)
			if err != nil {
				return nil, 0, 0, err
			}
			to = max(to, rev)
		}
	}
	return m, from, to, nil
}

// list takes every record below prefix into m, and returns the revision of
// the last page.
func (c *Compiler) list(ctx context.Context, m *mirror, prefix string) (store.Rev, error) {
	ignored := newTouched() // the caller compiles everything
	read := func(from string) (store.Page, error) { return c.st.List(ctx, prefix, from, pageSize) }
	page, err := read("")
	for err == nil {
		// The next page is read while this one is taken in.
		var next store.Page
		var after error
		var reading sync.WaitGroup
		if page.Next != "" {
			reading.Go(func() { next, after = read(page.Next) })
		}
		for _, kv := range page.KVs {
			c.apply(m, store.Put(kv.Key, kv.Value), kv.Rev, ignored)
		}
		reading.Wait()
		if page.Next == "" {
			return page.Rev, nil
		}
		page, err = next, after
	}
	return 0, err
}
