package cloudformation

import (
	"context"
	"maps"
	"slices"
)

// readLogGroup reads what a log group is.
func readLogGroup(ctx context.Context, w *worker) (map[string]any, error) {
	list, err := w.every(ctx, "DescribeLogGroups", map[string]any{"logGroupNamePrefix": w.id}, "logGroups")
	if err != nil {
		return nil, err
	}
	found, err := one(list, "logGroupName", w.id)
	if err != nil {
		return nil, err
	}
	if _, stated := w.props["Tags"]; stated {
		tags, err := w.call(ctx, "ListTagsLogGroup", map[string]any{"logGroupName": w.id})
		if err != nil {
			return nil, err
		}
		found["tags"] = tags["tags"]
	}
	return w.inTemplateForm(found), nil
}

// A logPart is what has a name in a log group: how it is found.
type logPart struct{ operation, prefix, list, name string }

func (p logPart) read(ctx context.Context, w *worker) (map[string]any, error) {
	list, err := w.every(ctx, p.operation, map[string]any{"logGroupName": w.text("LogGroupName"), p.prefix: w.id}, p.list)
	if err != nil {
		return nil, err
	}
	found, err := one(list, p.name, w.id)
	if err != nil {
		return nil, err
	}
	maps.Copy(found, only(w.props, "LogGroupName"))
	return w.inTemplateForm(found), nil
}

// readMetricFilter reads a metric filter, whose dimensions templates write as a
// list.
func readMetricFilter(ctx context.Context, w *worker) (map[string]any, error) {
	is, err := logPart{"DescribeMetricFilters", "filterNamePrefix", "metricFilters", "filterName"}.read(ctx, w)
	for _, t := range asItems(is["MetricTransformations"]) {
		dims, ok := member(asMembers(t), "dimensions").(map[string]any)
		if !ok {
			continue
		}
		list := []any{}
		for _, key := range slices.Sorted(maps.Keys(dims)) {
			list = append(list, map[string]any{"Key": key, "Value": dims[key]})
		}
		asMembers(t)["dimensions"] = list
	}
	return is, err
}

// readDelivery reads what is called like the operation that shows it, with what the
// service keeps inside.
func readDelivery(operation, key, found string) func(ctx context.Context, w *worker) (map[string]any, error) {
	return func(ctx context.Context, w *worker) (map[string]any, error) {
		out, err := w.call(ctx, operation, map[string]any{key: w.id})
		if err != nil {
			return nil, err
		}
		made := asMembers(out[found])
		is := w.inTemplateForm(made)
		if c := asMembers(made["deliveryDestinationConfiguration"]); c != nil {
			is["DestinationResourceArn"] = c["destinationResourceArn"]
		}
		if c := asMembers(made["s3DeliveryConfiguration"]); c != nil {
			is["S3SuffixPath"], is["S3EnableHiveCompatiblePath"] = c["suffixPath"], c["enableHiveCompatiblePath"]
		}
		return is, nil
	}
}
