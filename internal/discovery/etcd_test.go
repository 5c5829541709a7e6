package discovery_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"gatehouse/internal/discovery"
)

// An etcdServer is a real one, of the version pinned in tools/servers.
type etcdServer struct {
	bin, dir, client, peer string
	cmd                    *exec.Cmd
}

func newEtcdServer(t *testing.T) *etcdServer {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs etcd")
	}
	s := &etcdServer{bin: filepath.Join(t.TempDir(), "etcd"), dir: t.TempDir(), client: freeAddress(t), peer: freeAddress(t)}
	cmd := exec.Command("go", "build", "-o", s.bin, "go.etcd.io/etcd/server/v3")
	cmd.Dir = filepath.Join("..", "..", "tools", "servers")
	if out, err := cmd.CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("build etcd: %v\n%s", err, out)
		}
		t.Skipf("etcd cannot be built here: %v\n%s", err, out)
	}
	t.Cleanup(s.stop)
	return s
}

// freeAddress is one that nobody listens at: etcd has to know its own before it
// starts. On Linux nobody else is given it meanwhile.
func freeAddress(t *testing.T) string {
	t.Helper()
	host := "127.0.0.1"
	if runtime.GOOS == "linux" { // which has all of 127.0.0.0/8
		host = "127.83.65.3"
	}
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *etcdServer) start(t *testing.T) {
	t.Helper()
	client, peer := "http://"+s.client, "http://"+s.peer
	s.cmd = exec.Command(s.bin, "--name", "n1", "--data-dir", s.dir, "--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "n1="+peer, "--log-level", "error", "--unsafe-no-fsync",
		"--heartbeat-interval", "20", "--election-timeout", "200")
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

func (s *etcdServer) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func TestEtcd(t *testing.T) {
	server := newEtcdServer(t)
	server.start(t)
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{"http://" + server.client}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	put := func(key, value string, opts ...clientv3.OpOption) {
		t.Helper()
		if _, err := c.Put(ctx, key, value, opts...); err != nil {
			t.Fatal(err)
		}
	}
	put("/services/orders/a", "10.0.0.1:80")
	put("/services/orders/b", `{"address": "10.0.0.2:80", "weight": 3}`)
	put("/services/orders/c", `{"Op":0,"Addr":"10.0.0.3:80","Metadata":null}`)
	put("/services/orders/d", `{"host": "fd00::4", "port": 80, "draining": true}`)
	put("/services/mail/a", "10.0.0.9:80")
	put("/services/orders/e", "nonsense")
	src := source(t, discovery.Config{Etcd: &discovery.Etcd{Endpoints: []string{"http://" + server.client}, Prefix: "/services/orders/"}})
	finds, errs := answers(t, src)
	const rest = "10.0.0.2:80*III 10.0.0.3:80 [fd00::4]:80-"
	if f := next(t, finds, errs, "10.0.0.1:80 "+rest); f.Skipped != `/services/orders/e: "nonsense" is not an address` || f.Revision != "7" {
		t.Errorf("skipped %q at revision %s", f.Skipped, f.Revision)
	}
	if _, err := c.Delete(ctx, "/services/orders/a"); err != nil {
		t.Fatal(err)
	}
	next(t, finds, errs, rest)

	// A key goes with its lease.
	lease, err := c.Grant(ctx, 60)
	if err != nil {
		t.Fatal(err)
	}
	put("/services/orders/f", "10.0.0.6:80", clientv3.WithLease(lease.ID))
	next(t, finds, errs, "10.0.0.2:80*III 10.0.0.3:80 10.0.0.6:80 [fd00::4]:80-")
	if _, err := c.Revoke(ctx, lease.ID); err != nil {
		t.Fatal(err)
	}
	next(t, finds, errs, rest)

	// A server that is gone ends the run, and the next run goes on.
	server.stop()
	for err = nil; err == nil; {
		select {
		case <-finds:
		case err = <-errs:
			if err == nil {
				t.Fatal("the run ended without an error")
			}
		}
	}
	server.start(t)
	put("/services/orders/g", "10.0.0.7:80")
	finds, errs = answers(t, src)
	next(t, finds, errs, "10.0.0.2:80*III 10.0.0.3:80 10.0.0.7:80 [fd00::4]:80-")
}

// Nobody at all fails within seconds.
func TestEtcdNobody(t *testing.T) {
	_, err := once(t, source(t, discovery.Config{Etcd: &discovery.Etcd{Endpoints: []string{"http://127.0.0.1:1"}, Prefix: "/"}}))
	if err == nil || !strings.Contains(fmt.Sprint(err), "read:") {
		t.Errorf("ended with %v", err)
	}
}
