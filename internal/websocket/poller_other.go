//go:build !linux

package websocket

import "errors"

// A Poller is a thing of Linux: elsewhere a goroutine waits for each connection.
type Poller struct{}

// NewPoller reports that there is none.
func NewPoller() (*Poller, error) { return nil, errors.ErrUnsupported }

// Run does nothing.
func (*Poller) Run() {}

// Close does nothing.
func (*Poller) Close() {}

type parking struct{}

func (*Poller) enter(*Conn) *parking { return nil }

func (*parking) await() bool { return false }

func (*parking) claim() bool { return false }

func (*parking) leave() {}

func (*Conn) writeSomeLocked([]byte) (n int, ok bool) { return 0, false }
