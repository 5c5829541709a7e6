package upstream

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"gatehouse/internal/wire"
)

// doMember sends req, which has begun, to the endpoint c, and after a failure that leaves no
// doubt to others.
func (c *Cluster) doMember(ctx context.Context, req *wire.Request, resp *wire.Response, deadline time.Time) error {
	cfg := c.member.group.config()
	if cfg.def.Retries.Hedge > 0 && repeatable(req) {
		return c.hedged(ctx, req, resp, deadline)
	}
	at := c
	var t trail
	defer func() { t.end(c) }()
	for {
		until := t.until(at, cfg, req, deadline)
		err := at.once(ctx, req, resp, until, deadline)
		if err == nil && !(cfg.retryOn != nil && cfg.retryOn.has(resp.Status) && repeatable(req)) {
			return nil
		}
		late := errors.Is(err, ErrTimeout) && until != deadline && ctx.Err() == nil
		var next *Cluster
		if err == nil || late || mayRetry(ctx, req, err) {
			next = at.another(&t, err)
		}
		if err != nil {
			at.failed(err, next == nil)
		}
		if next == nil {
			t.lacked(c)
			return err
		}
		if err == nil {
			drop(resp)
		}
		if (err == nil || late) && !sleep(ctx, t.backoff(cfg)) {
			return context.Cause(ctx)
		}
		at = next
		at.begun()
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

// mostDropped bounds how much of an answer that nobody wants is read, so that
// its connection can be used again.
const mostDropped = 64 << 10

// drop gives up an answer.
func drop(resp *wire.Response) {
	if src := resp.Body.Source; src != nil {
		_, _ = io.CopyN(io.Discard, src, mostDropped) // what fails ends the connection
		_ = src.Close()
		resp.Body.Source = nil
	}
}

// A trail is the endpoints that were tried for a request.
type trail struct {
	tried [maxRetries]*member
	n     int
	lack  lack // why there was no further one, the last time somebody asked
}

// A lack is why a request that failed was not tried again, though it might have
// been.
type lack uint8

const (
	lackNothing   lack = iota
	lackAttempts       // all attempts were made
	lackBudget         // the budget was spent
	lackRoom           // too many retries were under way
	lackEndpoints      // there was no endpoint that had not been tried
	lacks
)

// lacked counts a request to c that failed for want of another attempt.
func (t *trail) lacked(c *Cluster) {
	if t.lack != lackNothing {
		c.member.group.lacked[t.lack].Add(1)
	}
}

func (t *trail) has(m *member) bool { return slices.Contains(t.tried[:t.n], m) }

// end notes that the attempts of a request are over.
func (t *trail) end(c *Cluster) {
	if t.n > 0 {
		c.member.group.retrying.Add(-int64(t.n))
	}
}

// until is when the next attempt, at one endpoint, is given up: earlier than the request,
// if there may be another one.
func (t *trail) until(at *Cluster, cfg *config, req *wire.Request, deadline time.Time) time.Time {
	r := &cfg.def.Retries
	if r.TryTimeout == 0 || t.n >= r.Attempts || !repeatable(req) || at.lastOne(t) {
		return deadline
	}
	if until := time.Now().Add(r.TryTimeout); deadline.IsZero() || until.Before(deadline) {
		return until
	}
	return deadline
}

// lastOne tells whether c is the only endpoint that was not tried.
func (c *Cluster) lastOne(t *trail) bool {
	return !slices.ContainsFunc(c.member.group.ready.Load().all, func(m *member) bool { return m != c.member && !t.has(m) })
}

// backoff is the pause before the next attempt.
func (t *trail) backoff(cfg *config) time.Duration {
	d := cfg.def.Retries.Backoff << max(t.n-1, 0)
	return d/2 + rand.N(d/2+1)
}

// sleep waits, unless ctx ends.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// another returns an endpoint to try after c, which failed with err, if there is
// one that was not tried and retries are left. One that refused the connection
// was not troubled: another costs the cluster no more than the request itself,
// and takes nothing off the budget.
func (c *Cluster) another(t *trail, err error) *Cluster {
	g := c.member.group
	def := &g.config().def
	if t.n >= def.Retries.Attempts {
		t.lack = lackAttempts
		return nil
	}
	t.tried[t.n] = c.member
	t.n++
	next := c.untriedSibling(t)
	if next == nil {
		t.n--
		t.lack = lackEndpoints
		return nil
	}
	free := errors.Is(err, ErrConnect) && !errors.Is(err, ErrTimeout)
	t.lack = lackNothing
	if n, limit := g.retrying.Add(1), def.Limits.Retries; limit > 0 && n > int64(limit) {
		t.lack = lackRoom
	} else if !free && !g.budget.take() {
		t.lack = lackBudget
	}
	if t.lack != lackNothing {
		t.n--
		g.retrying.Add(-1)
		return nil
	}
	return next
}

// untriedSibling is an endpoint beside c that was not tried; nil: there is none.
func (c *Cluster) untriedSibling(t *trail) *Cluster {
	g := c.member.group
	for range 3 { // again if the endpoints change meanwhile
		r := g.ready.Load()
		found := g.untried(r.list, t)
		if found == nil {
			found = g.untried(r.all, t) // one that is left out is better than none
		}
		if found == nil {
			return nil
		}
		if next := c.siblings.child(found); next != nil {
			return next
		}
	}
	return nil
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
