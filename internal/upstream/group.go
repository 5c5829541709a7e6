package upstream

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// A group is what all clusters of one [Definition] share, whatever scheme they
// are called by: its endpoints, and what is known of them.
type group struct {
	name string
	opt  *Options

	cfg   atomic.Pointer[config]
	ready atomic.Pointer[ready] // those to choose from
	due   atomic.Int64          // monotonic time when the next ejection ends; 0: there is none
	_     [64]byte              // what is above is read only, most of the time

	turn     atomic.Uint64
	busy     atomic.Int64 // requests under way, at all members
	retrying atomic.Int64 // of those, attempts after the first
	budget   budget
	open     room         // connections to all members
	pending  room         // requests that wait for one of them
	refused  atomic.Int64 // requests that no endpoint was chosen for

	// news holds a value when members have come or gone.
	news chan struct{}

	mu       sync.Mutex // guards the fields below and those of members; never held while calling out
	members  []*member  // in the order in which they were given
	slots    []*member  // by member.slot; nil: free
	leaving  []*member  // taken out, with requests under way
	callers  []*Cluster // that have connections to the members
	ejected  int        // how many members are
	scant    bool       // too few are left: all are used
	starting bool       // some members start slowly
	tables   *tables    // nil: none are needed
	// reweighed: weights have changed since tables were made, which may be
	// again after restUntil.
	reweighed bool
	restUntil int64
}

func newGroup(name string, def Definition, opt *Options) (*group, error) {
	g := &group{name: name, opt: opt, news: make(chan struct{}, 1)}
	return g, g.define(def)
}

// define makes def that of g, with its endpoints.
func (g *group) define(def Definition) error {
	cfg, err := newConfig(def, g.opt, g.cfg.Load())
	if err != nil {
		return err
	}
	g.budget.set(cfg.def.Retries.Budget)
	g.open.max.Store(int64(def.Limits.Connections))
	g.pending.max.Store(int64(def.Limits.Pending))
	g.cfg.Store(cfg)
	g.set(cfg.def.Endpoints)
	return nil
}

// cluster makes c one that calls g: with connections of its own to the
// endpoints.
func (g *group) cluster(c *Cluster) {
	c.group = g
	g.mu.Lock()
	defer g.mu.Unlock()
	g.callers = append(g.callers, c)
	list := make([]*Cluster, len(g.slots))
	for _, m := range g.members {
		list[m.slot] = c.endpoint(m)
	}
	c.members.Store(&list)
}

// endpoint makes a cluster of the endpoint m alone.
func (c *Cluster) endpoint(m *member) *Cluster {
	def := &c.group.cfg.Load().def
	return &Cluster{
		key: c.key, tls: c.tls, opt: c.opt, connectTime: def.ConnectTimeout, addresses: m.addresses, member: m, siblings: c,
		pool: pool{maxOpen: def.Connections, maxIdle: c.opt.MaxIdle, maxWaiting: def.Pending, room: &c.group.open, queue: &c.group.pending},
	}
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

// ErrUnknownCluster is why a host name that ends in .cluster cannot be called.
var ErrUnknownCluster = errors.New("unknown cluster")

// groupOf returns the group that k names; nil: k is an ordinary one.
func (r *Registry) groupOf(k *Key) (*group, error) {
	name := k.clusterName()
	if name == "" {
		return nil, nil
	}
	g := r.group(name)
	if g == nil {
		return nil, fmt.Errorf("%w: the configuration has no cluster %q", ErrUnknownCluster, name)
	}
	return g, nil
}

// makeGroups makes the groups of definitions, which have been checked with
// Check and CheckSelectors.
func makeGroups(opt *Options) map[string]*group {
	all := make(map[string]*group, len(opt.Clusters))
	for name, def := range opt.Clusters {
		name = strings.ToLower(name)
		g, err := newGroup(name, def, opt)
		if err != nil {
			panic(fmt.Sprintf("upstream: cluster %s was not checked: %v", name, err))
		}
		all[name] = g
	}
	return all
}
