package limit

import (
	"math"
	"sync/atomic"
	"time"
)

// A Quota is how many requests may still be made in a period. Taking neither
// waits nor allocates but for the first request of a day, and any number of
// goroutines together take exactly what there is.
//
// It counts day by day. A day's count only grows: a clock that steps back goes
// on counting the day it had reached.
type Quota struct {
	cell atomic.Pointer[cell]
}

// A cell is one day of a quota. All but its counter is fixed: whoever changes
// something seals the counter and puts another cell in its place; who finds a
// sealed one does the same, so that nobody waits.
type cell struct {
	setting QuotaSetting
	day     Day
	end     Day   // of the period
	until   int64 // Unix time at which the day ends
	past    int64 // what the days of the period before this one granted, less what they used
	granted int64 // on this day, beyond the limit; may be negative
	allow   int64 // how many may be taken on this day
	used    atomic.Int64
	// before are days that ended and are not yet forgotten, the last one first.
	before atomic.Pointer[cell]
}

// sealed marks a counter that does not change any more.
const sealed = math.MinInt64

// A Count is what happened to a quota on a day: requests that took from it,
// and what was granted on top of the limit.
type Count struct {
	Day           Day
	Used, Granted int64
}

// NewQuota returns a quota of which the days in history have taken. It goes on
// with the day of now, or with the next if the history reaches that far: then
// the clock was set back. Further on no history is believed.
func NewQuota(s QuotaSetting, now Day, history []Count) *Quota {
	day := now
	for _, h := range history {
		if h.Day == now+1 {
			day = now + 1
		}
	}
	c := &cell{setting: s, day: day, past: past(s, day, history)}
	for _, h := range history {
		if h.Day == day {
			c.granted = h.Granted
			c.used.Store(h.Used)
		}
	}
	q := new(Quota)
	q.cell.Store(c.ready())
	return q
}

// past is what a history leaves of the period of a day, before that day.
func past(s QuotaSetting, day Day, history []Count) (n int64) {
	start := s.Start(day)
	for _, h := range history {
		if start <= h.Day && h.Day < day {
			n += h.Granted - h.Used
		}
	}
	return n
}

// ready fills in what follows from the rest.
func (c *cell) ready() *cell {
	c.end = c.setting.End(c.day)
	c.until = int64(c.day+1) * secondsPerDay
	c.allow = c.setting.Limit + c.past + c.granted
	return c
}

// TakeAt takes one request from the quota and tells whether there was one.
func (q *Quota) TakeAt(t time.Time) bool {
	now := t.Unix()
	for {
		c := q.cell.Load()
		n := c.used.Load()
		if now >= c.until || n < 0 {
			q.turn(DayOf(t))
			continue
		}
		if n >= c.allow {
			return false
		}
		if c.used.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// LeftAt tells how many requests may still be made. It is not negative.
func (q *Quota) LeftAt(t time.Time) int64 {
	c := q.cell.Load()
	if t.Unix() >= c.until {
		q.turn(DayOf(t))
		c = q.cell.Load()
	}
	return max(0, c.allow-c.count())
}

// count is the counter without its seal.
func (c *cell) count() int64 { return c.used.Load() &^ sealed }

// seal ends the counter and returns it.
func (c *cell) seal() int64 {
	for {
		n := c.used.Load()
		if n < 0 || c.used.CompareAndSwap(n, n|sealed) {
			return n &^ sealed
		}
	}
}

// turn puts the cell of a day in place of the present one, or a copy if the
// day is the same or an earlier one.
func (q *Quota) turn(day Day) {
	q.replace(func(next *cell, used int64) { next.turn(day, used) })
}

// replace puts in place of the present cell one that change makes of its copy.
func (q *Quota) replace(change func(next *cell, used int64)) {
	for {
		c := q.cell.Load()
		used := c.seal()
		next := &cell{setting: c.setting, day: c.day, past: c.past, granted: c.granted}
		next.used.Store(used)
		next.before.Store(c.before.Load())
		change(next, used)
		if next.day != c.day {
			next.before.Store(c)
		}
		if q.cell.CompareAndSwap(c, next.ready()) {
			return
		}
	}
}

// turn makes c the cell of a later day.
func (c *cell) turn(day Day, used int64) {
	if day <= c.day {
		return
	}
	c.past += c.granted - used
	if day >= c.setting.End(c.day) {
		c.past = 0
	}
	c.day, c.granted = day, 0
	c.used.Store(0)
}

// Set changes the setting. The history are the counts of earlier days; those
// that the quota has not forgotten it knows better.
func (q *Quota) Set(s QuotaSetting, history []Count) {
	if q.cell.Load().setting == s {
		return
	}
	q.replace(func(next *cell, _ int64) {
		known := history
		for b := next.before.Load(); b != nil; b = b.before.Load() {
			known = withCount(known, b.counted())
		}
		next.setting, next.past = s, past(s, next.day, known)
	})
}

// withCount returns a copy of history in which a day has the count c.
func withCount(history []Count, c Count) []Count {
	list := make([]Count, 0, len(history)+1)
	for _, h := range history {
		if h.Day != c.Day {
			list = append(list, h)
		}
	}
	return append(list, c)
}

// Setting returns the setting.
func (q *Quota) Setting() QuotaSetting { return q.cell.Load().setting }

// Grant makes the period's rest what it is told, and returns the count of the
// day on which it did so.
func (q *Quota) Grant(t time.Time, left int64) (c Count) {
	q.replace(func(next *cell, used int64) {
		next.turn(DayOf(t), used)
		used = next.count()
		next.granted = left + used - next.past - next.setting.Limit
		c = next.counted()
	})
	return c
}

func (c *cell) counted() Count { return Count{Day: c.day, Used: c.count(), Granted: c.granted} }

// Counts appends to dst the counts of the days that are not forgotten, the
// present one first.
func (q *Quota) Counts(dst []Count) []Count {
	for c := q.cell.Load(); c != nil; c = c.before.Load() {
		dst = append(dst, c.counted())
	}
	return dst
}

// Forget drops the counts of days before day.
func (q *Quota) Forget(day Day) {
	for c := q.cell.Load(); c != nil; c = c.before.Load() {
		if b := c.before.Load(); b != nil && b.day < day {
			c.before.Store(nil)
		}
	}
}
