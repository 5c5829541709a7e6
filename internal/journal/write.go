package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// How the entries of a journal that gets no more are put away.
const (
	idleTicks = 100     // ticks, of half Options.Flush, without an entry
	smallOpen = 4 << 10 // what fewer bytes wait in memory for more: a block of their own would waste room
)

// Blocks grow smaller when many journals fill one, so that all together take no
// more memory than this; but not smaller than smallBlock.
const (
	openMemory = 64 << 20
	smallBlock = 8 << 10
)

// boundsEvery is how often age and size are looked at.
const boundsEvery = 10 * time.Second

// How much of what was appended a flush writes.
type urgency uint8

const (
	whenFull urgency = iota // full blocks
	whenOld                 // and the open one, if it was there at the last tick: a fast journal needs no tail
	always                  // and the open one in any case
)

// Run writes what is appended until ctx ends, then what is left.
func (s *Set) Run(ctx context.Context) error {
	tick := time.NewTicker(max(1, s.opt.Flush/2)) // what came after one is old at the second
	defer tick.Stop()
	bounds := time.NewTicker(boundsEvery)
	defer bounds.Stop()
	began := time.Now()
	s.Trim(began)
	for {
		select {
		case <-ctx.Done():
			s.flush(always)
			return nil
		case <-bounds.C:
			s.Trim(steady(began, time.Now()))
		case <-s.nudge:
			s.flush(whenFull)
		case <-tick.C:
			s.flush(whenOld)
		}
	}
}

// steady is the time now, or, where the clock was set forward since began, what it
// would be without that: nothing is removed for its age because of a wrong clock.
// One that was wrong at the start is not found out.
func steady(began, now time.Time) time.Time {
	if passed := began.Add(time.Since(began)).Round(0); passed.Before(now) {
		return passed
	}
	return now
}

// flush writes what all journals have got.
func (s *Set) flush(how urgency) {
	s.mu.Lock()
	list := s.dirty
	s.dirty = nil
	s.mu.Unlock()
	keep := list[:0]
	var bad *Journal // one that cannot be written; it stays in the list until it can be
	var failed error
	for _, j := range list {
		err := j.flush(how, how != whenFull && j.isIdle())
		if err != nil {
			bad, failed = j, err
		}
		if err != nil || j.stillOpen() {
			keep = append(keep, j)
		}
	}
	s.tell(bad, failed)
	s.mu.Lock()
	s.dirty = append(s.dirty, keep...)
	n := len(s.dirty)
	s.mu.Unlock()
	s.block.Store(int64(min(s.opt.Block, max(smallBlock, openMemory/max(1, n)))))
}

// tell tells the operator once that writing fails, of one journal where it does,
// and once that all are written again.
func (s *Set) tell(j *Journal, err error) {
	s.mu.Lock()
	changed := s.failing != (err != nil)
	s.failing = err != nil
	s.mu.Unlock()
	switch {
	case changed && err != nil:
		s.opt.Log.Error("journal cannot be written: entries wait in memory, and are dropped when there is no room", "journal", j.name, "error", err)
	case changed:
		s.opt.Log.Info("journals are written again", "dropped", s.dropped.Load())
	}
}

// isIdle counts ticks without entries, and tells whether they are many.
func (j *Journal) isIdle() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.idle++
	j.spare = nil // fast is who fills blocks between two ticks
	return j.idle > idleTicks && j.open != nil && j.open.size() >= smallOpen
}

// stillOpen tells whether the writer must come back to j.
func (j *Journal) stillOpen() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dirty = !j.removed && (len(j.queue) > 0 || j.open != nil && j.open.count > 0 && j.idle <= idleTicks+1)
	if !j.dirty {
		j.restLocked()
	}
	return j.dirty
}

// restLocked gives up the memory that a journal has for more: journals may be many.
func (j *Journal) restLocked() {
	j.spare = nil
	switch {
	case j.open == nil:
	case j.open.count == 0:
		j.open = nil
	default:
		j.open.meta, j.open.text = bytes.Clone(j.open.meta), bytes.Clone(j.open.text)
	}
}

// flush writes full blocks, and what fills none yet to the tail, or with cut as a
// block too.
func (j *Journal) flush(how urgency, cut bool) (err error) {
	j.io.Lock()
	defer j.io.Unlock()
	defer func() {
		j.mu.Lock()
		j.failed = err
		j.mu.Unlock()
	}()
	for {
		j.mu.Lock()
		if j.removed {
			j.mu.Unlock()
			return nil
		}
		if cut {
			j.cutLocked()
			cut = false
		}
		if len(j.queue) == 0 && j.mayWaitLocked(how) {
			err := j.failed // nothing is tried, so nothing is better
			j.mu.Unlock()
			return err
		}
		if len(j.queue) == 0 {
			var part batch
			var m mark
			if j.open != nil {
				part, m = j.open.since(j.tailed), j.open.mark()
			}
			j.mu.Unlock()
			err := j.writeTail(&part, m)
			if err == errAgain {
				continue
			}
			return err
		}
		b := j.queue[0]
		j.mu.Unlock()
		if err := j.writeBlock(b); err != nil {
			return err
		}
	}
}

