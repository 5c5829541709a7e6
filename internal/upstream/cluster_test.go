package upstream_test

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func cluster(t *testing.T, addr netip.AddrPort, opt upstream.Options) *upstream.Cluster {
	t.Helper()
	r := upstream.NewRegistry(opt)
	t.Cleanup(r.Close)
	c, err := r.Cluster(upstream.Key{Scheme: "http", Host: addr.Addr().String(), Port: addr.Port()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func request(method, path, body string) *wire.Request {
	return &wire.Request{
		Method: method, Target: path, Path: path, Host: "backend.test",
		Body: wire.Body{Bytes: []byte(body), Length: int64(len(body))},
	}
}

// soon is a deadline that only a failing test reaches.
func soon() time.Time { return time.Now().Add(time.Minute) }

// call sends a request and reads the whole answer.
func call(c *upstream.Cluster, req *wire.Request, deadline time.Time) (string, error) {
	var resp wire.Response
	if err := c.Do(context.Background(), req, &resp, deadline); err != nil {
		return "", err
	}
	return body(&resp)
}

func body(resp *wire.Response) (string, error) {
	b := string(resp.Body.Bytes)
	src := resp.Body.Source
	if src == nil {
		return b, nil
	}
	rest, err := io.ReadAll(src)
	_ = src.Close()
	return b + string(rest), err
}

func TestFaults(t *testing.T) {
	for _, f := range upstreamtest.Faults {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel() // the slow ones wait
			b := upstreamtest.New(t, f.Script)
			c := cluster(t, b.Addr(), upstream.Options{})
			deadline := soon()
			if f.Slow {
				deadline = time.Now().Add(time.Second)
			}
			var resp wire.Response
			err := c.Do(context.Background(), request("GET", "/", ""), &resp, deadline)
			if f.Body && err == nil {
				_, err = body(&resp)
			} else if !f.Body && err == nil {
				t.Error("the head was taken for sound")
			}
			if !errors.Is(kind(err), f.Want) {
				t.Errorf("error = %v, want %v", err, f.Want)
			}
			if st := c.Stats(); st.Open != 0 || st.Idle != 0 {
				t.Errorf("afterwards %+v, want no connection", st)
			}
			// A busy backend may not have seen one by the deadline.
			if n := b.Accepted(); n > 1 || n == 0 && !f.Slow {
				t.Errorf("backend saw %d connections, want 1", n)
			}
		})
	}
}

// kind gives errors of body reads, which are wire's, the kind that Do's have.
func kind(err error) error { return upstream.Classify(err) }

func TestRefused(t *testing.T) {
	c := cluster(t, upstreamtest.Refusing(t), upstream.Options{})
	if _, err := call(c, request("GET", "/", ""), soon()); !errors.Is(err, upstream.ErrConnect) {
		t.Errorf("error = %v, want %v", err, upstream.ErrConnect)
	}
	if st := c.Stats(); st.Open != 0 {
		t.Errorf("afterwards %+v, want no connection", st)
	}
}

func TestKeepAlive(t *testing.T) {
	b := upstreamtest.New(t, upstreamtest.Echo)
	c := cluster(t, b.Addr(), upstream.Options{})
	for _, body := range []string{"", "x", strings.Repeat("y", 200_000)} {
		got, err := call(c, request("POST", "/a?b=c", body), soon())
		if want := "POST /a?b=c " + body; err != nil || got != want {
			t.Fatalf("answer = %.40q, %v; want %.40q", got, err, want)
		}
	}
	if n := b.Accepted(); n != 1 {
		t.Errorf("backend saw %d connections, want 1", n)
	}
}

// TestUnreadBody checks that an answer given up is not finished by the next
// request's.
func TestUnreadBody(t *testing.T) {
	b := upstreamtest.New(t, upstreamtest.Echo)
	c := cluster(t, b.Addr(), upstream.Options{})
	var resp wire.Response
	if err := c.Do(context.Background(), request("POST", "/first", strings.Repeat("y", 200_000)), &resp, soon()); err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Source.Close()
	if got, err := call(c, request("GET", "/second", ""), soon()); err != nil || got != "GET /second " {
		t.Errorf("second answer = %.40q, %v", got, err)
	}
	if n := b.Accepted(); n != 2 {
		t.Errorf("backend saw %d connections, want 2", n)
	}
}

// TestDeadConnection: a kept connection that the backend has closed.
func TestDeadConnection(t *testing.T) {
	tests := []struct {
		name   string
		method string
		script upstreamtest.Script
		want   error
		conns  int
	}{
		{
			// Seen as closed before anything is sent: safe for any method.
			"closed while idle", "POST",
			func(c *upstreamtest.Conn) { c.Request(); upstreamtest.Answer(c, "ok") },
			nil, 2,
		},
		{
			"closed on the second request, idempotent", "PUT",
			closesOnSecond, nil, 2,
		},
		{
			"closed on the second request, not idempotent", "POST",
			closesOnSecond, upstream.ErrBroken, 1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			closed := make(chan struct{}, 10)
			b := upstreamtest.New(t, func(c *upstreamtest.Conn) {
				tt.script(c)
				c.Close()
				closed <- struct{}{}
			})
			c := cluster(t, b.Addr(), upstream.Options{})
			if _, err := call(c, request("GET", "/", ""), soon()); err != nil {
				t.Fatal(err)
			}
			if tt.name == "closed while idle" {
				<-closed
			}
			_, err := call(c, request(tt.method, "/", "body"), soon())
			if !errors.Is(err, tt.want) {
				t.Errorf("second request: %v, want %v", err, tt.want)
			}
			if n := b.Accepted(); n != tt.conns {
				t.Errorf("backend saw %d connections, want %d", n, tt.conns)
			}
		})
	}
}

