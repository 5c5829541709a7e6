package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/wire"
)

// A caller is a server with one loop, whose exchanges make one request to a
// backend and answer with what that came to. It is the backend that lends the
// connections, too.
type caller struct {
	addr   string
	method string
	wait   time.Duration

	mu    sync.Mutex // guards the fields below
	idle  *wire.ClientConn
	dials int
}

type callerExchange struct {
	*caller
	req  wire.Request
	resp wire.Response
	call wire.Call
}

func newCaller(t *testing.T, b *backend, method string, wait time.Duration) (c *caller, addr string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("loops are for Linux")
	}
	if method == "" {
		method = "GET"
	}
	c = &caller{addr: b.ln.Addr().String(), method: method, wait: wait}
	s := &wire.Server{Handler: c, Loops: 1}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx) // cuts what is left
		<-done
		if c.idle != nil && c.idle.In() == nil {
			_ = c.idle.Close() // else its loop has closed it
		}
	})
	return c, ln.Addr().String()
}

func (c *caller) Acquire(*wire.Peer) wire.Exchange { return &callerExchange{caller: c} }

func (x *callerExchange) Request() *wire.Request { return &x.req }

func (x *callerExchange) Begin(_ context.Context, call *wire.Call) (*wire.Response, bool) {
	x.call = wire.Call{Backend: x.caller, Request: newRequest(x.method), Response: new(wire.Response), Deadline: time.Now().Add(x.wait)}
	*call = x.call
	return nil, true
}

// End answers with the outcome.
func (x *callerExchange) End(_ context.Context, err error) *wire.Response {
	text := ""
	if err != nil {
		text = kind(err)
	} else {
		text = answered(x.call.Response)
	}
	x.resp = wire.Response{Status: 200, Body: wire.Body{Bytes: []byte(text), Length: int64(len(text))}}
	return &x.resp
}

// Serve is called only when a call is to be made again.
func (x *callerExchange) Serve(ctx context.Context) *wire.Response {
	return x.End(ctx, errors.New("again"))
}

func (x *callerExchange) Finish(wire.Sent) {}

// Lend implements wire.Backend.
func (c *caller) Lend(l *wire.Loop) (*wire.ClientConn, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cc := c.idle
	if cc != nil && cc.In() != l {
		return nil, false
	}
	c.idle = nil
	return cc, true
}

// Dial implements wire.Backend.
func (c *caller) Dial(context.Context, time.Time) (*wire.ClientConn, error) {
	nc, err := net.Dial("tcp", c.addr)
	if err != nil {
		return nil, err
	}
	cc := wire.NewClientConn(nc, wire.ClientLimits{})
	cc.Release = func(cc *wire.ClientConn) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if cc.Reusable() {
			c.idle = cc
		}
	}
	cc.Lost = func(*wire.ClientConn) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.idle = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dials++
	return cc, nil
}

// Failed implements wire.Backend.
func (c *caller) Failed(_ *wire.ClientConn, _ *wire.Request, err error) (bool, error) {
	return false, err
}

// reusable says whether a connection was given back.
func (c *caller) reusable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.idle != nil
}

// fetch makes a request to addr and returns the body of the answer.
func fetch(client *http.Client, addr string) (string, error) {
	resp, err := client.Get("http://" + addr)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// TestBackendsLoop is TestBackends through a loop.
func TestBackendsLoop(t *testing.T) {
	for _, tt := range backendCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := tt.backend(t)
			c, addr := newCaller(t, b, tt.method, tt.wait())
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			got, err := fetch(client, addr)
			if err != nil || got != tt.want {
				t.Errorf("got %.200q, %v, want %.200q", got, err, tt.want)
			}
			if c.reusable() != tt.reuse {
				t.Errorf("reusable %v, want %v", c.reusable(), tt.reuse)
			}
		})
	}
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// TestBackendIdleLoop: a connection on which something happens while it is idle
// is not used again, whatever came on it.
func TestBackendIdleLoop(t *testing.T) {
	tests := []struct {
		name  string
		then  func(nc net.Conn) // what the backend does after its first answer
		dials int
	}{
		{"stays", func(nc net.Conn) { serveOK(nc) }, 1},
		{"closes", func(net.Conn) {}, 2},
		{"resets", func(nc net.Conn) { _ = nc.(*net.TCPConn).SetLinger(0) }, 2},
		{"sends an answer unasked", func(nc net.Conn) { _, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad") }, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			acted, gone := make(chan struct{}), make(chan struct{})
			var used atomic.Bool
			b := newBackend(t, func(nc net.Conn) {
				if used.Swap(true) {
					serveOK(nc)
					return
				}
				defer close(gone)
				_, _ = head(nc)
				_, _ = io.WriteString(nc, okAnswer)
				<-acted
				tt.then(nc)
				_ = nc.Close()
			})
			c, addr := newCaller(t, b, "", time.Minute)
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			if got, err := fetch(client, addr); err != nil || got != "200 ok" {
				t.Fatalf("first answer %q, %v", got, err)
			}
			close(acted)
			if tt.dials > 1 {
				<-gone // over loopback the peer's kernel is ours: it knows at once
			}
			if got, err := fetch(client, addr); err != nil || got != "200 ok" {
				t.Errorf("second answer %q, %v", got, err)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.dials != tt.dials {
				t.Errorf("%d connections were made, want %d", c.dials, tt.dials)
			}
		})
	}
}

// serveOK answers requests until nc ends.
func serveOK(nc net.Conn) {
	for {
		if _, err := head(nc); err != nil {
			return
		}
		if _, err := io.WriteString(nc, okAnswer); err != nil {
			return
		}
	}
}

// TestLoopClients: what clients do while their request is at the backend.
func TestLoopClients(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	arrived, release := make(chan net.Conn, 10), make(chan struct{}, 10)
	b := newBackend(t, func(nc net.Conn) {
		for {
			if _, err := head(nc); err != nil {
				return
			}
			arrived <- nc
			<-release
			if _, err := io.WriteString(nc, okAnswer); err != nil {
				return
			}
		}
	})
	_, addr := newCaller(t, b, "", time.Minute)
	dial := func() *net.TCPConn {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = nc.Close() })
		_, _ = io.WriteString(nc, request)
		return nc.(*net.TCPConn)
	}
	t.Run("sends more", func(t *testing.T) {
		nc := dial()
		<-arrived
		_, _ = io.WriteString(nc, request+request)
		_ = nc.CloseWrite()
		release <- struct{}{}
		for range 2 {
			<-arrived
			release <- struct{}{}
		}
		got, err := io.ReadAll(nc)
		if n := strings.Count(string(got), "200 ok"); err != nil || n != 3 {
			t.Errorf("%d answers, %v, want 3", n, err)
		}
	})
	t.Run("closes its side", func(t *testing.T) {
		nc := dial()
		<-arrived
		_ = nc.CloseWrite()
		release <- struct{}{}
		got, err := io.ReadAll(nc)
		if err != nil || !strings.HasSuffix(string(got), "200 ok") {
			t.Errorf("answer = %q, %v", got, err)
		}
	})
	t.Run("goes", func(t *testing.T) {
		nc := dial()
		at := <-arrived
		_ = nc.SetLinger(0)
		_ = nc.Close()
		if _, err := at.Read(make([]byte, 1)); err == nil {
			t.Error("the backend got more")
		} // it has returned: the call was cancelled
		release <- struct{}{}
	})
}

