package cloudwatch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Actions do what alarms ask for. They are called by one goroutine for each
// action that is being done.
type Actions interface {
	// Can tells whether an action, an ARN, can be done at all.
	Can(action string) bool
	// Do does it. It is called again after an error, and may be called again
	// after a crash.
	Do(ctx context.Context, action string, n *Notification) error
}

// A Notification is what an action is told.
type Notification struct {
	Alarm   string          // its ARN
	Account string          // of the alarm
	Subject string          // as of the message that AWS sends to topics
	Message json.RawMessage // to topics
	Event   json.RawMessage // to functions
}

// A pending is an action that is to be done, as it is stored: in the commit that
// caused it.
type pending struct {
	Action string
	Name   string // of the alarm
	Kind   string
	Tries  int
	Next   time.Time // not before
	Note   Notification
}

const (
	// actionTime bounds one attempt.
	actionTime = 10 * time.Second
	// actionsAtOnce is how many are done side by side.
	actionsAtOnce = 8
	// roundTime bounds how long actions are begun before it is looked at what else
	// is to be done.
	roundTime = actionTime
	// actionTries is how often one is tried, with pauses of firstPause, doubled
	// each time.
	actionTries = 5
	firstPause  = 5 * time.Second
)

func (s *Service) pending(p place) store.Table[pending] {
	return store.NewTable[pending](s.st, p.prefix("action"))
}

// ask notes what an alarm asks for after a change of its state.
func (s *Service) ask(c *store.Change, at place, a *alarm, before state) {
	actions := a.actions(a.state().value)
	if len(actions) == 0 {
		return
	}
	note := notification(at, a, before)
	for i, action := range actions {
		id := store.ID(a.name(), fmt.Sprintf("%020d-%d", a.state().at.UnixMilli(), i))
		store.Add(c, s.pending(at), id, pending{Action: action, Name: a.name(), Kind: a.kind(), Next: now(), Note: note})
	}
}

// A duty is an action that is due.
type duty struct {
	at   place
	row  store.Row[pending]
	turn int // how many of the same action come before it
}

// deliver does what is due, and returns when it wants to be called again. What has
// no turn within the time of a round waits for the next, so that actions that do
// not answer do not hold up those that were asked for meanwhile.
func (s *Service) deliver(ctx context.Context) time.Time {
	start := time.Now()
	list, next := s.duties(ctx, start)
	var mu sync.Mutex // guards next
	g := new(errgroup.Group)
	g.SetLimit(actionsAtOnce)
	more := false
	for i := range list {
		if more = ctx.Err() != nil || time.Since(start) >= roundTime; more {
			break
		}
		g.Go(func() error {
			again := s.try(ctx, list[i].at, &list[i].row)
			mu.Lock()
			defer mu.Unlock()
			if !again.IsZero() && again.Before(next) {
				next = again
			}
			return nil
		})
	}
	_ = g.Wait() // they return nil
	if more {
		return start
	}
	return next
}

// duties lists the actions that are due at a time, and tells when the next is. Each
// action has its first turn before another has its second, and what was not tried
// yet comes before what is tried again.
func (s *Service) duties(ctx context.Context, when time.Time) ([]duty, time.Time) {
	next := when.Add(time.Hour)
	scopes, err := record.Scopes(ctx, s.st)
	if err != nil {
		s.complain(ctx, "actions of alarms wait", err)
		return nil, next
	}
	var list []duty
	for _, sc := range scopes {
		at := place{sc.Account, sc.Region}
		rows, err := s.pending(at).All(ctx)
		if err != nil {
			s.complain(ctx, "actions of alarms wait", err)
			continue
		}
		for _, row := range rows {
			list = append(list, duty{at: at, row: row})
		}
	}
	list = slices.DeleteFunc(list, func(d duty) bool {
		later := d.row.Value.Next.After(when)
		if later && d.row.Value.Next.Before(next) {
			next = d.row.Value.Next
		}
		return later
	})
	slices.SortStableFunc(list, func(a, b duty) int {
		return cmp.Or(cmp.Compare(a.row.Value.Tries, b.row.Value.Tries), a.row.Value.Next.Compare(b.row.Value.Next))
	})
	turns := map[string]int{}
	for i := range list {
		action := list[i].row.Value.Action
		list[i].turn = turns[action]
		turns[action]++
	}
	slices.SortStableFunc(list, func(a, b duty) int { return cmp.Compare(a.turn, b.turn) })
	return list, next
}

