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
			rev, err := c.list(ctx, m, scope, prefix)
			if err != nil {
				return nil, 0, 0, err
			}
			to = max(to, rev)
		}
	}
	return m, from, to, nil
}

// list takes every record of scope below prefix into m, and returns the
// revision of the last page. The pages after it are read and decoded while one
// is taken in.
func (c *Compiler) list(ctx context.Context, m *mirror, scope record.Scope, prefix string) (store.Rev, error) {
	tables := m.tablesOf(scope)
	pages := make(chan *page, pagesAhead)
	var working sync.WaitGroup
	defer working.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	working.Go(func() {
		defer close(pages)
		for from, first := "", true; first || from != ""; first = false {
			p := &page{read: make(chan struct{})}
			p.Page, p.err = c.st.List(ctx, prefix, from, pageSize)
			select {
			case pages <- p:
			case <-ctx.Done():
				return
			}
			from = p.Next
			working.Go(func() { c.readPage(p, tables) })
		}
	})
	ignored := newTouched() // the caller compiles everything
	rev := store.Rev(0)
	for p := range pages {
		if p.err != nil {
			return 0, p.err
		}
		<-p.read
		for i := range p.changes {
			c.note(p.changes[i].kv, c.safely(func() error { return m.take(p.changes[i], tables, ignored) }))
		}
		rev = p.Rev
	}
	return rev, ctx.Err()
}

// pagesAhead is how many pages may be read and not taken in yet.
const pagesAhead = 8

// A page is a part of a listing.
type page struct {
	store.Page
	err     error
	changes []change      // that it makes to nothing; valid when read is closed
	read    chan struct{} // closed when the records are decoded
}

// readPage decodes what stands on a page.
func (c *Compiler) readPage(p *page, tables record.Tables) {
	defer close(p.read)
	p.changes = make([]change, 0, len(p.KVs))
	for _, kv := range p.KVs {
		c.note(kv, c.safely(func() error {
			if k, ok := record.ParseKey(kv.Key); ok {
				p.changes = append(p.changes, read(k, store.Put(kv.Key, kv.Value), kv.Rev, tables))
			}
			return nil
		}))
	}
}
