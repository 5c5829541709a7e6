package cloudwatch

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/rollup"
)

// rangeBeyond is how many periods more than its evaluation periods an alarm looks
// at, so that a missing one does not count while there are others.
//
// AWS: "CloudWatch attempts to retrieve a higher number of data points than the
// number specified as Evaluation Periods"; in the examples two more.
const rangeBeyond = 2

// comparisons by their names: whether a value breaches, and in words.
var comparisons = map[string]struct {
	breaches func(v, threshold float64) bool
	words    string
}{
	api.ComparisonOperatorGreaterThanOrEqualToThreshold: {func(v, t float64) bool { return v >= t }, "greater than or equal to"},
	api.ComparisonOperatorGreaterThanThreshold:          {func(v, t float64) bool { return v > t }, "greater than"},
	api.ComparisonOperatorLessThanThreshold:             {func(v, t float64) bool { return v < t }, "less than"},
	api.ComparisonOperatorLessThanOrEqualToThreshold:    {func(v, t float64) bool { return v <= t }, "less than or equal to"},
}

// A slot is one period of those that an alarm looks at.
type slot struct {
	at    time.Time
	has   bool
	value float64
	count float64 // samples; of one metric
	few   bool    // too few samples for the percentile, and it is to be ignored
}

// evaluate tells the state of a metric alarm at the end of a minute; false if it
// stays what it is.
func (s *Service) evaluate(ctx context.Context, at place, m *api.MetricAlarm, end time.Time) (state, bool, error) {
	queries, err := alarmQueries(m, at)
	if err != nil {
		return state{}, false, err
	}
	slots, err := s.slots(ctx, at, m, queries, end)
	if err != nil {
		return state{}, false, err
	}
	v := judge(m, slots)
	if v.value == "" {
		return state{}, false, nil
	}
	return state{v.value, v.reason(m), v.data(m, slots, end), end}, true, nil
}

// slots reads the periods that an alarm looks at, the newest last.
func (s *Service) slots(ctx context.Context, at place, m *api.MetricAlarm, queries []*query, end time.Time) ([]slot, error) {
	period := alarmPeriod(queries)
	n := int(*m.EvaluationPeriods) + rangeBeyond
	from := end.Add(-time.Duration(n) * period)
	slots := make([]slot, n)
	for i := range slots {
		slots[i].at = from.Add(time.Duration(i) * period).UTC()
	}
	if len(m.Metrics) == 0 {
		return slots, s.fillSlots(ctx, m, queries[0], slots, from, end)
	}
	e := s.evaluation(ctx, at, queries, from, end)
	e.sliding = true
	for _, q := range queries {
		if q.hidden {
			continue
		}
		r, err := e.of(q)
		if err != nil {
			return nil, err
		}
		if r.kind != isSeries {
			return nil, fmt.Errorf("the expression %s is not one time series", q.id)
		}
		for i := range slots {
			slots[i].value, slots[i].has = r.list[0].value(slots[i].at.Unix())
		}
	}
	return slots, nil
}

// fillSlots reads the values of one metric.
func (s *Service) fillSlots(ctx context.Context, m *api.MetricAlarm, q *query, slots []slot, from, end time.Time) error {
	list, err := s.points.Read(ctx, q.source, q.metric, from, end)
	if err != nil {
		return err
	}
	for i := range list {
		if q.unit != "" && list[i].Unit != q.unit {
			continue
		}
		for _, bin := range bins(list[i].Points, from, q.period) {
			sl := &slots[bin.At.Sub(from)/q.period]
			if sl.value, sl.has = q.stat.of(&bin.Point); sl.has {
				sl.count = bin.Count
				sl.few = str(m.EvaluateLowSampleCountPercentile) == "ignore" && tooFew(q.stat.name, &bin.Point)
			}
		}
		break // of several units the first counts, as in GetMetricData
	}
	return nil
}

// tooFew tells whether a percentile of so few samples says nothing.
//
// AWS: "Percentile-based CloudWatch alarms and low data samples": of a percentile
// from 0.5 on at least 10/(1-percentile) are needed, else 10/percentile.
func tooFew(name string, p *rollup.Point) bool {
	n, err := strconv.ParseFloat(strings.TrimPrefix(name, "p"), 64)
	if err != nil || !strings.HasPrefix(name, "p") {
		return false
	}
	if n /= 100; n >= 0.5 {
		return p.Count < 10/(1-n)
	}
	return p.Count < 10/n
}

// A verdict is what slots say about an alarm.
type verdict struct {
	value   string // empty: the alarm stays what it is
	counted []slot // those with data that count, newest first
	breach  int    // of those
	missing int    // that count as what TreatMissingData says
	treated string
}

// judge decides M out of N.
//
// AWS: "Configuring how CloudWatch alarms treat missing data", with its two
// tables, and "Avoiding premature transitions to alarm state".
func judge(m *api.MetricAlarm, slots []slot) verdict {
	n, need := int(*m.EvaluationPeriods), int(*m.EvaluationPeriods)
	if m.DatapointsToAlarm != nil {
		need = int(*m.DatapointsToAlarm)
	}
	var v verdict
	oldest := 0 // periods since the oldest that breaches, among the last n
	breaches := comparisons[*m.ComparisonOperator].breaches
	for i := len(slots) - 1; i >= 0 && len(v.counted) < n; i-- {
		if !slots[i].has {
			continue
		}
		if slots[i].few {
			return verdict{} // AWS: ignore: the state is kept
		}
		v.counted = append(v.counted, slots[i])
		if breaches(slots[i].value, *m.Threshold) {
			v.breach++
			if age := len(slots) - i; age <= n {
				oldest = age
			}
		}
	}
	v.missing = n - len(v.counted)
	fine := len(v.counted) - v.breach
	treat := str(m.TreatMissingData)
	switch {
	case v.breach >= need:
		v.value = api.StateValueAlarm
	case treat == "breaching" && v.breach+v.missing >= need:
		v.value, v.treated = api.StateValueAlarm, "Breaching"
	case treat == "breaching" || treat == "notBreaching":
		v.value = api.StateValueOk
	case fine > 0:
		v.value = api.StateValueOk
	case treat == "ignore":
	case v.breach == 0:
		v.value = api.StateValueInsufficientData
	case oldest >= need:
		v.value = api.StateValueAlarm
	}
	if v.treated == "" && v.missing > 0 && treat == "notBreaching" {
		v.treated = "NonBreaching"
	}
	return v
}

