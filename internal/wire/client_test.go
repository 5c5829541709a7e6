package wire_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/wire"
)

// backend serves one connection with f and returns a client of it.
func backend(t *testing.T, f func(nc net.Conn, r *bufio.Reader)) *wire.ClientConn {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		f(nc, bufio.NewReader(nc))
	}()
	c := wire.NewClientConn(dial(t, ln.Addr().String()), wire.ClientLimits{})
	t.Cleanup(func() { _ = c.Close(); _ = ln.Close(); <-done })
	return c
}

func soon() time.Time { return time.Now().Add(time.Minute) }

func put(src wire.Source, length int64) *wire.Request {
	return &wire.Request{Method: "PUT", Target: "/", Host: "b", Body: wire.Body{Source: src, Length: length}}
}

// TestClientEarlyAnswer: an answer that comes while the request is still being
// sent is taken, and the connection is not used again.
func TestClientEarlyAnswer(t *testing.T) {
	const refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"
	tests := []struct {
		name  string
		body  func() (wire.Source, int64)
		stays bool
	}{
		{"chunked, stays open", func() (wire.Source, int64) { return endless{}, -1 }, true},
		{"length, stays open", func() (wire.Source, int64) { return endless{}, 1 << 40 }, true},
		{"chunked, closes", func() (wire.Source, int64) { return endless{}, -1 }, false},
		{"length, closes", func() (wire.Source, int64) { return endless{}, 1 << 40 }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			done := make(chan struct{})
			c := backend(t, func(nc net.Conn, r *bufio.Reader) {
				_, _ = http.ReadRequest(r)
				_, _ = io.WriteString(nc, refusal)
				if tt.stays {
					<-done
				}
			})
			defer close(done)
			var resp wire.Response
			err := c.Do(put(tt.body()), &resp, soon())
			// When the backend closes with our bytes unread, its reset may
			// overtake its answer.
			if !tt.stays && errors.Is(err, wire.ErrTorn) {
				return
			}
			if err != nil || resp.Status != 413 || string(resp.Body.Bytes) != "no" {
				t.Errorf("%v, %d %q", err, resp.Status, resp.Body.Bytes)
			}
			if c.Reusable() {
				t.Error("reusable, with half a request sent")
			}
		})
	}
}

// TestClientBody: a request body that fails is not the backend's fault, and
// the backend does not take what it got for whole.
func TestClientBody(t *testing.T) {
	gone := errors.New("gone")
	tests := []struct {
		name   string
		src    *script
		length int64
		want   error
	}{
		{"length, error", &script{pieces: []string{"ab"}, err: gone}, 4, gone},
		{"length, early end", &script{pieces: []string{"ab"}, err: io.EOF}, 4, wire.ErrTorn},
		{"chunked, error", &script{pieces: []string{"ab"}, err: gone}, -1, gone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := make(chan error, 1)
			c := backend(t, func(_ net.Conn, r *bufio.Reader) {
				req, err := http.ReadRequest(r)
				if err == nil {
					_, err = io.ReadAll(req.Body)
				}
				got <- err
			})
			var resp wire.Response
			err := c.Do(put(tt.src, tt.length), &resp, soon())
			var body *wire.BodyError
			if !errors.As(err, &body) || !errors.Is(err, tt.want) {
				t.Errorf("Do = %v, want a BodyError of %v", err, tt.want)
			}
			if err := <-got; err == nil {
				t.Error("the backend read a whole body")
			}
		})
	}
}

