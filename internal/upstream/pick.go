package upstream

import (
	"fmt"
	"math"
)

// Pick chooses the endpoint of the request r, and returns the cluster of it alone,
// whose Do tries that one first. A cluster that has no endpoints to choose from
// picks itself. Without a request, nil, it chooses by what is known without one.
// It fails with ErrTripped, ErrShed, ErrNoEndpoint or ErrUnknownCluster.
func (c *Cluster) Pick(r Subject) (*Cluster, error) {
	g := c.group
	if g == nil {
		return c, nil
	}
	if to := c.route.Load(); to != nil {
		return c.pickTarget(to, r)
	}
	cfg := g.cfg.Load()
	if cfg == nil {
		return nil, fmt.Errorf("%w: there is no cluster %q", ErrUnknownCluster, g.name)
	}
	if !g.admits(cfg, r) {
		g.refused.Add(1)
		return nil, ErrShed // before it could spend a probe of the breaker
	}
	if cfg.breaker != nil && !cfg.breaker.allow() {
		g.refused.Add(1)
		return nil, ErrTripped
	}
	if due := g.due.Load(); due != 0 && monotonic() >= due {
		g.takeBack(monotonic())
	}
	g.budget.request()
	for range 3 { // again if the endpoints change meanwhile
		m := g.choose(cfg, r)
		if m == nil {
			g.refused.Add(1)
			return nil, ErrNoEndpoint
		}
		if at := c.child(m); at != nil {
			return at, nil
		}
	}
	m := g.choose(cfg, r)
	if m == nil {
		return nil, ErrNoEndpoint
	}
	at := c.endpoint(m) // c is retired: over a connection of its own
	at.retire()
	return at, nil
}

// choose returns the endpoint of a request; nil: there is none.
func (g *group) choose(cfg *config, r Subject) *member {
	ready := g.ready.Load()
	if len(ready.levels) == 0 {
		return nil
	}
	if cfg.sticky != nil {
		if id, ok := cfg.sticky.get(r); ok {
			if m := ready.ids[id]; m != nil && (!m.out.Load() || ready.scant) && !m.full(cfg) {
				return m
			}
		}
	}
	key, keyed := cfg.hash.hash(r)
	m := ready.choose(cfg.rule, &g.turn, key, keyed)
	if m.full(cfg) {
		m = ready.levels[0].choose(leastRequest, &g.turn)
	}
	if cfg.sticky != nil {
		cfg.sticky.give(r, m.id)
	}
	return m
}

// full tells whether one more request would wait at m.
func (m *member) full(cfg *config) bool { return int(m.busy.Load()) >= cfg.def.Connections }

const (
	// With as many requests under way as the limit allows, those of high
	// priority may take a part more of it; those of low priority may never take
	// more than a part of it.
	highShare = 1.1
	lowShare  = 0.6
)

// most is how many requests may be under way, those of high priority too.
func (cfg *config) most() int64 {
	limit := int64(cfg.def.Limits.Requests)
	switch {
	case cfg.adaptive != nil:
		limit = cfg.adaptive.limit.Load()
	case limit == 0:
		return math.MaxInt64
	}
	if len(cfg.high) > 0 {
		return max(int64(highShare*float64(limit)), limit+1)
	}
	return limit
}

// admits tells whether one more request may be under way.
func (g *group) admits(cfg *config, r Subject) bool {
	limit := int64(cfg.def.Limits.Requests)
	if limit == 0 && cfg.adaptive == nil {
		return true
	}
	busy := g.busy.Load() + 1
	if a := cfg.adaptive; a != nil {
		a.begun(busy)
		limit = a.limit.Load()
	}
	switch {
	case float64(busy) <= lowShare*float64(limit):
		return true // of whatever priority
	case len(cfg.high) > 0 && anyMatches(cfg.high, r):
		return float64(busy) <= max(highShare*float64(limit), float64(limit+1))
	case len(cfg.low) > 0 && anyMatches(cfg.low, r):
		return false
	}
	return busy <= limit
}
