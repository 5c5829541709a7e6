package wire

import (
	"context"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A loopConn is what a loop knows of a client's connection.
type loopConn struct {
	slot     int32
	phase    loopPhase
	deadline time.Time // of the phase; zero: none

	fresh bool // no request was answered yet
	more  bool // there may be bytes to be read, without another event
	ended bool // the client sends no more

	x        Forwarder
	req      *Request
	call     Call
	backend  *ClientConn
	reused   bool // backend carried an exchange before
	have     int  // bytes of the backend's answer
	exchange uint32
	drained  int // bytes thrown away while lingering
}

type loopPhase uint8

const (
	phaseIdle   loopPhase = iota // waits for a request
	phaseBusy                    // is being served, right now
	phaseDial                    // waits for a connection to be made
	phaseCall                    // waits for a backend's answer
	phaseLinger                  // waits for the client to close
	phaseAgain                   // its next request waits for its turn
)

// welcome has the loop serve c, whose socket is detached.
func (l *Loop) welcome(c *serverConn) {
	l.post(func() { l.enter(c) }) // loops do not end before their last connection
}

func (l *Loop) enter(c *serverConn) {
	slot, err := l.watch(c.sock.fd, slot{client: c})
	if err != nil {
		c.cancel()
		c.srv.dropConn(c)
		c.sock.closeBare(true)
		return
	}
	c.in = &loopConn{slot: slot, fresh: c.home == nil}
	l.now = time.Now()
	l.park(c)
}

// clientEvent is told what has happened on c's connection.
func (l *Loop) clientEvent(c *serverConn, events uint32) {
	in := c.in
	if events&loopGone != 0 {
		in.ended = true
	}
	switch in.phase {
	case phaseIdle:
		l.serve(c)
	case phaseLinger:
		l.linger(c)
	default:
		in.more = true
		if events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			l.abandon(c)
		}
	}
}

// turnRequests is how many requests that came together are served before others
// have their turn.
const turnRequests = 16

// serve reads and serves requests until there is something to wait for.
func (l *Loop) serve(c *serverConn) {
	in := c.in
	for range turnRequests {
		if c.r == c.w && !l.read(c) {
			return
		}
		in.phase = phaseBusy
		if !l.request(c) {
			return
		}
		in.fresh = false
		if c.r == c.w && !in.more && !in.ended {
			l.park(c)
			return
		}
	}
	in.phase = phaseAgain
	l.again = append(l.again, c)
}

// read reads what has arrived into the empty buffer. It reports false if there
// is nothing, and everything was done about it.
func (l *Loop) read(c *serverConn) bool {
	c.r, c.w = 0, 0
	if len(c.buf) != smallBuffer {
		c.buf = takeBuffer(smallBuffer)
	}
	n, err := sysRead(uintptr(c.sock.fd), c.buf)
	switch {
	case err == syscall.EAGAIN: //nolint:errorlint // never wrapped
		l.park(c)
		return false
	case err != nil || n == 0 || !c.busy():
		l.closeClient(c, false)
		return false
	}
	c.w = n
	c.in.more = n == len(c.buf)
	c.first = l.now
	return true
}

// park makes the connection an idle one.
func (l *Loop) park(c *serverConn) {
	in := c.in
	c.release()
	in.more = false
	if in.phase != phaseIdle || in.deadline.IsZero() {
		in.phase = phaseIdle
		in.deadline = l.now.Add(c.srv.Limits.Idle)
		l.until(in.deadline)
	}
	c.state.CompareAndSwap(connBusy, connIdle)
	if c.srv.unwelcome() && c.state.CompareAndSwap(connIdle, connClosed) || c.state.Load() == connClosed {
		l.closeClient(c, false)
	}
}

// request serves the request that begins in the buffer. It reports true if it
// is answered, and the next one may follow.
func (l *Loop) request(c *serverConn) bool {
	if c.in.fresh && isPreface(c.buf[c.r:c.w]) {
		l.handOver(c, nil)
		return false
	}
	x := c.srv.Handler.Acquire(&c.peer)
	req := x.Request()
	fw, ok := x.(Forwarder)
	if !ok || !c.here(req) {
		req.Reset()
		c.begun = x
		l.handOver(c, nil)
		return false
	}
	in := c.in
	in.x, in.req = fw, req
	answer, ok := fw.Begin(c.ctx, &in.call)
	switch {
	case !ok:
		l.serveElsewhere(c)
		return false
	case answer != nil:
		return l.reply(c, answer)
	}
	return l.forward(c)
}

