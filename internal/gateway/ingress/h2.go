package ingress

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"

	"gatehouse/internal/wire"
)

// An h2 serves HTTP/2 connections (and HTTP/1.1 ones, where net/http is asked
// to) through one net/http server, which is handed connections one by one.
//
// Connections over TLS come here after their handshake and, to net/http, look
// like plain ones: it would accept nothing but a *tls.Conn otherwise, and the
// guard has to see the frames. What TLS negotiated is in the peer.
type h2 struct {
	server http.Server
	conns  *handoff
}

// newH2 returns a server of handler that speaks HTTP/2, and HTTP/1.1 if http1.
func newH2(handler http.Handler, l *Limits, http1 bool, errorLog *log.Logger) *h2 {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	protocols.SetHTTP1(http1)
	return &h2{
		conns: newHandoff(),
		server: http.Server{
			Handler:           handler,
			ErrorLog:          errorLog,
			Protocols:         protocols,
			ReadHeaderTimeout: l.ReadHead,
			IdleTimeout:       l.Idle,
			// More than Head allows, because net/http counts otherwise: 32 bytes
			// a field over HTTP/2, the request line over HTTP/1.1. std is exact.
			MaxHeaderBytes: l.Head.Size() + 32*l.Head.Fields,
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				return withPeer(ctx, c.(interface{ from() *wire.Peer }).from())
			},
			HTTP2: &http.HTTP2Config{
				MaxConcurrentStreams: l.Streams,
				// How far a client may get ahead of the gateway: 2.5 MB/s for
				// one upload over a way of 100 ms, and 1 MiB held at most.
				MaxReceiveBufferPerStream:     256 << 10,
				MaxReceiveBufferPerConnection: 1 << 20,
				MaxReadFrameSize:              16 << 10,
				MaxDecoderHeaderTableSize:     4 << 10,
				MaxEncoderHeaderTableSize:     4 << 10,
				SendPingTimeout:               l.WriteIdle,
				PingTimeout:                   l.WriteIdle / 2,
				WriteByteTimeout:              l.WriteIdle,
			},
		},
	}
}

func (g *guard) from() *wire.Peer { return g.peer }

// serve hands g over and waits for its end. With strict, it may speak HTTP/1.1,
// which is then read before net/http reads it.
func (h *h2) serve(g *guard, strict bool) {
	if strict {
		h.conns.put(newStrict(g, h.server.MaxHeaderBytes, h.server.ReadHeaderTimeout))
	} else {
		h.conns.put(g)
	}
	<-g.ended
}

// run serves the connections handed over until stop ends them.
func (h *h2) run() error {
	if err := h.server.Serve(h.conns); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// stop ends all connections: gracefully until ctx ends, then at once.
func (h *h2) stop(ctx context.Context) error {
	err := h.server.Shutdown(ctx)
	if err != nil {
		_ = h.server.Close()
	}
	return err
}

// A handoff is a listener whose connections were accepted elsewhere. Handing
// one over waits for net/http to take it, which it does at once.
type handoff struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newHandoff() *handoff {
	return &handoff{conns: make(chan net.Conn), done: make(chan struct{})}
}

// put hands c over; it closes c if the server has ended.
func (l *handoff) put(c net.Conn) {
	select {
	case l.conns <- c:
	case <-l.done:
		_ = c.Close()
	}
}

// Accept returns the next connection handed over.
func (l *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and put.
func (l *handoff) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr is needed by the interface only.
func (l *handoff) Addr() net.Addr { return &net.TCPAddr{} }
