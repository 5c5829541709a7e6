package upstream

import (
	"strconv"
	"time"
)

// eject leaves m out for a while, unless too many are left out already. cause or
// status is the last of its failures.
func (g *group) eject(m *member, now int64, status int, cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m.ejected || m.down {
		return
	}
	out := 1
	for _, o := range g.members {
		if o.ejected {
			out++
		}
	}
	if float64(out) > float64(g.def.Eject.MaxShare)*float64(len(g.members)) {
		return
	}
	e := &g.def.Eject
	if now-m.until >= int64(e.MaxTime) {
		m.ejections = 0 // the last time is long ago
	}
	m.ejections++
	m.ejected, m.why = true, "status "+strconv.Itoa(status)
	if cause != nil {
		m.why = cause.Error()
	}
	m.until = now + int64(min(time.Duration(m.ejections)*e.Time, max(e.MaxTime, e.Time)))
	// The first failure after it is one too many.
	m.fails.Store(int32(e.Failures) - 1)
	g.settleLocked()
}

// takeBack ends the ejections whose time has come.
func (g *group) takeBack(now int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.members {
		if m.ejected && now >= m.until {
			m.ejected = false
		}
	}
	g.settleLocked()
}

// settleLocked makes the list to choose from anew.
func (g *group) settleLocked() {
	list, all := make([]*member, 0, len(g.members)), make([]*member, 0, len(g.members))
	due := int64(0)
	for _, m := range g.members {
		if m.ejected && (due == 0 || m.until < due) {
			due = m.until
		}
		if m.draining {
			continue
		}
		all = append(all, m)
		if !m.down && !m.ejected {
			list = append(list, m)
		}
	}
	g.scant = len(list) < len(all) && (len(list) == 0 || float64(len(list)) < float64(g.def.Eject.Panic)*float64(len(all)))
	if g.scant {
		list = all
	}
	g.due.Store(due)
	r := newReady(list)
	r.all = all
	r.ejectable = float64(g.def.Eject.MaxShare)*float64(len(all)) >= 1
	g.ready.Store(r)
}
