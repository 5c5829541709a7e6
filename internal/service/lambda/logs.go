package lambda

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gatehouse/internal/function"
	"gatehouse/internal/record"
)

// Bounds of the log of one function: its file, and the one before it. What is
// older is forgotten.
const (
	maxLogFile   = 8 << 20
	maxOpenLogs  = 256 // files; others are opened anew at their next line
	logFlushTime = 200 * time.Millisecond
	logBuffer    = 32 << 10
)

// Logs keeps what functions write in files, one of each function:
// ROOT/ACCOUNT/REGION/NAME.log. A line is a time, a tab, and the text.
type Logs struct {
	root string
	log  *slog.Logger

	mu    sync.Mutex // guards the field below
	files map[string]*logFile
}

// NewLogs returns logs below a directory.
func NewLogs(root string, log *slog.Logger) *Logs {
	return &Logs{root: root, log: log, files: map[string]*logFile{}}
}

// LogFile is where the log of a function stands below root.
func LogFile(root string, s record.Scope, name string) string {
	return filepath.Join(root, s.Account, s.Region, name+".log")
}

// Of returns what takes the lines of a function.
func (l *Logs) Of(s record.Scope, name string) func(function.Line) {
	path := LogFile(l.root, s, name)
	return func(line function.Line) {
		f := l.file(path)
		if err := f.write(line); err != nil && f.complain() {
			l.log.Error("log of a function not written", "file", path, "error", err)
		}
	}
}

// file returns the file at path, which may be closed.
func (l *Logs) file(path string) *logFile {
	f, drop := l.lookup(path)
	if drop != nil {
		_ = drop.close() // its lines are lost at worst
	}
	return f
}

// lookup returns the file at path, and one that has to be closed for it.
func (l *Logs) lookup(path string) (f, drop *logFile) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f = l.files[path]; f != nil {
		return f, nil
	}
	if len(l.files) >= maxOpenLogs {
		for other, g := range l.files { // any one
			drop = g
			delete(l.files, other)
			break
		}
	}
	f = &logFile{path: path}
	l.files[path] = f
	return f, drop
}

// Run writes out what is buffered until ctx ends.
func (l *Logs) Run(ctx context.Context) error {
	tick := time.NewTicker(logFlushTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return l.each((*logFile).close)
		case <-tick.C:
			if err := l.each((*logFile).flush); err != nil {
				l.log.Error("logs of functions not written", "error", err)
			}
		}
	}
}

// each calls do for all files.
func (l *Logs) each(do func(*logFile) error) error {
	l.mu.Lock()
	list := make([]*logFile, 0, len(l.files))
	for _, f := range l.files {
		list = append(list, f)
	}
	l.mu.Unlock()
	var errs []error
	for _, f := range list {
		errs = append(errs, do(f))
	}
	return errors.Join(errs...)
}

// A logFile is one function's log.
type logFile struct {
	path string

	mu      sync.Mutex // guards the fields below; held while writing to a buffered file
	f       *os.File   // nil: closed
	w       *bufio.Writer
	size    int64
	dirty   bool
	failing bool
}

// write appends a line.
func (lf *logFile) write(line function.Line) error {
	lf.mu.Lock()
	defer lf.mu.Unlock()
	if lf.f == nil || lf.size > maxLogFile {
		if err := lf.openLocked(); err != nil {
			return err
		}
	}
	b := line.Time.UTC().AppendFormat(lf.w.AvailableBuffer(), "2006-01-02T15:04:05.000Z\t")
	b = append(append(b, line.Text...), '\n')
	lf.size += int64(len(b))
	lf.dirty = true
	_, err := lf.w.Write(b)
	if err == nil {
		lf.failing = false
	}
	return err
}

// openLocked opens the file, and puts a full one aside.
func (lf *logFile) openLocked() error {
	if lf.f != nil {
		if err := lf.closeLocked(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(lf.path), 0o700); err != nil {
		return err
	}
	if info, err := os.Stat(lf.path); err == nil && info.Size() > maxLogFile {
		if err := os.Rename(lf.path, lf.path+".1"); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(lf.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	lf.f, lf.size, lf.w = f, info.Size(), bufio.NewWriterSize(f, logBuffer)
	return nil
}

func (lf *logFile) flush() error {
	lf.mu.Lock()
	defer lf.mu.Unlock()
	if !lf.dirty || lf.f == nil {
		return nil
	}
	lf.dirty = false
	return lf.w.Flush()
}

func (lf *logFile) close() error {
	lf.mu.Lock()
	defer lf.mu.Unlock()
	return lf.closeLocked()
}

func (lf *logFile) closeLocked() error {
	if lf.f == nil {
		return nil
	}
	err := errors.Join(lf.w.Flush(), lf.f.Close())
	lf.f, lf.dirty = nil, false
	return err
}

// complain reports whether an error is the first since the last good line.
func (lf *logFile) complain() bool {
	lf.mu.Lock()
	defer lf.mu.Unlock()
	first := !lf.failing
	lf.failing = true
	return first
}
