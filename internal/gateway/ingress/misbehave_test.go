package ingress_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/gateway/ingress"
	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/internal/wire"
)

// TestSlowHead1: HTTP/1.1 heads that stop or trickle, and connections that ask
// nothing.
func TestSlowHead1(t *testing.T) {
	tests := []struct {
		name  string
		begin string
		every string // sent every three seconds after that
		most  time.Duration
	}{
		{"nothing", "", "", 311 * time.Second},
		{"half a request line", "GET / HT", "", 11 * time.Second},
		{"half a head", "GET / HTTP/1.1\r\nHost: a\r\n", "", 11 * time.Second},
		{"a head that trickles", "GET / HTTP/1.1\r\nHost: a\r\n", "A: b\r\n", 13 * time.Second},
		{"a line that trickles", "GET / HTTP/1.1\r\nHost: a\r\nA: ", "b", 13 * time.Second},
		{"half a head after a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /", "", 11 * time.Second},
		{"nothing after a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", 311 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			engines(t, func(t *testing.T, e ingress.Engine) {
				synctest.Test(t, func(t *testing.T) {
					ln, stop := serve(t, &fake{serve: hello}, ingress.Options{HTTP1: e})
					defer stop()
					c := ln.dial(t)
					begun := time.Now()
					var wg sync.WaitGroup
					wg.Go(func() {
						_, _ = io.WriteString(c, tt.begin)
						for i := 0; tt.every != "" && i < 100; i++ {
							time.Sleep(3 * time.Second)
							if _, err := io.WriteString(c, tt.every); err != nil {
								return
							}
						}
					})
					_, _ = io.Copy(io.Discard, c)
					if d := time.Since(begun); d > tt.most {
						t.Errorf("connection kept for %v, want at most %v", d, tt.most)
					}
					_ = c.Close()
					wg.Wait()
				})
			})
		})
	}
}

// TestNotReading1: a client that takes nothing of its response loses it.
func TestNotReading1(t *testing.T) {
	for _, length := range []int64{-1, 1 << 40} {
		engines(t, func(t *testing.T, e ingress.Engine) {
			synctest.Test(t, func(t *testing.T) {
				src := endless{closed: make(chan struct{})}
				f := &fake{serve: func(context.Context, *wire.Request) *wire.Response {
					return &wire.Response{Status: 200, Body: wire.Body{Source: src, Length: length}}
				}}
				ln, stop := serve(t, f, ingress.Options{HTTP1: e})
				c := ln.dial(t)
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				begun := time.Now()
				<-src.closed
				if d := time.Since(begun); d > 61*time.Second {
					t.Errorf("backend held for %v, want at most 60 s", d)
				}
				stop()
				if sent := f.finished(); len(sent) != 1 || sent[0].Err == nil {
					t.Errorf("finished with %+v, want an error", sent)
				}
			})
		})
	}
}

// dialRaw connects to a site; over TLS if it speaks that.
func (s *site) dialRaw(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func h1Modes(t *testing.T, f func(t *testing.T, m mode)) {
	engines(t, func(t *testing.T, e ingress.Engine) { f(t, mode{engine: e}) })
}

// TestHalfClose: a client that says it is done sending still gets its answer.
func TestHalfClose(t *testing.T) {
	h1Modes(t, func(t *testing.T, m mode) {
		s := start(t, m, &fake{serve: echo}, ingress.Limits{})
		c := s.dialRaw(t).(*net.TCPConn)
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
		_ = c.CloseWrite()
		got, err := io.ReadAll(c)
		if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 200 ") || !strings.HasSuffix(string(got), "body") {
			t.Errorf("answer = %q, %v", got, err)
		}
	})
}

// TestResetMidway: a client that resets its connection in the middle of a
// response frees the backend.
func TestResetMidway(t *testing.T) {
	h1Modes(t, func(t *testing.T, m mode) {
		src := endless{closed: make(chan struct{})}
		f := &fake{serve: func(context.Context, *wire.Request) *wire.Response {
			return &wire.Response{Status: 200, Body: wire.Body{Source: src, Length: -1}}
		}}
		s := start(t, m, f, ingress.Limits{})
		c := s.dialRaw(t).(*net.TCPConn)
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if _, err := io.CopyN(io.Discard, c, 100_000); err != nil {
			t.Fatal(err)
		}
		_ = c.SetLinger(0)
		_ = c.Close()
		<-src.closed
	})
}

