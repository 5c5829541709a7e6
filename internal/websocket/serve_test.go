package websocket_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/websocket"
)

// patience bounds what a test waits for.
const patience = time.Minute

// An echo is a handler that sends messages back, and tells the end.
type echo struct {
	c     *websocket.Conn
	ended chan *websocket.CloseError
}

func (e *echo) Message(m []byte)                { _ = e.c.WriteText(m) } // the end follows
func (e *echo) Ended(end *websocket.CloseError) { e.ended <- end }

// pair returns both ends of a connection over TCP.
func pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if client, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	if err := client.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client, server
}

// poller returns a running poller; nil where there are none.
func poller(t *testing.T) *websocket.Poller {
	p, err := websocket.NewPoller()
	if err != nil {
		return nil
	}
	done := make(chan struct{})
	go func() { p.Run(); close(done) }()
	t.Cleanup(func() { p.Close(); <-done })
	return p
}

func serveEcho(t *testing.T, limits websocket.Limits, deflate bool, p *websocket.Poller) (client net.Conn, e *echo) {
	client, nc := pair(t)
	cfg := complete(limits)
	cfg.Deflate, cfg.Poller = deflate, p
	e = &echo{websocket.NewConn(nc, nil, cfg), make(chan *websocket.CloseError, 1)}
	e.c.Serve(e)
	return client, e
}

