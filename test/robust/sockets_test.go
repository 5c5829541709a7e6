package robust_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/test/gatehousetest"
)

// A doorkeeper is the backend of $connect and $disconnect: it refuses every
// seventh client, and notes who came and who went.
type doorkeeper struct {
	came atomic.Int64
	mu   sync.Mutex // guards left
	left map[string]int
}

func (d *doorkeeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("Id")
	if r.Header.Get("Event") == "CONNECT" {
		if d.came.Add(1)%7 == 0 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		d.mu.Lock()
		d.left[id] = 0
		d.mu.Unlock()
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.left[id]; !known {
		d.left[id] = 100 // it was never let in
	}
	d.left[id]++
}

// TestSocketDrops connects 100,000 times and breaks off in every way a client
// can; GATEHOUSE_DROPS sets another number. Whoever was let in has left once in
// the end, and the server is as large as before.
func TestSocketDrops(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	drops := repeats("GATEHOUSE_DROPS", 100_000)
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"), "--account-rate", "1000000", "--account-burst", "1000000",
		"--backend-connections", "128")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	d := &doorkeeper{left: make(map[string]int)}
	backend := httptest.NewServer(d)
	t.Cleanup(backend.Close)
	path, err := newDoor(s, backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	drop(t, s, path, 500) // so that its memory is what it will be
	before := residentOf(t, s)
	drop(t, s, path, drops)
	want := drops + 500
	wait(t, 2*time.Minute, func() error {
		d.mu.Lock()
		defer d.mu.Unlock()
		for id, n := range d.left {
			if n != 1 {
				return fmt.Errorf("%s has left %d times", id, n)
			}
		}
		if got := int(d.came.Load()); got != want {
			return fmt.Errorf("%d came, want %d", got, want)
		}
		return nil
	})
	grown := residentOf(t, s) - before
	t.Logf("%d connections, %d let in, each left once; %d KiB more", want, len(d.left), grown>>10)
	if grown > 64<<20 {
		t.Errorf("the server has grown by %d MiB", grown>>20)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// newDoor makes a WebSocket API whose $connect and $disconnect go to a backend,
// and returns the path of its stage.
func newDoor(s *gatehousetest.Server, backend string) (string, error) {
	c, err := s.Client()
	if err != nil {
		return "", err
	}
	api, err := c.NewSocketAPI()
	for _, key := range []string{"$connect", "$disconnect"} {
		if err == nil {
			err = api.Route(key, map[string]any{"integrationType": "HTTP_PROXY", "integrationMethod": "POST", "integrationUri": backend + "/", "requestParameters": map[string]string{
				"integration.request.header.Id": "context.connectionId", "integration.request.header.Event": "context.eventType"}}, nil, false)
		}
	}
	if err == nil {
		err = api.Route("$default", map[string]any{"integrationType": "MOCK"}, nil, false)
	}
	if err != nil {
		return "", err
	}
	return api.Deploy()
}

// farewells are what clients do in the end.
var farewells = []func(s *gatehousetest.Socket){
	func(s *gatehousetest.Socket) {}, // closed without a word
	func(s *gatehousetest.Socket) { _ = s.Conn.(*net.TCPConn).SetLinger(0) },
	func(s *gatehousetest.Socket) { _ = s.Conn.(*net.TCPConn).CloseWrite(); _, _ = io.Copy(io.Discard, s) },
	func(s *gatehousetest.Socket) {
		_, _ = s.Write(gatehousetest.AppendFrame(nil, 0x88, "\x03\xe8bye"))
		_, _ = io.Copy(io.Discard, s)
	},
	func(s *gatehousetest.Socket) { _, _ = s.Write(gatehousetest.AppendFrame(nil, 0x88, "")) },
	func(s *gatehousetest.Socket) { _ = s.Send("some message") },
	func(s *gatehousetest.Socket) { _, _ = io.WriteString(s, "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff") }, // top bit of the length
	func(s *gatehousetest.Socket) {
		_, _ = io.WriteString(s, "\x81\x05hello")
		_, _ = io.Copy(io.Discard, s)
	}, // not masked
	func(s *gatehousetest.Socket) {
		_, _ = s.Write(gatehousetest.AppendFrame(nil, 0xc1, "compressed unasked"))
	}, // a reserved bit
	func(s *gatehousetest.Socket) {
		_, _ = s.Write(gatehousetest.AppendFrame(nil, 0x01, "a message without end"))
	}, // and gone
	func(s *gatehousetest.Socket) {
		_, _ = s.Write(gatehousetest.AppendFrame(nil, 0x81, "half of a frame")[:9])
	}, // and gone
	func(s *gatehousetest.Socket) { _, _ = s.Write(gatehousetest.AppendFrame(nil, 0x81, "bad UTF-8 \xff")) }, // 1007
	func(s *gatehousetest.Socket) { _, _ = s.Write(gatehousetest.AppendFrame(nil, 0x82, "binary")) },         // 1003
	func(s *gatehousetest.Socket) {
		_, _ = s.Write(gatehousetest.AppendFrame(nil, 0x81, strings.Repeat("x", 33000)))
	}, // 1009
}

// drop connects n times.
func drop(t *testing.T, s *gatehousetest.Server, path string, n int) {
	t.Helper()
	var next atomic.Int64
	var g errgroup.Group
	for range 32 {
		g.Go(func() error {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				c, err := gatehousetest.DialSocket(s.Listen, path, fmt.Sprintf("127.0.0.%d", 2+i%20))
				if err != nil {
					if strings.Contains(err.Error(), "HTTP/1.1 403 ") {
						continue
					}
					return err
				}
				_ = c.SetDeadline(time.Now().Add(2 * time.Minute)) // it was just made
				farewells[rand.IntN(len(farewells))](c)
				c.Close()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, s.Log())
	}
}

// residentOf is a server's resident memory.
func residentOf(t *testing.T, s *gatehousetest.Server) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// wait waits until check finds nothing.
func wait(t *testing.T, patience time.Duration, check func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatal(err)
}
