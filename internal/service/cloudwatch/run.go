package cloudwatch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/guard"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

const (
	// evaluateAfter is how long after the end of a minute the alarms are
	// evaluated: what was counted in it is recorded then.
	evaluateAfter = 3 * time.Second
	// evaluateAtOnce is how many alarms are evaluated side by side.
	evaluateAtOnce = 4
)

// Run evaluates alarms after each minute, and does what they ask for, until ctx
// ends. What was asked for and is not done is done by the next Run.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.runEvaluations(ctx) })
	g.Go(func() error { return s.runActions(ctx) }) // which may be slow
	return g.Wait()
}

func (s *Service) runEvaluations(ctx context.Context) error {
	due, forgotten := nextEvaluation(time.Now()), time.Time{}
	for s.wait(ctx, due, s.wake) {
		now := time.Now()
		if due.After(nextEvaluation(now)) { // the clock was set back
			due = nextEvaluation(now)
		}
		if now.Before(due) {
			s.composites(ctx)
		} else {
			due = nextEvaluation(now)
			s.evaluateAll(ctx, now.Truncate(time.Minute))
			if time.Since(forgotten) >= forgetEvery {
				forgotten = time.Now()
				s.forget(ctx)
			}
		}
		nudge(s.asked)
	}
	return nil
}

func (s *Service) runActions(ctx context.Context) error {
	next := time.Now() // what the last run left is done at once
	for s.wait(ctx, next, s.asked) {
		next = s.deliver(ctx)
	}
	return nil
}

// wait waits for a time or a nudge; false if ctx has ended.
func (*Service) wait(ctx context.Context, until time.Time, nudged <-chan struct{}) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-nudged:
	case <-timer.C:
	}
	return true
}

// nudge lets who waits look what is to be done.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is about to
	}
}

// nextEvaluation is when alarms are evaluated after a time.
func nextEvaluation(now time.Time) time.Time {
	next := now.Truncate(time.Minute).Add(evaluateAfter)
	if !next.After(now) {
		next = next.Add(time.Minute)
	}
	return next
}

// wakeUp lets Run look at alarms that were changed.
func (s *Service) wakeUp() { nudge(s.wake) }

// evaluateAll evaluates the alarms of all accounts and regions at the end of a
// minute.
func (s *Service) evaluateAll(ctx context.Context, end time.Time) {
	scopes, err := record.Scopes(ctx, s.st)
	if err != nil {
		s.complain(ctx, "alarms were not evaluated", err)
		return
	}
	g := new(errgroup.Group)
	g.SetLimit(evaluateAtOnce)
	for _, sc := range scopes {
		at := place{sc.Account, sc.Region}
		rows, err := s.alarms(at).All(ctx)
		if err != nil {
			s.complain(ctx, "alarms were not evaluated", err)
			continue
		}
		for i := range rows {
			if m := rows[i].Value.Metric; m != nil {
				g.Go(func() error {
					s.evaluateOne(ctx, at, m, end)
					return nil
				})
			}
		}
	}
	_ = g.Wait() // they return nil
	s.composites(ctx)
}

// complain logs what an operator should see, unless the end is the reason.
func (s *Service) complain(ctx context.Context, what string, err error, attrs ...any) {
	if ctx.Err() == nil {
		s.log.Error("alarms are in trouble", append(attrs, "what", what, "error", err)...)
	}
}

func (s *Service) evaluateOne(ctx context.Context, at place, m *api.MetricAlarm, end time.Time) {
	var st state
	var changed bool
	err := guard.Do(func() (err error) {
		st, changed, err = s.evaluate(ctx, at, m, end)
		return err
	})
	if err != nil {
		s.complain(ctx, "an alarm was not evaluated", err, "alarm", *m.AlarmArn)
		return
	}
	if !changed || st.value == *m.StateValue {
		return
	}
	st.at = now()
	configured := *m.AlarmConfigurationUpdatedTimestamp
	err = s.transition(ctx, at, *m.AlarmName, func(a *alarm) (state, bool) {
		// What it was evaluated by may have changed meanwhile.
		return st, a.Metric != nil && a.Metric.AlarmConfigurationUpdatedTimestamp.Equal(configured) && *a.Metric.StateValue == *m.StateValue
	})
	if err != nil {
		s.complain(ctx, "the state of an alarm was not kept", err, "alarm", *m.AlarmArn)
	}
}

// compositeState is the state of a composite alarm, with the alarm that changed
// last as the reason.
//
// AWS: API reference of CompositeAlarm, examples of StateReason and of its data.
func compositeState(at place, r *rule, states map[string]state) state {
	st := state{value: api.StateValueOk, at: now()}
	if r.holds(states) {
		st.value = api.StateValueAlarm
	}
	names := r.names(nil)
	names = slices.DeleteFunc(names, func(n string) bool { _, ok := states[n]; return !ok })
	if len(names) == 0 {
		st.reason = "The rule is " + strings.ToLower(st.value)
		return st
	}
	last := slices.MaxFunc(names, func(a, b string) int { return states[a].at.Compare(states[b].at) })
	of := states[last]
	st.reason = at.alarmARN(last) + " transitioned to " + of.value + " at " + of.at.Format("Monday 02 January, 2006 15:04:05 UTC")
	st.data = text(map[string]any{"triggeringAlarms": []any{map[string]any{
		"arn": at.alarmARN(last), "state": map[string]string{"value": of.value, "timestamp": of.at.Format(stateDate)},
	}}})
	return st
}

// transition puts an alarm into the state that to returns, if it says so, and
// notes what it asks for in the same commit.
func (s *Service) transition(ctx context.Context, at place, name string, to func(*alarm) (state, bool)) error {
	t := s.alarms(at)
	return store.Update(ctx, s.st, func(c *store.Change) error {
		rec, rev, err := t.Find(ctx, errMissing, name)
		if errors.Is(err, errMissing) {
			return nil // it was deleted
		}
		if err != nil {
			return err
		}
		next, ok := to(&rec)
		if !ok {
			return nil
		}
		before := rec.state()
		rec.set(next)
		c.Require(t.Is(store.ID(name), rev))
		store.Add(c, t, store.ID(name), rec)
		if before.value == next.value {
			return nil
		}
		if err := s.remember(ctx, c, at, &rec, historyItem{
			kind: api.HistoryItemTypeStateUpdate, summary: "Alarm updated from " + before.value + " to " + next.value, data: transitionText(before, next),
		}); err != nil {
			return err
		}
		s.ask(c, at, &rec, before)
		return nil
	})
}
