package upstreamtest

import (
	"strings"
	"time"

	"gatehouse/internal/upstream"
)

// A Fault is one way in which a backend misbehaves. Each must end in an error
// of the kind Want, in the head or in the body, within the deadline; never in
// an answer that passes for whole; and the connection must not be used again.
type Fault struct {
	Name   string
	Script Script
	Want   error
	Body   bool // the head is sound, the error may come with the body
	Slow   bool // ends with the deadline only
}

// Faults are the backends that misbehave.
var Faults = []Fault{
	{Name: "accepts and closes", Script: func(*Conn) {}, Want: upstream.ErrBroken},
	{Name: "resets", Script: func(c *Conn) { c.Request(); c.Reset() }, Want: upstream.ErrBroken},
	{Name: "hangs", Script: func(c *Conn) { c.Hang() }, Want: upstream.ErrTimeout, Slow: true},
	{Name: "closes before the answer", Script: answer(""), Want: upstream.ErrBroken},
	{Name: "closes in the status line", Script: answer("HTTP/1.1 2"), Want: upstream.ErrBroken},
	{Name: "closes in the head", Script: answer("HTTP/1.1 200 OK\r\nContent-Le"), Want: upstream.ErrBroken},
	{Name: "closes in a small body", Script: answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"), Want: upstream.ErrBroken},
	{Name: "closes in a large body", Script: answer("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n12345"), Want: upstream.ErrBroken, Body: true},
	{Name: "closes between chunks", Script: answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"), Want: upstream.ErrBroken, Body: true},
	{Name: "closes in a chunk", Script: answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123"), Want: upstream.ErrBroken, Body: true},
	{Name: "closes in the trailers", Script: answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n"), Want: upstream.ErrBroken, Body: true},
	{Name: "sends garbage", Script: answer("SSH-2.0-OpenSSH_9.2\r\n\r\n"), Want: upstream.ErrBadResponse},
	{Name: "sends binary garbage", Script: answer("\x15\x03\x01\x00\x02\x02\x16\r\n\r\n"), Want: upstream.ErrBadResponse},
	{Name: "sends a bad status", Script: answer("HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"), Want: upstream.ErrBadResponse},
	{Name: "sends another version", Script: answer("HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n"), Want: upstream.ErrBadResponse},
	{Name: "sends two lengths", Script: answer("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), Want: upstream.ErrBadResponse},
	{Name: "sends length and chunks", Script: answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), Want: upstream.ErrBadResponse},
	{Name: "sends a negative length", Script: answer("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), Want: upstream.ErrBadResponse},
	{Name: "sends a bare LF", Script: answer("HTTP/1.1 200 OK\nContent-Length: 0\n\n"), Want: upstream.ErrBadResponse},
	{Name: "sends a folded line", Script: answer("HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n"), Want: upstream.ErrBadResponse},
	{Name: "sends a space before the colon", Script: answer("HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"), Want: upstream.ErrBadResponse},
	{Name: "sends a bad chunk size", Script: answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), Want: upstream.ErrBadResponse},
	{Name: "sends more than it promised", Script: answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1234567890"), Want: upstream.ErrBadResponse},
	{Name: "sends two answers", Script: answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"), Want: upstream.ErrBadResponse},
	{Name: "switches protocols unasked", Script: answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), Want: upstream.ErrBadResponse},
	{Name: "sends interim answers without end", Script: endless("", "HTTP/1.1 100 Continue\r\n\r\n"), Want: upstream.ErrBadResponse},
	{Name: "sends headers without end", Script: endless("HTTP/1.1 200 OK\r\n", "A: "+strings.Repeat("b", 100)+"\r\n"), Want: upstream.ErrBadResponse},
	{Name: "sends one header without end", Script: endless("HTTP/1.1 200 OK\r\nA: ", strings.Repeat("b", 1000)), Want: upstream.ErrBadResponse},
	{Name: "sends trailers without end", Script: endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: "+strings.Repeat("b", 100)+"\r\n"), Want: upstream.ErrBadResponse, Body: true},
	{Name: "trickles the head", Script: trickle("HTTP/1.1 200 OK\r\nA: ", "b"), Want: upstream.ErrTimeout, Slow: true},
	{Name: "trickles the body", Script: trickle("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", "b"), Want: upstream.ErrTimeout, Body: true, Slow: true},
	{Name: "trickles a body without length", Script: trickle("HTTP/1.1 200 OK\r\n\r\n", "b"), Want: upstream.ErrTimeout, Body: true, Slow: true},
}

// answer reads a request, sends s and closes.
func answer(s string) Script {
	return func(c *Conn) {
		if c.Request() != nil {
			c.Send(s)
		}
	}
}

// endless sends a beginning and then the same piece until nobody takes it.
func endless(begin, piece string) Script {
	piece = strings.Repeat(piece, 100)
	return func(c *Conn) {
		if c.Request() == nil || !c.Send(begin) {
			return
		}
		for c.Send(piece) {
		}
	}
}

// trickle sends a beginning and then a piece every few milliseconds.
func trickle(begin, piece string) Script {
	return func(c *Conn) {
		if c.Request() == nil || !c.Send(begin) {
			return
		}
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for c.Send(piece) {
			select {
			case <-tick.C:
			case <-c.Done:
				return
			}
		}
	}
}
