package ingress

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/wire"
)

// A guard stands between an HTTP/2 connection and net/http. It looks at the
// nine bytes in front of every frame, in both directions, and ends the
// connection when a client makes work that costs it nothing:
//
//   - frames that carry no data (SETTINGS, PING, PRIORITY, WINDOW_UPDATE, empty
//     DATA, unknown ones) beyond a steady rate and what the answers sent to it
//     justify;
//   - streams that end in RST_STREAM, whoever sends it: the client that opens
//     and cancels, and the one that makes the server cancel;
//   - CONTINUATION frames, and header blocks that are not finished in time.
//
// net/http itself bounds the size of a header block, the number of streams at
// once and the answers queued, but not how often any of it happens.
//
// A connection that does not begin with HTTP/2's preface passes untouched.
type guard struct {
	net.Conn
	peer  *wire.Peer
	limit *FloodLimits
	ended chan struct{} // closed with the connection

	matched int // bytes of the preface seen
	off     bool

	head time.Duration // for a header block, from its first byte
	buf  []byte        // read, not yet handed on
	mem  []byte        // what buf is cut from

	in      frames // of the reading goroutine
	inBlock bool   // between HEADERS and END_HEADERS
	pieces  int    // CONTINUATION frames of this block
	units   int    // frames begun; a header block counts as one
	armed   int    // the unit that the read deadline in force is for; 0: none

	out    frames // of the writing goroutine
	broken atomic.Bool

	mu      sync.Mutex // guards the fields below: reading and writing both count
	control bucket
	resets  bucket
	closed  bool
}

// FloodLimits are the rates beyond which an HTTP/2 connection is ended. Zero
// fields take the defaults named in their comments.
type FloodLimits struct {
	// Control bounds frames without data: 1,000 at once and 100 a second,
	// plus ten for every DATA or HEADERS frame that was sent to the client,
	// which is what acknowledging it may take.
	Control, ControlRate int
	// Resets bounds streams ended by RST_STREAM: 500 at once, 50 a second.
	Resets, ResetRate int
	// Continuations bounds the CONTINUATION frames of one header block: 16.
	Continuations int
}

func (l *FloodLimits) setDefaults() {
	setDefault(&l.Control, 1000)
	setDefault(&l.ControlRate, 100)
	setDefault(&l.Resets, 500)
	setDefault(&l.ResetRate, 50)
	setDefault(&l.Continuations, 16)
}

// earned is how many control frames a frame sent to the client justifies.
const earned = 10

// guardBuffer is the memory a guard reads with. net/http reads a frame's head
// and its payload with a call each; from here they cost one.
const guardBuffer = 4 << 10

// newGuard guards c, from which the bytes read were read already.
func newGuard(c net.Conn, read []byte, peer *wire.Peer, l *Limits) *guard {
	now := time.Now()
	return &guard{
		Conn:    c,
		peer:    peer,
		limit:   &l.Flood,
		ended:   make(chan struct{}),
		head:    l.ReadHead,
		buf:     bytes.Clone(read),
		in:      frames{skip: len(preface)},
		control: bucket{tokens: float64(l.Flood.Control), at: now},
		resets:  bucket{tokens: float64(l.Flood.Resets), at: now},
	}
}

// preface is what an HTTP/2 connection begins with (RFC 9113 §3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// What ends a connection.
var (
	errControlFlood      = errors.New("too many HTTP/2 control frames")
	errResetFlood        = errors.New("too many HTTP/2 streams reset")
	errContinuationFlood = errors.New("too many HTTP/2 CONTINUATION frames")
)

// Read hands on what was received once the frames in it are counted.
func (g *guard) Read(p []byte) (int, error) {
	var n int
	switch {
	case len(g.buf) > 0:
	case len(p) >= guardBuffer:
		var err error
		g.arm()
		if n, err = g.Conn.Read(p); n == 0 {
			return 0, err
		}
	default:
		if err := g.fill(); err != nil {
			return 0, err
		}
	}
	if n == 0 {
		n = copy(p, g.buf)
		g.buf = g.buf[n:]
	}
	if g.matched < len(preface) && !g.off {
		g.match(p[:n])
	}
	if g.off {
		return n, nil
	}
	if err := g.in.scan(p[:n], g.received); err != nil {
		return 0, g.end(err)
	}
	return n, nil
}

// match turns g off at the first byte that is not the preface's.
func (g *guard) match(p []byte) {
	p = p[:min(len(p), len(preface)-g.matched)]
	g.off = string(p) != preface[g.matched:g.matched+len(p)]
	g.matched += len(p)
	if g.matched == len(preface) && !g.off {
		g.peer.Proto = "HTTP/2.0"
	}
}

func (g *guard) fill() error {
	if g.mem == nil {
		g.mem = make([]byte, guardBuffer)
	}
	g.arm()
	n, err := g.Conn.Read(g.mem)
	g.buf = g.mem[:n]
	if n > 0 {
		return nil
	}
	return err
}

