package wire

import (
	"syscall"
	"unsafe"
)

// String returns b as a string without copying it. The string is only valid as
// long as the bytes stay unchanged: it is for memory that belongs to an
// exchange. Whoever keeps the string longer clones it.
func String(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// rawCall makes a system call that does not block, with memory to fill or to
// send, without telling the scheduler, which would cost more than it gains: the
// call returns at once.
func rawCall[T any](trap, fd uintptr, p []T, flags uintptr) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
	return int(n), errno
}
