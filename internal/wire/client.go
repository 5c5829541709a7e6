package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// ClientLimits bounds what a backend may send. A zero field means its default.
type ClientLimits struct {
	Head      int           // bytes of the head of an answer; default 64 KiB
	Fields    int           // field lines of it; default 500
	WriteIdle time.Duration // in which a backend must take some of a request; default 30 s
}

// A ClientConn sends requests over one connection, one after the other.
//
// It is used by one goroutine at a time. After [ClientConn.Do] the connection
// is busy until the response's Body.Source is closed; if it is nil, until Do
// returns. Then [ClientConn.Reusable] says whether it may carry another
// request; if not, it is closed already.
type ClientConn struct {
	// Release, if not nil, is called with the connection when its exchange is
	// over: once for each Do that returned nil, perhaps before Do returns.
	Release func(*ClientConn)
	// Headed, if not nil, is called when the head of an answer is here.
	Headed func(*ClientConn)
	// Owner is the Backend whose connection it is.
	Owner Backend
	// Lost, if not nil, is called when a loop closes an idle connection that it
	// owns.
	Lost func(*ClientConn)

	sock     socket
	raw      syscall.RawConn // of the TCP connection, also below TLS; nil: none
	limits   ClientLimits
	used     bool // has carried an exchange
	broken   bool
	closed   atomic.Bool // by Close
	body     responseBody
	deadline time.Time
	idle     time.Duration // for the body of the answer; 0: none
	status   int           // of the last answer; see TakeStatus

	probe   [1]byte // what reads that should find nothing read into
	peeked  peek
	peekRaw func(fd uintptr) bool // looks whether bytes wait; made once

	loop      *Loop       // that owns the connection; nil: none
	slot      int32       // in it
	client    *serverConn // whose exchange is under way in it
	leaving   bool        // the backend sends no more
	idleSince time.Time

	turn    turn
	turnRaw func(fd uintptr) bool // turn.step; made once
}

// NewClientConn makes a ClientConn of an open connection, on which nothing was
// sent yet but the TLS handshake.
func NewClientConn(nc net.Conn, lim ClientLimits) *ClientConn {
	orInt(&lim.Head, 64<<10)
	orInt(&lim.Fields, 500)
	orTime(&lim.WriteIdle, 30*time.Second)
	c := &ClientConn{limits: lim}
	c.sock.init(nc)
	c.body.c = c
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = t.NetConn()
	}
	if sc, ok := nc.(syscall.Conn); ok {
		c.raw, _ = sc.SyscallConn() // nil: no looking
	}
	c.peekRaw = c.peekFD
	c.turnRaw = c.turn.step
	return c
}

// Reusable says whether another request may be sent.
func (c *ClientConn) Reusable() bool { return !c.broken && !c.body.open && !c.closed.Load() }

// Idle looks at a connection that waits for its next request: it says whether
// it is still open and nothing came on it that nobody asked for. Do looks for
// itself.
func (c *ClientConn) Idle() bool { return c.Reusable() && c.clean() }

// TakeStatus returns the status of the answer that has come since it was last
// asked; 0: none has.
func (c *ClientConn) TakeStatus() int {
	s := c.status
	c.status = 0
	return s
}

// In returns the loop that the connection belongs to; nil: none.
func (c *ClientConn) In() *Loop { return c.loop }

// Close closes the connection, whatever it is doing. Unlike the other methods
// it may be called from anywhere.
func (c *ClientConn) Close() error {
	c.closed.Store(true)
	c.sock.end()
	return nil
}

// Extend changes the deadline of the body whose Source an answer has.
func (c *ClientConn) Extend(deadline time.Time) { c.deadline = deadline }

