//go:build !linux

package wire

import "net"

// limitUnsent does nothing where the kernel offers nothing for it.
func limitUnsent(*net.TCPConn) {}
