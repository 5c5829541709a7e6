package wire

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Loop serves plain TCP connections, those of clients and its own to
// backends, from one goroutine, and waits for all of them in one system call.
//
// It takes what is simple: requests that are here whole with their first bytes,
// whose exchange never waits for anything but the backend, and whose answer fits
// in the response's memory. Everything else it hands over, connection and
// exchange as they stand, to a goroutine of their own; when that has served
// enough, the client's connection comes back. So there is nothing in a loop that waits, and only three things that can be late: a
// client's next request, a backend's answer, and a client's end after the last
// answer.
type Loop struct {
	index int
	srv   *Server
	ep    int // epoll descriptor
	bell  int // event descriptor that wakes the loop
	wait  waiter
	nap   nap

	// What belongs to the loop's goroutine.
	slots []slot
	free  []int32
	now   time.Time // as of the events being handled
	next  time.Time // no deadline is before it, but for notBefore; zero: there is none
	// notBefore is when the deadlines may be looked at again.
	notBefore time.Time
	again     []*serverConn // that may have more to say, without an event
	out       []byte        // an answer being written
	writer    responseWriter
	rested    time.Time // when others had their turn
	handed    bool      // a goroutine was started, and waits for its turn
	over      bool

	dials sync.WaitGroup
	rung  atomic.Bool

	mu      sync.Mutex // guards the fields below; never held while calling out
	inbox   []func()
	stopped bool
}

// A slot is what an event refers to.
type slot struct {
	client  *serverConn
	backend *ClientConn
	turn    int32 // counts the uses of the slot: an event may be older
}

const (
	// loopEvents is how many events are taken at once.
	loopEvents = 256
	// loopEdge is what is waited for: changes, so that nothing has to be asked
	// for twice.
	loopEdge = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET
	loopGone = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	// bellSlot is the slot of the bell.
	bellSlot = -1
)

// newLoop makes a loop. Its run ends it.
func newLoop(srv *Server, index int) (*Loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	l := &Loop{index: index, srv: srv, ep: ep, out: make([]byte, 0, maxCopied+smallBuffer)}
	if l.bell, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		_ = unix.Close(ep)
		return nil, os.NewSyscallError("eventfd", err)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: bellSlot}
	err = os.NewSyscallError("epoll_ctl", unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, l.bell, &ev))
	if err == nil {
		err = l.wait.init(ep)
	}
	if err == nil {
		err = l.nap.init()
	}
	if err != nil {
		_ = unix.Close(ep)
		_ = unix.Close(l.bell)
		return nil, err
	}
	return l, nil
}

// Index tells the loops of a server apart: it is small.
func (l *Loop) Index() int { return l.index }

