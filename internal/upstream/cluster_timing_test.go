package upstream_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/internal/wire"
)

// fixed answers without allocating: every request is as long as the first.
func fixed(t testing.TB) *upstreamtest.Backend {
	const answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"
	return upstreamtest.New(t, func(c *upstreamtest.Conn) { serveFixed(c.Conn, []byte(answer)) })
}

func serveFixed(c net.Conn, answer []byte) {
	br := bufio.NewReader(c)
	for {
		line, err := br.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(line) > 2 {
			continue
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

func warm(t testing.TB) (*upstream.Cluster, *wire.Request, *wire.Response) {
	r := upstream.NewRegistry(upstream.Options{})
	t.Cleanup(r.Close)
	b := fixed(t)
	c, err := r.Cluster(upstream.Key{Scheme: "http", Host: b.Addr().Addr().String(), Port: b.Addr().Port()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	req := request("GET", "/a", "")
	req.Header.Add("Accept", "*/*")
	return c, req, new(wire.Response)
}

func exchangeOnce(t testing.TB, c *upstream.Cluster, req *wire.Request, resp *wire.Response, deadline time.Time) {
	if err := c.Do(context.Background(), req, resp, deadline); err != nil {
		t.Fatal(err)
	}
	if src := resp.Body.Source; src != nil {
		_, _ = io.Copy(io.Discard, src)
		_ = src.Close()
	}
}

func TestDoAllocs(t *testing.T) {
	c, req, resp := warm(t)
	deadline := soon()
	if n := testing.AllocsPerRun(1000, func() { exchangeOnce(t, c, req, resp, deadline) }); n != 0 {
		t.Errorf("Do allocates %v times, budget 0", n)
	}
}

// BenchmarkClusterDo is BenchmarkDo with three endpoints and everything switched on.
func BenchmarkClusterDo(b *testing.B) {
	_, c := balanced(b, upstream.Definition{Balance: "least-request", Breaker: &upstream.Breaker{}, Health: &upstream.Health{}},
		fixed(b).Addr().String(), fixed(b).Addr().String(), fixed(b).Addr().String())
	req, resp := request("GET", "/a", ""), new(wire.Response)
	req.Header.Add("Accept", "*/*")
	b.ReportAllocs()
	for b.Loop() {
		exchangeOnce(b, c, req, resp, soon())
	}
}

func BenchmarkDo(b *testing.B) {
	c, req, resp := warm(b)
	b.ReportAllocs()
	for b.Loop() {
		exchangeOnce(b, c, req, resp, soon())
	}
}
