package wire

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A socket is a net.Conn whose deadlines cost nothing as long as nothing is
// late. Setting one takes a lock and moves a timer in the runtime. So the
// deadline that is armed may be earlier than the true one: when it fires for
// nothing, the true one is armed and the read goes on.
type socket struct {
	nc  net.Conn
	tcp *net.TCPConn    // nc, if it is plain TCP; else nil
	raw syscall.RawConn // of tcp

	// direct is the descriptor, while the goroutine is inside a call of the
	// poller that keeps it open; else 0.
	direct uintptr

	// A loop's socket is a bare descriptor, and has no conn.
	mu     sync.Mutex // guards the fields below, and nc, tcp and raw when they change places
	bare   bool
	fd     int
	closed bool // fd is

	readArmed  time.Time
	writeArmed time.Time
}

func (s *socket) init(nc net.Conn) {
	*s = socket{nc: nc}
	if tcp, ok := nc.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			s.tcp, s.raw = tcp, raw
		}
	}
}

// read reads at least one byte, or fails: with io.EOF, ErrTimeout or what the
// net package says.
func (s *socket) read(p []byte, deadline time.Time) (int, error) {
	s.wantRead(deadline)
	for {
		n, err := s.nc.Read(p)
		if n > 0 {
			return n, nil
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, err
		}
		if s.late(deadline) {
			return 0, ErrTimeout
		}
	}
}

// wantRead makes sure that a read ends at deadline, or before.
func (s *socket) wantRead(deadline time.Time) {
	if s.readArmed.IsZero() || s.readArmed.After(deadline) {
		s.armRead(deadline)
	}
}

// late says, after the armed deadline has fired, whether deadline has passed.
// If not, it is armed, and the read may be tried again.
func (s *socket) late(deadline time.Time) bool {
	if s.readArmed.Equal(deadline) || !time.Now().Before(deadline) {
		return true
	}
	s.armRead(deadline)
	return false
}

func (s *socket) armRead(deadline time.Time) {
	_ = s.nc.SetReadDeadline(deadline) // fails only on a closed conn: so will the read
	s.readArmed = deadline
}

// maxWrite bounds one write to a conn that is not plain TCP, so that a slow
// reader is seen to make progress.
const maxWrite = 64 << 10

// write writes all of b. The peer may take up to twice idle to make progress,
// and until limit to take everything. It returns how much was written.
func (s *socket) write(b []byte, now time.Time, idle time.Duration, limit time.Time) (int, error) {
	done := 0
	if s.direct != 0 && len(b) > 0 {
		n, err := sysWrite(s.direct, b)
		if done = n; done == len(b) {
			return done, nil
		}
		if err != nil && err != syscall.EAGAIN { //nolint:errorlint // never wrapped
			return done, err
		}
	}
	for done < len(b) {
		s.armWrite(now, idle, limit)
		part := b[done:]
		if s.tcp == nil && len(part) > maxWrite {
			part = part[:maxWrite]
		}
		n, err := s.nc.Write(part)
		done += n
		now = time.Now()
		switch {
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return done, err
		case n == 0 || s.tcp == nil || !limit.IsZero() && !now.Before(limit):
			return done, ErrTimeout
		}
	}
	return done, nil
}

// armWrite makes sure that the write deadline is at least idle away, but not
// after limit, if there is one.
func (s *socket) armWrite(now time.Time, idle time.Duration, limit time.Time) {
	if s.writeArmed.Sub(now) >= idle && (limit.IsZero() || !s.writeArmed.After(limit)) {
		return
	}
	d := now.Add(2 * idle)
	if !limit.IsZero() && d.After(limit) {
		d = limit
	}
	_ = s.nc.SetWriteDeadline(d) // fails only on a closed conn: so will the write
	s.writeArmed = d
}

// abort closes the conn so that the peer sees that something is missing, and
// drops what the kernel still holds for it.
func (s *socket) abort() {
	nc := s.nc
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = t.NetConn() // TLS: no close_notify, so that the end is not taken for clean
	}
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // best effort: closing follows
	}
	_ = nc.Close() // nothing is left to lose
}

// end closes the connection; a loop's is closed by the loop.
func (s *socket) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bare {
		s.shutBare(false)
		return
	}
	_ = s.nc.Close() // who has something under way sees it fail
}

// shut makes everything that is under way on the conn fail, and drops what the
// kernel still holds for the peer. It does not wait, and does not close.
func (s *socket) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bare {
		s.shutBare(true)
		return
	}
	if s.tcp == nil {
		s.abort()
		return
	}
	_ = s.tcp.SetLinger(0) // best effort: the conn is closed in any case
	_ = s.raw.Control(func(fd uintptr) {
		_ = syscall.Shutdown(int(fd), syscall.SHUT_RDWR) // fails if the peer has gone
	})
}

// torn turns what ends a connection in the middle of a message into ErrTorn.
func torn(err error) error {
	if err == nil || errors.Is(err, ErrTimeout) {
		return err
	}
	return ErrTorn
}
