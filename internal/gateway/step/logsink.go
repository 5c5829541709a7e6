package step

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/gateway"
)

// A LogSink takes lines from any number of goroutines and writes them to one
// place. Taking never waits for the place: lines that do not fit any more are
// dropped and counted.
//
// Lines are copied into one of several shards, so that processors seldom meet
// at one lock; lines of the same moment may change their order. The writing
// goroutine takes a shard's buffer whole and leaves it an empty one.
type LogSink struct {
	open   func() (io.WriteCloser, error)
	shards []sinkShard
	size   int
	flush  time.Duration
	some   chan struct{} // a buffer is not empty any more
	full   chan struct{} // a buffer is half full
	reopen atomic.Bool

	lines   atomic.Uint64
	dropped atomic.Uint64

	spare []byte // of the writing goroutine
}

type sinkShard struct {
	mu  sync.Mutex // guards the field below; held for a copy only
	buf []byte
	_   [64]byte // shards do not share a cache line
}

// LogOptions bounds a LogSink. Zero fields take the defaults in the comments.
type LogOptions struct {
	Buffer int           // bytes of lines that wait to be written, in all; 1 MiB
	Flush  time.Duration // how long a line may wait; 100 ms
}

// mostShards bounds the shards; more processors than this share them.
const mostShards = 8

// NewLogSink makes a sink that writes to what open opens, once Run runs.
func NewLogSink(open func() (io.WriteCloser, error), opt LogOptions) *LogSink {
	if opt.Buffer == 0 {
		opt.Buffer = 1 << 20
	}
	if opt.Flush == 0 {
		opt.Flush = 100 * time.Millisecond
	}
	n := 1
	for 2*n < runtime.GOMAXPROCS(0) && n < mostShards {
		n *= 2
	}
	return &LogSink{
		open:   open,
		shards: make([]sinkShard, n),
		size:   opt.Buffer / n,
		flush:  opt.Flush,
		some:   make(chan struct{}, 1),
		full:   make(chan struct{}, 1),
	}
}

// File opens a file to append to, for NewLogSink.
func File(path string) func() (io.WriteCloser, error) {
	return func() (io.WriteCloser, error) {
		return os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	}
}

// Stdout opens the standard output, for NewLogSink.
func Stdout() (io.WriteCloser, error) { return stdout{}, nil }

type stdout struct{}

func (stdout) Write(b []byte) (int, error) { return os.Stdout.Write(b) }
func (stdout) Close() error                { return nil }

// Write takes a line, its newline included. It keeps nothing of it.
func (s *LogSink) Write(_ time.Time, line []byte) {
	sh := &s.shards[0]
	if n := uint32(len(s.shards)); n > 1 {
		sh = &s.shards[rand.Uint32()&(n-1)]
	}
	sh.mu.Lock()
	before := len(sh.buf)
	after := before + len(line)
	if after > s.size {
		sh.mu.Unlock()
		s.dropped.Add(1)
		return
	}
	sh.buf = append(sh.buf, line...)
	sh.mu.Unlock()
	if before == 0 {
		nudge(s.some)
	}
	if half := s.size / 2; before < half && after >= half {
		nudge(s.full)
	}
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Lines returns how many lines were written.
func (s *LogSink) Lines() uint64 { return s.lines.Load() }

// Dropped returns how many lines were lost: there was no room for them, or
// writing them failed.
func (s *LogSink) Dropped() uint64 { return s.dropped.Load() }

// Reopen closes and opens the place anew before the next lines are written: the
// file was moved away.
func (s *LogSink) Reopen() {
	s.reopen.Store(true)
	nudge(s.some)
}

// Run writes lines until ctx ends, then those that are left. It fails only if
// the place cannot be opened at the beginning; later it is tried again with
// every flush.
func (s *LogSink) Run(ctx context.Context) error {
	w, err := s.open()
	if err != nil {
		return fmt.Errorf("open access log: %w", err)
	}
	timer := time.NewTimer(s.flush)
	defer timer.Stop()
	for last := false; !last; {
		last = ctx.Err() != nil
		select {
		case <-ctx.Done():
		case <-s.some:
		}
		timer.Reset(s.flush)
		select {
		case <-ctx.Done():
		case <-s.full:
		case <-timer.C:
		}
		if w == nil || s.reopen.Swap(false) {
			w = s.openAgain(w)
		}
		w = s.drain(w)
	}
	if w == nil {
		return nil
	}
	return w.Close()
}

func (s *LogSink) openAgain(w io.WriteCloser) io.WriteCloser {
	if w != nil {
		_ = w.Close() // a new one takes its place whatever happens
	}
	w, err := s.open()
	if err != nil {
		return nil
	}
	return w
}

// drain writes what all shards hold. It returns nil instead of w when w cannot
// be written to.
func (s *LogSink) drain(w io.WriteCloser) io.WriteCloser {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		b := sh.buf
		sh.buf = s.spare[:0]
		sh.mu.Unlock()
		if len(b) > 0 {
			w = s.put(w, b)
		}
		s.spare = b
	}
	return w
}

func (s *LogSink) put(w io.WriteCloser, b []byte) io.WriteCloser {
	n := 0
	if w != nil {
		var err error
		n, err = w.Write(b)
		if err != nil {
			_ = w.Close() // the write's error says it all
			w = nil
		}
	}
	s.lines.Add(uint64(bytes.Count(b[:n], newline)))
	s.dropped.Add(uint64(bytes.Count(b[n:], newline)))
	return w
}

var newline = []byte{'\n'}

var _ gateway.Sink = (*LogSink)(nil)
