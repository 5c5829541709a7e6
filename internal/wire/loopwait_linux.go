package wire

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A waiter waits for the events of a loop's epoll descriptor. While there is much
// to do it waits in the kernel, and nothing else is involved. When nothing comes
// for a while, or seldom, the loop's descriptor goes into another
// that Go's poller knows, and the goroutine waits like any other: a thread that
// sleeps in the kernel holds a processor until Go notices, and that costs more
// than all the rest. It does not stay there: every event would have to be told
// three times.
type waiter struct {
	ep      int // the loop's
	outer   int // known to Go's poller
	file    *os.File
	raw     syscall.RawConn
	wake    func(fd uintptr) bool // step, made once
	inside  bool                  // ep is in outer
	armed   time.Time             // the deadline of file
	pending []unix.EpollEvent
	n       int
	gap     time.Duration // between two events, on average of late
}

func (w *waiter) init(ep int) error {
	outer, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(outer, true); err != nil { // for os.NewFile to know
		_ = unix.Close(outer)
		return os.NewSyscallError("fcntl", err)
	}
	w.ep, w.outer, w.file = ep, outer, os.NewFile(uintptr(outer), "")
	w.wake = w.step
	w.raw, err = w.file.SyscallConn()
	return err
}

func (w *waiter) end() { _ = w.file.Close() }

// busyWait is how long a loop that has much to do waits in the kernel, in
// milliseconds.
const busyWait = 2

// busyGap is how often a loop has something to do at least that has much to do.
const busyGap = 200 * time.Microsecond

// turned notes how long the last turn of the loop took, with its waiting, and
// how many events it brought.
func (w *waiter) turned(d time.Duration, n int) {
	w.gap += (min(d/time.Duration(max(n, 1)), 2*busyGap) - w.gap) / 8
}

// events fills list, and returns how many events there are.
func (w *waiter) events(list []unix.EpollEvent, wait bool) (n int) {
	var err error
	if wait {
		n, err = unix.EpollWait(w.ep, list, busyWait)
	} else {
		var errno syscall.Errno
		if n, errno = rawCall(syscall.SYS_EPOLL_PWAIT, uintptr(w.ep), list, 0); errno != 0 {
			err = errno
		}
	}
	if err != nil && err != unix.EINTR { //nolint:errorlint // never wrapped
		panic(os.NewSyscallError("epoll_wait", err)) // a loop's own descriptor is wrong
	}
	return max(n, 0)
}

// await is events, but if there are none it waits for some, until a time or,
// if that is zero, for ever. It may return before.
func (w *waiter) await(list []unix.EpollEvent, until time.Time) int {
	if n := w.events(list, w.gap < busyGap); n > 0 {
		return n
	}
	if w.armed.IsZero() != until.IsZero() || w.armed.After(until) {
		w.arm(until)
	}
	w.pending, w.n = list, 0
	if w.raw.Read(w.wake) != nil { // the deadline has passed
		w.arm(until)
	}
	w.pull()
	return w.n
}

func (w *waiter) arm(t time.Time) {
	_ = w.file.SetReadDeadline(t) // fails only when it is closed
	w.armed = t
}

// step returns false to wait.
func (w *waiter) step(uintptr) bool {
	if w.pull(); w.n == 0 {
		w.n = w.events(w.pending, false)
	}
	if w.n > 0 {
		return true
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN}
	w.inside = unix.EpollCtl(w.outer, unix.EPOLL_CTL_ADD, w.ep, &ev) == nil
	return !w.inside // out of memory: look again
}

// pull takes the loop's descriptor out again.
func (w *waiter) pull() {
	if w.inside {
		_ = unix.EpollCtl(w.outer, unix.EPOLL_CTL_DEL, w.ep, nil) // it is there
		w.inside = false
	}
}
