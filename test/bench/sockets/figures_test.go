// Package sockets_test measures WebSocket APIs through the built binary: what an
// idle connection holds, how fast connections are made, what an echo costs and
// how long a broadcast takes. The aims stand beside the figures.
//
//	GATEHOUSE_SOCKETS=50000 go test -count=1 -v ./test/bench/sockets
//
// Where the kernel allows fewer open files than that, fewer connections are
// made. They come from several loopback addresses.
package sockets_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/test/gatehousetest"
)

// The aims.
const (
	aimMemory    = 6 << 10 // bytes of a connection
	aimRate      = 2000.0  // connections a second
	aimEcho      = 20.0    // µs of CPU for a message
	aimBroadcast = 500.0   // ms, for 50,000 connections
)

// A bench is a server with its connections.
type bench struct {
	t     *testing.T
	s     *gatehousetest.Server
	path  string
	conns []*gatehousetest.Socket
}

func TestFigures(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("GATEHOUSE_SOCKETS"))
	if err != nil || n < 1 {
		t.Skip("measures only if GATEHOUSE_SOCKETS says with how many connections")
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	if most := int(files.Max) - 500; n > most {
		t.Logf("%d open files are allowed: %d connections instead of %d", files.Max, most, n)
		n = most
	}
	b := start(t)
	before := b.resident()
	took := b.connect(n)
	b.figure("connections a second", float64(n)/took.Seconds(), aimRate, true)
	b.settle()
	b.figure("bytes of an idle connection", float64(b.resident()-before)/float64(n), aimMemory, false)
	b.broadcast(n)
	b.echo("mock", "µs of CPU for an echo by templates")
	b.echo("http", "µs of CPU for an echo by an HTTP backend")
}

// figure reports a figure, and fails if it misses its aim.
func (b *bench) figure(what string, got, aim float64, atLeast bool) {
	b.t.Helper()
	b.t.Logf("%-45s %10.1f   aim %.0f", what, got, aim)
	if atLeast && got < aim || !atLeast && got > aim {
		b.t.Errorf("%s: %.1f misses the aim %.0f", what, got, aim)
	}
}

