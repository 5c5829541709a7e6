package cloudformation

import (
	"context"

	"gatehouse/internal/awsrpc"
)

// alarmKinds are the alarms of CloudWatch. Those that Put makes it also changes:
// all but the tags.
//
// AWS: template reference of AWS::CloudWatch::Alarm and CompositeAlarm.
func alarmKinds() []*kind {
	const service = "cloudwatch"
	return []*kind{
		{
			Type: "AWS::CloudWatch::Alarm", service: service,
			props: "ActionsEnabled AlarmActions AlarmDescription AlarmName! ComparisonOperator DatapointsToAlarm Dimensions EvaluateLowSampleCountPercentile " +
				"EvaluationPeriods ExtendedStatistic InsufficientDataActions MetricName Metrics Namespace OKActions Period Statistic Tags Threshold " +
				"ThresholdMetricId TreatMissingData Unit",
			makes: putAlarm{"PutMetricAlarm"}.make, turns: putAlarm{"PutMetricAlarm"}.turn, ends: endAlarm, reads: readAlarm,
		},
		{
			Type: "AWS::CloudWatch::CompositeAlarm", service: service,
			props: "ActionsEnabled ActionsSuppressor ActionsSuppressorExtensionPeriod ActionsSuppressorWaitPeriod AlarmActions AlarmDescription AlarmName! AlarmRule " +
				"InsufficientDataActions OKActions Tags",
			makes: putAlarm{"PutCompositeAlarm"}.make, turns: putAlarm{"PutCompositeAlarm"}.turn, ends: endAlarm, reads: readAlarm,
		},
	}
}

// A putAlarm makes and changes alarms by one operation.
type putAlarm struct{ operation string }

func (p putAlarm) make(ctx context.Context, w *worker) error {
	in, err := w.kind.input(w.props)
	if err != nil {
		return err
	}
	name := w.text("AlarmName")
	if name == "" {
		name = w.physicalName(255)
	}
	// AWS: what is there already is not this stack's.
	if is, err := w.alarm(ctx, name); err != nil {
		return err
	} else if is != "" {
		return &awsrpc.Error{Code: "AlreadyExists", Status: 400, Message: name + " already exists"}
	}
	in["AlarmName"] = name
	if _, err := w.call(ctx, p.operation, in); err != nil {
		return err
	}
	w.id = name
	w.attributes["Arn"], err = w.alarm(ctx, name)
	return err
}

// alarm is the ARN of an alarm; empty: there is none.
func (w *worker) alarm(ctx context.Context, name string) (string, error) {
	found, err := w.findAlarm(ctx, name)
	text, _ := textOf(found["AlarmArn"])
	return text, err
}

// findAlarm returns an alarm of either type; nil: there is none.
func (w *worker) findAlarm(ctx context.Context, name string) (map[string]any, error) {
	out, err := w.call(ctx, "DescribeAlarms", map[string]any{"AlarmNames": []any{name}, "AlarmTypes": []any{"MetricAlarm", "CompositeAlarm"}})
	if err != nil {
		return nil, err
	}
	for _, list := range []string{"MetricAlarms", "CompositeAlarms"} {
		for _, a := range asItems(out[list]) {
			return asMembers(a), nil
		}
	}
	return nil, nil
}

// readAlarm reads what an alarm is.
func readAlarm(ctx context.Context, w *worker) (map[string]any, error) {
	found, err := w.findAlarm(ctx, w.id)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, gone(w.id)
	}
	is := w.inTemplateForm(found)
	return is, w.readTags(ctx, is, found["AlarmArn"])
}

func asItems(v any) []any {
	list, _ := v.([]any)
	return list
}

func (p putAlarm) turn(ctx context.Context, w *worker) error {
	in, err := w.kind.input(w.props)
	if err != nil {
		return err
	}
	in["AlarmName"] = w.id
	delete(in, "Tags")
	if _, err := w.call(ctx, p.operation, in); err != nil {
		return err
	}
	resource, err := w.alarm(ctx, w.id)
	if err != nil {
		return err
	}
	return retag(ctx, w, resource)
}

func endAlarm(ctx context.Context, w *worker) error {
	_, err := w.call(ctx, "DeleteAlarms", map[string]any{"AlarmNames": []any{w.id}})
	return err
}
