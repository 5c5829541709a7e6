package upstream

import (
	"reflect"
	"sync"
	"sync/atomic"
)

// A group is what all clusters of one [Definition] share, whatever scheme they
// are called by: its endpoints, and what is known of them.
type group struct {
	name string
	opt  *Options

	cfg   atomic.Pointer[config] // nil: nothing is known of it but its name, or it is a release
	ready atomic.Pointer[ready]  // those to choose from
	due   atomic.Int64           // monotonic time when the next ejection ends; 0: there is none
	_     [64]byte               // what is above is read only, most of the time

	turn     atomic.Uint64
	busy     atomic.Int64 // requests under way, at all members
	retrying atomic.Int64 // of those, attempts after the first
	budget   budget
	open     room         // connections to all members
	pending  room         // requests that wait for one of them
	refused  atomic.Int64 // requests that no endpoint was chosen for
	lacked   [lacks]atomic.Int64

	held atomic.Int32 // who has found it by its name, and not said yet what for

	// news holds a value when members have come or gone.
	news chan struct{}

	mu       sync.Mutex // guards the fields below and those of members; never held while calling out
	members  []*member  // in the order in which they were given
	slots    []*member  // by member.slot; nil: free
	leaving  []*member  // taken out, with requests under way
	callers  []*Cluster // that have connections to the members
	release  *release   // nil: it is none
	ejected  int        // how many members are, of those that are not down
	scant    bool       // too few are left: all are used
	starting bool       // some members start slowly
	tables   *tables    // nil: none are needed
	// reweighed: weights have changed since tables were made, which may be
	// again after restUntil.
	reweighed bool
	restUntil int64
}

// unknownGroup is a group of which nothing is known but the name.
func unknownGroup(name string, opt *Options) *group {
	g := &group{name: name, opt: opt, news: make(chan struct{}, 1)}
	g.ready.Store(new(ready))
	return g
}

func newGroup(name string, def Definition, opt *Options) (*group, error) {
	g := unknownGroup(name, opt)
	return g, g.define(def)
}

// config is what g is told; of one that nothing is known of any more, all
// defaults.
func (g *group) config() *config {
	if cfg := g.cfg.Load(); cfg != nil {
		return cfg
	}
	return unknownConfig
}

// unknownConfig is for requests that outlive the definition of their cluster.
var unknownConfig = &config{def: Definition{}.withDefaults(new(Options))}

// define makes def that of g, with its endpoints, unless they come from a
// source and there are some.
func (g *group) define(def Definition) error {
	was := g.cfg.Load()
	if was != nil && reflect.DeepEqual(was.given, def) {
		return nil
	}
	cfg, err := newConfig(def, g.opt, was)
	if err != nil {
		return err
	}
	g.budget.set(cfg.def.Retries.Budget)
	g.open.max.Store(int64(def.Limits.Connections))
	g.pending.max.Store(int64(def.Limits.Pending))
	g.cfg.Store(cfg)
	g.mu.Lock()
	if cfg.def.Health == nil {
		g.uncheckedLocked()
	}
	g.forgiveLocked(&cfg.def.Eject)
	gone, surplus := g.reachLocked(was, cfg)
	kept := def.Discovered && len(g.members) > 0
	if kept {
		g.settleLocked()
	}
	g.mu.Unlock()
	closeAll(surplus)
	if !kept {
		g.set(cfg.def.Endpoints)
	}
	g.lead(nil, nil)
	for _, c := range gone {
		c.retire()
	}
	return nil
}

// reachLocked has those who call g reach its members as cfg says. It returns the
// clusters of single endpoints that are to be retired for that, and the idle connections
// that are too many now.
func (g *group) reachLocked(was, cfg *config) (gone []*Cluster, surplus *conn) {
	anew := was != nil && (was.def.Protocol != cfg.def.Protocol || was.def.ProxyProtocol != cfg.def.ProxyProtocol ||
		was.def.ConnectTimeout != cfg.def.ConnectTimeout || !reflect.DeepEqual(was.given.TLS, cfg.given.TLS))
	for _, c := range g.callers {
		if !anew {
			c.each(func(m *Cluster) { surplus = joined(m.pool.bound(cfg.def.Connections, cfg.def.Pending), surplus) })
			continue
		}
		list := make([]*Cluster, len(g.slots))
		for _, m := range g.members {
			list[m.slot] = c.endpoint(m)
		}
		c.each(func(m *Cluster) { gone = append(gone, m) })
		c.members.Store(&list)
	}
	return gone, surplus
}

// forgetDefinition makes g one of which nothing is known.
func (g *group) forgetDefinition() {
	g.lead(nil, nil)
	g.cfg.Store(nil)
	g.set(nil)
}

// lead makes g a release, with groups to find its targets; nil: it is none.
func (g *group) lead(rel *release, groups func(name string) *group) {
	g.mu.Lock()
	g.release = rel
	for _, c := range g.callers {
		c.follow(rel, groups)
	}
	g.mu.Unlock()
	if rel != nil && g.cfg.Swap(nil) != nil {
		g.set(nil)
	}
}

// cluster makes c one that calls g: with connections of its own to the
// endpoints.
func (g *group) cluster(c *Cluster, groups func(name string) *group) {
	c.group = g
	g.mu.Lock()
	defer g.mu.Unlock()
	g.callers = append(g.callers, c)
	list := make([]*Cluster, len(g.slots))
	for _, m := range g.members {
		list[m.slot] = c.endpoint(m)
	}
	c.members.Store(&list)
	if g.release != nil {
		c.follow(g.release, groups)
	}
}

// endpoint makes a cluster of the endpoint m alone.
func (c *Cluster) endpoint(m *member) *Cluster {
	cfg := c.group.config()
	def := &cfg.def
	e := &Cluster{
		key: c.key, tls: c.tls, opt: c.opt, connectTime: def.ConnectTimeout, addresses: m.addresses, member: m, siblings: c,
		pool: pool{maxOpen: def.Connections, maxIdle: c.opt.MaxIdle, maxWaiting: def.Pending, room: &c.group.open, queue: &c.group.pending},
	}
	if cfg.tls != nil {
		e.tls = named(cfg.tls, &c.key, def.TLS, c.opt.RootCAs)
	}
	if def.Protocol == "h2" {
		e.h2 = newH2(e)
	}
	return e
}

// child is the cluster of the endpoint m alone; nil: m has left, or c is not
// told any more who comes.
func (c *Cluster) child(m *member) *Cluster {
	list := *c.members.Load()
	if m.slot < len(list) && list[m.slot] != nil && list[m.slot].member == m {
		return list[m.slot]
	}
	return nil
}

// each calls f with the clusters of c's endpoints.
func (c *Cluster) each(f func(*Cluster)) {

	list := c.members.Load()
	if list == nil {
		return
	}
	for _, m := range *list {
		if m != nil {
			f(m)
		}
	}
}

// reach calls f with the clusters of c's endpoints, and those of the targets of a
// release.
func (c *Cluster) reach(f func(*Cluster)) {
	c.each(f)
	if to := c.route.Load(); to != nil {
		for _, t := range to.targets {
			f(t)
		}
		if to.shadow != nil {
			f(to.shadow)
		}
	}
}
