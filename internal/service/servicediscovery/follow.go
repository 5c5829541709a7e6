package servicediscovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	api "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/discovery"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A Follower keeps in memory what is registered, and tells who watches a
// service of changes. A store that cannot be read leaves what was read last.
type Follower struct {
	st  store.Store
	log *slog.Logger

	progress store.Progress

	mu      sync.Mutex // guards the fields below; never held while calling out
	view    view
	watches map[*watch]struct{}
	names   *names                           // of DNS; nil: to be made of view
	ready   map[viewKey][]discovery.Instance // those that DNS may answer with, of services that were asked for
}

var _ discovery.Registry = (*Follower)(nil)

// NewFollower returns a follower of st. Its Run must be running.
func NewFollower(st store.Store, log *slog.Logger) *Follower {
	return &Follower{st: st, log: log, view: newView(), watches: map[*watch]struct{}{}, ready: map[viewKey][]discovery.Instance{}}
}

// A view is what is registered.
type view struct {
	namespaces map[viewKey]namespaceView
	services   map[viewKey]serviceView
	instances  map[viewKey]map[string]discovery.Instance // by service
}

type viewKey struct {
	scope record.Scope
	id    string
}

type namespaceView struct {
	name string
	zone bool   // it is one of DNS
	soa  uint32 // the time to live of its SOA record
}

type serviceView struct {
	namespace, name string
	revision        int64
	records         *api.DnsConfig // nil: none; not to be changed
	checked         bool           // instances have a health
}

func newView() view {
	return view{map[viewKey]namespaceView{}, map[viewKey]serviceView{}, map[viewKey]map[string]discovery.Instance{}}
}

// A watch is one who wants to know of a service.
type watch struct {
	name    discovery.ServiceName
	service viewKey       // found last
	news    chan struct{} // holds a value when there may be some
}

// find returns the service that name means.
func (v *view) find(name *discovery.ServiceName) (viewKey, bool) {
	sc := record.Scope{Account: name.Account, Region: name.Region}
	if name.ID != "" {
		_, ok := v.services[viewKey{sc, name.ID}]
		return viewKey{sc, name.ID}, ok
	}
	for k, s := range v.services {
		if k.scope == sc && s.name == name.Service && v.namespaces[viewKey{sc, s.namespace}].name == name.Namespace {
			return k, true
		}
	}
	return viewKey{}, false
}

// Watch implements discovery.Registry.
func (f *Follower) Watch(ctx context.Context, name discovery.ServiceName, set func(list []discovery.Instance, revision int64, there bool)) {
	if err := f.started(ctx); err != nil {
		return
	}
	w := &watch{name: name, news: make(chan struct{}, 1)}
	f.mu.Lock()
	f.watches[w] = struct{}{}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.watches, w)
	}()
	for ctx.Err() == nil {
		set(f.read(w))
		select {
		case <-ctx.Done():
		case <-w.news:
		}
	}
}

func (f *Follower) read(w *watch) (list []discovery.Instance, revision int64, there bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, there := f.view.find(&w.name)
	if !there {
		return nil, 0, false
	}
	w.service = k
	list = make([]discovery.Instance, 0, len(f.view.instances[k]))
	for _, i := range f.view.instances[k] {
		list = append(list, i)
	}
	return list, f.view.services[k].revision, true
}

// started waits for the first reading of the store.
func (f *Follower) started(ctx context.Context) error { return f.Wait(ctx, 0) }

// Wait returns when what was committed up to revision rev has been read, or
// when ctx ends.
func (f *Follower) Wait(ctx context.Context, rev store.Rev) error { return f.progress.Wait(ctx, rev) }

