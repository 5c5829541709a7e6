package wire

import "syscall"

// sysRead reads from a socket that does not block. At the end of the stream it
// returns 0 and no error. recvfrom is the shorter way into the kernel than
// read.
func sysRead(fd uintptr, p []byte) (int, error) {
	for {
		n, errno := rawCall(syscall.SYS_RECVFROM, fd, p, 0)
		switch errno {
		case 0:
			return n, nil
		case syscall.EAGAIN:
			return 0, syscall.EAGAIN
		case syscall.EINTR:
			continue
		}
		return 0, errno
	}
}

// sysWrite writes to a socket that does not block, as much as it takes.
func sysWrite(fd uintptr, p []byte) (int, error) {
	for {
		n, errno := rawCall(syscall.SYS_SENDTO, fd, p, syscall.MSG_NOSIGNAL)
		switch errno {
		case 0:
			return n, nil
		case syscall.EAGAIN:
			return 0, syscall.EAGAIN
		case syscall.EINTR:
			continue
		}
		return 0, errno
	}
}
