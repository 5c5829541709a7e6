package journal

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Position is a place between entries in order of their time: just behind the
// entry that it names.
type Position struct {
	Time int64
	Seq  uint64
}

// A Query says which entries Select returns.
type Query struct {
	From, To int64     // entries of From and later, before To; To 0: no end
	After    *Position // only what follows it, in the direction of reading
	Backward bool      // newest first
	Sources  []uint32  // nil: of all
	Limit    int       // entries at most; 0: 10,000
	Bytes    int       // of texts at most, but for the first entry; 0: 16 MiB

	// One of Literals stands in every text that matches, so that blocks and entries
	// without any are passed over; none: nothing is known. Match, which may be nil,
	// decides; it is called from many goroutines and keeps nothing.
	Literals [][]byte
	Match    func(e *Entry) bool
}

// A Result is what Select found.
type Result struct {
	Entries []Entry
	More    bool // there may be more behind the last one
}

// A place is where a block is: in a file, or in memory.
type place struct {
	file     *os.File
	at       int64
	header   header
	memory   *batch
	min, max int64
}

// view is what a journal has at a moment.
type view struct {
	segs []segment
	mem  []batch // full ones, then the open one
}

func (j *Journal) view() view {
	j.mu.Lock()
	defer j.mu.Unlock()
	v := view{segs: slices.Clone(j.segs)}
	for _, b := range j.queue {
		b.seen = true
		v.mem = append(v.mem, *b)
	}
	if j.open != nil && j.open.count > 0 {
		j.open.seen = true
		v.mem = append(v.mem, *j.open)
	}
	return v
}

// reach is what of the blocks is looked for.
type reach struct {
	min, max int64
	sources  uint64
	seq      uint64 // the first that counts
}

// places lists the blocks within reach. The files it has opened are the caller's
// to close.
func (j *Journal) places(ctx context.Context, r *reach) (out []place, files []*os.File, err error) {
	v := j.view()
	if r.seq > 0 && len(v.mem) > 0 && v.mem[0].first <= r.seq {
		v.segs = nil // whoever follows closely needs no file
	}
	for i := range v.segs {
		s := &v.segs[i]
		if s.max < r.min || s.min > r.max || i+1 < len(v.segs) && v.segs[i+1].first <= r.seq {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, files, err
		}
		f, err := j.openSegment(s)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it grew too old in this moment
		}
		if err != nil {
			return nil, files, err
		}
		files = append(files, f)
		_, damaged, err := walk(f, s.size, func(h *header, at int64) bool {
			if h.max >= r.min && h.min <= r.max && h.sources&r.sources != 0 && h.first+uint64(h.count) > r.seq {
				out = append(out, place{file: f, at: at, header: *h, min: h.min, max: h.max})
			}
			return true
		})
		if err != nil {
			return nil, files, err
		}
		j.set.damaged.Add(uint64(damaged))
	}
	for i := range v.mem {
		b := &v.mem[i]
		if b.max >= r.min && b.min <= r.max && b.sources&r.sources != 0 && b.first+uint64(b.count) > r.seq {
			out = append(out, place{memory: b, min: b.min, max: b.max})
		}
	}
	return out, files, nil
}

// openSegment opens a segment, which may have been closed since it was seen.
func (j *Journal) openSegment(s *segment) (*os.File, error) {
	f, err := os.Open(filepath.Join(j.dir, s.name()))
	if err == nil || s.closed || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	j.io.Lock() // until its new name is known
	defer j.io.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.segs {
		if j.segs[i].first == s.first {
			return os.Open(filepath.Join(j.dir, j.segs[i].name()))
		}
	}
	return nil, fs.ErrNotExist
}

