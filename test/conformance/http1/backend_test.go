package http1

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/wire"
)

// A backendCase is what a backend answers, byte for byte, and what must come
// of it.
type backendCase struct {
	name   string
	method string // default GET
	answer string
	stays  bool // the backend keeps the connection open
	want   string
	reuse  bool // the connection may carry another request
}

// What Do and reading the body may come to: a body, or an error.
const (
	malformed = "malformed"
	torn      = "torn"
	late      = "time-out"
)

var big = strings.Repeat("0123456789abcdef", 1<<12)

var backendCases = []backendCase{
	{"length", "", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true, "200 hello", true},
	{"length zero", "", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true, "200 ", true},
	{"large", "", "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + big, true, "200 " + big, true},
	{"chunked", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", true, "200 hello", true},
	{"chunked, trailer", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n", true, "200 hello X=y", true},
	{"chunked, large", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n" + big + "\r\n0\r\n\r\n", true, "200 " + big, true},
	{"until close", "", "HTTP/1.1 200 OK\r\n\r\nhello", false, "200 hello", false},
	{"close", "", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", true, "200 hello", false},
	{"HTTP/1.0", "", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", true, "200 hello", false},
	{"HTTP/1.0 keep-alive", "", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", true, "200 hello", true},
	{"no reason", "", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", true, "200 hello", true},
	{"204", "", "HTTP/1.1 204 No Content\r\n\r\n", true, "204 ", true},
	{"304 with length", "", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", true, "304 ", true},
	{"HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, "200 ", true},
	{"HEAD, chunked", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, "200 ", true},
	{"interim", "", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true, "200 ok", true},

	{"HEAD with body", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true, malformed, false},
	{"204 with body", "", "HTTP/1.1 204 No Content\r\n\r\nhello", true, malformed, false},
	{"more than promised", "", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world", true, malformed, false},
	{"more than the last chunk", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", true, malformed, false},
	{"garbage", "", "\x00\x01\x02 garbage\r\n\r\n", true, malformed, false},
	{"HTML", "", "<html>hello</html>", true, malformed, false},
	{"HTTP/2", "", "HTTP/2 200 OK\r\n\r\n", true, malformed, false},
	{"status of two digits", "", "HTTP/1.1 20 OK\r\n\r\n", true, malformed, false},
	{"status of four digits", "", "HTTP/1.1 2000 OK\r\n\r\n", true, malformed, false},
	{"status below 100", "", "HTTP/1.1 099 OK\r\n\r\n", true, malformed, false},
	{"bare LF", "", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", true, malformed, false},
	{"folded", "", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 5\r\n\r\nhello", true, malformed, false},
	{"NUL in value", "", "HTTP/1.1 200 OK\r\nX: \x00\r\nContent-Length: 5\r\n\r\nhello", true, malformed, false},
	{"space before colon", "", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", true, malformed, false},
	{"two lengths", "", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", true, malformed, false},
	{"length list", "", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", true, malformed, false},
	{"length and chunked", "", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true, malformed, false},
	{"other coding", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", true, malformed, false},
	{"chunked in HTTP/1.0", "", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true, malformed, false},
	{"bad chunk", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", true, malformed, false},
	{"endless header", "", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 70000), true, malformed, false},
	{"endless fields", "", "HTTP/1.1 200 OK\r\n" + strings.Repeat("a: b\r\n", 10000), true, malformed, false},
	{"endless interim", "", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100), true, malformed, false},
	{"101", "", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", true, malformed, false},

	{"nothing", "", "", false, torn, false},
	{"part of the head", "", "HTTP/1.1 200 OK\r\nContent-Le", false, torn, false},
	{"part of a small body", "", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", false, torn, false},
	{"part of a large body", "", "HTTP/1.1 200 OK\r\nContent-Length: 655360\r\n\r\n" + big, false, "200 torn", false},
	{"part of a chunk", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", false, "200 torn", false},
	{"no last chunk", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", false, "200 torn", false},
	{"bad chunk later", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n" + big + "\r\nxyz\r\n", true, "200 malformed", false},

	{"hangs", "", "", true, late, false},
	{"hangs in the head", "", "HTTP/1.1 200 OK\r\nX: ", true, late, false},
	{"hangs in a small body", "", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", true, late, false},
	{"hangs in a large body", "", "HTTP/1.1 200 OK\r\nContent-Length: 655360\r\n\r\n" + big, true, "200 time-out", false},
	{"hangs in a chunk", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", true, "200 time-out", false},
}

// A backend reads requests and answers each with bytes.
type backend struct {
	ln net.Listener
	wg sync.WaitGroup
}

func newBackend(t testing.TB, serve func(nc net.Conn)) *backend {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{ln: ln}
	b.wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			b.wg.Go(func() {
				defer nc.Close()
				serve(nc)
			})
		}
	})
	t.Cleanup(func() { _ = ln.Close(); b.wg.Wait() })
	return b
}

func (b *backend) dial(t testing.TB) *wire.ClientConn {
	t.Helper()
	nc, err := net.Dial("tcp", b.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := wire.NewClientConn(nc, wire.ClientLimits{})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// head reads up to the end of a request's head.
func head(nc net.Conn) ([]byte, error) {
	var got []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(got, []byte("\r\n\r\n")) {
		n, err := nc.Read(buf)
		if err != nil {
			return got, err
		}
		got = append(got, buf[:n]...)
	}
	return got, nil
}

func TestBackends(t *testing.T) {
	for _, tt := range backendCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := tt.backend(t).dial(t)
			if got := tt.call(c); got != tt.want {
				t.Errorf("got %.200q, want %.200q", got, tt.want)
			}
			if c.Reusable() != tt.reuse {
				t.Errorf("reusable %v, want %v", c.Reusable(), tt.reuse)
			}
			if err := c.Do(newRequest("GET"), &wire.Response{}, time.Now()); !tt.reuse && !errors.Is(err, wire.ErrUnsent) {
				t.Errorf("second request on a spoilt connection: %v, want ErrUnsent", err)
			}
		})
	}
}

// backend answers as the case says.
func (tt *backendCase) backend(t *testing.T) *backend {
	return newBackend(t, func(nc net.Conn) {
		if _, err := head(nc); err != nil {
			return
		}
		if _, err := io.WriteString(nc, tt.answer); err != nil {
			return
		}
		if tt.stays {
			_, _ = nc.Read(make([]byte, 1)) // until the gateway closes
		}
	})
}

func newRequest(method string) *wire.Request {
	return &wire.Request{Method: method, Target: "/", Host: "b"}
}

func (tt *backendCase) call(c *wire.ClientConn) string {
	method := tt.method
	if method == "" {
		method = "GET"
	}
	return outcome(c, newRequest(method), time.Now().Add(tt.wait()))
}

// wait is how long the backend may take.
func (tt *backendCase) wait() time.Duration {
	switch {
	case tt.want == late:
		return 50 * time.Millisecond
	case strings.Contains(tt.want, late):
		return 3 * time.Second // in which the head comes, on a busy machine too
	}
	return time.Minute
}

// outcome words what one exchange came to.
func outcome(c *wire.ClientConn, req *wire.Request, deadline time.Time) string {
	var resp wire.Response
	if err := c.Do(req, &resp, deadline); err != nil {
		return kind(err)
	}
	return answered(&resp)
}

// answered words an answer, whose body it reads.
func answered(resp *wire.Response) string {
	body := string(resp.Body.Bytes)
	if src := resp.Body.Source; src != nil {
		defer src.Close()
		rest, err := io.ReadAll(src)
		if err != nil {
			return status(resp) + kind(err)
		}
		body += string(rest)
		for _, f := range src.Trailer().Fields {
			body += " " + f.Name + "=" + f.Value
		}
	}
	return status(resp) + body
}

func status(resp *wire.Response) string {
	return string([]byte{byte('0' + resp.Status/100), byte('0' + resp.Status/10%10), byte('0' + resp.Status%10), ' '})
}

func kind(err error) string {
	var e *wire.Error
	switch {
	case errors.As(err, &e) && e.Status == 502:
		return malformed
	case errors.Is(err, wire.ErrTorn):
		return torn
	case errors.Is(err, wire.ErrTimeout):
		return late
	case errors.Is(err, wire.ErrStale):
		return "stale"
	case errors.Is(err, wire.ErrUnsent):
		return "unsent"
	}
	return err.Error()
}

// TestBackendIdle: what happens on an idle connection is noticed before the
// next request is sent on it.
func TestBackendIdle(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	tests := []struct {
		name string
		then func(nc net.Conn) // what the backend does after its answer
		want string
	}{
		{"stays", func(nc net.Conn) { _, _ = head(nc); _, _ = io.WriteString(nc, ok) }, "200 ok"},
		{"closes", func(net.Conn) {}, "unsent"},
		{"sends an answer unasked", func(nc net.Conn) { _, _ = io.WriteString(nc, ok); _, _ = head(nc) }, "unsent"},
		{"resets", func(nc net.Conn) { _ = nc.(*net.TCPConn).SetLinger(0) }, "unsent"},
		{"closes on the next request", func(nc net.Conn) { _, _ = head(nc) }, "stale"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			acted := make(chan struct{})
			gone := make(chan struct{})
			b := newBackend(t, func(nc net.Conn) {
				defer close(gone)
				defer nc.Close()
				_, _ = head(nc)
				_, _ = io.WriteString(nc, ok)
				<-acted
				tt.then(nc)
			})
			c := b.dial(t)
			deadline := time.Now().Add(time.Minute)
			if got := outcome(c, newRequest("GET"), deadline); got != "200 ok" {
				t.Fatalf("first answer %q", got)
			}
			close(acted)
			if tt.want == "unsent" {
				awaitEvent(t, c, gone, tt.name)
			}
			if got := outcome(c, newRequest("GET"), deadline); got != tt.want {
				t.Errorf("second answer %q, want %q", got, tt.want)
			}
		})
	}
}

// awaitEvent returns when the kernel has told our side what the backend did.
func awaitEvent(t *testing.T, c *wire.ClientConn, gone chan struct{}, name string) {
	t.Helper()
	if !strings.HasPrefix(name, "sends") {
		<-gone // over loopback the peer's kernel is ours: it knows at once
		return
	}
	for deadline := time.Now().Add(time.Minute); c.Idle(); {
		if time.Now().After(deadline) {
			t.Fatal("the unasked answer never came")
		}
	}
}
