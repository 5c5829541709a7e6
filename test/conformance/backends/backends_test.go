// Package backends_test has the real binary call real servers, nginx and HAProxy: whether
// connections are kept, messages in pieces, HTTP/2 without and with TLS, the PROXY
// protocol, names of SNI and certificates of clients are what they take them for.
package backends_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/test/gatehousetest"
)

// A peer is a real server, with a port for each thing it is to do.
type peer struct {
	name  string
	ports map[string]int
}

// doors are the ports of a peer: what each speaks.
var doors = []string{"plain", "h2c", "proxied", "tls"}

// client is where clients of the gateway call from, so that its own address is another.
const client = "127.0.0.2"

func TestBackends(t *testing.T) {
	dir := t.TempDir()
	a := upstreamtest.NewAuthority(t, "test")
	writeCertificates(t, dir, a)
	for _, p := range []*peer{startNginx(t, dir), startHAProxy(t, dir)} {
		if p == nil {
			continue
		}
		t.Run(p.name, func(t *testing.T) { p.test(t, dir) })
	}
}

func (p *peer) test(t *testing.T, dir string) {
	tls := fmt.Sprintf("tls: {server-name: pets.test, ca: %[1]s/ca.pem, cert: %[1]s/client.pem, key: %[1]s/client-key.pem}", dir)
	g := startGateway(t, map[string]string{
		"plain":   p.cluster("plain", ""),
		"h2c":     p.cluster("h2c", "protocol: h2"),
		"proxy1":  p.cluster("proxied", "proxy-protocol: v1"),
		"proxy2":  p.cluster("proxied", "proxy-protocol: v2"),
		"tls":     p.cluster("tls", tls),
		"tls2":    p.cluster("tls", tls+", protocol: h2"),
		"nocert":  p.cluster("tls", fmt.Sprintf("tls: {server-name: pets.test, ca: %s/ca.pem}", dir)),
		"another": p.cluster("tls", strings.Replace(tls, "pets.test", "other.test", 1)),
	})
	// What peers answer: the version of HTTP, who they think calls, the name of SNI, and
	// whether there was a certificate.
	for _, tt := range []struct{ cluster, want string }{
		{"plain", "HTTP/1.1 127.0.0.1 - -"},
		{"h2c", "HTTP/2.0 127.0.0.1 - -"},
		{"proxy1", "HTTP/1.1 " + client + " - -"},
		{"proxy2", "HTTP/1.1 " + client + " - -"},
		{"tls", "HTTP/1.1 127.0.0.1 pets.test yes"},
		{"tls2", "HTTP/2.0 127.0.0.1 pets.test yes"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if status, got := g.call(t, tt.cluster, method, "/who", nil); status != http.StatusOK || got != tt.want {
				t.Errorf("%s: %s /who = %d %q, want %q", tt.cluster, method, status, got, tt.want)
			}
		}
	}
	// AWS: an HTTP API answers 503 for a backend that cannot be spoken to over TLS.
	for _, cluster := range []string{"nocert", "another"} {
		if status, got := g.call(t, cluster, http.MethodGet, "/who", nil); status == http.StatusOK {
			t.Errorf("%s: %d %q, want a refusal", cluster, status, got)
		}
	}
	for _, cluster := range []string{"plain", "h2c", "tls", "tls2"} {
		if status, got := g.call(t, cluster, http.MethodGet, "/pieces", nil); status != http.StatusOK || got != strings.Repeat("piece ", 5000) {
			t.Errorf("%s: /pieces = %d and %d bytes", cluster, status, len(got))
		}
		for _, body := range []io.Reader{strings.NewReader("a body with a length"), io.MultiReader(strings.NewReader("one in "), strings.NewReader("pieces"))} {
			sent := "a body with a length"
			if _, ok := body.(*strings.Reader); !ok {
				sent = "one in pieces"
			}
			if status, got := g.call(t, cluster, http.MethodPost, "/echo", body); status != http.StatusOK || got != sent {
				t.Errorf("%s: POST /echo = %d %q, want %q", cluster, status, got, sent)
			}
		}
	}
	kept := 0
	for range 20 {
		if _, got := g.call(t, "plain", http.MethodGet, "/again", nil); got == "again" {
			kept++
		}
	}
	if kept < 19 {
		t.Errorf("%d of 20 requests came over a connection that had been used before", kept)
	}
}

func (p *peer) cluster(door, settings string) string {
	return fmt.Sprintf("{endpoints: [\"127.0.0.1:%d\"], %s}", p.ports[door], settings)
}

// TestBehind puts a real HAProxy in front of the gateway, which tells the addresses of
// clients by both versions of the PROXY protocol.
func TestBehind(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Header.Get("Forwarded")) }))
	t.Cleanup(backend.Close)
	g := startGateway(t, map[string]string{"behind": fmt.Sprintf("{endpoints: [%q]}", backend.Listener.Addr())}, "--proxy-protocol", "127.0.0.1/32")
	config := haproxyBefore
	for door, how := range map[string]string{"plain": "send-proxy", "h2c": "send-proxy-v2"} {
		config += fmt.Sprintf(haproxyDoor, door, slices.Index(doors, door)+2, strings.TrimPrefix(g.s.DataPlane(), "http://"), how)
	}
	p := startPeer(t, t.TempDir(), "haproxy", config+haproxyRest, func(config string) []string { return []string{"-db", "-f", config} })
	if p == nil {
		t.Skip()
	}
	for _, door := range []string{"plain", "h2c"} {
		status, got := g.callAt(t, fmt.Sprintf("http://127.0.0.1:%d", p.ports[door]), "behind", http.MethodGet, "/", nil)
		if status != http.StatusOK || !strings.Contains(got, "for="+client+";") {
			t.Errorf("%s: %d, forwarded for %q, want %s", door, status, got, client)
		}
	}
}

// A gateway is a server with an HTTP API in front of each cluster.
type gateway struct {
	s    *gatehousetest.Server
	apis map[string]string
	http *http.Client
}

func startGateway(t *testing.T, clusters map[string]string, args ...string) *gateway {
	dir := t.TempDir()
	text := "clusters:\n"
	for name, definition := range clusters {
		text += "  " + name + ": " + definition + "\n"
	}
	config := filepath.Join(dir, "clusters.yaml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	bin, err := gatehousetest.Build("../../..", dir)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{apis: map[string]string{}}
	if g.s, err = gatehousetest.Start(t.Context(), bin, filepath.Join(dir, "data"), append([]string{"--config", config}, args...)...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.s.Kill)
	api, err := g.s.Client()
	if err != nil {
		t.Fatal(err)
	}
	for name := range clusters {
		var out struct {
			ID string `json:"apiId"`
		}
		if err := api.Call(t.Context(), http.MethodPost, "/v2/apis", map[string]any{"name": name, "protocolType": "HTTP", "target": "http://" + name + ".cluster"}, &out); err != nil {
			t.Fatal(err)
		}
		g.apis[name] = out.ID
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
	g.http = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: dialer.DialContext}}
	t.Cleanup(g.http.CloseIdleConnections)
	return g
}

// call makes a call of the API in front of a cluster.
func (g *gateway) call(t *testing.T, cluster, method, path string, body io.Reader) (int, string) {
	t.Helper()
	return g.callAt(t, g.s.DataPlane(), cluster, method, path, body)
}

// callAt is call through what stands before the gateway.
func (g *gateway) callAt(t *testing.T, base, cluster, method, path string, body io.Reader) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, base+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = g.apis[cluster] + ".execute-api.us-east-1.amazonaws.com"
	resp, err := g.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(text)
}
