package rollup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the bounds of a store. Zeros are the defaults.
type Options struct {
	MaxBytes  int64         // of blocks: beyond, the oldest go; 1 GiB
	MaxSeries int           // that are not ours; 100,000
	Keep      time.Duration // 15 days
	Log       *slog.Logger
}

const (
	defaultMaxBytes  = 1 << 30
	defaultMaxSeries = 100_000

	// Kept is for how long points are kept.
	//
	// AWS: "Data points with a period of 60 seconds (1 minute) are available for
	// 15 days" (CloudWatch concepts, metrics retention).
	Kept = 15 * 24 * time.Hour

	// headBytes is how much may be in memory before it goes to blocks. If it
	// cannot, twice as much is the end: what comes then is refused.
	headBytes = 4 << 20
	// logBytes is how large the log may become before: samples of one series
	// that come often take more room there.
	logBytes = 64 << 20
	// expireAtOnce is how many hours may go in one flush because they are too
	// old, so that a clock that is ahead for a while does not cost them all.
	expireAtOnce = 2
	// readTries is how often a read begins anew because a block was replaced
	// meanwhile, by one that holds more.
	readTries = 5
	// sourceCost is what a source takes in memory besides its points.
	sourceCost = 128
)

// A Store keeps samples. It is safe for any number of goroutines.
type Store struct {
	dir string
	opt Options
	log *slog.Logger

	flush chan struct{} // one is waiting to be done
	lost  atomic.Uint64 // samples that were refused
	bad   atomic.Uint64 // reads of damaged files

	mu      sync.Mutex // guards the fields below; never held while a block is read or written
	seq     uint64     // of the last record
	wal     samplesLog
	head    *head
	old     *head    // is being flushed, or could not be
	blocks  []*block // by hour
	sources catalog
	unsaved bool // the log has what is not synced
}

// A head is what is in memory.
type head struct {
	hours map[int64]map[string]chunk
	bytes int
	seq   uint64 // of the last record in it; set when it is flushed
}

func newHead() *head { return &head{hours: make(map[int64]map[string]chunk)} }

// Open opens the store in a directory, and makes it if there is none.
func Open(dir string, opt Options) (*Store, error) {
	if opt.MaxBytes == 0 {
		opt.MaxBytes = defaultMaxBytes
	}
	if opt.MaxSeries == 0 {
		opt.MaxSeries = defaultMaxSeries
	}
	if opt.Keep == 0 {
		opt.Keep = Kept
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("directory of metrics: %w", err)
	}
	s := &Store{dir: dir, opt: opt, log: opt.Log, flush: make(chan struct{}, 1), head: newHead(), wal: samplesLog{dir: dir}, sources: newCatalog()}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("directory of metrics: %w", err)
	}
	return s, nil
}

// load reads what there is: blocks by name, the catalog, the log.
func (s *Store) load() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(s.dir, e.Name())
		if strings.HasSuffix(e.Name(), tempSuffix) {
			_ = os.Remove(path) // a crash left it
			continue
		}
		b, ok := parseBlock(e.Name())
		if !ok {
			continue
		}
		b.path = path
		if info, err := e.Info(); err == nil {
			b.size = info.Size()
		}
		if n := len(s.blocks); n > 0 && s.blocks[n-1].hour == b.hour {
			_ = os.Remove(s.blocks[n-1].path) // this one, which is newer, holds it
			s.blocks = s.blocks[:n-1]
		}
		s.blocks = append(s.blocks, b)
		s.seq = max(s.seq, b.seq)
	}
	if err := s.loadCatalog(); err != nil {
		s.log.Warn("the list of metrics is read from the blocks", "error", err)
		s.rebuildCatalog()
	}
	return s.replay()
}

// replay puts into memory what is in the log and not in blocks.
func (s *Store) replay() error {
	flushed := make(map[int64]uint64, len(s.blocks))
	for _, b := range s.blocks {
		flushed[b.hour] = b.seq
	}
	files, size, err := logFiles(s.dir)
	if err != nil {
		return err
	}
	s.wal.all = size
	for _, first := range files {
		err := replay(s.logPath(first), func(seq uint64, sample *Sample) {
			s.seq = max(s.seq, seq)
			if seq > flushed[hourOf(minuteOf(sample.At))] {
				s.head.add(sample, s.sources.of(sample))
			}
		})
		if err != nil {
			s.log.Warn("what was measured last before a crash is lost", "error", err)
		}
	}
	return nil
}

func (s *Store) logPath(first uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%020d%s", first, logSuffix))
}

// add adds the points of a sample of a source.
func (h *head) add(sample *Sample, src *source) {
	minute := minuteOf(sample.At)
	of := h.hours[hourOf(minute)]
	if of == nil {
		of = make(map[string]chunk)
		h.hours[hourOf(minute)] = of
	}
	c := of[src.id]
	if c == nil {
		h.bytes += sourceCost
	}
	before := cap(c)
	for i := range sample.Values {
		c = c.add(src.metric(sample.Values[i].Metric, minute), minute, &sample.Values[i].Point)
	}
	of[src.id] = c
	h.bytes += cap(c) - before
}

// Put keeps samples: all, or none. What it has kept survives the end of the
// process.
func (s *Store) Put(samples []Sample) error {
	err := s.put(samples)
	if err != nil {
		s.lost.Add(uint64(len(samples)))
	}
	return err
}

