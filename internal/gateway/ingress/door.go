package ingress

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/wire"
)

// A door accepts connections where wire does not: it starts a goroutine for
// each, and bounds how many there are.
type door struct {
	room chan struct{} // one value per open connection
	wg   sync.WaitGroup
	open atomic.Int64
}

func (d *door) init(conns int) { d.room = make(chan struct{}, conns) }

// accept hands connections from ln to serve until ln is closed. Beyond the
// bound they wait in the kernel's queue.
func (d *door) accept(ctx context.Context, ln net.Listener, serve func(context.Context, net.Conn)) error {
	for {
		d.room <- struct{}{}
		nc, err := ln.Accept()
		if err != nil {
			<-d.room
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			pause(ctx, acceptPause)
			continue
		}
		d.wg.Go(func() {
			d.open.Add(1)
			defer func() {
				d.open.Add(-1)
				<-d.room
			}()
			serve(ctx, nc)
		})
	}
}

// wait returns when all connections have ended.
func (d *door) wait() { d.wg.Wait() }

// acceptPause keeps a failing Accept (no descriptors left) from spinning.
const acceptPause = 5 * time.Millisecond

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// greet completes the TLS handshake, if there is one, and tells who came.
func greet(ctx context.Context, nc net.Conn, limit time.Duration) (*wire.Peer, error) {
	tc, ok := nc.(*tls.Conn)
	if !ok {
		return newPeer(nc, "HTTP/1.1"), nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	proto := "HTTP/1.1"
	if tc.ConnectionState().NegotiatedProtocol == "h2" {
		proto = "HTTP/2.0"
	}
	return newPeer(tc, proto), nil
}