// Select returns entries in order of their time; those of the same time in the
// order in which they came. Blocks are read by all processors at once.
func (j *Journal) Select(ctx context.Context, q Query) (Result, error) {
	if q.Limit <= 0 {
		q.Limit = 10_000
	}
	if q.Bytes <= 0 {
		q.Bytes = 16 << 20
	}
	if q.To == 0 {
		q.To = 1<<63 - 1
	}
	if age := j.age(); age > 0 {
		q.From = max(q.From, time.Now().Add(-age).UnixMilli())
	}
	r := reach{min: q.From, max: q.To - 1, sources: ^uint64(0)}
	if q.Sources != nil {
		r.sources = 0
		for _, s := range q.Sources {
			r.sources |= sourceBit(s)
		}
	}
	if q.After != nil {
		if q.Backward {
			r.max = min(r.max, q.After.Time)
		} else {
			r.min = max(r.min, q.After.Time)
		}
	}
	places, files, err := j.places(ctx, &r)
	defer closeAll(files)
	if err != nil {
		return Result{}, err
	}
	slices.SortStableFunc(places, func(a, b place) int {
		if q.Backward {
			return cmp.Compare(b.max, a.max)
		}
		return cmp.Compare(a.min, b.min)
	})
	sel := &selection{q: &q, j: j}
	return sel.run(ctx, places)
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // it was read
	}
}

// A selection is a Select under way.
type selection struct {
	q     *Query
	j     *Journal
	found []Entry
	bytes int
	more  bool
}

// mostWave bounds how many blocks are read before their entries are put in
// order. Waves begin small: a query is often answered by the first blocks.
const mostWave = 64

func (s *selection) run(ctx context.Context, places []place) (Result, error) {
	workers := runtime.GOMAXPROCS(0)
	scratch := make([]reading, workers)
	for wave := workers; len(places) > 0; wave = min(2*wave, mostWave) {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		now := places[:min(wave, len(places))]
		places = places[len(now):]
		found := make([][]Entry, len(now))
		var next atomic.Int64
		var wg sync.WaitGroup
		for w := range min(workers, len(now)) {
			wg.Go(func() {
				for i := next.Add(1) - 1; i < int64(len(now)); i = next.Add(1) - 1 {
					found[i] = s.read(&now[i], &scratch[w])
				}
			})
		}
		wg.Wait()
		for _, list := range found {
			s.found = append(s.found, list...)
			for i := range list {
				s.bytes += len(list[i].Text)
			}
		}
		if s.cut() && len(places) > 0 && s.before(&places[0]) {
			s.more = true
			break
		}
	}
	s.sort()
	return Result{Entries: s.found, More: s.more}, nil
}

// cut takes away what is over the limits, and tells whether they are reached.
func (s *selection) cut() bool {
	if len(s.found) < s.q.Limit && s.bytes < s.q.Bytes {
		return false
	}
	s.sort()
	keep, size := 0, 0
	for keep < len(s.found) && keep < s.q.Limit && (keep == 0 || size+len(s.found[keep].Text) <= s.q.Bytes) {
		size += len(s.found[keep].Text)
		keep++
	}
	s.more = s.more || keep < len(s.found)
	clear(s.found[keep:])
	s.found, s.bytes = s.found[:keep], size
	return true
}

// before tells whether all that was found comes before the blocks that follow.
func (s *selection) before(p *place) bool {
	last := s.found[len(s.found)-1].Time
	if s.q.Backward {
		return last > p.max
	}
	return last < p.min
}

func (s *selection) sort() {
	slices.SortFunc(s.found, func(a, b Entry) int {
		c := cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Seq, b.Seq))
		if s.q.Backward {
			return -c
		}
		return c
	})
}

// reading is the memory that a goroutine reads blocks with.
type reading struct {
	payload, raw []byte
	hits         hits
}

// hits are where literals stand in the text of a block: of each the next place
// that is not passed yet, len(text) if there is none.
type hits struct {
	text     []byte
	literals [][]byte
	next     []int
}

// find looks for literals in a text; false: there are none of them.
func (r *reading) find(text []byte, literals [][]byte) (h *hits, any bool) {
	h = &r.hits
	h.text, h.literals, h.next = text, literals, h.next[:0]
	any = len(literals) == 0
	for _, l := range literals {
		i := bytes.Index(text, l)
		if any = any || i >= 0; i < 0 {
			i = len(text)
		}
		h.next = append(h.next, i)
	}
	return h, any
}

