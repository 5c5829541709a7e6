package logs

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"gatehouse/internal/journal"
)

// streams are the streams of a group: their names, and the numbers by which the
// journal knows them. They stand in a file of lines, each of which adds to those
// before it, so that a crash costs the last line at most.
type streams struct {
	file    string
	journal *journal.Journal

	mu     sync.Mutex // guards the fields below; held while the file is written
	byName map[string]*stream
	byNum  map[uint32]*stream
	next   uint32
	lines  int // in the file
	closed bool
}

// A stream is one of them.
type stream struct {
	number  uint32
	name    string
	created int64
	gone    atomic.Bool

	// Of its events; 0: there are none. Kept by whoever writes.
	first, last, stored atomic.Int64
	saved               int64 // stored, as the file has it; guarded by streams.mu
}

// saw takes note of an event.
func (st *stream) saw(at, stored int64) {
	if f := st.first.Load(); f == 0 || at < f {
		st.first.CompareAndSwap(f, at)
	}
	if l := st.last.Load(); at > l {
		st.last.CompareAndSwap(l, at)
	}
	if stored > st.stored.Load() {
		st.stored.Store(stored)
	}
}

// A streamLine is a line of the file.
type streamLine struct {
	Number  uint32 `json:"n"`
	Name    string `json:"name,omitempty"` // of one that is made
	Created int64  `json:"created,omitempty"`
	Gone    bool   `json:"gone,omitempty"`
	First   int64  `json:"first,omitempty"`
	Last    int64  `json:"last,omitempty"`
	Stored  int64  `json:"stored,omitempty"`
}

// maxStreams bounds the streams of a group. Those without events go first.
const maxStreams = 100_000

var errStreams = errors.New("log group has too many streams")

func openStreams(dir string, j *journal.Journal) (*streams, error) {
	s := &streams{file: filepath.Join(dir, "streams"), journal: j, byName: map[string]*stream{}, byNum: map[uint32]*stream{}, next: 1}
	b, err := os.ReadFile(s.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open log streams: %w", err)
	}
	for line := range bytes.Lines(b) {
		var l streamLine
		if json.Unmarshal(line, &l) == nil {
			s.apply(&l)
		}
		s.lines++
	}
	if len(b) > 0 && (b[len(b)-1] != '\n' || s.lines > 2*len(s.byName)+64) {
		return s, s.rewriteLocked()
	}
	return s, nil
}

// apply takes a line in.
func (s *streams) apply(l *streamLine) {
	s.next = max(s.next, l.Number+1)
	st := s.byNum[l.Number]
	switch {
	case l.Name != "":
		st = &stream{number: l.Number, name: l.Name, created: l.Created}
		s.byName[l.Name], s.byNum[l.Number] = st, st
	case st == nil:
		return
	case l.Gone:
		delete(s.byNum, l.Number)
		delete(s.byName, st.name)
		return
	}
	st.first.Store(cmp.Or(l.First, st.first.Load()))
	st.last.Store(cmp.Or(l.Last, st.last.Load()))
	st.stored.Store(cmp.Or(l.Stored, st.stored.Load()))
	st.saved = st.stored.Load()
}

// named returns the stream of a name, which is made if it must be.
func (s *streams) named(name string, make bool) (*stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.byName[name]; st != nil || !make {
		return st, nil
	}
	return s.makeLocked(name)
}

// create makes a stream; nil: there is one of that name.
func (s *streams) create(name string) (*stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byName[name] != nil {
		return nil, nil
	}
	return s.makeLocked(name)
}

func (s *streams) makeLocked(name string) (*stream, error) {
	if len(s.byName) >= maxStreams {
		if s.forgetLocked(); len(s.byName) >= maxStreams {
			return nil, errStreams
		}
	}
	l := streamLine{Number: s.next, Name: name, Created: now()}
	if err := s.appendLocked(&l); err != nil {
		return nil, err
	}
	s.apply(&l)
	return s.byName[name], nil
}

