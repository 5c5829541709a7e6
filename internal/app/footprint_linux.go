package app

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// forgetStart gives the pages of the program's own file back that starting has
// read: most of them are never looked at again. What is comes back from the
// system's cache, a page at a time. Nothing is lost, for these pages are never
// written to.
func forgetStart() {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close() //nolint:errcheck // only read
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		// 00400000-01a2b000 r-xp 00000000 fe:00 123 /usr/bin/gatehouse
		f := strings.Fields(lines.Text())
		if len(f) < 6 || strings.Join(f[5:], " ") != self || f[1] != "r-xp" && f[1] != "r--p" {
			continue
		}
		first, last, _ := strings.Cut(f[0], "-")
		from, err1 := strconv.ParseUint(first, 16, 64)
		to, err2 := strconv.ParseUint(last, 16, 64)
		if err1 == nil && err2 == nil && from < to {
			// It fails only where it is not allowed to: then they stay.
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(from), uintptr(to-from), unix.MADV_DONTNEED)
		}
	}
}
