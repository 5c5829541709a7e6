// Package ingress is where API clients come in: it turns connections into
// exchanges, and serves them with the gateway's plans.
//
// An [Ingress] serves listeners that are handed to it: plain ones (HTTP/1.1,
// and HTTP/2 with prior knowledge, on one port) and TLS ones (both, by ALPN).
// HTTP/1.1 is read and written by wire, HTTP/2 by net/http behind a guard that
// ends floods. [Std] serves the same exchanges through any net/http server.
// The package knows nothing of APIs and stages: it hands each exchange to a
// [wire.Handler], which [Serve] makes of a gateway.
package ingress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"gatehouse/internal/wire"
)

// An Engine is what reads and writes HTTP/1.1.
type Engine string

// The engines. HTTP/2 is net/http's with either.
const (
	EngineWire  Engine = "wire"  // a goroutine per connection
	EngineLoops Engine = "loops" // wire, with event loops for what is simple; on Linux
	EngineStd   Engine = "std"   // net/http
)

// Options are the settings of an [Ingress]. The zero value is ready to use.
type Options struct {
	HTTP1  Engine // empty: EngineLoops
	Limits Limits
	// TLS is needed by TLS listeners: certificates, or GetCertificate to choose
	// one by SNI. Protocols and the least version are filled in if empty.
	TLS *tls.Config
	Log *slog.Logger // nil: slog.Default
}

// An Ingress serves API clients.
type Ingress struct {
	opt  Options
	tls  *tls.Config
	h1   *wire.Server // nil: net/http serves HTTP/1.1 as well
	h2   *h2
	door door

	retired atomic.Bool
}

// New returns an ingress that hands exchanges to h. It serves once Run runs.
func New(h wire.Handler, opt Options) (*Ingress, error) {
	opt.Limits.setDefaults()
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	in := &Ingress{opt: opt}
	switch opt.HTTP1 {
	case "", EngineWire, EngineLoops:
		in.h1 = &wire.Server{Handler: h, Limits: opt.Limits.Limits, Refuse: refuseWire, TakeOver: in.takeOver, Panicked: in.panicked}
	case EngineStd:
	default:
		return nil, fmt.Errorf("http1: unknown engine %q; it is %q, %q or %q", opt.HTTP1, EngineLoops, EngineWire, EngineStd)
	}
	if opt.HTTP1 == "" || opt.HTTP1 == EngineLoops {
		in.h1.Loops = runtime.GOMAXPROCS(0)
	}
	if opt.TLS != nil {
		in.tls = opt.TLS.Clone()
		if len(in.tls.NextProtos) == 0 {
			in.tls.NextProtos = []string{"h2", "http/1.1"}
		}
		if in.tls.MinVersion == 0 {
			in.tls.MinVersion = tls.VersionTLS12
		}
	}
	errorLog := slog.NewLogLogger(opt.Log.Handler(), slog.LevelDebug)
	in.h2 = newH2(Std(h, opt.Limits), &in.opt.Limits, in.h1 == nil, errorLog)
	in.door.init(opt.Limits.Conns)
	return in, nil
}

// ErrNoCertificate refuses a TLS listener without Options.TLS.
var ErrNoCertificate = errors.New("a TLS listener needs a certificate")

// Run serves the listeners, of which either list may be empty, until ctx ends.
// Then it accepts no more, lets requests under way end within Limits.Drain,
// and cuts the rest. It closes the listeners in any case.
func (in *Ingress) Run(ctx context.Context, plain, secure []net.Listener) error {
	all := append([]net.Listener(nil), plain...)
	for _, ln := range secure {
		if in.tls == nil {
			closeListeners(append(plain, secure...))
			return ErrNoCertificate
		}
		all = append(all, tls.NewListener(ln, in.tls))
	}
	// What was accepted is served to its end, or to the end of the drain.
	work := context.WithoutCancel(ctx)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(in.h2.run)
	for _, ln := range all {
		g.Go(func() error { return in.serve(work, ln) })
	}
	g.Go(func() error {
		<-gctx.Done()
		closeListeners(all)
		return in.drain(work)
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Retire tells that another process has taken this one's place, before the end of
// Run's ctx: half of the drain is then given to idle connections to ask
// for something, so that none is closed while its client does.
func (in *Ingress) Retire() { in.retired.Store(true) }

func closeListeners(list []net.Listener) {
	for _, ln := range list {
		_ = ln.Close() // may be closed already
	}
}

// serve accepts from ln until it is closed.
func (in *Ingress) serve(ctx context.Context, ln net.Listener) error {
	var err error
	if in.h1 != nil {
		err = in.h1.Serve(ctx, ln)
	} else {
		err = in.door.accept(ctx, ln, in.serveStd)
	}
	if errors.Is(err, net.ErrClosed) || errors.Is(err, wire.ErrServerClosed) {
		return nil
	}
	return err
}

// Conns returns the number of open connections.
func (in *Ingress) Conns() int {
	if in.h1 != nil {
		return in.h1.Conns()
	}
	return int(in.door.open.Load())
}

// panicked logs a panic that cost a connection.
func (in *Ingress) panicked(value any, stack []byte) {
	in.opt.Log.Error("panic while writing a response", "panic", value, "stack", string(stack))
}

// drain ends all connections.
func (in *Ingress) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, in.opt.Limits.Drain)
	defer cancel()
	var g errgroup.Group
	g.Go(func() error { return in.h2.stop(ctx) })
	if in.h1 != nil {
		g.Go(func() error {
			if in.retired.Load() {
				idle, cancel := context.WithTimeout(ctx, in.opt.Limits.Drain/2)
				defer cancel()
				in.h1.Retire(idle)
			}
			return in.h1.Shutdown(ctx)
		})
	}
	err := g.Wait()
	in.door.wait()
	if err != nil {
		in.opt.Log.Warn("requests were cut at the end of the drain", "limit", in.opt.Limits.Drain)
	}
	return nil
}

// takeOver serves a connection that speaks HTTP/2 to its end: wire hands over
// those that begin with the preface or negotiated h2.
func (in *Ingress) takeOver(peer *wire.Peer, nc net.Conn, read []byte) {
	peer.Proto = "HTTP/2.0"
	in.h2.serve(newGuard(nc, read, peer, &in.opt.Limits), false)
}

// serveStd serves a connection with net/http, whatever it speaks.
func (in *Ingress) serveStd(ctx context.Context, nc net.Conn) {
	peer, err := greet(ctx, nc, in.opt.Limits.Handshake)
	if err != nil {
		closeNow(nc)
		return
	}
	in.h2.serve(newGuard(nc, nil, peer, &in.opt.Limits), true)
}
