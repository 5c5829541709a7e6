package rollup

import (
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A catalog is all sources that there are points of, with their metrics.
type catalog struct {
	byID    map[string]*source
	sorted  []string // ids; nil: to be sorted
	counted int      // metrics that count against the limit: those that clients made
}

func newCatalog() catalog { return catalog{byID: make(map[string]*source)} }

// A source has its metrics in the order in which they came: chunks hold their
// numbers.
type source struct {
	id      string
	ours    bool
	foreign int // metrics that clients gave a source of ours, since the start: they count
	metrics []known
}

// limited is how many metrics of a source count against the limit.
func (s *source) limited() int {
	if s.ours {
		return s.foreign
	}
	return len(s.metrics)
}

// A known is a metric of a source, and when it was last measured.
type known struct {
	Metric
	last int64 // minute
}

// metric is the number of a metric, which is measured in a minute.
func (s *source) metric(m Metric, minute int64) int {
	for i := range s.metrics {
		if s.metrics[i].Metric == m {
			s.metrics[i].last = max(s.metrics[i].last, minute)
			return i
		}
	}
	s.metrics = append(s.metrics, known{m, minute})
	return len(s.metrics) - 1
}

func (s *source) has(m Metric) bool {
	return slices.ContainsFunc(s.metrics, func(k known) bool { return k.Metric == m })
}

func (s *source) list() []Metric {
	list := make([]Metric, len(s.metrics))
	for i := range s.metrics {
		list[i] = s.metrics[i].Metric
	}
	return list
}

// added is how many metrics of sources that are not ours the samples would add,
// at most: one that stands in them twice counts twice.
func (c *catalog) added(samples []Sample) int {
	n := 0
	for i := range samples {
		if samples[i].Ours {
			continue
		}
		src := c.byID[samples[i].Source.id()]
		for j := range samples[i].Values {
			if src == nil || !src.has(samples[i].Values[j].Metric) {
				n++
			}
		}
	}
	return n
}

// of is the source of a sample, with all its metrics. One that was not known to be
// ours does not count any more.
func (c *catalog) of(sample *Sample) *source {
	id := sample.Source.id()
	src := c.byID[id]
	if src == nil {
		src = &source{id: id}
		c.byID[id] = src
		c.sorted = nil
	}
	counted := src.limited()
	if sample.Ours {
		src.ours = true
	}
	before := len(src.metrics)
	for i := range sample.Values {
		src.metric(sample.Values[i].Metric, minuteOf(sample.At))
	}
	if src.ours && !sample.Ours {
		src.foreign += len(src.metrics) - before
	}
	c.counted += src.limited() - counted
	return src
}

// A Listed is a metric that a source has.
type Listed struct {
	Source
	Metric
	Last time.Time // when it was last measured
}

// List calls each for the metrics of an account in a region that were measured
// since a time, in an order that stays: of sources, then of names. It ends when
// each returns false.
func (s *Store) List(account, region string, since time.Time, each func(*Listed) bool) {
	prefix := string(appendText(appendText(nil, account), region))
	for _, of := range s.listed(prefix, minuteOf(since)) {
		for i := range of {
			if !each(&of[i]) {
				return
			}
		}
	}
}

func (s *Store) listed(prefix string, since int64) [][]Listed {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sources.sorted == nil {
		s.sources.sorted = slices.Sorted(maps.Keys(s.sources.byID))
	}
	var out [][]Listed
	from, _ := slices.BinarySearch(s.sources.sorted, prefix)
	for _, id := range s.sources.sorted[from:] {
		if !strings.HasPrefix(id, prefix) {
			break
		}
		src, err := parseID(id)
		if err != nil {
			continue // cannot be: we wrote it
		}
		var of []Listed
		for _, k := range s.sources.byID[id].metrics {
			if k.last >= since {
				of = append(of, Listed{src, k.Metric, time.Unix(k.last*60, 0).UTC()})
			}
		}
		slices.SortFunc(of, func(a, b Listed) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Unit, b.Unit)) })
		if len(of) > 0 {
			out = append(out, of)
		}
	}
	return out
}

// Counts returns how many series there are, and how many of them count against
// the limit.
func (s *Store) Counts() (all, limited int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, src := range s.sources.byID {
		all += len(src.metrics)
	}
	return all, s.sources.counted
}

const (
	catalogName   = "catalog"
	catalogHeader = "GHCATL1\n"
)

// saveCatalog writes the catalog, without the sources that are forgotten: those
// not measured for as long as points are kept.
func (s *Store) saveCatalog(now time.Time) error {
	s.mu.Lock()
	s.sources.forget(minuteOf(now.Add(-s.opt.Keep)), s.head, s.old)
	b := []byte(catalogHeader)
	for _, src := range s.sources.byID {
		b = appendText(b, src.id)
		ours := byte(0)
		if src.ours {
			ours = 1
		}
		b = binary.AppendUvarint(append(b, ours), uint64(len(src.metrics)))
		for _, k := range src.metrics {
			b = binary.AppendVarint(appendText(appendText(b, k.Name), k.Unit), k.last)
		}
	}
	s.mu.Unlock()
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	path := filepath.Join(s.dir, catalogName)
	f, err := os.OpenFile(path+tempSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = cmp.Or(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(path+tempSuffix, path)
	}
	if err != nil {
		return err
	}
	return syncDir(s.dir) // before the log goes that has the same
}

// forget removes sources that were last measured before a minute, and of which
// nothing is in memory.
func (c *catalog) forget(before int64, heads ...*head) {
	maps.DeleteFunc(c.byID, func(id string, src *source) bool {
		for _, k := range src.metrics {
			if k.last >= before {
				return false
			}
		}
		for _, h := range heads {
			for _, of := range h.hours {
				if of[id] != nil {
					return false
				}
			}
		}
		c.counted -= src.limited()
		c.sorted = nil
		return true
	})
}

func (s *Store) loadCatalog() error {
	b, err := os.ReadFile(filepath.Join(s.dir, catalogName))
	if os.IsNotExist(err) && len(s.blocks) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	body, ok := strings.CutPrefix(string(b), catalogHeader)
	n := len(b) - 4
	if !ok || n < len(catalogHeader) || crc32.Checksum(b[:n], castagnoli) != binary.BigEndian.Uint32(b[n:]) {
		return errDamaged
	}
	r := reader{b: []byte(body[:len(body)-4])}
	for len(r.b) > 0 && r.err == nil {
		src := &source{id: r.text(), ours: r.byte() == 1}
		for range min(r.uvarint(), uint64(len(r.b))) {
			src.metrics = append(src.metrics, known{Metric{r.text(), r.text()}, r.varint()})
		}
		if r.err == nil {
			s.sources.put(src)
		}
	}
	return r.err
}

func (c *catalog) put(src *source) {
	c.byID[src.id] = src
	c.counted += src.limited()
}

// rebuildCatalog reads the catalog from all blocks. Whose the sources are is not
// told there: all count against the limit, until the next samples of ours say so.
func (s *Store) rebuildCatalog() {
	s.sources = newCatalog()
	for _, b := range s.blocks {
		_ = s.eachHour(b, func(_ uint64, id string, h hour) error {
			src := s.sources.byID[id]
			if src == nil {
				src = &source{id: id}
				s.sources.byID[id] = src
			}
			for m, of := range h {
				for i := range of {
					if of[i].Count != 0 {
						src.metric(m, b.hour*60+int64(i))
					}
				}
			}
			return nil
		})
	}
	for _, src := range s.sources.byID {
		s.sources.counted += src.limited()
	}
}
