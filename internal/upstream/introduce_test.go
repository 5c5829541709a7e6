package upstream_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/internal/wire"
)

// TestIntroduce: an endpoint is told the client's address by the PROXY protocol, on
// a connection for each request.
func TestIntroduce(t *testing.T) {
	v2 := "\r\n\r\n\x00\r\nQUIT\n"
	for _, tt := range []struct{ version, from, to, want string }{
		{"v1", "10.1.2.3:4711", "10.0.0.1:443", "PROXY TCP4 10.1.2.3 10.0.0.1 4711 443\r\n"},
		{"v1", "[2001:db8::1]:4711", "[2001:db8::2]:443", "PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n"},
		{"v1", "10.1.2.3:4711", "[2001:db8::2]:443", "PROXY UNKNOWN\r\n"},
		{"v1", "", "", "PROXY UNKNOWN\r\n"},
		{"v2", "10.1.2.3:4711", "10.0.0.1:443", v2 + "\x21\x11\x00\x0c\x0a\x01\x02\x03\x0a\x00\x00\x01\x12\x67\x01\xbb"},
		{"v2", "[2001:db8::1]:1", "[2001:db8::2]:2", v2 + "\x21\x21\x00\x24\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x02\x00\x01\x00\x02"},
		{"v2", "", "", v2 + "\x20\x00\x00\x00"},
	} {
		got := make(chan string, 4)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan bool)
		go func() {
			defer close(done)
			for {
				nc, err := ln.Accept()
				if err != nil {
					return
				}
				head := make([]byte, len(tt.want))
				_, _ = io.ReadFull(nc, head)
				got <- string(head)
				if _, err := http.ReadRequest(bufio.NewReader(nc)); err == nil {
					_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
				_, _ = io.Copy(io.Discard, nc)
				_ = nc.Close()
			}
		}()
		_, c := balanced(t, upstream.Definition{ProxyProtocol: tt.version}, ln.Addr().String())
		for range 2 {
			req := request("GET", "/", "")
			if tt.from != "" {
				req.Peer = &wire.Peer{Addr: netip.MustParseAddrPort(tt.from), Local: netip.MustParseAddrPort(tt.to)}
			}
			if text, err := call(c, req, soon()); err != nil || text != "ok" {
				t.Errorf("%+v: %q, %v", tt, text, err)
			}
			if head := <-got; head != tt.want {
				t.Errorf("%s of %s: %q, want %q", tt.version, tt.from, head, tt.want)
			}
		}
		_ = ln.Close()
		<-done
	}
}

// TestEndpointTLS: endpoints are spoken to over TLS by their definition, with a name, an
// authority and a certificate of their own, and not if those do not fit.
func TestEndpointTLS(t *testing.T) {
	ca := upstreamtest.NewAuthority(t, "test")
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	own := ca.Issue(t, upstreamtest.Leaf{Host: "gateway"})
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	caFile, certFile, keyFile := write("ca", "CERTIFICATE", ca.Root()), write("cert", "CERTIFICATE", own.Certificate[0]), write("key", "PRIVATE KEY", key)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{*ca.Issue(t, upstreamtest.Leaf{Host: "orders.internal"})}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.TLS.ServerName+" "+r.TLS.PeerCertificates[0].DNSNames[0])
	}), ErrorLog: log.New(io.Discard, "", 0)}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	defer func() { _ = srv.Close(); <-served }()
	for _, tt := range []struct {
		name string
		tls  upstream.EndpointTLS
		want string
	}{
		{"all fits", upstream.EndpointTLS{ServerName: "orders.internal", CA: caFile, Cert: certFile, Key: keyFile}, "orders.internal gateway"},
		{"another name", upstream.EndpointTLS{ServerName: "other.internal", CA: caFile, Cert: certFile, Key: keyFile}, ""},
		{"no authority", upstream.EndpointTLS{ServerName: "orders.internal", Cert: certFile, Key: keyFile}, ""},
		{"no certificate", upstream.EndpointTLS{ServerName: "orders.internal", CA: caFile}, ""},
	} {
		_, c := balanced(t, upstream.Definition{TLS: &tt.tls}, ln.Addr().String())
		got, err := call(c, request("GET", "/", ""), soon())
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
}
