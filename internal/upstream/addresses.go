package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// maxAddresses bounds the addresses kept of one host. A name that resolves to
// more is served from the first ones.
const maxAddresses = 32

const (
	// oldAfter is the age at which addresses are looked up again before they
	// are used: those of a host in use never get there.
	oldAfter = time.Minute
	// failedFor is how long a failed look-up is the answer to all who ask.
	failedFor = time.Second
)

// badFor is how long an address that refused a connection is tried last.
const badFor = 5 * time.Second

// A Lookup resolves a host name to addresses, as net.Resolver.LookupNetIP does.
type Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// A source is where addresses come from: a host with its port.
type source struct {
	host string
	port uint16
}

// sources are the hosts of a cluster: its own, or those named in its place.
func (k *Key) sources() []source {
	if k.Addresses == "" {
		return []source{{k.Host, k.Port}}
	}
	var list []source
	for a := range strings.SplitSeq(k.Addresses, ",") {
		host, port, _ := net.SplitHostPort(a) // seen by validAddresses
		n, _ := strconv.ParseUint(port, 10, 16)
		list = append(list, source{host, uint16(n)})
	}
	return list
}

// validAddresses tells whether a Key may have these Addresses.
func validAddresses(list string) bool {
	if list == "" {
		return true
	}
	for a := range strings.SplitSeq(list, ",") {
		host, port, err := net.SplitHostPort(a)
		n, errPort := strconv.ParseUint(port, 10, 16)
		if err != nil || errPort != nil || host == "" || n == 0 {
			return false
		}
	}
	return true
}

// addresses are those of one cluster. The list is replaced whole; after
// a failed look-up the last list stays in force: stale beats none.
type addresses struct {
	sources []source
	lookup  Lookup

	unix   string // path of a socket, in the place of all others
	list   atomic.Pointer[[]address]
	next   atomic.Uint32 // where the next new connection starts in the list
	asked  atomic.Int64  // monotonic time of the last look-up begun
	failed atomic.Pointer[failedLookup]
	static bool          // all hosts are addresses: there is nothing to look up
	turn   chan struct{} // holds a value while a look-up is under way: one at a time
}

// A failedLookup is the last look-up, if it failed.
type failedLookup struct {
	at  int64
	err error
}

// unixPrefix begins the address of a Unix socket.
const unixPrefix = "unix:"

// An address is one of them, and until when it is tried last.
type address struct {
	addr netip.AddrPort
	bad  *atomic.Int64 // monotonic time; kept across look-ups
}

func newAddresses(sources []source, lookup Lookup) *addresses {
	e := &addresses{sources: sources, lookup: lookup, turn: make(chan struct{}, 1)}
	var addrs []netip.AddrPort
	for _, s := range sources {
		addr, err := netip.ParseAddr(s.host)
		if err != nil {
			return e
		}
		addrs = append(addrs, netip.AddrPortFrom(addr, s.port))
	}
	e.static = true
	e.set(addrs)
	return e
}

// get returns the addresses, looking them up if there are none or they are
// old. Old ones are better than none.
func (e *addresses) get(ctx context.Context) ([]address, error) {
	list := e.list.Load()
	if list != nil && (e.static || monotonic()-e.asked.Load() < int64(oldAfter)) {
		return *list, nil
	}
	err := e.refresh(ctx)
	if list = e.list.Load(); list != nil {
		return *list, nil
	}
	return nil, err
}

// refresh looks the hosts up again. Of several calls at once, those that
// waited for the first are content with its answer.
func (e *addresses) refresh(ctx context.Context) error {
	if e.static {
		return nil
	}
	before := e.list.Load()
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("look up %s: %w", e.sources[0].host, ctx.Err())
	}
	defer func() { <-e.turn }()
	if now := e.list.Load(); now != before {
		return nil
	}
	now := monotonic()
	if f := e.failed.Load(); f != nil && now-f.at < int64(failedFor) {
		return f.err
	}
	e.asked.Store(now)
	addrs, err := e.lookupAll(ctx, before == nil)
	if err != nil {
		if ctx.Err() == nil { // the answer is the resolver's, not the caller's haste
			e.failed.Store(&failedLookup{at: monotonic(), err: err})
		}
		return err
	}
	e.failed.Store(nil)
	e.set(addrs)
	return nil
}

// lookupAll looks up all hosts. One that fails fails all, unless some are
// better than none.
func (e *addresses) lookupAll(ctx context.Context, some bool) ([]netip.AddrPort, error) {
	var all []netip.AddrPort
	var first error
	for _, s := range e.sources {
		addrs, err := e.lookup(ctx, "ip", s.host)
		if err == nil && len(addrs) == 0 {
			err = errNoAddress
		}
		if err != nil && first == nil {
			first = fmt.Errorf("look up %s: %w", s.host, err)
		}
		for _, a := range addrs {
			all = append(all, netip.AddrPortFrom(a, s.port))
		}
	}
	if first != nil && (!some || len(all) == 0) {
		return nil, first
	}
	return all, nil
}

var errNoAddress = errors.New("no address")

func (e *addresses) set(addrs []netip.AddrPort) {
	addrs = addrs[:min(len(addrs), maxAddresses)]
	old := e.list.Load()
	list := make([]address, 0, len(addrs))
	for _, a := range addrs {
		ep := address{addr: netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), bad: new(atomic.Int64)}
		if old != nil {
			for _, was := range *old {
				if was.addr == ep.addr {
					ep.bad = was.bad
				}
			}
		}
		list = append(list, ep)
	}
	e.list.Store(&list)
}

// dial connects to one address after another, beginning at the next in turn,
// those that refused lately last, until one accepts or ctx ends. Each gets an
// even share of the time that is left.
func (e *addresses) dial(ctx context.Context) (net.Conn, error) {
	if e.unix != "" {
		return new(net.Dialer).DialContext(ctx, "unix", e.unix)
	}
	list, err := e.get(ctx)
	if err != nil {
		return nil, err
	}
	start := int(e.next.Add(1) - 1)
	var first error
	left := len(list)
	for _, wantBad := range []bool{false, true} {
		now := monotonic()
		for i := range list {
			ep := &list[(start+i)%len(list)]
			if (ep.bad.Load() > now) != wantBad {
				continue
			}
			c, err := dialOne(ctx, ep.addr, left)
			if err == nil {
				ep.bad.Store(0)
				return c, nil
			}
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil, err // the client left: that says nothing of the address
			}
			ep.bad.Store(monotonic() + int64(badFor))
			left = max(left-1, 1)
			if first == nil {
				first = err
			}
			if ctx.Err() != nil {
				return nil, first
			}
		}
		if first != nil {
			return nil, first // all good ones refused; the bad ones refused before
		}
	}
	return nil, errNoAddress
}

func dialOne(ctx context.Context, addr netip.AddrPort, left int) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1}
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		d.Timeout = time.Until(deadline) / time.Duration(left)
	}
	return d.DialTCP(ctx, "tcp", netip.AddrPort{}, addr)
}

// epoch and monotonic give a clock that is one machine word and cannot go
// backwards.
var epoch = time.Now()

func monotonic() int64 { return int64(time.Since(epoch)) }
