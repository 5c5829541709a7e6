package cloudwatch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A past is an item of the history of an alarm as it is stored.
type past struct {
	Item api.AlarmHistoryItem
}

// A historyItem is what is to be remembered of an alarm.
type historyItem struct{ kind, summary, data string }

const (
	// maxHistory is how many items an alarm has: the newest.
	maxHistory = 100
	// historyFor is for how long they are told of.
	//
	// AWS: "CloudWatch retains the history of an alarm for 30 days".
	historyFor = 30 * 24 * time.Hour
)

func (s *Service) history(p place) store.Table[past] {
	return store.NewTable[past](s.st, p.prefix("history"))
}

// remember adds an item to the history of an alarm, and lets the oldest go.
func (s *Service) remember(ctx context.Context, c *store.Change, at place, a *alarm, item historyItem) error {
	t, when, name := s.history(at), now(), a.name()
	rows, err := t.All(ctx, name)
	if err != nil {
		return err
	}
	for i := range rows {
		if len(rows)-i >= maxHistory || rows[i].Value.Item.Timestamp.Before(when.Add(-historyFor)) {
			c.Do(t.Delete(rows[i].ID))
		}
	}
	// Items of one moment keep their order.
	same := 0
	for i := range rows {
		if rows[i].Value.Item.Timestamp.Equal(when) {
			same++
		}
	}
	id := store.ID(name, fmt.Sprintf("%020d-%03d", when.UnixMilli(), same))
	c.Require(t.Absent(id))
	data := item.data
	store.Add(c, t, id, past{api.AlarmHistoryItem{
		AlarmName: &name, AlarmType: new(a.kind()), Timestamp: &when, HistoryItemType: &item.kind, HistorySummary: &item.summary, HistoryData: &data,
	}})
	return nil
}

// forgetEvery is how often items that have grown too old are removed: those of alarms
// that are gone would stay otherwise.
const forgetEvery = time.Hour

// forgetAtOnce is how many items one commit removes.
const forgetAtOnce = 100

// forget removes items that nobody is told of any more.
func (s *Service) forget(ctx context.Context) {
	scopes, err := record.Scopes(ctx, s.st)
	for _, sc := range scopes {
		err = errors.Join(err, s.forgetOf(ctx, place{sc.Account, sc.Region}))
	}
	if err != nil {
		s.complain(ctx, "old history of alarms was not removed", err)
	}
}