// TestLoopPipeline: many requests at once, from a client that reads no answer
// before it has sent them all, and more than fits anywhere on the way.
func TestLoopPipeline(t *testing.T) {
	const n = 3000
	f := newFront(t, wire.Limits{}, 1)
	nc, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	body := strings.Repeat("x", 3000)
	request := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n" + body
	go func() {
		for range n {
			if _, err := io.WriteString(nc, request); err != nil {
				return
			}
		}
		_ = nc.(*net.TCPConn).CloseWrite()
	}()
	for len(f.requests()) < 500 { // some were served, none was read
		runtime.Gosched()
	}
	got, err := io.ReadAll(nc)
	if err != nil || bytes.Count(got, []byte("HTTP/1.1 200 OK")) != n || len(got) < n*len(body) {
		t.Errorf("%d answers in %d bytes, %v, want %d", bytes.Count(got, []byte("HTTP/1.1 200 OK")), len(got), err, n)
	}
}

// TestLoopShutdown: a request that is at its backend ends well in a drain, and
// is cut at the end of it.
func TestLoopShutdown(t *testing.T) {
	for _, forced := range []bool{false, true} {
		arrived, release := make(chan struct{}), make(chan struct{})
		b := newBackend(t, func(nc net.Conn) {
			_, _ = head(nc)
			close(arrived)
			<-release
			_, _ = io.WriteString(nc, okAnswer)
		})
		c := &caller{addr: b.ln.Addr().String(), method: "GET", wait: time.Minute}
		lim := limits
		lim.Linger = 20 * time.Millisecond // the clients send no more
		s := &wire.Server{Handler: c, Loops: 2, Limits: lim}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(context.Background(), ln) }()
		busy, idle := dialLoop(t, ln), dialLoop(t, ln)
		_, _ = io.WriteString(busy, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		<-arrived
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- s.Shutdown(ctx) }()
		if err := <-served; !errors.Is(err, wire.ErrServerClosed) {
			t.Errorf("Serve = %v", err)
		}
		if _, err := idle.Read(make([]byte, 1)); err == nil {
			t.Error("an idle connection got bytes")
		}
		if forced {
			cancel()
		} else {
			close(release)
		}
		got, err := io.ReadAll(busy)
		if whole := strings.Contains(string(got), "Connection: close") && strings.HasSuffix(string(got), "200 ok"); whole == forced {
			t.Errorf("forced %v: answer = %q, %v", forced, got, err)
		}
		if err := <-ended; (err != nil) != forced {
			t.Errorf("forced %v: Shutdown = %v", forced, err)
		}
		if forced {
			close(release)
		}
	}
}

func dialLoop(t *testing.T, ln net.Listener) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return nc
}

// TestLoopReturns: a connection that a loop has handed over comes back to it
// after a while, which is longer every time.
func TestLoopReturns(t *testing.T) {
	const (
		simple    = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
		notSimple = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
		loop      = "200 ok" // what the exchanges of a caller answer in a loop
		goroutine = "again"
	)
	_, addr := newCaller(t, newBackend(t, serveOK), "", time.Minute)
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	r := bufio.NewReader(nc)
	expect := func(n int, request, want string) {
		t.Helper()
		for i := range n {
			_, _ = io.WriteString(nc, request)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
			got, err := io.ReadAll(resp.Body)
			if err != nil || string(got) != want {
				t.Fatalf("request %d: %q, %v, want %q", i, got, err, want)
			}
		}
	}
	expect(10, simple, loop)
	for _, stays := range []int{512, 1024} {
		expect(1, notSimple, goroutine)
		expect(stays, simple, goroutine)
		expect(10, simple, loop)
	}
}
