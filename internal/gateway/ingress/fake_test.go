package ingress_test

import (
	"context"
	"io"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"gatehouse/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fake is a handler whose exchanges are answered by a function.
type fake struct {
	serve func(ctx context.Context, req *wire.Request) *wire.Response
	// begin is how loops serve; nil: not at all.
	begin func(x *fakeExchange, call *wire.Call) (*wire.Response, bool)
	end   func(x *fakeExchange, err error) *wire.Response

	mu   sync.Mutex
	sent []wire.Sent
	peer []wire.Peer
}

type fakeExchange struct {
	*fake
	req  wire.Request
	call wire.Call // begun
}

func (f *fake) Acquire(peer *wire.Peer) wire.Exchange {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.peer = append(f.peer, *peer)
	return &fakeExchange{fake: f}
}

func (x *fakeExchange) Request() *wire.Request { return &x.req }

func (x *fakeExchange) Begin(_ context.Context, call *wire.Call) (*wire.Response, bool) {
	if x.begin == nil {
		return nil, false
	}
	resp, ok := x.begin(x, &x.call)
	*call = x.call
	return resp, ok
}

func (x *fakeExchange) End(_ context.Context, err error) *wire.Response { return x.end(x, err) }

func (x *fakeExchange) Serve(ctx context.Context) *wire.Response {
	resp := x.serve(ctx, &x.req)
	if src := x.req.Body.Source; src != nil {
		_ = src.Close()
	}
	return resp
}

func (x *fakeExchange) Finish(sent wire.Sent) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sent = append(x.sent, sent)
}

func (f *fake) finished() []wire.Sent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent
}

// hello answers everything with five bytes.
func hello(context.Context, *wire.Request) *wire.Response { return text("hello") }

func text(s string) *wire.Response {
	return &wire.Response{Status: 200, Body: wire.Body{Bytes: []byte(s), Length: int64(len(s))}}
}

// echo answers with the request's body, as it comes.
func echo(_ context.Context, req *wire.Request) *wire.Response {
	resp := &wire.Response{Status: 200, Body: req.Body}
	req.Body.Source = nil // the response closes it
	return resp
}

// endless is a body that has always more.
type endless struct{ closed chan struct{} }

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }
func (endless) Trailer() *wire.Header      { return nil }
func (e endless) Close() error             { close(e.closed); return nil }

// pieces is a body that comes in pieces, and how it ends.
type pieces struct {
	list    chan string
	err     error
	trailer *wire.Header
}

func (p *pieces) Read(b []byte) (int, error) {
	s, ok := <-p.list
	if !ok {
		if p.err != nil {
			return 0, p.err
		}
		return 0, io.EOF
	}
	return copy(b, s), nil
}
func (p *pieces) Trailer() *wire.Header { return p.trailer }
func (p *pieces) Close() error          { return nil }