func (s *Service) forgetOf(ctx context.Context, at place) error {
	t := s.history(at)
	rows, err := t.All(ctx)
	if err != nil {
		return err
	}
	oldest := time.Now().Add(-historyFor)
	rows = slices.DeleteFunc(rows, func(r store.Row[past]) bool { return !r.Value.Item.Timestamp.Before(oldest) })
	for part := range slices.Chunk(rows, forgetAtOnce) {
		err := store.Update(ctx, s.st, func(c *store.Change) error {
			for i := range part {
				c.Do(t.Delete(part[i].ID))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// DescribeAlarmHistory tells what became of alarms, also of those that are gone.
func (s *Service) DescribeAlarmHistory(ctx context.Context, in *api.DescribeAlarmHistoryInput) (*api.DescribeAlarmHistoryOutput, error) {
	if in.AlarmContributorId != nil {
		return nil, refuse("AlarmContributorId", "alarms have no contributors")
	}
	t := s.history(placeOf(awsrpc.CallerFrom(ctx)))
	var under []string
	if in.AlarmName != nil {
		under = []string{*in.AlarmName}
	}
	rows, err := t.All(ctx, under...)
	if err != nil {
		return nil, err
	}
	type row = store.Row[past]
	oldest := time.Now().Add(-historyFor)
	types := in.AlarmTypes
	if len(types) == 0 { // AWS: "If you omit this parameter, only metric alarms are returned"
		types = []string{api.AlarmTypeMetricAlarm}
	}
	rows = slices.DeleteFunc(rows, func(r row) bool {
		i := &r.Value.Item
		return i.Timestamp.Before(oldest) || in.StartDate != nil && i.Timestamp.Before(*in.StartDate) || in.EndDate != nil && !i.Timestamp.Before(*in.EndDate) ||
			in.HistoryItemType != nil && *i.HistoryItemType != *in.HistoryItemType || !slices.Contains(types, *i.AlarmType)
	})
	slices.SortStableFunc(rows, func(a, b row) int {
		if str(in.ScanBy) != api.ScanByTimestampAscending {
			a, b = b, a
		}
		return cmp.Or(a.Value.Item.Timestamp.Compare(*b.Value.Item.Timestamp), cmp.Compare(a.ID, b.ID))
	})
	page, next, ok := awsrpc.Page(rows, func(r *row) string { return r.ID }, in.NextToken, pageSize(in.MaxRecords))
	if !ok {
		return nil, api.InvalidNextToken("The service returned an invalid next token.")
	}
	out := &api.DescribeAlarmHistoryOutput{AlarmHistoryItems: []api.AlarmHistoryItem{}, NextToken: next}
	for i := range page {
		out.AlarmHistoryItems = append(out.AlarmHistoryItems, page[i].Value.Item)
	}
	return out, nil
}

func pageSize(n *int32) int {
	if n == nil {
		return 100
	}
	return int(*n)
}

// A transitionData is the data of a change of state.
//
// AWS: LocalStack, test_put_metric_alarm.
type transitionData struct {
	Version string    `json:"version"`
	Old     stateData `json:"oldState"`
	New     stateData `json:"newState"`
}

type stateData struct {
	Value  string          `json:"stateValue"`
	Reason string          `json:"stateReason"`
	Data   json.RawMessage `json:"stateReasonData,omitempty"`
}

func stateDataOf(st state) stateData {
	d := stateData{Value: st.value, Reason: st.reason}
	if isJSON(st.data) {
		d.Data = json.RawMessage(st.data)
	}
	return d
}

func isJSON(text string) bool { return json.Valid([]byte(text)) }

func transitionText(from, to state) string {
	return text(transitionData{"1.0", stateDataOf(from), stateDataOf(to)})
}

// rememberConfiguration remembers what a client did with an alarm: created, updated or
// deleted it.
func (s *Service) rememberConfiguration(ctx context.Context, c *store.Change, at place, a *alarm, what string) error {
	return s.remember(ctx, c, at, a, historyItem{
		kind: api.HistoryItemTypeConfigurationUpdate, summary: `Alarm "` + a.name() + `" ` + what, data: configurationData(a, what),
	})
}

// configurationData is the data of a change of what a client wrote.
//
// AWS: an item that was seen (an alarm of DynamoDB's metrics, 2022): names begin small,
// times end in +0000, OKActions is okactions, and reasons are missing.
func configurationData(a *alarm, what string) string {
	kind := map[string]string{"created": "Create", "updated": "Update", "deleted": "Delete"}[what]
	var config any
	if a.Composite != nil {
		c := *a.Composite
		c.StateReason, c.StateReasonData, c.StateTransitionedTimestamp = nil, nil, nil
		config = c
	} else {
		m := *a.Metric
		m.StateReason, m.StateReasonData, m.StateTransitionedTimestamp = nil, nil, nil
		config = m
	}
	var plain any
	if json.Unmarshal([]byte(text(config)), &plain) != nil {
		return "{}" // it was made of what has a form
	}
	return text(map[string]any{"version": "1.0", "type": kind, what + "Alarm": asBean(plain)})
}

// asBean writes names as history items have them, and times.
func asBean(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = asBean(v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			if at, err := time.Parse(time.RFC3339, fmt.Sprint(value)); err == nil && strings.HasSuffix(name, "Timestamp") {
				value = at.UTC().Format(stateDate)
			}
			small := strings.ToLower(name[:1]) + name[1:]
			if name == "OKActions" {
				small = "okactions"
			}
			out[small] = asBean(value)
		}
		return out
	}
	return v
}

// text is v as JSON. It is made of what has a form.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "{}"
	}
	return string(b)
}
