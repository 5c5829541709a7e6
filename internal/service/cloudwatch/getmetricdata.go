package cloudwatch

import (
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/rollup"
)

// Bounds of GetMetricData.
//
// AWS: API reference of GetMetricData.
const (
	maxQueries    = 500
	maxDatapoints = 100_800
)

// A query is one metric or expression of a request, or of an alarm.
type query struct {
	id     string
	label  string // empty: one is made
	hidden bool   // only others use it
	period time.Duration

	expression *expression // nil: a metric

	source *rollup.Source
	metric string
	unit   string // empty: any
	stat   stat
	units  []string // that were found, if several
}

func (q *query) periodOr(other time.Duration) time.Duration {
	if q.period == 0 {
		return other
	}
	return q.period
}

// name is how the result of an expression is called.
func (q *query) name() string {
	if q.label != "" {
		return q.label
	}
	return q.id
}

var idForm = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)

// newQueries checks queries and takes them apart.
func newQueries(in []api.MetricDataQuery, at place) ([]*query, error) {
	seen := make(map[string]bool)
	list := make([]*query, 0, len(in))
	for i := range in {
		q, err := newQuery(&in[i], "MetricDataQueries.member."+strconv.Itoa(i+1), at)
		if err != nil {
			return nil, err
		}
		if seen[q.id] {
			return nil, api.ValidationException("The values for parameter id in MetricDataQueries are not unique.")
		}
		seen[q.id] = true
		list = append(list, q)
	}
	return list, nil
}

func newQuery(in *api.MetricDataQuery, name string, at place) (*query, error) {
	q := &query{id: *in.Id, label: str(in.Label), hidden: in.ReturnData != nil && !*in.ReturnData}
	switch {
	case !idForm.MatchString(q.id):
		return nil, api.ValidationException("The value " + q.id + " for parameter " + name + ".Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.")
	case in.AccountId != nil && *in.AccountId != at.account:
		return nil, refuse(name+".AccountId", "accounts are not linked")
	case strings.Contains(q.label, "${"):
		return nil, refuse(name+".Label", "labels with ${…} are not filled in")
	case (in.MetricStat == nil) == (in.Expression == nil):
		return nil, api.ValidationException("Exactly one of the parameters " + name + ".MetricStat and " + name + ".Expression must be specified.")
	}
	if in.Period != nil {
		if err := checkPeriod(*in.Period); err != nil {
			return nil, err
		}
		q.period = time.Duration(*in.Period) * time.Second
	}
	if in.Expression != nil {
		if strings.HasPrefix(strings.ToUpper(strings.TrimSpace(*in.Expression)), "SELECT ") {
			return nil, refuse(name+".Expression", "SELECT queries")
		}
		var err error
		if q.expression, err = parseExpression(*in.Expression); err != nil {
			return nil, badExpression(q.id, err)
		}
		return q, q.expression.check(q.id)
	}
	m := in.MetricStat
	if m.Metric.MetricName == nil || m.Metric.Namespace == nil {
		return nil, api.MissingRequiredParameterException("The parameters " + name + ".MetricStat.Metric.Namespace and MetricName are required.")
	}
	if err := checkPeriod(*m.Period); err != nil {
		return nil, err
	}
	q.period = time.Duration(*m.Period) * time.Second
	var ok bool
	if q.stat, ok = parseStat(*m.Stat); !ok {
		return nil, api.ValidationException("The value " + *m.Stat + " for parameter " + name + ".MetricStat.Stat is not supported.")
	}
	q.source, q.metric, q.unit = at.source(m.Metric.Namespace, m.Metric.Dimensions), *m.Metric.MetricName, str(m.Unit)
	return q, nil
}

// check refuses functions that there are not, before anything is read.
func (x *expression) check(id string) error {
	if x.function != "" {
		if _, ok := functions()[x.function]; !ok {
			return refuse("Expression", "the function "+x.function+"; it supports "+strings.Join(functionNames(), ", "))
		}
	}
	for _, a := range x.args {
		if err := a.check(id); err != nil {
			return err
		}
	}
	return nil
}

func badExpression(id string, err error) error {
	return api.ValidationException("Error in expression '" + id + "': " + err.Error())
}