// try does one action. It returns when it is to be tried again, or zero.
func (s *Service) try(ctx context.Context, at place, row *store.Row[pending]) time.Time {
	p := row.Value
	err := s.do(ctx, &p)
	if ctx.Err() != nil {
		return time.Time{} // the next run does it
	}
	p.Tries++
	if err != nil && p.Tries < actionTries {
		p.Next = now().Add(firstPause << (p.Tries - 1))
		if err := s.finish(ctx, at, row, &p, nil); err != nil {
			s.complain(ctx, "an action of an alarm was not put off", err, "alarm", p.Note.Alarm)
		}
		return p.Next
	}
	item := historyItem{kind: api.HistoryItemTypeAction, summary: "Successfully executed action " + p.Action,
		data: text(map[string]any{"actionState": "Succeeded", "notificationResource": p.Action})}
	if err != nil {
		s.log.Warn("an action of an alarm failed", "alarm", p.Note.Alarm, "action", p.Action, "error", err)
		item.summary = "Failed to execute action " + p.Action + ". Received error: \"" + err.Error() + "\""
		item.data = text(map[string]any{"actionState": "Failed", "notificationResource": p.Action, "error": err.Error()})
	}
	item.summary = cutTo(item.summary, 255)
	if err := s.finish(ctx, at, row, nil, &item); err != nil {
		s.complain(ctx, "an action of an alarm was done and may be done again", err, "alarm", p.Note.Alarm)
	}
	return time.Time{}
}

func (s *Service) do(ctx context.Context, p *pending) error {
	if s.opt.Actions == nil || !s.opt.Actions.Can(p.Action) {
		return fmt.Errorf("nobody knows how to do %s", p.Action)
	}
	ctx, cancel := context.WithTimeout(ctx, actionTime)
	defer cancel()
	return s.opt.Actions.Do(ctx, p.Action, &p.Note)
}

// finish stores a pending action anew, or removes it, with what is remembered.
func (s *Service) finish(ctx context.Context, at place, row *store.Row[pending], next *pending, item *historyItem) error {
	t := s.pending(at)
	return store.Update(ctx, s.st, func(c *store.Change) error {
		if next != nil {
			store.Add(c, t, row.ID, *next)
			return nil
		}
		c.Do(t.Delete(row.ID))
		a := &alarm{Metric: &api.MetricAlarm{AlarmName: &row.Value.Name}}
		if row.Value.Kind == api.AlarmTypeCompositeAlarm {
			a = &alarm{Composite: &api.CompositeAlarm{AlarmName: &row.Value.Name}}
		}
		return s.remember(ctx, c, at, a, *item)
	})
}

// notification is what actions are told of a change.
//
// AWS: LocalStack, test_put_metric_alarm (the message) and
// test_alarm_lambda_target (the event).
func notification(at place, a *alarm, before state) Notification {
	st := a.state()
	m := map[string]any{
		"AlarmName": a.name(), "AWSAccountId": at.account, "NewStateValue": st.value, "NewStateReason": st.reason, "OldStateValue": before.value,
		"StateChangeTime": st.at.Format(stateDate), "Region": at.region, "AlarmArn": at.alarmARN(a.name()),
	}
	config := map[string]any{}
	var configured *time.Time
	var ok, alarm, unknown []string
	var description *string
	if x := a.Metric; x != nil {
		configured, ok, alarm, unknown, description = x.AlarmConfigurationUpdatedTimestamp, x.OKActions, x.AlarmActions, x.InsufficientDataActions, x.AlarmDescription
		m["Trigger"] = trigger(x)
		config["metrics"] = configuredMetrics(x)
	} else {
		x := a.Composite
		configured, ok, alarm, unknown, description = x.AlarmConfigurationUpdatedTimestamp, x.OKActions, x.AlarmActions, x.InsufficientDataActions, x.AlarmDescription
		m["AlarmRule"], config["alarmRule"] = *x.AlarmRule, *x.AlarmRule
		if isJSON(st.data) {
			var data map[string]any
			_ = json.Unmarshal([]byte(st.data), &data) // it is JSON; if it is no object there is nothing in it
			m["TriggeringChildren"] = data["triggeringAlarms"]
		}
	}
	m["AlarmDescription"], config["description"] = description, str(description)
	m["AlarmConfigurationUpdatedTimestamp"] = configured.Format(stateDate)
	m["OKActions"], m["AlarmActions"], m["InsufficientDataActions"] = ok, alarm, unknown
	event := map[string]any{
		"source": "aws.cloudwatch", "alarmArn": at.alarmARN(a.name()), "accountId": at.account, "time": st.at.Format(stateDate), "region": at.region,
		"alarmData": map[string]any{"alarmName": a.name(), "state": eventState(st), "previousState": eventState(before), "configuration": config},
	}
	return Notification{
		Alarm: at.alarmARN(a.name()), Account: at.account,
		Subject: cutTo(st.value+`: "`+a.name()+`" in `+at.region, 100),
		Message: json.RawMessage(text(m)), Event: json.RawMessage(text(event)),
	}
}

