package robust_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A namespace is a network of its own, joined to this machine's by a pair of
// interfaces, with a host for each endpoint.
type namespace struct {
	t    *testing.T
	name string
	net  int // the third byte of its addresses

	mu sync.Mutex // orders changes of rules
}

// chaosNetwork returns a network of its own, where this process may make one:
// else, or where that is not Linux with iproute2, the loopback interface.
func chaosNetwork(t *testing.T, hosts int) network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Log("not root: packets are not dropped")
		return loopback{}
	}
	ns := &namespace{t: t, name: fmt.Sprintf("chaos%d", os.Getpid()), net: os.Getpid() % 250}
	outside, inside := fmt.Sprintf("chao%d", os.Getpid()), fmt.Sprintf("chai%d", os.Getpid())
	if err := ns.ip("netns", "add", ns.name); err != nil {
		t.Logf("packets are not dropped: %v", err)
		return loopback{}
	}
	t.Cleanup(func() {
		_ = ns.ip("link", "del", outside) // it may not be there
		if err := ns.ip("netns", "del", ns.name); err != nil {
			t.Error(err)
		}
	})
	steps := [][]string{
		{"link", "add", outside, "type", "veth", "peer", "name", inside, "netns", ns.name},
		{"addr", "add", fmt.Sprintf("10.213.%d.1/24", ns.net), "dev", outside},
		{"link", "set", outside, "up"},
		{"-n", ns.name, "link", "set", inside, "up"},
	}
	for n := range hosts {
		steps = append(steps, []string{"-n", ns.name, "addr", "add", ns.host(n) + "/24", "dev", inside})
	}
	for _, step := range steps {
		if err := ns.ip(step...); err != nil {
			t.Logf("packets are not dropped: %v", err)
			return loopback{}
		}
	}
	return ns
}

func (*namespace) ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

func (ns *namespace) host(n int) string { return fmt.Sprintf("10.213.%d.%d", ns.net, 10+n) }

func (ns *namespace) silence(host string, silent bool) bool {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	what := "del"
	if silent {
		what = "add"
	}
	if err := ns.ip("-n", ns.name, "rule", what, "from", host, "blackhole"); err != nil {
		ns.t.Error(err)
		return false
	}
	return true
}

// listen makes a socket inside: it belongs to the network that its thread is in.
func (ns *namespace) listen(addr string) (ln net.Listener, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		var fd int
		if fd, err = unix.Open("/var/run/netns/"+ns.name, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return
		}
		defer unix.Close(fd) //nolint:errcheck // only named something
		if err = unix.Setns(fd, unix.CLONE_NEWNET); err == nil {
			ln, err = net.Listen("tcp", addr)
		}
	}()
	<-done
	return ln, err
}
