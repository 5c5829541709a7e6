package discovery_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/internal/discovery"
)

// apiserverVar names, in the environment, a kube-apiserver. make kubernetes builds
// one, which takes a quarter of an hour: too long for each run.
const apiserverVar = "GATEHOUSE_APISERVER"

// A kubernetesServer is a real API server over a real etcd.
type kubernetesServer struct {
	t         *testing.T
	dir, addr string
	etcd      *etcdServer
	cmd       *exec.Cmd
}

// The users it knows, by their tokens: who may do everything, and who may do what the
// documentation says is needed.
const kubernetesTokens = "all,admin,1,system:masters\nread,reader,2\nnone,stranger,3\n"

func newKubernetesServer(t *testing.T) *kubernetesServer {
	t.Helper()
	if os.Getenv(apiserverVar) == "" {
		t.Skipf("%s names no kube-apiserver", apiserverVar)
	}
	s := &kubernetesServer{t: t, dir: t.TempDir(), addr: freeAddress(t), etcd: newEtcdServer(t)}
	s.etcd.start(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"sa.key": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), "tokens": []byte(kubernetesTokens)} {
		if err := os.WriteFile(filepath.Join(s.dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.stop)
	s.start()
	return s
}

func (s *kubernetesServer) start() {
	s.t.Helper()
	host, port, _ := net.SplitHostPort(s.addr)
	file := func(name string) string { return filepath.Join(s.dir, name) }
	s.cmd = exec.Command(os.Getenv(apiserverVar), "--etcd-servers=http://"+s.etcd.client, "--bind-address="+host, "--secure-port="+port, "--cert-dir="+s.dir,
		"--service-account-key-file="+file("sa.key"), "--service-account-signing-key-file="+file("sa.key"), "--service-account-issuer=https://kubernetes.test",
		"--token-auth-file="+file("tokens"), "--authorization-mode=RBAC", "--service-cluster-ip-range=10.0.0.0/24", "--disable-admission-plugins=ServiceAccount")
	var said bytes.Buffer
	s.cmd.Stderr = &said
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; <-time.After(200 * time.Millisecond) { // the process of others is waited for
		status, text, err := s.call(http.MethodGet, "/readyz?verbose", nil)
		if err == nil && status == http.StatusOK {
			return
		}
		if time.Now().After(end) {
			s.stop()
			s.t.Fatalf("the API server is not ready: %d %s %v\n%s", status, text, err, said.String())
		}
	}
}

func (s *kubernetesServer) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// call makes a call as who may do everything.
func (s *kubernetesServer) call(method, path string, body any) (status int, text []byte, err error) {
	ca, err := os.ReadFile(filepath.Join(s.dir, "apiserver.crt"))
	if err != nil {
		return 0, nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}}
	sent, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, "https://"+s.addr+path, bytes.NewReader(sent))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer all")
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

// must is call, which has to succeed.
func (s *kubernetesServer) must(method, path string, body any) {
	s.t.Helper()
	if status, text, err := s.call(method, path, body); err != nil || status > 299 {
		s.t.Fatalf("%s %s: %d %s %v", method, path, status, text, err)
	}
}

// source is one that looks for orders with a token.
func (s *kubernetesServer) source(token string) discovery.Source {
	s.t.Helper()
	config := filepath.Join(s.dir, "config-"+token)
	text := fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u, namespace: shop}}]
clusters: [{name: k, cluster: {server: "https://%s", certificate-authority: %s/apiserver.crt}}]
users: [{name: u, user: {token: %s}}]
`, s.addr, s.dir, token)
	if err := os.WriteFile(config, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return source(s.t, discovery.Config{Kubernetes: &discovery.Kubernetes{Service: "orders", Port: "http", Kubeconfig: config}})
}

const kubernetesSlices = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"

func kubernetesSlice(name string, endpoints ...doc) doc {
	return doc{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": doc{"name": name, "labels": doc{"kubernetes.io/service-name": "orders"}},
		"addressType": "IPv4", "ports": []doc{{"name": "http", "port": 8080, "protocol": "TCP"}, {"name": "metrics", "port": 9090, "protocol": "TCP"}}, "endpoints": endpoints}
}

func realEndpoint(address, zone string, ready bool) doc {
	return doc{"addresses": []string{address}, "zone": zone, "conditions": doc{"ready": ready}}
}

// TestKubernetesReal follows real EndpointSlices of a real API server, with the rights
// that the documentation names and no others, and over its restart.
func TestKubernetesReal(t *testing.T) {
	s := newKubernetesServer(t)
	s.must(http.MethodPost, "/api/v1/namespaces", doc{"metadata": doc{"name": "shop"}})
	const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/"
	s.must(http.MethodPost, rbac+"roles", doc{"metadata": doc{"name": "gatehouse"}, "rules": []doc{{"apiGroups": []string{"discovery.k8s.io"}, "resources": []string{"endpointslices"}, "verbs": []string{"list", "watch"}}}})
	s.must(http.MethodPost, rbac+"rolebindings", doc{"metadata": doc{"name": "gatehouse"}, "roleRef": doc{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "gatehouse"},
		"subjects": []doc{{"kind": "User", "name": "reader", "apiGroup": "rbac.authorization.k8s.io"}}})
	s.must(http.MethodPost, "/api/v1/namespaces/shop/services", doc{"metadata": doc{"name": "orders"}, "spec": doc{"ports": []doc{{"name": "http", "port": 80}}}})
	s.must(http.MethodPost, kubernetesSlices, kubernetesSlice("orders-1", realEndpoint("10.1.0.1", "a", true), realEndpoint("10.1.0.2", "b", false)))

	if _, err := once(t, s.source("none")); err == nil {
		t.Error("somebody without rights was answered")
	}
	finds, errs := answers(t, s.source("read"))
	next(t, finds, errs, "10.1.0.1:8080@a")
	s.must(http.MethodPost, kubernetesSlices, kubernetesSlice("orders-2", realEndpoint("10.1.0.3", "a", true)))
	next(t, finds, errs, "10.1.0.1:8080@a 10.1.0.3:8080@a")
	s.must(http.MethodPatch, kubernetesSlices+"/orders-1", doc{"endpoints": []doc{realEndpoint("10.1.0.1", "a", false), realEndpoint("10.1.0.2", "b", true)}})
	next(t, finds, errs, "10.1.0.2:8080@b 10.1.0.3:8080@a")
	s.must(http.MethodDelete, kubernetesSlices+"/orders-2", nil)
	next(t, finds, errs, "10.1.0.2:8080@b")

	s.stop()
	if err := <-errs; err == nil {
		t.Error("no error from a server that was killed")
	}
	s.start()
	if f, err := once(t, s.source("read")); err != nil || text(f.Endpoints) != "10.1.0.2:8080@b" {
		t.Errorf("after the restart: %q, %v", text(f.Endpoints), err)
	}
}
