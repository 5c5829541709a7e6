package logs

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/logs"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/journal"
)

// An Invoker calls functions that subscribe to a group.
type Invoker interface {
	// InvokeForLogs calls a function asynchronously on behalf of a log group. Its
	// error says that the function may not be called, or is not there.
	InvokeForLogs(ctx context.Context, function, group string, payload []byte) error
}

// isURL reports whether a destination is a URL, which is ours: AWS knows
// Kinesis, Firehose and functions.
func isURL(destination string) bool {
	u, err := url.Parse(destination)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// PutSubscriptionFilter makes or replaces a subscription.
func (s *Service) PutSubscriptionFilter(ctx context.Context, in *api.PutSubscriptionFilterInput) error {
	a, err := arn.Parse(*in.DestinationArn)
	isFunction := err == nil && a.Service == "lambda" && s.opt.Functions != nil
	switch {
	case !isFunction && !isURL(*in.DestinationArn):
		return noDestination.refuse()
	case is(in.ApplyOnTransformedLogs):
		return noTransformer.refuse()
	case in.FieldSelectionCriteria != nil || in.EmitSystemFields != nil:
		return noSystemFields.refuse()
	case str(in.Distribution) == "Random":
		return noRandom.refuse()
	}
	if _, err := ParsePattern(*in.FilterPattern); err != nil {
		return err
	}
	l, err := s.find(ctx, *in.LogGroupName)
	if err != nil {
		return err
	}
	if isFunction {
		if err := s.tryFunction(ctx, l, *in.DestinationArn); err != nil {
			return err
		}
	}
	return s.edit(ctx, *in.LogGroupName, func(rec *groupRecord) error {
		f := api.SubscriptionFilter{
			FilterName: in.FilterName, LogGroupName: in.LogGroupName, FilterPattern: in.FilterPattern, DestinationArn: in.DestinationArn,
			RoleArn: in.RoleArn, Distribution: new("ByLogStream"), CreationTime: new(now()),
		}
		i := slices.IndexFunc(rec.Subscriptions, func(o api.SubscriptionFilter) bool { return *o.FilterName == *in.FilterName })
		switch {
		case i >= 0:
			f.CreationTime = rec.Subscriptions[i].CreationTime
			rec.Subscriptions[i] = f
		case len(rec.Subscriptions) >= maxSubscriptions:
			return api.LimitExceededException("Resource limit exceeded.")
		default:
			rec.Subscriptions = append(rec.Subscriptions, f)
		}
		return nil
	})
}

// tryFunction calls a function that would subscribe, as AWS does.
//
// AWS: a CONTROL_MESSAGE, "for checking if the destination is reachable"; the
// text of the refusal in public issues.
func (s *Service) tryFunction(ctx context.Context, l *live, function string) error {
	m := message{Type: "CONTROL_MESSAGE", Owner: "CloudwatchLogs", Filters: []string{}, Events: []messageEvent{
		{Timestamp: now(), Message: "CWL CONTROL MESSAGE: Checking health of destination Lambda."},
	}}
	payload, err := m.forFunction()
	if err == nil {
		err = s.opt.Functions.InvokeForLogs(ctx, function, groupARN(l.at.Scope, l.rec.Name)+":*", payload)
	}
	if err != nil {
		return errInvalid("Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.")
	}
	return nil
}

// DeleteSubscriptionFilter ends a subscription.
func (s *Service) DeleteSubscriptionFilter(ctx context.Context, in *api.DeleteSubscriptionFilterInput) error {
	return s.edit(ctx, *in.LogGroupName, func(rec *groupRecord) error {
		n := len(rec.Subscriptions)
		rec.Subscriptions = slices.DeleteFunc(rec.Subscriptions, func(f api.SubscriptionFilter) bool { return *f.FilterName == *in.FilterName })
		if len(rec.Subscriptions) == n {
			return api.ResourceNotFoundException("The specified subscription filter does not exist.")
		}
		return nil
	})
}

// DescribeSubscriptionFilters lists the subscriptions of a group.
func (s *Service) DescribeSubscriptionFilters(ctx context.Context, in *api.DescribeSubscriptionFiltersInput) (*api.DescribeSubscriptionFiltersResponse, error) {
	l, err := s.find(ctx, *in.LogGroupName)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(slices.Clone(l.rec.Subscriptions), func(f api.SubscriptionFilter) bool {
		return !strings.HasPrefix(*f.FilterName, str(in.FilterNamePrefix))
	})
	page, next, ok := awsrpc.Page(list, func(f *api.SubscriptionFilter) string { return *f.FilterName }, in.NextToken, limit(in.Limit, 50))
	if !ok {
		return nil, errToken()
	}
	return &api.DescribeSubscriptionFiltersResponse{SubscriptionFilters: page, NextToken: next}, nil
}

// A message is what a subscriber gets: events of one stream.
//
// AWS: "Using CloudWatch Logs subscription filters", the decoded data.
type message struct {
	Type    string         `json:"messageType"`
	Owner   string         `json:"owner"`
	Group   string         `json:"logGroup"`
	Stream  string         `json:"logStream"`
	Filters []string       `json:"subscriptionFilters"`
	Events  []messageEvent `json:"logEvents"`
}

type messageEvent struct {
	ID        string            `json:"id"`
	Timestamp int64             `json:"timestamp"`
	Message   string            `json:"message"`
	Extracted map[string]string `json:"extractedFields,omitempty"`
}

// zipped is the message as it is sent.
func (m *message) zipped() ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if err := json.NewEncoder(w).Encode(m); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
}

