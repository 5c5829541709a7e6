package app

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// conns are the connections of a server of net/http that has to end without refusing
// anybody. Its own Shutdown drops connections whose first request is just
// being read.
type conns struct {
	mu     sync.Mutex                  // guards the field below
	states map[net.Conn]http.ConnState // of those that are not idle
}

// watch has s tell of its connections.
func (c *conns) watch(s *http.Server) {
	c.states = make(map[net.Conn]http.ConnState)
	s.ConnState = func(nc net.Conn, state http.ConnState) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if state == http.StateNew || state == http.StateActive {
			c.states[nc] = state
		} else {
			delete(c.states, nc)
		}
	}
}

// silence is how long somebody who has connected may take to ask for something,
// when the server ends.
const silence = time.Second

// lookAgain is how often the connections are looked at when the server ends.
const lookAgain = 5 * time.Millisecond

// end returns when every request is answered, or ctx ends. Nobody else may be
// accepted any more. Then it closes what is left.
func (c *conns) end(ctx context.Context, s *http.Server) {
	defer s.Close() //nolint:errcheck // what is left is idle, or late
	s.SetKeepAlivesEnabled(false)
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for begun := time.Now(); ; {
		fresh, busy := c.count()
		if busy == 0 && (fresh == 0 || time.Since(begun) >= silence) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (c *conns) count() (fresh, busy int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, state := range c.states {
		if state == http.StateNew {
			fresh++
		} else {
			busy++
		}
	}
	return fresh, busy
}
