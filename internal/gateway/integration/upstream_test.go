package integration_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
)

// overNetwork makes a proxy to a backend on the loopback.
func overNetwork(t *testing.T, addr fmt.Stringer, timeout time.Duration) *integration.Proxy {
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
	p, err := integration.NewProxy(&integration.Config{API: "abc123", URI: u, Cluster: cl, Method: "ANY", Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProxyOverNetwork(t *testing.T) {
	p := overNetwork(t, upstreamtest.New(t, upstreamtest.Echo).Addr(), 0)
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
			p := overNetwork(t, upstreamtest.New(t, f.Script).Addr(), timeout)
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
		err := overNetwork(t, upstreamtest.Refusing(t), 0).Call(context.Background(), exchange("GET", "/s/t", ""))
		var fault *gateway.Fault
		if !errors.As(err, &fault) || fault.Type != gateway.IntegrationFailure || fault.StatusCode() != 504 {
			t.Errorf("error %v, want INTEGRATION_FAILURE 504", err)
		}
	})
}

// TestProxyHead: an answer to HEAD has a length but no bytes, also when that
// length is over every limit.
func TestProxyHead(t *testing.T) {
	script := func(c *upstreamtest.Conn) {
		for c.Request() != nil {
			c.Send("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 99999999999\r\n\r\n")
		}
	}
	x := exchange("HEAD", "/s/t", "")
	if err := overNetwork(t, upstreamtest.New(t, script).Addr(), 0).Call(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	got, err := gatewaytest.Drain(x)
	if err != nil || got.Length != 99999999999 || got.Body != "" || !strings.Contains(strings.Join(got.Header, "\n"), "x-amzn-Remapped-Content-Length: 99999999999") {
		t.Errorf("got %+v, %v", got, err)
	}
}
