package upstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/wire"
)

// A group is what all clusters of one [Definition] share, whatever scheme they
// are called by: its endpoints, and what is known of them.
type group struct {
	name string
	def  Definition
	rule balance

	ejectable bool // one endpoint at least may be left out
	members   []*member
	ready     atomic.Pointer[ready] // those to choose from
	turn      atomic.Uint64
	breaker   *breaker // nil: none
	budget    budget
	due       atomic.Int64 // monotonic time when the next ejection ends; 0: there is none

	mu    sync.Mutex // guards the fields below and those of members; never held while calling out
	scant bool       // too few are left: all are used
}

// A member is one endpoint of a group.
type member struct {
	group     *group
	index     int
	address   string
	weight    uint32
	endpoints *endpoints // its addresses, if it is a name

	busy     atomic.Int32 // requests under way or waiting for a connection
	fails    atomic.Int32 // failures in a row
	requests atomic.Int64 // attempts
	failures atomic.Int64

	// The rest is guarded by group.mu.
	down      bool   // health checks say so
	checks    int    // in a row that say otherwise
	lastError string // of the last failed check
	ejected   bool
	why       string // the last failure before the ejection
	until     int64  // when the ejection ends, or ended
	ejections int    // in a row
}

func newGroup(name string, def Definition, opt *Options) *group {
	def = def.withDefaults(opt)
	g := &group{name: name, def: def, rule: balances[def.Balance]}
	g.ejectable = float64(def.Eject.MaxShare)*float64(len(def.Endpoints)) >= 1
	g.budget.set(def.Retries.Budget)
	if def.Breaker != nil {
		g.breaker = &breaker{def: *def.Breaker}
		g.breaker.began.Store(monotonic())
	}
	for i, e := range def.Endpoints {
		sources := (&Key{Addresses: e.Address}).sources()
		g.members = append(g.members, &member{
			group: g, index: i, address: e.Address, weight: uint32(e.Weight), endpoints: newEndpoints(sources, opt.Lookup),
		})
	}
	g.settleLocked()
	return g
}

// cluster makes the cluster of k: connections of its own to the endpoints of g.
func (g *group) cluster(c *Cluster) {
	opt := *c.opt
	opt.MaxConnections, opt.MaxWaiting, opt.ConnectTimeout = g.def.Connections, g.def.Pending, g.def.ConnectTimeout
	c.group = g
	for _, m := range g.members {
		c.members = append(c.members, &Cluster{
			key: c.key, tls: c.tls, opt: &opt, endpoints: m.endpoints, member: m, siblings: c,
			pool: pool{maxOpen: opt.MaxConnections, maxIdle: opt.MaxIdle, maxWaiting: opt.MaxWaiting},
		})
	}
}

// Pick chooses the endpoint of one request, and returns the cluster of it alone,
// whose Do tries that one first. A cluster that has no endpoints to choose from
// picks itself. It fails with ErrTripped.
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
	m := r.choose(g.rule, &g.turn)
	if int(m.busy.Load()) >= g.def.Connections {
		m = r.choose(leastRequest, &g.turn) // m is full
	}
	return c.members[m.index], nil
}

// doMember sends req to the endpoint c, and after a failure that leaves no
// doubt to others.
func (c *Cluster) doMember(ctx context.Context, req *wire.Request, resp *wire.Response, deadline time.Time) error {
	at := c
	var t trail
	for {
		err := at.once(ctx, req, resp, deadline)
		if err == nil {
			return nil
		}
		var next *Cluster
		if mayRetry(ctx, req, err) {
			next = at.another(&t)
		}
		at.member.failed(err, next == nil)
		if next == nil {
			return err
		}
		at = next
	}
}

// mayRetry tells whether req, which failed with err, may be sent to another
// endpoint: nothing of it was sent, or it is as good to send it twice.
func mayRetry(ctx context.Context, req *wire.Request, err error) bool {
	switch {
	case ctx.Err() != nil:
		return false
	case errors.Is(err, ErrConnect), errors.Is(err, ErrOverload) && !errors.Is(err, ErrTimeout), errors.Is(err, wire.ErrUnsent):
		return true
	}
	return errors.Is(err, ErrBroken) && repeatable(req)
}

// A trail is the endpoints that were tried for a request.
type trail struct {
	tried [maxRetries]*member
	n     int
}

