// Package journal keeps entries in the order in which they came: lines of logs,
// events of audits. It is append only, compressed, bounded by age and by size.
//
// A [Set] is a directory of journals with one writer and one bound; a [Journal]
// is one sequence of entries. Append copies an entry into memory and never
// waits for the disk: what finds no room is dropped and counted. Write waits
// until its entries are written. Select reads entries in order of their time,
// Follow in the order in which they came.
//
// On disk a journal is a directory of segments, each a sequence of blocks of some
// 256 KiB before compression; a block has a checksum, the range of its times and
// a hint of its sources. Entries that do not fill a block yet stand, as they are,
// in a file beside the segments, so that a process that is killed loses no more
// than what it has appended in the last [Options.Flush]. A damaged block is
// passed over, counted, and costs no other block.
//
// A journal knows nothing of log groups, streams or accounts.
package journal

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// MaxText bounds the text of an entry.
const MaxText = 1 << 20

// Conditions that callers act on.
var (
	// ErrFull means that there is no room for more entries: the disk is too slow,
	// or it is full.
	ErrFull = errors.New("journal has no room for more entries")
	// ErrRemoved means that the journal was removed.
	ErrRemoved = errors.New("journal was removed")
	// ErrLost means that files were removed or cut while the journal was open, and
	// that Options.Whole forbids to begin anew.
	ErrLost = errors.New("files of the journal were removed or cut by somebody else")
	// ErrTooLong means that the text of an entry is longer than MaxText.
	ErrTooLong = errors.New("entry is too long for the journal")
)

// An Entry is one thing that is kept. Times are milliseconds since 1970.
type Entry struct {
	Time   int64  // when it happened, as the writer says
	Stored int64  // when it was appended; 0: now
	Seq    uint64 // its number in the journal, from 1; set by the journal
	Source uint32 // who wrote it, by a number that the owner of the journal gives
	Text   []byte
}

// Options bounds a Set. Zero fields take the defaults in the comments.
type Options struct {
	MaxBytes int64         // on disk, all journals together; beyond it the oldest segments go; 4 GiB
	Segment  int64         // size at which a segment is closed; 32 MiB
	Block    int           // bytes of entries in a block, before compression; 256 KiB
	Queue    int           // bytes of entries of one journal that wait for the disk; 8 MiB
	Waiting  int64         // the same of all journals together; 64 MiB
	Flush    time.Duration // how long an appended entry may be in memory only; 200 ms
	Fsync    bool          // Write waits until the disk has it, not only the kernel
	Whole    bool          // where files are taken away from an open journal, writing fails; else it begins new ones
	Log      *slog.Logger
}

func (o *Options) setDefaults() {
	if o.MaxBytes == 0 {
		o.MaxBytes = 4 << 30
	}
	if o.Segment == 0 {
		o.Segment = 32 << 20
	}
	if o.Block == 0 {
		o.Block = 256 << 10
	}
	if o.Queue == 0 {
		o.Queue = 8 << 20
	}
	if o.Waiting == 0 {
		o.Waiting = 64 << 20
	}
	if o.Flush == 0 {
		o.Flush = 200 * time.Millisecond
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// A Set is a directory of journals.
type Set struct {
	dir string
	opt Options

	nudge   chan struct{} // something waits that should not wait for the tick
	block   atomic.Int64  // size of a block, before compression
	waiting atomic.Int64  // bytes of entries that are in no file, of all journals
	dropped atomic.Uint64
	rooms   sync.Pool     // of *room
	damaged atomic.Uint64 // blocks that were found damaged

	mu       sync.Mutex // guards the fields below; never held while writing; locked before a journal's
	journals map[string]*Journal
	dirty    []*Journal // have entries that are not on disk
	taken    uint64     // entries of journals that were removed
	failing  bool       // the last write failed, and the operator was told
}

// NewSet makes the set of the journals below dir, which is made when needed.
// Until [Set.Run] runs, entries stay in memory.
func NewSet(dir string, opt Options) *Set {
	opt.setDefaults()
	s := &Set{dir: dir, opt: opt, nudge: make(chan struct{}, 1), journals: map[string]*Journal{}}
	s.block.Store(int64(opt.Block))
	return s
}

// Stats counts what happened to the entries of a Set since it was made.
type Stats struct {
	Entries uint64 // taken
	Dropped uint64 // lost for want of room
	Damaged uint64 // blocks that could not be read
	Bytes   int64  // on disk
}

// Stats returns the counts.
func (s *Set) Stats() Stats {
	st := Stats{Dropped: s.dropped.Load(), Damaged: s.damaged.Load()}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Entries = s.taken
	for _, j := range s.journals {
		st.Bytes += j.Bytes()
		st.Entries += j.entries()
	}
	return st
}

// Open returns the journal of a name, which may have slashes: what is on disk
// of it, or an empty one. All who open the same name get the same journal.
func (s *Set) Open(name string) (*Journal, error) {
	if !filepath.IsLocal(name) || strings.ContainsRune(name, 0) {
		return nil, errors.New("journal: bad name " + name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.journals[name]; j != nil {
		return j, nil
	}
	j, err := openJournal(s, name)
	if err != nil {
		return nil, err
	}
	s.journals[name] = j
	return j, nil
}

// A Journal is one sequence of entries. Its methods may be called from many
// goroutines.
type Journal struct {
	set  *Set
	name string
	dir  string

	io      sync.Mutex // held while files are written; locked before mu
	tail    int64      // guarded by io: size of the tail file
	tailed  mark       // guarded by io: how much of the open batch is in the tail file
	mu      sync.Mutex // guards the fields below; never held while writing
	next    uint64     // number of the next entry
	taken   uint64     // entries, since the journal was opened
	queue   []*batch   // full, not written yet; oldest first
	open    *batch     // takes entries; nil: none yet
	spare   *batch     // memory for the next one; nil: none
	segs    []segment  // oldest first; the last may be open
	maxAge  time.Duration
	ticked  uint64 // first number of the block that was open at the last tick
	dirty   bool   // in the set's list
	idle    int    // ticks since the last entry
	removed bool
	failed  error         // of the last attempt to write; nil: it went well
	woken   chan struct{} // closed when entries were appended; nil: nobody waits
}

// SetMaxAge sets how old entries may grow: what is older is not selected, and its
// segment removed; 0: there is no bound.
func (j *Journal) SetMaxAge(d time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.maxAge = d
}

func (j *Journal) age() time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.maxAge
}

// Bytes returns what the journal takes on disk, without what does not fill a
// block yet.
func (j *Journal) Bytes() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	var n int64
	for i := range j.segs {
		n += j.segs[i].size
	}
	return n
}

// entries returns how many entries were taken since the journal was opened.
func (j *Journal) entries() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.taken
}

// Err returns why the last attempt to write what was appended failed; nil: it did
// not.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failed
}

// Last returns the number of the newest entry; 0: there was none.
func (j *Journal) Last() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next - 1
}

// Empty reports whether the journal has no entries.
func (j *Journal) Empty() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.segs) == 0 && len(j.queue) == 0 && (j.open == nil || j.open.count == 0)
}

// Oldest returns the least time of the entries in segments; false: there are
// none.
func (j *Journal) Oldest() (int64, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.segs) == 0 {
		return 0, false
	}
	least := j.segs[0].min
	for i := range j.segs {
		least = min(least, j.segs[i].min)
	}
	return least, true
}
