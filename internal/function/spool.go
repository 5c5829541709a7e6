package function

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// A spool keeps accepted events in files, one each, until they have ended: a
// host that is killed finds them again. It does not wait for the disk, so that
// a machine that loses power may lose the last ones.
type spool struct {
	dir string // empty: nothing is kept
	log *slog.Logger

	mu   sync.RWMutex // guards the field below; held for reading while a file is written
	held bool         // new events are for the next host
}

// A spooled event is an event as it is written.
type spooled struct {
	Function, ClientContext, TraceID, RequestID, Version string
	Payload                                              []byte
	Queued                                               time.Time
	Attempts                                             int
}

const (
	spoolEnding = ".event"
	spoolHeld   = ".held" // of an event for the next host
	spoolBegun  = ".new"  // of a file that is being written
)

// open makes the directory and returns the events in it. Alone: no other host holds
// events still.
func (s *spool) open(dir string, log *slog.Logger, alone bool) ([]*event, error) {
	s.dir, s.log = dir, log
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	s.sweep(files, spoolEnding)
	if alone {
		s.sweep(files, spoolHeld)
	}
	held, err := s.take()
	if err != nil {
		return held, err
	}
	var list []*event
	for _, f := range files {
		if strings.HasSuffix(f.Name(), spoolEnding) {
			list = s.add(list, filepath.Join(dir, f.Name()))
		}
	}
	return append(list, held...), nil
}

// sweep removes what a host that was killed had begun to write of events: they were
// never accepted.
func (s *spool) sweep(files []os.DirEntry, ending string) {
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ending+spoolBegun) {
			_ = os.Remove(filepath.Join(s.dir, f.Name()))
		}
	}
}

// adopt takes the events that another host has held, which has ended.
func (s *spool) adopt() ([]*event, error) {
	if err := s.sweepHeld(); err != nil {
		return nil, err
	}
	return s.take()
}

// sweepHeld is sweep for events that another host was to hold, unless this one holds
// some by now.
func (s *spool) sweepHeld() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held {
		return nil
	}
	files, err := os.ReadDir(s.dir)
	s.sweep(files, spoolHeld)
	return err
}

// take returns the events that another host has held, which from now on are this
// one's.
func (s *spool) take() ([]*event, error) {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var list []*event
	for _, f := range files {
		name, held := strings.CutSuffix(f.Name(), spoolHeld)
		if !held {
			continue
		}
		own := filepath.Join(s.dir, name+spoolEnding)
		if err := os.Rename(filepath.Join(s.dir, f.Name()), own); err != nil {
			return list, err
		}
		list = s.add(list, own)
	}
	return list, nil
}

// hold keeps new events for the next host from now on. When it returns, all that
// are not for that one are written.
func (s *spool) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
}

// add adds the event in a file, if it can be read.
func (s *spool) add(list []*event, path string) []*event {
	e, err := readEvent(path)
	if err != nil {
		s.log.Warn("asynchronous invocation cannot be read, and is left alone", "file", path, "error", err)
		return list
	}
	return append(list, e)
}

func readEvent(path string) (*event, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r spooled
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, err
	}
	return &event{
		in:      &Invocation{Function: r.Function, ClientContext: r.ClientContext, TraceID: r.TraceID, RequestID: r.RequestID, Payload: r.Payload},
		version: r.Version, queued: r.Queued, due: time.Now(), attempts: r.Attempts, file: path, found: true,
	}, nil
}

// keep writes an event, for the first time or with its new count of attempts.
func (s *spool) keep(e *event) error {
	if s.dir == "" {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e.file == "" {
		ending := spoolEnding
		if s.held {
			ending = spoolHeld
		}
		e.file = filepath.Join(s.dir, randomID()+ending)
	}
	b, err := json.Marshal(&spooled{e.in.Function, e.in.ClientContext, e.in.TraceID, e.in.RequestID, e.version, e.in.Payload, e.queued, e.attempts})
	if err == nil {
		err = os.WriteFile(e.file+spoolBegun, b, 0o600)
	}
	if err == nil {
		err = os.Rename(e.file+spoolBegun, e.file)
	}
	if err != nil {
		_ = os.Remove(e.file + spoolBegun) // the disk may be full
		return fmt.Errorf("keep asynchronous invocation: %w", err)
	}
	return nil
}

// drop removes the file of an event that has ended.
func (s *spool) drop(e *event) {
	if e.file == "" {
		return
	}
	if err := os.Remove(e.file); err != nil {
		s.log.Warn("asynchronous invocation has ended but stays written, and will be made again", "file", e.file, "error", err)
	}
}
