package ingress_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/gateway/ingress"
)

// TestIntroduced: proxies are believed who their clients are, must say it, and nobody
// else may.
func TestIntroduced(t *testing.T) {
	const v2 = "\r\n\r\n\x00\r\nQUIT\n"
	for _, tt := range []struct{ name, proxies, head, want string }{
		{"version 1", "127.0.0.0/8", "PROXY TCP4 10.1.2.3 10.0.0.1 4711 443\r\n", "10.1.2.3:4711 10.0.0.1:443"},
		{"version 1, IPv6", "127.0.0.0/8", "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", "[2001:db8::1]:1 [2001:db8::2]:2"},
		{"version 1, of nobody", "127.0.0.0/8", "PROXY UNKNOWN\r\n", "127.0.0.1"},
		{"version 2", "127.0.0.0/8", v2 + "\x21\x11\x00\x0f\x0a\x01\x02\x03\x0a\x00\x00\x01\x12\x67\x01\xbb\x04\x00\x00", "10.1.2.3:4711 10.0.0.1:443"},
		{"version 2, of the proxy", "127.0.0.0/8", v2 + "\x20\x00\x00\x00", "127.0.0.1"},
		{"none", "127.0.0.0/8", "", ""},
		{"families mixed", "127.0.0.0/8", "PROXY TCP4 2001:db8::1 10.0.0.1 1 2\r\n", ""},
		{"endless", "127.0.0.0/8", "PROXY TCP4 " + strings.Repeat("1", 200), ""},
		{"too short", "127.0.0.0/8", v2 + "\x21\x11\x00\x04\x0a\x01\x02\x03", ""},
		{"too long", "127.0.0.0/8", v2 + "\x21\x11\xff\xff" + strings.Repeat("x", 8000), ""},
		{"another version", "127.0.0.0/8", v2 + "\x31\x11\x00\x00", ""},
		{"no proxy", "10.0.0.0/8", "", "127.0.0.1"},
		{"no proxy that says it is one", "10.0.0.0/8", "PROXY TCP4 10.1.2.3 10.0.0.1 4711 443\r\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inner, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ln := ingress.Introduced(inner, []netip.Prefix{netip.MustParsePrefix(tt.proxies)})
			defer ln.Close()
			srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				local := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
				_, _ = io.WriteString(w, r.RemoteAddr+" "+local.String())
			})}
			served := make(chan error, 1)
			go func() { served <- srv.Serve(ln) }()
			defer func() { _ = srv.Close(); <-served }()
			nc, err := net.Dial("tcp", inner.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(time.Minute))
			_, _ = io.WriteString(nc, tt.head+"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			got := ""
			if resp, err := http.ReadResponse(bufio.NewReader(nc), nil); err == nil && resp.StatusCode == http.StatusOK {
				b, _ := io.ReadAll(resp.Body)
				got = string(b)
			}
			if tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
				t.Errorf("served as %q, want %q", got, tt.want)
			}
		})
	}
}
