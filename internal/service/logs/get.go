package logs

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/logs"
	"gatehouse/internal/journal"
)

// Bounds of an answer.
//
// AWS: GetLogEvents and FilterLogEvents: 1 MB, up to 10,000 events.
const (
	maxEvents = 10_000
	maxAnswer = 1 << 20
)

// Tokens of GetLogEvents are a direction and a place between events; they stay
// the same at the end.
//
// AWS: "f/" or "b/", 56 digits, "/s".
func eventToken(direction string, at journal.Position) *string {
	return new(direction + "/" + eventID(at) + "/s")
}

// eventID is the identity of an event: its place in the group.
//
// AWS: 56 digits, in the order of events.
func eventID(at journal.Position) string { return fmt.Sprintf("3%015d%020d%020d", at.Time, at.Seq, 0) }

func parseEventToken(token string) (forward bool, at journal.Position, ok bool) {
	direction, rest, _ := strings.Cut(token, "/")
	digits, end, _ := strings.Cut(rest, "/")
	if len(digits) != 56 || end != "s" || direction != "f" && direction != "b" {
		return false, at, false
	}
	var err, err2 error
	at.Time, err = strconv.ParseInt(digits[1:16], 10, 64)
	at.Seq, err2 = strconv.ParseUint(digits[16:36], 10, 64)
	return direction == "f", at, err == nil && err2 == nil
}