// TestClientRequests: what is sent is one well-formed request, whatever the
// body's size and framing, and the connection carries the next one.
func TestClientRequests(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 20000)
	trailed := &script{pieces: []string{"ab"}, err: io.EOF}
	trailed.trailer.Add("X-Sum", "1")
	bodies := []wire.Body{
		{},
		{Bytes: []byte("abc")},
		{Bytes: []byte(big[:8100])},
		{Bytes: []byte(big)},
		{Bytes: []byte("ab"), Source: &script{pieces: []string{"cd", "ef"}, err: io.EOF}, Length: 6},
		{Bytes: []byte("ab"), Source: &script{pieces: []string{"cd", big}, err: io.EOF}, Length: -1},
		{Bytes: []byte(big), Source: &script{pieces: []string{big}, err: io.EOF}, Length: -1},
		{Source: trailed, Length: -1},
		{Source: &script{err: io.EOF}, Length: -1},
	}
	c := backend(t, func(nc net.Conn, r *bufio.Reader) {
		for range bodies {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			b, err := io.ReadAll(req.Body)
			if err != nil {
				return
			}
			resp := http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(bytes.NewReader(b)), ContentLength: int64(len(b)), Header: http.Header{"X-Sum": req.Trailer["X-Sum"]}}
			_ = resp.Write(nc)
		}
	})
	for i, body := range bodies {
		want := string(body.Bytes)
		if s, ok := body.Source.(*script); ok {
			want += strings.Join(s.pieces, "")
		}
		var resp wire.Response
		if err := c.Do(&wire.Request{Method: "PUT", Target: "/", Host: "b", Body: body}, &resp, soon()); err != nil {
			t.Fatalf("body %d: %v", i, err)
		}
		got := append([]byte(nil), resp.Body.Bytes...)
		if resp.Body.Source != nil {
			rest, err := io.ReadAll(resp.Body.Source)
			if err != nil {
				t.Fatalf("body %d: %v", i, err)
			}
			got = append(got, rest...)
			_ = resp.Body.Source.Close()
		}
		if string(got) != want {
			t.Errorf("body %d: %d bytes came back, want %d", i, len(got), len(want))
		}
		if !c.Reusable() {
			t.Fatalf("body %d: not reusable", i)
		}
	}
}

// TestClientDeadline: a deadline that was armed for an earlier request does
// not end a later one early, nor lets it last longer than it may.
func TestClientDeadline(t *testing.T) {
	t.Parallel()                             // it waits
	first := time.Now().Add(4 * time.Second) // enough for a busy backend
	c := backend(t, func(nc net.Conn, r *bufio.Reader) {
		for i := range 3 {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			if i == 1 {
				<-time.After(time.Until(first) + 20*time.Millisecond)
			}
			if i == 2 {
				_, _ = r.ReadByte() // hangs until the client closes
				return
			}
			_, _ = io.WriteString(nc, "HTTP/1.1 204 No Content\r\n\r\n")
		}
	})
	req := &wire.Request{Method: "GET", Target: "/", Host: "b"}
	var resp wire.Response
	if err := c.Do(req, &resp, first); err != nil {
		t.Fatal(err)
	}
	if err := c.Do(req, &resp, soon()); err != nil {
		t.Errorf("with a later deadline: %v", err)
	}
	start := time.Now()
	if err := c.Do(req, &resp, start.Add(30*time.Millisecond)); !errors.Is(err, wire.ErrTimeout) {
		t.Errorf("with an earlier deadline: %v, want ErrTimeout", err)
	}
	if d := time.Since(start); d < 30*time.Millisecond || d > 30*time.Second {
		t.Errorf("it took %v, want 30 ms", d)
	}
}

// TestClientRelease: Release is called once an exchange, and not after an
// error.
func TestClientRelease(t *testing.T) {
	c := backend(t, func(nc net.Conn, r *bufio.Reader) {
		for _, answer := range []string{
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\nok",
		} {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			_, _ = io.WriteString(nc, answer)
		}
		_, _ = r.ReadByte()
	})
	var released []bool
	c.Release = func(c *wire.ClientConn) { released = append(released, c.Reusable()) }
	var resp wire.Response
	for i, want := range []string{"[true]", "[true true]", "[true true false]"} {
		if err := c.Do(&wire.Request{Method: "GET", Target: "/", Host: "b"}, &resp, soon()); err != nil {
			t.Fatal(err)
		}
		if src := resp.Body.Source; src != nil {
			if i == 1 {
				if _, err := io.ReadAll(src); err != nil {
					t.Fatal(err)
				}
			}
			_ = src.Close()
			_ = src.Close() // as a second one does nothing
		}
		if got := sprint(released); got != want {
			t.Errorf("after %d: released %s, want %s", i, got, want)
		}
	}
	if err := c.Do(&wire.Request{Method: "GET", Target: "/", Host: "b"}, &resp, soon()); !errors.Is(err, wire.ErrUnsent) || len(released) != 3 {
		t.Errorf("after the end: %v, released %v", err, released)
	}
}

