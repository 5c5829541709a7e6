package cloudwatch

import (
	"context"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// DescribeAlarms tells of alarms.
//
// AWS: without AlarmTypes only metric alarms.
func (s *Service) DescribeAlarms(ctx context.Context, in *api.DescribeAlarmsInput) (*api.DescribeAlarmsOutput, error) {
	at := placeOf(awsrpc.CallerFrom(ctx))
	rows, err := s.alarms(at).All(ctx)
	if err != nil {
		return nil, err
	}
	related, err := s.related(ctx, at, in)
	if err != nil {
		return nil, err
	}
	types := in.AlarmTypes
	if len(types) == 0 && related == nil {
		types = []string{api.AlarmTypeMetricAlarm}
	}
	type row = store.Row[alarm]
	rows = slices.DeleteFunc(rows, func(r row) bool {
		a := &r.Value
		return len(types) > 0 && !slices.Contains(types, a.kind()) ||
			len(in.AlarmNames) > 0 && !slices.Contains(in.AlarmNames, a.name()) ||
			!strings.HasPrefix(a.name(), str(in.AlarmNamePrefix)) ||
			in.StateValue != nil && a.state().value != *in.StateValue ||
			in.ActionPrefix != nil && !slices.ContainsFunc(a.all(), func(x string) bool { return strings.HasPrefix(x, *in.ActionPrefix) }) ||
			related != nil && !slices.Contains(related, a.name())
	})
	page, next, ok := awsrpc.Page(rows, func(r *row) string { return r.ID }, in.NextToken, pageSize(in.MaxRecords))
	if !ok {
		return nil, api.InvalidNextToken("The service returned an invalid next token.")
	}
	out := &api.DescribeAlarmsOutput{MetricAlarms: []api.MetricAlarm{}, CompositeAlarms: []api.CompositeAlarm{}, NextToken: next}
	for i := range page {
		switch a := &page[i].Value; {
		case a.Composite != nil && related != nil:
			out.CompositeAlarms = append(out.CompositeAlarms, api.CompositeAlarm{AlarmName: a.Composite.AlarmName, AlarmArn: a.Composite.AlarmArn, StateValue: a.Composite.StateValue, StateUpdatedTimestamp: a.Composite.StateUpdatedTimestamp, AlarmRule: a.Composite.AlarmRule})
		case a.Composite != nil:
			out.CompositeAlarms = append(out.CompositeAlarms, *a.Composite)
		default:
			out.MetricAlarms = append(out.MetricAlarms, *a.Metric)
		}
	}
	return out, nil
}

// related are the names of the alarms that a composite alarm asks about, or of
// those that ask about an alarm; nil: nobody wants to know.
func (s *Service) related(ctx context.Context, at place, in *api.DescribeAlarmsInput) ([]string, error) {
	names := []string{}
	switch {
	case in.ChildrenOfAlarmName != nil:
		a, _, err := s.find(ctx, at, *in.ChildrenOfAlarmName)
		if err != nil || a.Composite == nil {
			return names, err
		}
		return ruleNames(&a), nil
	case in.ParentsOfAlarmName != nil:
		rows, err := s.alarms(at).All(ctx)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			if a := &rows[i].Value; a.Composite != nil && slices.Contains(ruleNames(a), *in.ParentsOfAlarmName) {
				names = append(names, a.name())
			}
		}
		return names, nil
	}
	return nil, nil
}

func ruleNames(a *alarm) []string {
	r, err := parseRule(*a.Composite.AlarmRule)
	if err != nil {
		return []string{} // it was parsed when it was put
	}
	return r.names([]string{})
}

// DescribeAlarmsForMetric tells of the alarms on one metric.
func (s *Service) DescribeAlarmsForMetric(ctx context.Context, in *api.DescribeAlarmsForMetricInput) (*api.DescribeAlarmsForMetricOutput, error) {
	at := placeOf(awsrpc.CallerFrom(ctx))
	rows, err := s.alarms(at).All(ctx)
	if err != nil {
		return nil, err
	}
	want := at.source(in.Namespace, in.Dimensions)
	out := &api.DescribeAlarmsForMetricOutput{MetricAlarms: []api.MetricAlarm{}}
	for i := range rows {
		m := rows[i].Value.Metric
		switch {
		case m == nil || str(m.MetricName) != *in.MetricName || !sameSource(at.source(m.Namespace, m.Dimensions), want):
		case in.Statistic != nil && str(m.Statistic) != *in.Statistic, in.ExtendedStatistic != nil && str(m.ExtendedStatistic) != *in.ExtendedStatistic:
		case in.Period != nil && value(m.Period) != *in.Period, in.Unit != nil && str(m.Unit) != *in.Unit:
		default:
			out.MetricAlarms = append(out.MetricAlarms, *m)
		}
	}
	return out, nil
}
