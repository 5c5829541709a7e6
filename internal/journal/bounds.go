package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Trim removes segments that are older than their journal keeps, and the oldest
// ones of all while all together take more than Options.MaxBytes. Run does it
// every now and then.
func (s *Set) Trim(now time.Time) {
	s.mu.Lock()
	list := make([]*Journal, 0, len(s.journals))
	for _, j := range s.journals {
		list = append(list, j)
	}
	s.mu.Unlock()
	var total int64
	for _, j := range list {
		age := j.age()
		if age > 0 {
			j.putAway(now.Add(-age).UnixMilli(), spanOf(age).Milliseconds())
		}
		for age > 0 && j.removeOldest(now.Add(-age).UnixMilli()) {
		}
		total += j.Bytes()
	}
	for total > s.opt.MaxBytes {
		oldest, at := (*Journal)(nil), int64(0)
		for _, j := range list {
			if t, ok := j.oldest(); ok && (oldest == nil || t < at) {
				oldest, at = j, t
			}
		}
		if oldest == nil {
			return
		}
		before := oldest.Bytes()
		if !oldest.removeOldest(at + 1) {
			return // it cannot be removed, and the log says so
		}
		total -= before - oldest.Bytes()
	}
}

// spanOf is the time from the oldest to the newest entry of one segment at most,
// where entries are kept for an age: as long, entries stay on disk beyond it. Nobody
// reads them then.
//
// AWS: PutRetentionPolicy: it takes up to 72 hours until log events are deleted.
func spanOf(age time.Duration) time.Duration { return max(24*time.Hour, age/8) }

// putAway writes entries that are older than a time, or span one, as a block, and
// closes a segment that spans it: what fills neither would not grow old.
func (j *Journal) putAway(before, span int64) {
	j.mu.Lock()
	cut := j.open != nil && j.open.count > 0 && (j.open.max < before || j.open.max-j.open.min >= span)
	j.mu.Unlock()
	if cut {
		if err := j.flush(whenFull, true); err != nil {
			j.set.opt.Log.Warn("old entries of a journal not put away", "journal", j.name, "error", err)
			return
		}
	}
	j.io.Lock()
	defer j.io.Unlock()
	j.mu.Lock()
	n := len(j.segs) - 1
	if n < 0 || j.segs[n].closed || j.segs[n].max-j.segs[n].min < span {
		j.mu.Unlock()
		return
	}
	seg := j.segs[n]
	j.mu.Unlock()
	if err := j.closeSegment(&seg); err != nil {
		j.set.opt.Log.Warn("journal segment not closed", "journal", j.name, "error", err)
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.segs[n] = seg
}

// oldest returns the newest time in the oldest segment.
func (j *Journal) oldest() (int64, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.segs) == 0 {
		return 0, false
	}
	return j.segs[0].max, true
}

// removeOldest removes the oldest segment if all in it happened before a time.
func (j *Journal) removeOldest(before int64) bool {
	j.io.Lock()
	defer j.io.Unlock()
	j.mu.Lock()
	if len(j.segs) == 0 || j.segs[0].max >= before {
		j.mu.Unlock()
		return false
	}
	seg, only, next := j.segs[0], len(j.segs) == 1, j.unwrittenLocked()
	j.mu.Unlock()
	if only {
		if err := j.keepNumber(next); err != nil {
			j.set.opt.Log.Warn("old segment of a journal not removed", "journal", j.name, "error", err)
			return false
		}
	}
	if err := os.Remove(filepath.Join(j.dir, seg.name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		j.set.opt.Log.Warn("old segment of a journal not removed", "journal", j.name, "error", err)
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.segs = append([]segment(nil), j.segs[1:]...)
	return true
}

// unwrittenLocked is the number of the first entry that is in no segment yet.
func (j *Journal) unwrittenLocked() uint64 {
	switch {
	case len(j.queue) > 0:
		return j.queue[0].first
	case j.open != nil && j.open.count > 0:
		return j.open.first
	}
	return j.next
}

// keepNumber makes the segment that comes next, empty: who follows the journal knows
// entries by their numbers, which go on after a restart though no entry is left.
func (j *Journal) keepNumber(next uint64) error {
	f, err := os.OpenFile(filepath.Join(j.dir, (&segment{first: next}).name()), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Remove removes a journal with all it has. Whoever opens the name again gets an
// empty one.
func (s *Set) Remove(name string) error {
	j, err := s.Open(name)
	if err != nil {
		return err
	}
	j.io.Lock()
	defer j.io.Unlock()
	if err := os.RemoveAll(j.dir); err != nil {
		return fmt.Errorf("remove journal: %w", err)
	}
	j.mu.Lock()
	waiting := -j.tailed.size()
	for _, b := range j.queue {
		waiting += b.size()
	}
	if j.open != nil {
		waiting += j.open.size()
	}
	j.removed, j.queue, j.open, j.spare, j.segs = true, nil, nil, nil, nil
	if j.woken != nil {
		close(j.woken)
		j.woken = nil
	}
	j.mu.Unlock()
	s.waiting.Add(-int64(waiting))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken += j.entries()
	delete(s.journals, name)
	return nil
}