// Do sends req and reads the head of the response into resp, with as much of
// the body as is here: a small body is in Body.Bytes whole, of others Body.Source
// gives the rest. deadline is for all of it, the body included; zero is
// none.
//
// resp keeps what it hands out, so that it is valid until resp is reset or used
// again, also after the connection has been given to somebody else.
//
// Errors: ErrUnsent, ErrStale, ErrTorn, ErrTimeout, *BodyError, an *Error of
// status 502 for an answer that is not HTTP as it must be, of status 500 for a
// request that cannot be written, or what the net package says. After any of
// them the connection is closed.
func (c *ClientConn) Do(req *Request, resp *Response, deadline time.Time) error {
	resp.Reset()
	c.deadline, c.idle = deadline, req.AnswerIdle
	reused := c.used
	have, err := c.send(req, resp)
	c.used = true
	if err == nil {
		err = c.receive(req, resp, have)
	}
	if err == nil {
		return nil
	}
	return c.fail(err, reused)
}

// fail closes the connection, and says what that means to who may send the
// request again.
func (c *ClientConn) fail(err error, reused bool) error {
	if reused && errors.Is(err, errNoAnswer) {
		err = ErrStale
	}
	if errors.Is(err, errNoAnswer) {
		err = ErrTorn
	}
	c.broken = true
	c.body.open = false
	_ = c.sock.nc.Close() // the error is in err
	return answerFault(err)
}

// errNoAnswer: the connection ended before the first byte of the answer.
var errNoAnswer = errors.New("no answer")

// answerFault makes what is a client's fault in a request the backend's in an
// answer.
func answerFault(err error) error {
	var body *BodyError
	if errors.As(err, &body) {
		return err
	}
	var e *Error
	if errors.As(err, &e) && e.Status != 502 && e.Status != 500 {
		return &Error{502, e.Reason}
	}
	return err
}

// send writes the request: head and what is here of the body in one write. It
// returns how many bytes of the answer are in resp.mem already.
func (c *ClientConn) send(req *Request, resp *Response) (int, error) {
	if !c.Reusable() {
		return 0, ErrUnsent
	}
	out, small, err := c.compose(req, resp)
	if err != nil {
		return 0, err
	}
	if small && c.sock.tcp != nil {
		return c.takeTurn(out, resp.mem)
	}
	if !c.clean() {
		return 0, ErrUnsent
	}
	if req.Body.Source != nil {
		return 0, c.sendStream(out, req)
	}
	if err := c.write(out); err != nil || small {
		return 0, err
	}
	return 0, c.write(req.Body.Bytes)
}

// compose makes the head in resp's memory, where the answer will be. If that is
// all of the request, with a small body, it says so.
func (c *ClientConn) compose(req *Request, resp *Response) (out []byte, small bool, err error) {
	if out, err = AppendRequestHead(resp.mem[:0], req); err != nil {
		return nil, false, err
	}
	small = req.Body.Source == nil && len(out)+len(req.Body.Bytes) <= 2*smallBuffer
	if small {
		out = append(out, req.Body.Bytes...)
	}
	if cap(out) < 2*smallBuffer {
		out = append(make([]byte, 0, 2*smallBuffer), out...)
	}
	resp.mem = out[:cap(out)] // grown once, used again
	return out, small, nil
}

// resume goes on with a request that a loop has begun to send: rest is what is
// left of it, and have bytes of the answer are in resp.mem.
func (c *ClientConn) resume(req *Request, resp *Response, rest []byte, have int, reused bool) error {
	err := c.write(rest)
	if err == nil {
		resp.Header.Reset()
		resp.Status, resp.Close = 0, false
		err = c.receive(req, resp, have)
	}
	if err == nil {
		return nil
	}
	return c.fail(err, reused)
}

// patience is after how long without progress a write looks whether the
// backend, instead of reading on, has answered.
const patience = time.Second

