package ingress_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"testing"

	"gatehouse/internal/gateway/ingress"
	"gatehouse/internal/wire"
)

// once takes an exchange through the adapter as wire's driver does.
func once(h wire.Handler, peer *wire.Peer) int {
	x := h.Acquire(peer)
	req := x.Request()
	req.Method, req.Target, req.Path, req.Host = "GET", "/prod/x", "/prod/x", "api.execute-api.test"
	req.Header.AddID(wire.HeaderAccept, "*/*")
	resp := x.Serve(context.Background())
	x.Finish(wire.Sent{})
	return resp.Status
}

func TestServeAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	h := ingress.Serve(gatewayOf(t, answered), quiet())
	peer := new(wire.Peer)
	once(h, peer)
	if n := testing.AllocsPerRun(1000, func() { once(h, peer) }); n != 0 {
		t.Errorf("an exchange allocates %v times, budget 0", n)
	}
}

func BenchmarkAdapter(b *testing.B) {
	h := ingress.Serve(gatewayOf(b, answered), quiet())
	peer := new(wire.Peer)
	b.ReportAllocs()
	for b.Loop() {
		once(h, peer)
	}
}

// BenchmarkIngress is a keep-alive request over loopback, client included.
func BenchmarkIngress(b *testing.B) {
	for _, e := range []ingress.Engine{ingress.EngineWire, ingress.EngineStd} {
		b.Run(string(e), func(b *testing.B) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer run(b, ingress.Serve(gatewayOf(b, answered), quiet()), ingress.Options{HTTP1: e}, listeners(ln), nil)()
			c, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			br := bufio.NewReader(c)
			request := []byte("GET /prod/x HTTP/1.1\r\nHost: api.execute-api.test\r\nAccept: */*\r\n\r\n")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Write(request); err != nil {
					b.Fatal(err)
				}
				skipAnswer(b, br)
			}
		})
	}
}

func skipAnswer(b *testing.B, br *bufio.Reader) {
	for {
		line, err := br.ReadSlice('\n')
		if err != nil {
			b.Fatal(err)
		}
		if len(line) == 2 {
			break
		}
	}
	var body [2]byte
	if _, err := io.ReadFull(br, body[:]); err != nil {
		b.Fatal(err)
	}
}

func listeners(ln net.Listener) []net.Listener { return []net.Listener{ln} }
