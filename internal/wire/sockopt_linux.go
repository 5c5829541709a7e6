package wire

import (
	"net"

	"golang.org/x/sys/unix"
)

// limitUnsent bounds how long the kernel keeps what a client does not
// acknowledge, so that clients that vanish or stop reading do not leave full
// send buffers behind.
func limitUnsent(tcp *net.TCPConn) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // closed already
	}
	_ = raw.Control(func(fd uintptr) { // best effort: the write time-outs remain
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(tcpUserTimeout.Milliseconds()))
	})
}
