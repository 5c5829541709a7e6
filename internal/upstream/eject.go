package upstream

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// failedTooOften leaves m out for its failures in a row. cause or status is the
// last of them.
func (g *group) failedTooOften(m *member, now int64, status int, cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	why := "failures in a row, the last: status " + strconv.Itoa(status)
	if cause != nil {
		why = "failures in a row, the last: " + cause.Error()
	}
	if g.ejectLocked(m, now, why) {
		m.byRate = false
		// The first failure after it is one too many.
		m.fails.Store(int32(g.config().def.Eject.Failures) - 1)
		g.settleLocked()
	}
}

// ejectLocked leaves m out for a while, unless too many are left out already.
func (g *group) ejectLocked(m *member, now int64, why string) bool {
	e := &g.config().def.Eject
	if m.ejected || m.down || m.left() || float64(g.ejected+1) > float64(e.MaxShare)*float64(len(g.members)) {
		return false
	}
	if now-m.until >= int64(e.MaxTime) {
		m.ejections = 0 // the last time is long ago
	}
	m.ejections++
	g.ejected++
	m.ejected, m.why = true, why
	m.until = now + int64(min(time.Duration(m.ejections)*e.Time, max(e.MaxTime, e.Time)))
	return true
}

// forgiveLocked ends the ejections for what endpoints are not ejected any more.
func (g *group) forgiveLocked(e *Eject) {
	for _, m := range g.members {
		stands := e.Failures > 0
		if m.byRate {
			stands = e.SuccessRate != nil
		}
		if m.ejected && (!stands || e.MaxShare <= 0) {
			m.ejected, m.ejections, m.since = false, 0, monotonic()
			m.fails.Store(0)
		}
	}
}

// takeBack ends the ejections whose time has come.
func (g *group) takeBack(now int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.members {
		if m.ejected && now >= m.until {
			m.ejected, m.since = false, now
		}
	}
	g.settleLocked()
}

// compare looks at the rates of success of the endpoints since the last time,
// and leaves out those that are far below the others.
func (g *group) compare(now int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.config().def.Eject.SuccessRate
	if s == nil {
		return
	}
	type rate struct {
		m    *member
		good float64
	}
	var rates []rate
	sum, squares := 0.0, 0.0
	for _, m := range g.members {
		at := counts{m.requests.Load(), m.failures.Load()}
		n, bad := at.requests-m.was.requests, at.failures-m.was.failures
		m.was = at
		if m.ejected || m.down || n < int64(s.Minimum) {
			continue
		}
		good := 1 - float64(bad)/float64(n)
		rates = append(rates, rate{m, good})
		sum, squares = sum+good, squares+good*good
	}
	n := float64(len(rates))
	if len(rates) == 0 || len(rates) < s.Endpoints {
		return
	}
	mean := sum / n
	low := mean - s.Deviations*math.Sqrt(max(squares/n-mean*mean, 0))
	changed := false
	for _, r := range rates {
		if r.good < low-minDeviation {
			if g.ejectLocked(r.m, now, fmt.Sprintf("%.1f%% of requests succeeded, below %.1f%%", 100*r.good, 100*low)) {
				r.m.byRate, changed = true, true
			}
		}
	}
	if changed {
		g.settleLocked()
	}
}

// minDeviation keeps endpoints that do alike from being told apart by rounding.
const minDeviation = 0.001