// reply writes an answer. It reports true if the next request may follow.
func (l *Loop) reply(c *serverConn, resp *Response) bool {
	in := c.in
	x, req := in.x, in.req
	if resp.Body.Source != nil || len(resp.Body.Bytes) > maxCopied {
		l.replyElsewhere(c, resp)
		return false
	}
	w := &l.writer
	*w = responseWriter{c: c, head: req.Method == "HEAD", close: req.Close, http10: req.HTTP10}
	out, resp, _, err := w.begin(l.out[:0], resp)
	n := 0
	if err == nil {
		if !w.headOnly(resp) {
			w.bodyBytes = int64(len(resp.Body.Bytes))
			out = append(out, resp.Body.Bytes...)
		}
		n, err = sysWrite(uintptr(c.sock.fd), out)
		if n < len(out) && (err == nil || err == syscall.EAGAIN) { //nolint:errorlint // never wrapped
			l.writeElsewhere(c, out[n:])
			return false
		}
	}
	end := c.done(x, w, err)
	in.x, in.req = nil, nil
	in.call = Call{}
	switch end {
	case connKeep:
		return true
	case connLinger:
		l.beginLinger(c)
	default:
		l.closeClient(c, true)
	}
	return false
}

// replyElsewhere hands over an answer that is large, or still to come.
func (l *Loop) replyElsewhere(c *serverConn, resp *Response) {
	x, req := c.in.x, c.in.req
	l.handOver(c, func() connEnd { return c.reply(x, req, resp) })
}

// writeElsewhere hands over an answer that the client does not take at once.
func (l *Loop) writeElsewhere(c *serverConn, rest []byte) {
	x, w := c.in.x, l.writer
	rest = append([]byte(nil), rest...)
	l.handOver(c, func() connEnd { return c.done(x, &w, w.send(rest)) })
}

// beginLinger is serverConn.linger without waiting.
func (l *Loop) beginLinger(c *serverConn) {
	if unix.Shutdown(c.sock.fd, unix.SHUT_WR) != nil {
		l.closeClient(c, false)
		return
	}
	c.in.phase, c.in.drained = phaseLinger, 0
	c.in.deadline = l.now.Add(c.srv.Limits.Linger)
	l.until(c.in.deadline)
	l.linger(c)
}

func (l *Loop) linger(c *serverConn) {
	for {
		n, err := sysRead(uintptr(c.sock.fd), l.out[:cap(l.out)])
		c.in.drained += n
		switch {
		case err == syscall.EAGAIN: //nolint:errorlint // never wrapped
			return
		case err != nil || n == 0:
			l.closeClient(c, false)
			return
		case c.in.drained > maxLinger:
			l.closeClient(c, true)
			return
		}
	}
}

// abandon ends an exchange whose client has gone: nobody is left to hear the
// backend's answer.
func (l *Loop) abandon(c *serverConn) {
	c.cancel()
	in := c.in
	if x := in.x; x != nil {
		l.dropCall(c)
		x.End(c.ctx, context.Canceled)
		x.Finish(Sent{Err: syscall.ECONNRESET, At: l.now, Received: c.consumed})
	}
	l.closeClient(c, true)
}

// dropCall gives up the call to the backend.
func (l *Loop) dropCall(c *serverConn) {
	in := c.in
	in.exchange++ // a connection that is being made is not for it any more
	if cc := in.backend; cc != nil {
		in.backend = nil
		l.closeBackend(cc)
		_, _ = in.call.Backend.Failed(cc, in.req, context.Canceled) // nobody is told
	}
}

// closeClient ends a connection without anything under way on it.
func (l *Loop) closeClient(c *serverConn, drop bool) {
	l.forget(c.in.slot)
	c.in.exchange++
	c.in = nil
	c.cancel()
	c.release()
	c.endRequest()
	c.srv.dropConn(c)
	c.sock.closeBare(drop)
}

// homeAfter is how many requests a goroutine serves on a connection before the
// loop gets it back, the first time; each time it is twice as many. Going and
// coming costs as much as a request or two, and a connection to a backend, which
// stays with the goroutines.
const (
	homeAfter     = 512
	mostHomeAfter = 4096
)

// handOver gives the connection to a goroutine of its own. job is what is to be
// done before the next request is read; nil: nothing.
func (l *Loop) handOver(c *serverConn, job func() connEnd) {
	in := c.in
	l.unwatch(c.sock.fd, in.slot)
	in.exchange++
	c.in = nil
	if err := c.sock.attach(); err != nil {
		// Out of descriptors: the client sees its connection closed.
		sent := Sent{Err: err, At: l.now, Received: c.consumed}
		if c.begun != nil {
			c.begun.Finish(sent)
		} else if in.x != nil {
			in.x.Finish(sent)
		}
		c.cancel()
		c.release()
		c.srv.dropConn(c)
		return
	}
	c.home, c.homeAfter = l, min(max(2*c.homeAfter, homeAfter), mostHomeAfter)
	l.handed = true
	go c.resume(job, in.fresh)
}
