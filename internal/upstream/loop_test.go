package upstream_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/internal/wire"
)

// A forwarder is a handler that passes requests on to a cluster, for one client:
// it has one exchange.
type forwarder struct {
	cluster  *upstream.Cluster
	picked   *upstream.Cluster // by Begin
	req, out wire.Request
	in, resp wire.Response
}

func (f *forwarder) Acquire(*wire.Peer) wire.Exchange { return f }
func (f *forwarder) Request() *wire.Request           { return &f.req }

func (f *forwarder) Begin(ctx context.Context, call *wire.Call) (*wire.Response, bool) {
	f.prepare()
	c, err := f.cluster.Pick(nil)
	if err != nil {
		return f.End(ctx, err), true
	}
	f.picked = c
	*call = wire.Call{Backend: c, Request: &f.out, Response: &f.in, Deadline: soon()}
	return nil, true
}

func (f *forwarder) prepare() {
	f.out.Method, f.out.Target, f.out.Host, f.out.Body = f.req.Method, f.req.Target, "backend.test", f.req.Body
}

func (f *forwarder) Serve(ctx context.Context) *wire.Response {
	f.prepare()
	c := f.cluster
	if f.picked != nil {
		c = f.picked
	}
	return f.End(ctx, c.Do(ctx, &f.out, &f.in, soon()))
}

func (f *forwarder) End(_ context.Context, err error) *wire.Response {
	f.resp.Status, f.resp.Body = 502, wire.Body{}
	if err == nil {
		f.resp.Status, f.resp.Body = f.in.Status, f.in.Body
	}
	return &f.resp
}

func (f *forwarder) Finish(wire.Sent) {
	f.picked = nil
	f.req.Reset()
	f.out.Reset()
	f.in.Reset()
	f.resp.Reset()
}

// forward serves a cluster from one loop, and returns what makes a request to
// it and reads an answer of so many bytes.
func forward(t *testing.T, c *upstream.Cluster) func(answer []byte) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("loops are for Linux")
	}
	s := &wire.Server{Handler: &forwarder{cluster: c}, Loops: 1}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), ln) }()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nc.Close()
		_ = s.Shutdown(context.Background())
		<-served
	})
	_ = nc.SetDeadline(soon().Add(time.Minute))
	request := []byte("GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n")
	return func(answer []byte) int {
		if _, err := nc.Write(request); err != nil {
			t.Fatal(err)
		}
		n, err := io.ReadAtLeast(nc, answer, 1)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// TestLoopAllocs: a request through a loop. Budget: no allocation.
func TestLoopAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools")
	}
	b := fixed(t)
	do := forward(t, cluster(t, b.Addr(), upstream.Options{}))
	answer := make([]byte, 4096)
	if n := loopAllocs(do, answer); n > loopRounds/20 {
		t.Errorf("%d allocations in %d requests, budget 0 each", n, loopRounds)
	}
}

// loopRounds is how many requests loopAllocs makes.
const loopRounds = 2000

// loopAllocs counts the allocations of requests through a loop. The Date text is
// made once a second, pools are refilled after a collection.
func loopAllocs(do func([]byte) int, answer []byte) uint64 {
	for range 100 {
		do(answer)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range loopRounds {
		do(answer)
	}
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

// TestLoopLimit: the connections of loops count like others, and an idle one is
// given up for a request that is in no loop.
func TestLoopLimit(t *testing.T) {
	b := fixed(t)
	c := cluster(t, b.Addr(), upstream.Options{MaxConnections: 1})
	do := forward(t, c)
	answer := make([]byte, 4096)
	for i := range 3 {
		if n := do(answer); !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200")) {
			t.Errorf("round %d: answer %q", i, answer[:n])
		}
		if got, err := call(c, request("GET", "/", ""), soon()); err != nil || got != `{"ok":true}` {
			t.Errorf("round %d: call beside the loop: %q, %v", i, got, err)
		}
		if st := c.Stats(); st.Open != 1 || st.Idle != 1 {
			t.Errorf("round %d: %+v, want one connection", i, st)
		}
	}
	if n := b.Accepted(); n > 2 {
		t.Errorf("%d connections were made, want at most 2", n)
	}
}

// TestLoopRetires: a cluster that is not needed any more, or closed, ends the
// idle connections that loops have.
func TestLoopRetires(t *testing.T) {
	for _, end := range []func(*upstream.Registry){
		(*upstream.Registry).Close,
		func(r *upstream.Registry) { r.Retain(nil) },
	} {
		gone := make(chan struct{}, 10)
		b := upstreamtest.New(t, func(c *upstreamtest.Conn) {
			serveFixed(c.Conn, []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
			gone <- struct{}{}
		})
		r := upstream.NewRegistry(upstream.Options{})
		t.Cleanup(r.Close)
		c, err := r.Cluster(upstream.Key{Scheme: "http", Host: b.Addr().Addr().String(), Port: b.Addr().Port()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		forward(t, c)(make([]byte, 4096))
		end(r)
		<-gone
		if st := c.Stats(); st.Open != 0 || st.Idle != 0 {
			t.Errorf("left: %+v", st)
		}
	}
}
