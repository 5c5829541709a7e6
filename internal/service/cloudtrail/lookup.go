package cloudtrail

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/cloudtrail"
	"gatehouse/internal/journal"
)

// LookupEvents searches the history of management events, newest first.
//
// AWS: LookupEvents: of the last 90 days, of one Region, by one attribute, 50 at
// a time.
func (s *Service) LookupEvents(ctx context.Context, in *api.LookupEventsInput) (*api.LookupEventsResponse, error) {
	scope := scopeOf(ctx)
	q := journal.Query{Backward: true, Limit: 50, Sources: []uint32{source(scope.Account, scope.Region)}}
	if in.MaxResults != nil {
		if *in.MaxResults < 1 || *in.MaxResults > 50 {
			return nil, api.InvalidMaxResultsException("Max results must be between 1 and 50.")
		}
		q.Limit = int(*in.MaxResults)
	}
	if in.EventCategory != nil {
		if *in.EventCategory != "insight" {
			return nil, api.InvalidEventCategoryException("The event category must be insight.")
		}
		return &api.LookupEventsResponse{Events: []api.Event{}}, nil // there are no insights
	}
	if in.StartTime != nil && in.EndTime != nil && in.StartTime.After(*in.EndTime) {
		return nil, api.InvalidTimeRangeException("The start time must be before the end time.")
	}
	q.From = time.Now().Add(-keepAge).UnixMilli()
	if in.StartTime != nil {
		q.From = max(q.From, in.StartTime.UnixMilli())
	}
	if in.EndTime != nil {
		q.To = in.EndTime.UnixMilli() + 1
	}
	if in.NextToken != nil {
		after, ok := readToken(*in.NextToken)
		if !ok {
			return nil, api.InvalidNextTokenException("Invalid nextToken.")
		}
		q.After = &after
	}
	match, err := attribute(in.LookupAttributes, &q)
	if err != nil {
		return nil, err
	}
	q.Match = func(e *journal.Entry) bool {
		var ev event
		return json.Unmarshal(e.Text, &ev) == nil && ev.Management && ev.Recipient == scope.Account && ev.Region == scope.Region && match(&ev)
	}
	found, err := s.keep.log.Select(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("read the history of events: %w", err)
	}
	out := &api.LookupEventsResponse{Events: make([]api.Event, 0, len(found.Entries))}
	for i := range found.Entries {
		out.Events = append(out.Events, shownEvent(&found.Entries[i]))
	}
	if n := len(found.Entries); found.More && n > 0 {
		out.NextToken = new(token(&found.Entries[n-1]))
	}
	return out, nil
}

func token(e *journal.Entry) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d", e.Time, e.Seq))
}

func readToken(text string) (p journal.Position, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return p, false
	}
	_, err = fmt.Sscanf(string(b), "%d %d", &p.Time, &p.Seq)
	return p, err == nil
}

// plain is what JSON does not escape.
var plain = regexp.MustCompile(`^[A-Za-z0-9_.:/-]+$`)

// attribute returns what decides by the attribute that was asked for.
func attribute(list []api.LookupAttribute, q *journal.Query) (func(e *event) bool, error) {
	if len(list) == 0 {
		return func(*event) bool { return true }, nil
	}
	if len(list) > 1 {
		return nil, api.InvalidLookupAttributesException("You can only specify one lookup attribute at a time.")
	}
	key, want := list[0].AttributeKey, list[0].AttributeValue
	if key == nil || want == nil || *want == "" || len(*want) > 2000 {
		return nil, api.InvalidLookupAttributesException("A lookup attribute needs a key, and a value of 1 to 2000 characters.")
	}
	of, ok := map[string]func(e *event) string{
		"EventId":     func(e *event) string { return e.ID },
		"EventName":   func(e *event) string { return e.Name },
		"EventSource": func(e *event) string { return e.Source },
		"ReadOnly":    func(e *event) string { return strconv.FormatBool(e.ReadOnly) },
		"Username":    func(e *event) string { return e.Identity.name() },
		"AccessKeyId": func(e *event) string { return e.Identity.AccessKeyID },
	}[*key]
	switch {
	case ok:
	case *key == "ResourceType":
		return func(e *event) bool {
			for _, r := range namedResources(e) {
				if r.Type == *want {
					return true
				}
			}
			return false
		}, nil
	case *key == "ResourceName":
		return func(e *event) bool {
			for _, r := range namedResources(e) {
				if r.Name == *want {
					return true
				}
			}
			return false
		}, nil
	default:
		return nil, api.InvalidLookupAttributesException("The lookup attribute " + *key + " is not valid.")
	}
	if *key != "Username" && plain.MatchString(*want) {
		q.Literals = [][]byte{[]byte(*want)}
	}
	return func(e *event) bool { return of(e) == *want }, nil
}

// namedResources are the resources of a record with their names, which stand in
// the parameters.
func namedResources(e *event) []resource {
	return resourcesOf(strings.TrimSuffix(e.Source, ".amazonaws.com"), e.RequestParameters)
}

// shownEvent is a record as LookupEvents tells it.
func shownEvent(entry *journal.Entry) api.Event {
	var e event
	_ = json.Unmarshal(entry.Text, &e) // it matched, so it can be read
	out := api.Event{
		EventId: &e.ID, EventName: &e.Name, EventSource: &e.Source, EventTime: new(time.UnixMilli(entry.Time).Truncate(time.Second)),
		ReadOnly: new(strconv.FormatBool(e.ReadOnly)), Username: new(e.Identity.name()), CloudTrailEvent: new(string(entry.Text)), Resources: []api.Resource{},
	}
	if e.Identity.AccessKeyID != "" {
		out.AccessKeyId = &e.Identity.AccessKeyID
	}
	for _, r := range namedResources(&e) {
		out.Resources = append(out.Resources, api.Resource{ResourceType: &r.Type, ResourceName: &r.Name})
	}
	return out
}
