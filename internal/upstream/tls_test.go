package upstream_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"testing"

	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
)

func loopback(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func TestTLS(t *testing.T) {
	known, unknown := upstreamtest.NewAuthority(t, "known"), upstreamtest.NewAuthority(t, "unknown")
	host := "backend.test"
	tests := []struct {
		name string
		by   *upstreamtest.Authority
		leaf upstreamtest.Leaf
		tls  upstream.TLS
		ok   bool
	}{
		{"verified", known, upstreamtest.Leaf{Host: host}, upstream.TLS{}, true},
		{"other host", known, upstreamtest.Leaf{Host: "other.test"}, upstream.TLS{}, false},
		{"other server name", known, upstreamtest.Leaf{Host: "other.test"}, upstream.TLS{ServerName: "other.test"}, true},
		{"expired", known, upstreamtest.Leaf{Host: host, Expired: true}, upstream.TLS{}, false},
		{"unknown authority", unknown, upstreamtest.Leaf{Host: host}, upstream.TLS{}, false},
		{"self-signed", known, upstreamtest.Leaf{Host: host, SelfSigned: true}, upstream.TLS{}, false},

		{"skip: known authority", known, upstreamtest.Leaf{Host: host}, upstream.TLS{InsecureSkipVerification: true}, true},
		{"skip: unknown authority with root", unknown, upstreamtest.Leaf{Host: host, WithRoot: true}, upstream.TLS{InsecureSkipVerification: true}, true},
		{"skip: unknown authority without root", unknown, upstreamtest.Leaf{Host: host}, upstream.TLS{InsecureSkipVerification: true}, false},
		{"skip: self-signed", known, upstreamtest.Leaf{Host: host, SelfSigned: true}, upstream.TLS{InsecureSkipVerification: true}, true},
		{"skip: other host", known, upstreamtest.Leaf{Host: "other.test"}, upstream.TLS{InsecureSkipVerification: true}, false},
		{"skip: expired", known, upstreamtest.Leaf{Host: host, Expired: true}, upstream.TLS{InsecureSkipVerification: true}, false},
		{"skip: self-signed, expired", known, upstreamtest.Leaf{Host: host, SelfSigned: true, Expired: true}, upstream.TLS{InsecureSkipVerification: true}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cert := tt.by.Issue(t, tt.leaf)
			b := upstreamtest.New(t, upstreamtest.OverTLS(&tls.Config{Certificates: []tls.Certificate{*cert}}, upstreamtest.Echo))
			r := upstream.NewRegistry(upstream.Options{RootCAs: known.Pool(), Lookup: loopback})
			defer r.Close()
			c, err := r.Cluster(upstream.Key{Scheme: "https", Host: host, Port: b.Addr().Port(), TLS: tt.tls}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				_, err = call(c, request("GET", "/", ""), soon())
				if tt.ok && err != nil {
					t.Errorf("request: %v", err)
				}
				if !tt.ok && !(errors.Is(err, upstream.ErrConnect) && errors.Is(err, upstream.ErrCertificate)) {
					t.Errorf("error = %v, want %v because of %v", err, upstream.ErrConnect, upstream.ErrCertificate)
				}
			}
			if st := c.Stats(); !tt.ok && st.Open != 0 {
				t.Errorf("afterwards %+v, want no connection", st)
			}
			if n := b.Accepted(); tt.ok && n != 1 {
				t.Errorf("backend saw %d connections, want 1", n)
			}
		})
	}
}

func TestClientCertificate(t *testing.T) {
	a := upstreamtest.NewAuthority(t, "authority")
	server := &tls.Config{
		Certificates: []tls.Certificate{*a.Issue(t, upstreamtest.Leaf{Host: "127.0.0.1"})},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    a.Pool(),
	}
	b := upstreamtest.New(t, upstreamtest.OverTLS(server, upstreamtest.Echo))
	r := upstream.NewRegistry(upstream.Options{RootCAs: a.Pool()})
	defer r.Close()
	key := upstream.Key{Scheme: "https", Host: "127.0.0.1", Port: b.Addr().Port()}
	without, err := r.Cluster(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call(without, request("GET", "/", ""), soon()); err == nil {
		t.Error("a request without a client certificate was answered")
	}
	key.TLS.ClientCertificate = "client-1"
	with, err := r.Cluster(key, a.Issue(t, upstreamtest.Leaf{Host: "client.test"}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call(with, request("GET", "/", ""), soon()); err != nil {
		t.Errorf("with a client certificate: %v", err)
	}
}

// TestNoTLS: a backend that does not speak TLS.
func TestNoTLS(t *testing.T) {
	b := upstreamtest.New(t, func(c *upstreamtest.Conn) { c.Send("HTTP/1.1 400 Bad Request\r\n\r\n") })
	r := upstream.NewRegistry(upstream.Options{})
	defer r.Close()
	c, err := r.Cluster(upstream.Key{Scheme: "https", Host: "127.0.0.1", Port: b.Addr().Port()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = call(c, request("GET", "/", ""), soon())
	if !errors.Is(err, upstream.ErrConnect) || errors.Is(err, upstream.ErrCertificate) {
		t.Errorf("error = %v, want %v and not %v", err, upstream.ErrConnect, upstream.ErrCertificate)
	}
}
