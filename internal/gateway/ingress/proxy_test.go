package ingress_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/gateway/ingress"
	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/internal/wire"
)

// forward answers with what a backend answers, 502 if it does not.
func forward(t *testing.T, b *upstreamtest.Backend, timeout time.Duration) *fake {
	t.Helper()
	r := upstream.NewRegistry(upstream.Options{})
	t.Cleanup(r.Close)
	c, err := r.Cluster(upstream.Key{Scheme: "http", Host: b.Addr().Addr().String(), Port: b.Addr().Port()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	request := func(req *wire.Request) *wire.Request {
		return &wire.Request{Method: req.Method, Target: req.Target, Path: req.Path, Query: req.Query, Host: "backend.test", Body: req.Body}
	}
	answer := func(resp *wire.Response, err error) *wire.Response {
		if err != nil {
			failed := text(err.Error())
			failed.Status = 502
			return failed
		}
		wire.StripHopByHop(&resp.Header)
		resp.Header.DelID(wire.HeaderContentLength)
		return resp
	}
	return &fake{
		serve: func(ctx context.Context, req *wire.Request) *wire.Response {
			resp := new(wire.Response)
			err := c.Do(ctx, request(req), resp, time.Now().Add(timeout))
			return answer(resp, err)
		},
		begin: func(x *fakeExchange, call *wire.Call) (*wire.Response, bool) {
			*call = wire.Call{Backend: c, Request: request(&x.req), Response: new(wire.Response), Deadline: time.Now().Add(timeout)}
			return nil, true
		},
		end: func(x *fakeExchange, err error) *wire.Response { return answer(x.call.Response, err) },
	}
}

// TestBackendFaults: whatever a backend does, its client gets a 502 or an
// answer that is visibly torn, and the next request is not touched by it.
func TestBackendFaults(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		for _, fault := range upstreamtest.Faults {
			t.Run(fault.Name, func(t *testing.T) {
				b := upstreamtest.New(t, fault.Script)
				timeout := time.Minute
				if fault.Slow {
					timeout = 30 * time.Millisecond
				}
				s := start(t, m, forward(t, b, timeout), ingress.Limits{})
				resp, body, err := s.do(t, "GET", "/", nil, nil)
				switch {
				case err != nil && fault.Body: // torn
				case err == nil && resp.StatusCode == 502 && strings.Contains(body, fault.Want.Error()):
				default:
					t.Errorf("answer = %v %.100q, %v", resp, body, err)
				}
			})
		}
	})
}

// TestProxy: bodies of all kinds go to a backend and back.
func TestProxy(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		b := upstreamtest.New(t, upstreamtest.Echo)
		s := start(t, m, forward(t, b, time.Minute), ingress.Limits{})
		for _, n := range []int{0, 10, 64 << 10, 3 << 20} {
			body := strings.Repeat("x", n)
			for _, r := range []io.Reader{strings.NewReader(body), io.MultiReader(strings.NewReader(body))} {
				_, got, err := s.do(t, "POST", "/a?b", r, nil)
				if want := "POST /a?b " + body; err != nil || got != want {
					t.Errorf("%d bytes: got %d bytes, %v", n, len(got), err)
				}
			}
		}
	})
}
