package wire

import (
	"errors"
	"os"
	"syscall"
)

// A turn is one request and the beginning of its answer on a plain TCP
// connection: look, write, wait, read, in one call of the poller.
//
// A read through the net package begins with a system call that finds nothing,
// since the answer cannot be there yet. Here that call comes before the write,
// where it tells whether the connection is still good. Waiting right after the
// write misses nothing: the poller was reset before.
type turn struct {
	out   []byte // to be written; what is left of it if the kernel took a part
	in    []byte // to be read into
	phase turnPhase
	n     int
	err   error
}

type turnPhase uint8

const (
	turnLook turnPhase = iota
	turnRead
)

// step does what can be done without waiting. It returns false to wait for the
// connection to become readable.
func (t *turn) step(fd uintptr) bool {
	if t.phase == turnLook {
		// Into in: bytes that nobody asked for spoil the connection anyway.
		if n, err := sysRead(fd, t.in[len(t.out):]); err != syscall.EAGAIN { //nolint:errorlint // never wrapped
			t.n, t.err = n, ErrUnsent
			return true
		}
		n, err := sysWrite(fd, t.out)
		t.phase = turnRead
		if err == syscall.EAGAIN { //nolint:errorlint // never wrapped
			err = nil
		}
		t.out = t.out[n:]
		if err != nil || len(t.out) > 0 {
			t.err = err
			return true
		}
		return false
	}
	n, err := sysRead(fd, t.in)
	if err == syscall.EAGAIN { //nolint:errorlint // never wrapped
		return false
	}
	t.n, t.err = n, err
	return true
}

// takeTurn writes out, waits for the answer and reads its beginning into in,
// which may share memory with out. It returns how many bytes it read.
func (c *ClientConn) takeTurn(out, in []byte) (int, error) {
	t := &c.turn
	*t = turn{out: out, in: in}
	if len(out) == len(in) {
		// No room to look into behind out.
		if !c.clean() {
			return 0, ErrUnsent
		}
		return 0, c.write(out)
	}
	c.sock.wantRead(c.deadline)
	for {
		err := c.sock.raw.Read(c.turnRaw)
		if errors.Is(err, os.ErrDeadlineExceeded) && t.err == nil && !c.sock.late(c.deadline) {
			continue
		}
		n, cause, rest := t.n, t.err, t.out
		sent := t.phase == turnRead
		*t = turn{}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return 0, ErrTimeout
		case err != nil && !sent, cause == ErrUnsent: //nolint:errorlint // set above
			return 0, ErrUnsent
		case err == nil && cause == nil && len(rest) > 0:
			return 0, c.write(rest)
		case err == nil && cause == nil && n > 0:
			return n, nil
		}
		return 0, errNoAnswer
	}
}
