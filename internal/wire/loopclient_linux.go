package wire

import (
	"errors"
	"syscall"
	"time"
)

// lookAfter is how long a connection to a backend may have been idle without
// being looked at before it is used again. Events tell of what came on it, but
// only as of the moment when they were fetched: what is used all the time is
// not idle for longer than that.
const lookAfter = 10 * time.Millisecond

// forward sends the request of c's exchange to its backend. It reports true if
// the exchange is over already, and the next request may follow.
func (l *Loop) forward(c *serverConn) bool {
	in := c.in
	for {
		cc, ok := in.call.Backend.Lend(l)
		switch {
		case !ok:
			l.serveElsewhere(c)
			return false
		case cc == nil:
			l.dial(c)
			return false
		case l.now.Sub(cc.idleSince) > lookAfter && !cc.quietBare():
			l.closeBackend(cc)
			_, _ = in.call.Backend.Failed(cc, in.req, ErrUnsent) // nothing was sent: another one
			continue
		}
		return l.send(c, cc)
	}
}

// serveElsewhere has the exchange call its backend itself.
func (l *Loop) serveElsewhere(c *serverConn) {
	x, req := c.in.x, c.in.req
	l.handOver(c, func() connEnd { return c.answer(x, req) })
}

// dial makes a connection for c's exchange.
func (l *Loop) dial(c *serverConn) {
	in := c.in
	in.phase, in.deadline = phaseDial, time.Time{}
	call, exchange := in.call, in.exchange
	l.handed = true
	l.dials.Go(func() {
		cc, err := call.Backend.Dial(c.ctx, call.Deadline)
		if err == nil {
			if err = cc.detach(l); err != nil {
				_ = cc.Close()
				_, err = call.Backend.Failed(cc, call.Request, err)
			}
		}
		l.post(func() { l.dialed(c, exchange, &call, cc, err) })
	})
}

// dialed goes on with an exchange for which a connection was made, if it still
// waits.
func (l *Loop) dialed(c *serverConn, exchange uint32, call *Call, cc *ClientConn, err error) {
	if err == nil {
		if cc.slot, err = l.watch(cc.sock.fd, slot{backend: cc}); err != nil {
			cc.broken = true
			cc.sock.closeBare(false)
			_, err = call.Backend.Failed(cc, call.Request, err)
		}
	}
	waits := c.in != nil && c.in.exchange == exchange
	switch {
	case waits && err == nil:
		defer l.recover(c)
		c.in.phase = phaseBusy
		if l.send(c, cc) {
			l.serveNext(c)
		}
	case waits && err == ErrUnsent: //nolint:errorlint // Dial's own word
		defer l.recover(c)
		c.in.phase = phaseBusy
		l.serveElsewhere(c)
	case waits:
		defer l.recover(c)
		c.in.phase = phaseBusy
		if l.reply(c, c.in.x.End(c.ctx, err)) {
			l.serveNext(c)
		}
	case err == nil:
		_ = cc.finish(false) // for the next
	}
}

// serveNext goes on after an exchange that had to wait.
func (l *Loop) serveNext(c *serverConn) {
	c.in.fresh = false
	if c.r == c.w && !c.in.more && !c.in.ended {
		l.park(c)
		return
	}
	l.serve(c)
}

// send sends the request over cc. It reports true if the exchange is over.
func (l *Loop) send(c *serverConn, cc *ClientConn) bool {
	in := c.in
	req, resp := in.call.Request, in.call.Response
	resp.Reset()
	out, small, err := cc.compose(req, resp)
	switch {
	case err != nil:
		l.closeBackend(cc)
		_, err = in.call.Backend.Failed(cc, req, err)
		return l.reply(c, in.x.End(c.ctx, err))
	case !small:
		_ = cc.finish(false)
		l.serveElsewhere(c)
		return false
	}
	in.reused = cc.used
	cc.used, cc.client = true, c
	cc.deadline, cc.idle = in.call.Deadline, req.AnswerIdle
	in.backend, in.have = cc, 0
	n, err := sysWrite(uintptr(cc.sock.fd), out)
	if err != nil && err != syscall.EAGAIN { //nolint:errorlint // never wrapped
		return l.callEnded(c, ErrUnsent)
	}
	if n < len(out) {
		l.callElsewhere(c, append([]byte(nil), out[n:]...))
		return false
	}
	in.phase, in.deadline = phaseCall, in.call.Deadline
	l.until(in.deadline)
	return false
}

// backendEvent is told what has happened on a connection that is in use.
func (l *Loop) backendEvent(cc *ClientConn, events uint32) {
	c := cc.client
	if c == nil {
		return // dropped
	}
	if events&loopGone != 0 {
		cc.leaving = true
	}
	in := c.in
	resp := in.call.Response
	room := resp.mem[in.have:]
	n, err := sysRead(uintptr(cc.sock.fd), room)
	switch {
	case err == syscall.EAGAIN: //nolint:errorlint // never wrapped
		return
	case err != nil || n == 0:
		err = ErrTorn
		if in.have == 0 {
			err = errNoAnswer
		}
		l.callFailed(c, err)
		return
	}
	in.have += n
	cc.broken = cc.broken || cc.leaving
	l.arrived(c, cc, n == len(room))
}

