package upstream

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// SetEndpoints replaces the endpoints of the cluster of several endpoints that
// has this name. Requests from now on go to those of list; those under way at
// others end as they began, and then the connections to them are closed. Who
// stays keeps connections, health and counts, also if weight, zone or priority
// changed. An empty list leaves none, and requests fail with ErrNoEndpoint.
//
// A list that cannot be changes nothing. The error then says what is wrong, or
// is ErrUnknownCluster.
func (r *Registry) SetEndpoints(name string, list []Endpoint) error {
	g := r.groups.known(name)
	if g == nil {
		return fmt.Errorf("%w: there is no cluster %q", ErrUnknownCluster, name)
	}
	if err := checkEndpoints(list); err != nil {
		return err
	}
	g.set(list)
	return nil
}

// set replaces the endpoints of g by a list that was checked.
func (g *group) set(list []Endpoint) {
	g.mu.Lock()
	gone := g.setLocked(list)
	g.mu.Unlock()
	for _, c := range gone {
		c.retire()
	}
	select {
	case g.news <- struct{}{}:
	default:
	}
}

// setLocked is set. It returns the clusters of single endpoints that are not
// to be used any more.
func (g *group) setLocked(list []Endpoint) (gone []*Cluster) {
	next, now := make([]*member, len(list)), monotonic()
	was := g.matchLocked(list, next)
	var came []*member
	for i := range list {
		e, m := &list[i], next[i]
		if m == nil {
			if m = was[e.Address]; m == nil {
				m = g.newMember(e.Address)
				came = append(came, m)
				if len(g.members) > 0 {
					m.since = now
				}
			}
			delete(was, e.Address)
			next[i] = m
		}
		g.reweighed = g.reweighed || m.given != max(e.Weight, 1)
		m.take(e)
		m.index = i
	}
	g.members = next
	g.joinLocked(came)
	g.settleLocked()
	return g.leaveLocked(was)
}

// matchLocked puts into next the members that stand in list where they stand
// among those of g, from the beginning and from the end, and returns the others
// by address.
func (g *group) matchLocked(list []Endpoint, next []*member) map[string]*member {
	old := g.members
	for len(old) > 0 && len(list) > 0 && old[0].address == list[0].Address {
		next[0] = old[0]
		old, list, next = old[1:], list[1:], next[1:]
	}
	for len(old) > 0 && len(list) > 0 && old[len(old)-1].address == list[len(list)-1].Address {
		next[len(list)-1] = old[len(old)-1]
		old, list = old[:len(old)-1], list[:len(list)-1]
	}
	rest := make(map[string]*member, len(old))
	for _, m := range old {
		rest[m.address] = m
	}
	return rest
}

func (g *group) newMember(addr string) *member {
	m := &member{group: g, address: addr, id: hashText(addr), gone: make(chan struct{})}
	if path, ok := strings.CutPrefix(addr, unixPrefix); ok {
		m.addresses = &addresses{unix: path, static: true}
		return m
	}
	m.addresses = newAddresses((&Key{Addresses: addr}).sources(), g.opt.Lookup)
	return m
}

// joinLocked gives new members a slot, and the callers connections to them. It
// stands before they can be chosen.
func (g *group) joinLocked(came []*member) {
	if len(came) == 0 {
		return
	}
	free := 0
	for _, m := range came {
		for free < len(g.slots) && g.slots[free] != nil {
			free++
		}
		if free == len(g.slots) {
			g.slots = append(g.slots, nil)
		}
		g.slots[free], m.slot = m, free
	}
	for _, c := range g.callers {
		list := make([]*Cluster, len(g.slots))
		copy(list, *c.members.Load())
		for _, m := range came {
			list[m.slot] = c.endpoint(m)
		}
		c.members.Store(&list)
	}
}

// leaveLocked takes the slots of members away. It stands after they can be
// chosen no more.
func (g *group) leaveLocked(left map[string]*member) (gone []*Cluster) {
	if len(left) == 0 {
		return nil
	}
	for _, m := range left {
		close(m.gone)
		m.out.Store(true)
		g.slots[m.slot] = nil
		g.leaving = append(g.leaving, m)
	}
	for _, c := range g.callers {
		list := slices.Clone(*c.members.Load())
		for _, m := range left {
			gone = append(gone, list[m.slot])
			list[m.slot] = nil
		}
		c.members.Store(&list)
	}
	g.leftLocked()
	return gone
}

// leftLocked forgets those leaving that have no requests left.
func (g *group) leftLocked() {
	g.leaving = slices.DeleteFunc(g.leaving, func(m *member) bool { return m.busy.Load() <= 0 })
}

// forget ends what c is told of g.
func (g *group) forget(c *Cluster) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.callers = slices.DeleteFunc(g.callers, func(o *Cluster) bool { return o == c })
}

// tick is how often a group looks whether time alone has changed something.
const tick = 100 * time.Millisecond

// watch asks the endpoints of g whether they are well and looks their names up,
// until ctx ends.
func (g *group) watch(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	watched := make(map[*member]context.CancelFunc)
	var health *Health
	compared := monotonic()
	timer := time.NewTimer(sweepEvery)
	defer timer.Stop()
	for {
		g.mu.Lock()
		members, cfg := g.members, g.config()
		g.settleAgainLocked(monotonic())
		g.mu.Unlock()
		for m, stop := range watched {
			if m.left() || health != cfg.def.Health {
				stop()
				delete(watched, m)
			}
		}
		health = cfg.def.Health
		for _, m := range members {
			if watched[m] == nil && (health != nil || !m.addresses.static) {
				watched[m] = g.watchMember(ctx, m, health, &wg)
			}
		}
		if s := cfg.def.Eject.SuccessRate; s != nil && monotonic()-compared >= int64(s.Interval) {
			compared = monotonic()
			g.compare(compared)
		}
		timer.Reset(sweepEvery)
		if g.urgent() {
			timer.Reset(tick)
		}
		select {
		case <-ctx.Done():
			return
		case <-g.news:
		case <-timer.C:
		}
	}
}

// watchMember starts what is done for one member until it is stopped.
func (g *group) watchMember(ctx context.Context, m *member, h *Health, wg *sync.WaitGroup) context.CancelFunc {
	ctx, cancel := context.WithCancel(ctx)
	if h != nil {
		wg.Go(func() { m.watch(ctx, h, g.opt.Client) })
	}
	if !m.addresses.static {
		wg.Go(func() { m.lookUp(ctx, g.opt) })
	}
	return cancel
}
