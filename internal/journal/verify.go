package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// A Verdict is what Verify found in the files of a journal.
type Verdict struct {
	Entries     uint64
	First, Last uint64   // their numbers
	Faults      []string // what is damaged or missing, a line each; at most mostFaults
	More        int      // faults that are not told
}

// mostFaults bounds the faults that are told.
const mostFaults = 100

func (v *Verdict) fault(format string, args ...any) {
	if len(v.Faults) >= mostFaults {
		v.More++
		return
	}
	v.Faults = append(v.Faults, fmt.Sprintf(format, args...))
}

// Verify reads all of a journal's directory, changes nothing there, and calls each
// for every entry in the order of their numbers. Blocks have checksums, and
// numbers follow one another: what was changed, cut out or lost is told. That the
// oldest entries are gone is not a fault: they grow too old. Of a journal that is
// written meanwhile the newest entries may be missed.
func Verify(dir string, each func(e *Entry) error) (Verdict, error) {
	var v Verdict
	files, err := os.ReadDir(dir)
	if err != nil {
		return v, fmt.Errorf("verify journal: %w", err)
	}
	var segs []segment
	for _, file := range files {
		if seg, ok := parseSegment(file.Name()); ok && !file.IsDir() {
			segs = append(segs, seg)
		} else if file.Name() != tailName {
			v.fault("%s does not belong there", file.Name())
		}
	}
	slices.SortFunc(segs, func(a, b segment) int { return cmp.Compare(a.first, b.first) })
	for i := range segs {
		if err := v.readSegment(dir, &segs[i], i+1 == len(segs), each); err != nil {
			return v, err
		}
	}
	return v, v.readTail(dir, each)
}

// readSegment verifies one segment.
func (v *Verdict) readSegment(dir string, s *segment, newest bool, each func(e *Entry) error) error {
	f, err := os.Open(filepath.Join(dir, s.name()))
	if err != nil {
		return fmt.Errorf("verify journal: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("verify journal: %w", err)
	}
	if !s.closed && !newest {
		v.fault("%s was not closed, although it is not the newest", s.name())
	}
	var failed error
	end, damaged, err := walk(f, info.Size(), func(h *header, at int64) bool {
		payload := make([]byte, h.payload)
		if _, failed = f.ReadAt(payload, at); failed != nil {
			return false
		}
		b, _, err := h.decode(payload, nil)
		if err != nil {
			v.fault("%s: the block of the entries %d to %d is damaged", s.name(), h.first, h.first+uint64(h.count)-1)
			v.Last = max(v.Last, h.first+uint64(h.count)-1) // told once
			return true
		}
		failed = v.read(s.name(), &b, each)
		return failed == nil
	})
	if err := cmp.Or(failed, err); err != nil {
		return fmt.Errorf("verify journal: %s: %w", s.name(), err)
	}
	// What follows the last block of the newest segment was not written whole, and
	// never answered for.
	if damaged > 0 && (s.closed || end < info.Size() && !newest) {
		v.fault("%s: %d places hold no block", s.name(), damaged)
	}
	return nil
}

// read takes the entries of a block.
func (v *Verdict) read(name string, b *batch, each func(e *Entry) error) error {
	if v.Last > 0 && b.first > v.Last+1 {
		v.fault("the entries %d to %d before %s are missing", v.Last+1, b.first-1, name)
	}
	var failed error
	err := b.each(func(e *Entry) bool {
		if e.Seq <= v.Last {
			return true // the tail has what is in a block too
		}
		if v.First == 0 {
			v.First = e.Seq
		}
		v.Last = e.Seq
		v.Entries++
		failed = each(e)
		return failed == nil
	})
	if err != nil {
		v.fault("%s: a block is not what its header says", name)
	}
	return failed
}

// readTail verifies what does not fill a block yet.
func (v *Verdict) readTail(dir string, each func(e *Entry) error) error {
	b, err := os.ReadFile(filepath.Join(dir, tailName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("verify journal: %w", err)
	}
	for len(b) > 0 {
		h, ok := parseHeader(b)
		if !ok || len(b)-headerSize < h.payload {
			return nil // it was not written whole
		}
		part, _, err := h.decode(b[headerSize:headerSize+h.payload], nil)
		if err != nil {
			v.fault("%s: the entries from %d on are damaged", tailName, h.first)
			return nil
		}
		if err := v.read(tailName, &part, each); err != nil {
			return err
		}
		b = b[headerSize+h.payload:]
	}
	return nil
}
