package cloudwatch

import (
	"context"
	"slices"
	"strconv"
	"time"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/awsrpc"
)

// Bounds of alarms.
//
// AWS: API reference of PutMetricAlarm: periods times evaluation periods are at
// most a day where periods are under an hour, else seven days.
const (
	day        = 24 * 60 * 60
	shortRange = day
	longRange  = 7 * day
	hourPeriod = 60 * 60

	maxAlarmQueries = 20
)

// PutMetricAlarm makes or replaces a metric alarm.
func (s *Service) PutMetricAlarm(ctx context.Context, in *api.PutMetricAlarmInput) error {
	if err := refuseAlarm(in); err != nil {
		return err
	}
	at := placeOf(awsrpc.CallerFrom(ctx))
	m := &api.MetricAlarm{
		AlarmName: in.AlarmName, AlarmArn: new(at.alarmARN(*in.AlarmName)), AlarmDescription: in.AlarmDescription, AlarmConfigurationUpdatedTimestamp: new(now()),
		ActionsEnabled: new(in.ActionsEnabled == nil || *in.ActionsEnabled), OKActions: list(in.OKActions), AlarmActions: list(in.AlarmActions),
		InsufficientDataActions: list(in.InsufficientDataActions), MetricName: in.MetricName, Namespace: in.Namespace, Statistic: in.Statistic,
		ExtendedStatistic: in.ExtendedStatistic, Dimensions: list(in.Dimensions), Period: in.Period, Unit: in.Unit, EvaluationPeriods: in.EvaluationPeriods,
		DatapointsToAlarm: in.DatapointsToAlarm, Threshold: in.Threshold, ComparisonOperator: in.ComparisonOperator, TreatMissingData: in.TreatMissingData,
		EvaluateLowSampleCountPercentile: in.EvaluateLowSampleCountPercentile, Metrics: in.Metrics,
		StateTransitionedTimestamp: new(now()),
	}
	if len(in.Metrics) > 0 {
		m.Dimensions = nil
	}
	if err := checkAlarm(m, at); err != nil {
		return err
	}
	rec := &alarm{Metric: m, Tags: in.Tags}
	m.StateValue = new("")
	rec.set(initial(*m.AlarmConfigurationUpdatedTimestamp))
	if err := s.put(ctx, at, rec); err != nil {
		return err
	}
	s.wakeUp()
	return nil
}

func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// refuseAlarm refuses what nothing would act on.
func refuseAlarm(in *api.PutMetricAlarmInput) error {
	switch {
	case in.ThresholdMetricId != nil:
		return refuse("ThresholdMetricId", "anomaly detection")
	case in.EvaluationWindow != nil:
		return refuse("EvaluationWindow", "")
	case in.WarmUpConfiguration != nil:
		return refuse("WarmUpConfiguration", "")
	case in.EvaluationCriteria != nil:
		return refuse("EvaluationCriteria", "PromQL")
	case in.EvaluationInterval != nil:
		return refuse("EvaluationInterval", "")
	case in.ActionConfiguration != nil:
		return refuse("ActionConfiguration", "")
	}
	if _, ok := comparisons[str(in.ComparisonOperator)]; in.ComparisonOperator != nil && !ok {
		return refuse("ComparisonOperator", "that of anomaly detection")
	}
	return nil
}

// checkAlarm refuses an alarm that cannot be evaluated.
func checkAlarm(m *api.MetricAlarm, at place) error {
	switch {
	case m.ComparisonOperator == nil || m.EvaluationPeriods == nil || m.Threshold == nil:
		return api.ValidationException("The parameters ComparisonOperator, EvaluationPeriods and Threshold are required.")
	case m.TreatMissingData != nil && !slices.Contains([]string{"breaching", "notBreaching", "ignore", "missing"}, *m.TreatMissingData):
		return api.ValidationException("The value " + *m.TreatMissingData + " is not supported for TreatMissingData parameter. Supported values are [breaching, notBreaching, ignore, missing].")
	case m.DatapointsToAlarm != nil && *m.DatapointsToAlarm > *m.EvaluationPeriods:
		return api.ValidationException("DatapointsToAlarm must be less than or equal to EvaluationPeriods.")
	case m.EvaluateLowSampleCountPercentile != nil && m.ExtendedStatistic == nil:
		return api.ValidationException("EvaluateLowSampleCountPercentile is for alarms with ExtendedStatistic.")
	case m.EvaluateLowSampleCountPercentile != nil && *m.EvaluateLowSampleCountPercentile != "ignore" && *m.EvaluateLowSampleCountPercentile != "evaluate":
		return api.ValidationException("Option " + *m.EvaluateLowSampleCountPercentile + " is not supported. Supported options for parameter EvaluateLowSampleCountPercentile are evaluate and ignore.")
	}
	queries, err := alarmQueries(m, at)
	if err != nil {
		return err
	}
	period := int64(alarmPeriod(queries) / time.Second)
	span, most := period*int64(*m.EvaluationPeriods), int64(shortRange)
	if period >= hourPeriod {
		most = longRange
	}
	if span > most {
		return api.ValidationException("Metrics cannot be checked across more than " + strconv.FormatInt(most/day, 10) + " day(s) (EvaluationPeriods * Period must be <= " + strconv.FormatInt(most, 10) + ").")
	}
	return nil
}