func masked(first byte, payload string) []byte {
	b := []byte{first}
	if n := len(payload); n <= 125 {
		b = append(b, 0x80|byte(n))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

func readFrame(t *testing.T, r *bufio.Reader) (first byte, payload string) {
	t.Helper()
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		t.Fatal(err)
	}
	n := int(head[1])
	if n == 126 {
		var long [2]byte
		_, _ = io.ReadFull(r, long[:]) // the payload will be missing
		n = int(binary.BigEndian.Uint16(long[:]))
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return head[0], string(b)
}

// Connections that are served from a poller hold no goroutine while nothing
// arrives, however messages come: in parts, together, after a pause.
func TestServe(t *testing.T) {
	p := poller(t)
	before := runtime.NumGoroutine()
	const conns = 50
	clients := make([]net.Conn, conns)
	echoes := make([]*echo, conns)
	for i := range clients {
		clients[i], echoes[i] = serveEcho(t, websocket.Limits{}, false, p)
	}
	if n := runtime.NumGoroutine() - before; p != nil && n > 5 {
		t.Errorf("%d idle connections hold %d goroutines", conns, n)
	}
	for i, client := range clients {
		r := bufio.NewReader(client)
		for _, parts := range [][]string{{string(masked(0x81, "one"))}, {string(masked(0x81, "two")) + string(masked(0x81, "three"))},
			{"\x81\x84\x00", "\x00\x00\x00fo", "ur"}, {string(masked(0x01, "fi")), string(masked(0x80, "ve"))}} {
			for _, part := range parts {
				if _, err := client.Write([]byte(part)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, want := range []string{"one", "two", "three", "four", "five"} {
			if first, got := readFrame(t, r); first != 0x81 || got != want {
				t.Fatalf("connection %d: %x %q, want %q", i, first, got, want)
			}
		}
	}
	for i, client := range clients {
		code := websocket.CloseAbnormal
		if i%2 == 0 {
			code = websocket.CloseNormal
			if _, err := client.Write(masked(0x88, "\x03\xe8bye")); err != nil {
				t.Fatal(err)
			}
		} else {
			client.Close()
		}
		if end := <-echoes[i].ended; end.Code != code {
			t.Errorf("connection %d ended with %v, want %d", i, end, code)
		}
	}
}

// Whoever is parked is woken to be closed, and when its time is over.
func TestParkedEnds(t *testing.T) {
	p := poller(t)
	client, e := serveEcho(t, websocket.Limits{Farewell: time.Millisecond}, false, p)
	e.c.Close(websocket.CloseNormal, "go")
	if first, got := readFrame(t, bufio.NewReader(client)); first != 0x88 || got != "\x03\xe8go" {
		t.Errorf("closed with %x %q", first, got)
	}
	if end := <-e.ended; end.Code != websocket.CloseNormal { // the client never answers
		t.Errorf("ended with %v", end)
	}
	client, e = serveEcho(t, websocket.Limits{Idle: time.Millisecond, Farewell: time.Millisecond}, false, p)
	if first, got := readFrame(t, bufio.NewReader(client)); first != 0x88 || got != "\x03\xe9Going away" {
		t.Errorf("closed with %x %q", first, got)
	}
	if end := <-e.ended; end.Code != websocket.CloseGoingAway {
		t.Errorf("ended with %v", end)
	}
}

// What is offered to a client that takes it arrives in order; one that does not
// is cut off when its queue is full, and nobody waits.
func TestOffer(t *testing.T) {
	p := poller(t)
	client, e := serveEcho(t, websocket.Limits{}, false, p)
	r := bufio.NewReader(client)
	frame := websocket.AppendText(nil, []byte("news"), 1<<10)
	for range 100 {
		if !e.c.Offer(frame) {
			t.Fatal("not taken")
		}
		if first, got := readFrame(t, r); first != 0x81 || got != "news" {
			t.Fatalf("got %x %q", first, got)
		}
	}
	_, slow := serveEcho(t, websocket.Limits{Queue: 4, Farewell: time.Millisecond}, false, p)
	large := websocket.AppendText(nil, bytes.Repeat([]byte("x"), 1<<20), 1<<30)
	n := 0
	for slow.c.Offer(large) {
		if n++; n > 100 {
			t.Fatal("a client that reads nothing is offered for ever")
		}
	}
	if end := <-slow.ended; end.Code != websocket.ClosePolicy {
		t.Errorf("the slow client ended with %v, want 1008", end)
	}
	if slow.c.Offer(frame) {
		t.Error("a connection that has ended takes messages")
	}
}

// With permessage-deflate messages are compressed both ways, and one that would
// be too large ends its connection without being made.
func TestDeflate(t *testing.T) {
	for offer, want := range map[string]bool{
		"permessage-deflate": true, "permessage-deflate; client_max_window_bits": true, "x, permessage-deflate; client_max_window_bits=10": true,
		"permessage-deflate; server_max_window_bits=10": false, "permessage-deflate; server_max_window_bits=10, permessage-deflate": true,
		"permessage-deflate; unknown": false, "x-webkit-deflate-frame": false, "": false,
	} {
		if got := websocket.AcceptDeflate([]string{offer}) != ""; got != want {
			t.Errorf("AcceptDeflate(%q) = %v, want %v", offer, got, want)
		}
	}
	p := poller(t)
	client, _ := serveEcho(t, websocket.Limits{}, true, p)
	r := bufio.NewReader(client)
	text := strings.Repeat("a long message, ", 100)
	if _, err := client.Write(masked(0xc1, squeezed(text))); err != nil {
		t.Fatal(err)
	}
	first, got := readFrame(t, r)
	back, _ := io.ReadAll(flate.NewReader(strings.NewReader(got + "\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
	if first != 0xc1 || string(back) != text {
		t.Errorf("got %x %q", first, back)
	}
	if _, err := client.Write(masked(0x81, "plain")); err != nil {
		t.Fatal(err)
	}
	if first, got = readFrame(t, r); first != 0x81 || got != "plain" {
		t.Errorf("got %x %q", first, got)
	}
	zeros := masked(0xc1, squeezed(strings.Repeat("\x00", 20<<20))) // which takes its time under the race detector
	bomb, e := serveEcho(t, websocket.Limits{Farewell: time.Millisecond}, true, p)
	if _, err := bomb.Write(zeros); err != nil {
		t.Fatal(err)
	}
	if end := <-e.ended; end.Code != websocket.CloseTooBig {
		t.Errorf("a bomb ended with %v, want 1009", end)
	}
	rubbish, e := serveEcho(t, websocket.Limits{Farewell: time.Millisecond}, true, p)
	if _, err := rubbish.Write(masked(0xc1, "\xff\xff\xff")); err != nil {
		t.Fatal(err)
	}
	if end := <-e.ended; end.Code != websocket.CloseInvalidData {
		t.Errorf("rubbish ended with %v, want 1007", end)
	}
}

func squeezed(s string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // a level there is
	_, _ = io.WriteString(w, s)
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}
