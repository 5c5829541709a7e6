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
		j.mu.Lock()
		age := j.maxAge
		j.mu.Unlock()
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
	seg := j.segs[0]
	j.mu.Unlock()
	if err := os.Remove(filepath.Join(j.dir, seg.name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		j.set.opt.Log.Warn("old segment of a journal not removed", "journal", j.name, "error", err)
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.segs = append([]segment(nil), j.segs[1:]...)
	return true
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
