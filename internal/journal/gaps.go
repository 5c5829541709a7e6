package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// A Gap is a range of numbers between entries that there are.
type Gap struct{ First, Last uint64 }

// Gaps returns the numbers of which there are no entries between the oldest and the
// newest: files were taken away or cut, or are damaged where a block begins. It
// reads no more than where blocks begin; [Verify] reads all. Nothing may be written
// meanwhile.
func (j *Journal) Gaps() ([]Gap, error) {
	j.mu.Lock()
	segs, memory := slices.Clone(j.segs), slices.Clone(j.queue)
	if j.open != nil {
		memory = append(memory, j.open)
	}
	j.mu.Unlock()
	var gaps []Gap
	var next uint64
	blockOf := func(first uint64, count int) {
		if next > 0 && first > next {
			gaps = append(gaps, Gap{next, first - 1})
		}
		next = max(next, first+uint64(count))
	}
	for i := range segs {
		if err := j.heads(&segs[i], func(h *header) { blockOf(h.first, h.count) }); err != nil {
			return nil, fmt.Errorf("look at journal: %w", err)
		}
	}
	for _, b := range memory {
		blockOf(b.first, b.count)
	}
	return gaps, nil
}

// heads calls visit with the header of each block of a segment.
func (j *Journal) heads(s *segment, visit func(h *header)) error {
	f, err := os.Open(filepath.Join(j.dir, s.name()))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	_, _, err = walk(f, s.size, func(h *header, _ int64) bool { visit(h); return true })
	return err
}