// before reports whether a literal begins in the size bytes before end. Ends must
// come in their order.
func (h *hits) before(end, size int) bool {
	if len(h.literals) == 0 {
		return true
	}
	hit := false
	for i, at := range h.next {
		if at < end-size {
			at = end - size
			n := bytes.Index(h.text[at:], h.literals[i])
			if n < 0 {
				n = len(h.text) - at
			}
			at += n
			h.next[i] = at
		}
		hit = hit || at < end
	}
	return hit
}

// load returns the block at p. It stands in r, or in memory.
func (j *Journal) load(p *place, r *reading) (batch, error) {
	if p.memory != nil {
		return *p.memory, nil
	}
	if cap(r.payload) < p.header.payload {
		r.payload = make([]byte, p.header.payload+p.header.payload/4)
	}
	payload := r.payload[:p.header.payload]
	_, err := p.file.ReadAt(payload, p.at)
	var b batch
	if err == nil {
		b, r.raw, err = p.header.decode(payload, r.raw)
	}
	if err != nil {
		j.set.damaged.Add(1)
		j.set.opt.Log.Warn("block of a journal cannot be read, and is passed over", "journal", j.name, "entries", p.header.count, "error", err)
	}
	return b, err
}

// read returns copies of the entries of a block that the query asks for.
func (s *selection) read(p *place, r *reading) []Entry {
	b, err := s.j.load(p, r)
	if err != nil {
		return nil
	}
	hits, ok := r.find(b.text, s.q.Literals)
	if !ok {
		return nil
	}
	var out []Entry
	at := 0
	// An error is in a block whose checksum is right: written wrongly. What came
	// before it counts.
	_ = b.each(func(e *Entry) bool {
		at += len(e.Text)
		if hits.before(at, len(e.Text)) && s.wants(e) {
			c := *e
			c.Text = bytes.Clone(e.Text)
			out = append(out, c)
		}
		return true
	})
	return out
}

func (s *selection) wants(e *Entry) bool {
	q := s.q
	if e.Time < q.From || e.Time >= q.To {
		return false
	}
	if q.Sources != nil && !slices.Contains(q.Sources, e.Source) {
		return false
	}
	if q.After != nil {
		c := cmp.Or(cmp.Compare(e.Time, q.After.Time), cmp.Compare(e.Seq, q.After.Seq))
		if q.Backward {
			c = -c
		}
		if c <= 0 {
			return false
		}
	}
	return q.Match == nil || q.Match(e)
}

// Follow returns the entries that came after the one with a number, in the order
// in which they came: some of them, or none. It waits until there are some, or
// ctx ends.
func (j *Journal) Follow(ctx context.Context, after uint64) ([]Entry, error) {
	for {
		woken, err := j.wait(after)
		if err != nil {
			return nil, err
		}
		if woken == nil {
			last := j.Last()
			list, err := j.Next(ctx, after)
			if err != nil || len(list) > 0 {
				return list, err
			}
			after = last // what there was is gone
			continue
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-woken:
		}
	}
}

// wait returns nil if there are entries after a number, or what is closed when
// there are.
func (j *Journal) wait(after uint64) (<-chan struct{}, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.removed:
		return nil, ErrRemoved
	case j.next > after+1:
		return nil, nil
	case j.woken == nil:
		j.woken = make(chan struct{})
	}
	return j.woken, nil
}

// Next returns what Follow does, but does not wait: none, if there are none, or if
// those that there were are gone.
func (j *Journal) Next(ctx context.Context, after uint64) ([]Entry, error) {
	places, files, err := j.places(ctx, &reach{min: -1 << 63, max: 1<<63 - 1, sources: ^uint64(0), seq: after + 1})
	defer closeAll(files)
	if err != nil {
		return nil, err
	}
	var r reading
	var out []Entry
	for i := range places {
		b, err := j.load(&places[i], &r)
		if err != nil {
			continue // it is counted
		}
		_ = b.each(func(e *Entry) bool { // see selection.read
			if e.Seq > after {
				c := *e
				c.Text = bytes.Clone(e.Text)
				out = append(out, c)
			}
			return true
		})
		if len(out) > 0 {
			break
		}
	}
	return out, nil
}
