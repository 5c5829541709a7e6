package cloudwatch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// An alarm is an alarm as it is stored: its wire shape with its state, of which
// exactly one is set, and its tags.
type alarm struct {
	Metric    *api.MetricAlarm    `json:",omitzero"`
	Composite *api.CompositeAlarm `json:",omitzero"`
	Tags      []api.Tag           `json:",omitzero"`
}

// maxAlarms is how many alarms there are in an account and region.
//
// AWS: CloudWatch service quotas: 5,000 alarms per Region.
const maxAlarms = 5000

func (p place) prefix(kind string) string {
	return store.Prefix(p.account, p.region, "cloudwatch", kind)
}

func (s *Service) alarms(p place) store.Table[alarm] {
	return store.NewTable[alarm](s.st, p.prefix("alarm"))
}

func (a *alarm) name() string {
	if a.Metric != nil {
		return *a.Metric.AlarmName
	}
	return *a.Composite.AlarmName
}

func (a *alarm) kind() string {
	if a.Metric != nil {
		return api.AlarmTypeMetricAlarm
	}
	return api.AlarmTypeCompositeAlarm
}

// A state is what an alarm is in, and why.
type state struct {
	value, reason, data string
	at                  time.Time
}

func (a *alarm) state() state {
	if m := a.Metric; m != nil {
		return state{*m.StateValue, str(m.StateReason), str(m.StateReasonData), *m.StateUpdatedTimestamp}
	}
	c := a.Composite
	return state{*c.StateValue, str(c.StateReason), str(c.StateReasonData), *c.StateUpdatedTimestamp}
}

// set puts the alarm into a state.
func (a *alarm) set(st state) {
	var data *string
	if st.data != "" {
		data = &st.data
	}
	if m := a.Metric; m != nil {
		if *m.StateValue != st.value {
			m.StateTransitionedTimestamp = &st.at
		}
		m.StateValue, m.StateReason, m.StateReasonData, m.StateUpdatedTimestamp = &st.value, &st.reason, data, &st.at
		return
	}
	c := a.Composite
	if *c.StateValue != st.value {
		c.StateTransitionedTimestamp = &st.at
	}
	c.StateValue, c.StateReason, c.StateReasonData, c.StateUpdatedTimestamp = &st.value, &st.reason, data, &st.at
}

// actions are what an alarm asks for in a state; none while they are disabled.
func (a *alarm) actions(value string) []string {
	enabled, ok, alarm, unknown := false, []string(nil), []string(nil), []string(nil)
	if m := a.Metric; m != nil {
		enabled, ok, alarm, unknown = *m.ActionsEnabled, m.OKActions, m.AlarmActions, m.InsufficientDataActions
	} else {
		c := a.Composite
		enabled, ok, alarm, unknown = *c.ActionsEnabled, c.OKActions, c.AlarmActions, c.InsufficientDataActions
	}
	switch {
	case !enabled:
		return nil
	case value == api.StateValueOk:
		return ok
	case value == api.StateValueAlarm:
		return alarm
	}
	return unknown
}

// all are the actions of every state.
func (a *alarm) all() []string {
	if m := a.Metric; m != nil {
		return append(append(append([]string{}, m.OKActions...), m.AlarmActions...), m.InsufficientDataActions...)
	}
	c := a.Composite
	return append(append(append([]string{}, c.OKActions...), c.AlarmActions...), c.InsufficientDataActions...)
}

// now is the time to the millisecond, as it is sent.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// initial is the state of an alarm that was never evaluated.
//
// AWS: LocalStack, test_put_metric_alarm.
func initial(at time.Time) state {
	return state{value: api.StateValueInsufficientData, reason: "Unchecked: Initial alarm creation", at: at}
}

