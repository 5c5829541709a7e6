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
	def  Definition
	rule balance

	ready   atomic.Pointer[ready] // those to choose from
	turn    atomic.Uint64
	breaker *breaker // nil: none
	budget  budget
	due     atomic.Int64 // monotonic time when the next ejection ends; 0: there is none

	// news holds a value when members have come or gone.
	news chan struct{}

	mu      sync.Mutex // guards the fields below and those of members; never held while calling out
	members []*member  // in the order in which they were given
	slots   []*member  // by member.slot; nil: free
	leaving []*member  // taken out, with requests under way
	callers []*Cluster // that have connections to the members
	scant   bool       // too few are left: all are used
}

func newGroup(name string, def Definition, opt *Options) *group {
	def = def.withDefaults(opt)
	g := &group{name: name, opt: opt, def: def, rule: balances[def.Balance], news: make(chan struct{}, 1)}
	g.budget.set(def.Retries.Budget)
	if def.Breaker != nil {
		g.breaker = &breaker{def: *def.Breaker}
		g.breaker.began.Store(monotonic())
	}
	g.set(def.Endpoints)
	return g
}

// cluster makes c one that calls g: with connections of its own to the
// endpoints.
func (g *group) cluster(c *Cluster) {
	opt := *c.opt
	opt.MaxConnections, opt.MaxWaiting, opt.ConnectTimeout = g.def.Connections, g.def.Pending, g.def.ConnectTimeout
	c.group, c.opt = g, &opt
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
	return &Cluster{
		key: c.key, tls: c.tls, opt: c.opt, addresses: m.addresses, member: m, siblings: c,
		pool: pool{maxOpen: c.opt.MaxConnections, maxIdle: c.opt.MaxIdle, maxWaiting: c.opt.MaxWaiting},
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

// Pick chooses the endpoint of one request, and returns the cluster of it alone,
// whose Do tries that one first. A cluster that has no endpoints to choose from
// picks itself. It fails with ErrTripped or ErrNoEndpoint.
func (c *Cluster) Pick() (*Cluster, error) {
	g := c.group
	if g == nil {
		return c, nil
	}
	if g.breaker != nil && !g.breaker.allow() {
		return nil, ErrTripped
	}
	if due := g.due.Load(); due != 0 && monotonic() >= due {
		g.takeBack(monotonic())
	}
	g.budget.request()
	r := g.ready.Load()
	if len(r.list) == 0 {
		return nil, ErrNoEndpoint
	}
	m := r.choose(g.rule, &g.turn)
	if int(m.busy.Load()) >= g.def.Connections {
		m = r.choose(leastRequest, &g.turn) // m is full
	}
	if at := c.child(m); at != nil {
		return at, nil
	}
	return c.pickSlow()
}

// pickSlow is for a request that met a change of the endpoints.
func (c *Cluster) pickSlow() (*Cluster, error) {
	r := c.group.ready.Load()
	if len(r.list) == 0 {
		return nil, ErrNoEndpoint
	}
	m := r.choose(c.group.rule, &c.group.turn)
	if at := c.child(m); at != nil {
		return at, nil
	}
	at := c.endpoint(m) // c is retired, or m has left just now: over a connection of its own
	at.retire()
	return at, nil
}

// ErrUnknownCluster is why a host name that ends in .cluster cannot be called.
var ErrUnknownCluster = errors.New("unknown cluster")

// groupOf returns the group that k names; nil: k is an ordinary one.
func (r *Registry) groupOf(k *Key) (*group, error) {
	name := k.clusterName()
	if name == "" {
		return nil, nil
	}
	g := r.groups[name]
	if g == nil {
		return nil, fmt.Errorf("%w: the configuration has no cluster %q", ErrUnknownCluster, name)
	}
	return g, nil
}

// makeGroups makes the groups of definitions, which have been checked.
func makeGroups(opt *Options) map[string]*group {
	all := make(map[string]*group, len(opt.Clusters))
	for name, def := range opt.Clusters {
		name = strings.ToLower(name)
		all[name] = newGroup(name, def, opt)
	}
	return all
}
