package wire

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// A quick serves the common requests of a plain TCP connection, those that are
// here whole with their first bytes, in one long call of the poller. Whatever
// else comes leaves the call and goes the ordinary way.
//
// The net package begins every read with a system call, which finds nothing
// when it follows an answer. Within one call the poller remembers what
// arrived, so that after a read that did not fill its buffer there is nothing
// to be read until it says so. And the buffer is taken when bytes are there:
// a connection that waits holds none.
type quick struct {
	c       *serverConn
	ready   func(fd uintptr) bool // step, made once
	end     connEnd
	drained bool      // the last read left nothing behind
	since   time.Time // when waiting began
}

// settleIdle is after how long of waiting a connection is read to see that
// really nothing came: the end of the stream that comes in the same packet as
// the bytes before it is not announced twice.
const settleIdle = time.Second

func (q *quick) init(c *serverConn) {
	q.c = c
	q.ready = q.step
}

// runQuick serves requests until there is one for the ordinary way, which is
// connKeep, or the connection ends.
func (c *serverConn) runQuick() connEnd {
	q := &c.quick
	q.drained = false
	q.since = time.Now()
	for {
		q.end = connEnded
		err := c.sock.raw.Read(q.ready)
		if err == nil {
			return q.end
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.sock.late(q.since.Add(c.srv.Limits.Idle)) {
			return connEnded
		}
		q.drained = false
	}
}

// step is called by the poller, first at once and then whenever the connection
// has become readable. It returns false to wait.
func (q *quick) step(fd uintptr) bool {
	q.c.sock.direct = fd
	done := q.run(fd)
	q.c.sock.direct = 0
	return done
}

func (q *quick) run(fd uintptr) bool {
	c := q.c
	for {
		if c.r == c.w {
			if wait := q.read(fd); wait || c.r == c.w {
				return !wait
			}
		} else {
			c.first = time.Now() // pipelined: it was not looked at before
		}
		x := c.srv.Handler.Acquire(&c.peer)
		req := x.Request()
		if !c.here(req) {
			req.Reset()
			c.begun = x
			q.end = connKeep
			return true
		}
		c.served++
		if q.end = c.answer(x, req); q.end != connKeep {
			return true
		}
	}
}

// read reads what has arrived into the empty buffer. It says whether to wait;
// if not, and nothing was read, the connection has ended.
func (q *quick) read(fd uintptr) (wait bool) {
	c := q.c
	if q.drained {
		q.drained = false
		return q.park(c.ended, min(settleIdle, c.srv.Limits.Idle))
	}
	c.r, c.w = 0, 0
	if len(c.buf) != smallBuffer {
		c.buf = takeBuffer(smallBuffer)
	}
	n, err := sysRead(fd, c.buf)
	if err == syscall.EAGAIN { //nolint:errorlint // never wrapped
		return q.park(time.Now(), c.srv.Limits.Idle)
	}
	if n == 0 || !c.busy() {
		return false
	}
	c.w = n
	q.drained = n < len(c.buf)
	c.first = time.Now()
	return false
}

// park makes the connection an idle one.
func (q *quick) park(now time.Time, limit time.Duration) (wait bool) {
	c := q.c
	c.release()
	if c.home != nil && c.served >= c.homeAfter && c.state.Load() == connBusy {
		q.end = connHome
		return false
	}
	if c.state.Swap(connIdle) == connBusy {
		q.since = now
	}
	if c.srv.unwelcome() {
		return false
	}
	c.sock.wantRead(now.Add(limit))
	return true
}

// busy makes the connection a busy one, unless it was closed meanwhile.
func (c *serverConn) busy() bool {
	return c.state.CompareAndSwap(connIdle, connBusy) || c.state.Load() == connBusy
}

// here reads a request into req if all of it is in the buffer.
func (c *serverConn) here(req *Request) bool {
	c.body.done, c.body.err = true, nil
	n, err := ParseRequestHead(c.buf[c.r:c.w], req, &c.srv.Limits.Head)
	if err != nil || n == 0 {
		return false
	}
	length := req.Body.Length
	if length < 0 || length > int64(c.w-c.r-n) || length > min(int64(c.srv.Limits.BufferedBody), c.srv.Limits.Body) {
		return false
	}
	start, end := c.r+n, c.r+n+int(length)
	if length > 0 {
		req.Body.Bytes = c.buf[start:end:end]
	}
	c.consumed = int64(end - c.r)
	c.r = end
	req.Received = c.first
	return true
}