// start starts a server with an API: $connect puts everybody into the topic
// "all", "mock" answers by a template, "http" by a backend.
func start(t *testing.T) *bench {
	bin, err := gatehousetest.Build("../../..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"), "--dev", "--account-rate", "1000000", "--account-burst", "1000000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body) // the echo will be missing
	}))
	t.Cleanup(backend.Close)
	c, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	api, err := c.NewSocketAPI()
	if err != nil {
		t.Fatal(err)
	}
	mock := map[string]any{"integrationType": "MOCK", "requestTemplates": map[string]string{"$default": `{"statusCode":200}`}, "templateSelectionExpression": `\$default`}
	err = api.Route("$connect", mock, map[string]map[string]any{"$default": {"responseParameters": map[string]string{"method.response.header.Gatehouse-Topics": "'all'"}}}, false)
	if err == nil {
		err = api.Route("mock", mock, map[string]map[string]any{"$default": {"responseTemplates": map[string]string{"$default": `{"you":"$context.connectionId"}`}}}, true)
	}
	if err == nil {
		err = api.Route("http", map[string]any{"integrationType": "HTTP_PROXY", "integrationMethod": "POST", "integrationUri": backend.URL + "/"}, nil, true)
	}
	b := &bench{t: t, s: s}
	if err == nil {
		b.path, err = api.Deploy()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// connect makes n connections, and returns how long that took.
func (b *bench) connect(n int) time.Duration {
	b.conns = make([]*gatehousetest.Socket, n)
	b.t.Cleanup(func() {
		for _, c := range b.conns {
			if c != nil {
				c.Close()
			}
		}
	})
	var next atomic.Int64
	var g errgroup.Group
	begun := time.Now()
	for range 32 {
		g.Go(func() error {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				c, err := gatehousetest.DialSocket(b.s.Listen, b.path, fmt.Sprintf("127.0.0.%d", 2+i/10_000))
				if err != nil {
					return err
				}
				b.conns[i] = c
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		b.t.Fatalf("connect: %v\n%s", err, b.s.Log())
	}
	return time.Since(begun)
}

// settle lets the server collect the garbage of the handshakes, which it does
// within two minutes if nothing happens: here it is helped along by work.
func (b *bench) settle() {
	until := time.Now().Add(10 * time.Second)
	for time.Now().Before(until) {
		resp, err := http.Get("http://" + b.s.Admin + "/readyz")
		if err != nil {
			b.t.Fatal(err)
		}
		resp.Body.Close()
	}
}

// resident is the server's resident memory.
func (b *bench) resident() int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.s.PID()))
	if err != nil {
		b.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	fields := strings.Fields(rest)
	kib, err := strconv.Atoi(fields[0])
	if err != nil {
		b.t.Fatal(err)
	}
	return kib << 10
}

// cpu is the processor time that the server has used.
func (b *bench) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", b.s.PID()))
	if err != nil {
		b.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var ticks int
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			b.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// broadcast posts to the topic that everybody is in, and waits until all have it.
func (b *bench) broadcast(n int) {
	const rounds = 5
	message := strings.Repeat("x", 100)
	best, before := time.Hour, b.cpu()
	for range rounds {
		var got sync.WaitGroup
		last := make([]time.Time, len(b.conns))
		for i, c := range b.conns {
			got.Go(func() {
				buf := make([]byte, 2+len(message))
				if _, err := io.ReadFull(c, buf); err != nil || string(buf[2:]) != message {
					b.t.Errorf("connection %d got %q, %v", i, buf, err)
				}
				last[i] = time.Now()
			})
		}
		begun := time.Now()
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+b.s.Listen+b.path+"/@connections/topics/all", strings.NewReader(message))
		if err != nil {
			b.t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			b.t.Fatal(err)
		}
		answer, _ := io.ReadAll(resp.Body) // compared below
		resp.Body.Close()
		posted := time.Since(begun)
		if want := fmt.Sprintf(`{"delivered":%d,"lost":0}`, n); string(bytes.TrimSpace(answer)) != want {
			b.t.Fatalf("the topic answered %d %s, want %s", resp.StatusCode, answer, want)
		}
		got.Wait()
		var all time.Duration
		for _, t := range last {
			all = max(all, t.Sub(begun))
		}
		b.t.Logf("broadcast: posted in %v, the last of %d has it after %v", posted, n, all)
		best = min(best, all)
	}
	b.t.Logf("broadcast: %.1f µs of CPU for a connection", float64((b.cpu()-before).Microseconds())/float64(rounds*n))
	b.figure("ms for a broadcast to 50,000 (in proportion)", best.Seconds()*1000*50_000/float64(n), aimBroadcast, false)
}

// echo has connections send and receive in turn, and reports the server's CPU
// for a message.
func (b *bench) echo(to, what string) {
	const clients, each = 50, 2000
	message := `{"to":"` + to + `","text":"hello"}`
	before, begun := b.cpu(), time.Now()
	var g errgroup.Group
	for _, c := range b.conns[:min(clients, len(b.conns))] {
		g.Go(func() error {
			r := bufio.NewReaderSize(c, 256)
			for range each {
				if err := c.Send(message); err != nil {
					return err
				}
				first, got, err := gatehousetest.Receive(r)
				if err != nil || first != 0x81 || strings.Contains(got, `"message": `) {
					return fmt.Errorf("%s: got %x %q, %w", to, first, got, err)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		b.t.Fatalf("%v\n%s", err, b.s.Log())
	}
	messages := float64(min(clients, len(b.conns)) * each)
	b.t.Logf("%s: %.0f messages a second", to, messages/time.Since(begun).Seconds())
	b.figure(what, float64((b.cpu()-before).Microseconds())/messages, aimEcho, false)
}
