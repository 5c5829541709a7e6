package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	api "gatehouse/internal/awsapi/logs"
	"gatehouse/internal/journal"
	"gatehouse/internal/record"
)

// Bounds of a batch of events.
//
// AWS: PutLogEvents.
const (
	maxBatch      = 1 << 20
	eventOverhead = 26
	oldestEvent   = 14 * 24 * time.Hour
	newestEvent   = 2 * time.Hour
	widestBatch   = 24 * time.Hour
)

// PutLogEvents adds events to a stream. When it answers they are written.
func (s *Service) PutLogEvents(ctx context.Context, in *api.PutLogEventsInput) (*api.PutLogEventsResponse, error) {
	l, err := s.find(ctx, *in.LogGroupName)
	if err != nil {
		return nil, err
	}
	st, _ := l.streams.named(*in.LogStreamName, false)
	if st == nil {
		return nil, errNoStream()
	}
	if err := checkBatch(in.LogEvents); err != nil {
		return nil, err
	}
	at := time.Now()
	events, rejected := sortOut(in.LogEvents, at, l.rec.Retention)
	if n := len(events); n > 0 {
		// AWS: only events that are accepted count.
		if time.Duration(*events[n-1].Timestamp-*events[0].Timestamp)*time.Millisecond > widestBatch {
			return nil, errInvalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
		}
		if err := l.write(st, events, at.UnixMilli()); err != nil {
			return nil, err
		}
	}
	return &api.PutLogEventsResponse{NextSequenceToken: new(sequenceToken(st)), RejectedLogEventsInfo: rejected}, nil
}

func (l *live) write(st *stream, events []api.InputLogEvent, stored int64) error {
	entries := make([]journal.Entry, len(events))
	for i, e := range events {
		entries[i] = journal.Entry{Time: *e.Timestamp, Source: st.number, Text: []byte(*e.Message)}
	}
	switch err := l.journal.Write(entries); {
	case errors.Is(err, journal.ErrRemoved):
		return errNoGroup()
	case err != nil:
		// AWS: ServiceUnavailableException, "The service cannot complete the request".
		// Where the files are is not the caller's business.
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		e := api.ServiceUnavailableException("The service cannot complete the request: " + err.Error())
		e.Status = 503
		return e
	}
	for i := range entries {
		st.saw(entries[i].Time, stored)
	}
	return nil
}

// CheckGroup returns nil if there is a group of a name.
func (s *Service) CheckGroup(ctx context.Context, scope record.Scope, group string) error {
	_, _, err := s.table(scope).Find(ctx, errNoGroup(), group)
	return err
}

// WriteEvents adds events, of which the times and the texts count, to a stream of a
// group, which is made if there is none. It returns when they are written.
func (s *Service) WriteEvents(ctx context.Context, scope record.Scope, group, stream string, events []journal.Entry) error {
	rec, _, err := s.table(scope).Find(ctx, errNoGroup(), group)
	if err != nil {
		return err
	}
	l, err := s.put(scope, rec)
	if err != nil {
		return err
	}
	st, err := l.streams.named(stream, true)
	if err != nil {
		return err
	}
	for i := range events {
		events[i].Source = st.number
	}
	if err := l.journal.Write(events); err != nil {
		return err
	}
	for i := range events {
		st.saw(events[i].Time, now())
	}
	return nil
}

// checkBatch refuses what AWS refuses whole.
//
// AWS: texts in public issues of the agents that send logs.
func checkBatch(events []api.InputLogEvent) error {
	size := 0
	for i, e := range events {
		n := len(*e.Message) + eventOverhead
		if size += n; n > maxBatch {
			return errInvalid(fmt.Sprintf("Log event too large: %d bytes exceeds limit of %d", n, maxBatch))
		}
		if i > 0 && *e.Timestamp < *events[i-1].Timestamp {
			return errInvalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	if size > maxBatch {
		return errInvalid(fmt.Sprintf("Upload too large: %d bytes exceeds limit of %d", size, maxBatch))
	}
	return nil
}

// sortOut returns the events that are neither too old nor too new, and says
// which are. Events are in the order of their times.
//
// AWS: RejectedLogEventsInfo: the old ones end at an index, the new ones begin at
// one.
func sortOut(events []api.InputLogEvent, now time.Time, retention int32) ([]api.InputLogEvent, *api.RejectedLogEventsInfo) {
	var info api.RejectedLogEventsInfo
	before := func(t time.Time) int {
		n := 0
		for n < len(events) && *events[n].Timestamp < t.UnixMilli() {
			n++
		}
		return n
	}
	tooOld, expired := before(now.Add(-oldestEvent)), 0
	if retention > 0 {
		expired = before(now.Add(-time.Duration(retention) * 24 * time.Hour))
	}
	first := max(tooOld, expired)
	last := before(now.Add(newestEvent + time.Millisecond))
	if tooOld > 0 {
		info.TooOldLogEventEndIndex = new(int32(tooOld))
	}
	if expired > 0 {
		info.ExpiredLogEventEndIndex = new(int32(expired))
	}
	if last < len(events) {
		info.TooNewLogEventStartIndex = new(int32(last))
	}
	if info == (api.RejectedLogEventsInfo{}) {
		return events, nil
	}
	return events[min(first, last):last], &info
}
