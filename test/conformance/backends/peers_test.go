package backends_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/upstream/upstreamtest"
)

const nginxConfig = `daemon off; master_process off; pid %[1]s/nginx.pid; error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  client_body_in_single_buffer on; keepalive_timeout 60s; types {} default_type text/plain;
  map $ssl_server_name $sni { "" "-"; default $ssl_server_name; }
  map $ssl_client_verify $cert { SUCCESS "yes"; default "-"; }
  map $connection_requests $again { 1 "first"; default "again"; }
  map $proxy_protocol_addr $from { "" $remote_addr; default $proxy_protocol_addr; }
  server {
    listen 127.0.0.1:%[2]d; listen 127.0.0.1:%[3]d http2; listen 127.0.0.1:%[4]d proxy_protocol; listen 127.0.0.1:%[5]d ssl http2;
    ssl_certificate %[1]s/server.pem; ssl_certificate_key %[1]s/server-key.pem; ssl_client_certificate %[1]s/ca.pem; ssl_verify_client on;
    location = /who { return 200 "$server_protocol $from $sni $cert"; }
    location = /again { return 200 "$again"; }
    location = /pieces { root %[1]s; sub_filter_types *; sub_filter_once off; sub_filter "word" "piece"; }
    location = /echo { proxy_pass http://unix:%[1]s/echo.sock; proxy_set_header X-Body $request_body; }
  }
  server { listen unix:%[1]s/echo.sock; location / { return 200 "$http_x_body"; } }
}
`

const haproxyConfig = `global
  maxconn 256
  tune.bufsize 65536
  log stderr local0 warning
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  timeout http-keep-alive 60s
  option http-buffer-request
frontend all
  bind 127.0.0.1:%[2]d
  bind 127.0.0.1:%[3]d proto h2
  bind 127.0.0.1:%[4]d accept-proxy
  bind 127.0.0.1:%[5]d ssl crt %[1]s/server-both.pem ca-file %[1]s/ca.pem verify required alpn h2,http/1.1 strict-sni
  http-request set-var(txn.sni) ssl_fc_sni if { ssl_fc }
  http-request set-var(txn.sni) str(-) if !{ ssl_fc }
  http-request set-var(txn.cert) str(yes) if { ssl_c_used } { ssl_c_verify 0 }
  http-request set-var(txn.cert) str(-) if !{ ssl_c_used }
  http-request set-var(txn.version) req.ver
  http-request return status 200 content-type text/plain lf-string "HTTP/%%[var(txn.version)] %%[src] %%[var(txn.sni)] %%[var(txn.cert)]" if { path /who }
  http-request return status 200 content-type text/plain string first if { path /again } { http_first_req }
  http-request return status 200 content-type text/plain string again if { path /again }
  http-request return status 200 content-type text/plain file %[1]s/answer if { path /pieces }
  http-request return status 200 content-type text/plain lf-string "%%[req.body]" if { path /echo }
`

// One that stands before the gateway: a frontend for each way to tell who calls.
const (
	haproxyBefore = `global
  maxconn 256
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
`
	haproxyDoor = `frontend %[1]s
  bind 127.0.0.1:%%[%[2]d]d
  default_backend %[1]s
backend %[1]s
  server gateway %[3]s %[4]s
`
	haproxyRest = `frontend others
  bind 127.0.0.1:%[4]d
  bind 127.0.0.1:%[5]d
`
)

// startNginx starts nginx on ports of its own; nil: it is not installed.
func startNginx(t *testing.T, dir string) *peer {
	word := strings.Repeat("word ", 5000)
	if err := os.WriteFile(filepath.Join(dir, "pieces"), []byte(word), 0o644); err != nil { //nolint:gosec // nginx's worker is somebody else
		t.Fatal(err)
	}
	return startPeer(t, dir, "nginx", nginxConfig, func(config string) []string { return []string{"-p", dir, "-e", "stderr", "-c", config} })
}

// startHAProxy starts HAProxy likewise.
func startHAProxy(t *testing.T, dir string) *peer {
	if err := os.WriteFile(filepath.Join(dir, "answer"), []byte(strings.Repeat("piece ", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	return startPeer(t, dir, "haproxy", haproxyConfig, func(config string) []string { return []string{"-db", "-f", config} })
}

// tries is how often a peer is started: somebody else may take a port that was free.
const tries = 5

func startPeer(t *testing.T, dir, name, config string, args func(config string) []string) *peer {
	t.Helper()
	program, err := exec.LookPath(name)
	for _, place := range []string{"/usr/sbin/", "/usr/local/sbin/"} { // not always in the path
		if err != nil {
			program, err = exec.LookPath(place + name)
		}
	}
	if err != nil {
		t.Logf("%s is not installed", name)
		return nil
	}
	var said bytes.Buffer
	for range tries {
		p := &peer{name, map[string]int{}}
		values := []any{dir}
		for _, door := range doors {
			p.ports[door] = freePort(t)
			values = append(values, p.ports[door])
		}
		file := filepath.Join(dir, name+".conf")
		if err := os.WriteFile(file, fmt.Appendf(nil, config, values...), 0o600); err != nil {
			t.Fatal(err)
		}
		said.Reset()
		cmd := exec.Command(program, args(file)...)
		cmd.Stderr, cmd.Stdout = &said, &said
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		if listens(p.ports, ended) {
			t.Cleanup(func() {
				_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // workers too
				<-ended
			})
			return p
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
	}
	t.Fatalf("%s does not start:\n%s", name, said.String())
	return nil
}

func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // the peer will see
	return ln.Addr().(*net.TCPAddr).Port
}

// listens waits until all ports can be connected to, or the process has ended.
func listens(ports map[string]int, ended <-chan struct{}) bool {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		all := true
		for _, port := range ports {
			nc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if all = all && err == nil; err == nil {
				_ = nc.Close()
			}
		}
		if all {
			return true
		}
		select {
		case <-ended:
			return false
		case <-time.After(20 * time.Millisecond): // the processes of others are waited for
		}
	}
	return false
}

// writeCertificates writes what the peers show, and what the gateway shows them.
func writeCertificates(t *testing.T, dir string, a *upstreamtest.Authority) {
	t.Helper()
	write := func(name string, parts ...[]byte) {
		if err := os.WriteFile(filepath.Join(dir, name), bytes.Join(parts, nil), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Root()}))
	for name, host := range map[string]string{"server": "pets.test", "client": "gatehouse.test"} {
		cert, key := encode(t, a.Issue(t, upstreamtest.Leaf{Host: host}))
		write(name+".pem", cert)
		write(name+"-key.pem", key)
		write(name+"-both.pem", cert, key)
	}
}

func encode(t *testing.T, c *tls.Certificate) (cert, key []byte) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
