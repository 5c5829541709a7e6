package logs

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/logs"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/journal"
)

// Metrics takes what metric filters count.
type Metrics interface {
	// PutMetric adds one value of a metric of an account and Region.
	PutMetric(account, region string, m Metric)
}

// A Metric is a value that a metric filter has found in an event.
type Metric struct {
	Namespace, Name string
	Unit            string // one of CloudWatch's
	Dimensions      map[string]string
	Value           float64
	At              time.Time
}

// Bounds of filters.
//
// AWS: CloudWatch Logs quotas, and PutMetricFilter.
const (
	maxMetricFilters = 100
	maxSubscriptions = 2
	maxDimensions    = 3
)

// PutMetricFilter makes or replaces a metric filter.
func (s *Service) PutMetricFilter(ctx context.Context, in *api.PutMetricFilterInput) error {
	switch {
	case s.opt.Metrics == nil:
		return errInvalid("Gatehouse has no metrics to put the values of metric filters into")
	case is(in.ApplyOnTransformedLogs):
		return noTransformer.refuse()
	case in.FieldSelectionCriteria != nil || in.EmitSystemFieldDimensions != nil:
		return noSystemFields.refuse()
	}
	p, err := ParsePattern(*in.FilterPattern)
	if err != nil {
		return err
	}
	if err := checkTransformation(p, &in.MetricTransformations[0]); err != nil {
		return err
	}
	return s.edit(ctx, *in.LogGroupName, func(rec *groupRecord) error {
		f := api.MetricFilter{
			FilterName: in.FilterName, FilterPattern: in.FilterPattern, LogGroupName: in.LogGroupName,
			MetricTransformations: in.MetricTransformations, CreationTime: new(now()),
		}
		i := slices.IndexFunc(rec.MetricFilters, func(o api.MetricFilter) bool { return *o.FilterName == *in.FilterName })
		switch {
		case i >= 0:
			f.CreationTime = rec.MetricFilters[i].CreationTime
			rec.MetricFilters[i] = f
		case len(rec.MetricFilters) >= maxMetricFilters:
			return api.LimitExceededException("Resource limit exceeded.")
		default:
			rec.MetricFilters = append(rec.MetricFilters, f)
		}
		return nil
	})
}

// checkTransformation refuses values and dimensions that cannot be found.
//
// AWS: PutMetricFilter and MetricTransformation; texts are ours.
func checkTransformation(p *Pattern, t *api.MetricTransformation) error {
	known := func(name string) bool {
		return strings.HasPrefix(name, "$.") && p.json || strings.HasPrefix(name, "$") && slices.Contains(p.fields, name[1:])
	}
	if v := *t.MetricValue; strings.HasPrefix(v, "$") {
		if !known(v) {
			return errInvalid("Invalid metric transformation: the filter pattern has no field '" + v + "'")
		}
	} else if _, err := strconv.ParseFloat(v, 64); err != nil {
		return errInvalid("Invalid metric transformation: metricValue must be a number, or a field of the filter pattern")
	}
	switch {
	case len(t.Dimensions) > maxDimensions:
		return errInvalid("Invalid metric transformation: at most 3 dimensions can be given")
	case len(t.Dimensions) > 0 && t.DefaultValue != nil:
		return errInvalid("Invalid metric transformation: dimensions and default value are mutually exclusive properties.")
	}
	for _, field := range t.Dimensions {
		if !known(field) {
			return errInvalid("Invalid metric transformation: the filter pattern has no field '" + field + "'")
		}
	}
	return nil
}

// DeleteMetricFilter removes a metric filter.
func (s *Service) DeleteMetricFilter(ctx context.Context, in *api.DeleteMetricFilterInput) error {
	return s.edit(ctx, *in.LogGroupName, func(rec *groupRecord) error {
		n := len(rec.MetricFilters)
		rec.MetricFilters = slices.DeleteFunc(rec.MetricFilters, func(f api.MetricFilter) bool { return *f.FilterName == *in.FilterName })
		if len(rec.MetricFilters) == n {
			return api.ResourceNotFoundException("The specified metric filter does not exist.")
		}
		return nil
	})
}