// put stores an alarm that a client describes: a new one, or another version of
// one that there is, which keeps its state and its tags.
func (s *Service) put(ctx context.Context, at place, next *alarm) error {
	if err := s.checkActions(next); err != nil {
		return err
	}
	if err := checkTags(next.Tags); err != nil {
		return err
	}
	name, t := next.name(), s.alarms(at)
	unlock := s.locks.Lock(at.account + "/" + at.region) // the number of alarms is counted
	defer unlock()
	return store.Update(ctx, s.st, func(c *store.Change) error {
		rec := *next
		old, rev, err := t.Find(ctx, errMissing, name)
		switch {
		case err == nil && old.kind() != rec.kind():
			return api.ValidationException("An alarm of another type has the name " + name + ".")
		case err == nil:
			rec.set(old.state())
			rec.Tags = old.Tags
			rec.keepTransition(&old)
		case err == errMissing: //nolint:errorlint // Find returns it as it is
			rows, err := t.All(ctx)
			if err != nil {
				return err
			}
			if len(rows) >= maxAlarms {
				return api.LimitExceededFault(fmt.Sprintf("The maximum limit of %d alarms is reached.", maxAlarms))
			}
		default:
			return err
		}
		if err := s.requireChildren(ctx, c, at, &rec); err != nil {
			return err
		}
		c.Require(t.Is(store.ID(name), rev))
		store.Add(c, t, store.ID(name), rec)
		what := "created"
		if err == nil {
			what = "updated"
		}
		return s.rememberConfiguration(ctx, c, at, &rec, what)
	})
}

// requireChildren refuses a composite alarm that depends on alarms that do not exist.
//
// AWS: aws-cloudformation-user-guide issue 911.
func (s *Service) requireChildren(ctx context.Context, c *store.Change, at place, a *alarm) error {
	if a.Composite == nil {
		return nil
	}
	t := s.alarms(at)
	var missing []string
	for _, name := range ruleNames(a) {
		switch _, rev, err := t.Find(ctx, errMissing, name); {
		case err == errMissing: //nolint:errorlint // Find returns it as it is
			missing = append(missing, name)
		case err != nil:
			return err
		default:
			c.Require(t.Is(store.ID(name), rev))
		}
	}
	if len(missing) > 0 {
		return api.ValidationException("Could not save the composite alarm as alarms [" + strings.Join(missing, ", ") + "] in the alarm rule do not exist")
	}
	return nil
}

// keepTransition keeps when the state of old was entered.
func (a *alarm) keepTransition(old *alarm) {
	if a.Metric != nil {
		a.Metric.StateTransitionedTimestamp = old.Metric.StateTransitionedTimestamp
		return
	}
	a.Composite.StateTransitionedTimestamp = old.Composite.StateTransitionedTimestamp
}

// errMissing is what Find is told to say of what there is not.
var errMissing = fmt.Errorf("there is no such record")

// find returns an alarm.
func (s *Service) find(ctx context.Context, at place, name string) (alarm, store.Rev, error) {
	return s.alarms(at).Find(ctx, api.ResourceNotFound("Alarm "+name+" does not exist."), name)
}

// checkActions refuses actions that nobody would do.
func (s *Service) checkActions(a *alarm) error {
	seen := map[string]bool{}
	for _, action := range a.all() {
		if seen[action] {
			continue
		}
		seen[action] = true
		if _, err := arn.Parse(action); err != nil {
			return api.ValidationException("Invalid arn syntax: " + action)
		}
		if s.opt.Actions == nil || !s.opt.Actions.Can(action) {
			return api.ValidationException("Gatehouse does not know how to do the action " + action +
				": name what it stands for with the setting alarm-action, or the endpoint of sns with service-endpoint")
		}
	}
	return nil
}

// DeleteAlarms deletes alarms: all, or none.
//
// AWS: a name that no alarm has refuses all; "this total can include no more than one
// composite alarm". What composite alarms depend on stays (cloud-custodian issue 7763,
// aws-nuke issue 462).
func (s *Service) DeleteAlarms(ctx context.Context, in *api.DeleteAlarmsInput) error {
	at := placeOf(awsrpc.CallerFrom(ctx))
	names := slices.Compact(slices.Sorted(slices.Values(in.AlarmNames)))
	unlock := s.locks.Lock(at.account + "/" + at.region) // none is made meanwhile that depends on these
	defer unlock()
	return store.Update(ctx, s.st, func(c *store.Change) error {
		if err := s.deleteAll(ctx, c, at, names); err != nil {
			return err
		}
		return s.deletable(ctx, at, names)
	})
}