// Run follows the store until ctx ends.
func (f *Follower) Run(ctx context.Context) error {
	for {
		err := f.follow(ctx)
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return nil
		}
		if errors.Is(err, store.ErrCompacted) {
			continue
		}
		f.log.Error("cannot follow Cloud Map, the last instances stay in force", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// follow lists everything, then applies commit after commit.
func (f *Follower) follow(ctx context.Context) error {
	page, err := f.st.List(ctx, "", "", 1)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	from, to, next := page.Rev, page.Rev, newView()
	err = eachScope(ctx, f.st, func(sc record.Scope) error {
		rev, err := f.list(ctx, sc, &next)
		to = max(to, rev)
		return err
	})
	if err != nil {
		return err
	}
	swap := func() bool { f.view = next; return true }
	if from == to {
		f.publish(to, swap)
	}
	for batch, err := range f.st.Watch(ctx, "", from) {
		switch {
		case err != nil:
			return fmt.Errorf("watch: %w", err)
		case batch.Rev > to:
			f.publish(batch.Rev, func() bool { return f.applyLocked(batch.Ops) })
			continue
		}
		// What was listed is partly newer than the revision that is watched from.
		for _, op := range batch.Ops {
			f.take(&next, op)
		}
		if batch.Rev == to {
			f.publish(to, swap)
		}
	}
	return ctx.Err()
}

// list reads all of one account and Region, and tells as of which revision.
func (f *Follower) list(ctx context.Context, sc record.Scope, v *view) (rev store.Rev, err error) {
	prefix := store.Prefix(sc.Account, sc.Region, keyService)
	for at, first := "", true; first || at != ""; first = false {
		page, err := f.st.List(ctx, prefix, at, 500)
		if err != nil {
			return 0, fmt.Errorf("list: %w", err)
		}
		for _, kv := range page.KVs {
			f.take(v, store.Put(kv.Key, kv.Value))
		}
		at, rev = page.Next, max(rev, page.Rev)
	}
	return rev, nil
}

// publish makes a change of the view, after which all who watch look again if
// it says so.
func (f *Follower) publish(rev store.Rev, change func() bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if change() {
		f.names = nil
		clear(f.ready)
		for w := range f.watches {
			w.tell()
		}
	}
	f.progress.Reach(rev)
}

func (w *watch) tell() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// applyLocked takes a commit in, and tells those who watch a service of which
// an instance changed. It returns true if a service or namespace came, went or
// changed its name.
func (f *Follower) applyLocked(ops []store.Op) (all bool) {
	for _, op := range ops {
		touched, everything := f.take(&f.view, op)
		all = all || everything
		if touched.id == "" {
			continue
		}
		delete(f.ready, touched)
		for w := range f.watches {
			if w.service == touched {
				w.tell()
			}
		}
	}
	return all
}

// take applies one operation to v. It returns the service whose instances it
// touched, and whether it did more than that. A record that cannot be read is
// taken as gone.
func (f *Follower) take(v *view, op store.Op) (touched viewKey, all bool) {
	parts := store.Parts(op.Key)
	if len(parts) < 5 || parts[2] != keyService {
		return viewKey{}, false
	}
	sc := record.Scope{Account: parts[0], Region: parts[1]}
	k := viewKey{sc, parts[4]}
	switch parts[3] {
	case kindNamespace:
		var rec namespace
		before := v.namespaces[k]
		delete(v.namespaces, k)
		if f.decode(op, &rec) {
			v.namespaces[k] = viewOf(&rec)
		}
		return viewKey{}, v.namespaces[k] != before
	case kindService:
		var rec service
		before := v.services[k]
		delete(v.services, k)
		if f.decode(op, &rec) {
			v.services[k] = serviceView{str(rec.NamespaceId), str(rec.Name), rec.Revision, rec.DnsConfig, rec.HealthCheckCustomConfig != nil}
		}
		after := v.services[k]
		return k, before.namespace != after.namespace || before.name != after.name || (before.records == nil) != (after.records == nil)
	case kindInstance:
		if len(parts) == 6 {
			f.takeInstance(v, k, parts[5], op)
		}
		return k, false
	}
	return viewKey{}, false
}

func viewOf(rec *namespace) namespaceView {
	n := namespaceView{name: str(rec.Name)}
	if p := rec.Properties; p != nil && p.DnsProperties != nil && str(rec.Type) != typeHTTP {
		n.zone, n.soa = true, uint32(*p.DnsProperties.SOA.TTL)
	}
	return n
}

func (f *Follower) takeInstance(v *view, k viewKey, id string, op store.Op) {
	var rec instance
	if !f.decode(op, &rec) {
		delete(v.instances[k], id)
		if len(v.instances[k]) == 0 {
			delete(v.instances, k)
		}
		return
	}
	if v.instances[k] == nil {
		v.instances[k] = map[string]discovery.Instance{}
	}
	v.instances[k][id] = discovery.NewInstance(id, rec.health(), rec.Attributes)
}

func (f *Follower) decode(op store.Op, rec any) bool {
	if op.Delete {
		return false
	}
	if err := json.Unmarshal(op.Value, rec); err != nil {
		f.log.Error("record of Cloud Map not understood, it is taken as gone", "key", op.Key, "error", err)
		return false
	}
	return true
}
