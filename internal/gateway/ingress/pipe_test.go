package ingress_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"

	"gatehouse/internal/gateway/ingress"
	"gatehouse/internal/wire"
)

// A pipeListener gives connections that live in memory, so that time can be
// faked around them.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// dial returns the client's end of a new connection.
func (l *pipeListener) dial(t *testing.T) net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// serve runs an ingress of h over pipes until the returned function stops it.
func serve(t *testing.T, h wire.Handler, opt ingress.Options) (*pipeListener, func()) {
	t.Helper()
	ln := newPipeListener()
	stop := run(t, h, opt, []net.Listener{ln}, nil)
	return ln, stop
}

func run(t testing.TB, h wire.Handler, opt ingress.Options, plain, secure []net.Listener) func() {
	t.Helper()
	opt.Log = slog.New(slog.DiscardHandler)
	in, err := ingress.New(h, opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx, plain, secure) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
}

// engines runs a test with both HTTP/1.1 engines.
func engines(t *testing.T, f func(t *testing.T, e ingress.Engine)) {
	for _, e := range []ingress.Engine{ingress.EngineWire, ingress.EngineLoops, ingress.EngineStd} {
		t.Run(string(e), func(t *testing.T) { f(t, e) })
	}
}
