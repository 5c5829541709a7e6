// Package websocket is the server's end of WebSocket connections (RFC 6455):
// frames, messages, the closing handshake, and bounds on all of them.
//
// A [Conn] is made of a connection whose handshake is done; [Accept] gives the
// answer to its key. It holds no memory for reading until bytes arrive and, with
// a [Poller], no goroutine either. Text is all it takes, and permessage-deflate
// is the only extension it knows, if it is told to: AWS has none.
package websocket

import (
	"crypto/sha1" //nolint:gosec // the protocol says so; it protects nothing
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// Accept returns the value of Sec-WebSocket-Accept for a key.
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as above
	return base64.StdEncoding.EncodeToString(sum[:])
}

// ValidKey tells whether key may be a Sec-WebSocket-Key: 16 bytes as base64.
func ValidKey(key string) bool {
	b, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(b) == 16
}

// The codes that connections are closed with.
const (
	CloseNormal      = 1000
	CloseGoingAway   = 1001
	CloseProtocol    = 1002
	CloseUnsupported = 1003
	CloseNoStatus    = 1005 // the peer named none; never sent
	CloseAbnormal    = 1006 // the connection was lost; never sent
	CloseInvalidData = 1007
	ClosePolicy      = 1008
	CloseTooBig      = 1009
	CloseInternal    = 1011
	CloseRestart     = 1012
)

// A CloseError tells how a connection ended.
type CloseError struct {
	Code   int
	Reason string
}

// Error names code and reason.
func (e *CloseError) Error() string { return fmt.Sprintf("closed: %d %s", e.Code, e.Reason) }

// Conditions of a write that callers act on.
var (
	// ErrClosed: the connection takes no more messages.
	ErrClosed = errors.New("connection is closed")
	// ErrBusy: too many are waiting to write already.
	ErrBusy = errors.New("too many writers")
)

// Limits bound what a connection may hold and how long it may last. Zero fields
// take the default named.
type Limits struct {
	Frame    int           // payload of one frame; 32 KB
	Message  int           // 128 KB
	Idle     time.Duration // without a message either way; 10 min
	Life     time.Duration // 2 h
	Write    time.Duration // that the peer may take for one frame; 10 s
	Farewell time.Duration // that the peer may take to answer a close; 2 s
	Writers  int           // that may wait for another's message to be taken; 16
	Queue    int           // messages that wait for a peer to take those offered before; 64
}

// SetDefaults fills in what is zero.
//
// AWS: websocket-execution.md §7; the last four are ours.
func (l *Limits) SetDefaults() {
	setDefault(&l.Frame, 32<<10)
	setDefault(&l.Message, 128<<10)
	setDefault(&l.Idle, 10*time.Minute)
	setDefault(&l.Life, 2*time.Hour)
	setDefault(&l.Write, 10*time.Second)
	setDefault(&l.Farewell, 2*time.Second)
	setDefault(&l.Writers, 16)
	setDefault(&l.Queue, 64)
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}