// closesOnSecond answers the first request of the first connection, reads the
// second and closes; further connections answer one.
func closesOnSecond(c *upstreamtest.Conn) {
	c.Request()
	upstreamtest.Answer(c, "ok")
	if c.Number == 1 {
		c.Request()
	}
}

// TestNoSecondRetry: a backend that closes every time sees two attempts.
func TestNoSecondRetry(t *testing.T) {
	b := upstreamtest.New(t, func(c *upstreamtest.Conn) {
		c.Request()
		if c.Number == 1 {
			upstreamtest.Answer(c, "ok")
			c.Request()
		}
	})
	c := cluster(t, b.Addr(), upstream.Options{})
	_, _ = call(c, request("GET", "/", ""), soon())
	if _, err := call(c, request("GET", "/", ""), soon()); !errors.Is(err, upstream.ErrBroken) {
		t.Errorf("error = %v, want %v", err, upstream.ErrBroken)
	}
	if n := b.Accepted(); n != 2 {
		t.Errorf("backend saw %d connections, want 2", n)
	}
}

func TestLimits(t *testing.T) {
	release := make(chan struct{})
	b := upstreamtest.New(t, func(c *upstreamtest.Conn) {
		for c.Request() != nil {
			<-release
			if !upstreamtest.Answer(c, "ok") {
				return
			}
		}
	})
	c := cluster(t, b.Addr(), upstream.Options{MaxConnections: 2, MaxWaiting: 3})
	var wg sync.WaitGroup
	errs := make(chan error, 10)
	for range 5 {
		wg.Go(func() {
			_, err := call(c, request("GET", "/", ""), soon())
			errs <- err
		})
	}
	for st := c.Stats(); st.Open != 2 || st.Waiting != 3; st = c.Stats() {
		runtime.Gosched() // the five find their places
	}
	if _, err := call(c, request("GET", "/", ""), soon()); !errors.Is(err, upstream.ErrOverload) {
		t.Errorf("sixth request: %v, want %v", err, upstream.ErrOverload)
	}
	close(release)
	wg.Wait()
	for range 5 {
		if err := <-errs; err != nil {
			t.Errorf("a request that waited: %v", err)
		}
	}
	if n := b.Accepted(); n != 2 {
		t.Errorf("backend saw %d connections, want 2", n)
	}
}

// TestWaitTimeout: a request that gets no connection in time says so.
func TestWaitTimeout(t *testing.T) {
	came := make(chan bool)
	b := upstreamtest.New(t, func(c *upstreamtest.Conn) { c.Request(); came <- true; c.Hang() })
	c := cluster(t, b.Addr(), upstream.Options{MaxConnections: 1})
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = call(c, request("GET", "/", ""), soon()) })
	<-came // the first has its place
	_, err := call(c, request("GET", "/", ""), time.Now().Add(20*time.Millisecond))
	if !errors.Is(err, upstream.ErrOverload) || !errors.Is(err, upstream.ErrTimeout) {
		t.Errorf("error = %v, want %v because of %v", err, upstream.ErrOverload, upstream.ErrTimeout)
	}
	b.CloseConns()
	wg.Wait()
	if st := c.Stats(); st != (upstream.Stats{Failures: 2}) {
		t.Errorf("afterwards %+v, want nothing but two failures", st)
	}
}

// TestAnswersStayApart sends many requests at once over few connections, some
// given up in the middle, and checks that each gets its own answer.
func TestAnswersStayApart(t *testing.T) {
	b := upstreamtest.New(t, upstreamtest.Echo)
	c := cluster(t, b.Addr(), upstream.Options{MaxConnections: 4, MaxIdle: 2})
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			payload := strings.Repeat(string(rune('a'+worker)), 1+worker*4000)
			for i := range 50 {
				path := "/" + string(rune('a'+worker))
				var resp wire.Response
				if err := c.Do(context.Background(), request("POST", path, payload), &resp, soon()); err != nil {
					t.Errorf("worker %d: %v", worker, err)
					return
				}
				if i%7 == 0 && resp.Body.Source != nil {
					_ = resp.Body.Source.Close()
					continue
				}
				if got, err := body(&resp); err != nil || got != "POST "+path+" "+payload {
					t.Errorf("worker %d: answer %.30q, %v", worker, got, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if st := c.Stats(); st.Open > 2 || st.Open != st.Idle || st.Waiting != 0 {
		t.Errorf("afterwards %+v, want at most 2 idle", st)
	}
}
