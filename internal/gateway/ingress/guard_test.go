package ingress_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"testing"
	"time"

	"gatehouse/internal/gateway/ingress"
	"gatehouse/internal/wire"
)

// TestHonestClients: what a busy client does on one connection is no flood:
// many requests, a large download with its window updates, a large upload,
// and a request given up now and then.
func TestHonestClients(t *testing.T) {
	for _, m := range []mode{{ingress.EngineWire, false, true}, {ingress.EngineWire, true, true}} {
		t.Run(m.String(), func(t *testing.T) {
			f := &fake{serve: func(_ context.Context, req *wire.Request) *wire.Response {
				if req.Path == "/large" {
					return &wire.Response{Status: 200, Body: wire.Body{Source: &zeros{left: 64 << 20}, Length: -1}}
				}
				if src := req.Body.Source; src != nil {
					_, _ = io.Copy(io.Discard, src)
				}
				return text("ok")
			}}
			s := start(t, m, f, ingress.Limits{})
			get := func(path string) {
				if resp, _, err := s.do(t, "GET", path, nil, nil); err != nil || resp.StatusCode != 200 {
					t.Fatalf("GET %s: %v, %v", path, resp, err)
				}
			}
			for i := range 1200 {
				get("/")
				if i%12 == 0 { // given up in the middle
					resp, err := s.client.Get(s.url + "/large")
					if err != nil {
						t.Fatal(err)
					}
					_ = resp.Body.Close()
				}
			}
			get("/large")
			if resp, _, err := s.do(t, "POST", "/", io.LimitReader(neverEnding{}, 9<<20), nil); err != nil || resp.StatusCode != 200 {
				t.Fatalf("upload: %v, %v", resp, err)
			}
			for _, p := range f.peer {
				if p.Addr != f.peer[0].Addr {
					t.Fatal("the client had to connect again")
				}
			}
		})
	}
}

type zeros struct{ left int }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), z.left)
	clear(p[:n])
	z.left -= n
	return n, nil
}
func (*zeros) Trailer() *wire.Header { return nil }
func (*zeros) Close() error          { return nil }

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestFloodsOverTLS: the guard sees the frames of TLS connections too.
func TestFloodsOverTLS(t *testing.T) {
	engines(t, func(t *testing.T, e ingress.Engine) {
		s := start(t, mode{engine: e, tls: true, h2: true}, &fake{serve: hello}, ingress.Limits{})
		for _, f := range floods {
			t.Run(f.name, func(t *testing.T) {
				cfg := s.client.Transport.(*http.Transport).TLSClientConfig.Clone()
				cfg.NextProtos = []string{"h2"}
				c, err := tls.Dial("tcp", s.addr, cfg)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				r := newRawH2(t, c)
				ended := make(chan int, 1)
				go func() { ended <- r.ended() }()
				f.rounds(r) // the gateway reads later than this is sent
				select {
				case <-ended:
				case <-time.After(time.Minute):
					t.Error("connection still up")
					_ = c.Close()
					<-ended
				}
			})
		}
	})
}