func (t *trail) has(m *member) bool { return slices.Contains(t.tried[:t.n], m) }

// another returns an endpoint to try after c, if there is one that was not tried
// and retries are left.
func (c *Cluster) another(t *trail) *Cluster {
	g := c.member.group
	if t.n >= g.def.Retries.Attempts || !g.budget.take() {
		return nil
	}
	t.tried[t.n] = c.member
	t.n++
	found := g.untried(g.ready.Load().list, t)
	if found == nil {
		found = g.untried(g.members, t) // one that is left out is better than none
	}
	if found == nil {
		return nil
	}
	return c.siblings.members[found.index]
}

// untried returns one of list that was not tried, preferably one that did not
// fail the last time.
func (g *group) untried(list []*member, t *trail) (found *member) {
	start := int(g.turn.Add(1) % uint64(len(list)))
	for i := range list {
		m := list[(start+i)%len(list)]
		if t.has(m) {
			continue
		}
		if m.fails.Load() == 0 {
			return m
		}
		if found == nil {
			found = m
		}
	}
	return found
}

// answered notes an answer.
func (m *member) answered(status int, now int64) {
	m.requests.Add(1)
	bad := status >= 500
	if bad {
		m.bad(now, status, nil)
	} else if m.fails.Load() != 0 {
		m.fails.Store(0)
	}
	if b := m.group.breaker; b != nil {
		b.ended(bad, now)
	}
}

// failed notes an attempt without an answer, and whether it was the last of its
// request. What the client did, or what a full pool did, is not the endpoint's
// fault.
func (m *member) failed(err error, last bool) {
	m.requests.Add(1)
	blame := !errors.Is(err, ErrOverload) && !errors.Is(err, context.Canceled) && (errors.Is(err, ErrConnect) || errors.Is(err, ErrTimeout) || errors.Is(err, ErrBroken) || errors.Is(err, ErrBadResponse)) &&
		!errors.Is(err, wire.ErrUnsent) && !errors.Is(err, wire.ErrStale)
	if !blame {
		return
	}
	now := monotonic()
	m.bad(now, 0, err)
	if b := m.group.breaker; b != nil && last {
		b.ended(true, now)
	}
}

// bad notes a failure: a status, or an error.
func (m *member) bad(now int64, status int, err error) {
	m.failures.Add(1)
	g := m.group
	limit := g.def.Eject.Failures
	if n := m.fails.Add(1); limit > 0 && int(n) >= limit && g.ejectable {
		g.eject(m, now, status, err)
	}
}

// eject leaves m out for a while, unless too many are left out already. cause or
// status is the last of its failures.
func (g *group) eject(m *member, now int64, status int, cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m.ejected || m.down {
		return
	}
	out := 1
	for _, o := range g.members {
		if o.ejected {
			out++
		}
	}
	if float64(out) > float64(g.def.Eject.MaxShare)*float64(len(g.members)) {
		return
	}
	e := &g.def.Eject
	if now-m.until >= int64(e.MaxTime) {
		m.ejections = 0 // the last time is long ago
	}
	m.ejections++
	m.ejected, m.why = true, "status "+strconv.Itoa(status)
	if cause != nil {
		m.why = cause.Error()
	}
	m.until = now + int64(min(time.Duration(m.ejections)*e.Time, max(e.MaxTime, e.Time)))
	// The first failure after it is one too many.
	m.fails.Store(int32(e.Failures) - 1)
	g.settleLocked()
}

// takeBack ends the ejections whose time has come.
func (g *group) takeBack(now int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.members {
		if m.ejected && now >= m.until {
			m.ejected = false
		}
	}
	g.settleLocked()
}

// settleLocked makes the list to choose from anew.
func (g *group) settleLocked() {
	list := make([]*member, 0, len(g.members))
	due := int64(0)
	for _, m := range g.members {
		if m.ejected && (due == 0 || m.until < due) {
			due = m.until
		}
		if !m.down && !m.ejected {
			list = append(list, m)
		}
	}
	g.scant = len(list) == 0 || float64(len(list)) < float64(g.def.Eject.Panic)*float64(len(g.members))
	if g.scant {
		list = g.members
	}
	g.due.Store(due)
	if old := g.ready.Load(); old == nil || !slices.Equal(old.list, list) {
		g.ready.Store(newReady(list))
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
