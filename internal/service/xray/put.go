package xray

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	api "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/journal"
	"gatehouse/internal/record"
	"gatehouse/internal/trace"
)

// How far the time of a trace may be from ours.
//
// AWS: "Generating trace IDs": traces of the last 30 days. How far ahead a clock
// may be is undocumented.
const (
	oldestTrace = retention
	newestTrace = 10 * time.Minute
)

// Why a segment is refused, as AWS names it. MissingId and InvalidTraceId are seen
// on AWS, and so is the form of the message; the others follow them.
const (
	errParse      = "ParseError"
	errNoID       = "MissingId"
	errID         = "InvalidId"
	errNoName     = "MissingName"
	errNoTrace    = "MissingTraceId"
	errTrace      = "InvalidTraceId"
	errNoStart    = "MissingStartTime"
	errNoEnd      = "MissingEndTime"
	errTimes      = "InvalidTimestamp"
	errNoParent   = "MissingParentId"
	errTooLarge   = "SegmentTooLarge"
	errThrottled  = "Throttled"
	errStoreFull  = "StoreFull"
	refusedPrefix = "Invalid segment. ErrorCode: "
)

// checkTraceID says what is wrong with the id of a trace; empty: nothing.
//
// AWS: "Generating trace IDs".
func checkTraceID(id string, now time.Time) string {
	if id == "" {
		return errNoTrace
	}
	at, ok := traceTime(id)
	if !ok || at.Before(now.Add(-oldestTrace)) || at.After(now.Add(newestTrace)) {
		return errTrace
	}
	return ""
}

// traceTime is when the trace of an id began.
func traceTime(id string) (at time.Time, ok bool) {
	if len(id) != 35 || id[:2] != "1-" || id[10] != '-' || !isHex(id[2:10]) || !isHex(id[11:]) {
		return at, false
	}
	n, err := strconv.ParseInt(id[2:10], 16, 64)
	return time.Unix(n, 0), err == nil
}

func isHex(text string) bool {
	for i := range len(text) {
		if c := text[i] | 0x20; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// readSegment reads a segment document; code says why it is none.
//
// AWS: "AWS X-Ray segment documents", required fields.
func readSegment(doc []byte, now time.Time) (seg trace.Segment, code string) {
	if len(doc) > maxDocument {
		return seg, errTooLarge
	}
	if err := json.Unmarshal(doc, &seg); err != nil {
		return seg, errParse
	}
	if code = checkTraceID(seg.TraceID, now); code != "" && seg.ID != "" {
		return seg, code
	}
	switch {
	case seg.ID == "":
		return seg, errNoID
	case len(seg.ID) != 16 || !isHex(seg.ID):
		return seg, errID
	case seg.Name == "" || len(seg.Name) > 200:
		return seg, errNoName
	case seg.Start <= 0:
		return seg, errNoStart
	case seg.End == 0 && !seg.InProgress:
		return seg, errNoEnd
	case seg.Start < float64(now.Add(-oldestTrace).Unix()) || !before(&seg, float64(now.Add(newestTrace).Unix())):
		return seg, errTimes
	case seg.Type == trace.TypeSubsegment && seg.ParentID == "":
		return seg, errNoParent
	}
	return seg, ""
}

// before reports whether all times of a segment are before one.
func before(s *trace.Segment, end float64) bool {
	return min(s.Start, s.End) >= 0 && max(s.Start, s.End) <= end &&
		!slices.ContainsFunc(s.Subsegments, func(sub trace.Segment) bool { return !before(&sub, end) })
}

// put keeps documents of segments, and says which it does not take.
func (s *Service) put(scope record.Scope, docs [][]byte) ([]api.UnprocessedTraceSegment, error) {
	refused := []api.UnprocessedTraceSegment{}
	refuse := func(id, code string) {
		u := api.UnprocessedTraceSegment{Id: optional(id), ErrorCode: new(code), Message: new(refusedPrefix + code)}
		refused = append(refused, u)
	}
	now := time.Now()
	var list []journal.Entry
	var ids []string
	for _, doc := range docs {
		seg, code := readSegment(doc, now)
		if code == "" && !s.rate.TakeAt(now) {
			s.dropped.Add(1)
			code = errThrottled
		}
		if code != "" {
			refuse(seg.ID, code)
			continue
		}
		list, ids = append(list, entryOf(&seg, doc)), append(ids, seg.ID)
	}
	if len(list) == 0 {
		return refused, nil
	}
	j, err := s.journal(scope)
	if err == nil {
		err = j.Write(list) // what the answer says was taken
	}
	switch {
	case errors.Is(err, journal.ErrFull), errors.Is(err, errRegions):
		for _, id := range ids {
			refuse(id, errStoreFull)
		}
	case err != nil:
		return nil, err
	}
	return refused, nil
}

// mostDocuments bounds the documents of a call. AWS: undocumented; a call of the
// daemon has 50.
const mostDocuments = 1000

// PutTraceSegments keeps segments.
func (s *Service) PutTraceSegments(ctx context.Context, in *api.PutTraceSegmentsInput) (*api.PutTraceSegmentsResponse, error) {
	if len(in.TraceSegmentDocuments) > mostDocuments {
		return nil, invalid("TraceSegmentDocuments: at most %d documents can be put at once", mostDocuments)
	}
	docs := make([][]byte, len(in.TraceSegmentDocuments))
	for i, doc := range in.TraceSegmentDocuments {
		docs[i] = []byte(doc)
	}
	refused, err := s.put(scopeOf(ctx), docs)
	return &api.PutTraceSegmentsResponse{UnprocessedTraceSegments: refused}, err
}

// PutTelemetryRecords takes what a daemon tells of itself.
//
// AWS: nothing gives it back; it is read and forgotten.
func (s *Service) PutTelemetryRecords(_ context.Context, in *api.PutTelemetryRecordsInput) error {
	if len(str(in.EC2InstanceId)) > 20 || len(str(in.Hostname)) > 255 || len(str(in.ResourceARN)) > 500 {
		return invalid("EC2InstanceId has at most 20 characters, Hostname 255 and ResourceARN 500")
	}
	return nil
}