// forFunction is the message as functions get it.
func (m *message) forFunction() ([]byte, error) {
	data, err := m.zipped()
	if err != nil {
		return nil, err
	}
	var event struct {
		Logs struct {
			Data []byte `json:"data"` // base64
		} `json:"awslogs"`
	}
	event.Logs.Data = data
	return json.Marshal(&event)
}

// A subscriber is a subscription at work.
type subscriber struct {
	s       *Service
	l       *live
	filter  api.SubscriptionFilter
	pattern *Pattern
}

// messages are the events that match, by stream.
func (u *subscriber) messages(entries []journal.Entry) []*message {
	var list []*message
	for i := range entries {
		e := &entries[i]
		st := u.l.streams.numbered(e.Source)
		if st == nil || !u.pattern.Match(e.Text) {
			continue
		}
		k := slices.IndexFunc(list, func(m *message) bool { return m.Stream == st.name })
		if k < 0 {
			k = len(list)
			list = append(list, &message{
				Type: "DATA_MESSAGE", Owner: u.l.at.Account, Group: u.l.rec.Name, Stream: st.name, Filters: []string{*u.filter.FilterName},
			})
		}
		ev := messageEvent{ID: eventID(positionOf(e)), Timestamp: e.Time, Message: string(e.Text)}
		if u.pattern.fields != nil {
			ev.Extracted = map[string]string{}
			for name, value := range u.pattern.values(e.Text) {
				ev.Extracted[strings.TrimPrefix(name, "$")] = value
			}
		}
		list[k].Events = append(list[k].Events, ev)
	}
	return list
}

// How long a subscriber may fail.
//
// AWS: "CloudWatch Logs retries for up to 24 hours", after throttling and errors
// that may pass.
const (
	sendTime  = 30 * time.Second
	firstWait = time.Second
	mostWait  = time.Minute
	giveUp    = 24 * time.Hour
)

// send passes a message on, again and again until it is taken.
func (u *subscriber) send(ctx context.Context, m *message) error {
	begun := time.Now()
	for wait := firstWait; ; wait = min(2*wait, mostWait) {
		err := u.try(ctx, m)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if wait == firstWait {
			u.s.opt.Log.Warn("subscriber to a log group does not take events, they are kept and sent again", "group", u.l.rec.Name, "filter", *u.filter.FilterName, "error", err)
		}
		if time.Since(begun) > giveUp {
			u.s.deli.lost.Add(uint64(len(m.Events)))
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (u *subscriber) try(ctx context.Context, m *message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	to := *u.filter.DestinationArn
	if !isURL(to) {
		payload, err := m.forFunction()
		if err != nil {
			return err
		}
		return u.s.opt.Functions.InvokeForLogs(ctx, to, groupARN(u.l.at.Scope, u.l.rec.Name)+":*", payload)
	}
	body, err := m.zipped()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Content-Encoding", "gzip")
	res, err := u.s.deli.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %d", req.URL.Redacted(), res.StatusCode)
	}
	return nil
}
