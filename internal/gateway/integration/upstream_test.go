package integration_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
)

// overNetwork configures a call of a backend on the loopback.
func overNetwork(t *testing.T, addr fmt.Stringer, timeout time.Duration) *integration.Config {
	t.Helper()
	u, err := integration.ParseURI("http://" + addr.String() + "/base")
	if err != nil {
		t.Fatal(err)
	}
	cl, err := upstream.NewRegistry(upstream.Options{}).Cluster(upstream.Key{Scheme: u.Scheme, Host: u.Host, Port: u.Port}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &integration.Config{API: "abc123", URI: u, Cluster: cl, Method: "ANY", Timeout: timeout}
}

// proxyOverNetwork makes a proxy to a backend on the loopback.
func proxyOverNetwork(t *testing.T, addr fmt.Stringer, timeout time.Duration) *integration.Proxy {
	t.Helper()
	p, err := integration.NewProxy(overNetwork(t, addr, timeout))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProxyOverNetwork(t *testing.T) {
	p := proxyOverNetwork(t, upstreamtest.New(t, upstreamtest.Echo).Addr(), 0)
	x := new(gateway.Exchange)
	for i := range 3 {
		gatewaytest.Fill(x, "POST", "/s/t?a=b", fmt.Sprint("body ", i), "Content-Type: text/plain")
		new(gateway.Gateway).Begin(x)
		if err := p.Call(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		got, err := gatewaytest.Drain(x)
		if want := fmt.Sprint("POST /base?a=b body ", i); err != nil || got.Status != 200 || got.Body != want {
			t.Errorf("got %d %q, %v; want 200 %q", got.Status, got.Body, err, want)
		}
		x.Reset()
	}
}

// TestProxyFaultyBackends has every way in which a backend can misbehave: the
// client gets the gateway response for it, or a body that does not end.
func TestProxyFaultyBackends(t *testing.T) {
	for _, f := range upstreamtest.Faults {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			timeout := 10 * time.Second
			if f.Slow {
				timeout = 100 * time.Millisecond
			}
			p := proxyOverNetwork(t, upstreamtest.New(t, f.Script).Addr(), timeout)
			x := exchange("GET", "/s/t", "")
			err := p.Call(context.Background(), x)
			if err == nil {
				if !f.Body {
					t.Fatalf("answered %d, want a fault", x.MethodResponse.Status)
				}
				if got, err := gatewaytest.Drain(x); err == nil {
					t.Errorf("body of %d bytes ends as if it were whole", len(got.Body))
				}
				return
			}
			want := map[error]string{
				upstream.ErrBroken:      "INTEGRATION_FAILURE 504",
				upstream.ErrTimeout:     "INTEGRATION_TIMEOUT 504",
				upstream.ErrBadResponse: "INTEGRATION_FAILURE 502",
			}[f.Want]
			var fault *gateway.Fault
			if !errors.As(err, &fault) || fmt.Sprint(fault.Type, " ", fault.StatusCode()) != want {
				t.Errorf("error %v, want %s", err, want)
			}
		})
	}
	t.Run("refuses", func(t *testing.T) {
		err := proxyOverNetwork(t, upstreamtest.Refusing(t), 0).Call(context.Background(), exchange("GET", "/s/t", ""))
		var fault *gateway.Fault
		if !errors.As(err, &fault) || fault.Type != gateway.IntegrationFailure || fault.StatusCode() != 504 {
			t.Errorf("error %v, want INTEGRATION_FAILURE 504", err)
		}
	})
}

// TestBodyless has answers that name a length and have no bytes: to HEAD, and
// with 304. A client that asked for HEAD, or gets 304, is told the length; any
// other gets an empty body.
func TestBodyless(t *testing.T) {
	const long = 99999999999 // over every limit
	tests := []struct {
		client, method string // "" for method: the client's
		status         int
		proxy          bool
		want           int64
	}{
		{"HEAD", "", 200, true, long},
		{"GET", "HEAD", 200, true, 0},
		{"GET", "", 304, true, long},
		{"GET", "HEAD", 304, true, long},
		{"HEAD", "", 200, false, 0},
		{"GET", "HEAD", 200, false, 0},
		{"GET", "", 304, false, 0},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			script := func(c *upstreamtest.Conn) {
				for c.Request() != nil {
					c.Send(fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n", tt.status, long))
				}
			}
			cfg := overNetwork(t, upstreamtest.New(t, script).Addr(), 0)
			cfg.Method = tt.method
			var call gateway.Integration
			var err error
			if tt.proxy {
				call, err = integration.NewProxy(cfg)
			} else {
				call, err = integration.NewHTTP(cfg)
			}
			if err != nil {
				t.Fatal(err)
			}
			x := exchange(tt.client, "/s/t", "")
			if err := call.Call(context.Background(), x); err != nil {
				t.Fatal(err)
			}
			if !tt.proxy {
				x.MethodResponse.Body = x.IntegrationResponse.Body
			}
			got, err := gatewaytest.Drain(x)
			if err != nil || got.Length != tt.want || got.Body != "" {
				t.Errorf("length %d, body %q, %v; want %d and none", got.Length, got.Body, err, tt.want)
			}
		})
	}
}
