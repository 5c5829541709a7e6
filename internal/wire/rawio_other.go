//go:build !linux

package wire

import "syscall"

// sysRead reads from a socket that does not block. At the end of the stream it
// returns 0 and no error.
func sysRead(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), p)
		if err != syscall.EINTR { //nolint:errorlint // never wrapped
			return max(n, 0), err
		}
	}
}

// sysWrite writes to a socket that does not block, as much as it takes.
func sysWrite(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Write(int(fd), p)
		if err != syscall.EINTR { //nolint:errorlint // never wrapped
			return max(n, 0), err
		}
	}
}
