package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A segment is a file of blocks. The last one of a journal is open and is named
// after its first entry; a closed one is named after the range of its times
// too, so that it need not be read to know whether it matters.
type segment struct {
	first    uint64
	min, max int64
	size     int64
	closed   bool
}

const tailName = "tail"

func (s *segment) name() string {
	if s.closed {
		return fmt.Sprintf("%020d_%d_%d.segment", s.first, s.min, s.max)
	}
	return fmt.Sprintf("%020d.open", s.first)
}

// parseSegment reads a name that segment.name has made.
func parseSegment(name string) (s segment, ok bool) {
	base, ext, _ := strings.Cut(name, ".")
	parts := strings.Split(base, "_")
	s.closed = ext == "segment"
	if len(parts) != 1 && ext == "open" || len(parts) != 3 && s.closed || ext != "open" && !s.closed {
		return s, false
	}
	var err error
	if s.first, err = strconv.ParseUint(parts[0], 10, 64); err != nil || !s.closed {
		return s, err == nil
	}
	var err2 error
	s.min, err = strconv.ParseInt(parts[1], 10, 64)
	s.max, err2 = strconv.ParseInt(parts[2], 10, 64)
	return s, err == nil && err2 == nil
}

// widen takes a block into the range of s.
func (s *segment) widen(least, greatest int64) {
	if s.size == 0 {
		s.min, s.max = least, greatest
		return
	}
	s.min, s.max = min(s.min, least), max(s.max, greatest)
}

// walk calls visit with the header of every block of a file, and the place of
// its payload. Where there is no header it looks for the next one, and counts
// that as damage. It returns the end of the last whole block.
func walk(f io.ReaderAt, size int64, visit func(h *header, at int64) bool) (end int64, damaged int, err error) {
	var b [headerSize]byte
	for at := int64(0); at < size; {
		n, err := f.ReadAt(b[:], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return end, damaged, err
		}
		h, ok := parseHeader(b[:n])
		if !ok {
			next, err := findHeader(f, at+1, size)
			if err != nil {
				return end, damaged, err
			}
			if damaged++; next < 0 {
				return end, damaged, nil
			}
			at = next
			continue
		}
		payload := at + headerSize
		at = payload + int64(h.payload)
		if at > size {
			return end, damaged + 1, nil
		}
		if end = at; !visit(&h, payload) {
			return end, damaged, nil
		}
	}
	return end, damaged, nil
}

// findHeader returns the place of the next header; -1: there is none.
func findHeader(f io.ReaderAt, at, size int64) (int64, error) {
	buf := make([]byte, 1<<20)
	for at < size {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		for i := 0; i+headerSize <= n; i++ {
			if buf[i] != 'G' {
				continue
			}
			if _, ok := parseHeader(buf[i:n]); ok {
				return at + int64(i), nil
			}
		}
		if n < len(buf) {
			break
		}
		at += int64(n - headerSize + 1)
	}
	return -1, nil
}

// openJournal finds what is on disk of a journal.
func openJournal(s *Set, name string) (*Journal, error) {
	j := &Journal{set: s, name: name, dir: filepath.Join(s.dir, name), next: 1}
	files, err := os.ReadDir(j.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	for _, file := range files {
		seg, ok := parseSegment(file.Name())
		if !ok || file.IsDir() {
			continue
		}
		info, err := file.Info()
		if err != nil {
			return nil, fmt.Errorf("open journal: %w", err)
		}
		if seg.size = info.Size(); seg.size == 0 && !seg.closed {
			j.next = max(j.next, seg.first) // see keepNumber
			continue
		}
		j.segs = append(j.segs, seg)
	}
	slices.SortFunc(j.segs, func(a, b segment) int { return cmp.Compare(a.first, b.first) })
	if n := len(j.segs); n > 0 {
		if err := j.recover(&j.segs[n-1]); err != nil {
			return nil, fmt.Errorf("open journal: %w", err)
		}
		if j.segs[n-1].size == 0 {
			j.segs = j.segs[:n-1]
		}
	}
	return j, j.readTail()
}

// recover finds out what is in the last segment, and cuts off what was not
// written whole.
func (j *Journal) recover(s *segment) error {
	f, err := os.OpenFile(filepath.Join(j.dir, s.name()), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // what was cut is found again at the next start
	size := s.size
	s.size = 0
	var last header
	var lastAt int64
	end, damaged, err := walk(f, size, func(h *header, at int64) bool {
		s.widen(h.min, h.max)
		s.size = at
		last, lastAt = *h, at
		j.next = max(j.next, h.first+uint64(h.count))
		return true
	})
	if err != nil {
		return err
	}
	s.size = end
	if last.count > 0 && !s.closed {
		// Only the end of a file can be half written.
		payload := make([]byte, last.payload)
		if _, err := f.ReadAt(payload, lastAt); err != nil {
			return err
		}
		if _, _, err := last.decode(payload, nil); err != nil {
			end, damaged = lastAt-headerSize, damaged+1
			s.size, j.next = end, last.first
		}
	}
	if damaged > 0 {
		j.set.damaged.Add(uint64(damaged))
		j.set.opt.Log.Warn("journal was not written whole, or is damaged: what can be read is kept", "journal", j.name, "segment", s.name(), "bytes", size-end)
	}
	if end < size && !s.closed {
		return f.Truncate(end)
	}
	s.size = size
	if !s.closed {
		s.size = end
	}
	return nil
}

// readTail takes the entries that did not fill a block back into memory.
func (j *Journal) readTail() error {
	b, err := os.ReadFile(filepath.Join(j.dir, tailName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	whole := 0
	for len(b) > whole {
		h, ok := parseHeader(b[whole:])
		if !ok || len(b)-whole-headerSize < h.payload {
			break
		}
		part, _, err := h.decode(b[whole+headerSize:whole+headerSize+h.payload], nil)
		if err != nil {
			break
		}
		whole += headerSize + h.payload
		err = part.each(func(e *Entry) bool {
			if e.Seq < j.next {
				return true // its block was written, but the tail not emptied
			}
			if e.Seq > j.next {
				j.next = e.Seq // what lies between was lost with a damaged block
				j.cutLocked()
			}
			j.putLocked(e)
			return true
		})
		if err != nil {
			break
		}
	}
	if j.open != nil {
		// What is in memory is in the file, and what the file has besides is older.
		j.tailed = j.open.mark()
		j.set.waiting.Add(-int64(j.open.size()))
		j.dirty = true
		j.set.dirty = append(j.set.dirty, j)
	}
	j.taken = 0 // they were taken by a process before
	j.tail = int64(whole)
	if whole < len(b) {
		return os.Truncate(filepath.Join(j.dir, tailName), int64(whole))
	}
	return nil
}