// reason says why, in AWS's words.
//
// AWS: LocalStack, test_put_metric_alarm and test_breaching_alarm_actions; the
// forms with "out of the last" from reports of alarms with DatapointsToAlarm.
func (v *verdict) reason(m *api.MetricAlarm) string {
	n := int(*m.EvaluationPeriods)
	if v.value == api.StateValueInsufficientData {
		return fmt.Sprintf("Insufficient Data: %s unknown.", count(n, "datapoint was", "datapoints were"))
	}
	if len(v.counted) == 0 {
		return fmt.Sprintf("Threshold Crossed: no datapoints were received for %s and %s treated as [%s].",
			count(n, "period", "periods"), count(v.missing, "missing datapoint was", "missing datapoints were"), v.treated)
	}
	op := comparisons[*m.ComparisonOperator]
	var shown []string
	not := "not "
	for _, sl := range v.counted {
		if op.breaches(sl.value, *m.Threshold) == (v.value == api.StateValueAlarm) {
			shown = append(shown, javaDouble(sl.value)+" ("+sl.at.Format("02/01/06 15:04:05")+")")
		}
	}
	if v.value == api.StateValueAlarm {
		not = ""
	}
	verb := "were"
	what := count(len(shown), "datapoint", "datapoints")
	if m.DatapointsToAlarm != nil {
		what = fmt.Sprintf("%d out of the last %d datapoints", len(shown), n)
	}
	if len(shown) == 1 {
		verb = "was"
	}
	text := fmt.Sprintf("Threshold Crossed: %s [%s] %s %s%s the threshold (%s)", what, strings.Join(shown, ", "), verb, not, op.words, javaDouble(*m.Threshold))
	switch {
	case m.DatapointsToAlarm != nil && v.value == api.StateValueAlarm:
		text += fmt.Sprintf(" (minimum %s for OK -> ALARM transition)", count(int(*m.DatapointsToAlarm), "datapoint", "datapoints"))
	case m.DatapointsToAlarm != nil:
		text += fmt.Sprintf(" (minimum %s for ALARM -> OK transition)", count(n-int(*m.DatapointsToAlarm)+1, "datapoint", "datapoints"))
	}
	return cutTo(text+".", 1023)
}

func cutTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-3], "") + "..."
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// javaDouble writes a number as AWS does: always with a fraction.
func javaDouble(x float64) string {
	if a := math.Abs(x); a != 0 && (a < 1e-3 || a >= 1e7) {
		s := strconv.FormatFloat(x, 'E', -1, 64)
		mantissa, exponent, _ := strings.Cut(s, "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		n, _ := strconv.Atoi(exponent) // FormatFloat wrote it
		return mantissa + "E" + strconv.Itoa(n)
	}
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// stateDate is how times are written in the data of states and in messages.
const stateDate = "2006-01-02T15:04:05.000-0700"

// data is the StateReasonData.
//
// AWS: LocalStack, test_put_metric_alarm.
func (v *verdict) data(m *api.MetricAlarm, slots []slot, end time.Time) string {
	type datapoint struct {
		Timestamp   string   `json:"timestamp"`
		SampleCount *float64 `json:"sampleCount,omitempty"`
		Value       *float64 `json:"value,omitempty"`
	}
	d := struct {
		Version   string      `json:"version"`
		QueryDate string      `json:"queryDate"`
		StartDate string      `json:"startDate,omitempty"`
		Unit      string      `json:"unit,omitempty"`
		Statistic string      `json:"statistic,omitempty"`
		Period    int32       `json:"period,omitempty"`
		Recent    []float64   `json:"recentDatapoints"`
		Threshold float64     `json:"threshold"`
		Evaluated []datapoint `json:"evaluatedDatapoints"`
	}{Version: "1.0", QueryDate: end.UTC().Format(stateDate), Unit: str(m.Unit), Statistic: str(m.Statistic) + str(m.ExtendedStatistic),
		Period: value(m.Period), Recent: []float64{}, Threshold: *m.Threshold, Evaluated: []datapoint{}}
	const most = 25 // the data has at most 4,000 characters
	for i := len(v.counted) - 1; i >= 0; i-- {
		if d.StartDate == "" {
			d.StartDate = v.counted[i].at.Format(stateDate)
		}
		if i < most {
			d.Recent = append(d.Recent, v.counted[i].value)
		}
	}
	for i := len(slots) - 1; i >= rangeBeyond && len(d.Evaluated) < most; i-- {
		p := datapoint{Timestamp: slots[i].at.Format(stateDate)}
		if slots[i].has {
			p.Value = &slots[i].value
			if slots[i].count > 0 {
				p.SampleCount = &slots[i].count
			}
		}
		d.Evaluated = append(d.Evaluated, p)
	}
	return text(d)
}
