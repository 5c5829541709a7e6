// Package upstreamtest has backends for tests: ones that answer as told, byte
// by byte, and the list of those that misbehave, with what is to be made of
// each.
package upstreamtest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// A Script serves one connection of a [Backend]. The connection is closed when
// it returns.
type Script func(c *Conn)

// A Backend runs a script for every connection to a loopback port.
type Backend struct {
	addr     netip.AddrPort
	ln       net.Listener
	script   Script
	accepted atomic.Int64
	done     chan struct{}
	wg       sync.WaitGroup

	mu    sync.Mutex // guards the field below
	conns map[net.Conn]struct{}
}

// New starts a backend that ends with the test.
func New(t testing.TB, script Script) *Backend {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &Backend{
		addr:   ln.Addr().(*net.TCPAddr).AddrPort(),
		ln:     ln,
		script: script,
		done:   make(chan struct{}),
		conns:  make(map[net.Conn]struct{}),
	}
	b.wg.Go(b.accept)
	t.Cleanup(b.Close)
	return b
}

// Refusing returns the address of a port that nobody listens on, to the end of the
// test: the client's end of a connection has it.
func Refusing(t testing.TB) netip.AddrPort {
	t.Helper()
	b := New(t, func(c *Conn) { c.Hang() })
	nc, err := net.Dial("tcp", b.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return nc.LocalAddr().(*net.TCPAddr).AddrPort()
}

// Addr is where b listens.
func (b *Backend) Addr() netip.AddrPort { return b.addr }

// Accepted returns how many connections were made to b.
func (b *Backend) Accepted() int { return int(b.accepted.Load()) }

// Close ends b and all its connections.
func (b *Backend) Close() {
	select {
	case <-b.done:
		return
	default:
	}
	close(b.done)
	_ = b.ln.Close()
	b.CloseConns()
	b.wg.Wait()
}

// CloseConns closes the connections that are open now.
func (b *Backend) CloseConns() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.conns {
		_ = c.Close()
	}
}

func (b *Backend) accept() {
	for {
		nc, err := b.ln.Accept()
		if err != nil {
			return
		}
		n := b.accepted.Add(1)
		if !b.keep(nc) {
			return
		}
		b.wg.Go(func() {
			defer b.drop(nc)
			b.script(&Conn{Conn: nc, Number: int(n), Done: b.done, br: bufio.NewReader(nc)})
		})
	}
}

// keep notes a connection, unless b ends: Close would not find it any more.
func (b *Backend) keep(nc net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.done:
		_ = nc.Close()
		return false
	default:
	}
	b.conns[nc] = struct{}{}
	return true
}

func (b *Backend) drop(nc net.Conn) {
	_ = nc.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, nc)
}

// A Conn is a backend's side of a connection.
type Conn struct {
	net.Conn
	Number int             // of the connection, from 1
	Done   <-chan struct{} // closed when the backend ends
	br     *bufio.Reader
}

// Request reads one request with its body; nil at the end of the connection.
func (c *Conn) Request() *http.Request {
	r, err := http.ReadRequest(c.br)
	if err != nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	r.Body = io.NopCloser(&sliceReader{body})
	return r
}

type sliceReader struct{ b []byte }

func (s *sliceReader) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.b)
	s.b = s.b[n:]
	return n, nil
}

// Send writes s and reports whether the other side takes it.
func (c *Conn) Send(s string) bool {
	_, err := io.WriteString(c.Conn, s)
	return err == nil
}

// Hang waits until the other side or the backend ends.
func (c *Conn) Hang() {
	_, _ = io.Copy(io.Discard, c.br)
}

// Reset ends the connection with RST.
func (c *Conn) Reset() {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}

// Echo answers every request with its method, path and body.
func Echo(c *Conn) {
	for {
		r := c.Request()
		if r == nil {
			return
		}
		body, _ := io.ReadAll(r.Body)
		if !Answer(c, r.Method+" "+r.URL.RequestURI()+" "+string(body)) {
			return
		}
	}
}

// Answer sends a whole response with a body.
func Answer(c *Conn, body string) bool {
	return c.Send("HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}
