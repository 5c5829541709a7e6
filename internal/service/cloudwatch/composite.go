package cloudwatch

import (
	"context"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/guard"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// composites evaluates the composite alarms.
func (s *Service) composites(ctx context.Context) {
	scopes, err := record.Scopes(ctx, s.st)
	if err != nil {
		s.complain(ctx, "composite alarms were not evaluated", err)
		return
	}
	for _, sc := range scopes {
		at := place{sc.Account, sc.Region}
		if err := guard.Do(func() error { return s.compositesOf(ctx, at) }); err != nil {
			s.complain(ctx, "composite alarms were not evaluated", err)
		}
	}
}

// compositesOf evaluates the composite alarms of an account in a Region, each
// after those that it asks about.
func (s *Service) compositesOf(ctx context.Context, at place) error {
	rows, err := s.alarms(at).All(ctx)
	if err != nil {
		return err
	}
	states := make(map[string]state, len(rows))
	for i := range rows {
		states[rows[i].Value.name()] = rows[i].Value.state()
	}
	list, err := inOrder(rows)
	if err != nil {
		return err
	}
	for _, c := range list {
		name, was := *c.alarm.AlarmName, *c.alarm.StateValue
		st := compositeState(at, c.rule, states)
		if st.value == was {
			continue
		}
		err := s.transition(ctx, at, name, func(a *alarm) (state, bool) {
			return st, a.Composite != nil && *a.Composite.StateValue == was && *a.Composite.AlarmRule == *c.alarm.AlarmRule
		})
		if err != nil {
			return err
		}
		states[name] = st
	}
	return nil
}

// A composite is a composite alarm with its rule.
type composite struct {
	alarm *api.CompositeAlarm
	rule  *rule
	walk  walk
}

// A walk is how far a composite alarm was followed.
type walk int

const (
	unseen walk = iota
	open        // what it asks about is being followed
	fine        // it asks about no cycle
	cyclic      // it is in a cycle, or asks about one
)

// inOrder lists the composite alarms that can be evaluated, each behind those
// that it asks about. Those of cycles, and all that ask about them, are left out.
//
// AWS: API reference of PutCompositeAlarm: "the evaluation of composite alarms
// stops if CloudWatch detects a cycle in the evaluation path".
func inOrder(rows []store.Row[alarm]) ([]*composite, error) {
	all := map[string]*composite{}
	for i := range rows {
		c := rows[i].Value.Composite
		if c == nil {
			continue
		}
		r, err := parseRule(*c.AlarmRule)
		if err != nil {
			return nil, err
		}
		all[*c.AlarmName] = &composite{alarm: c, rule: r}
	}
	list := make([]*composite, 0, len(all))
	var follow func(*composite) walk
	follow = func(c *composite) walk {
		switch c.walk {
		case unseen:
		case open:
			return cyclic
		default:
			return c.walk
		}
		c.walk = open
		end := fine
		for _, name := range c.rule.names(nil) {
			if on := all[name]; on != nil && follow(on) == cyclic {
				end = cyclic
			}
		}
		if c.walk = end; end == fine {
			list = append(list, c)
		}
		return end
	}
	for i := range rows {
		if c := all[rows[i].Value.name()]; c != nil {
			follow(c)
		}
	}
	return list, nil
}
