package wire

import "sync"

// loops are the loops of a server.
type loops struct {
	list  []*Loop
	next  int // gets the next connection
	group sync.WaitGroup
}

// nextLoop returns the loop for the next connection, and starts the loops with
// the first; nil: there is none, or no descriptors are left for it.
func (s *Server) nextLoop() *Loop {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.loops.list) < s.Loops {
		l, err := newLoop(s, len(s.loops.list))
		if err != nil {
			return nil
		}
		s.loops.list = append(s.loops.list, l)
		s.loops.group.Go(l.run)
	}
	n := len(s.loops.list)
	if n == 0 {
		return nil
	}
	s.loops.next = (s.loops.next + 1) % n
	return s.loops.list[s.loops.next]
}

// stopLoops ends the loops, once the last connection has ended.
func (s *Server) stopLoops() {
	s.mu.Lock()
	list := s.loops.list
	s.mu.Unlock()
	for _, l := range list {
		l.stop()
	}
	s.loops.group.Wait()
}

// enterLoop gives a new connection to a loop, if there are loops and it is one
// for them.
func (s *Server) enterLoop(c *serverConn) bool {
	if c.sock.tcp == nil {
		return false
	}
	l := s.nextLoop()
	if l == nil {
		return false
	}
	_ = c.greet() // does not fail without TLS
	if c.sock.detach() != nil {
		return false
	}
	l.welcome(c)
	return true
}
