//go:build !linux

package wire

import "errors"

// A Loop is a thing of Linux: elsewhere there is none.
type Loop struct{}

// Index tells the loops of a server apart.
func (*Loop) Index() int { return 0 }

type (
	loops    struct{}
	loopConn struct{}
)

func (*Server) stopLoops() {}

func (*Server) enterLoop(*serverConn) bool { return false }

func (*Loop) welcome(*serverConn) {}

func (*socket) shutBare(bool) {}

func (*socket) detach() error { return errors.ErrUnsupported }
