package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"gatehouse/internal/gateway/wsapi"
	"gatehouse/internal/handover"
)

// What is said of connections of WebSocket APIs.
const (
	sayConnection = "connection"
	sayWord       = "word"
)

// An heir is a successor, as it gets the connections of WebSocket APIs.
type heir struct{ link *handover.Link }

var _ wsapi.Heir = heir{}

// Take implements wsapi.Heir.
func (h heir) Take(l *wsapi.Legacy, conn syscall.Conn) error {
	return h.link.Send(sayConnection, l, conn)
}

// Tell implements wsapi.Heir.
func (h heir) Tell(w *wsapi.Word) error { return h.link.Send(sayWord, w, nil) }

// inherit does what the process before says. f is the descriptor that
// came with it, or nil.
func (n *node) inherit(m *handover.Message, f *os.File) {
	err := n.inheritFrom(m, f)
	if f != nil {
		err = errors.Join(err, f.Close()) // whoever has it has a copy
	}
	if err != nil {
		n.log.Error("what the process before has passed on is lost", "error", err)
	}
}

func (n *node) inheritFrom(m *handover.Message, f *os.File) error {
	switch m.Kind {
	case sayConnection:
		var l wsapi.Legacy
		if err := json.Unmarshal(m.Body, &l); err != nil {
			return err
		}
		if f == nil {
			return fmt.Errorf("%s came without its descriptor", l.ID)
		}
		nc, err := net.FileConn(f)
		if err != nil {
			return err
		}
		return n.sockets.Inherit(&l, nc)
	case sayWord:
		var w wsapi.Word
		if err := json.Unmarshal(m.Body, &w); err != nil {
			return err
		}
		n.sockets.Hear(&w)
		return nil
	case sayLine:
		var line lateLine
		if err := json.Unmarshal(m.Body, &line); err != nil {
			return err
		}
		return n.hearLine(&line)
	}
	return fmt.Errorf("the process before says %q", m.Kind)
}
