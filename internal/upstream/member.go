package upstream

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"gatehouse/internal/wire"
)

// A member is one endpoint of a group.
type member struct {
	group     *group
	slot      int // among the group's; kept while it is one of them
	id        uint64
	address   string
	addresses *addresses    // its addresses, if it is a name
	gone      chan struct{} // closed when it is none of the group any more
	// weight is a hundred times that of the definition, or less while it starts
	// slowly.
	weight atomic.Uint32
	out    atomic.Bool // left out, gone, or getting no new requests

	busy     atomic.Int32 // requests under way or waiting for a connection
	fails    atomic.Int32 // failures in a row
	requests atomic.Int64 // attempts
	failures atomic.Int64
	lost     atomic.Pointer[lost] // the last attempt without an answer; nil: there was none

	// pace is how long answers take, in nanoseconds, as bits of a float64: late
	// ones count more, and bad news at once. paced is when it was last set.
	pace  atomic.Uint64
	paced atomic.Int64

	// The rest is guarded by group.mu.
	index     int // among the group's members
	priority  int
	zone      string
	given     int    // the weight of the definition
	draining  bool   // gets no new requests
	since     int64  // when it came, or came back; 0: it was always there
	down      bool   // health checks say so
	checks    int    // in a row that say otherwise
	lastError string // of the last failed check
	ejected   bool
	byRate    bool   // for its rate of success, not for failures in a row
	why       string // the last failure before the ejection
	until     int64  // when the ejection ends, or ended
	ejections int    // in a row
	was       counts // when success rates were last compared
}

// A lost is an attempt without an answer.
type lost struct {
	at  time.Time
	err error
}

// counts are the requests of a member up to some time.
type counts struct{ requests, failures int64 }

// take takes over what may change of an endpoint.
func (m *member) take(e *Endpoint) {
	m.given, m.draining, m.priority, m.zone = max(e.Weight, 1), e.Draining, e.Priority, e.Zone
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

func (m *member) isOut() bool { return m.out.Load() }

// answered notes an answer, and how long it took to begin; 0: nobody knows.
func (m *member) answered(status int, took, now int64) {
	m.requests.Add(1)
	bad := status >= 500
	if bad {
		m.bad(now, status, nil)
	} else if m.fails.Load() != 0 {
		m.fails.Store(0)
	}
	cfg := m.group.config()
	if cfg.breaker != nil {
		cfg.breaker.ended(bad, took, now)
	}
	if took == 0 {
		return
	}
	if cfg.rule == fastest {
		m.keepPace(took, now)
	}
	if cfg.adaptive != nil {
		cfg.adaptive.answered(took, now)
	}
}

// paceMemory is how long an answer weighs on the pace of an endpoint.
const paceMemory = float64(10 * time.Second)

// keepPace takes an answer's time into the pace. Two answers at once may make one of it.
func (m *member) keepPace(took, now int64) {
	was := math.Float64frombits(m.pace.Load())
	if t := float64(took); t < was {
		// A slow answer counts at once, and is forgotten by and by.
		w := math.Exp(-float64(now-m.paced.Load()) / paceMemory)
		m.pace.Store(math.Float64bits(was*w + t*(1-w)))
	} else {
		m.pace.Store(math.Float64bits(t))
	}
	m.paced.Store(now)
}

// cost is what one more request at m may be expected to take.
func (m *member) cost() float64 {
	return (math.Float64frombits(m.pace.Load()) + 1) * float64(m.busy.Load()+1)
}

// failed notes an attempt without an answer, and whether it was the last of its
// request. What the client did, or what a full pool did, is not the endpoint's
// fault.
func (c *Cluster) failed(err error, last bool) {
	m := c.member
	m.requests.Add(1)
	if !blamed(err) {
		return
	}
	now := monotonic()
	m.bad(now, 0, err)
	if b := m.group.config().breaker; b != nil && last {
		b.ended(true, 0, now)
	}
	if t := c.siblings.track; t != nil && last {
		t.note(true, 0)
	}
}

// blamed tells whether an endpoint answers for err.
func blamed(err error) bool {
	switch {
	case errors.Is(err, ErrOverload), errors.Is(err, context.Canceled), errors.Is(err, wire.ErrUnsent), errors.Is(err, wire.ErrStale):
		return false
	}
	return errors.Is(err, ErrConnect) || errors.Is(err, ErrTimeout) || errors.Is(err, ErrBroken) || errors.Is(err, ErrBadResponse)
}

// bad notes a failure: a status, or an error.
func (m *member) bad(now int64, status int, err error) {
	m.failures.Add(1)
	if err != nil {
		m.lost.Store(&lost{time.Now(), err})
	}
	g := m.group
	limit := g.config().def.Eject.Failures
	if n := m.fails.Add(1); limit > 0 && int(n) >= limit && g.ready.Load().ejectable {
		g.failedTooOften(m, now, status, err)
	}
}
