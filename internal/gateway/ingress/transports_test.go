package ingress_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/gateway/ingress"
	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/internal/wire"
)

// A mode is one way in.
type mode struct {
	engine ingress.Engine
	tls    bool
	h2     bool
}

func (m mode) String() string {
	s := string(m.engine)
	if m.tls {
		s += " tls"
	}
	if m.h2 {
		return s + " h2"
	}
	return s + " h1"
}

// A site is an ingress on loopback, and a client for it.
type site struct {
	mode
	addr   string
	url    string
	client *http.Client
	stop   func()
}

// start serves h on loopback in mode m, to the end of the test.
func start(t *testing.T, m mode, h wire.Handler, limits ingress.Limits) *site {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{mode: m, addr: ln.Addr().String(), url: "http://" + ln.Addr().String()}
	opt := ingress.Options{HTTP1: m.engine, Limits: limits}
	transport := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	plain, secure := []net.Listener{ln}, []net.Listener(nil)
	if m.tls {
		a := upstreamtest.NewAuthority(t, "authority")
		opt.TLS = &tls.Config{Certificates: []tls.Certificate{*a.Issue(t, upstreamtest.Leaf{Host: "gateway.test"})}}
		transport.TLSClientConfig = &tls.Config{RootCAs: a.Pool(), ServerName: "gateway.test"}
		plain, secure = nil, plain
		s.url = "https://" + s.addr
		transport.Protocols.SetHTTP2(m.h2)
	}
	transport.Protocols.SetUnencryptedHTTP2(m.h2 && !m.tls)
	transport.Protocols.SetHTTP1(!m.h2)
	s.client = &http.Client{Transport: transport}
	s.stop = run(t, h, opt, plain, secure)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.stop()
	})
	return s
}

// modes runs a test over every way in.
func modes(t *testing.T, f func(t *testing.T, m mode)) {
	engines(t, func(t *testing.T, e ingress.Engine) {
		for _, m := range []mode{{e, false, false}, {e, false, true}, {e, true, false}, {e, true, true}} {
			t.Run(m.String(), func(t *testing.T) { f(t, m) })
		}
	})
}

func (s *site) do(t *testing.T, method, path string, body io.Reader, change func(*http.Request)) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

func TestBodies(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		f := &fake{serve: echo}
		s := start(t, m, f, ingress.Limits{})
		for _, n := range []int{0, 1, 4 << 10, 64 << 10, 64<<10 + 1, 1 << 20} {
			body := strings.Repeat("x", n)
			_, got, err := s.do(t, "POST", "/", strings.NewReader(body), nil)
			if err != nil || got != body {
				t.Errorf("%d bytes of known length: got %d, %v", n, len(got), err)
			}
			_, got, err = s.do(t, "POST", "/", io.MultiReader(strings.NewReader(body)), nil)
			if err != nil || got != body {
				t.Errorf("%d bytes of unknown length: got %d, %v", n, len(got), err)
			}
		}
		for i, sent := range f.finished() {
			if sent.Err != nil {
				t.Errorf("exchange %d: %v", i, sent.Err)
			}
		}
	})
}

func TestRequest(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		var got wire.Request
		f := &fake{serve: func(_ context.Context, req *wire.Request) *wire.Response {
			got = *req
			return text("ok")
		}}
		s := start(t, m, f, ingress.Limits{})
		_, _, err := s.do(t, "PATCH", "/a%2Fb/c;d?x=1&x=%20", strings.NewReader("body"), func(r *http.Request) {
			r.Host = "api.test:99"
			r.Header["X-Mixed"] = []string{"one", "two"}
		})
		if err != nil {
			t.Fatal(err)
		}
		if got.Method != "PATCH" || got.Target != "/a%2Fb/c;d?x=1&x=%20" || got.Path != "/a%2Fb/c;d" || got.Query != "x=1&x=%20" || got.Host != "api.test:99" {
			t.Errorf("request = %s %q %q %q host %q", got.Method, got.Target, got.Path, got.Query, got.Host)
		}
		if v := got.Header.Values("x-mixed"); len(v) != 2 || v[0] != "one" || v[1] != "two" {
			t.Errorf("repeated header = %q", v)
		}
		name := "X-Mixed"
		if m.h2 {
			name = "x-mixed"
		}
		if _, ok := got.Header.GetExact(name); !ok {
			t.Errorf("no header spelled %q", name)
		}
		if string(got.Body.Bytes) != "body" || got.Body.Length != 4 || got.Body.Source != nil {
			t.Errorf("body = %q, length %d", got.Body.Bytes, got.Body.Length)
		}
	})
}