// arrived looks whether the answer is here.
func (l *Loop) arrived(c *serverConn, cc *ClientConn, full bool) {
	in := c.in
	cc.idleSince = l.now
	got, err := cc.take(in.call.Request, in.call.Response, in.have)
	switch {
	case err != nil:
		l.callFailed(c, err)
	case got == gotAll:
		in.backend = nil
		in.phase, in.deadline = phaseBusy, time.Time{}
		switch {
		case cc.broken:
			l.closeBackend(cc)
		case full && !cc.quietBare():
			// What filled the memory has left something behind, without an event.
			l.dropBackend(cc)
		}
		if l.reply(c, in.x.End(c.ctx, nil)) {
			l.serveNext(c)
		}
	case got == gotHead:
		l.answerElsewhere(c, cc)
	case got == gotOdd || full || cc.leaving:
		l.callElsewhere(c, nil)
	}
}

// callFailed ends a call that went wrong, and the connection it was made over.
func (l *Loop) callFailed(c *serverConn, err error) {
	if l.callEnded(c, err) {
		l.serveNext(c)
	}
}

// callEnded is callFailed without serving the next request.
func (l *Loop) callEnded(c *serverConn, err error) bool {
	in := c.in
	cc := in.backend
	in.backend = nil
	in.phase, in.deadline = phaseBusy, time.Time{}
	l.closeBackend(cc)
	again, err := in.call.Backend.Failed(cc, in.call.Request, callFault(err, in.reused))
	if again {
		l.serveElsewhere(c)
		return false
	}
	return l.reply(c, in.x.End(c.ctx, err))
}

// callElsewhere hands over a call that is half done: rest is what is still to
// be sent.
func (l *Loop) callElsewhere(c *serverConn, rest []byte) {
	in := *c.in
	cc := in.backend
	c.in.backend = nil
	err := l.giveAway(cc)
	l.handOver(c, func() connEnd {
		if err == nil {
			err = cc.resume(in.call.Request, in.call.Response, rest, in.have, in.reused)
		}
		if err != nil {
			var again bool
			if again, err = in.call.Backend.Failed(cc, in.call.Request, err); again {
				return c.answer(in.x, in.req)
			}
		}
		return c.reply(in.x, in.req, in.x.End(c.ctx, err))
	})
}

// answerElsewhere hands over a call whose answer goes on.
func (l *Loop) answerElsewhere(c *serverConn, cc *ClientConn) {
	x, req, call := c.in.x, c.in.req, c.in.call
	c.in.backend = nil
	err := l.giveAway(cc)
	l.handOver(c, func() connEnd {
		if err != nil {
			call.Response.Body.Source = nil
			_, err = call.Backend.Failed(cc, call.Request, err)
		}
		return c.reply(x, req, x.End(c.ctx, err))
	})
}

// giveAway makes cc a connection like others.
func (l *Loop) giveAway(cc *ClientConn) error {
	l.unwatch(cc.sock.fd, cc.slot)
	cc.client, cc.loop = nil, nil
	err := cc.sock.attach()
	if err != nil {
		cc.broken, cc.body.open = true, false
		return err
	}
	cc.raw = cc.sock.raw
	return nil
}

// closeBackend closes a connection that is not idle. Its permission is not given
// up by that.
func (l *Loop) closeBackend(cc *ClientConn) {
	if cc.sock.closed {
		return
	}
	cc.broken, cc.body.open, cc.client = true, false, nil
	l.forget(cc.slot)
	cc.sock.closeBare(false)
}

// dropBackend closes an idle connection.
func (l *Loop) dropBackend(cc *ClientConn) {
	if cc.Lost != nil {
		cc.Lost(cc)
	}
	l.closeBackend(cc)
}

// detach makes c a connection of l.
func (c *ClientConn) detach(l *Loop) error {
	if err := c.sock.detach(); err != nil {
		return err
	}
	c.loop, c.raw = l, nil
	return nil
}

// quietBare says whether nothing waits to be read on a loop's connection.
func (c *ClientConn) quietBare() bool {
	c.peekFD(uintptr(c.sock.fd))
	return c.peeked == peekNothing
}

// got tells how much of an answer is here.
type got uint8

const (
	gotPart got = iota // the rest will fit in the memory, too
	gotAll             // the connection is given back
	gotHead            // Body.Source gives the rest
	gotOdd             // it takes more than one look
)

// take reads the answer in resp.mem[:have] into resp. Unlike receive it does
// not wait.
func (c *ClientConn) take(req *Request, resp *Response, have int) (got, error) {
	resp.Header.Reset()
	resp.Status, resp.Close = 0, false
	n, err := ParseResponseHead(resp.mem[:have], resp, c.limits.Fields)
	if err != nil || n == 0 {
		return gotPart, answerFault(err)
	}
	if resp.Status < 200 {
		return gotOdd, nil
	}
	if end := int64(n) + resp.Body.Length; c.idle == 0 && !resp.chunked && resp.Body.Length >= 0 && hasBody(resp.Status, req.Method) &&
		end > int64(have) && end <= int64(len(resp.mem)) {
		return gotPart, nil
	}
	c.client = nil
	if err := c.takeBody(req, resp, n, have); err != nil {
		return gotPart, answerFault(err)
	}
	if resp.Body.Source != nil {
		return gotHead, nil
	}
	return gotAll, nil
}

// callFault is what a failure of a call means to who may send it again.
func callFault(err error, reused bool) error {
	if errors.Is(err, errNoAnswer) {
		if reused {
			return ErrStale
		}
		return ErrTorn
	}
	return answerFault(err)
}
