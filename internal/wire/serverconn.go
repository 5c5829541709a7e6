package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"runtime/debug"
	"sync/atomic"
	"time"

	"gatehouse/internal/clientcert"
)

// A serverConn is one connection of a client. Everything but state belongs to
// the goroutine that serves it.
type serverConn struct {
	srv    *Server
	sock   socket
	peer   Peer
	ctx    context.Context
	cancel context.CancelFunc
	state  atomic.Int32 // idle, busy or closed

	// buf holds what was read: buf[r:w] is not used up yet. Views of the
	// request's head point into what lies before, until the exchange ends.
	buf    []byte
	r, w   int
	bodyAt int    // where in buf the body may be read to, behind the head
	held   []byte // buf's predecessor, if the head filled it
	big    []byte // the buffered body, if it did not fit in buf
	body   requestBody

	begun Exchange // acquired, but its request is not read yet
	quick quick
	in    *loopConn // nil: not in a loop

	home      *Loop // the loop that has handed the connection over; nil: none
	homeAfter int   // how many requests are served before it goes back
	served    int   // of them
	goesHome  bool

	first    time.Time // when the first byte of the request was there
	ended    time.Time // when the last response was written
	consumed int64     // bytes of the request read so far
	scratch  Response  // for answers of the driver itself
}

// States of a connection. An idle one may be closed by others.
const (
	connBusy int32 = iota
	connIdle
	connClosed
)

// ServeConn serves one connection until it ends, and closes it.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn) {
	s.setUp()
	if c := s.admit(ctx, nc); c != nil {
		c.run()
	}
}

// admit counts a connection, before its goroutine starts: else many could be
// accepted while none of them counts yet. It returns nil if s is shut down.
func (s *Server) admit(ctx context.Context, nc net.Conn) *serverConn {
	ctx, cancel := context.WithCancel(ctx)
	c := &serverConn{srv: s, ctx: ctx, cancel: cancel}
	c.sock.init(nc)
	c.body.c = c
	c.quick.init(c)
	if !s.addConn(c) {
		cancel()
		c.sock.abort()
		return nil
	}
	return c
}

func (c *serverConn) run() {
	defer c.leave()
	if c.srv.Panicked != nil {
		defer c.recover()
	}
	if err := c.greet(); err != nil {
		c.sock.abort()
		return
	}
	c.serve(true)
}

// resume serves a connection that a loop has handed over: first what is left of
// the request that it could not serve, then those that follow. fresh: no
// request was answered yet.
func (c *serverConn) resume(job func() connEnd, fresh bool) {
	defer c.leave()
	if c.srv.Panicked != nil {
		defer c.recover()
	}
	if job == nil || c.goesOn(job()) {
		c.serve(fresh && job == nil)
	}
}

// leave is the last thing that a connection's goroutine does.
func (c *serverConn) leave() {
	if c.goesHome {
		c.goesHome = false
		c.home.welcome(c)
		return
	}
	c.srv.dropConn(c)
	c.cancel()
}

// recover cuts the connection after a panic, which is mostly that of a body's
// Source: the answer must not look whole.
func (c *serverConn) recover() {
	if v := recover(); v != nil {
		c.sock.abort()
		c.srv.Panicked(v, debug.Stack())
	}
}

// cut ends the connection from outside, whatever it is doing. Its goroutine
// notices and closes it: closing it here would wait for the exchange.
func (c *serverConn) cut() {
	c.cancel()
	c.sock.shut()
}

// closeIdle closes the connection if no request is on the way.
func (c *serverConn) closeIdle() bool {
	if !c.state.CompareAndSwap(connIdle, connClosed) {
		return false
	}
	c.sock.end() // nothing was under way
	return true
}

// tcpUserTimeout bounds how long the kernel keeps what a client does not take.
const tcpUserTimeout = time.Minute

