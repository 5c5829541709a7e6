package websocket

import (
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Poller watches connections on which nothing happens, so that none of them
// needs a goroutine: they are in an epoll descriptor of its own, which Go's
// poller watches in turn.
type Poller struct {
	ep   int
	file *os.File
	raw  syscall.RawConn

	mu    sync.Mutex // guards the fields below
	slots []slot
	free  []int32
}

// A slot is what an event refers to.
type slot struct {
	conn  *Conn
	turn  int32 // counts the uses of the slot: an event may be older
	armed bool  // the connection waits for an event, and nobody reads it
}

// A parking is the place of one connection with its poller. It belongs to the
// connection's reader.
type parking struct {
	p     *Poller
	fd    int // stays what it is until the reader closes the conn
	slot  int32
	turn  int32
	known bool // the descriptor is in ep
}

// pollEvents is how many events are taken at once.
const pollEvents = 256

// NewPoller makes a Poller, which watches once Run does.
func NewPoller() (*Poller, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(ep, true); err != nil { // for os.NewFile to know
		_ = unix.Close(ep)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &Poller{ep: ep, file: os.NewFile(uintptr(ep), "")}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		_ = p.file.Close()
		return nil, err
	}
	return p, nil
}

// Run wakes the connections on which something has happened, until Close.
func (p *Poller) Run() {
	events := make([]unix.EpollEvent, pollEvents)
	n := 0
	wait := func(uintptr) bool {
		var err error
		n, err = unix.EpollWait(p.ep, events, 0)
		return n > 0 || err != nil && err != unix.EINTR //nolint:errorlint // never wrapped
	}
	for p.raw.Read(wait) == nil {
		for i := range events[:max(n, 0)] {
			if c := p.conn(&events[i]); c != nil {
				go c.pump() // ends when nothing is left to read, or with the connection
			}
		}
	}
}

// Close ends Run. No connection may be parked any more.
func (p *Poller) Close() { _ = p.file.Close() }

// Watched returns how many connections have a place.
func (p *Poller) Watched() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.slots) - len(p.free)
}

func (p *Poller) conn(ev *unix.EpollEvent) *Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := &p.slots[ev.Fd]; s.turn == ev.Pad && s.armed {
		s.armed = false
		return s.conn
	}
	return nil
}

// enter gives a connection a place; nil: it cannot be watched.
func (p *Poller) enter(c *Conn) *parking {
	tcp := tcpOf(c.nc)
	if tcp == nil {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	k := &parking{p: p, fd: -1}
	if raw.Control(func(fd uintptr) { k.fd = int(fd) }) != nil {
		return nil
	}
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		k.slot = p.free[n-1]
		p.free = p.free[:n-1]
	} else {
		k.slot = int32(len(p.slots))
		p.slots = append(p.slots, slot{})
	}
	k.turn = p.slots[k.slot].turn
	p.slots[k.slot].conn = c
	p.mu.Unlock()
	return k
}

// await has the reader woken once, when there is something to read.
func (k *parking) await() bool {
	op := unix.EPOLL_CTL_MOD
	if !k.known {
		op, k.known = unix.EPOLL_CTL_ADD, true
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: k.slot, Pad: k.turn}
	k.p.mu.Lock() // what the reader did is before what the next one does, for Go too
	defer k.p.mu.Unlock()
	armed := unix.EpollCtl(k.p.ep, op, k.fd, &ev) == nil
	k.p.slots[k.slot].armed = armed
	return armed
}

// claim makes the caller the connection's reader, if it has none: it is not woken
// any more.
func (k *parking) claim() bool {
	k.p.mu.Lock()
	defer k.p.mu.Unlock()
	s := &k.p.slots[k.slot]
	if s.turn != k.turn || !s.armed {
		return false
	}
	s.armed = false
	return true
}

// leave gives up the place.
func (k *parking) leave() {
	if k.known {
		_ = unix.EpollCtl(k.p.ep, unix.EPOLL_CTL_DEL, k.fd, nil) // it may never have been there
	}
	k.forget()
}

func (k *parking) forget() {
	k.p.mu.Lock()
	defer k.p.mu.Unlock()
	k.p.slots[k.slot] = slot{turn: k.turn + 1}
	k.p.free = append(k.p.free, k.slot)
}

// writeSomeLocked writes what a peer takes without waiting; ok is false if that
// cannot be known. The conn is not closed as long as c.mu is held and
// the connection has not ended: the descriptor may be used as it is, which saves
// a fifth of what a write costs.
func (c *Conn) writeSomeLocked(b []byte) (n int, ok bool) {
	if _, plain := c.nc.(*net.TCPConn); !plain || c.park == nil {
		return 0, false
	}
	n, err := syscall.Write(c.park.fd, b)
	return max(n, 0), err == nil
}
