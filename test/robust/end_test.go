package robust_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"gatehouse/test/gatehousetest"
)

// A held is a server with one request under way, which its backend answers
// when let go.
type held struct {
	server *gatehousetest.Server
	letGo  chan struct{}
	answer chan answer
}

type answer struct {
	status int
	body   string
	err    error
}

func hold(t *testing.T, args ...string) *held {
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	h := &held{server: s, letGo: make(chan struct{}), answer: make(chan answer, 1)}
	arrived := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		select {
		case <-h.letGo:
			_, _ = io.WriteString(w, "at last")
		case <-t.Context().Done():
		}
	}))
	t.Cleanup(backend.Close)
	api, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := importAPI(t.Context(), api, definition("held", backend.Listener.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := deploy(t.Context(), api, id, "0"); err != nil {
		t.Fatal(err)
	}
	go func() {
		var a answer
		a.status, a.body, a.err = fetch(t.Context(), new(http.Client), s.DataPlane(), id)
		h.answer <- a
	}()
	select {
	case <-arrived:
	case a := <-h.answer:
		t.Fatalf("answered before the backend did: %+v", a)
	}
	return h
}

// TestEndFinishesRequests: told to end, the server takes no new connection,
// but answers what it has begun.
func TestEndFinishesRequests(t *testing.T) {
	h := hold(t)
	stopped := make(chan error, 1)
	go func() { stopped <- h.server.Stop() }()
	waitClosed(t, h.server.Listen)
	close(h.letGo)
	if a := <-h.answer; a.err != nil || a.status != http.StatusOK || a.body != "at last" {
		t.Errorf("the request under way got %+v, want 200", a)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestEndCutsOff: a request that outlasts the drain does not keep the server.
func TestEndCutsOff(t *testing.T) {
	h := hold(t, "--drain", "100ms")
	begin := time.Now()
	if err := h.server.Stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("the end took %v, want little more than the drain", took)
	}
	if a := <-h.answer; a.err == nil && a.status == http.StatusOK {
		t.Errorf("the request got %+v, want it cut off", a)
	}
}

// TestSecondSignal ends the server at once.
func TestSecondSignal(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			h := hold(t, "--drain", "10m")
			if err := h.server.Signal(sig); err != nil {
				t.Fatal(err)
			}
			waitClosed(t, h.server.Listen)
			if err := h.server.Signal(sig); err != nil {
				t.Fatal(err)
			}
			h.server.Wait()
			if got := h.server.ExitCode(); got != 130 {
				t.Errorf("exit code %d, want 130", got)
			}
		})
	}
}

// waitClosed waits until nothing accepts connections at addr.
func waitClosed(t *testing.T, addr string) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-tick.C {
		c, err := net.Dial("tcp", addr)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if err == nil {
			_ = c.Close()
		}
	}
	t.Fatalf("%s still accepts connections", addr)
}