// alarmQueries are the queries of an alarm: one of them is returned.
func alarmQueries(m *api.MetricAlarm, at place) ([]*query, error) {
	single := m.MetricName != nil || m.Namespace != nil || m.Statistic != nil || m.ExtendedStatistic != nil || m.Period != nil || len(m.Dimensions) > 0 || m.Unit != nil
	if len(m.Metrics) == 0 {
		if m.MetricName == nil || m.Namespace == nil || m.Period == nil || (m.Statistic == nil) == (m.ExtendedStatistic == nil) {
			return nil, api.ValidationException("MetricName, Namespace, Period and exactly one of Statistic and ExtendedStatistic are required, or Metrics.")
		}
		stat := str(m.Statistic) + str(m.ExtendedStatistic)
		q, err := newQuery(&api.MetricDataQuery{Id: new("m"), MetricStat: &api.MetricStat{
			Metric: &api.Metric{Namespace: m.Namespace, MetricName: m.MetricName, Dimensions: m.Dimensions}, Period: m.Period, Stat: &stat, Unit: m.Unit,
		}}, "Metrics", at)
		return []*query{q}, err
	}
	switch {
	case single:
		return nil, api.ValidationException("Metrics list cannot be specified together with MetricName, Namespace, Dimensions, Period, Unit, Statistic or ExtendedStatistic.")
	case len(m.Metrics) > maxAlarmQueries:
		return nil, api.ValidationException("An alarm has at most 20 metrics and expressions.")
	}
	queries, err := newQueries(m.Metrics, at)
	if err != nil {
		return nil, err
	}
	returned := 0
	for _, q := range queries {
		if !q.hidden {
			returned++
		}
	}
	if returned != 1 {
		return nil, api.ValidationException("Exactly one element of the metrics list should return data.")
	}
	return queries, nil
}

// alarmPeriod is the longest period of an alarm's metrics.
func alarmPeriod(queries []*query) time.Duration {
	period := time.Minute
	for _, q := range queries {
		period = max(period, q.period)
	}
	return period
}

// PutCompositeAlarm makes or replaces a composite alarm.
func (s *Service) PutCompositeAlarm(ctx context.Context, in *api.PutCompositeAlarmInput) error {
	switch {
	case in.ActionConfiguration != nil:
		return refuse("ActionConfiguration", "")
	case in.ActionsSuppressor != nil || in.ActionsSuppressorWaitPeriod != nil || in.ActionsSuppressorExtensionPeriod != nil:
		return refuse("ActionsSuppressor", "")
	}
	r, err := parseRule(*in.AlarmRule)
	if err != nil {
		return api.ValidationException("AlarmRule is not valid: " + err.Error())
	}
	at := placeOf(awsrpc.CallerFrom(ctx))
	if slices.Contains(r.names(nil), *in.AlarmName) {
		return api.ValidationException("The alarm rule refers to the alarm itself.")
	}
	c := &api.CompositeAlarm{
		AlarmName: in.AlarmName, AlarmArn: new(at.alarmARN(*in.AlarmName)), AlarmDescription: in.AlarmDescription, AlarmConfigurationUpdatedTimestamp: new(now()),
		ActionsEnabled: new(in.ActionsEnabled == nil || *in.ActionsEnabled), OKActions: list(in.OKActions), AlarmActions: list(in.AlarmActions),
		InsufficientDataActions: list(in.InsufficientDataActions), AlarmRule: in.AlarmRule, StateTransitionedTimestamp: new(now()),
	}
	rec := &alarm{Composite: c, Tags: in.Tags}
	c.StateValue = new("")
	rec.set(initial(*c.AlarmConfigurationUpdatedTimestamp))
	if err := s.put(ctx, at, rec); err != nil {
		return err
	}
	s.wakeUp()
	return nil
}