func TestPeer(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		f := &fake{serve: hello}
		s := start(t, m, f, ingress.Limits{})
		if _, _, err := s.do(t, "GET", "/", nil, nil); err != nil {
			t.Fatal(err)
		}
		p := f.peer[0]
		proto := "HTTP/1.1"
		if m.h2 {
			proto = "HTTP/2.0"
		}
		if p.Proto != proto || p.TLS != m.tls || !p.Addr.IsValid() || p.Local.String() != s.addr {
			t.Errorf("peer = %+v", p)
		}
		if m.tls && (p.Version != tls.VersionTLS13 || p.Cipher == 0 || p.SNI != "gateway.test") {
			t.Errorf("TLS of peer = %+v", p)
		}
	})
}

func TestResponse(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		f := &fake{serve: func(_ context.Context, req *wire.Request) *wire.Response {
			resp := text("not for HEAD")
			resp.Status = 418
			resp.Header.Add("X-Two", "a")
			resp.Header.Add("X-Two", "b")
			return resp
		}}
		s := start(t, m, f, ingress.Limits{})
		for _, method := range []string{"GET", "HEAD"} {
			resp, body, err := s.do(t, method, "/", nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if method == "HEAD" && body != "" || method == "GET" && body != "not for HEAD" {
				t.Errorf("%s: body %q", method, body)
			}
			if resp.StatusCode != 418 || resp.ContentLength != 12 || len(resp.Header.Values("X-Two")) != 2 || resp.Header.Get("Date") == "" {
				t.Errorf("%s: %d, length %d, %v", method, resp.StatusCode, resp.ContentLength, resp.Header)
			}
			if ct, ok := resp.Header["Content-Type"]; ok {
				t.Errorf("%s: Content-Type %q nobody set", method, ct)
			}
		}
	})
}

// TestStreaming: a piece of a response arrives before the next one exists,
// and the trailer section after the last.
func TestStreaming(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		src := &pieces{list: make(chan string), trailer: new(wire.Header)}
		src.trailer.Add("X-Sum", "42")
		f := &fake{serve: func(context.Context, *wire.Request) *wire.Response {
			return &wire.Response{Status: 200, Body: wire.Body{Source: src, Length: -1}}
		}}
		s := start(t, m, f, ingress.Limits{})
		resp, err := s.client.Get(s.url) // returns with the head, before any piece
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for _, piece := range []string{"one", "two"} {
			src.list <- piece
			got := make([]byte, 3)
			if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != piece {
				t.Fatalf("piece = %q, %v, want %q", got, err, piece)
			}
		}
		close(src.list)
		if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
			t.Errorf("end = %q, %v", rest, err)
		}
		if got := resp.Trailer.Get("X-Sum"); got != "42" {
			t.Errorf("trailer = %q, want 42", got)
		}
	})
}

// TestTorn: a response that breaks off never passes for whole.
func TestTorn(t *testing.T) {
	lengths := []struct {
		name   string
		length int64
		err    error
	}{
		{"unknown length", -1, errors.New("backend broke")},
		{"known length", 100, errors.New("backend broke")},
		{"too short", 100, nil},
	}
	modes(t, func(t *testing.T, m mode) {
		for _, tt := range lengths {
			t.Run(tt.name, func(t *testing.T) {
				f := &fake{serve: func(context.Context, *wire.Request) *wire.Response {
					src := &pieces{list: make(chan string, 1), err: tt.err}
					src.list <- "begin"
					close(src.list)
					return &wire.Response{Status: 200, Body: wire.Body{Source: src, Length: tt.length}}
				}}
				s := start(t, m, f, ingress.Limits{})
				if _, body, err := s.do(t, "GET", "/", nil, nil); err == nil {
					t.Errorf("a torn response passed for whole: %q", body)
				}
				s.client.CloseIdleConnections()
				s.stop()
				s.stop = func() {}
				if sent := f.finished(); len(sent) != 1 || sent[0].Err == nil {
					t.Errorf("finished with %+v, want an error", sent)
				}
			})
		}
	})
}

