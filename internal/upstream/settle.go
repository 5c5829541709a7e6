package upstream

import (
	"slices"
	"time"
)

// settleLocked makes what to choose from anew, after any change of the members.
func (g *group) settleLocked() {
	cfg, now := g.config(), monotonic()
	all := make([]*member, 0, len(g.members))
	due, out := int64(0), 0
	g.ejected, g.starting = 0, false
	for _, m := range g.members {
		if m.ejected {
			if !m.down { // one that is down is out anyway, and must not keep others in
				g.ejected++
			}
			if due == 0 || m.until < due {
				due = m.until
			}
		}
		left := m.down || m.ejected
		if out := left || m.draining; m.out.Load() != out {
			m.out.Store(out) // of 10,000, few change
		}
		if m.draining {
			continue
		}
		all = append(all, m)
		if left {
			out++
		}
		if w := g.weightLocked(cfg, m, now); m.weight.Load() != w {
			m.weight.Store(w)
		}
	}
	left := len(all) - out
	g.scant = out > 0 && cfg.def.Eject.Panic > 0 && (left == 0 || float64(left) < float64(cfg.def.Eject.Panic)*float64(len(all)))
	g.due.Store(due)
	r := &ready{all: all}
	ranks := ranked(all, g.opt.Zone)
	if len(all) > 0 {
		r = settled(all, ranks, g.scant)
	}
	r.ejectable = float64(cfg.def.Eject.MaxShare)*float64(len(g.members)) >= 1
	g.tablesLocked(cfg, r, ranks, now)
	if out > 0 && cfg.def.Eject.Panic <= 0 { // those that are left out get no retries either
		r.all = slices.DeleteFunc(slices.Clone(all), (*member).isOut)
	}
	g.ready.Store(r)
}

const (
	// fullWeight is what a weight of 1 counts once its endpoint has started.
	fullWeight = 100
	// startWeight is with what it starts.
	startWeight = fullWeight / 10
)

// weightLocked is the weight of m as of now.
func (g *group) weightLocked(cfg *config, m *member, now int64) uint32 {
	full := uint32(m.given * fullWeight)
	slow := int64(cfg.def.SlowStart)
	age := now - m.since
	if slow == 0 || m.since == 0 || age >= slow {
		return full
	}
	g.starting = true
	return max(uint32(float64(full)*float64(age)/float64(slow)), uint32(m.given*startWeight))
}

// rest is by how much the pause after making tables is longer than it took, so
// that endpoints that come and go all the time do not keep a processor busy;
// longestRest bounds it.
const (
	rest        = 20
	longestRest = 500 * time.Millisecond
)

// tables are what choosing by a key needs. They are made of all endpoints that
// take requests, and kept while those are the same.
type tables struct {
	rule  balance
	of    [][]*member // by level
	table []*hashed
	ids   map[uint64]*member
	stale bool // to be made anew when the rest is over
}

// tablesLocked gives r the tables that it needs, perhaps for a moment those of
// the endpoints before.
func (g *group) tablesLocked(cfg *config, r *ready, ranks [][]*member, now int64) {
	if !cfg.rule.hashes() && cfg.sticky == nil || len(r.all) == 0 {
		g.tables = nil
		return
	}
	t := g.tables
	same := t != nil && t.rule == cfg.rule && slices.EqualFunc(t.of, ranks, func(a, b []*member) bool { return slices.Equal(a, b) }) && !g.reweighed
	switch {
	case same:
	case t != nil && t.rule == cfg.rule && len(t.of) == len(ranks) && now < g.restUntil:
		t.stale = true
	default:
		g.tables = newTables(cfg, ranks)
		g.reweighed = false
		took := monotonic() - now
		g.restUntil = now + took + min(rest*took, int64(longestRest))
	}
	r.ids = g.tables.ids
	for i := range r.levels {
		if l := &r.levels[i]; g.tables.table != nil {
			l.hashed = g.tables.table[l.rank]
		}
	}
}

func newTables(cfg *config, ranks [][]*member) *tables {
	t := &tables{rule: cfg.rule, of: ranks}
	for _, of := range ranks {
		switch cfg.rule {
		case ringHash:
			t.table = append(t.table, newRing(of))
		case maglev:
			t.table = append(t.table, newMaglev(of))
		}
	}
	if cfg.sticky != nil {
		t.ids = make(map[uint64]*member)
		for _, of := range ranks {
			for _, m := range of {
				t.ids[m.id] = m
			}
		}
	}
	return t
}

// settleAgainLocked settles if time alone has changed something: endpoints that start
// slowly, or tables that had to wait.
func (g *group) settleAgainLocked(now int64) {
	if g.starting || g.tables != nil && g.tables.stale && now >= g.restUntil {
		g.settleLocked()
	}
}

// urgent tells whether settleAgain may have something to do soon.
func (g *group) urgent() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.starting || g.tables != nil && g.tables.stale
}
