package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"gatehouse/internal/wire"
)

// A Cluster is one backend: a host with its addresses, and the connections
// kept open to them; or several endpoints, each a cluster itself. It is safe
// for any number of goroutines.
type Cluster struct {
	key Key
	tls *tls.Config // nil: plain
	opt *Options
	// connectTime bounds the making of a connection.
	connectTime time.Duration
	addresses   *addresses
	pool        pool
	failures    atomic.Uint64

	// A cluster of several endpoints has these instead of its own.
	group   *group
	members atomic.Pointer[[]*Cluster] // by member.slot

	// One that stands for a release has this; the targets of a release, called for
	// it, have a track, and follow no release themselves.
	route  atomic.Pointer[route]
	target bool
	track  *track

	// mirrored is the one request that it is for, of which a copy is sent; nil:
	// it is for any.
	mirrored *mirrored

	// An endpoint of such a cluster has these.
	member   *member
	siblings *Cluster // the cluster of which it is one
	h2       *h2      // speaks HTTP/2; nil: HTTP/1.1 is spoken
}

func (r *Registry) newCluster(k Key, cert *tls.Certificate) *Cluster {
	opt := &r.opt
	c := &Cluster{
		key:         k,
		opt:         opt,
		connectTime: opt.ConnectTimeout,
		addresses:   newAddresses(k.sources(), opt.Lookup),
		pool:        pool{maxOpen: opt.MaxConnections, maxIdle: opt.MaxIdle, maxWaiting: opt.MaxWaiting},
	}
	if k.Scheme == "https" {
		c.tls = newTLSConfig(k, cert, opt.RootCAs)
	}
	if name := k.clusterName(); name != "" {
		g := r.groups.get(name)
		g.cluster(c, r.groups.get)
		g.let()
	}
	return c
}

// Known tells whether c can be called: a cluster of several endpoints must have
// been defined for that.
func (c *Cluster) Known() bool {
	return c.group == nil || c.group.cfg.Load() != nil || c.route.Load() != nil
}

// Key returns what tells c from other clusters.
func (c *Cluster) Key() Key { return c.key }

// Scheme returns http or https.
func (c *Cluster) Scheme() string { return c.key.Scheme }

// Stats returns how full c is, and how often it failed.
func (c *Cluster) Stats() Stats {
	st := c.pool.stats()
	st.Failures = c.failures.Load()
	c.reach(func(m *Cluster) {
		n := m.Stats()
		st.Open, st.Idle, st.Waiting, st.Failures = st.Open+n.Open, st.Idle+n.Idle, st.Waiting+n.Waiting, st.Failures+n.Failures
	})
	return st
}

// Close closes the idle connections and those in use when they are given
// back. Waiting and later requests fail with ErrClosed.
func (c *Cluster) Close() {
	if c.group != nil {
		c.group.forget(c)
	}
	closeAll(c.pool.close())
	if c.h2 != nil {
		c.h2.transport.CloseIdleConnections()
	}
	c.reach((*Cluster).Close)
}

// retire closes the idle connections and keeps none any more. Requests of
// tables that still point here are served, each over a connection of its own.
func (c *Cluster) retire() {
	if c.group != nil {
		c.group.forget(c)
	}
	closeAll(c.pool.keepNone())
	if c.h2 != nil {
		c.h2.transport.CloseIdleConnections()
	}
	c.reach((*Cluster).retire)
}

// expire closes the connections that have been idle since before the given time.
func (c *Cluster) expire(before int64) {
	closeAll(c.pool.expire(before))
	c.reach(func(m *Cluster) { m.expire(before) })
}

// wantsLookup tells whether the host's addresses are old and used.
func (c *Cluster) wantsLookup(now int64) bool {
	e := c.addresses
	return c.group == nil && !e.static && e.list.Load() != nil && c.pool.stats().Open > 0 &&
		now-e.asked.Load() >= int64(c.opt.Refresh)
}

// Do sends req and returns when the head of the response is in resp, by the
// deadline, which holds for the response's body too, at the latest. If
// resp.Body.Source is set, closing it gives the connection back if the body
// was read to its end, and closes the connection otherwise.
//
// A request whose connection had been used before and turns out to be dead is
// sent once more over a new one, if that cannot do harm: nothing was sent, or
// the method is idempotent and the body still here. A cluster of several
// endpoints does as much with others, as its Definition says.
func (c *Cluster) Do(ctx context.Context, req *wire.Request, resp *wire.Response, deadline time.Time) error {
	switch {
	case c.group != nil:
		picked, err := c.Pick(nil)
		if err != nil {
			return err
		}
		return picked.Do(ctx, req, resp, deadline)
	case c.mirrored != nil:
		return c.mirrored.do(ctx, req, resp, deadline)
	case c.member != nil:
		if !c.enter() {
			c.member.group.refused.Add(1)
			return ErrShed
		}
		return c.doMember(ctx, req, resp, deadline)
	}
	return c.once(ctx, req, resp, deadline, deadline)
}

