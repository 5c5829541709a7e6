package logs

import (
	"time"

	"gatehouse/internal/journal"
)

// What deliveries pass on stands in a journal beside that of the group, while there
// are deliveries: its texts are not cut.
//
// AWS: rest-api-execution-logging: "Log events are truncated at 1 KB" is of the
// group that API Gateway makes, those of deliveries have up to 1 MB.

// wholeAge bounds how long a destination may fail before what it has missed is lost.
const wholeAge = 7 * 24 * time.Hour

// wholeName is the journal of what is delivered of a group: in the directory of the
// group, with which it goes.
func wholeName(l *live) string { return journalName(l.at.Scope, l.rec.ID) + "/whole" }

// openWhole opens what deliveries of a group follow, and has it written from here on.
func (s *Service) openWhole(l *live) (*live, error) {
	j, err := s.set.Open(wholeName(l))
	if err != nil {
		return nil, err
	}
	j.SetMaxAge(wholeAge)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groupLocked(l.at).whole.Store(j)
	return &live{at: l.at, rec: l.rec, journal: j}, nil
}

// dropWhole removes what nothing delivers any more.
func (s *Service) dropWhole(l *live) error {
	s.mu.Lock()
	was := s.groupLocked(l.at).whole.Swap(nil)
	s.mu.Unlock()
	if was == nil {
		return nil
	}
	return s.set.Remove(wholeName(l))
}

// Delivers reports whether deliveries follow the stream's group.
func (w *Stream) Delivers() bool { return w.group.whole.Load() != nil }

// WriteWhole adds an event as Write does, and gives deliveries of the group its whole
// text.
func (w *Stream) WriteWhole(at int64, text, whole []byte) bool {
	j := w.group.whole.Load()
	if j == nil {
		return w.Write(at, text)
	}
	if to := w.group.s.diverted.Load(); to != nil {
		return (*to)(w.group.at.Scope, w.group.at.name, w.name, at, text, whole)
	}
	j.Append(journal.Entry{Time: at, Text: whole}) // what finds no room is counted there
	return w.Write(at, text)
}
