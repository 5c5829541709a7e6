package wire

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A Server serves HTTP/1.1 connections, one goroutine each. Its exported
// fields must not change once it serves.
type Server struct {
	Handler Handler
	Limits  Limits

	// Refuse words the answer to a request that never became an exchange's:
	// malformed, too large, too slow. The connection closes after it. Nil: the
	// status and the reason as plain text.
	Refuse func(peer *Peer, err *Error) *Response

	// Panicked is told of a panic while a connection was served. Only that
	// connection is cut. Nil: the panic ends the process.
	Panicked func(value any, stack []byte)

	// TakeOver is given the connections that speak HTTP/2. Nil: they are refused.
	TakeOver TakeOver

	// Loops is how many loops serve what is simple on plain TCP connections. 0:
	// a goroutine per connection serves everything.
	Loops int

	once     sync.Once   // sets the defaults
	lasting  atomic.Bool // each answer is the last of its connection
	draining atomic.Bool
	crowded  atomic.Bool // a connection waits for another to end; the one that does clears it
	date     atomic.Pointer[dateText]

	mu        sync.Mutex // guards the fields below; never held while calling out
	listeners map[net.Listener]struct{}
	conns     map[*serverConn]struct{}
	room      chan struct{} // closed when a connection ends while Accept waits for one
	empty     chan struct{} // closed when the last connection ends while somebody waits
	loops     loops
}

// dateText is the Date of one second.
type dateText struct {
	second int64
	text   string
}

func (s *Server) setUp() {
	s.once.Do(func() {
		s.Limits.setDefaults()
		s.listeners = map[net.Listener]struct{}{}
		s.conns = map[*serverConn]struct{}{}
	})
}

// Serve accepts connections from ln and serves them until Retire or Shutdown, when
// it returns ErrServerClosed, or until ctx ends or ln fails. It closes ln. Contexts
// of exchanges come from ctx. Connections may still be served when it returns;
// Shutdown waits for them.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	s.setUp()
	if !s.addListener(ln) {
		_ = ln.Close() // never accepted from
		return ErrServerClosed
	}
	defer s.dropListener(ln)
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() }) // wakes Accept
	defer stop()
	for {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			if err := s.awaitRoom(ctx); err != nil {
				_ = nc.Close() // never served
				return err
			}
			if c := s.admit(ctx, nc); c != nil && !s.enterLoop(c) {
				go c.run()
			}
		case s.lasting.Load():
			return ErrServerClosed
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, net.ErrClosed):
			return err
		default: // out of descriptors, or the client is gone already
			if err := pause(ctx, acceptPause); err != nil {
				return err
			}
		}
	}
}

// acceptPause keeps a failing Accept from spinning.
const acceptPause = 5 * time.Millisecond

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Server) addListener(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lasting.Load() {
		return false
	}
	s.listeners[ln] = struct{}{}
	return true
}

func (s *Server) dropListener(ln net.Listener) {
	_ = ln.Close() // may be closed already
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, ln)
}

// awaitRoom returns when one more connection may be served. An idle connection
// makes way.
func (s *Server) awaitRoom(ctx context.Context) error {
	for {
		room := s.roomLocking()
		if room == nil {
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *Server) roomLocking() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) < s.Limits.Conns || s.draining.Load() {
		s.crowded.Store(false)
		return nil
	}
	if s.room == nil {
		s.room = make(chan struct{})
	}
	s.makeRoomLocked()
	return s.room
}

// makeRoomLocked has one idle connection closed: one that is idle now, or the
// next that will be.
func (s *Server) makeRoomLocked() {
	s.crowded.Store(true)
	for c := range s.conns {
		if c.state.Load() != connIdle {
			continue
		}
		if !s.crowded.CompareAndSwap(true, false) || c.closeIdle() {
			return
		}
		s.crowded.Store(true)
	}
}

// Conns returns the number of open connections.
func (s *Server) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *Server) addConn(c *serverConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) dropConn(c *serverConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
	if s.empty != nil && len(s.conns) == 0 {
		close(s.empty)
		s.empty = nil
	}
}

// Retire stops accepting, as one does whose place another has taken: what is
// answered from now on is the last answer of its connection. Idle connections stay
// until they ask for something, since their clients may be just about to. It
// returns when no connection is left, or ctx ends; Shutdown is to follow.
func (s *Server) Retire(ctx context.Context) {
	s.setUp()
	select {
	case <-s.retire():
	case <-ctx.Done():
	}
}

func (s *Server) retire() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopAcceptingLocked()
	return s.emptyLocked()
}

func (s *Server) stopAcceptingLocked() {
	s.lasting.Store(true)
	for ln := range s.listeners {
		_ = ln.Close() // Serve notices
	}
}

// emptyLocked returns what is closed when no connection is left.
func (s *Server) emptyLocked() <-chan struct{} {
	if s.empty == nil {
		s.empty = make(chan struct{})
	}
	empty := s.empty
	if len(s.conns) == 0 {
		close(s.empty)
		s.empty = nil
	}
	return empty
}

// Shutdown stops accepting, closes idle connections at once, lets busy ones
// end with "Connection: close", and cuts those that are left when ctx ends. It
// returns when no connection is left; ctx's error if some were cut.
func (s *Server) Shutdown(ctx context.Context) error {
	s.setUp()
	empty := s.drain()
	select {
	case <-empty:
		s.stopLoops()
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		c.cut()
	}
	s.mu.Unlock()
	<-empty
	s.stopLoops()
	return ctx.Err()
}

func (s *Server) drain() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining.Store(true)
	s.stopAcceptingLocked()
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
	for c := range s.conns {
		c.closeIdle()
	}
	return s.emptyLocked()
}

// unwelcome says whether a connection that is idle has to end. Of those that
// could make room for another, only one has to.
func (s *Server) unwelcome() bool {
	return s.draining.Load() || s.crowded.Load() && s.crowded.CompareAndSwap(true, false)
}

// dateAt returns the Date for now, made at most once a second.
func (s *Server) dateAt(now time.Time) string {
	second := now.Unix()
	if d := s.date.Load(); d != nil && d.second == second {
		return d.text
	}
	d := &dateText{second, now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}
	s.date.Store(d)
	return d.text
}