// once sends req, which has begun, to this endpoint. Its answer must begin by until; deadline is for all
// of it.
func (c *Cluster) once(ctx context.Context, req *wire.Request, resp *wire.Response, until, deadline time.Time) error {
	switch {
	case c.h2 != nil:
		return c.h2.do(ctx, req, resp, until, deadline)
	case c.upgrades(req):
		return c.upgrade(ctx, req, resp, until, deadline)
	}
	cn, err := c.pool.take(ctx, until)
	if err != nil {
		c.over()
		if ctx.Err() == nil {
			c.failures.Add(1)
		}
		return err
	}
	if cn == nil {
		return c.doFresh(ctx, req, resp, until, deadline)
	}
	err = cn.send(ctx, req, resp, until, deadline)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, wire.ErrUnsent), errors.Is(err, wire.ErrStale) && repeatable(req) && ctx.Err() == nil:
		return c.doFresh(ctx, req, resp, until, deadline) // with the dead one's permission
	}
	return c.ended(err)
}

// doFresh makes a connection, for which there is permission, and uses it.
func (c *Cluster) doFresh(ctx context.Context, req *wire.Request, resp *wire.Response, until, deadline time.Time) error {
	nc, err := c.connect(ctx, until)
	if err == nil && c.introduces() {
		err = introduce(nc, c.member.group.config().def.ProxyProtocol, req.Peer, until)
	}
	if err != nil {
		c.release()
		return err
	}
	return c.ended(newConn(c, nc).send(ctx, req, resp, until, deadline))
}

// ended gives up the permission of a connection that failed.
func (c *Cluster) ended(err error) error {
	if err == nil {
		return nil
	}
	c.release()
	if errors.Is(err, context.Canceled) {
		return err
	}
	err = Classify(err)
	if !errors.Is(err, ErrRequestBody) {
		c.failures.Add(1)
	}
	return err
}

// release ends a permission and with it a request.
func (c *Cluster) release() {
	c.pool.release()
	c.over()
}

// enter counts a request that begins to be under way at the endpoint c, unless the cluster
// has as many as it may: several that were chosen for at once saw the same room for one.
func (c *Cluster) enter() bool {
	c.member.busy.Add(1)
	g := c.member.group
	if g.busy.Add(1) <= g.config().most() {
		return true
	}
	c.over()
	return false
}

// begun counts an attempt after the first.
func (c *Cluster) begun() {
	if c.member != nil {
		c.member.busy.Add(1)
		c.member.group.busy.Add(1)
	}
}

// over counts a request that is not under way any more.
func (c *Cluster) over() {
	if c.member != nil {
		c.member.busy.Add(-1)
		c.member.group.busy.Add(-1)
	}
}

// connect makes a connection to one of the host's addresses.
func (c *Cluster) connect(ctx context.Context, deadline time.Time) (net.Conn, error) {
	until := time.Now().Add(c.connectTime)
	final := !deadline.IsZero() && deadline.Before(until)
	if final {
		until = deadline
	}
	dctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	nc, err := c.addresses.dial(dctx)
	if err == nil && c.tls != nil {
		nc, err = handshake(dctx, nc, c.tls)
	}
	switch {
	case err == nil:
		return nc, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	c.failures.Add(1)
	switch {
	case final && !time.Now().Before(until): // the dialer may know of it before dctx does
		return nil, failure(ErrTimeout, err)
	default:
		return nil, failure(ErrConnect, err)
	}
}

// repeatable tells whether sending req twice is as good as once. A streamed
// body is gone after the first time.
func repeatable(req *wire.Request) bool {
	if req.Body.Source != nil {
		return false
	}
	switch req.Method { // RFC 9110 §9.2.2
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE":
		return true
	}
	return false
}

// Classify wraps an error of wire, such as the Source of a response's body
// returns, in the kind that callers tell apart.
func Classify(err error) error {
	if err == nil {
		return nil
	}
	var (
		malformed *wire.Error
		body      *wire.BodyError
	)
	switch {
	case errors.Is(err, wire.ErrTimeout):
		return failure(ErrTimeout, err)
	case errors.As(err, &body):
		return failure(ErrRequestBody, err)
	case errors.As(err, &malformed):
		return failure(ErrBadResponse, err)
	default:
		return failure(ErrBroken, err)
	}
}