// DescribeMetricFilters lists metric filters, of one group or of all.
func (s *Service) DescribeMetricFilters(ctx context.Context, in *api.DescribeMetricFiltersInput) (*api.DescribeMetricFiltersResponse, error) {
	if (in.MetricName == nil) != (in.MetricNamespace == nil) {
		// AWS: DescribeMetricFilters: both or none.
		return nil, errInvalid("metricName and metricNamespace must be given together.")
	}
	if in.LogGroupName != nil {
		if _, err := s.find(ctx, *in.LogGroupName); err != nil {
			return nil, err
		}
	}
	groups, err := s.listed(ctx, func(rec *groupRecord) bool { return in.LogGroupName == nil || rec.Name == *in.LogGroupName })
	if err != nil {
		return nil, err
	}
	list := []api.MetricFilter{}
	for _, rec := range groups {
		for _, f := range rec.MetricFilters {
			t := &f.MetricTransformations[0]
			if strings.HasPrefix(*f.FilterName, str(in.FilterNamePrefix)) &&
				(in.MetricName == nil || *t.MetricName == *in.MetricName && *t.MetricNamespace == *in.MetricNamespace) {
				list = append(list, f)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b api.MetricFilter) int { return strings.Compare(*a.FilterName, *b.FilterName) })
	page, next, ok := awsrpc.Page(list, func(f *api.MetricFilter) string { return *f.LogGroupName + " " + *f.FilterName }, in.NextToken, limit(in.Limit, 50))
	if !ok {
		return nil, errToken()
	}
	return &api.DescribeMetricFiltersResponse{MetricFilters: page, NextToken: next}, nil
}

// TestMetricFilter shows which messages match a pattern.
func (s *Service) TestMetricFilter(_ context.Context, in *api.TestMetricFilterInput) (*api.TestMetricFilterResponse, error) {
	p, err := ParsePattern(*in.FilterPattern)
	if err != nil {
		return nil, err
	}
	out := &api.TestMetricFilterResponse{Matches: []api.MetricFilterMatchRecord{}}
	for i, message := range in.LogEventMessages {
		if p.Match([]byte(message)) {
			out.Matches = append(out.Matches, api.MetricFilterMatchRecord{
				EventNumber: new(int64(i + 1)), EventMessage: &message, ExtractedValues: p.values([]byte(message)),
			})
		}
	}
	return out, nil
}

// A counter is a metric filter at work.
type counter struct {
	pattern *Pattern
	to      api.MetricTransformation
	quiet   int64 // the last minute that the default value stands for
}

func newCounters(filters []api.MetricFilter) []*counter {
	var list []*counter
	for _, f := range filters {
		if p, err := ParsePattern(*f.FilterPattern); err == nil { // it was parsed before it was stored
			list = append(list, &counter{pattern: p, to: f.MetricTransformations[0]})
		}
	}
	return list
}

// count puts what the filter finds in events.
func (c *counter) count(m Metrics, at place, entries []journal.Entry) {
	matched := false
	for i := range entries {
		e := &entries[i]
		if !c.pattern.Match(e.Text) {
			continue
		}
		matched = true
		if value, ok := c.metric(e); ok {
			m.PutMetric(at.Account, at.Region, value)
		}
	}
	// AWS: MetricTransformation, defaultValue: what is reported when events were
	// taken in and none matched. Here once a minute.
	if last := entries[len(entries)-1].Time / 60_000; !matched && c.to.DefaultValue != nil && last != c.quiet {
		c.quiet = last
		m.PutMetric(at.Account, at.Region, c.named(*c.to.DefaultValue, entries[len(entries)-1].Time))
	}
}

func (c *counter) named(value float64, at int64) Metric {
	return Metric{Namespace: *c.to.MetricNamespace, Name: *c.to.MetricName, Unit: str(c.to.Unit), Value: value, At: time.UnixMilli(at)}
}

// metric is the value of an event that matches; false: it has none.
func (c *counter) metric(e *journal.Entry) (Metric, bool) {
	text := *c.to.MetricValue
	if !strings.HasPrefix(text, "$") && len(c.to.Dimensions) == 0 {
		value, err := strconv.ParseFloat(text, 64)
		return c.named(value, e.Time), err == nil
	}
	found := c.pattern.lookup(e.Text)
	if strings.HasPrefix(text, "$") {
		text, _ = found(text)
	}
	value, err := strconv.ParseFloat(text, 64)
	m := c.named(value, e.Time)
	for name, field := range c.to.Dimensions {
		v, ok := found(field)
		if !ok || v == "" {
			return m, false // AWS: a metric without all its dimensions is not reported
		}
		if m.Dimensions == nil {
			m.Dimensions = map[string]string{}
		}
		m.Dimensions[name] = v
	}
	return m, err == nil
}
