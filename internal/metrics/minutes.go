package metrics

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// A Minute is what a registry counted in a minute, or in what there was of it
// when the server started in its middle. Whoever gets one must not change it.
type Minute[K comparable] struct {
	From, To time.Time
	Points   map[K]Figures // of the series that counted anything
	Other    Figures       // of the series that all others share
}

// Bounds of what is remembered, whichever is reached first: a server of few
// routes knows the last three hours, and one of ten thousand that are
// all called the last one. A point takes up to a KiB.
const (
	mostMinutes = 180
	mostPoints  = 10_000
)

// minutes is the memory of a registry.
type minutes[K comparable] struct {
	// Of the goroutine of Run alone: what the series had counted at the end of
	// the last minute, and when that was.
	last      map[K]packed
	lastOther Figures
	ended     time.Time

	mu     sync.Mutex // guards the fields below; never held while calling out
	list   []Minute[K]
	points int
}

// Run remembers what is counted, minute by minute, until ctx ends, and calls
// each, which may be nil, when a minute is over. What there was of the last
// minute then is one, too.
func (r *Registry[K]) Run(ctx context.Context, each func(*Minute[K])) error {
	if each == nil {
		each = func(*Minute[K]) {}
	}
	r.minutes.ended = time.Now()
	for {
		now := time.Now()
		timer := time.NewTimer(now.Truncate(time.Minute).Add(time.Minute).Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			each(r.endMinute(time.Now()))
			return nil
		case <-timer.C:
		}
		each(r.endMinute(time.Now()))
	}
}

// Minutes returns what is remembered, oldest first.
func (r *Registry[K]) Minutes() []Minute[K] {
	m := &r.minutes
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.list)
}

// endMinute makes a minute of all that was counted since the last one.
func (r *Registry[K]) endMinute(now time.Time) *Minute[K] {
	r.mu.Lock()
	series, gone := maps.Clone(r.series), r.gone
	r.gone = nil
	r.mu.Unlock()

	m := &r.minutes
	minute := Minute[K]{From: m.ended, To: now, Points: make(map[K]Figures)}
	for _, g := range gone {
		f := g.series.Figures()
		minute.add(g.key, &f, m.last)
		delete(m.last, g.key)
	}
	next := make(map[K]packed, len(series))
	for k, s := range series {
		f := s.Figures()
		minute.add(k, &f, m.last)
		next[k] = pack(&f)
	}
	other := r.other.Figures()
	minute.Other = other.Since(&m.lastOther)
	m.last, m.lastOther, m.ended = next, other, now
	m.remember(&minute)
	return &minute
}

// At is a moment of the minute that m is of. A clock that was stepped meanwhile
// makes it the one before m ended.
func (m *Minute[K]) At() time.Time {
	if d := m.To.Sub(m.From); d < 0 || d > 2*time.Minute {
		return m.To.Add(-time.Minute)
	}
	return m.From
}

// add adds what a series has counted since last.
func (m *Minute[K]) add(key K, f *Figures, last map[K]packed) {
	p := last[key]
	if f.Count == p.Count {
		return
	}
	earlier := p.figures()
	since, had := f.Since(&earlier), m.Points[key]
	m.Points[key] = had.Plus(&since)
}

// packed are figures in little room: of all series they are kept for a minute.
type packed struct {
	Figures              // without buckets
	latency, integration []uint64
}

// countBits are the bits of a packed bucket that are its count; those above are
// its number.
const countBits = 56

func pack(f *Figures) packed {
	p := packed{*f, packBuckets(f.Latency.Buckets), packBuckets(f.Integration.Buckets)}
	p.Latency.Buckets, p.Integration.Buckets = nil, nil
	return p
}

func packBuckets(list []Bucket) []uint64 {
	if len(list) == 0 {
		return nil
	}
	out := make([]uint64, len(list))
	for i, b := range list {
		out[i] = uint64(bucketOf(b.From))<<countBits | min(b.Count, 1<<countBits-1)
	}
	return out
}

func (p *packed) figures() Figures {
	f := p.Figures
	f.Latency.Buckets, f.Integration.Buckets = unpackBuckets(p.latency), unpackBuckets(p.integration)
	return f
}

func unpackBuckets(list []uint64) []Bucket {
	out := make([]Bucket, len(list))
	for i, b := range list {
		from, _ := boundsOf(uint(b >> countBits))
		out[i] = Bucket{from, b & (1<<countBits - 1)}
	}
	return out
}

// remember appends a minute and forgets the oldest ones that are too many.
func (m *minutes[K]) remember(minute *Minute[K]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, *minute)
	m.points += len(minute.Points)
	for len(m.list) > 1 && (len(m.list) > mostMinutes || m.points > mostPoints) {
		m.points -= len(m.list[0].Points)
		m.list[0] = Minute[K]{}
		m.list = m.list[1:]
	}
}