// GetMetricData returns metrics, and what is calculated of them.
func (s *Service) GetMetricData(ctx context.Context, in *api.GetMetricDataInput) (*api.GetMetricDataOutput, error) {
	if len(in.MetricDataQueries) > maxQueries {
		return nil, api.ValidationException(fmt.Sprintf("The collection MetricDataQueries must not have a size greater than %d.", maxQueries))
	}
	if in.LabelOptions != nil {
		return nil, refuse("LabelOptions", "labels with ${…} are not filled in")
	}
	if !in.StartTime.Before(*in.EndTime) {
		return nil, api.ValidationException("The parameter StartTime must be less than the parameter EndTime.")
	}
	skip, err := parseOffset(in.NextToken)
	if err != nil {
		return nil, err
	}
	at := placeOf(awsrpc.CallerFrom(ctx))
	queries, err := newQueries(in.MetricDataQueries, at)
	if err != nil {
		return nil, err
	}
	e := s.evaluation(ctx, at, queries, *in.StartTime, *in.EndTime)
	out := &api.GetMetricDataOutput{Messages: []api.MessageData{}, MetricDataResults: []api.MetricDataResult{}}
	for _, q := range queries {
		r, err := e.of(q)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, badExpression(q.id, err)
		}
		if q.hidden {
			continue
		}
		if !r.hasSeries() {
			return nil, badExpression(q.id, fmt.Errorf("the result must be a time series or an array of them"))
		}
		for _, se := range r.list {
			out.MetricDataResults = append(out.MetricDataResults, metricResult(q, se, queries, str(in.ScanBy) != api.ScanByTimestampAscending))
		}
	}
	page(out, skip, min(int(value(in.MaxDatapoints)), maxDatapoints))
	return out, nil
}

// evaluation prepares the work on queries.
func (s *Service) evaluation(ctx context.Context, at place, queries []*query, from, to time.Time) *evaluation {
	return &evaluation{ctx: ctx, place: at, from: from, to: to, queries: queries, done: map[string]result{}, busy: map[string]bool{},
		read: s.read, search: s.search, budget: maxSeries}
}

// read reads the values of a metric.
//
// AWS: of several units without one that was asked for, the values are those of
// the first by name (LocalStack, test_get_metric_data_different_units_no_unit_in_query).
func (s *Service) read(e *evaluation, q *query) (*series, error) {
	start := e.start(q.period)
	list, err := s.points.Read(e.ctx, q.source, q.metric, start, e.to)
	if err != nil {
		return nil, err
	}
	out := &series{id: q.id, label: q.label, period: q.period}
	q.units = nil
	for i := range list {
		if q.unit != "" && list[i].Unit != q.unit {
			continue
		}
		if q.units = append(q.units, list[i].Unit); len(q.units) > 1 {
			continue
		}
		for _, bin := range bins(list[i].Points, start, q.period) {
			if v, ok := q.stat.of(&bin.Point); ok {
				out.push(bin.At.Unix(), v)
			}
		}
	}
	return out, nil
}

// metricResult is the answer to a query.
func metricResult(q *query, se *series, all []*query, newestFirst bool) api.MetricDataResult {
	label := q.label
	switch {
	case label != "":
	case q.expression == nil:
		label = labelOf(q, all)
	case se.label != "":
		label = se.label
	default:
		label = q.id
	}
	r := api.MetricDataResult{Id: &q.id, Label: &label, StatusCode: new(api.StatusCodeComplete), Timestamps: []time.Time{}, Values: slices.Clone(se.values)}
	for _, at := range se.at {
		r.Timestamps = append(r.Timestamps, time.Unix(at, 0).UTC())
	}
	if newestFirst {
		slices.Reverse(r.Timestamps)
		slices.Reverse(r.Values)
	}
	if r.Values == nil {
		r.Values = []float64{}
	}
	if len(q.units) > 1 {
		r.Messages = []api.MessageData{{Code: new("MultipleUnits"), Value: new("Multiple units returned: '[" + strings.Join(q.units, ", ") + "]'")}}
	}
	return r
}

// labelOf is the label of a metric: its name, and what tells it from the others.
//
// AWS: LocalStack, test_label_generation: statistic and period stand there if
// the queries differ in them.
func labelOf(q *query, all []*query) string {
	label := q.metric
	stats, periods := false, false
	for _, o := range all {
		if o.expression == nil {
			stats = stats || o.stat.name != q.stat.name
			periods = periods || o.period != q.period
		}
	}
	if stats {
		label += " " + q.stat.name
	}
	if periods {
		label += " " + strconv.Itoa(int(q.period/time.Second))
	}
	return label
}

func parseOffset(token *string) (int, error) {
	if token == nil {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(*token)
	n, err2 := strconv.Atoi(string(b))
	if err != nil || err2 != nil || n < 0 {
		return 0, api.InvalidNextToken("The service returned an invalid next token.")
	}
	return n, nil
}

// page leaves the most data points after those that earlier answers had.
func page(out *api.GetMetricDataOutput, skip, most int) {
	if most <= 0 {
		most = maxDatapoints
	}
	end := skip + most
	seen := 0
	for i := range out.MetricDataResults {
		r := &out.MetricDataResults[i]
		n := len(r.Values)
		from, to := min(n, max(0, skip-seen)), min(n, max(0, end-seen))
		r.Values, r.Timestamps = r.Values[from:to], r.Timestamps[from:to]
		if to < n {
			r.StatusCode = new(api.StatusCodePartialData)
			out.NextToken = new(base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(end))))
		}
		seen += n
	}
}