// arm bounds the wait for the rest of a header block or of a frame other than
// DATA. The wait between frames is net/http's business, the pace of DATA that
// of the request's body.
func (g *guard) arm() {
	if g.matched < len(preface) {
		return
	}
	unit := g.units
	switch {
	case g.inBlock:
	case g.in.have > 0:
		unit++ // the head of the next one
	case g.in.skip > 0 && g.in.head[3] != frameData:
	default:
		if g.armed != 0 {
			g.armed = 0
			_ = g.Conn.SetReadDeadline(time.Time{})
		}
		return
	}
	if g.armed != unit {
		g.armed = unit
		_ = g.Conn.SetReadDeadline(time.Now().Add(g.head))
	}
}

// Write passes on what net/http sends once the frames in it are counted.
func (g *guard) Write(p []byte) (int, error) {
	if g.matched == len(preface) && !g.off {
		if err := g.out.scan(p, g.sending); err != nil {
			return 0, g.end(err)
		}
	}
	n, err := g.Conn.Write(p)
	if err != nil {
		g.broken.Store(true)
	}
	return n, err
}

// CloseWrite tells the client that no more is sent. net/http does so before it
// closes on a client that still sends, which would lose its answer otherwise.
func (g *guard) CloseWrite() error {
	if c, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// Close closes the connection; what a client did not take in time is dropped,
// and not left to the kernel to keep.
func (g *guard) Close() error {
	if !g.closing() {
		return net.ErrClosed
	}
	defer close(g.ended)
	if g.broken.Load() {
		closeNow(g.Conn)
		return nil
	}
	return g.Conn.Close()
}

// end closes the connection at once, without a farewell, and returns the cause.
func (g *guard) end(cause error) error {
	if g.closing() {
		defer close(g.ended)
		closeNow(g.Conn)
	}
	return cause
}

// closing reports true to the one who is to close the connection.
func (g *guard) closing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.closed
	g.closed = true
	return !was
}

// Frame types and flags (RFC 9113 §6).
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameRSTStream    = 0x3
	frameContinuation = 0x9

	flagEndStream  = 0x1
	flagEndHeaders = 0x4
)

// received counts a frame from the client.
func (g *guard) received(f frame) error {
	if f.kind == frameContinuation {
		g.pieces++
		g.inBlock = f.flags&flagEndHeaders == 0
		if g.pieces > g.limit.Continuations {
			return errContinuationFlood
		}
		return nil
	}
	g.units++
	switch f.kind {
	case frameHeaders:
		g.pieces = 0
		g.inBlock = f.flags&flagEndHeaders == 0
		return nil
	case frameRSTStream:
		return g.spend(&g.resets, g.limit.Resets, g.limit.ResetRate, errResetFlood)
	case frameData:
		if f.length > 0 || f.flags&flagEndStream != 0 {
			return nil
		}
	}
	return g.spend(&g.control, g.limit.Control, g.limit.ControlRate, errControlFlood)
}

// sending counts a frame to the client.
func (g *guard) sending(f frame) error {
	switch f.kind {
	case frameRSTStream:
		return g.spend(&g.resets, g.limit.Resets, g.limit.ResetRate, errResetFlood)
	case frameData, frameHeaders:
		g.mu.Lock()
		g.control.tokens = min(g.control.tokens+earned, float64(g.limit.Control)*earned)
		g.mu.Unlock()
	}
	return nil
}

func (g *guard) spend(b *bucket, size, rate int, full error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b.tokens >= 1 { // the clock is asked only when it matters
		b.tokens--
		return nil
	}
	now := time.Now()
	b.tokens = min(float64(size), b.tokens+now.Sub(b.at).Seconds()*float64(rate))
	b.at = now
	if b.tokens < 1 {
		return full
	}
	b.tokens--
	return nil
}

// A bucket holds what may still be spent.
type bucket struct {
	tokens float64
	at     time.Time // of the last refill
}

// frames finds the heads of frames in a stream of bytes that comes in pieces.
type frames struct {
	skip int // bytes until the next head
	head [frameHead]byte
	have int // bytes of head that are here
}

// frameHead is the size of a frame's head (RFC 9113 §4.1).
const frameHead = 9

// A frame is what a frame's head tells.
type frame struct {
	length int
	kind   byte
	flags  byte
}

func (s *frames) scan(p []byte, each func(frame) error) error {
	for len(p) > 0 {
		if s.skip > 0 {
			n := min(s.skip, len(p))
			s.skip -= n
			p = p[n:]
			continue
		}
		n := copy(s.head[s.have:], p)
		s.have += n
		p = p[n:]
		if s.have < frameHead {
			return nil
		}
		s.have = 0
		f := frame{
			length: int(binary.BigEndian.Uint32(s.head[:4]) >> 8),
			kind:   s.head[3],
			flags:  s.head[4],
		}
		s.skip = f.length
		if err := each(f); err != nil {
			return err
		}
	}
	return nil
}