// greet completes the TLS handshake and finds out who the peer is.
func (c *serverConn) greet() error {
	c.peer.Proto = "HTTP/1.1"
	c.peer.Addr = addrPort(c.sock.nc.RemoteAddr())
	c.peer.Local = addrPort(c.sock.nc.LocalAddr())
	if c.sock.tcp != nil {
		limitUnsent(c.sock.tcp)
	}
	tc, ok := c.sock.nc.(*tls.Conn)
	if !ok {
		return nil
	}
	if tcp, ok := tc.NetConn().(*net.TCPConn); ok {
		limitUnsent(tcp)
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.srv.Limits.Handshake)
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		return err
	}
	st := tc.ConnectionState()
	c.peer.TLS, c.peer.Version, c.peer.Cipher, c.peer.SNI = true, st.Version, st.CipherSuite, st.ServerName
	c.peer.Client = clientcert.Show(st.PeerCertificates)
	return nil
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// serve answers requests until the connection ends. fresh: its first bytes may
// be something else than a request.
func (c *serverConn) serve(fresh bool) {
	defer c.release()
	for ; c.await(); fresh = false {
		if fresh && c.takenOver() || !c.goesOn(c.exchange()) {
			return
		}
	}
	_ = c.sock.nc.Close() // nothing was under way
}

// goesOn does what is to be done after an exchange, and serves the simple ones
// that follow. It reports false if the connection has ended.
func (c *serverConn) goesOn(end connEnd) bool {
	if end == connKeep && c.sock.tcp != nil {
		end = c.runQuick()
	}
	switch end {
	case connLinger:
		c.linger()
	case connAbort:
		c.sock.abort()
	case connEnded:
		_ = c.sock.nc.Close() // nothing was under way
	case connHome:
		c.goesHome = c.sock.detach() == nil
		c.served = 0
		return !c.goesHome
	}
	return end == connKeep
}

// What becomes of a connection after an exchange.
type connEnd uint8

const (
	connKeep   connEnd = iota
	connLinger         // close it, but let the client read the answer
	connAbort          // close it so that the client sees that the answer is torn
	connEnded          // the client, a time-out or Shutdown has ended it between requests
	connHome           // it goes back to its loop
	connGiven          // it is another's now
)

func (c *serverConn) release() {
	giveBuffer(c.buf)
	c.buf = nil
}

// await waits for the first byte of the next request.
func (c *serverConn) await() bool {
	now := time.Now()
	if c.r < c.w {
		c.first = now
		return true
	}
	c.r, c.w = 0, 0
	c.state.Store(connIdle)
	if c.srv.unwelcome() {
		c.closeIdle()
		return false
	}
	if len(c.buf) != smallBuffer {
		c.buf = takeBuffer(smallBuffer)
	}
	n, err := c.sock.read(c.buf, now.Add(c.srv.Limits.Idle))
	if !c.state.CompareAndSwap(connIdle, connBusy) || err != nil {
		return false
	}
	c.w = n
	c.first = time.Now()
	return true
}

// exchange reads one request, has it served and writes the response.
func (c *serverConn) exchange() connEnd {
	x := c.begun
	c.begun = nil
	if x == nil {
		x = c.srv.Handler.Acquire(&c.peer)
	}
	req := x.Request()
	c.consumed = 0
	err := c.readHead(req)
	if err == nil {
		err = c.readBody(req)
	}
	if err != nil {
		sent, end := c.refuse(x, err)
		x.Finish(sent)
		c.endRequest()
		return end
	}
	return c.answer(x, req)
}

// answer has a request served and writes the response.
func (c *serverConn) answer(x Exchange, req *Request) connEnd {
	return c.reply(x, req, x.Serve(c.ctx))
}

// reply writes the response.
func (c *serverConn) reply(x Exchange, req *Request, resp *Response) connEnd {
	if resp.Switch != nil {
		return c.switchOver(x, resp)
	}
	w := responseWriter{c: c, head: req.Method == "HEAD", close: req.Close, http10: req.HTTP10}
	err := w.write(resp)
	if resp.Body.Source != nil {
		_ = resp.Body.Source.Close() // its errors have been seen when reading
	}
	return c.done(x, &w, err)
}

// done ends an exchange whose response was written, or could not be.
func (c *serverConn) done(x Exchange, w *responseWriter, err error) connEnd {
	sent := Sent{Head: w.headBytes, Body: w.bodyBytes, Err: err, At: w.at, Received: c.consumed}
	x.Finish(sent)
	c.ended = w.at
	end := connKeep
	switch {
	case err != nil:
		end = connAbort
	case w.close || !c.body.settle():
		end = connLinger
	}
	c.endRequest()
	return end
}

