package upstream

import (
	"slices"
	"strings"
	"time"
)

// A Status is how a cluster of several endpoints does.
type Status struct {
	Name      string           `json:"name"`
	Balance   string           `json:"balance"`
	Panic     bool             `json:"panic"` // too few endpoints are left: all are used
	Breaker   *BreakerStatus   `json:"breaker,omitempty"`
	Retries   int64            `json:"retriesLeft"` // of the budget, as of now
	InFlight  int64            `json:"inFlight"`
	Limit     int64            `json:"limit,omitempty"` // of requests in flight, as of now; 0: there is none
	Refused   int64            `json:"refused"`         // requests for which no endpoint was chosen
	Lacked    LackStatus       `json:"failedFor"`       // requests that failed for want of another attempt, and what they lacked
	Endpoints []EndpointStatus `json:"endpoints"`
}

// A LackStatus counts requests that failed, though they might have been tried again.
type LackStatus struct {
	Attempts  int64 `json:"attempts"`  // all were made
	Budget    int64 `json:"budget"`    // that of retries was spent
	Retries   int64 `json:"retries"`   // as many as may be were under way
	Endpoints int64 `json:"endpoints"` // all were tried
}

// Sum is how many they are.
func (l *LackStatus) Sum() int64 { return l.Attempts + l.Budget + l.Retries + l.Endpoints }

// A BreakerStatus is how a breaker does.
type BreakerStatus struct {
	State    string `json:"state"` // closed, open, half-open
	Reason   string `json:"reason,omitempty"`
	Requests int64  `json:"requests"` // of the window
	Failed   int64  `json:"failed"`
	// OpenFor is in how many milliseconds an open breaker lets probes through.
	OpenFor int64 `json:"openForMillis,omitempty"`
}

// An EndpointStatus is how an endpoint does.
type EndpointStatus struct {
	Address   string   `json:"address"`
	Resolved  []string `json:"resolved,omitempty"` // addresses of a name
	Weight    int      `json:"weight"`
	Priority  int      `json:"priority,omitempty"`
	Zone      string   `json:"zone,omitempty"`
	Health    string   `json:"health"` // ready, ejected, down, draining
	Reason    string   `json:"reason,omitempty"`
	EjectFor  int64    `json:"ejectedForMillis,omitempty"`
	Ejections int      `json:"ejections"` // in a row
	InFlight  int      `json:"inFlight"`
	Requests  int64    `json:"requests"` // attempts since the start
	Errors    int64    `json:"errors"`
	Failures  int      `json:"failuresInARow"`
	// LastFailure is why the last attempt that had no answer had none.
	LastFailure   string    `json:"lastFailure,omitempty"`
	LastFailureAt time.Time `json:"lastFailureAt,omitzero"`
}

// Status tells how the clusters of several endpoints do, by name.
func (r *Registry) Status() []Status {
	list := []Status{}
	for _, g := range r.groups.all() {
		if g.cfg.Load() != nil {
			list = append(list, g.status())
		}
	}
	slices.SortFunc(list, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (g *group) status() Status {
	now, cfg := monotonic(), g.config()
	s := Status{Name: g.name, Balance: cfg.def.Balance, Retries: g.budget.left.Load() / retryCost, Endpoints: []EndpointStatus{}}
	if s.Balance == "" {
		s.Balance = "round-robin"
	}
	s.Lacked = LackStatus{g.lacked[lackAttempts].Load(), g.lacked[lackBudget].Load(), g.lacked[lackRoom].Load(), g.lacked[lackEndpoints].Load()}
	s.InFlight, s.Limit, s.Refused = g.busy.Load(), int64(cfg.def.Limits.Requests), g.refused.Load()
	if cfg.adaptive != nil {
		s.Limit = cfg.adaptive.limit.Load()
	}
	if cfg.breaker != nil {
		s.Breaker = cfg.breaker.status(now)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s.Panic = g.scant
	for _, m := range g.members {
		s.Endpoints = append(s.Endpoints, m.statusLocked(now))
	}
	g.leftLocked()
	for _, m := range g.leaving {
		e := m.statusLocked(now)
		// One that has come back meanwhile is there once: by its address it is the same.
		if i := slices.IndexFunc(s.Endpoints, func(o EndpointStatus) bool { return o.Address == e.Address }); i >= 0 {
			s.Endpoints[i].InFlight += e.InFlight
			continue
		}
		s.Endpoints = append(s.Endpoints, e)
	}
	return s
}

func (m *member) statusLocked(now int64) EndpointStatus {
	e := EndpointStatus{
		Address: m.address, Weight: int(m.given), Health: "ready", Ejections: m.ejections,
		InFlight: int(m.busy.Load()), Requests: m.requests.Load(), Errors: m.failures.Load(), Failures: int(m.fails.Load()),
	}
	if l := m.lost.Load(); l != nil {
		e.LastFailure, e.LastFailureAt = l.err.Error(), l.at.UTC()
	}
	switch {
	case m.left():
		e.Health, e.Reason = "draining", "none of the cluster any more"
	case m.draining:
		e.Health = "draining"
	case m.down:
		e.Health, e.Reason = "down", "health check: "+m.lastError
	case m.ejected && now < m.until:
		e.Health, e.Reason = "ejected", m.why
		e.EjectFor = (m.until - now) / int64(time.Millisecond)
	}
	if list := m.addresses.list.Load(); list != nil && !m.addresses.static {
		for _, a := range *list {
			e.Resolved = append(e.Resolved, a.addr.String())
		}
	}
	return e
}

func (b *breaker) status(now int64) *BreakerStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &BreakerStatus{State: "closed", Reason: b.reason, Requests: b.total.Load(), Failed: b.failed.Load()}
	switch b.state.Load() {
	case breakerOpen:
		s.State = "open"
		s.OpenFor = max(0, b.until-now) / int64(time.Millisecond)
	case breakerHalfOpen:
		s.State = "half-open"
	}
	return s
}
