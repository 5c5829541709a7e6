package upstream

import (
	"context"
	"errors"
	"time"

	"gatehouse/internal/wire"
)

// Lend implements wire.Backend. Loops speak no TLS.
func (c *Cluster) Lend(l *wire.Loop) (*wire.ClientConn, bool) {
	if c.tls != nil {
		return nil, false
	}
	cn, ok := c.pool.lend(l)
	if cn == nil {
		return nil, ok
	}
	return cn.ClientConn, true
}

// Dial implements wire.Backend.
func (c *Cluster) Dial(ctx context.Context, deadline time.Time) (*wire.ClientConn, error) {
	nc, err := c.connect(ctx, deadline)
	if err != nil {
		c.pool.release()
		return nil, err
	}
	return newConn(c, nc).ClientConn, nil
}

// Failed implements wire.Backend.
func (c *Cluster) Failed(req *wire.Request, err error) (again bool, fault error) {
	if errors.Is(err, wire.ErrUnsent) || errors.Is(err, wire.ErrStale) && repeatable(req) {
		c.pool.release()
		return true, Classify(err)
	}
	return false, c.ended(err)
}

var _ wire.Backend = (*Cluster)(nil)
