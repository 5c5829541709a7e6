package xray

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	api "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/record"
)

// Limits of calls.
//
// AWS: BatchGetTraces takes five ids; GetTraceSummaries a day. The size of a page
// is undocumented.
const (
	mostTraceIDs    = 5
	longestTraces   = 24 * time.Hour
	longestGraph    = 6 * time.Hour
	summariesAtOnce = 1000
)

// BatchGetTraces returns traces by their ids.
func (s *Service) BatchGetTraces(ctx context.Context, in *api.BatchGetTracesInput) (*api.BatchGetTracesResponse, error) {
	if len(in.TraceIds) > mostTraceIDs {
		return nil, invalid("1 validation error detected: Value at 'traceIds' failed to satisfy constraint: Member must have length less than or equal to %d", mostTraceIDs)
	}
	if str(in.NextToken) != "" { // all is in the first answer
		return nil, errToken()
	}
	found, err := s.byID(ctx, scopeOf(ctx), in.TraceIds)
	if err != nil {
		return nil, err
	}
	out := &api.BatchGetTracesResponse{Traces: []api.Trace{}, UnprocessedTraceIds: []string{}}
	for _, id := range in.TraceIds {
		t := found[id]
		if t == nil {
			out.UnprocessedTraceIds = append(out.UnprocessedTraceIds, id)
			continue
		}
		delete(found, id) // it may be named twice
		one := api.Trace{Id: new(id), Duration: new(t.duration()), LimitExceeded: new(t.tooLarge), Segments: make([]api.Segment, len(t.docs))}
		for i, doc := range t.docs {
			one.Segments[i] = api.Segment{Id: new(doc.id), Document: new(string(doc.text))}
		}
		inferred, err := t.inferred()
		if err != nil {
			return nil, err
		}
		one.Segments = append(one.Segments, inferred...)
		out.Traces = append(out.Traces, one)
	}
	return out, nil
}

func errToken() error { return invalid("Invalid NextToken") }

// A pageToken is where a page of traces begins.
type pageToken struct {
	From int64 // second
	Skip int   // traces of the window that begins there
}

func (t pageToken) String() string {
	b, _ := json.Marshal(t) // of numbers
	return base64.RawURLEncoding.EncodeToString(b)
}

// parsePage reads a token; the zero page begins at the second from.
func parsePage(token *string, from, to int64) (pageToken, error) {
	p := pageToken{From: from}
	if str(token) == "" {
		return p, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || json.Unmarshal(b, &p) != nil || p.From < from || p.From > to || p.Skip < 0 {
		return p, errToken()
	}
	return p, nil
}

// span checks a time range and returns it in seconds. Its end is part of it.
func span(start, end *time.Time, longest time.Duration) (from, to int64, err error) {
	if end.Before(*start) {
		return 0, 0, invalid("StartTime must not be after EndTime")
	}
	if end.Sub(*start) > longest {
		return 0, 0, invalid("Time range cannot be longer than %d hours", int(longest.Hours()))
	}
	return start.Unix(), end.Unix() + 1, nil
}

// GetTraceSummaries returns what can be told of the traces of a time that an
// expression lets pass.
func (s *Service) GetTraceSummaries(ctx context.Context, in *api.GetTraceSummariesInput) (*api.GetTraceSummariesResponse, error) {
	from, to, err := span(in.StartTime, in.EndTime, longestTraces)
	if err != nil {
		return nil, err
	}
	scope := scopeOf(ctx)
	f, err := s.filter(ctx, scope, str(in.FilterExpression))
	if err != nil {
		return nil, err
	}
	page, err := parsePage(in.NextToken, from, to)
	if err != nil {
		return nil, err
	}
	by, share, err := how(in)
	if err != nil {
		return nil, err
	}
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	list, next, err := s.window(ctx, scope, page.From, to, by)
	if err != nil {
		return nil, err
	}
	out := &api.GetTraceSummariesResponse{TraceSummaries: []api.TraceSummary{}, ApproximateTime: new(time.Unix(min(next, to-1), 0)), TracesProcessedCount: new(int64(len(list)))}
	at := min(page.Skip, len(list))
	for ; at < len(list) && len(out.TraceSummaries) < summariesAtOnce; at++ {
		if t := list[at]; (f == nil || f.holds(t)) && (share == 1 || rand.Float64() < share) {
			out.TraceSummaries = append(out.TraceSummaries, t.summary())
		}
	}
	switch {
	case at < len(list):
		out.NextToken = new(pageToken{page.From, at}.String())
	case next < to:
		out.NextToken = new(pageToken{From: next}.String())
	}
	return out, nil
}

// how is by which times traces are told, and which share of them is wanted.
//
// AWS: GetTraceSummaries, TimeRangeType: without one it is that of the ids.
func how(in *api.GetTraceSummariesInput) (by timeRange, share float64, err error) {
	share = 1
	switch str(in.TimeRangeType) {
	case api.TimeRangeTypeEvent:
		by = byEvent
	case api.TimeRangeTypeService:
		return by, 1, noService.refuse()
	}
	if st := in.SamplingStrategy; st != nil && str(st.Name) == api.SamplingStrategyNameFixedRate && st.Value != nil {
		if share = *st.Value; share < 0 || share > 1 {
			return by, 1, invalid("SamplingStrategy: Value is a share from 0 to 1")
		}
	}
	return by, share, nil
}

// mostGroups is how often an expression may name groups, with those that they name.
// AWS: undocumented.
const mostGroups = 100

// filter reads an expression, in which groups of the caller may be named.
func (s *Service) filter(ctx context.Context, scope record.Scope, text string) (filter, error) {
	named := 0
	var group func(name string) (filter, error)
	group = func(name string) (filter, error) {
		if named++; named > mostGroups {
			return nil, fmt.Errorf("it names groups more than %d times, with those that they name", mostGroups)
		}
		rec, err := s.group(ctx, scope, name)
		if err != nil {
			return nil, err
		}
		return parseFilter(rec.Filter, group)
	}
	f, err := parseFilter(text, group)
	if err != nil {
		return nil, invalid("Invalid filter expression: %v", err)
	}
	return f, nil
}