// TestLeavesMidway: a request whose body breaks off is not served.
func TestLeavesMidway(t *testing.T) {
	bodies := []string{
		"Content-Length: 1000\r\n\r\nhalf",
		"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
	}
	h1Modes(t, func(t *testing.T, m mode) {
		for _, body := range bodies {
			f := &fake{serve: func(context.Context, *wire.Request) *wire.Response {
				t.Error("served")
				return text("")
			}}
			s := start(t, m, f, ingress.Limits{})
			c := s.dialRaw(t)
			_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\n"+body)
			_ = c.(*net.TCPConn).CloseWrite()
			got, _ := io.ReadAll(c)
			if len(got) > 0 && !strings.HasPrefix(string(got), "HTTP/1.1 400 ") {
				t.Errorf("answer = %q, want 400 or none", got)
			}
			s.stop()
			s.stop = func() {}
			if sent := f.finished(); len(sent) != 1 {
				t.Errorf("finished %d times, want once", len(sent))
			}
		}
	})
}

// TestForeignProtocols: what is not HTTP ends the connection, with a 4xx at
// most.
func TestForeignProtocols(t *testing.T) {
	h1Modes(t, func(t *testing.T, m mode) {
		s := start(t, m, &fake{serve: hello}, ingress.Limits{})
		for _, greeting := range []string{
			"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
			"SSH-2.0-OpenSSH_9.2\r\n",
			"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
			"PRI * HTTP/1.1\r\nHost: a\r\n\r\n\x00\x00",
			"PRINT / HTTP/1.0\r\n\r\n",
			"\r\n\r\n\r\n\r\n",
		} {
			c := s.dialRaw(t)
			_, _ = io.WriteString(c, greeting)
			_ = c.(*net.TCPConn).CloseWrite()
			got, _ := io.ReadAll(c)
			if strings.HasPrefix(string(got), "HTTP/1.1 5") && !strings.HasPrefix(string(got), "HTTP/1.1 505 ") {
				t.Errorf("%q: answer %q", greeting, got)
			}
		}
	})
}

// TestHandshake: a TLS handshake that is not begun or never ends is cut.
func TestHandshake(t *testing.T) {
	for _, greeting := range []string{"", "\x16\x03\x01\x02\x00\x01\x00\x01", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"} {
		engines(t, func(t *testing.T, e ingress.Engine) {
			synctest.Test(t, func(t *testing.T) {
				a := upstreamtest.NewAuthority(t, "authority")
				ln := newPipeListener()
				stop := run(t, &fake{serve: hello}, ingress.Options{
					HTTP1: e,
					TLS:   &tls.Config{Certificates: []tls.Certificate{*a.Issue(t, upstreamtest.Leaf{Host: "gateway.test"})}},
				}, nil, listeners(ln))
				defer stop()
				c := ln.dial(t)
				begun := time.Now()
				var wg sync.WaitGroup
				wg.Go(func() { _, _ = io.WriteString(c, greeting) })
				_, _ = io.Copy(io.Discard, c)
				if d := time.Since(begun); d > 11*time.Second {
					t.Errorf("%q: connection kept for %v, want at most 10 s", greeting, d)
				}
				_ = c.Close()
				wg.Wait()
			})
		})
	}
}

// TestManyConnections: beyond the limit connections wait, and are served when
// there is room. wire makes room by closing idle connections, which those that
// have just been accepted are too.
func TestManyConnections(t *testing.T) {
	engines(t, func(t *testing.T, e ingress.Engine) {
		release := make(chan struct{})
		arrived := make(chan struct{}, 10)
		f := &fake{serve: func(context.Context, *wire.Request) *wire.Response {
			arrived <- struct{}{}
			<-release
			resp := text("ok")
			resp.Close = true
			return resp
		}}
		s := start(t, mode{engine: e}, f, ingress.Limits{Limits: wire.Limits{Conns: 2}})
		var wg sync.WaitGroup
		for range 6 {
			c := s.dialRaw(t)
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			wg.Go(func() {
				got, err := io.ReadAll(c)
				_ = c.Close()
				if e != ingress.EngineStd && len(got) == 0 {
					return
				}
				if err != nil || !strings.HasSuffix(string(got), "ok") {
					t.Errorf("answer = %q, %v", got, err)
				}
			})
		}
		<-arrived
		<-arrived
		select {
		case <-arrived:
			t.Error("a third request is served beside two")
		default:
		}
		close(release)
		wg.Wait()
	})
}