// remove takes a stream away; false: there is none. Its events are shown no more.
func (s *streams) remove(name string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.byName[name]
	if st == nil {
		return false, nil
	}
	l := streamLine{Number: st.number, Gone: true}
	if err := s.appendLocked(&l); err != nil {
		return true, err
	}
	s.apply(&l)
	st.gone.Store(true)
	return true, nil
}

// appendLocked writes lines.
func (s *streams) appendLocked(lines ...*streamLine) error {
	if s.closed {
		return journal.ErrRemoved
	}
	var b []byte
	for _, l := range lines {
		text, err := json.Marshal(l)
		if err != nil {
			return err
		}
		b = append(append(b, text...), '\n')
	}
	if err := os.MkdirAll(filepath.Dir(s.file), 0o700); err != nil {
		return fmt.Errorf("write log streams: %w", err)
	}
	f, err := os.OpenFile(s.file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("write log streams: %w", err)
	}
	size, err := f.Seek(0, 2)
	if err == nil && size == 0 && s.lines > 0 {
		// Somebody took the file away: the names of all streams belong into the new one.
		if err := f.Close(); err != nil {
			return fmt.Errorf("write log streams: %w", err)
		}
		for _, l := range lines {
			s.apply(l)
		}
		return s.rewriteLocked()
	}
	if err == nil {
		_, err = f.Write(b)
	}
	if err != nil {
		_ = f.Truncate(size) // half a line would be passed over in any case
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write log streams: %w", err)
	}
	s.lines += len(lines)
	return nil
}

// save writes down what has changed of the events of streams. What is lost of it
// in a crash is but the time of a last event.
func (s *streams) save() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []*streamLine
	for _, st := range s.byNum {
		if stored := st.stored.Load(); stored != st.saved {
			st.saved = stored
			lines = append(lines, &streamLine{Number: st.number, First: st.first.Load(), Last: st.last.Load(), Stored: stored})
		}
	}
	if len(lines) == 0 || s.closed {
		return
	}
	if s.lines+len(lines) > 8*len(s.byName)+1024 {
		s.forgetLocked()
		_ = s.rewriteLocked() // the old file stands
		return
	}
	_ = s.appendLocked(lines...) // the next time again
}

// forgetLocked forgets streams whose events have all grown too old.
func (s *streams) forgetLocked() {
	oldest, ok := s.journal.Oldest()
	if !ok {
		return
	}
	for _, st := range s.byNum {
		if last := st.last.Load(); last != 0 && last < oldest {
			st.gone.Store(true)
			s.apply(&streamLine{Number: st.number, Gone: true})
		}
	}
}

// rewriteLocked writes the file anew, with what is still true.
func (s *streams) rewriteLocked() error {
	temp := s.file + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write log streams: %w", err)
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	err = enc.Encode(&streamLine{Number: s.next - 1}) // numbers are not used twice
	lines := 1
	for _, st := range s.listLocked() {
		err = errors.Join(err, enc.Encode(&streamLine{Number: st.number, Name: st.name, Created: st.created,
			First: st.first.Load(), Last: st.last.Load(), Stored: st.stored.Load()}))
		lines++
	}
	if err := errors.Join(err, w.Flush(), f.Sync(), f.Close()); err != nil {
		_ = os.Remove(temp) // it is not used
		return fmt.Errorf("write log streams: %w", err)
	}
	if err := os.Rename(temp, s.file); err != nil {
		return fmt.Errorf("write log streams: %w", err)
	}
	s.lines = lines
	return nil
}

func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func (s *streams) listLocked() []*stream {
	list := make([]*stream, 0, len(s.byName))
	for _, st := range s.byName {
		list = append(list, st)
	}
	slices.SortFunc(list, func(a, b *stream) int { return cmp.Compare(a.name, b.name) })
	return list
}

// list returns all streams in the order of their names.
func (s *streams) list() []*stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listLocked()
}

// numbered returns the stream of a number; nil: it was deleted.
func (s *streams) numbered(n uint32) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byNum[n]
}
