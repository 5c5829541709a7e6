package rollup

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// tempSuffix is the end of the names of files that are being written.
const tempSuffix = ".tmp"

// Flush writes what is in memory to blocks, and lets go of hours that are too
// old or too many. After an error everything is where it was; the next flush
// tries again. One runs at a time.
func (s *Store) Flush(now time.Time) error {
	s.mu.Lock()
	if s.old == nil {
		if s.head.bytes == 0 {
			s.mu.Unlock()
			s.expire(now)
			return nil
		}
		s.head.seq = s.seq
		s.old, s.head = s.head, newHead()
		s.wal.rotate()
	}
	old := s.old
	hours := slices.Sorted(maps.Keys(old.hours))
	s.mu.Unlock()

	for _, h := range hours {
		if err := s.flushHour(old, h); err != nil {
			return err
		}
	}
	if err := s.saveCatalog(now); err != nil {
		return err
	}
	if err := s.forgetLog(old.seq); err != nil {
		return err
	}
	s.mu.Lock()
	s.old = nil
	s.mu.Unlock()
	s.expire(now)
	return nil
}

// flushHour writes the block of an hour anew, with what came.
func (s *Store) flushHour(old *head, h int64) error {
	s.mu.Lock()
	came := old.hours[h]
	i, found := slices.BinarySearchFunc(s.blocks, h, func(b *block, h int64) int { return int(b.hour - h) })
	var before *block
	if found {
		before = s.blocks[i]
	}
	// The lists of metrics only grow: what they are now covers all chunks.
	metrics := make(map[string][]Metric, len(came))
	for id := range came {
		metrics[id] = s.sources.byID[id].list()
	}
	s.mu.Unlock()

	b := &block{hour: h, seq: old.seq}
	b.path = filepath.Join(s.dir, b.name())
	if err := s.writeBlock(b, before, came, metrics); err != nil {
		return fmt.Errorf("write block: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found = slices.BinarySearchFunc(s.blocks, h, func(b *block, h int64) int { return int(b.hour - h) })
	if found {
		s.blocks[i] = b
	} else {
		s.blocks = slices.Insert(s.blocks, i, b)
	}
	delete(old.hours, h)
	if before != nil {
		_ = os.Remove(before.path) // else the next start does
	}
	return nil
}

// writeBlock writes what was before, which may be nil, and what came.
func (s *Store) writeBlock(b, before *block, came map[string]chunk, metrics map[string][]Metric) error {
	temp := b.path + tempSuffix
	w, err := newBlockWriter(temp)
	if err != nil {
		return err
	}
	if err = s.merge(w, before, came, metrics); err != nil {
		w.abort()
		return err
	}
	if b.size, err = w.close(); err == nil {
		err = os.Rename(temp, b.path)
	}
	if err != nil {
		_ = os.Remove(temp)
		return err
	}
	return syncDir(s.dir)
}

// merge writes the hours of all sources in the order of their hashes.
func (s *Store) merge(w *blockWriter, before *block, came map[string]chunk, metrics map[string][]Metric) error {
	type arrival struct {
		hash uint64
		id   string
	}
	var list []arrival
	for id := range came {
		list = append(list, arrival{hashOf(id), id})
	}
	slices.SortFunc(list, func(a, b arrival) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.id, b.id)) })
	written := make(map[string]bool)
	put := func(a arrival, h hour) error {
		if err := h.addChunk(came[a.id], metrics[a.id]); err != nil {
			return err
		}
		written[a.id] = true
		return w.add(a.hash, a.id, h)
	}
	// upTo writes the arrivals whose hashes are less than limit, but those that
	// are written.
	upTo := func(limit uint64) error {
		for len(list) > 0 && list[0].hash < limit {
			a := list[0]
			list = list[1:]
			if !written[a.id] {
				if err := put(a, hour{}); err != nil {
					return err
				}
			}
		}
		return nil
	}
	err := s.eachHour(before, func(hash uint64, id string, h hour) error {
		if err := upTo(hash); err != nil {
			return err
		}
		return put(arrival{hash, id}, h)
	})
	if err != nil {
		return err
	}
	for _, a := range list {
		if !written[a.id] {
			if err := put(a, hour{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachHour reads all of a block. What is damaged is left out.
func (s *Store) eachHour(b *block, each func(hash uint64, id string, h hour) error) error {
	if b == nil {
		return nil
	}
	r, err := b.open()
	if err != nil {
		s.damaged(b, err)
		return nil
	}
	defer r.close()
	spans, err := r.spans()
	if err != nil {
		s.damaged(b, err)
		return nil
	}
	var buf []byte
	for _, sp := range spans {
		body, err := r.read(sp, buf)
		h := hour{}
		var id string
		if err == nil {
			id, err = readHour(body, h.add)
			buf = body[:0]
		}
		if err != nil {
			s.damaged(b, err)
			continue
		}
		if err := each(sp.hash, id, h); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) damaged(b *block, err error) {
	s.bad.Add(1)
	s.log.Warn("a part of an hour of metrics is lost", "file", filepath.Base(b.path), "error", err)
}

// forgetLog removes the files of the log whose records are all in blocks.
func (s *Store) forgetLog(seq uint64) error {
	files, _, err := logFiles(s.dir)
	if err != nil {
		return err
	}
	for _, first := range files {
		if first > seq {
			break
		}
		if err := os.Remove(s.logPath(first)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	_, size, err := logFiles(s.dir)
	s.mu.Lock()
	s.wal.all = size
	s.mu.Unlock()
	return err
}

// expire removes blocks that are too old, a few at a time, and the oldest while
// all are too large.
func (s *Store) expire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int64(0)
	for _, b := range s.blocks {
		size += b.size
	}
	oldest := hourOf(minuteOf(now.Add(-s.opt.Keep)))
	n := 0
	for n < len(s.blocks)-1 && (size > s.opt.MaxBytes || n < expireAtOnce && s.blocks[n].hour < oldest) {
		size -= s.blocks[n].size
		_ = os.Remove(s.blocks[n].path) // what stays is found again at the next start
		n++
	}
	s.blocks = slices.Delete(s.blocks, 0, n)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return cmp.Or(d.Sync(), d.Close())
}
