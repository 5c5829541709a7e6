package cloudwatch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/awsrpc"
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
	rows = slices.DeleteFunc(rows, func(r row) bool {
		i := &r.Value.Item
		return i.Timestamp.Before(oldest) || in.StartDate != nil && i.Timestamp.Before(*in.StartDate) || in.EndDate != nil && !i.Timestamp.Before(*in.EndDate) ||
			in.HistoryItemType != nil && *i.HistoryItemType != *in.HistoryItemType || len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, *i.AlarmType)
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

// configurationData is the data of a change of what a client wrote.
func configurationData(a *alarm, what string) string {
	kind := map[string]string{"created": "Create", "updated": "Update"}[what]
	var config any = a.Metric
	if a.Composite != nil {
		config = a.Composite
	}
	return text(map[string]any{"version": "1.0", "type": kind, kind + "dAlarm": config})
}

// text is v as JSON. It is made of what has a form.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "{}"
	}
	return string(b)
}
