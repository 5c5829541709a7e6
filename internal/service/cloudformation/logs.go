package cloudformation

import (
	"context"
	"maps"

	"gatehouse/internal/arn"
)

// logsKinds are log groups and what belongs to them.
func logsKinds() []*kind {
	const service = "logs"
	return []*kind{
		{
			Type: "AWS::Logs::LogGroup", service: service, props: "DeletionProtectionEnabled KmsKeyId LogGroupClass! LogGroupName! RetentionInDays Tags@",
			makes: makeLogGroup, turns: turnLogGroup, ends: endLogGroup, reads: readLogGroup,
		},
		{
			Type: "AWS::Logs::LogStream", service: service, props: "LogGroupName! LogStreamName!",
			makes: func(ctx context.Context, w *worker) error {
				return putLogPart(ctx, w, "CreateLogStream", "LogStreamName")
			},
			turns: nothing, reads: logPart{"DescribeLogStreams", "logStreamNamePrefix", "logStreams", "logStreamName"}.read,
			ends: func(ctx context.Context, w *worker) error {
				return endLogPart(ctx, w, "DeleteLogStream", "logStreamName")
			},
		},
		{
			Type: "AWS::Logs::MetricFilter", service: service, props: "FilterName! FilterPattern LogGroupName! MetricTransformations",
			makes: putMetricFilter, turns: putMetricFilter, reads: readMetricFilter,
			ends: func(ctx context.Context, w *worker) error {
				return endLogPart(ctx, w, "DeleteMetricFilter", "filterName")
			},
		},
		{
			Type: "AWS::Logs::SubscriptionFilter", service: service, props: "DestinationArn Distribution FilterName! FilterPattern LogGroupName! RoleArn",
			makes: putSubscription, turns: putSubscription,
			reads: logPart{"DescribeSubscriptionFilters", "filterNamePrefix", "subscriptionFilters", "filterName"}.read,
			ends: func(ctx context.Context, w *worker) error {
				return endLogPart(ctx, w, "DeleteSubscriptionFilter", "filterName")
			},
		},
	}
}

func makeLogGroup(ctx context.Context, w *worker) error {
	in, err := w.kind.input(w.props)
	if err != nil {
		return err
	}
	delete(in, "RetentionInDays")
	name := w.text("LogGroupName")
	if name == "" {
		name = w.physicalName(512)
	}
	in["LogGroupName"] = name
	if _, err := w.call(ctx, "CreateLogGroup", in); err != nil {
		return err
	}
	w.id = name
	if id, err := arn.Parse(str(w.stack.StackId)); err == nil {
		id.Service, id.Resource = "logs", "log-group:"+name+":*"
		w.attributes["Arn"] = id.String()
	}
	return keepEvents(ctx, w)
}

// keepEvents sets how long a group keeps its events.
func keepEvents(ctx context.Context, w *worker) error {
	operation, in := "DeleteRetentionPolicy", map[string]any{"logGroupName": w.id}
	switch days := w.props["RetentionInDays"]; {
	case days != nil:
		operation, in["retentionInDays"] = "PutRetentionPolicy", days
	case w.old["RetentionInDays"] == nil:
		return nil
	}
	_, err := w.call(ctx, operation, in)
	return err
}

func turnLogGroup(ctx context.Context, w *worker) error {
	for _, name := range []string{"KmsKeyId", "DeletionProtectionEnabled"} {
		if !same(w.old[name], w.props[name]) {
			// Nobody can set either; the service says so.
			_, err := w.call(ctx, "CreateLogGroup", map[string]any{"logGroupName": w.id, name: w.props[name]})
			return err
		}
	}
	if err := keepEvents(ctx, w); err != nil {
		return err
	}
	old, err := tagsOf(w.old["Tags"])
	if err != nil {
		return err
	}
	next, err := tagsOf(w.props["Tags"])
	if err != nil {
		return err
	}
	var gone []any
	for key := range old {
		if _, ok := next[key]; !ok {
			gone = append(gone, key)
		}
	}
	if len(gone) > 0 {
		if _, err := w.call(ctx, "UntagLogGroup", map[string]any{"logGroupName": w.id, "tags": gone}); err != nil {
			return err
		}
	}
	if len(next) == 0 || maps.EqualFunc(old, next, same) {
		return nil
	}
	_, err = w.call(ctx, "TagLogGroup", map[string]any{"logGroupName": w.id, "tags": next})
	return err
}

func endLogGroup(ctx context.Context, w *worker) error {
	_, err := w.call(ctx, "DeleteLogGroup", map[string]any{"logGroupName": w.id})
	return err
}

// putLogPart makes or changes what has a name in a group.
func putLogPart(ctx context.Context, w *worker, operation, named string) error {
	in, err := w.kind.input(w.props)
	if err != nil {
		return err
	}
	if w.id == "" {
		if w.id = w.text(named); w.id == "" {
			w.id = w.physicalName(512)
		}
	}
	in[named] = w.id
	_, err = w.call(ctx, operation, in)
	return err
}

// putMetricFilter makes or changes a metric filter, whose dimensions templates
// write as a list.
func putMetricFilter(ctx context.Context, w *worker) error {
	list, _ := w.props["MetricTransformations"].([]any)
	next := make([]any, 0, len(list))
	for _, t := range list {
		m := maps.Clone(asMembers(t))
		if dims, ok := m["Dimensions"].([]any); ok {
			byName := map[string]any{}
			for _, d := range dims {
				key, _ := textOf(asMembers(d)["Key"])
				byName[key] = asMembers(d)["Value"]
			}
			m["Dimensions"] = byName
		}
		next = append(next, m)
	}
	props := maps.Clone(w.props)
	props["MetricTransformations"] = next
	w.props = props
	return putLogPart(ctx, w, "PutMetricFilter", "FilterName")
}

func putSubscription(ctx context.Context, w *worker) error {
	return putLogPart(ctx, w, "PutSubscriptionFilter", "FilterName")
}

func endLogPart(ctx context.Context, w *worker, operation, named string) error {
	_, err := w.call(ctx, operation, map[string]any{"logGroupName": w.text("LogGroupName"), named: w.id})
	return err
}
