package upstream

import (
	"context"
	"net"
	"time"

	"gatehouse/internal/wire"
)

// A conn is one connection to a backend. It is in use, or idle in its
// cluster's pool.
type conn struct {
	*wire.ClientConn

	cluster   *Cluster
	below     *conn // in the pool's stack
	idleSince int64
	// began is when the request began, and took is how long its answer took to
	// begin, if somebody wants to know: else 0.
	began, took int64
}

func newConn(c *Cluster, nc net.Conn) *conn {
	cn := &conn{ClientConn: wire.NewClientConn(nc, c.opt.Client), cluster: c}
	cn.Owner = cn.cluster
	cn.Release = cn.over
	cn.Lost = cn.lost
	if c.member != nil {
		cn.Headed = cn.headed
	}
	cn.start()
	return cn
}

// start notes that a request begins.
func (cn *conn) start() {
	cn.began, cn.took = 0, 0
	if m := cn.cluster.member; m != nil && (m.group.config().timed || cn.cluster.siblings.track != nil) {
		cn.began = monotonic()
	}
}

// headed notes that an answer has begun.
func (cn *conn) headed(*wire.ClientConn) {
	if cn.began != 0 {
		cn.took = max(monotonic()-cn.began, 1)
	}
}

// send sends a request, and gives up if its answer has not begun by until, or if
// ctx ends, where that is to be looked at.
func (cn *conn) send(ctx context.Context, req *wire.Request, resp *wire.Response, until, deadline time.Time) error {
	cn.start()
	if _, ok := ctx.(hedgedContext); ok {
		stop := context.AfterFunc(ctx, func() { _ = cn.Close() })
		defer stop()
	}
	err := cn.Do(req, resp, until)
	if _, ok := ctx.(hedgedContext); ok && err != nil && ctx.Err() != nil {
		return context.Cause(ctx) // not the endpoint's fault
	}
	if err == nil && resp.Body.Source != nil && until != deadline {
		cn.Extend(deadline) // it is ours until the body is closed
	}
	return err
}

// over takes the connection back at the end of an exchange.
func (cn *conn) over(*wire.ClientConn) {
	c, now := cn.cluster, monotonic()
	if status := cn.TakeStatus(); c.member != nil && status != 0 { // 0: it was not used after all
		c.member.answered(status, cn.took, now)
		if t := c.siblings.track; t != nil {
			t.note(status >= 500, cn.took)
		}
	}
	if c.introduces() { // it was for one client
		_ = cn.Close()
	}
	if !cn.Reusable() {
		c.release()
		return
	}
	c.over()
	if !c.pool.give(cn, now) {
		_ = cn.Close() // nothing is under way
	}
}

// lost takes out of the pool what its loop has closed.
func (cn *conn) lost(*wire.ClientConn) { cn.cluster.pool.remove(cn) }

// closeAll closes a list of idle connections.
func closeAll(list *conn) {
	for list != nil {
		cn := list
		list, cn.below = cn.below, nil
		_ = cn.Close() // nothing is under way
	}
}