func (s *Store) put(samples []Sample) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head.bytes > headBytes || s.wal.all > logBytes {
		s.flushSoon()
		if s.head.bytes > 2*headBytes || s.wal.all > 2*logBytes {
			return ErrFull
		}
	}
	if n := s.sources.added(samples); n > 0 && s.sources.counted+n > s.opt.MaxSeries {
		return ErrTooMany
	}
	if s.wal.gone() {
		s.log.Warn("the log of what was measured was removed: what is in memory is written to blocks")
		s.wal.rotate()
		s.flushSoon()
	}
	if err := s.wal.append(s.seq+1, samples); err != nil {
		return fmt.Errorf("%w (%w)", ErrFull, err)
	}
	s.seq++
	s.unsaved = true
	for i := range samples {
		s.head.add(&samples[i], s.sources.of(&samples[i]))
	}
	return nil
}

func (s *Store) flushSoon() {
	select {
	case s.flush <- struct{}{}:
	default: // it is about to be done
	}
}

// Lost is how many samples were refused.
func (s *Store) Lost() uint64 { return s.lost.Load() }

// Damaged is how often a file could not be read.
func (s *Store) Damaged() uint64 { return s.bad.Load() }

// Run makes durable what was put, every minute, and flushes it to blocks every
// hour or when it is much, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	flushed := time.Now()
	for {
		now := time.Now()
		due := now.Sub(flushed) >= time.Hour
		select {
		case <-ctx.Done():
			s.sync()
			return nil
		case <-s.flush:
			due = true
		case <-tick.C:
			s.sync()
		}
		if !due {
			continue
		}
		if err := s.Flush(time.Now()); err != nil {
			s.log.Warn("what was measured stays in memory: it cannot be written", "error", err)
			continue
		}
		flushed = now
	}
}

// sync makes the log durable.
func (s *Store) sync() {
	s.mu.Lock()
	f := s.wal.f
	due := s.unsaved && f != nil
	s.unsaved = false
	s.mu.Unlock()
	if !due {
		return
	}
	if err := f.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		s.log.Warn("what was measured in the last minute is not durable", "error", err)
	}
}

// Close makes durable what was put. The store must not be used afterwards.
func (s *Store) Close() error {
	s.sync()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wal.rotate()
	return nil
}

// A Series is the points of a metric in one unit, by minute.
type Series struct {
	Unit   string
	Points []Timed
}

// A Timed is the point of a minute.
type Timed struct {
	At time.Time // its beginning
	Point
}

// Read returns the points of a metric of a source from a minute on, until
// before another one: a series for each unit.
func (s *Store) Read(ctx context.Context, src *Source, name string, from, to time.Time) ([]Series, error) {
	id := src.id()
	first, last := minuteOf(from), minuteOf(to)
	var got []Series
	var err error
	for range readTries {
		got, err = s.read(ctx, id, name, first, last)
		if !errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	return got, err
}

// read makes one attempt at Read.
func (s *Store) read(ctx context.Context, id, name string, first, last int64) ([]Series, error) {
	units := make(map[string]map[int64]*Point)
	add := func(m Metric, minute int64, p *Point) {
		if m.Name != name || minute < first || minute >= last {
			return
		}
		of := units[m.Unit]
		if of == nil {
			of = make(map[int64]*Point)
			units[m.Unit] = of
		}
		if of[minute] == nil {
			of[minute] = new(Point)
		}
		of[minute].Add(p)
	}
	blocks := s.snapshot(id, first, last, add)
	hash := hashOf(id)
	for _, b := range blocks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start := b.hour * 60
		err := b.find(hash, id, func(m Metric, minute byte, p *Point) { add(m, start+int64(minute), p) })
		if errors.Is(err, os.ErrNotExist) && !s.has(b) {
			return nil, err // it was replaced
		}
		if err != nil { // contained: what is in other hours is shown
			s.bad.Add(1)
			s.log.Warn("an hour of metrics cannot be read", "error", err)
		}
	}
	return assemble(units), nil
}

// has tells whether b is a block still.
func (s *Store) has(b *block) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.blocks, b)
}

func (b *block) find(hash uint64, id string, each func(m Metric, minute byte, p *Point)) error {
	r, err := b.open()
	if err != nil {
		return err
	}
	defer r.close()
	return r.find(hash, id, each)
}

// snapshot calls add for what is in memory, and returns the blocks that belong
// to it.
func (s *Store) snapshot(id string, first, last int64, add func(m Metric, minute int64, p *Point)) []*block {
	s.mu.Lock()
	defer s.mu.Unlock()
	if src := s.sources.byID[id]; src != nil {
		for _, h := range []*head{s.old, s.head} {
			if h == nil {
				continue
			}
			for hr, of := range h.hours {
				if hr < hourOf(first) || hr > hourOf(last) {
					continue
				}
				r := reader{b: of[id]}
				for len(r.b) > 0 && r.err == nil {
					m, minute := r.uvarint(), r.byte()
					p := r.point()
					add(src.metrics[m].Metric, hr*60+int64(minute), &p)
				}
			}
		}
	}
	from, _ := slices.BinarySearchFunc(s.blocks, hourOf(first), func(b *block, h int64) int { return int(b.hour - h) })
	to, found := slices.BinarySearchFunc(s.blocks, hourOf(last), func(b *block, h int64) int { return int(b.hour - h) })
	if found {
		to++
	}
	return slices.Clone(s.blocks[from:max(from, to)])
}

func assemble(units map[string]map[int64]*Point) []Series {
	out := make([]Series, 0, len(units))
	for unit, of := range units {
		se := Series{Unit: unit, Points: make([]Timed, 0, len(of))}
		for minute, p := range of {
			se.Points = append(se.Points, Timed{time.Unix(minute*60, 0).UTC(), *p})
		}
		slices.SortFunc(se.Points, func(a, b Timed) int { return a.At.Compare(b.At) })
		out = append(out, se)
	}
	slices.SortFunc(out, func(a, b Series) int { return strings.Compare(a.Unit, b.Unit) })
	return out
}
