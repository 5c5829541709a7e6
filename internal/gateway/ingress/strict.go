package ingress

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"gatehouse/internal/wire"
)

// Strict returns a listener for a net/http server of HTTP/1.1, whose
// connections let nothing through that two readers could understand
// differently: net/http accepts folded lines, lines that end in LF alone and
// more, or repairs them. Of a request, head bounds the head, and headTime how
// long it takes to arrive.
//
// A handler must not let a connection go on after a request for an upgrade that
// it did not grant, see [EndUpgrade].
func Strict(l net.Listener, head int, headTime time.Duration) net.Listener {
	return &strictListener{l, head, headTime}
}

type strictListener struct {
	net.Listener
	head     int
	headTime time.Duration
}

func (l *strictListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newStrict(nc, l.head, l.headTime), nil
}

// EndUpgrade makes the response to a request for an upgrade the last one of
// its connection, unless the connection is taken over: what follows such a
// request may be of another protocol and is not looked at.
func EndUpgrade(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 && r.Header["Upgrade"] != nil {
		w.Header().Set("Connection", "close")
	}
}

// A strict reads requests before net/http does, with the codec of wire, and
// hands them on as they are, once their framing is beyond doubt. In place of
// one that is refused net/http gets one that it refuses with the same status:
// so the answer comes in its turn, and the connection ends.
type strict struct {
	net.Conn
	max      int
	headTime time.Duration

	state strictState
	head  []byte // read of a head that is not complete
	ready []byte // may be handed on
	raw   []byte // behind what is ready, not looked at yet
	mem   []byte // what raw is read into
	left  int64  // of a body with a length
	body  wire.Chunked
	req   wire.Request
	armed bool // the deadline is for the head
}

type strictState uint8

const (
	strictHead strictState = iota
	strictLength
	strictChunked
	strictOff // another protocol
	strictEnd // a request was refused
)

func newStrict(nc net.Conn, head int, headTime time.Duration) *strict {
	return &strict{Conn: nc, max: head, headTime: headTime}
}

// strictSpare is what a head may have beyond the bound that net/http was told:
// so much more it accepts, and answers 431 to the rest.
const strictSpare = 8 << 10

// strictBuffer is how much of heads and chunks is read at once.
const strictBuffer = 4 << 10

// Read hands on what was found good.
func (s *strict) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(s.ready) == 0 {
		if len(s.raw) > 0 {
			if err := s.take(); err != nil {
				return 0, err
			}
			continue
		}
		switch s.state {
		case strictOff:
			return s.Conn.Read(p)
		case strictEnd:
			return 0, io.EOF
		case strictLength:
			n, err := s.Conn.Read(p[:min(int64(len(p)), s.left)])
			if s.left -= int64(n); s.left == 0 {
				s.state = strictHead
			}
			return n, err
		case strictHead:
			// net/http waits for a request with a large buffer, and for the end of
			// a connection, while it serves one, with a single byte. Only then the
			// deadline is its own.
			if len(s.head) > 0 && len(p) > 1 && !s.armed {
				s.armed = true
				if err := s.Conn.SetReadDeadline(time.Now().Add(s.headTime)); err != nil {
					return 0, err
				}
			}
		}
		if s.mem == nil {
			s.mem = make([]byte, strictBuffer)
		}
		n, err := s.Conn.Read(s.mem)
		s.raw = s.mem[:n]
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

// take looks at what was read, and moves what is good to ready.
func (s *strict) take() error {
	switch s.state {
	case strictHead:
		s.takeHead()
	case strictLength:
		n := int(min(s.left, int64(len(s.raw))))
		s.pass(n)
		if s.left -= int64(n); s.left == 0 {
			s.state = strictHead
		}
	case strictChunked:
		var content [4096]byte
		_, n, err := s.body.Decode(content[:], s.raw)
		if err != nil {
			s.raw, s.state = nil, strictEnd
			return err
		}
		s.pass(n)
		if s.body.Done() {
			s.state = strictHead
		}
	case strictOff:
		s.pass(len(s.raw))
	case strictEnd:
		s.raw = nil
	}
	return nil
}

func (s *strict) pass(n int) { s.ready, s.raw = s.raw[:n], s.raw[n:] }

// emptyLine may stand before a request (RFC 9112, 2.2). net/http does not take
// one.
const emptyLine = "\r\n"

func (s *strict) takeHead() {
	s.head, s.raw = append(s.head, s.raw...), nil
	if isPrefix(s.head, preface) && len(s.head) >= 3 { // no method begins with PRI
		if len(s.head) >= len(preface) {
			s.state, s.ready, s.head = strictOff, s.head, nil
		}
		return
	}
	b := s.head
	if isPrefix(b, emptyLine) {
		if b = b[min(len(emptyLine), len(b)):]; len(b) == 0 {
			return
		}
	}
	s.req.Reset()
	n, err := wire.ParseRequestHead(b, &s.req, &wire.HeadLimits{Target: s.max + strictSpare, Header: s.max + strictSpare, Fields: s.max})
	switch {
	case err != nil:
		s.refuse(b, err)
	case n > 0:
		s.begin(b, n)
	}
}

// begin lets a head of n bytes through.
func (s *strict) begin(b []byte, n int) {
	switch length := s.req.Body.Length; {
	case s.req.Header.GetID(wire.HeaderUpgrade) != "":
		n, s.state = len(b), strictOff
	case length > 0:
		s.state, s.left = strictLength, length
	case length < 0:
		s.state = strictChunked
		s.body.Reset()
	}
	s.ready, s.raw, s.head, s.armed = b[:n], b[n:], nil, false
	s.req.Reset()
}

// refusals are requests that net/http answers with a status.
var refusals = map[int]string{
	http.StatusExpectationFailed:       "GET / HTTP/1.1\r\nHost: a\r\nExpect: nothing\r\n\r\n",
	http.StatusNotImplemented:          "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: none\r\n\r\n",
	http.StatusHTTPVersionNotSupported: "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
}

// refuse lets net/http refuse the request that begins with b.
func (s *strict) refuse(b []byte, err error) {
	instead := "?\r\n\r\n"
	if e, ok := errors.AsType[*wire.Error](err); ok {
		switch {
		case e.Status == http.StatusRequestHeaderFieldsTooLarge, e.Status == http.StatusRequestURITooLong:
			instead = string(b) // too long for net/http as well
		case refusals[e.Status] != "":
			instead = refusals[e.Status]
		}
	}
	s.ready, s.head, s.state = []byte(instead), nil, strictEnd
}

// CloseWrite lets a connection linger, as net/http does with one of TCP.
func (s *strict) CloseWrite() error {
	if c, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// from is the peer of a guarded connection.
func (s *strict) from() *wire.Peer { return s.Conn.(*guard).from() }

// isPrefix reports whether b and text are the same as far as both go.
func isPrefix(b []byte, text string) bool {
	n := min(len(b), len(text))
	return string(b[:n]) == text[:n]
}