// write writes b, unless the backend answers or closes instead of reading it:
// then the connection is broken, nil is returned, and reading tells.
func (c *ClientConn) write(b []byte) error {
	start := time.Now()
	for now := start; ; now = time.Now() {
		idle := c.limits.WriteIdle
		if c.sock.tcp != nil {
			idle = min(idle, patience) // a time-out on TLS would spoil the connection
		}
		n, err := c.sock.write(b, now, idle, c.deadline)
		if n > 0 {
			start = now
		}
		b = b[n:]
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, ErrTimeout) || c.look() != peekNothing:
			c.broken = true
			return nil
		case c.sock.tcp == nil || time.Since(start) >= c.limits.WriteIdle || c.expired():
			return err
		}
	}
}

// expired says whether the deadline, if there is one, has passed.
func (c *ClientConn) expired() bool {
	return !c.deadline.IsZero() && !time.Now().Before(c.deadline)
}

// sendStream writes the head in out and the body in pieces, until it ends or
// the backend answers.
func (c *ClientConn) sendStream(out []byte, req *Request) error {
	if req.Body.Length >= 0 {
		return c.sendLength(out, req)
	}
	return c.sendChunked(out, req)
}

// sendLength streams a body with Content-Length.
func (c *ClientConn) sendLength(out []byte, req *Request) error {
	left := req.Body.Length - int64(len(req.Body.Bytes))
	if left < 0 {
		return errUnwritable
	}
	buf := takeBuffer(largeBuffer)
	defer giveBuffer(buf)
	if err := c.write(out); err != nil {
		return err
	}
	if err := c.write(req.Body.Bytes); err != nil {
		return err
	}
	for left > 0 && !c.answered() {
		if n, ok, err := c.spliceBody(req.Body.Source, left); ok {
			if left -= n; err != nil {
				return err
			}
			continue
		}
		n, err := req.Body.Source.Read(buf)
		if int64(n) > left {
			return &BodyError{errSurplus}
		}
		if werr := c.write(buf[:n]); werr != nil {
			return werr
		}
		left -= int64(n)
		if err != nil && left > 0 {
			return &BodyError{early(err)}
		}
	}
	c.broken = c.broken || left > 0
	return nil
}

// spliceBody has the kernel relay a slice of a client's body, if it can.
func (c *ClientConn) spliceBody(src Source, left int64) (int64, bool, error) {
	b, ok := src.(*requestBody)
	if !ok || b.left != left {
		return 0, false, nil
	}
	n, ok, err := b.spliceTo(&c.sock, c.limits.WriteIdle, c.deadline)
	switch {
	case err == nil:
	case b.err != nil:
		err = &BodyError{b.err}
	case errors.Is(err, os.ErrDeadlineExceeded) && c.look() == peekNothing:
		err = ErrTimeout
	default:
		c.broken = true // as in write: reading tells
		err = nil
	}
	return n, ok, err
}

// sendChunked streams a body of unknown length.
func (c *ClientConn) sendChunked(out []byte, req *Request) error {
	buf := takeBuffer(largeBuffer)
	defer giveBuffer(buf)
	if err := c.write(out); err != nil {
		return err
	}
	data := buf[chunkRoom : len(buf)-maxCopied] // trailers follow the last chunk
	for rest := req.Body.Bytes; len(rest) > 0; {
		n := copy(data, rest)
		rest = rest[n:]
		if err := c.write(frameChunk(buf[:chunkRoom+n])); err != nil {
			return err
		}
	}
	for !c.answered() {
		n, err := req.Body.Source.Read(data)
		chunk := buf[chunkRoom:chunkRoom]
		if n > 0 {
			chunk = frameChunk(buf[:chunkRoom+n])
		}
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return &BodyError{err}
		}
		if end {
			if chunk, err = appendLastChunk(chunk, req.Body.Source.Trailer()); err != nil {
				return &BodyError{err}
			}
		}
		if err := c.write(chunk); err != nil {
			return err
		}
		if end {
			return nil
		}
	}
	c.broken = true // the request was not sent to its end
	return nil
}

// maxInterim bounds the 1xx answers before the final one.
const maxInterim = 8