// endRequest gives back what only this request needed.
func (c *serverConn) endRequest() {
	if c.held != nil {
		giveBuffer(c.held)
		c.held = nil
	}
	if c.big != nil {
		giveBuffer(c.big)
		c.big = nil
	}
}

// readHead reads a request's head into req.
func (c *serverConn) readHead(req *Request) error {
	deadline := c.first.Add(c.srv.Limits.ReadHead)
	if c.w-c.r == 1 && c.buf[c.r] == '\r' {
		if err := c.moreHead(deadline); err != nil {
			return err
		}
	}
	// RFC 9112, 2.2: one empty line before a request is passed over.
	if b := c.buf[c.r:c.w]; len(b) >= 2 && b[0] == '\r' && b[1] == '\n' {
		c.r += 2
		c.consumed += 2
	}
	for {
		n, err := ParseRequestHead(c.buf[c.r:c.w], req, &c.srv.Limits.Head)
		if err != nil {
			return err
		}
		if n > 0 {
			c.r += n
			c.consumed += int64(n)
			return nil
		}
		req.Reset()
		if err := c.moreHead(deadline); err != nil {
			return err
		}
	}
}

// moreHead reads until there is another line, or the buffer is full.
func (c *serverConn) moreHead(deadline time.Time) error {
	if c.r > 0 && (c.w == len(c.buf) || c.r == c.w) {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	if c.w == len(c.buf) {
		grown := make([]byte, min(2*len(c.buf), c.srv.Limits.Head.Size()+smallBuffer))
		c.w = copy(grown, c.buf)
		giveBuffer(c.buf)
		c.buf = grown
	}
	for {
		n, err := c.sock.read(c.buf[c.w:], deadline)
		if err != nil {
			return headReadFault(err)
		}
		c.w += n
		if c.w == len(c.buf) || bytes.IndexByte(c.buf[c.w-n:c.w], '\n') >= 0 {
			return nil
		}
	}
}

func headReadFault(err error) error {
	if errors.Is(err, ErrTimeout) {
		return errHeadTimeout
	}
	return torn(err)
}

// refuse answers a request that could not be read, if its client can still be
// answered.
func (c *serverConn) refuse(x Exchange, cause error) (Sent, connEnd) {
	var e *Error
	if !errors.As(cause, &e) {
		return Sent{Err: cause, At: time.Now(), Received: c.consumed}, connAbort
	}
	resp := c.refusal(x, e)
	w := responseWriter{c: c, close: true}
	err := w.write(resp)
	if resp.Body.Source != nil {
		_ = resp.Body.Source.Close() // its errors have been seen when reading
	}
	if err == nil {
		err = e
	}
	return Sent{Head: w.headBytes, Body: w.bodyBytes, Err: err, At: w.at, Received: c.consumed}, connLinger
}

// refusal is the answer that says e, in the words of x if it has any.
func (c *serverConn) refusal(x Exchange, e *Error) *Response {
	if r, ok := x.(Refuser); ok {
		return r.Refuse(e)
	}
	if c.srv.Refuse != nil {
		if resp := c.srv.Refuse(&c.peer, e); resp != nil {
			return resp
		}
	}
	return c.plain(e)
}

// plain words an error as plain text.
func (c *serverConn) plain(e *Error) *Response {
	r := &c.scratch
	r.Reset()
	r.Status = e.Status
	r.Header.AddID(HeaderContentType, "text/plain; charset=utf-8")
	r.Body.Bytes = append(append(r.mem[:0], e.Reason...), '\n')
	r.mem = r.Body.Bytes
	return r
}

// maxLinger bounds what is read of a client that goes on sending.
const maxLinger = 256 << 10

// linger closes our side and waits a little for the client to close its own,
// so that what it still sends does not make its kernel drop our answer
// (RFC 9112, 9.6).
func (c *serverConn) linger() {
	defer c.sock.nc.Close() //nolint:errcheck // everything is written
	cw, ok := c.sock.nc.(interface{ CloseWrite() error })
	if !ok || cw.CloseWrite() != nil {
		return
	}
	if c.buf == nil {
		return
	}
	deadline := time.Now().Add(c.srv.Limits.Linger)
	for n := 0; n < maxLinger; {
		m, err := c.sock.read(c.buf, deadline)
		if err != nil {
			return
		}
		n += m
	}
	c.sock.abort()
}
