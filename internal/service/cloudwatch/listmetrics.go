package cloudwatch

import (
	"context"
	"encoding/base64"
	"slices"
	"time"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/rollup"
)

const (
	// listPage is how many metrics one answer has.
	//
	// AWS: "Up to 500 results are returned for any one call".
	listPage = 500
	// listedFor is for how long a metric is listed that is not measured any more.
	//
	// AWS: "metrics that have not had any new data reported in the past two weeks"
	// do not appear.
	listedFor = 14 * 24 * time.Hour
	recently  = 3 * time.Hour // RecentlyActive, PT3H
)

// ListMetrics lists metrics.
func (s *Service) ListMetrics(ctx context.Context, in *api.ListMetricsInput) (*api.ListMetricsOutput, error) {
	switch {
	case value(in.IncludeLinkedAccounts):
		return nil, refuse("IncludeLinkedAccounts", "accounts are not linked")
	case in.OwningAccount != nil:
		return nil, refuse("OwningAccount", "accounts are not linked")
	}
	since := time.Now().Add(-listedFor)
	if in.RecentlyActive != nil {
		since = time.Now().Add(-recently)
	}
	after := ""
	if in.NextToken != nil {
		b, err := base64.RawURLEncoding.DecodeString(*in.NextToken)
		if err != nil {
			return nil, api.InvalidParameterValueException("The value " + *in.NextToken + " for parameter NextToken is invalid.")
		}
		after = string(b)
	}
	out := &api.ListMetricsOutput{Metrics: []api.Metric{}}
	c := awsrpc.CallerFrom(ctx)
	skipping, last := after != "", ""
	s.points.List(c.Account, c.Region, since, func(l *rollup.Listed) bool {
		id := listID(l)
		switch {
		case skipping:
			skipping = id != after
			return true
		case id == last || !listed(l, in):
			return true // id: it has several units
		case len(out.Metrics) == listPage:
			out.NextToken = new(base64.RawURLEncoding.EncodeToString([]byte(last)))
			return false
		}
		last = id
		out.Metrics = append(out.Metrics, api.Metric{Namespace: &l.Namespace, MetricName: &l.Name, Dimensions: dimensions(&l.Source)})
		return true
	})
	return out, nil
}

// listID is what tells a metric from the others of its account.
func listID(l *rollup.Listed) string {
	id := l.Namespace + "\x00" + l.Name
	for _, d := range l.Dimensions {
		id += "\x00" + d.Name + "\x00" + d.Value
	}
	return id
}

// listed tells whether a metric is asked for.
//
// AWS: a filter without a value takes every value.
func listed(l *rollup.Listed, in *api.ListMetricsInput) bool {
	if in.Namespace != nil && l.Namespace != *in.Namespace || in.MetricName != nil && l.Name != *in.MetricName {
		return false
	}
	for _, f := range in.Dimensions {
		if !slices.ContainsFunc(l.Dimensions, func(d rollup.Dimension) bool {
			return d.Name == str(f.Name) && (f.Value == nil || d.Value == *f.Value)
		}) {
			return false
		}
	}
	return true
}
