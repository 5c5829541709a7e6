package gateway

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugeFrom is the size from which a table is worth huge pages: most of what
// looking up one of a million keys costs is the walk to its page otherwise.
const hugeFrom = 8 << 20

// advise asks for huge pages under a table that is filled. Nothing depends on
// its being heard.
func advise[T any](table []T) {
	size := len(table) * int(unsafe.Sizeof(*new(T)))
	if size < hugeFrom {
		return
	}
	first := unsafe.Pointer(unsafe.SliceData(table))
	skip := -uintptr(first) & (uintptr(os.Getpagesize()) - 1) // advice concerns whole pages
	pages := unsafe.Slice((*byte)(first), size)[skip:]
	_ = unix.Madvise(pages, unix.MADV_HUGEPAGE) // for what is not touched yet
	_ = unix.Madvise(pages, unix.MADV_COLLAPSE) // for what is
}
