// Package usage counts what API keys use of the quotas of usage plans, and
// keeps the counts.
//
// A [Meter] gives out one limit.Quota for each key of each plan with a quota,
// and finds it again when the configuration is compiled anew. Requests take
// from the quotas alone; the meter comes by every [FlushEvery] and writes what
// has changed to a store of its own, so that counts live on over restarts. A
// process that is killed loses at most what was counted since then.
//
// The package knows plans, keys and days, but neither requests nor the records
// of plans and keys.
package usage

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/limit"
	"gatehouse/internal/store"
)

// FlushEvery is how often counts are written.
const FlushEvery = 2 * time.Second

// Kept is how many days counts are kept.
//
// AWS: undocumented; a year and a month show a month and that of last year.
const Kept = 400

// A Scope is an account and a Region.
type Scope struct{ Account, Region string }

// A Plan is a usage plan of a scope.
type Plan struct {
	Scope
	ID string
}

// A PlanQuota is the quota of a plan and the keys that have it, each for
// itself.
type PlanQuota struct {
	limit.QuotaSetting
	Keys []string // ids
}

// A Meter counts. It is safe for any number of goroutines.
type Meter struct {
	st  store.Store // nil: counts live as long as the process
	log *slog.Logger

	// mu guards the fields below and what is stored. It is held while the store
	// is read and written; no request needs it.
	mu    sync.Mutex
	plans map[Plan]map[string]*meter
	swept limit.Day
}

// A meter is one key in one plan.
type meter struct {
	quota *limit.Quota
	saved limit.Count // as it was last written
}

// New returns a meter that keeps its counts in st, which nobody else uses; nil
// is for tests and for who does not care.
func New(st store.Store, log *slog.Logger) *Meter {
	if log == nil {
		log = slog.Default()
	}
	return &Meter{st: st, log: log, plans: make(map[Plan]map[string]*meter)}
}

// Bind says which plans of a scope have quotas, and returns the quota of each
// of their keys, by the ids of plan and key. What was counted before counts
// on, whatever has changed. Keys that are not named are written a last time
// and forgotten.
func (m *Meter) Bind(ctx context.Context, s Scope, plans map[string]PlanQuota) map[string]map[string]*limit.Quota {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := range m.plans {
		if _, ok := plans[p.ID]; p.Scope == s && !ok {
			m.bind(ctx, p, PlanQuota{}) // no keys
			delete(m.plans, p)
		}
	}
	out := make(map[string]map[string]*limit.Quota, len(plans))
	for id, pq := range plans {
		out[id] = m.bind(ctx, Plan{s, id}, pq)
	}
	return out
}

// bind is Bind for one plan.
func (m *Meter) bind(ctx context.Context, p Plan, pq PlanQuota) map[string]*limit.Quota {
	before, now := m.plans[p], limit.DayOf(time.Now())
	bound := make(map[string]*meter, len(pq.Keys))
	quotas := make(map[string]*limit.Quota, len(pq.Keys))
	known := 0
	var history map[string][]limit.Count // read if it is needed
	for _, key := range pq.Keys {
		k := before[key]
		if k != nil {
			known++
		}
		if k == nil || k.quota.Setting() != pq.QuotaSetting {
			if history == nil {
				history = m.history(ctx, p, pq.QuotaSetting.Start(now))
			}
			if k == nil {
				k = newMeter(pq.QuotaSetting, now, history[key])
			} else {
				k.quota.Set(pq.QuotaSetting, history[key])
			}
		}
		bound[key], quotas[key] = k, k.quota
	}
	if known < len(before) { // some are about to be forgotten
		if err := m.flush(ctx); err != nil {
			m.log.Error("last usage counts of keys that left a plan not written", "plan", p.ID, "error", err)
		}
	}
	m.plans[p] = bound
	return quotas
}

// newMeter makes the meter of a key whose counts so far are stored.
func newMeter(s limit.QuotaSetting, now limit.Day, history []limit.Count) *meter {
	q := limit.NewQuota(s, now, history)
	return &meter{quota: q, saved: q.Counts(nil)[0]}
}

// history reads the counts of a plan from a day on. What cannot be read counts
// as nothing: to refuse requests for it would be worse.
func (m *Meter) history(ctx context.Context, p Plan, from limit.Day) map[string][]limit.Count {
	counts, err := m.read(ctx, p, nil, from)
	if err != nil {
		m.log.Error("usage counts not read, quotas begin anew", "account", p.Account, "region", p.Region, "plan", p.ID, "error", err)
		return map[string][]limit.Count{}
	}
	return counts
}

// Run writes counts until ctx ends, and a last time then.
func (m *Meter) Run(ctx context.Context) error {
	tick := time.NewTicker(FlushEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			if err := m.Flush(context.WithoutCancel(ctx)); err != nil {
				return fmt.Errorf("write usage counts: %w", err)
			}
			return nil
		case <-tick.C:
		}
		err := m.Flush(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			m.log.Error("usage counts not written, trying on", "error", err)
		}
		failing = err != nil
	}
}

// Flush writes what was counted since the last time, and drops days that are
// no longer kept.
func (m *Meter) Flush(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.flush(ctx); err != nil {
		return err
	}
	return m.sweep(ctx, limit.DayOf(time.Now()))
}

// Keys returns the ids of the keys of a plan that have counts for the days
// from first to last, as of now and in order.
func (m *Meter) Keys(ctx context.Context, p Plan, first, last limit.Day) ([]string, error) {
	keys := make(map[string]bool)
	m.live(p, nil, first, last, func(key string, _ limit.Count) { keys[key] = true })
	err := m.scan(ctx, p, nil, first, last, func(key string, _ limit.Count) { keys[key] = true })
	return slices.Sorted(maps.Keys(keys)), err
}

// Usage returns the counts of some keys of a plan for the days from first to
// last, as of now. The days of a key are in no order, and those without a count
// are missing.
func (m *Meter) Usage(ctx context.Context, p Plan, keys []string, first, last limit.Day) (map[string][]limit.Count, error) {
	counts := make(map[string][]limit.Count, len(keys))
	add := func(key string, c limit.Count) { counts[key] = append(counts[key], c) }
	m.live(p, keys, first, last, add)
	err := m.scan(ctx, p, keys, first, last, func(key string, c limit.Count) {
		if !slices.ContainsFunc(counts[key], func(live limit.Count) bool { return live.Day == c.Day }) {
			add(key, c)
		}
	})
	return counts, err
}

// live tells of the counts in memory, of some keys or (nil) of all.
func (m *Meter) live(p Plan, keys []string, first, last limit.Day, tell func(key string, c limit.Count)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var counts []limit.Count
	for key, k := range m.plans[p] {
		if keys != nil && !slices.Contains(keys, key) {
			continue
		}
		counts = k.quota.Counts(counts[:0])
		for _, c := range counts {
			if first <= c.Day && c.Day <= last && (c.Used != 0 || c.Granted != 0) {
				tell(key, c)
			}
		}
	}
}

// Grant makes what a key has left of the present period what it is told, and
// returns once that is stored.
func (m *Meter) Grant(ctx context.Context, p Plan, key string, s limit.QuotaSetting, left int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	k := m.plans[p][key]
	if k == nil { // not compiled yet: who compiles it finds the grant
		counts, err := m.read(ctx, p, []string{key}, s.Start(limit.DayOf(now)))
		if err != nil {
			return err
		}
		k = newMeter(s, limit.DayOf(now), counts[key])
	}
	k.quota.Grant(now, left)
	b := newBatch()
	b.add(p, key, k)
	return m.write(ctx, b)
}
