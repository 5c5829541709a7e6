package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/wire"
)

// A front is a server whose handler notes what reaches it, and answers with
// the target and the body.
type front struct {
	wire.Server
	addr string
	done chan error

	mu   sync.Mutex // guards seen
	seen []string
}

type frontExchange struct {
	f    *front
	req  wire.Request
	resp wire.Response
}

// limits are none that a case runs into, however busy the machine.
var limits = wire.Limits{ReadHead: time.Minute, BodyIdle: time.Minute, Idle: time.Minute, Linger: time.Minute}

func newFront(t testing.TB, lim wire.Limits, loops int) *front {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{addr: ln.Addr().String(), done: make(chan error, 1)}
	f.Limits = lim
	f.Loops = loops
	f.Handler = f
	go func() { f.done <- f.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = f.Shutdown(ctx) // cuts what is left; checked elsewhere
		if err := <-f.done; !errors.Is(err, wire.ErrServerClosed) {
			t.Errorf("Serve = %v", err)
		}
	})
	return f
}

// Acquire implements wire.Handler.
func (f *front) Acquire(*wire.Peer) wire.Exchange { return &frontExchange{f: f} }

func (x *frontExchange) Request() *wire.Request { return &x.req }

// Begin implements wire.Forwarder: loops serve what does not wait.
func (x *frontExchange) Begin(ctx context.Context, _ *wire.Call) (*wire.Response, bool) {
	return x.Serve(ctx), true // here is all of the body
}

func (x *frontExchange) End(context.Context, error) *wire.Response { return nil }

func (x *frontExchange) Serve(context.Context) *wire.Response {
	x.f.mu.Lock()
	x.f.seen = append(x.f.seen, x.req.Method+" "+strings.Clone(x.req.Target))
	x.f.mu.Unlock()
	x.resp.Status = 200
	body := x.req.Method + " " + x.req.Target + "\n"
	switch {
	case strings.HasPrefix(x.req.Path, "/status/204"):
		x.resp.Status = 204
	case strings.HasPrefix(x.req.Path, "/ignore"):
	default:
		body += string(x.req.Body.Bytes)
		if src := x.req.Body.Source; src != nil {
			rest, err := io.ReadAll(src)
			if err != nil {
				x.resp.Status = 400
				var e *wire.Error
				if errors.As(err, &e) {
					x.resp.Status = e.Status
				}
			}
			body += string(rest)
			_ = src.Close()
		}
	}
	x.resp.Body.Bytes = []byte(body)
	x.resp.Body.Length = int64(len(body))
	return &x.resp
}

func (x *frontExchange) Finish(wire.Sent) {}

func (f *front) requests() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.seen, ", ")
}
