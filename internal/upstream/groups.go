package upstream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
)

// ErrUnknownCluster is why a host name that ends in .cluster cannot be called.
var ErrUnknownCluster = errors.New("unknown cluster")

// groups are the clusters of several endpoints and the releases, by name.
type groups struct {
	opt  *Options
	news chan struct{} // holds a value when one was defined

	mu   sync.Mutex // guards the field below; never held while calling out
	list map[string]*group
}

// newGroups makes the groups of definitions, which have been checked with
// Check and CheckSelectors.
func newGroups(opt *Options) *groups {
	gs := &groups{opt: opt, news: make(chan struct{}, 1), list: make(map[string]*group, len(opt.Clusters))}
	for name, def := range opt.Clusters {
		name = strings.ToLower(name)
		g, err := newGroup(name, def, opt)
		if err != nil {
			panic(fmt.Sprintf("upstream: cluster %s was not checked: %v", name, err))
		}
		gs.list[name] = g
	}
	return gs
}

// get returns the group of a name, which is not forgotten until it is let. Of one
// that nobody has defined, nothing is known yet: calls fail until it is.
func (gs *groups) get(name string) *group {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g := gs.list[name]
	if g == nil {
		g = unknownGroup(name, gs.opt)
		gs.list[name] = g
	}
	g.held.Add(1)
	return g
}

// let is the end of what get was called for.
func (g *group) let() { g.held.Add(-1) }

// known returns the group of a name that is defined; nil: there is none.
func (gs *groups) known(name string) *group {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	if g := gs.list[name]; g != nil && g.cfg.Load() != nil {
		return g
	}
	return nil
}

// all returns the groups there are now.
func (gs *groups) all() map[string]*group {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	return maps.Clone(gs.list)
}

// tidy forgets the groups that nobody has defined and nobody calls.
func (gs *groups) tidy() {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	for name, g := range gs.list {
		if g.unused() {
			delete(gs.list, name)
		}
	}
}

// unused tells whether g is neither defined nor called, if that can be told
// without waiting.
func (g *group) unused() bool {
	if g.held.Load() > 0 || !g.mu.TryLock() {
		return false
	}
	defer g.mu.Unlock()
	return g.cfg.Load() == nil && g.release == nil && len(g.callers) == 0
}

// watch has all groups watched, those too that come while it does, until ctx ends. It
// is called again and again with the same map.
func (gs *groups) watch(ctx context.Context, watched map[*group]context.CancelFunc, wg *sync.WaitGroup) {
	now := gs.all()
	for g, stop := range watched {
		if now[g.name] != g || g.cfg.Load() == nil {
			stop()
			delete(watched, g)
		}
	}
	for _, g := range now {
		if watched[g] == nil && g.cfg.Load() != nil {
			ctx, cancel := context.WithCancel(ctx)
			watched[g] = cancel
			wg.Go(func() { g.watch(ctx) })
		}
	}
}

// Define makes def the cluster that is called NAME.cluster, in the place of what
// was before. Requests under way end as they began. An error says what cannot be,
// and changes nothing.
func (r *Registry) Define(name string, def Definition) error {
	name = strings.ToLower(name)
	if r.groups.known(name) == nil && len(r.groups.all()) >= r.opt.MaxClusters {
		return fmt.Errorf("%w: the limit is %d", ErrTooManyClusters, r.opt.MaxClusters)
	}
	g := r.groups.get(name)
	defer g.let()
	if err := g.define(def); err != nil {
		return err
	}
	select {
	case r.groups.news <- struct{}{}:
	default:
	}
	return nil
}

// Lead makes NAME.cluster a release, likewise, in one step: each request from
// now on is for one target of it.
func (r *Registry) Lead(name string, def Release) error {
	g := r.groups.get(name)
	defer g.let()
	g.mu.Lock()
	was := g.release
	g.mu.Unlock()
	rel, err := newRelease(def, r.opt.Variables, was)
	if err != nil {
		return err
	}
	g.lead(rel, r.groups.get)
	return nil
}

// Undefine forgets what NAME.cluster is.
func (r *Registry) Undefine(name string) {
	g := r.groups.get(name)
	g.forgetDefinition()
	g.let()
	r.groups.tidy()
}

// Called tells whether anybody calls NAME.cluster.
func (r *Registry) Called(name string) bool {
	g := r.groups.known(strings.ToLower(name))
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.callers) > 0
}

// Check reports what cannot be in a definition of a cluster, the files that it
// names included.
func (r *Registry) Check(def *Definition) error {
	if err := errors.Join(def.Check(), def.CheckSelectors(r.opt.Variables)); err != nil {
		return err
	}
	_, err := newConfig(*def, &r.opt, nil)
	return err
}

// CheckRelease reports what cannot be in a release.
func (r *Registry) CheckRelease(def *Release) error { return def.Check(r.opt.Variables) }