func sprint(list []bool) string {
	words := make([]string, len(list))
	for i, b := range list {
		words[i] = "false"
		if b {
			words[i] = "true"
		}
	}
	return "[" + strings.Join(words, " ") + "]"
}

// TestProxyTorn: what is cut off at the backend is seen to be cut off by the
// client, and a request that is cut off does not reach the backend as whole.
func TestProxyTorn(t *testing.T) {
	for _, head := range []string{"Content-Length: 400000", "Transfer-Encoding: chunked"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		whole := make(chan error, 1)
		go func() {
			defer ln.Close()
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(nc)
			_, _ = http.ReadRequest(r)
			chunk := ""
			if strings.HasPrefix(head, "T") {
				chunk = "61a80\r\n"
			}
			_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\n"+head+"\r\n\r\n"+chunk+strings.Repeat("a", 300000))
			_ = nc.Close()
			nc, err = ln.Accept()
			if err != nil {
				return
			}
			defer nc.Close()
			req, err := http.ReadRequest(bufio.NewReader(nc))
			if err == nil {
				_, err = io.ReadAll(req.Body)
			}
			whole <- err
		}()
		p := &proxy{backend: ln.Addr().String()}
		addr := serve(t, &wire.Server{Handler: p})
		nc := dial(t, addr)
		_, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: a torn response was relayed as whole", head)
		}
		nc = dial(t, addr)
		chunk := ""
		if strings.HasPrefix(head, "T") {
			chunk = "61a80\r\n"
		}
		_, _ = io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\n"+head+"\r\n\r\n"+chunk+strings.Repeat("a", 300000))
		_ = nc.Close()
		if err := <-whole; err == nil {
			t.Errorf("%s: a torn request was relayed as whole", head)
		}
		p.close()
	}
}

// A gathered conn sends what was written to it in one piece.
type gathered struct {
	net.Conn
	hold bool
	held []byte
}

func (g *gathered) Write(b []byte) (int, error) {
	g.held = append(g.held, b...)
	if g.hold {
		return len(b), nil
	}
	_, err := g.Conn.Write(g.held)
	g.held = nil
	return len(b), err
}

// TestClientTLS: a TLS connection carries requests, and bytes that nobody asked
// for spoil it, also when they came in the packet of the answer before.
func TestClientTLS(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	cert := certificate(t)
	for _, surplus := range []string{"", "together", "later"} {
		t.Run("surplus "+surplus, func(t *testing.T) {
			proceed, sent := make(chan struct{}), make(chan struct{})
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				nc, err := ln.Accept()
				if err != nil {
					return
				}
				g := &gathered{Conn: nc}
				tc := tls.Server(g, &tls.Config{Certificates: []tls.Certificate{cert}})
				defer tc.Close()
				r := bufio.NewReader(tc)
				for i := 0; ; i++ {
					if _, err := http.ReadRequest(r); err != nil {
						return
					}
					g.hold = i == 2 && surplus == "together"
					_, _ = io.WriteString(tc, ok)
					g.hold = false
					if i == 2 && surplus != "" {
						if surplus == "later" {
							<-proceed
						}
						_, _ = io.WriteString(tc, ok)
						close(sent)
					}
				}
			}()
			nc := dial(t, ln.Addr().String())
			c := wire.NewClientConn(tls.Client(nc, &tls.Config{InsecureSkipVerify: true}), wire.ClientLimits{})
			var resp wire.Response
			for i := range 3 {
				if err := c.Do(&wire.Request{Method: "GET", Target: "/", Host: "b"}, &resp, soon()); err != nil || string(resp.Body.Bytes) != "ok" {
					t.Fatalf("request %d: %v, %q", i, err, resp.Body.Bytes)
				}
			}
			close(proceed)
			var want error
			if surplus != "" {
				<-sent
				want = wire.ErrUnsent
			}
			if err := c.Do(&wire.Request{Method: "GET", Target: "/", Host: "b"}, &resp, soon()); !errors.Is(err, want) {
				t.Errorf("next request: %v, want %v", err, want)
			}
			_ = c.Close()
			_ = ln.Close()
			<-done
		})
	}
}
