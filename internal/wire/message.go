package wire

import (
	"context"
	"io"
	"net"
	"net/netip"
	"time"

	"gatehouse/internal/clientcert"
)

// A Field is one header field line. Name is spelled as it was received or as
// it is to be sent; ID tells well-known names apart without comparing text.
//
// Both strings are views of memory that is reused when the exchange they
// belong to ends. Whoever keeps one longer clones it.
type Field struct {
	Name  string
	Value string
	ID    HeaderID
}

// A Header is the header section of a message, in order, repeated names and
// spelling kept. Its zero value is empty; Reset keeps the memory.
type Header struct {
	Fields []Field
}

// A Request is an HTTP request, received or to be sent.
type Request struct {
	Method string
	// Target is the request target in origin form (or "*"), exactly as
	// received: an absolute form is split into Host and Target when read.
	Target string
	Path   string // of Target: all before the first '?'; still percent-encoded
	Query  string // of Target: all after the first '?', without it
	// Host is the authority that is addressed, port included. When a request
	// is sent, the Host line is written from here and not from Header.
	Host   string
	Header Header
	Body   Body
	// AnswerIdle bounds how long the body of the answer may make no progress,
	// when a request is sent; 0: as long as the deadline lets it.
	AnswerIdle time.Duration
	// Peer is the client on whose behalf a request is sent; nil: nobody knows.
	Peer *Peer
	// Upgrade is the protocol to which a request that is sent asks to change, where
	// that can be done; empty: none.
	Upgrade string
	// Close: the peer asked for the connection to end after this request.
	Close bool
	// HTTP10: the peer speaks HTTP/1.0.
	HTTP10 bool
	// Received is when the first byte was here; zero if the driver does not know.
	Received time.Time

	// expect: the client waits for 100 (Continue) before it sends the body.
	expect bool
}

// Reset empties r and keeps its memory.
func (r *Request) Reset() {
	r.Header.Reset()
	*r = Request{Header: r.Header}
}

// A Response is an HTTP response, received or to be sent.
//
// A received one has all its fields in Header. Of one to be sent the driver
// writes the framing (Content-Length, Transfer-Encoding, Connection, Trailer)
// from Body and Close, and passes over such fields in Header.
//
// The Body of an answer to HEAD, and of a 304, has no bytes; its Length is what
// Content-Length said or is to say, -1 for nothing.
type Response struct {
	Status int
	Header Header
	Body   Body
	// Close: the connection must end after this response.
	Close bool
	// Ready is when a response to be sent was made; zero: the driver asks the
	// clock.
	Ready time.Time
	// Switch makes a response to be sent the 101 that ends the use of HTTP on the
	// connection: it is given the connection, and what was read of it already,
	// after the exchange has ended. From then on the connection is whoever's took
	// it, who closes it; nil: the client was lost meanwhile.
	Switch func(nc net.Conn, read []byte)

	http10  bool // the peer speaks HTTP/1.0
	chunked bool // the body's framing; else Body.Length, or until the end

	// mem holds head and beginning of body of a received response: its strings
	// and Body.Bytes are views of it, until Reset or the next use.
	mem []byte
}

// maxKeptMem is the largest memory a Response keeps for its next use.
const maxKeptMem = 16 << 10

// Reset empties r and keeps its memory.
func (r *Response) Reset() {
	r.Header.Reset()
	mem := r.mem
	if cap(mem) > maxKeptMem {
		mem = nil
	}
	*r = Response{Header: r.Header, mem: mem}
}

// A Body is the content of a message: the bytes that are here already, then
// what Source still has to give.
type Body struct {
	Bytes  []byte
	Source Source // nil: Bytes is all there is
	Length int64  // bytes in all; -1: not known before the end
}

// A Source gives the rest of a body. Read returns io.EOF only at the true end
// of the body as the framing tells it; a body that was cut off ends with
// another error and must never be passed on as whole.
type Source interface {
	io.Reader
	// Trailer returns the trailer section, after io.EOF.
	Trailer() *Header
	// Close gives up what is left. It must be called once, also after io.EOF.
	Close() error
}

// A Peer is the other side of a server connection.
type Peer struct {
	Addr    netip.AddrPort // of the client
	Local   netip.AddrPort // the address it connected to
	TLS     bool
	Version uint16 // TLS version, as in crypto/tls; 0 without TLS
	Cipher  uint16
	SNI     string
	Client  *clientcert.Shown // the client's certificate, not verified; nil: none
	Proto   string            // "HTTP/1.1", "HTTP/2.0"
}

// A Handler serves the requests of a server, from one goroutine per connection.
type Handler interface {
	// Acquire returns an exchange for the next request of peer. It is called
	// when the first byte of the request has arrived. peer stays valid and
	// unchanged as long as the connection.
	Acquire(peer *Peer) Exchange
}

// An Exchange is one request and its response, as a driver sees it. The
// methods are called in this order, each once: Request, then either Serve and
// Finish, or only Finish when no request could be read.
type Exchange interface {
	// Request returns where the driver puts the request.
	Request() *Request
	// Serve answers the request: it returns when the response's head is known,
	// or as soon as the body may be streamed. The driver then writes it.
	Serve(ctx context.Context) *Response
	// Finish ends the exchange once the response is written (or was given up)
	// and its body's Source is closed. Neither the exchange nor anything it
	// handed out is used afterwards.
	Finish(sent Sent)
}

// A Refuser is an Exchange with an answer of its own to a request that could
// not be read. Refuse is then called in place of Serve; Request holds what was
// read before e. The connection closes after the answer.
type Refuser interface {
	Refuse(e *Error) *Response
}

// Sent tells how the writing of a response went.
type Sent struct {
	Head     int64     // bytes of the response's head
	Body     int64     // bytes of its body, framing not counted
	Err      error     // nil: the whole response was handed to the kernel
	At       time.Time // when it ended
	Received int64     // bytes of the request, head and body
}
