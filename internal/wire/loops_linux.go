package wire

import "sync"

// loops are the loops of a server.
type loops struct {
	list  []*Loop
	next  int // gets the next connection
	group sync.WaitGroup
}

// startLoops starts the loops, once.
func (s *Server) startLoops() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.loops.list) < s.Loops && !s.draining.Load() {
		l, err := newLoop(s, len(s.loops.list))
		if err != nil {
			return err
		}
		s.loops.list = append(s.loops.list, l)
		s.loops.group.Go(l.run)
	}
	return nil
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
	s.mu.Lock()
	var l *Loop
	if n := len(s.loops.list); n > 0 {
		l = s.loops.list[s.loops.next%n]
		s.loops.next++
	}
	s.mu.Unlock()
	if l == nil {
		return false
	}
	_ = c.greet() // does not fail without TLS
	if c.sock.detach() != nil {
		return false
	}
	l.post(func() { l.enter(c) }) // loops do not end before their last connection
	return true
}