// deletable refuses to delete alarms that others depend on, but for those that go too.
func (s *Service) deletable(ctx context.Context, at place, names []string) error {
	rows, err := s.alarms(at).All(ctx)
	if err != nil {
		return err
	}
	composites, needed := 0, map[string]bool{}
	for i := range rows {
		a := &rows[i].Value
		switch {
		case a.Composite == nil:
		case slices.Contains(names, a.name()):
			composites++
		default:
			for _, name := range ruleNames(a) {
				needed[name] = true
			}
		}
	}
	if composites > 1 {
		return api.ValidationException("Only one composite alarm can be deleted at a time.")
	}
	held := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !needed[name] })
	if len(held) == 0 {
		return nil
	}
	them := "them"
	if len(held) == 1 {
		them = "it"
	}
	return api.ValidationException("Cannot delete " + strings.Join(held, ",") + " as there are composite alarm(s) depending on " + them + ".")
}

func (s *Service) deleteAll(ctx context.Context, c *store.Change, at place, names []string) error {
	var missing []string
	t := s.alarms(at)
	for _, name := range names {
		rec, rev, err := t.Find(ctx, errMissing, name)
		if err == errMissing { //nolint:errorlint // Find returns it as it is
			missing = append(missing, name)
			continue
		}
		if err != nil {
			return err
		}
		c.Require(t.Is(store.ID(name), rev))
		c.Do(t.Delete(store.ID(name)))
		if err := s.rememberConfiguration(ctx, c, at, &rec, "deleted"); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		return api.ResourceNotFound("Alarms that do not exist: [" + strings.Join(missing, ", ") + "]")
	}
	return nil
}

// EnableAlarmActions lets alarms act.
func (s *Service) EnableAlarmActions(ctx context.Context, in *api.EnableAlarmActionsInput) error {
	return s.enable(ctx, in.AlarmNames, true)
}

// DisableAlarmActions lets alarms not act.
func (s *Service) DisableAlarmActions(ctx context.Context, in *api.DisableAlarmActionsInput) error {
	return s.enable(ctx, in.AlarmNames, false)
}

// enable sets whether alarms act. Names that no alarm has are ignored.
func (s *Service) enable(ctx context.Context, names []string, is bool) error {
	at := placeOf(awsrpc.CallerFrom(ctx))
	t := s.alarms(at)
	for _, name := range names {
		err := store.Update(ctx, s.st, func(c *store.Change) error {
			rec, rev, err := t.Find(ctx, errMissing, name)
			if err == errMissing { //nolint:errorlint // Find returns it as it is
				return nil
			}
			if err != nil {
				return err
			}
			if rec.Metric != nil {
				rec.Metric.ActionsEnabled = &is
			} else {
				rec.Composite.ActionsEnabled = &is
			}
			c.Require(t.Is(store.ID(name), rev))
			store.Add(c, t, store.ID(name), rec)
			return s.remember(ctx, c, at, &rec, historyItem{
				kind: api.HistoryItemTypeConfigurationUpdate, summary: `Alarm "` + name + `" updated`, data: configurationData(&rec, "updated"),
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// SetAlarmState puts an alarm into a state until it is evaluated again.
func (s *Service) SetAlarmState(ctx context.Context, in *api.SetAlarmStateInput) error {
	at := placeOf(awsrpc.CallerFrom(ctx))
	if _, _, err := s.find(ctx, at, *in.AlarmName); err != nil {
		return err
	}
	if data := str(in.StateReasonData); data != "" && !isJSON(data) {
		return api.InvalidFormatFault("StateReasonData is not valid JSON.")
	}
	err := s.transition(ctx, at, *in.AlarmName, func(*alarm) (state, bool) {
		return state{*in.StateValue, *in.StateReason, str(in.StateReasonData), now()}, true
	})
	if err != nil {
		return err
	}
	s.wakeUp()
	return nil
}
