package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/wire"
)

// A recorder is an answer that keeps what Finish was told.
type recorder struct {
	serve answer
	sent  chan wire.Sent
}

type recorded struct {
	exchange
	r *recorder
}

func newRecorder(f answer) *recorder { return &recorder{serve: f, sent: make(chan wire.Sent, 100)} }

func (r *recorder) Acquire(*wire.Peer) wire.Exchange {
	return &recorded{exchange: exchange{serve: r.serve}, r: r}
}

func (x *recorded) Finish(sent wire.Sent) { x.r.sent <- sent }

// A script is a Source that gives pieces and then ends with err.
type script struct {
	pieces  []string
	err     error
	wait    <-chan struct{} // before the second piece
	trailer wire.Header
	closed  int
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, s.err
	}
	n := copy(p, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; s.pieces[0] == "" {
		s.pieces = s.pieces[1:]
		if s.wait != nil {
			<-s.wait
		}
	}
	return n, nil
}

func (s *script) Trailer() *wire.Header { return &s.trailer }
func (s *script) Close() error          { s.closed++; return nil }

func stream(src wire.Source, length int64) answer {
	return func(_ *wire.Request, resp *wire.Response) {
		resp.Status = 200
		resp.Body = wire.Body{Source: src, Length: length}
	}
}

// exchangeRaw sends raw and returns what comes back until the server closes.
func exchangeRaw(t *testing.T, addr, raw string) (string, error) {
	t.Helper()
	nc := dial(t, addr)
	if _, err := io.WriteString(nc, raw); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(nc)
	return string(b), err
}

var dateLine = regexp.MustCompile(`Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n`)