func eventState(st state) map[string]any {
	m := map[string]any{"value": st.value, "reason": st.reason, "timestamp": st.at.Format(stateDate)}
	if st.data != "" {
		m["reasonData"] = st.data
	}
	return m
}

// trigger is what an alarm looks at, as messages have it.
func trigger(m *api.MetricAlarm) map[string]any {
	t := map[string]any{
		"ComparisonOperator": *m.ComparisonOperator, "EvaluationPeriods": *m.EvaluationPeriods, "Threshold": *m.Threshold,
		"TreatMissingData": str(m.TreatMissingData), "EvaluateLowSampleCountPercentile": str(m.EvaluateLowSampleCountPercentile),
	}
	if m.DatapointsToAlarm != nil {
		t["DatapointsToAlarm"] = *m.DatapointsToAlarm
	}
	if len(m.Metrics) > 0 {
		t["Metrics"] = m.Metrics
		return t
	}
	dims := []map[string]string{}
	for i := range m.Dimensions {
		dims = append(dims, map[string]string{"name": str(m.Dimensions[i].Name), "value": str(m.Dimensions[i].Value)})
	}
	t["MetricName"], t["Namespace"], t["Dimensions"], t["Period"], t["Unit"] = str(m.MetricName), str(m.Namespace), dims, value(m.Period), m.Unit
	t["StatisticType"], t["Statistic"] = "Statistic", statisticName(str(m.Statistic))
	if m.ExtendedStatistic != nil {
		t["StatisticType"], t["ExtendedStatistic"] = "ExtendedStatistic", *m.ExtendedStatistic
		delete(t, "Statistic")
	}
	return t
}

// statisticName is a statistic as messages spell it: SAMPLE_COUNT, AVERAGE.
func statisticName(name string) string {
	if name == "SampleCount" {
		return "SAMPLE_COUNT"
	}
	return strings.ToUpper(name)
}

// configuredMetrics is what an alarm looks at, as events have it.
func configuredMetrics(m *api.MetricAlarm) []map[string]any {
	if len(m.Metrics) == 0 {
		stat := str(m.Statistic) + str(m.ExtendedStatistic)
		return []map[string]any{{"id": "m", "returnData": true, "metricStat": eventMetric(&api.Metric{Namespace: m.Namespace, MetricName: m.MetricName, Dimensions: m.Dimensions}, m.Period, &stat, m.Unit)}}
	}
	var list []map[string]any
	for i := range m.Metrics {
		q := &m.Metrics[i]
		x := map[string]any{"id": *q.Id, "returnData": q.ReturnData == nil || *q.ReturnData}
		if q.Expression != nil {
			x["expression"], x["label"] = *q.Expression, str(q.Label)
		} else {
			x["metricStat"] = eventMetric(q.MetricStat.Metric, q.MetricStat.Period, q.MetricStat.Stat, q.MetricStat.Unit)
		}
		list = append(list, x)
	}
	return list
}

func eventMetric(m *api.Metric, period *int32, stat, unit *string) map[string]any {
	dims := map[string]string{}
	for i := range m.Dimensions {
		dims[str(m.Dimensions[i].Name)] = str(m.Dimensions[i].Value)
	}
	x := map[string]any{"metric": map[string]any{"namespace": str(m.Namespace), "name": str(m.MetricName), "dimensions": dims}, "period": value(period), "stat": str(stat)}
	if unit != nil {
		x["unit"] = *unit
	}
	return x
}