// mayWaitLocked tells whether the open block need not be written yet.
func (j *Journal) mayWaitLocked(how urgency) bool {
	if how == whenOld && j.open != nil && j.open.first != j.ticked {
		j.ticked = j.open.first
		return true
	}
	return how == whenFull
}

// errAgain has the tail written anew.
var errAgain = errors.New("again")

// mayBeginAnew tells whether a file was taken away, and another one may be begun
// in its place.
func (j *Journal) mayBeginAnew(err error) bool {
	if !errors.Is(err, ErrLost) || j.set.opt.Whole {
		return false
	}
	j.set.opt.Log.Warn("file of a journal was removed or cut: another is begun", "journal", j.name, "error", err)
	return true
}

// writeTail adds what was appended since the last time to the tail.
func (j *Journal) writeTail(part *batch, m mark) error {
	if part.count == 0 {
		return nil
	}
	r := j.set.takeRoom()
	defer j.set.giveRoom(r)
	block := r.write(part, codecPlain)
	err := j.appendFile(tailName, j.tail, block)
	if j.mayBeginAnew(err) {
		// All that it had is in memory still.
		j.set.waiting.Add(int64(j.tailed.size()))
		j.tail, j.tailed = 0, mark{}
		return errAgain
	}
	if err != nil {
		return err
	}
	j.tail += int64(len(block))
	j.tailed = m
	j.set.waiting.Add(-int64(part.size()))
	return nil
}

// writeBlock writes the oldest full block, and takes it out of memory.
func (j *Journal) writeBlock(b *batch) error {
	j.mu.Lock()
	seg := segment{first: b.first}
	n := len(j.segs)
	if fresh := n == 0 || j.segs[n-1].closed; !fresh {
		n--
		seg = j.segs[n]
	}
	j.mu.Unlock()
	r := j.set.takeRoom()
	defer j.set.giveRoom(r)
	block := r.write(b, codecS2)
	err := j.appendFile(seg.name(), seg.size, block)
	if j.mayBeginAnew(err) {
		j.set.damaged.Add(1)
		seg = segment{first: b.first}
		err = j.appendFile(seg.name(), 0, block)
	}
	if err != nil {
		return err
	}
	seg.widen(b.min, b.max)
	seg.size += int64(len(block))
	if seg.size >= j.set.segmentSize() {
		if err := j.closeSegment(&seg); err != nil {
			// It stays open; the next block tries again.
			j.set.opt.Log.Warn("journal segment not closed", "journal", j.name, "error", err)
		}
	}
	j.mu.Lock()
	j.segs = append(j.segs[:n], seg)
	j.queue[0] = nil // which would keep the block
	j.queue = j.queue[1:]
	size := b.size()
	if !b.seen {
		j.spare = b
	}
	j.mu.Unlock()
	j.set.waiting.Add(-int64(size - j.tailed.size()))
	j.tailed = mark{}
	if j.tail == 0 {
		return nil
	}
	// If this is not done the tail's entries are known by their numbers.
	if err := os.Truncate(filepath.Join(j.dir, tailName), 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("empty the tail of a journal: %w", err)
	}
	j.tail = 0
	return nil
}

// segmentSize is the size of segments: such that what goes first when there is
// no room is a small part.
func (s *Set) segmentSize() int64 { return min(s.opt.Segment, max(s.opt.MaxBytes/8, 64<<10)) }

// appendFile appends to a file that has so many bytes, whole or not at all. The
// file is not kept open: blocks are large, and journals may be many.
func (j *Journal) appendFile(name string, size int64, b []byte) error {
	f, err := j.openAt(filepath.Join(j.dir, name), size)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	_, err = f.WriteAt(b, size)
	if err == nil && j.set.opt.Fsync {
		err = f.Sync()
	}
	if err != nil {
		_ = f.Truncate(size) // what is left is overwritten the next time, or cut off at the next start
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

// openAt opens a file that has so many bytes, and makes one that has none.
func (j *Journal) openAt(path string, size int64) (*os.File, error) {
	if size == 0 {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		if err := os.MkdirAll(j.dir, 0o700); err != nil {
			return nil, err
		}
		return os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrLost, err)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() < size {
		err = fmt.Errorf("%w: %s has %d bytes, not %d", ErrLost, filepath.Base(path), info.Size(), size)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// closeSegment makes sure that the disk has a segment, and names it by its times.
func (j *Journal) closeSegment(s *segment) error {
	open := filepath.Join(j.dir, s.name())
	f, err := os.Open(open)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	closed := *s
	closed.closed = true
	if err := os.Rename(open, filepath.Join(j.dir, closed.name())); err != nil {
		return err
	}
	*s = closed
	return nil
}
