package upstream

import (
	"net"

	"gatehouse/internal/wire"
)

// A conn is one connection to a backend. It is in use, or idle in its
// cluster's pool.
type conn struct {
	*wire.ClientConn

	cluster   *Cluster
	below     *conn // in the pool's stack
	idleSince int64
}

func newConn(c *Cluster, nc net.Conn) *conn {
	cn := &conn{ClientConn: wire.NewClientConn(nc, c.opt.Client), cluster: c}
	cn.Owner = cn.cluster
	cn.Release = cn.over
	cn.Lost = cn.lost
	return cn
}

// over takes the connection back at the end of an exchange.
func (cn *conn) over(*wire.ClientConn) {
	c, now := cn.cluster, monotonic()
	if status := cn.TakeStatus(); c.member != nil && status != 0 { // 0: it was not used after all
		c.member.answered(status, now)
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
