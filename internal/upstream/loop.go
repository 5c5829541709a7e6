package upstream

import (
	"context"
	"errors"
	"time"

	"gatehouse/internal/wire"
)

// Lend implements wire.Backend. Loops speak no TLS, and try nothing twice.
func (c *Cluster) Lend(l *wire.Loop) (*wire.ClientConn, bool) {
	if c.mirrored != nil || c.tls != nil || c.addresses.unix != "" || c.member != nil && c.member.group.config().waits {
		return nil, false
	}
	if c.member != nil && !c.enter() {
		return nil, false // Do finds out whether that is so still
	}
	cn, ok := c.pool.lend(l)
	if !ok {
		c.over()
		return nil, false
	}
	if cn == nil {
		return nil, true
	}
	cn.start()
	return cn.ClientConn, true
}

// Dial implements wire.Backend.
//
// An endpoint that cannot be connected to gives way to another one, as in Do.
func (c *Cluster) Dial(ctx context.Context, deadline time.Time) (*wire.ClientConn, error) {
	at := c
	var t trail
	defer func() { t.end(c) }()
	for {
		nc, err := at.connect(ctx, deadline)
		if err == nil {
			return newConn(at, nc).ClientConn, nil
		}
		at.release()
		if at.member == nil {
			return nil, err
		}
		var next *Cluster
		if mayRetry(ctx, nil, err) {
			next = at.another(&t, err)
		}
		at.failed(err, next == nil)
		switch {
		case next == nil:
			t.lacked(c)
			return nil, err
		case !next.pool.permit():
			return nil, wire.ErrUnsent // Do may wait for a connection
		}
		next.begun()
		at = next
	}
}

// Failed implements wire.Backend.
func (c *Cluster) Failed(cc *wire.ClientConn, req *wire.Request, err error) (again bool, fault error) {
	at := cc.Owner.(*Cluster)
	if errors.Is(err, wire.ErrUnsent) || errors.Is(err, wire.ErrStale) && repeatable(req) {
		at.release()
		return true, Classify(err)
	}
	err = at.ended(err)
	if at.member == nil || errors.Is(err, context.Canceled) {
		return false, err
	}
	again = at.member.group.config().def.Retries.Attempts > 0 && errors.Is(err, ErrBroken) && repeatable(req)
	at.failed(err, !again)
	return again, err
}

var _ wire.Backend = (*Cluster)(nil)
