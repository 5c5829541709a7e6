package journal

import (
	"encoding/binary"
	"time"
)

// A batch is a block in memory, as entries come in: what is known of each entry,
// and apart from it all texts. Bytes that were appended never change, so a
// reader may keep the slices of a moment and read them without a lock.
type batch struct {
	first    uint64 // number of the first entry
	count    int
	min, max int64  // times
	sources  uint64 // bit source%64 of each
	meta     []byte // of each entry: time, time of storing, source, length
	text     []byte
	start    int64 // which the first entry's time is told from
	prev     int64 // time of the last entry
	seen     bool  // a reader has it, so its memory is not to be used again
}

// fresh makes b an empty batch, in the memory that it has.
func (b *batch) fresh(first uint64) *batch {
	*b = batch{first: first, meta: b.meta[:0], text: b.text[:0]}
	return b
}

// size is what the batch counts against the bounds.
func (b *batch) size() int { return len(b.meta) + len(b.text) }

// add adds an entry.
func (b *batch) add(e *Entry) {
	if b.count == 0 {
		b.min, b.max = e.Time, e.Time
	}
	b.min, b.max = min(b.min, e.Time), max(b.max, e.Time)
	b.sources |= sourceBit(e.Source)
	b.meta = binary.AppendVarint(b.meta, e.Time-b.prev)
	b.meta = binary.AppendVarint(b.meta, e.Stored-e.Time)
	b.meta = binary.AppendUvarint(b.meta, uint64(e.Source))
	b.meta = binary.AppendUvarint(b.meta, uint64(len(e.Text)))
	b.text = append(b.text, e.Text...)
	b.prev = e.Time
	b.count++
}

func sourceBit(source uint32) uint64 { return 1 << (source % 64) }

// A mark is a place in a batch: what lies before it is dealt with.
type mark struct {
	count      int
	meta, text int
	prev       int64
}

func (b *batch) mark() mark { return mark{b.count, len(b.meta), len(b.text), b.prev} }

func (m mark) size() int { return m.meta + m.text }

// since is what b has got after m, as a batch of its own. Its times may lie in
// a narrower range than it says.
func (b *batch) since(m mark) batch {
	return batch{
		first: b.first + uint64(m.count), count: b.count - m.count, min: b.min, max: b.max, sources: b.sources,
		meta: b.meta[m.meta:], text: b.text[m.text:], start: m.prev,
	}
}

// Append adds an entry: its Time, Source and Text, which is copied. It is stored
// now, unless it says when. It never waits for the disk. False: there was no
// room, and the entry is lost.
func (j *Journal) Append(e Entry) bool {
	if e.Stored == 0 {
		e.Stored = time.Now().UnixMilli()
	}
	j.mu.Lock()
	err := j.addLocked(&e)
	fresh := !j.dirty && err == nil
	j.dirty = j.dirty || fresh
	full := len(j.queue) > 0
	j.mu.Unlock()
	if err != nil {
		j.set.dropped.Add(1)
		return false
	}
	if fresh {
		j.set.mark(j)
	}
	if full {
		j.set.wake()
	}
	return true
}

// addLocked adds an entry, or says why it cannot.
func (j *Journal) addLocked(e *Entry) error {
	if err := j.roomLocked(len(e.Text), len(e.Text)); err != nil {
		return err
	}
	j.putLocked(e)
	return nil
}

// roomLocked says why there is no room for entries with so many bytes in all,
// the longest of which has so many.
func (j *Journal) roomLocked(bytes, longest int) error {
	waits := len(j.queue) > 0 && len(j.queue)*j.set.opt.Block+bytes > j.set.opt.Queue
	switch {
	case j.removed:
		return ErrRemoved
	case longest > MaxText:
		return ErrTooLong
	case waits, j.set.waiting.Load()+int64(bytes) > j.set.opt.Waiting:
		return ErrFull
	}
	return nil
}

// putLocked adds an entry that there is room for.
func (j *Journal) putLocked(e *Entry) {
	b := j.open
	if b == nil {
		b = &batch{first: j.next}
		j.open = b
	}
	before := b.size()
	b.add(e)
	j.set.waiting.Add(int64(b.size() - before))
	j.next++
	j.taken++
	j.idle = 0
	if b.size() >= int(j.set.block.Load()) {
		j.cutLocked()
		// A journal that fills blocks fills the next one too, in the memory of the one
		// before it.
		next := j.spare
		if next == nil {
			next = &batch{text: make([]byte, 0, cap(b.text)), meta: make([]byte, 0, cap(b.meta))}
		}
		j.open, j.spare = next.fresh(j.next), nil
	}
	if j.woken != nil {
		close(j.woken)
		j.woken = nil
	}
}

// cutLocked makes what was added a block, full or not.
func (j *Journal) cutLocked() {
	if j.open != nil && j.open.count > 0 {
		j.queue = append(j.queue, j.open)
		j.open = nil
	}
}

// mark puts j on the list of those that have something to write.
func (s *Set) mark(j *Journal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = append(s.dirty, j)
}

// wake makes the writer look now.
func (s *Set) wake() {
	select {
	case s.nudge <- struct{}{}:
	default:
	}
}

// Write adds entries, all or none, and returns when they are written. After an
// error of writing they stay in memory, and are written when that is possible
// again.
func (j *Journal) Write(entries []Entry) error {
	now := time.Now().UnixMilli()
	if err := j.addAll(entries, now); err != nil {
		return err
	}
	return j.flush(always, false)
}

func (j *Journal) addAll(entries []Entry, now int64) error {
	bytes, longest := 0, 0
	for i := range entries {
		bytes += len(entries[i].Text)
		longest = max(longest, len(entries[i].Text))
	}
	j.mu.Lock()
	err := j.roomLocked(bytes, longest)
	if err != nil {
		j.mu.Unlock()
		j.set.dropped.Add(uint64(len(entries)))
		return err
	}
	for i := range entries {
		e := entries[i]
		e.Stored = now
		j.putLocked(&e)
	}
	fresh := !j.dirty
	j.dirty = true
	j.mu.Unlock()
	if fresh {
		j.set.mark(j)
	}
	return nil
}
