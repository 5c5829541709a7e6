package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// spliceMin is the least rest of a body that is worth a pipe; what is smaller
// is copied.
const spliceMin = 64 << 10

// spliceSlice is how much is relayed under one deadline: a peer slower than
// this within the time-out is cut.
const spliceSlice = 256 << 10

// A splice relays bytes from one plain TCP connection to another inside the
// kernel. (The net package does that when a TCPConn reads from a
// LimitedReader of a TCPConn.)
type splice struct {
	limited io.LimitedReader
}

// relay moves up to n bytes from src to dst. It returns fewer without an error
// at the end of src.
func (s *splice) relay(dst, src *net.TCPConn, n int64) (int64, error) {
	s.limited = io.LimitedReader{R: src, N: n}
	moved, err := dst.ReadFrom(&s.limited)
	s.limited.R = nil
	return moved, err
}

// spliceTo relays a body with Content-Length to dst, as much as one slice. It
// says false, and has done nothing, if this must be done by reading.
func (b *responseBody) spliceTo(dst *socket, now time.Time, idle time.Duration, limit time.Time) (int64, bool, error) {
	src := &b.c.sock
	if b.framing != framingLength || b.err != nil || b.left < spliceMin || src.tcp == nil || dst.tcp == nil {
		return 0, false, nil
	}
	src.armRead(b.until()) // exactly: this read is not tried again
	dst.armWrite(now, idle, limit)
	want := min(b.left, spliceSlice)
	n, err := b.splice.relay(dst.tcp, src.tcp, want)
	b.left -= n
	b.done = b.left == 0
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && n > 0 && b.c.idle > 0 && !b.c.expired():
		err = nil // it made progress
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = ErrTimeout
	case err == nil && n < want:
		err = ErrTorn
	}
	b.err = err
	return n, true, err
}

// spliceTo relays a body with Content-Length to dst, as much as one slice. It
// says false, and has done nothing, if this must be done by reading.
func (b *requestBody) spliceTo(dst *socket, idle time.Duration, limit time.Time) (int64, bool, error) {
	src := &b.c.sock
	if b.chunked || b.expect || b.err != nil || b.left < spliceMin || b.c.r < b.c.w || src.tcp == nil || dst.tcp == nil {
		return 0, false, nil
	}
	now := time.Now()
	deadline := b.nextDeadline()
	src.armRead(deadline)
	dst.armWrite(now, idle, limit)
	want := min(b.left, spliceSlice)
	n, err := b.splice.relay(dst.tcp, src.tcp, want)
	b.left -= n
	b.took(int(n))
	b.done = b.left == 0
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && !time.Now().Before(deadline):
		b.err = errBodyTimeout
	case err == nil && n < want:
		b.err = ErrTorn
	case err != nil:
		return n, true, err // of either side; the request is given up
	}
	return n, true, b.err
}
