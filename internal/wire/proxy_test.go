package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/wire"
)

// An answer is a handler of one function: what it returns is the response.
type answer func(req *wire.Request, resp *wire.Response)

func (f answer) Acquire(*wire.Peer) wire.Exchange { return &exchange{serve: f} }

type exchange struct {
	serve answer
	req   wire.Request
	resp  wire.Response
}

func (x *exchange) Request() *wire.Request { return &x.req }

func (x *exchange) Serve(context.Context) *wire.Response {
	x.serve(&x.req, &x.resp)
	return &x.resp
}

func (x *exchange) Finish(wire.Sent) {}

// serve starts s on a free port and returns its address.
func serve(t testing.TB, s *wire.Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; !errors.Is(err, wire.ErrServerClosed) {
			t.Errorf("serve = %v, want ErrServerClosed", err)
		}
	})
	return ln.Addr().String()
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return nc
}

// A proxy forwards everything to one backend; it keeps its exchanges and its
// connections.
type proxy struct {
	backend string

	mu    sync.Mutex // guards the fields below
	free  []*proxied
	conns []*wire.ClientConn
}

type proxied struct {
	p   *proxy
	in  wire.Request
	out wire.Request
	res wire.Response
}

func (p *proxy) Acquire(*wire.Peer) wire.Exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		x := p.free[n-1]
		p.free = p.free[:n-1]
		return x
	}
	return &proxied{p: p}
}

func (p *proxy) take() (*wire.ClientConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.conns); n > 0 {
		c := p.conns[n-1]
		p.conns = p.conns[:n-1]
		return c, nil
	}
	nc, err := net.Dial("tcp", p.backend)
	if err != nil {
		return nil, err
	}
	c := wire.NewClientConn(nc, wire.ClientLimits{})
	c.Release = p.give
	return c, nil
}

func (p *proxy) give(c *wire.ClientConn) {
	if !c.Reusable() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, c)
}

func (p *proxy) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
}

func (x *proxied) Request() *wire.Request { return &x.in }

func (x *proxied) Serve(context.Context) *wire.Response {
	x.out.Method, x.out.Target, x.out.Host = x.in.Method, x.in.Target, x.in.Host
	x.out.Header.Fields = append(x.out.Header.Fields[:0], x.in.Header.Fields...)
	wire.StripHopByHop(&x.out.Header)
	x.out.Body = x.in.Body
	if err := x.call(); err != nil {
		x.res.Reset()
		x.res.Status = 502
		var e *wire.Error
		if errors.As(err, &e) {
			x.res.Status = e.Status
		}
		x.res.Body.Bytes = []byte(err.Error())
	}
	wire.StripHopByHop(&x.res.Header)
	return &x.res
}

func (x *proxied) call() error {
	deadline := time.Now().Add(29 * time.Second)
	for {
		c, err := x.p.take()
		if err != nil {
			return err
		}
		err = c.Do(&x.out, &x.res, deadline)
		if !errors.Is(err, wire.ErrUnsent) {
			return err
		}
	}
}

func (x *proxied) Finish(wire.Sent) {
	x.in.Reset()
	x.out.Reset()
	x.res.Reset()
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	x.p.free = append(x.p.free, x)
}

// echo answers with the request: line, fields, body.
func echo(req *wire.Request, resp *wire.Response) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s %s\n", req.Method, req.Target, req.Host)
	for _, f := range req.Header.Fields {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
	}
	b.Write(req.Body.Bytes)
	if req.Body.Source != nil {
		if _, err := io.Copy(&b, req.Body.Source); err != nil {
			resp.Status = 400
			return
		}
		for _, f := range req.Body.Source.Trailer().Fields {
			fmt.Fprintf(&b, "\n%s: %s", f.Name, f.Value)
		}
	}
	resp.Status = 200
	resp.Header.Add("Content-Type", "text/plain")
	resp.Body.Bytes = b.Bytes()
	resp.Body.Length = int64(b.Len())
}

func startProxy(t testing.TB, backend wire.Handler) string {
	t.Helper()
	p := &proxy{backend: serve(t, &wire.Server{Handler: backend})}
	t.Cleanup(p.close)
	return serve(t, &wire.Server{Handler: p})
}