// GetLogEvents returns events of one stream.
func (s *Service) GetLogEvents(ctx context.Context, in *api.GetLogEventsInput) (*api.GetLogEventsResponse, error) {
	name, err := named(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	l, err := s.find(ctx, name)
	if err != nil {
		return nil, err
	}
	st, _ := l.streams.named(*in.LogStreamName, false)
	if st == nil {
		return nil, errNoStream()
	}
	q := journal.Query{
		Sources: []uint32{st.number}, Backward: !is(in.StartFromHead), Limit: limit(in.Limit, maxEvents), Bytes: maxAnswer,
	}
	q.From, q.To = span(in.StartTime, in.EndTime)
	// Places before and behind everything that is asked for.
	begin, end := journal.Position{Time: q.From}, journal.Position{Time: min(q.To, maxTime)}
	if in.NextToken != nil {
		forward, at, ok := parseEventToken(*in.NextToken)
		if !ok {
			return nil, errToken()
		}
		q.Backward, q.After = !forward, &at
		begin, end = at, at
	}
	r, err := l.journal.Select(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &api.GetLogEventsResponse{Events: make([]api.OutputLogEvent, len(r.Entries))}
	for i := range r.Entries {
		e, at := &r.Entries[i], i
		if q.Backward {
			at = len(r.Entries) - 1 - i
		}
		out.Events[at] = api.OutputLogEvent{Timestamp: &e.Time, Message: new(string(e.Text)), IngestionTime: &e.Stored}
	}
	switch n := len(r.Entries); {
	case n > 0 && q.Backward:
		begin, end = positionOf(&r.Entries[n-1]), positionOf(&r.Entries[0])
	case n > 0:
		begin, end = positionOf(&r.Entries[0]), positionOf(&r.Entries[n-1])
	case in.NextToken == nil && !q.Backward:
		end = begin // more may come
	case in.NextToken == nil:
		// What comes later is behind what there is now.
		end = journal.Position{Time: q.From}
	}
	out.NextForwardToken, out.NextBackwardToken = eventToken("f", end), eventToken("b", begin)
	return out, nil
}

func positionOf(e *journal.Entry) journal.Position { return journal.Position{Time: e.Time, Seq: e.Seq} }

// maxTime is the latest time that a token can tell.
const maxTime = 999_999_999_999_999

// span is the range of time that is asked for; its end is not part of it.
func span(start, end *int64) (from, to int64) {
	if start != nil {
		from = *start
	}
	if end == nil {
		return from, math.MaxInt64
	}
	return from, *end
}

// filterToken is a token of FilterLogEvents.
func filterToken(backward bool, at journal.Position) *string {
	direction := "f"
	if backward {
		direction = "b"
	}
	return new(base64.RawURLEncoding.EncodeToString([]byte(*eventToken(direction, at))))
}

// newestStart is the earliest start of a search from the newest event backwards.
//
// AWS: FilterLogEvents, startFromHead: January 1st, 2024.
const newestStart = 1704067200000

// FilterLogEvents returns events of a group that match a pattern.
func (s *Service) FilterLogEvents(ctx context.Context, in *api.FilterLogEventsInput) (*api.FilterLogEventsResponse, error) {
	q, l, err := s.query(ctx, in)
	if err != nil {
		return nil, err
	}
	out := &api.FilterLogEventsResponse{Events: []api.FilteredLogEvent{}, SearchedLogStreams: []api.SearchedLogStream{}}
	if q.Sources != nil && len(q.Sources) == 0 {
		return out, nil
	}
	r, err := l.journal.Select(ctx, *q)
	if err != nil {
		return nil, err
	}
	for i := range r.Entries {
		e := &r.Entries[i]
		st := l.streams.numbered(e.Source)
		if st == nil {
			continue // deleted meanwhile
		}
		out.Events = append(out.Events, api.FilteredLogEvent{
			LogStreamName: &st.name, Timestamp: &e.Time, Message: new(string(e.Text)), IngestionTime: &e.Stored, EventId: new(eventID(positionOf(e))),
		})
	}
	if r.More {
		out.NextToken = filterToken(q.Backward, positionOf(&r.Entries[len(r.Entries)-1]))
	}
	return out, nil
}

// query makes what is asked of the journal. With Sources that are empty nothing
// can be found.
func (s *Service) query(ctx context.Context, in *api.FilterLogEventsInput) (*journal.Query, *live, error) {
	name, err := named(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, nil, err
	}
	if in.LogStreamNames != nil && in.LogStreamNamePrefix != nil {
		// AWS: FilterLogEvents: not both.
		return nil, nil, errInvalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
	}
	l, err := s.find(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	p, err := ParsePattern(str(in.FilterPattern))
	if err != nil {
		return nil, nil, err
	}
	q := &journal.Query{Limit: limit(in.Limit, maxEvents), Bytes: maxAnswer, Literals: p.Needs}
	q.From, q.To = span(in.StartTime, in.EndTime)
	if in.EndTime != nil {
		q.To++ // AWS: "Events with a timestamp later than this time are not returned"
	}
	if in.StartFromHead != nil && !*in.StartFromHead && in.NextToken == nil {
		if q.Backward = true; q.From < newestStart {
			return nil, nil, errInvalid("startFromHead=false is supported only when startTime is on or after Jan 1, 2024 00:00:00 UTC.")
		}
	}
	if in.NextToken != nil {
		text, err := base64.RawURLEncoding.DecodeString(*in.NextToken)
		forward, at, ok := parseEventToken(string(text))
		if err != nil || !ok {
			return nil, nil, errToken()
		}
		q.Backward, q.After = !forward, &at
	}
	if q.Sources, err = l.numbers(in.LogStreamNames, in.LogStreamNamePrefix); err != nil {
		return nil, nil, err
	}
	if p.match != nil {
		q.Match = func(e *journal.Entry) bool { return p.Match(e.Text) }
	}
	return q, l, nil
}

// numbers are those of the streams that are asked for; nil: all.
func (l *live) numbers(names []string, prefix *string) ([]uint32, error) {
	if names == nil && prefix == nil {
		return nil, nil
	}
	list := []uint32{}
	if prefix != nil {
		for _, st := range l.streams.list() {
			if strings.HasPrefix(st.name, *prefix) {
				list = append(list, st.number)
			}
		}
		return list, nil
	}
	for _, name := range names {
		st, _ := l.streams.named(name, false)
		if st == nil {
			return nil, errNoStream()
		}
		list = append(list, st.number)
	}
	return list, nil
}
