package logs

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/logs"
	"gatehouse/internal/awsrpc"
)

// CreateLogStream makes a stream.
func (s *Service) CreateLogStream(ctx context.Context, in *api.CreateLogStreamInput) error {
	l, err := s.find(ctx, *in.LogGroupName)
	if err != nil {
		return err
	}
	st, err := l.streams.create(*in.LogStreamName)
	switch {
	case errors.Is(err, errStreams):
		return api.LimitExceededException("Resource limit exceeded.")
	case err == nil && st == nil:
		return api.ResourceAlreadyExistsException("The specified log stream already exists")
	}
	return err
}

// DeleteLogStream deletes a stream with its events.
func (s *Service) DeleteLogStream(ctx context.Context, in *api.DeleteLogStreamInput) error {
	l, err := s.find(ctx, *in.LogGroupName)
	if err != nil {
		return err
	}
	there, err := l.streams.remove(*in.LogStreamName)
	if err == nil && !there {
		return errNoStream()
	}
	return err
}

const byEventTime = "LastEventTime"

// DescribeLogStreams lists the streams of a group.
func (s *Service) DescribeLogStreams(ctx context.Context, in *api.DescribeLogStreamsInput) (*api.DescribeLogStreamsResponse, error) {
	name, err := named(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	byTime := str(in.OrderBy) == byEventTime
	if byTime && in.LogStreamNamePrefix != nil {
		// AWS: in public issues.
		return nil, errInvalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	l, err := s.find(ctx, name)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(l.streams.list(), func(st *stream) bool { return !strings.HasPrefix(st.name, str(in.LogStreamNamePrefix)) })
	if byTime {
		slices.SortStableFunc(list, func(a, b *stream) int { return cmp.Compare(a.last.Load(), b.last.Load()) })
	}
	if is(in.Descending) {
		slices.Reverse(list)
	}
	page, next, ok := awsrpc.Page(list, func(st **stream) string { return strconv.Itoa(int((*st).number)) }, in.NextToken, limit(in.Limit, 50))
	if !ok {
		return nil, errToken()
	}
	out := &api.DescribeLogStreamsResponse{LogStreams: make([]api.LogStream, len(page)), NextToken: next}
	for i, st := range page {
		out.LogStreams[i] = st.shown(l)
	}
	return out, nil
}

// shown is a stream as the API shows it.
func (st *stream) shown(l *live) api.LogStream {
	out := api.LogStream{
		LogStreamName: &st.name, CreationTime: &st.created, Arn: new(groupARN(l.at.Scope, l.rec.Name) + ":log-stream:" + st.name),
		StoredBytes: new(int64(0)), // AWS: "As of June 17, 2019, the number of bytes is always reported as zero"
	}
	if last := st.last.Load(); last != 0 {
		out.FirstEventTimestamp, out.LastEventTimestamp, out.LastIngestionTime = new(st.first.Load()), &last, new(st.stored.Load())
		out.UploadSequenceToken = new(sequenceToken(st))
	}
	return out
}

// sequenceToken is what used to be asked for with the next events of a stream.
//
// AWS: 56 digits, beginning with 4959.
func sequenceToken(st *stream) string {
	digits := strconv.FormatInt(st.stored.Load(), 10)
	return "4959" + strings.Repeat("0", 52-len(digits)) + digits
}
