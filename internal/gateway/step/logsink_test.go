package step_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/gateway/step"
)

// place is what a sink writes to.
type place struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	fail  error
	block chan struct{} // not nil: writes wait until it is closed
	opens int
}

func (p *place) open() (io.WriteCloser, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opens++
	return p, nil
}

func (p *place) Write(b []byte) (int, error) {
	if p.block != nil {
		<-p.block
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return 0, p.fail
	}
	return p.buf.Write(b)
}

func (p *place) Close() error { return nil }

func (p *place) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.String()
}

// run runs a sink within a synctest bubble and returns what ends it.
func run(t *testing.T, s *step.LogSink) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// newSink makes a sink as on a machine with one processor: there the order of lines
// and the room for them are certain.
func newSink(open func() (io.WriteCloser, error), opt step.LogOptions) *step.LogSink {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	return step.NewLogSink(open, opt)
}

func TestLogSinkFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(place)
		s := newSink(p.open, step.LogOptions{Flush: time.Second})
		stop := run(t, s)
		s.Write(time.Time{}, []byte("one\n"))
		s.Write(time.Time{}, []byte("two\n"))
		time.Sleep(900 * time.Millisecond)
		if got := p.String(); got != "" {
			t.Errorf("%q was written before its time", got)
		}
		time.Sleep(200 * time.Millisecond)
		if got := p.String(); got != "one\ntwo\n" {
			t.Errorf("got %q, want both lines", got)
		}
		s.Write(time.Time{}, []byte("three\n"))
		stop() // what is left is written at the end
		if got := p.String(); got != "one\ntwo\nthree\n" || s.Lines() != 3 || s.Dropped() != 0 {
			t.Errorf("got %q, %d lines, %d dropped", got, s.Lines(), s.Dropped())
		}
	})
}

// TestLogSinkHalfFull: a busy sink does not wait for its time.
func TestLogSinkHalfFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(place)
		s := newSink(p.open, step.LogOptions{Buffer: 1000, Flush: time.Hour})
		stop := run(t, s)
		for range 60 {
			s.Write(time.Time{}, []byte("123456789\n"))
		}
		synctest.Wait()
		// What came while the first half was written may wait for the second.
		if got := len(p.String()); got < 500 {
			t.Errorf("%d bytes written, want 500 or more without a wait", got)
		}
		stop()
		if got := len(p.String()); got != 600 {
			t.Errorf("%d bytes written in the end, want 600", got)
		}
	})
}

// TestLogSinkDrops: a place that takes nothing costs lines, not time.
func TestLogSinkDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{block: make(chan struct{})}
		s := newSink(p.open, step.LogOptions{Buffer: 100, Flush: time.Millisecond})
		stop := run(t, s)
		s.Write(time.Time{}, []byte("123456789\n"))
		time.Sleep(time.Second) // now the writer hangs
		for range 20 {
			s.Write(time.Time{}, []byte("123456789\n"))
		}
		s.Write(time.Time{}, []byte(strings.Repeat("x", 101)))
		close(p.block)
		stop()
		if s.Lines() != 11 || s.Dropped() != 11 || len(p.String()) != 110 {
			t.Errorf("%d lines written, %d dropped, %d bytes; want 11, 11, 110", s.Lines(), s.Dropped(), len(p.String()))
		}
	})
}

// TestLogSinkRecovers: a place that fails is opened again.
func TestLogSinkRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{fail: errors.New("disk full")}
		s := newSink(p.open, step.LogOptions{})
		stop := run(t, s)
		s.Write(time.Time{}, []byte("lost\n"))
		time.Sleep(time.Second)
		p.mu.Lock()
		p.fail = nil
		p.mu.Unlock()
		s.Write(time.Time{}, []byte("kept\n"))
		stop()
		if got := p.String(); got != "kept\n" || s.Dropped() != 1 || p.opens != 2 {
			t.Errorf("got %q, %d dropped, opened %d times; want one line, 1, 2", got, s.Dropped(), p.opens)
		}
	})
}

func TestLogSinkReopen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "access.log")
	synctest.Test(t, func(t *testing.T) {
		s := newSink(step.File(path), step.LogOptions{})
		stop := run(t, s)
		s.Write(time.Time{}, []byte("one\n"))
		time.Sleep(time.Second)
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		s.Reopen()
		time.Sleep(time.Second)
		s.Write(time.Time{}, []byte("two\n"))
		stop()
	})
	for name, want := range map[string]string{path + ".1": "one\n", path: "two\n"} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v; want %q", filepath.Base(name), got, err, want)
		}
	}
	s := step.NewLogSink(step.File(filepath.Join(dir, "no", "such")), step.LogOptions{})
	if err := s.Run(context.Background()); err == nil {
		t.Error("a file that cannot be opened: no error")
	}
}

// TestLogSinkTogether writes from many goroutines: every line is whole, and
// written or counted.
func TestLogSinkTogether(t *testing.T) {
	p := new(place)
	s := step.NewLogSink(p.open, step.LogOptions{Buffer: 4000, Flush: time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				s.Write(time.Time{}, fmt.Appendf(nil, "<%d %04d>\n", g, i))
			}
		})
	}
	wg.Wait()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(p.String(), "\n"), "\n")
	for _, l := range got {
		if len(l) != 8 || l[0] != '<' || l[7] != '>' {
			t.Fatalf("line %q is torn", l)
		}
	}
	if uint64(len(got)) != s.Lines() || s.Lines()+s.Dropped() != 8000 {
		t.Errorf("%d lines there, %d written, %d dropped; want 8000 in all", len(got), s.Lines(), s.Dropped())
	}
}
