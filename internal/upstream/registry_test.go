package upstream_test

import (
	"context"
	"crypto/tls"
	"errors"
	"testing"

	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/internal/wire"
)

type response = wire.Response

func TestRegistryKeys(t *testing.T) {
	cert := new(tls.Certificate)
	tests := []struct {
		name string
		key  upstream.Key
		cert *tls.Certificate
		want error
	}{
		{"plain", upstream.Key{Scheme: "http", Host: "a", Port: 80}, nil, nil},
		{"tls", upstream.Key{Scheme: "https", Host: "a", Port: 443}, nil, nil},
		{"client certificate", upstream.Key{Scheme: "https", Host: "a", Port: 443, TLS: upstream.TLS{ClientCertificate: "x"}}, cert, nil},
		{"scheme", upstream.Key{Scheme: "ftp", Host: "a", Port: 80}, nil, upstream.ErrBadKey},
		{"host", upstream.Key{Scheme: "http", Port: 80}, nil, upstream.ErrBadKey},
		{"port", upstream.Key{Scheme: "http", Host: "a"}, nil, upstream.ErrBadKey},
		{"tls settings without tls", upstream.Key{Scheme: "http", Host: "a", Port: 80, TLS: upstream.TLS{InsecureSkipVerification: true}}, nil, upstream.ErrBadKey},
		{"certificate without name", upstream.Key{Scheme: "https", Host: "a", Port: 443}, cert, upstream.ErrBadKey},
		{"name without certificate", upstream.Key{Scheme: "https", Host: "a", Port: 443, TLS: upstream.TLS{ClientCertificate: "x"}}, nil, upstream.ErrBadKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := upstream.NewRegistry(upstream.Options{})
			c, err := r.Cluster(tt.key, tt.cert)
			if !errors.Is(err, tt.want) {
				t.Fatalf("Cluster = %v, want %v", err, tt.want)
			}
			if err != nil {
				return
			}
			if again, _ := r.Cluster(tt.key, tt.cert); again != c {
				t.Error("the same key gave another cluster")
			}
			other := tt.key
			other.Port++
			if again, _ := r.Cluster(other, tt.cert); again == c {
				t.Error("another key gave the same cluster")
			}
		})
	}
}

func TestRegistryBound(t *testing.T) {
	r := upstream.NewRegistry(upstream.Options{MaxClusters: 1})
	if _, err := r.Cluster(upstream.Key{Scheme: "http", Host: "a", Port: 80}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Cluster(upstream.Key{Scheme: "http", Host: "b", Port: 80}, nil); !errors.Is(err, upstream.ErrTooManyClusters) {
		t.Errorf("second cluster: %v, want %v", err, upstream.ErrTooManyClusters)
	}
}

// TestRetain: a cluster that no table names any more keeps no connection, but
// serves the exchanges that still point at it.
func TestRetain(t *testing.T) {
	b := upstreamtest.New(t, upstreamtest.Echo)
	r := upstream.NewRegistry(upstream.Options{})
	defer r.Close()
	key := upstream.Key{Scheme: "http", Host: b.Addr().Addr().String(), Port: b.Addr().Port()}
	c, err := r.Cluster(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call(c, request("GET", "/", ""), soon()); err != nil {
		t.Fatal(err)
	}
	r.Retain(map[upstream.Key]bool{key: true})
	if st := c.Stats(); st.Idle != 1 {
		t.Errorf("kept cluster: %+v, want one idle connection", st)
	}
	r.Retain(nil)
	if st := c.Stats(); st.Open != 0 {
		t.Errorf("forgotten cluster: %+v, want no connection", st)
	}
	if _, err := call(c, request("GET", "/", ""), soon()); err != nil {
		t.Errorf("forgotten cluster: %v", err)
	}
	if st := c.Stats(); st.Open != 0 {
		t.Errorf("forgotten cluster after a request: %+v, want no connection", st)
	}
	if again, _ := r.Cluster(key, nil); again == c {
		t.Error("a forgotten cluster came back")
	}
}

func TestClose(t *testing.T) {
	b := upstreamtest.New(t, upstreamtest.Echo)
	c := cluster(t, b.Addr(), upstream.Options{})
	var resp response
	if err := c.Do(context.Background(), request("POST", "/", string(make([]byte, 200_000))), &resp, soon()); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := body(&resp); err != nil {
		t.Errorf("answer under way: %v", err)
	}
	if st := c.Stats(); st.Open != 0 {
		t.Errorf("afterwards %+v, want no connection", st)
	}
	if _, err := call(c, request("GET", "/", ""), soon()); !errors.Is(err, upstream.ErrClosed) {
		t.Errorf("later request: %v, want %v", err, upstream.ErrClosed)
	}
}
