package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
)

// named makes a cluster of a name that resolves to what lookup says.
func named(t *testing.T, port uint16, lookup upstream.Lookup) *upstream.Cluster {
	t.Helper()
	r := upstream.NewRegistry(upstream.Options{Lookup: lookup})
	t.Cleanup(r.Close)
	c, err := r.Cluster(upstream.Key{Scheme: "http", Host: "backend.test", Port: port}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNextAddress(t *testing.T) {
	b := upstreamtest.New(t, upstreamtest.Echo)
	// Nobody listens on the other loopback addresses.
	c := named(t, b.Addr().Port(), func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("::1"), b.Addr().Addr()}, nil
	})
	if got, err := call(c, request("GET", "/", ""), soon()); err != nil || got != "GET / " {
		t.Errorf("answer = %q, %v", got, err)
	}
}

func TestLookupFails(t *testing.T) {
	broken := errors.New("no such host")
	tests := []struct {
		name  string
		addrs []netip.Addr
		err   error
	}{
		{"error", nil, broken},
		{"no address", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := named(t, 80, func(context.Context, string, string) ([]netip.Addr, error) { return tt.addrs, tt.err })
			_, err := call(c, request("GET", "/", ""), soon())
			if !errors.Is(err, upstream.ErrConnect) || tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("error = %v, want %v because of %v", err, upstream.ErrConnect, tt.err)
			}
		})
	}
}

func TestLookupDeadline(t *testing.T) {
	c := named(t, 80, func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if _, err := call(c, request("GET", "/", ""), time.Now().Add(20*time.Millisecond)); !errors.Is(err, upstream.ErrTimeout) {
		t.Errorf("error = %v, want %v", err, upstream.ErrTimeout)
	}
}

// TestLookupShared: of many requests at once one asks, and each waits only as
// long as it may itself.
func TestLookupShared(t *testing.T) { synctest.Test(t, lookupShared) }

func lookupShared(t *testing.T) {
	var calls atomic.Int64
	begun, release := make(chan struct{}), make(chan struct{})
	c := named(t, 80, func(context.Context, string, string) ([]netip.Addr, error) {
		if calls.Add(1) == 1 {
			close(begun)
		}
		<-release
		return nil, errors.New("no such host")
	})
	first := make(chan error, 1)
	go func() {
		_, err := call(c, request("GET", "/", ""), soon())
		first <- err
	}()
	<-begun
	if _, err := call(c, request("GET", "/", ""), time.Now().Add(20*time.Millisecond)); !errors.Is(err, upstream.ErrTimeout) {
		t.Errorf("request in a hurry: %v, want %v", err, upstream.ErrTimeout)
	}
	close(release)
	<-first
	for range 10 {
		if _, err := call(c, request("GET", "/", ""), soon()); !errors.Is(err, upstream.ErrConnect) {
			t.Errorf("later request: %v, want %v", err, upstream.ErrConnect)
		}
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("%d look-ups within a second after one failed, want 1", n)
	}
}

// TestCancelled: a client that leaves ends the wait for a connection.
func TestCancelled(t *testing.T) {
	left := errors.New("client left")
	ctx, cancel := context.WithCancelCause(context.Background())
	c := named(t, 80, func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
		cancel(left)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if err := c.Do(ctx, request("GET", "/", ""), new(response), soon()); !errors.Is(err, left) {
		t.Errorf("error = %v, want %v", err, left)
	}
}

// TestRefresh: a host in use is looked up again; a failure leaves the last
// addresses in force, and a host that is not in use is left alone.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls, fail atomic.Int64
		r := upstream.NewRegistry(upstream.Options{
			Refresh: 10 * time.Second,
			Lookup: func(context.Context, string, string) ([]netip.Addr, error) {
				calls.Add(1)
				if fail.Load() > 0 {
					return nil, errors.New("server failure")
				}
				return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
			},
		})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		c, err := r.Cluster(upstream.Key{Scheme: "http", Host: "backend.test", Port: 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // fake time
		if n := calls.Load(); n != 0 {
			t.Errorf("%d look-ups of a host that was never used", n)
		}
		upstream.Use(c) // one connection is in use
		if err := upstream.Resolve(c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := calls.Load(); n < 5 || n > 7 {
			t.Errorf("%d look-ups in a minute, want one every 10 s", n)
		}
		fail.Store(1)
		time.Sleep(time.Minute)
		if got := upstream.Addresses(c); len(got) != 1 {
			t.Errorf("after failing look-ups addresses are %v, want the last ones", got)
		}
		upstream.Unuse(c)
		fail.Store(0)
		time.Sleep(time.Hour) // nobody asks, nothing is looked up
		before := calls.Load()
		if err := upstream.Resolve(c); err != nil || calls.Load() != before+1 {
			t.Errorf("first use after an hour: %v after %d look-ups, want 1", err, calls.Load()-before)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

// A cluster with addresses of its own connects to those, each with its port; a
// name that cannot be looked up is passed over as long as there are others.
func TestAddressesInPlaceOfHost(t *testing.T) {
	r := upstream.NewRegistry(upstream.Options{Lookup: func(_ context.Context, _, host string) ([]netip.Addr, error) {
		switch host {
		case "two":
			return []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")}, nil
		case "127.0.0.1":
			return []netip.Addr{netip.MustParseAddr(host)}, nil
		}
		return nil, errors.New("no such host")
	}})
	t.Cleanup(r.Close)
	tests := []struct {
		addresses string
		want      string // the addresses; empty: an error
	}{
		{"127.0.0.1:81,[::1]:82", "[127.0.0.1:81 [::1]:82]"},
		{"127.0.0.1:81,two:82", "[127.0.0.1:81 127.0.0.2:82 127.0.0.3:82]"},
		{"none:81,two:82", "[127.0.0.2:82 127.0.0.3:82]"},
		{"none:81", ""},
	}
	for _, tt := range tests {
		c, err := r.Cluster(upstream.Key{Scheme: "http", Host: "name.invalid", Port: 80, Addresses: tt.addresses}, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = upstream.Resolve(c)
		if (err == nil) != (tt.want != "") {
			t.Errorf("%s: %v", tt.addresses, err)
		}
		if tt.want == "" {
			continue
		}
		if got := fmt.Sprint(upstream.Addresses(c)); got != tt.want {
			t.Errorf("%s = %s, want %s", tt.addresses, got, tt.want)
		}
	}
	for _, bad := range []string{"host", "host:0", ":80", "a:1,", "a:99999"} {
		if _, err := r.Cluster(upstream.Key{Scheme: "http", Host: "h", Port: 80, Addresses: bad}, nil); !errors.Is(err, upstream.ErrBadKey) {
			t.Errorf("addresses %q: %v", bad, err)
		}
	}
}
