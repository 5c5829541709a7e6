package wire

import (
	"crypto/tls"
	"net"
	"time"
)

// A TakeOver serves a connection that speaks HTTP/2, from its first byte to
// its end, and closes it. read is what was read of it already; both it and
// peer stay valid until TakeOver returns.
type TakeOver func(peer *Peer, nc net.Conn, read []byte)

// preface is the first line that HTTP/2 clients send (RFC 9113, 3.4). As a
// request it has the version at fault, so that no HTTP/1.1 client sends it.
const preface = "PRI * HTTP/2.0\r\n"

// isPreface says whether b may be the beginning of the preface.
func isPreface(b []byte) bool {
	n := min(len(b), len(preface))
	return string(b[:n]) == preface[:n]
}

// takenOver hands the connection over if its client negotiated HTTP/2, or
// begins with its preface. It looks at the first bytes of a connection only.
func (c *serverConn) takenOver() bool {
	if c.srv.TakeOver == nil {
		return false
	}
	if tc, ok := c.sock.nc.(*tls.Conn); ok && tc.ConnectionState().NegotiatedProtocol == "h2" {
		c.handOver()
		return true
	}
	deadline := c.first.Add(c.srv.Limits.ReadHead)
	for {
		b := c.buf[c.r:c.w]
		if !isPreface(b) {
			return false
		}
		if len(b) >= len(preface) {
			c.handOver()
			return true
		}
		m, err := c.sock.read(c.buf[c.w:], deadline)
		if err != nil {
			return false // reading the head will meet it again
		}
		c.w += m
	}
}

// handOver gives the connection away with no deadline left on it.
func (c *serverConn) handOver() {
	_ = c.sock.nc.SetDeadline(time.Time{}) // fails only on a closed conn
	c.srv.TakeOver(&c.peer, c.sock.nc, c.buf[c.r:c.w])
}
