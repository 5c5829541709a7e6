package upstream_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/internal/wire"
)

// h2Backend serves handler by HTTP/2 without TLS.
func h2Backend(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	var proto http.Protocols
	proto.SetUnencryptedHTTP2(true)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Protocols: &proto, ReadHeaderTimeout: time.Minute, Handler: handler}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close(); <-served })
	return ln.Addr().String()
}

// echo answers each message of a call as it comes, with a status in the trailer.
func echo(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 2 || r.Header.Get("Te") != "trailers" || r.Header.Get("X-Own") != "yes" {
		http.Error(w, "what?", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	w.WriteHeader(http.StatusOK)
	rc := http.NewResponseController(w)
	_ = rc.Flush()
	buf := make([]byte, 100)
	for {
		n, err := r.Body.Read(buf)
		_, _ = w.Write([]byte(strings.ToUpper(string(buf[:n]))))
		_ = rc.Flush()
		if err != nil {
			break
		}
		if strings.Contains(string(buf[:n]), "enough") {
			break
		}
	}
	w.Header().Set("Grpc-Status", "0")
}

// A said is the body of a request that is made while the answer is read.
type said struct {
	*io.PipeReader
	trailer wire.Header
}

func (s *said) Trailer() *wire.Header { return &s.trailer }

func grpcRequest(body io.Reader) *wire.Request {
	req := request("POST", "/shop.Cart/Add?x=1", "")
	req.Header.Add("content-type", "application/grpc+proto")
	req.Header.Add("x-own", "yes")
	if p, ok := body.(*io.PipeReader); ok {
		req.Body = wire.Body{Source: &said{PipeReader: p}, Length: -1}
	}
	return req
}

// TestGRPC: messages go both ways while a call lasts, and the trailer comes at its
// end, whoever ends it.
func TestGRPC(t *testing.T) {
	for _, last := range []string{"", "enough"} {
		r, c := balanced(t, upstream.Definition{Protocol: "h2", Balance: "ewma"}, h2Backend(t, echo))
		pr, pw := io.Pipe()
		var resp wire.Response
		if err := c.Do(context.Background(), grpcRequest(pr), &resp, soon()); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		for _, word := range []string{"one", "two", last} {
			if word == "" {
				_ = pw.Close()
				break
			}
			if _, err := io.WriteString(pw, word); err != nil {
				t.Fatal(err)
			}
			if n, err := resp.Body.Source.Read(buf); err != nil || string(buf[:n]) != strings.ToUpper(word) {
				t.Fatalf("after %q: %q, %v", word, buf[:n], err)
			}
		}
		if n, err := resp.Body.Source.Read(buf); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %d bytes, %v", n, err)
		}
		if got := resp.Body.Source.Trailer().Get("grpc-status"); got != "0" {
			t.Errorf("trailer %q", got)
		}
		_ = resp.Body.Source.Close()
		s := r.Status()[0].Endpoints[0]
		if s.InFlight != 0 || s.Requests != 1 || s.Errors != 0 {
			t.Errorf("status %+v", s)
		}
		if st := r.Clusters()[0].Stats(); st.Open != 0 {
			t.Errorf("%+v, want no permission left", st)
		}
	}
}

// TestH2: plain requests over HTTP/2, failures and time-outs.
func TestH2(t *testing.T) {
	never := make(chan bool)
	t.Cleanup(func() { close(never) })
	addr := h2Backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/never" {
			select {
			case <-never:
			case <-r.Context().Done():
			}
			return
		}
		b, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" "+r.Host+" "+string(b))
	})
	r, c := balanced(t, upstream.Definition{Protocol: "h2"}, addr, upstreamtest.Refusing(t).String())
	for range 4 {
		if got, err := call(c, request("PUT", "/a%2Fb?q=1", "body"), soon()); err != nil || got != "PUT /a%2Fb?q=1 backend.test body" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if err := r.SetEndpoints("test", endpoints(addr)); err != nil {
		t.Fatal(err)
	}
	if _, err := call(c, request("GET", "/never", ""), time.Now().Add(50*time.Millisecond)); !errors.Is(err, upstream.ErrTimeout) {
		t.Errorf("error %v, want ErrTimeout", err)
	}
	if err := r.SetEndpoints("test", endpoints(upstreamtest.Refusing(t).String())); err != nil {
		t.Fatal(err)
	}
	if _, err := call(c, request("GET", "/", ""), soon()); !errors.Is(err, upstream.ErrConnect) {
		t.Errorf("error %v, want ErrConnect", err)
	}
	if st := r.Clusters()[0].Stats(); st.Open != 0 {
		t.Errorf("%+v, want no permission left", st)
	}
}

// TestUnixSocket: an endpoint may be a socket of this machine.
func TestUnixSocket(t *testing.T) {
	path := t.TempDir() + "/s"
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "unix") })}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	defer func() { _ = srv.Close(); <-served }()
	_, c := balanced(t, upstream.Definition{Health: &upstream.Health{Path: "/"}}, "unix:"+path)
	for range 3 {
		if got, err := call(c, request("GET", "/", ""), soon()); err != nil || got != "unix" {
			t.Errorf("%q, %v", got, err)
		}
	}
	do := forward(t, c)
	answer := make([]byte, 4096)
	if n := do(answer); !strings.HasSuffix(string(answer[:n]), "unix") {
		t.Errorf("by a loop: %q", answer[:n])
	}
}