func TestRequestTrailers(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		got := make(chan string, 1)
		f := &fake{serve: func(_ context.Context, req *wire.Request) *wire.Response {
			v := "no source"
			if src := req.Body.Source; src != nil {
				_, _ = io.Copy(io.Discard, src)
				v = src.Trailer().Get("X-Sum")
			}
			got <- v
			return text("ok")
		}}
		s := start(t, m, f, ingress.Limits{})
		for _, n := range []int{10, 100 << 10} {
			body := &trailing{Reader: strings.NewReader(strings.Repeat("x", n))}
			_, _, err := s.do(t, "POST", "/", body, func(r *http.Request) {
				r.Trailer = http.Header{"X-Sum": nil}
				body.end = func() { r.Trailer.Set("X-Sum", "42") }
			})
			if err != nil {
				t.Fatal(err)
			}
			if v := <-got; v != "42" {
				t.Errorf("trailer after %d bytes = %q, want 42", n, v)
			}
		}
	})
}

type trailing struct {
	io.Reader
	end func()
}

func (t *trailing) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		t.end()
	}
	return n, err
}

func TestRefusals(t *testing.T) {
	limits := ingress.Limits{Limits: wire.Limits{Body: 100_000}}
	limits.Head.Target = 1000
	limits.Head.Header = 4000
	type refusal struct {
		name   string
		path   string
		header string
		body   io.Reader
		want   int
	}
	tests := func() []refusal {
		return []refusal{
			{"target", "/" + strings.Repeat("x", 1000), "", nil, 414},
			{"header", "/", strings.Repeat("x", 4000), nil, 431},
			{"body of known length", "/", "", strings.NewReader(strings.Repeat("x", 100_001)), 413},
			{"body of unknown length", "/", "", io.MultiReader(strings.NewReader(strings.Repeat("x", 100_001))), 0},
		}
	}
	modes(t, func(t *testing.T, m mode) {
		f := &fake{serve: func(_ context.Context, req *wire.Request) *wire.Response {
			resp := text("served")
			if src := req.Body.Source; src != nil {
				if _, err := io.Copy(io.Discard, src); err != nil {
					resp.Status = 502 // what became of the backend's call
				}
			}
			return resp
		}}
		s := start(t, m, f, limits)
		for _, tt := range tests() {
			if tt.header != "" && m.h2 {
				continue // net/http's client knows the limit and does not send it
			}
			resp, body, err := s.do(t, "POST", tt.path, tt.body, func(r *http.Request) {
				if tt.header != "" {
					r.Header.Set("X-Large", tt.header)
				}
			})
			if tt.want == 0 { // streamed: the exchange sees it, or the client is cut
				if err == nil && resp.StatusCode == 200 {
					t.Errorf("%s: served", tt.name)
				}
				continue
			}
			if err != nil || resp.StatusCode != tt.want {
				t.Errorf("%s: %v, %v, want status %d", tt.name, resp, err, tt.want)
				continue
			}
			if strings.Contains(body, "served") {
				t.Errorf("%s: served", tt.name)
			}
		}
		if _, body, err := s.do(t, "GET", "/", nil, nil); err != nil || body != "served" {
			t.Errorf("afterwards: %q, %v", body, err)
		}
	})
}

// TestDrain: a request under way ends well, new ones are not accepted.
func TestDrain(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		arrived, release := make(chan struct{}), make(chan struct{})
		f := &fake{serve: func(context.Context, *wire.Request) *wire.Response {
			close(arrived)
			<-release
			return text("late")
		}}
		s := start(t, m, f, ingress.Limits{})
		type answer struct {
			body string
			err  error
		}
		answers := make(chan answer, 1)
		go func() {
			_, body, err := s.do(t, "GET", "/", nil, nil)
			answers <- answer{body, err}
		}()
		<-arrived
		stopped := make(chan struct{})
		go func() { s.stop(); close(stopped) }()
		for {
			c, err := net.DialTimeout("tcp", s.addr, time.Second)
			if err != nil {
				break // no longer accepting
			}
			_ = c.Close()
		}
		close(release)
		if a := <-answers; a.err != nil || a.body != "late" {
			t.Errorf("request under way: %q, %v", a.body, a.err)
		}
		<-stopped
		s.stop = func() {}
	})
}

// TestDrainCuts: a request that does not end in time is cut.
func TestDrainCuts(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		e := endless{closed: make(chan struct{})}
		f := &fake{serve: func(context.Context, *wire.Request) *wire.Response {
			return &wire.Response{Status: 200, Body: wire.Body{Source: e, Length: -1}}
		}}
		s := start(t, m, f, ingress.Limits{Drain: 50 * time.Millisecond})
		resp, err := s.client.Get(s.url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		go s.stop()
		if n, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Errorf("endless response ended well after %d bytes", n)
		}
		<-e.closed
		s.stop = func() {}
	})
}
