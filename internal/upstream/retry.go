package upstream

import (
	"context"
	"errors"
	"slices"
	"time"

	"gatehouse/internal/wire"
)

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
	r := g.ready.Load()
	found := g.untried(r.list, t)
	if found == nil {
		found = g.untried(r.all, t) // one that is left out is better than none
	}
	if found == nil {
		return nil
	}
	return c.siblings.child(found)
}

// untried returns one of list that was not tried, preferably one that did not
// fail the last time.
func (g *group) untried(list []*member, t *trail) (found *member) {
	if len(list) == 0 {
		return nil
	}
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
