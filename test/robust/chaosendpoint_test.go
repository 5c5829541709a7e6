package robust_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// What an endpoint does.
const (
	well = iota
	killed
	hanging    // takes requests and never answers
	slow       // answers late
	resetting  // resets every connection that brings a request
	blackholed // the kernel takes connections; nobody looks at them
	breaking   // ends in the middle of an answer
	failing    // answers 503
	unheard    // no packet of it arrives anywhere; killed where there is no network of our own
	behaviours
)

// A network is where chaotic endpoints stand.
type network interface {
	// host is the address of the endpoint of this number, and port where it
	// listens for the first time.
	host(n int) string
	listen(addr string) (net.Listener, error)
	// silence drops all packets that come from host, or does so no more. It
	// returns false if it cannot.
	silence(host string, silent bool) bool
}

// loopback is a network in which nobody can be silenced.
type loopback struct{}

func (loopback) host(int) string                          { return "127.0.0.1" }
func (loopback) listen(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }
func (loopback) silence(string, bool) bool                { return false }

// A chaotic endpoint is one of a cluster, and changes what it does.
type chaotic struct {
	addr, zone string
	at         network

	mu      sync.Mutex // guards the fields below
	does    int
	changed chan struct{} // closed by the next change
	ln      net.Listener
	conns   map[net.Conn]bool
	wg      sync.WaitGroup
}

func newChaotic(t *testing.T, at network, n int, zone string) *chaotic {
	e := &chaotic{addr: net.JoinHostPort(at.host(n), "0"), zone: zone, at: at, changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	e.listenLocked()
	if e.ln == nil {
		t.Fatal("cannot listen")
	}
	e.addr = e.ln.Addr().String()
	t.Cleanup(func() { e.become(killed); e.wg.Wait() })
	return e
}

func (e *chaotic) host() string {
	host, _, _ := net.SplitHostPort(e.addr)
	return host
}

func (e *chaotic) listenLocked() {
	ln, err := e.at.listen(e.addr)
	if err != nil {
		return
	}
	e.ln = ln
	e.wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			e.mu.Lock()
			e.conns[nc] = true
			if e.does == killed {
				_ = nc.Close()
			}
			e.mu.Unlock()
			e.wg.Go(func() { e.serve(nc) })
		}
	})
}

func (e *chaotic) become(does int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case does == e.does:
	case does == unheard && !e.at.silence(e.host(), true):
		does = killed
	case e.does == unheard:
		e.at.silence(e.host(), false)
	}
	e.does = does
	close(e.changed)
	e.changed = make(chan struct{})
	switch {
	case does == killed && e.ln != nil:
		_ = e.ln.Close()
		e.ln = nil
		for nc := range e.conns {
			_ = nc.Close()
		}
	case does != killed && e.ln == nil:
		if e.listenLocked(); e.ln == nil {
			e.does = killed // somebody else has the port for now
		}
	}
}

func (e *chaotic) state() (does int, changed <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.does, e.changed
}

func (e *chaotic) isWell() bool {
	does, _ := e.state()
	return does == well
}

func (e *chaotic) serve(nc net.Conn) {
	defer func() {
		_ = nc.Close()
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.conns, nc)
	}()
	br := bufio.NewReader(nc)
	for {
		if does, changed := e.state(); does == blackholed {
			<-changed
			continue
		}
		if _, err := http.ReadRequest(br); err != nil {
			return
		}
		does, changed := e.state()
		const answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"
		text := answer
		switch does {
		case hanging, blackholed:
			<-changed
			return
		case resetting, killed:
			_ = nc.(*net.TCPConn).SetLinger(0)
			return
		case breaking:
			_, _ = io.WriteString(nc, answer[:30])
			return
		case failing:
			text = "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nsick"
		case slow:
			select {
			case <-changed:
			case <-time.After(100 * time.Millisecond):
			}
		}
		if _, err := io.WriteString(nc, text); err != nil {
			return
		}
	}
}