// receive reads the head of the final answer, and its body if it is small.
// have bytes are in resp.mem already.
func (c *ClientConn) receive(req *Request, resp *Response, have int) error {
	for interim := 0; ; {
		n, err := ParseResponseHead(resp.mem[:have], resp, c.limits.Fields)
		if err != nil {
			return err
		}
		if n == 0 {
			if have, err = c.moreHead(resp, have); err != nil {
				return err
			}
			continue
		}
		if resp.Status >= 200 {
			return c.takeBody(req, resp, n, have)
		}
		if resp.Status == 101 {
			return errSwitching
		}
		if interim++; interim > maxInterim {
			return errInterim
		}
		have = copy(resp.mem, resp.mem[n:have])
		resp.Header.Reset()
		resp.Status, resp.Close = 0, false
	}
}

// moreHead reads more of the head behind the have bytes that are here.
func (c *ClientConn) moreHead(resp *Response, have int) (int, error) {
	resp.Header.Reset()
	if have >= c.limits.Head {
		return 0, errAnswerHead
	}
	if have == len(resp.mem) {
		grown := make([]byte, 2*have)
		copy(grown, resp.mem)
		resp.mem = grown
	}
	n, err := 0, error(nil)
	for line := false; !line && err == nil && have < len(resp.mem); {
		n, err = c.sock.read(resp.mem[have:], c.deadline)
		line = bytes.IndexByte(resp.mem[have:have+n], '\n') >= 0
		have += n
	}
	if err == nil {
		return have, nil
	}
	if errors.Is(err, ErrTimeout) {
		return 0, err
	}
	if have == 0 {
		return 0, errNoAnswer
	}
	return 0, ErrTorn
}

// peek is what looking at a connection without waiting found.
type peek uint8

const (
	peekNothing peek = iota // open, and no bytes wait
	peekBytes
	peekClosed
)

// peekFD looks at the socket. It always returns true: never wait.
func (c *ClientConn) peekFD(fd uintptr) bool {
	var b [1]byte
	n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR: //nolint:errorlint // never wrapped
		c.peeked = peekNothing
	case err != nil || n == 0:
		c.peeked = peekClosed
	default:
		c.peeked = peekBytes
	}
	return true
}

// look says what waits on the connection.
func (c *ClientConn) look() peek {
	if c.raw == nil {
		return peekNothing
	}
	c.peeked = peekClosed
	// An expired read deadline would fail the look before it begins.
	if !c.sock.readArmed.IsZero() && !time.Now().Before(c.sock.readArmed) {
		c.sock.armRead(time.Time{})
	}
	_ = c.raw.Read(c.peekRaw) // its error leaves peekClosed
	return c.peeked
}

// clean says whether a request may be sent: the connection is open, and no
// bytes wait on it that nobody asked for.
func (c *ClientConn) clean() bool {
	seen := c.look()
	switch {
	case seen == peekClosed:
		return false
	case c.sock.tcp == nil && c.used:
		return c.quiet(seen)
	case c.sock.tcp == nil:
		return true // what waits below TLS now is session tickets
	}
	return seen == peekNothing
}

// ticketWait is how long reading what waits below TLS may take.
const ticketWait = time.Millisecond

// quiet says whether a used connection that is not plain TCP has nothing to
// read. TLS may hold decrypted bytes that the kernel knows nothing of: a read
// whose time has passed gives those and no others. What waits in the kernel
// need not be data, and is read to see.
func (c *ClientConn) quiet(seen peek) bool {
	until := time.Unix(1, 0)
	if seen == peekBytes {
		until = time.Now().Add(ticketWait)
	}
	c.sock.armRead(until)
	_, err := c.sock.nc.Read(c.probe[:])
	c.sock.armRead(time.Time{})
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// answered says whether the backend answers, or has closed, while the request
// is still being sent.
func (c *ClientConn) answered() bool { return c.broken || c.look() != peekNothing }

// early makes an end before the promised length an error.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return ErrTorn
	}
	return err
}