func TestResponses(t *testing.T) {
	const last = "Connection: close\r\n\r\n"
	tests := []struct {
		name, request string
		answer        answer
		want          string // the Date line taken out
	}{
		{"order of fields", "GET / HTTP/1.1\r\nHost: a\r\n" + last, func(_ *wire.Request, r *wire.Response) {
			r.Status = 200
			r.Header.Add("x-amzn-RequestId", "1")
			r.Header.Add("content-type", "text/plain")
			r.Header.Add("Content-Length", "77")
			r.Header.Add("Transfer-Encoding", "chunked")
			r.Header.Add("Connection", "upgrade")
			r.Header.Add("Date", "never")
			r.Body.Bytes = []byte("ab")
		}, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\nx-amzn-RequestId: 1\r\n\r\nab"},
		{"unknown status", "GET / HTTP/1.1\r\nHost: a\r\n" + last, func(_ *wire.Request, r *wire.Response) { r.Status = 799 },
			"HTTP/1.1 799 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
		{"204", "GET / HTTP/1.1\r\nHost: a\r\n" + last, func(_ *wire.Request, r *wire.Response) { r.Status, r.Body.Bytes = 204, []byte("ab") },
			"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"},
		{"304", "GET / HTTP/1.1\r\nHost: a\r\n" + last, func(_ *wire.Request, r *wire.Response) { r.Status, r.Body.Length = 304, 5 },
			"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"},
		{"HEAD, bytes", "HEAD / HTTP/1.1\r\nHost: a\r\n" + last, func(_ *wire.Request, r *wire.Response) { r.Status, r.Body.Bytes = 200, []byte("ab") },
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"},
		{"HEAD, length only", "HEAD / HTTP/1.1\r\nHost: a\r\n" + last, func(_ *wire.Request, r *wire.Response) { r.Status, r.Body.Length = 200, 5 },
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"},
		{"HEAD, unknown length", "HEAD / HTTP/1.1\r\nHost: a\r\n" + last, func(_ *wire.Request, r *wire.Response) { r.Status, r.Body.Length = 200, -1 },
			"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"},
		{"chunked", "GET / HTTP/1.1\r\nHost: a\r\n" + last, func(_ *wire.Request, r *wire.Response) {
			src := &script{pieces: []string{"cd", strings.Repeat("e", 300)}, err: io.EOF}
			src.trailer.Add("X-Sum", "1")
			r.Status, r.Body = 200, wire.Body{Bytes: []byte("ab"), Source: src, Length: -1}
		}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nab\r\n2\r\ncd\r\n12c\r\n" + strings.Repeat("e", 300) + "\r\n0\r\nX-Sum: 1\r\n\r\n"},
		{"unknown length, HTTP/1.0", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", stream(&script{pieces: []string{"ab", "cd"}, err: io.EOF}, -1),
			"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcd"},
		{"length", "GET / HTTP/1.1\r\nHost: a\r\n" + last, stream(&script{pieces: []string{"ab", "cd"}, err: io.EOF}, 4),
			"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nabcd"},
		{"value with line break", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", func(_ *wire.Request, r *wire.Response) { r.Status = 200; r.Header.Add("X", "a\r\nSet-Cookie: b") },
			"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 26\r\nConnection: close\r\n\r\nmessage cannot be written\n"},
		{"name with colon", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", func(_ *wire.Request, r *wire.Response) { r.Status = 200; r.Header.Add("X: a", "b") },
			"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 26\r\nConnection: close\r\n\r\nmessage cannot be written\n"},
		{"no status", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", func(*wire.Request, *wire.Response) {},
			"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 26\r\nConnection: close\r\n\r\nmessage cannot be written\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr := serve(t, &wire.Server{Handler: tt.answer})
			got, err := exchangeRaw(t, addr, tt.request)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(dateLine.FindAllString(got, -1)); n != 1 {
				t.Errorf("%d Date lines in %q", n, got)
			}
			if got = dateLine.ReplaceAllString(got, ""); got != tt.want {
				t.Errorf("got\n%q\nwant\n%q", got, tt.want)
			}
		})
	}
}

// TestTorn: a response that fails midway must not look whole.
func TestTorn(t *testing.T) {
	tests := []struct {
		name   string
		src    *script
		length int64
	}{
		{"length, error", &script{pieces: []string{"ab"}, err: errors.New("gone")}, 4},
		{"length, early end", &script{pieces: []string{"ab"}, err: io.EOF}, 4},
		{"length, more than promised", &script{pieces: []string{"ab", "cdef"}, err: io.EOF}, 4},
		{"chunked, error", &script{pieces: []string{"ab"}, err: errors.New("gone")}, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := newRecorder(stream(tt.src, tt.length))
			addr := serve(t, &wire.Server{Handler: rec})
			nc := dial(t, addr)
			_, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
			if err == nil {
				var body []byte
				body, err = io.ReadAll(resp.Body)
				if err == nil {
					t.Errorf("read as whole: %q", body)
				}
				_ = resp.Body.Close()
			}
			if sent := <-rec.sent; sent.Err == nil {
				t.Error("Finish was told that all went well")
			}
			if tt.src.closed != 1 {
				t.Errorf("source closed %d times, want 1", tt.src.closed)
			}
		})
	}
	t.Run("HTTP/1.0", func(t *testing.T) {
		addr := serve(t, &wire.Server{Handler: stream(&script{pieces: []string{"ab"}, err: errors.New("gone")}, -1)})
		if got, err := exchangeRaw(t, addr, "GET / HTTP/1.0\r\n\r\n"); err == nil {
			t.Errorf("connection ended cleanly after %q", got)
		}
	})
}

// TestBuffered: the handler sees a small body only when all of it is there, and
// a large one at once.
func TestBuffered(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		type seen struct {
			bytes    string
			streamed bool
		}
		served := make(chan seen, 1)
		addr := serve(t, &wire.Server{Limits: wire.Limits{BufferedBody: 10}, Handler: answer(func(req *wire.Request, resp *wire.Response) {
			served <- seen{string(req.Body.Bytes), req.Body.Source != nil}
			echo(req, resp)
		})})
		frame, half, rest, want := "Content-Length: 10", "01234", "56789", "0123456789"
		if chunked {
			frame, half, rest = "Transfer-Encoding: chunked", "5\r\n01234\r\n5", "\r\n56789\r\n0\r\n\r\n"
		}
		nc := dial(t, addr)
		_, _ = io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\n"+frame+"\r\n\r\n"+half)
		select {
		case b := <-served:
			t.Fatalf("served with %q only", b.bytes)
		case <-time.After(20 * time.Millisecond): // nothing to wait for: it must not happen
		}
		_, _ = io.WriteString(nc, rest)
		if b := <-served; b.bytes != want || !chunked && b.streamed {
			t.Errorf("chunked %v: served with %q, streamed %v", chunked, b.bytes, b.streamed)
		}

		nc = dial(t, addr)
		frame, half = "Content-Length: 11", "01234"
		if chunked {
			frame, half = "Transfer-Encoding: chunked", "a\r\n0123456789\r\n1"
		}
		_, _ = io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\n"+frame+"\r\n\r\n"+half)
		if b := <-served; !b.streamed {
			t.Errorf("chunked %v: large body served without source: %q", chunked, b.bytes)
		}
		_ = nc.Close()
	}
}

// TestContinue: 100 (Continue) is sent when the body is first read, and not
// before.
func TestContinue(t *testing.T) {
	read := make(chan struct{})
	addr := serve(t, &wire.Server{Limits: wire.Limits{BufferedBody: 4}, Handler: answer(func(req *wire.Request, resp *wire.Response) {
		<-read
		echo(req, resp)
	})})
	nc := dial(t, addr)
	_, _ = io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
	_ = nc.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, err := nc.Read(make([]byte, 1)); err == nil {
		t.Fatalf("%d bytes before the body was wanted", n)
	}
	_ = nc.SetReadDeadline(time.Time{})
	close(read)
	r := bufio.NewReader(nc)
	line, err := r.ReadString('\n')
	if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	_, _ = r.ReadString('\n')
	_, _ = io.WriteString(nc, "0123456789")
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != 200 || resp.Close {
		t.Fatalf("%v, %v", resp, err)
	}
}

// TestBodyLimit: a chunked body is counted as it comes.
func TestBodyLimit(t *testing.T) {
	got := make(chan error, 1)
	addr := serve(t, &wire.Server{Limits: wire.Limits{BufferedBody: 4, Body: 100}, Handler: answer(func(req *wire.Request, resp *wire.Response) {
		_, err := io.Copy(io.Discard, req.Body.Source)
		got <- err
		resp.Status = 413
	})})
	answer, _ := exchangeRaw(t, addr, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n"+strings.Repeat("a", 100)+"\r\n1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
	var e *wire.Error
	if err := <-got; !errors.As(err, &e) || e.Status != 413 {
		t.Errorf("reading the body: %v, want 413", err)
	}
	if strings.Count(answer, "HTTP/1.1") != 1 || !strings.HasPrefix(answer, "HTTP/1.1 413") {
		t.Errorf("answered %q", answer)
	}
}

// TestSlowReader: a client that does not read its response is cut, whether it
// was its first or a later one.
func TestSlowReader(t *testing.T) {
	for _, length := range []int64{-1, 1 << 40} {
		rec := newRecorder(func(req *wire.Request, resp *wire.Response) {
			resp.Status = 200
			if req.Path == "/endless" {
				resp.Body = wire.Body{Source: endless{}, Length: length}
			}
		})
		addr := serve(t, &wire.Server{Handler: rec, Limits: wire.Limits{WriteIdle: 200 * time.Millisecond}})
		for before := range 3 {
			nc := dial(t, addr)
			r := bufio.NewReader(nc)
			for range before {
				_, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				if _, err := http.ReadResponse(r, nil); err != nil {
					t.Fatal(err)
				}
				<-rec.sent
			}
			_, _ = io.WriteString(nc, "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
			if sent := <-rec.sent; !errors.Is(sent.Err, wire.ErrTimeout) {
				t.Errorf("sent %d bytes, %v, want ErrTimeout", sent.Body, sent.Err)
			}
			// What the kernel still held for the client is gone: it sees a reset.
			if n, err := io.Copy(io.Discard, r); err == nil {
				t.Errorf("connection ended cleanly after %d bytes", n)
			}
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
func (endless) Trailer() *wire.Header      { return nil }
func (endless) Close() error               { return nil }

// TestShutdown: idle connections end at once, busy ones after their response,
// which says so, and the rest when the context ends.
func TestShutdown(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	s := &wire.Server{Handler: answer(func(req *wire.Request, resp *wire.Response) {
		resp.Status = 200
		if req.Path == "/wait" {
			started <- struct{}{}
			<-release
		}
	})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background(), ln) }()
	fresh, idle, busy := dial(t, ln.Addr().String()), dial(t, ln.Addr().String()), dial(t, ln.Addr().String())
	idleReader := bufio.NewReader(idle)
	for range 3 { // the last ones take the quick way
		_, _ = io.WriteString(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if resp, err := http.ReadResponse(idleReader, nil); err != nil || resp.Close {
			t.Fatal(resp, err)
		}
	}
	_, _ = io.WriteString(busy, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
	<-started
	down := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { down <- s.Shutdown(ctx) }()
	if err := <-done; !errors.Is(err, wire.ErrServerClosed) {
		t.Errorf("Serve = %v", err)
	}
	for _, nc := range []net.Conn{fresh, idle} {
		if n, err := nc.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("idle connection: %d, %v, want EOF", n, err)
		}
	}
	select {
	case err := <-down:
		t.Fatalf("Shutdown = %v while a request is served", err)
	default:
	}
	close(release)
	resp, err := http.ReadResponse(bufio.NewReader(busy), nil)
	if err != nil || !resp.Close {
		t.Errorf("busy connection: %v, %v, want Connection: close", resp, err)
	}
	_ = busy.Close()
	if err := <-down; err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	cancel()
}

// TestRetire: nothing more is accepted, and what is asked on the connections that
// are there is answered for the last time. Nobody waits for longer than it has to.
func TestRetire(t *testing.T) {
	s := &wire.Server{Handler: answer(echo)}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background(), ln) }()
	fresh, idle := dial(t, ln.Addr().String()), dial(t, ln.Addr().String())
	ask := func(nc net.Conn) bool {
		t.Helper()
		_, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		r := bufio.NewReader(nc)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		return resp.Close
	}
	if ask(idle) {
		t.Error("the connection is closed before anybody retires")
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	s.Retire(over) // does not wait
	if err := <-done; !errors.Is(err, wire.ErrServerClosed) {
		t.Errorf("Serve = %v", err)
	}
	if n := s.Conns(); n != 2 {
		t.Errorf("%d connections, want the 2 that were there", n)
	}
	retired := make(chan struct{})
	go func() { defer close(retired); s.Retire(context.Background()) }()
	for name, nc := range map[string]net.Conn{"fresh": fresh, "idle": idle} {
		if !ask(nc) {
			t.Errorf("%s: the connection stays", name)
		}
		_ = nc.Close()
	}
	<-retired
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	late, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(context.Background(), late); !errors.Is(err, wire.ErrServerClosed) {
		t.Errorf("Serve afterwards = %v", err)
	}
}

func TestShutdownForced(t *testing.T) {
	started := make(chan struct{})
	rec := newRecorder(func(_ *wire.Request, resp *wire.Response) {
		resp.Status = 200
		resp.Body = wire.Body{Source: endless{}, Length: -1}
		close(started)
	})
	s := &wire.Server{Handler: rec}
	nc := dial(t, serve(t, s))
	_, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-started
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown = %v, want context.Canceled", err)
	}
	if sent := <-rec.sent; sent.Err == nil {
		t.Error("endless response ended well")
	}
	if s.Conns() != 0 {
		t.Errorf("%d connections left", s.Conns())
	}
}

// TestConns: when there is no room, an idle connection makes way.
func TestConns(t *testing.T) {
	addr := serve(t, &wire.Server{Handler: answer(echo), Limits: wire.Limits{Conns: 1}})
	first := dial(t, addr)
	_, _ = io.WriteString(first, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	r := bufio.NewReader(first)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	second := dial(t, addr)
	_, _ = io.WriteString(second, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("first connection: %v, want EOF", err)
	}
	if _, err := http.ReadResponse(bufio.NewReader(second), nil); err != nil {
		t.Errorf("second connection: %v", err)
	}
}

// TestIdle: connections that wait too long are closed, also when their client
// has closed its side together with its last request.
func TestIdle(t *testing.T) {
	addr := serve(t, &wire.Server{Handler: answer(echo), Limits: wire.Limits{Idle: 250 * time.Millisecond}}) // the client has as long to begin
	for _, requests := range []int{0, 1, 3} {
		got, err := exchangeRaw(t, addr, strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", requests))
		if err != nil || strings.Count(got, "HTTP/1.1 200") != requests {
			t.Errorf("%d requests: %q, %v", requests, got, err)
		}
	}
	addr = serve(t, &wire.Server{Handler: answer(echo)})
	nc := dial(t, addr)
	r := bufio.NewReader(nc)
	for i := range 3 {
		_, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if i == 2 {
			_ = nc.(*net.TCPConn).CloseWrite()
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
	}
	_ = nc.SetReadDeadline(soon())
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after half close: %v, want EOF", err)
	}
}

// serveTLS is serve over TLS.
func serveTLS(t *testing.T, s *wire.Server) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	tln := tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{certificate(t)}, NextProtos: []string{"http/1.1"}})
	go func() { done <- s.Serve(context.Background(), tln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx) // cuts what is left
		<-done
	})
	return ln.Addr().String()
}

// TestTLSHandshake: a client that says nothing keeps its connection no longer than a
// handshake may take.
func TestTLSHandshake(t *testing.T) {
	addr := serveTLS(t, &wire.Server{Limits: wire.Limits{Handshake: 50 * time.Millisecond}, Handler: answer(echo)})
	silent := dial(t, addr)
	_ = silent.SetReadDeadline(soon())
	if _, err := silent.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a client that says nothing kept its connection beyond the handshake's time-out: %v", err)
	}
}

func TestTLS(t *testing.T) {
	var mu sync.Mutex
	var peer wire.Peer
	h := answer(echo)
	addr := serveTLS(t, &wire.Server{Handler: acquire(func(p *wire.Peer) wire.Exchange {
		mu.Lock()
		defer mu.Unlock()
		peer = *p
		return h.Acquire(p)
	})})
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "gate.test"}}
	defer tr.CloseIdleConnections()
	body := strings.Repeat("b", 300_000)
	for range 3 {
		resp, err := (&http.Client{Transport: tr}).Post("https://"+addr+"/", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !strings.HasSuffix(string(got), body) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if !peer.TLS || peer.Version != tls.VersionTLS13 || peer.Cipher == 0 || peer.SNI != "gate.test" || !peer.Addr.IsValid() || peer.Proto != "HTTP/1.1" {
		t.Errorf("peer %+v", peer)
	}
}

type acquire func(*wire.Peer) wire.Exchange

func (f acquire) Acquire(p *wire.Peer) wire.Exchange { return f(p) }

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"gate.test"}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestRefuse: the words for refusals are the owner's.
func TestRefuse(t *testing.T) {
	rec := newRecorder(echo)
	addr := serve(t, &wire.Server{Handler: rec, Refuse: func(p *wire.Peer, e *wire.Error) *wire.Response {
		resp := &wire.Response{Status: e.Status}
		resp.Header.Add("x-amzn-ErrorType", "BadRequestException")
		resp.Body.Bytes = []byte("no")
		return resp
	}})
	got, err := exchangeRaw(t, addr, "GET / HTTP/1.1\r\n\r\n")
	if want := "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\nx-amzn-ErrorType: BadRequestException\r\n\r\nno"; err != nil || dateLine.ReplaceAllString(got, "") != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	var e *wire.Error
	if sent := <-rec.sent; !errors.As(sent.Err, &e) || e.Status != 400 {
		t.Errorf("Finish was told %v", sent.Err)
	}
	if len(rec.sent) != 0 {
		t.Error("Finish called twice")
	}
}

// TestSent: what Finish is told adds up.
func TestSent(t *testing.T) {
	rec := newRecorder(func(_ *wire.Request, resp *wire.Response) { resp.Status, resp.Body.Bytes = 200, []byte("hello") })
	nc := dial(t, serve(t, &wire.Server{Handler: rec}))
	r := bufio.NewReader(nc)
	for range 3 {
		const req = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
		_, _ = io.WriteString(nc, req)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		sent := <-rec.sent
		if sent.Body != 5 || sent.Received != int64(len(req)) || sent.Head < 50 || sent.Err != nil || time.Since(sent.At) > time.Minute {
			t.Errorf("%+v", sent)
		}
	}
}

// A Source that panics costs its connection, and the answer is torn.
func TestPanickingSource(t *testing.T) {
	told := make(chan any, 1)
	addr := serve(t, &wire.Server{
		Panicked: func(v any, _ []byte) { told <- v },
		Handler: answer(func(req *wire.Request, resp *wire.Response) {
			resp.Status = 200
			resp.Body.Length = 10
			if req.Path == "/panic" {
				resp.Body.Bytes, resp.Body.Source = []byte("half"), panicking{}
				return
			}
			resp.Body.Bytes = []byte("0123456789")
		}),
	})
	got, err := io.ReadAll(send(t, addr, "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n"))
	if bytes.HasSuffix(got, []byte("\r\n\r\nhalf")) && err == nil {
		t.Errorf("read %q, %v: a torn answer that ends cleanly", got, err)
	}
	if v := <-told; v != "source" {
		t.Errorf("told of %v, want source", v)
	}
	got, _ = io.ReadAll(send(t, addr, "GET /other HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
	if !bytes.HasSuffix(got, []byte("0123456789")) {
		t.Errorf("the next connection got %q", got)
	}
}

func send(t *testing.T, addr, text string) net.Conn {
	nc := dial(t, addr)
	if _, err := io.WriteString(nc, text); err != nil {
		t.Fatal(err)
	}
	return nc
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("source") }
func (panicking) Trailer() *wire.Header    { return nil }
func (panicking) Close() error             { return nil }