func TestProxyBodies(t *testing.T) {
	addr := startProxy(t, answer(echo))
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr}
	for _, size := range []int{0, 1, 1000, 4000, 5000, 20000, 65536, 65537, 1 << 20, 5 << 20} {
		for _, chunked := range []bool{false, true} {
			body := strings.Repeat("x", size)
			var r io.Reader = strings.NewReader(body)
			if chunked {
				r = io.MultiReader(r)
			}
			resp, err := client.Post("http://"+addr+"/a?b", "text/plain", r)
			if err != nil {
				t.Fatalf("size %d chunked %v: %v", size, chunked, err)
			}
			got, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil {
				t.Fatalf("size %d chunked %v: read: %v", size, chunked, err)
			}
			if !bytes.HasSuffix(got, []byte("\n"+body)) || len(got) < size {
				t.Errorf("size %d chunked %v: status %d, %d bytes back: %.200s", size, chunked, resp.StatusCode, len(got), got)
			}
		}
	}
}

// TestProxyAllocs drives one keep-alive connection through server and client
// driver. Budget: no allocation per request.
func TestProxyAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools")
	}
	answerFixed := answer(func(_ *wire.Request, resp *wire.Response) {
		resp.Status = 200
		resp.Header.AddID(wire.HeaderContentType, "text/plain")
		resp.Body.Bytes = fixedBody
	})
	for _, body := range []string{"", strings.Repeat("b", 1024), strings.Repeat("b", 6000), strings.Repeat("b", 20000)} {
		backend := &pooled{serve: answerFixed}
		addr := startProxy(t, backend)
		nc := dial(t, addr)
		req := []byte(fmt.Sprintf("POST /r/1?x=y HTTP/1.1\r\nHost: h\r\nUser-Agent: t\r\nAccept: */*\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		buf := make([]byte, 4096)
		do := func() {
			if _, err := nc.Write(req); err != nil {
				t.Fatal(err)
			}
			for n := 0; !bytes.HasSuffix(buf[:n], fixedBody); {
				m, err := nc.Read(buf[n:])
				if err != nil {
					t.Fatal(err)
				}
				n += m
			}
		}
		for range 100 {
			do()
		}
		const rounds = 2000
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			do()
		}
		runtime.ReadMemStats(&after)
		// The Date text is made once a second, pools are refilled after a collection.
		if n := after.Mallocs - before.Mallocs; n > rounds/20 {
			t.Errorf("%d allocations in %d requests with a body of %d, budget 0 each", n, rounds, len(body))
		}
	}
}

var fixedBody = []byte(strings.Repeat("a", 57) + "z")

// pooled is an answer that allocates nothing.
type pooled struct {
	serve answer
	mu    sync.Mutex // guards free
	free  []*pooledExchange
}

type pooledExchange struct {
	exchange
	p *pooled
}

func (p *pooled) Acquire(*wire.Peer) wire.Exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		x := p.free[n-1]
		p.free = p.free[:n-1]
		return x
	}
	return &pooledExchange{exchange: exchange{serve: p.serve}, p: p}
}

func (x *pooledExchange) Finish(wire.Sent) {
	x.req.Reset()
	x.resp.Reset()
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	x.p.free = append(x.p.free, x)
}

func BenchmarkProxy(b *testing.B) {
	backend := &pooled{serve: func(_ *wire.Request, resp *wire.Response) {
		resp.Status = 200
		resp.Header.AddID(wire.HeaderContentType, "text/plain")
		resp.Body.Bytes = fixedBody
	}}
	nc := dial(b, startProxy(b, backend))
	req := []byte("GET /r/1?x=y HTTP/1.1\r\nHost: h\r\nUser-Agent: t\r\nAccept: */*\r\nX-Api-Key: key-0500-0123456789abcdef\r\n\r\n")
	r := bufio.NewReader(nc)
	buf := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := nc.Write(req); err != nil {
			b.Fatal(err)
		}
		n, err := r.Read(buf)
		if err != nil || n < len(fixedBody) {
			b.Fatal(n, err)
		}
	}
}
