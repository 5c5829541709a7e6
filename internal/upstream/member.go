package upstream

import (
	"context"
	"errors"
	"sync/atomic"

	"gatehouse/internal/wire"
)

// A member is one endpoint of a group.
type member struct {
	group     *group
	slot      int // among the group's; kept while it is one of them
	address   string
	addresses *addresses    // its addresses, if it is a name
	gone      chan struct{} // closed when it is none of the group any more
	weight    atomic.Uint32

	busy     atomic.Int32 // requests under way or waiting for a connection
	fails    atomic.Int32 // failures in a row
	requests atomic.Int64 // attempts
	failures atomic.Int64

	// The rest is guarded by group.mu.
	index     int    // among the group's members
	draining  bool   // gets no new requests
	down      bool   // health checks say so
	checks    int    // in a row that say otherwise
	lastError string // of the last failed check
	ejected   bool
	why       string // the last failure before the ejection
	until     int64  // when the ejection ends, or ended
	ejections int    // in a row
}

// take takes over what may change of an endpoint.
func (m *member) take(e *Endpoint) {
	m.weight.Store(uint32(max(e.Weight, 1)))
	m.draining = e.Draining
}

// left tells whether m is none of its group any more.
func (m *member) left() bool {
	select {
	case <-m.gone:
		return true
	default:
		return false
	}
}

// answered notes an answer.
func (m *member) answered(status int, now int64) {
	m.requests.Add(1)
	bad := status >= 500
	if bad {
		m.bad(now, status, nil)
	} else if m.fails.Load() != 0 {
		m.fails.Store(0)
	}
	if b := m.group.breaker; b != nil {
		b.ended(bad, now)
	}
}

// failed notes an attempt without an answer, and whether it was the last of its
// request. What the client did, or what a full pool did, is not the endpoint's
// fault.
func (m *member) failed(err error, last bool) {
	m.requests.Add(1)
	blame := !errors.Is(err, ErrOverload) && !errors.Is(err, context.Canceled) && (errors.Is(err, ErrConnect) || errors.Is(err, ErrTimeout) || errors.Is(err, ErrBroken) || errors.Is(err, ErrBadResponse)) &&
		!errors.Is(err, wire.ErrUnsent) && !errors.Is(err, wire.ErrStale)
	if !blame {
		return
	}
	now := monotonic()
	m.bad(now, 0, err)
	if b := m.group.breaker; b != nil && last {
		b.ended(true, now)
	}
}

// bad notes a failure: a status, or an error.
func (m *member) bad(now int64, status int, err error) {
	m.failures.Add(1)
	g := m.group
	limit := g.def.Eject.Failures
	if n := m.fails.Add(1); limit > 0 && int(n) >= limit && g.ready.Load().ejectable {
		g.eject(m, now, status, err)
	}
}
