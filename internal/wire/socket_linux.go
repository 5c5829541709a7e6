package wire

import (
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// detach takes a plain TCP connection out of the net package's hands: what is
// left is a descriptor, which Go's poller does not know.
func (s *socket) detach() error {
	fd, err := -1, error(nil)
	cerr := s.raw.Control(func(old uintptr) {
		fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	})
	if cerr != nil {
		return cerr
	}
	if err != nil {
		return os.NewSyscallError("dup", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.nc.Close() // the copy lives
	s.nc, s.tcp, s.raw = nil, nil, nil
	s.bare, s.fd, s.closed = true, fd, false
	return nil
}

// attach is the way back. If it fails the connection is closed.
func (s *socket) attach() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := os.NewFile(uintptr(s.fd), "")
	nc, err := net.FileConn(f)
	_ = f.Close() // nc has a copy
	s.closed = true
	if err != nil {
		return err
	}
	s.changeTo(nc)
	return nil
}

// changeTo is init for a socket that others may be looking at.
func (s *socket) changeTo(nc net.Conn) {
	s.nc, s.bare = nc, false
	s.readArmed, s.writeArmed = time.Time{}, time.Time{}
	s.tcp, _ = nc.(*net.TCPConn)
	s.raw, _ = s.tcp.SyscallConn() // fails only on a closed conn
}

// shutBare makes the loop that owns the descriptor notice that the connection
// has to end.
func (s *socket) shutBare(drop bool) {
	if s.closed {
		return
	}
	if drop {
		_ = unix.SetsockoptLinger(s.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // best effort
	}
	_ = unix.Shutdown(s.fd, unix.SHUT_RDWR) // fails if the peer has gone: the loop knows
}

// closeBare closes the descriptor. Others may still call shut.
func (s *socket) closeBare(drop bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if drop {
		_ = unix.SetsockoptLinger(s.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // best effort
	}
	s.closed = true
	_ = unix.Close(s.fd)
}