// post has f called on the loop's goroutine. It reports false if the loop has
// ended.
func (l *Loop) post(f func()) bool {
	l.mu.Lock()
	if l.stopped {
		l.mu.Unlock()
		return false
	}
	l.inbox = append(l.inbox, f)
	l.mu.Unlock()
	if !l.rung.Swap(true) {
		_, _ = unix.Write(l.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // fails only if it is rung 2^64 times
	}
	return true
}

// stop ends run once nothing but idle connections to backends is left.
func (l *Loop) stop() { l.post(func() { l.over = true }) }

func (l *Loop) run() {
	events := make([]unix.EpollEvent, loopEvents)
	l.rested = time.Now()
	for !l.over {
		n := 0
		if len(l.again) > 0 {
			n = l.wait.events(events, false)
		} else {
			n = l.wait.await(events, l.next)
		}
		now := time.Now()
		l.wait.turned(now.Sub(l.now), n)
		l.now = now
		l.dropSpoilt(events[:n])
		for i := range events[:n] {
			l.handle(&events[i])
		}
		l.lookAgain()
		if !l.next.IsZero() && !l.now.Before(l.next) {
			l.sweep()
		}
		l.rest(n)
	}
	l.end()
}

// restEvery is how long a loop may keep the processor from other goroutines
// and from Go's own poller.
const restEvery = 2 * time.Millisecond

// busyEvents is how many events at once show that a loop does not wait: when it
// does, others run.
const busyEvents = 4

// rest lets other goroutines run, after n events.
func (l *Loop) rest(n int) {
	switch {
	case n < busyEvents && len(l.again) == 0 && !l.handed:
		l.rested = l.now
	case l.now.Sub(l.rested) >= restEvery:
		l.rested, l.handed = l.now, false
		l.nap.take()
	case l.handed:
		l.handed = false
		runtime.Gosched()
	}
}

// dropSpoilt ends idle connections to backends on which something has happened:
// nobody asked them anything. It comes before everything else, so that none of
// them is used for a request that came in the same moment.
func (l *Loop) dropSpoilt(events []unix.EpollEvent) {
	for i := range events {
		if s := l.slotOf(&events[i]); s != nil && s.backend != nil && s.backend.client == nil {
			l.dropBackend(s.backend)
		}
	}
}

// slotOf returns what ev is about, or nil if that is gone.
func (l *Loop) slotOf(ev *unix.EpollEvent) *slot {
	if ev.Fd == bellSlot {
		return nil
	}
	if s := &l.slots[ev.Fd]; s.turn == ev.Pad {
		return s
	}
	return nil
}

func (l *Loop) handle(ev *unix.EpollEvent) {
	if ev.Fd == bellSlot {
		l.readInbox()
		return
	}
	s := l.slotOf(ev)
	if s == nil {
		return
	}
	c := s.client
	if c == nil {
		c = s.backend.client
	}
	defer l.recover(c)
	if s.client != nil {
		l.clientEvent(s.client, ev.Events)
	} else {
		l.backendEvent(s.backend, ev.Events)
	}
}

// recover cuts a connection after a panic.
func (l *Loop) recover(c *serverConn) {
	if l.srv.Panicked == nil {
		return
	}
	if v := recover(); v != nil {
		l.srv.Panicked(v, debug.Stack())
		if c != nil && c.in != nil {
			l.dropCall(c)
			l.closeClient(c, true)
		}
	}
}

func (l *Loop) readInbox() {
	var b [8]byte
	_, _ = unix.Read(l.bell, b[:]) // only empties it
	l.rung.Store(false)
	l.mu.Lock()
	list := l.inbox
	l.inbox = nil
	l.mu.Unlock()
	for _, f := range list {
		f()
	}
}

// lookAgain serves the connections that had more to say than one turn.
func (l *Loop) lookAgain() {
	n := len(l.again)
	for i := range n { // who has still more to say gets behind them
		l.serveAgain(l.again[i])
	}
	rest := copy(l.again, l.again[n:])
	clear(l.again[rest:])
	l.again = l.again[:rest]
}

func (l *Loop) serveAgain(c *serverConn) {
	if c.in == nil || c.in.phase != phaseAgain {
		return
	}
	defer l.recover(c)
	l.serve(c)
}

// watch has events of a socket told.
func (l *Loop) watch(fd int, s slot) (int32, error) {
	var at int32
	if n := len(l.free); n > 0 {
		at = l.free[n-1]
		l.free = l.free[:n-1]
	} else {
		at = int32(len(l.slots))
		l.slots = append(l.slots, slot{})
	}
	s.turn = l.slots[at].turn
	l.slots[at] = s
	ev := unix.EpollEvent{Events: loopEdge, Fd: at, Pad: s.turn}
	if err := unix.EpollCtl(l.ep, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		l.forget(at)
		return 0, os.NewSyscallError("epoll_ctl", err)
	}
	return at, nil
}

// forget frees a slot, whose events do not matter any more.
func (l *Loop) forget(at int32) {
	l.slots[at] = slot{turn: l.slots[at].turn + 1}
	l.free = append(l.free, at)
}

// unwatch lets go of a socket that lives on.
func (l *Loop) unwatch(fd int, at int32) {
	_ = unix.EpollCtl(l.ep, unix.EPOLL_CTL_DEL, fd, nil) // fails only for a descriptor that is not there
	l.forget(at)
}

// until notes a deadline.
func (l *Loop) until(t time.Time) {
	if t.IsZero() {
		return
	}
	if t.Before(l.notBefore) {
		t = l.notBefore
	}
	if l.next.IsZero() || t.Before(l.next) {
		l.next = t
	}
}

// sweepShare bounds the sweeps of a loop: one begins not before that many times
// what the last one took has passed. With a thousand connections deadlines are
// met to the millisecond; with a hundred thousand idle ones, one of which is late
// every moment, they must not cost the processor.
const sweepShare = 50

// sweep ends what is late, and finds out when to come again. Deadlines are far
// apart and mostly met: looking at all connections then is cheaper than keeping
// them in order always.
func (l *Loop) sweep() {
	began := time.Now()
	l.next = time.Time{}
	defer func() {
		took := time.Since(began)
		l.notBefore = began.Add(sweepShare * took)
		if !l.next.IsZero() && l.next.Before(l.notBefore) {
			l.next = l.notBefore
		}
	}()
	for i := range l.slots {
		c := l.slots[i].client
		if c == nil || c.in.deadline.IsZero() {
			continue
		}
		if !l.now.Before(c.in.deadline) {
			l.late(c)
			if c.in == nil || c.in.deadline.IsZero() || !l.now.Before(c.in.deadline) {
				continue
			}
		}
		l.until(c.in.deadline)
	}
}

func (l *Loop) late(c *serverConn) {
	defer l.recover(c)
	switch c.in.phase {
	case phaseIdle:
		if c.state.CompareAndSwap(connIdle, connClosed) {
			l.closeClient(c, false)
		}
	case phaseCall:
		l.callFailed(c, ErrTimeout)
	case phaseLinger:
		l.closeClient(c, false)
	}
}

// end closes what is left: idle connections to backends, and those that were
// being made for clients that have gone.
func (l *Loop) end() {
	l.dials.Wait()
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.readInbox()
	for i := range l.slots {
		if cc := l.slots[i].backend; cc != nil {
			l.dropBackend(cc)
		}
	}
	l.wait.end()
	_ = unix.Close(l.ep)
	_ = unix.Close(l.bell)
	l.nap.end()
}

// A nap gives the processor away, to other goroutines and to Go's own poller,
// which nobody asks as long as there are goroutines to run.
type nap struct {
	fd    int
	file  *os.File
	raw   syscall.RawConn
	awake func(fd uintptr) bool
	set   bool
}

func (n *nap) init() error {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	n.fd, n.file = fd, os.NewFile(uintptr(fd), "")
	n.awake = n.step
	n.raw, err = n.file.SyscallConn()
	return err
}

// take returns when the poller was asked.
func (n *nap) take() {
	n.set = false
	_ = n.raw.Read(n.awake) // fails only when it is closed
}

// step rings first, and then waits to hear it.
func (n *nap) step(fd uintptr) bool {
	if !n.set {
		n.set = true
		_, _ = unix.Write(int(fd), []byte{1, 0, 0, 0, 0, 0, 0, 0}) // cannot be full
		return false
	}
	var b [8]byte
	_, _ = unix.Read(int(fd), b[:]) // only empties it
	return true
}

func (n *nap) end() { _ = n.file.Close() }
