package cloudwatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/rollup"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

// A world is a service with what it stands on.
type world struct {
	*Service
	t   *testing.T
	ctx context.Context
	st  store.Store
	did *recorded
}

// recorded are the actions that were done.
type recorded struct {
	mu   sync.Mutex
	list []string
	fail int // times
}

func (r *recorded) Can(action string) bool { return !strings.Contains(action, ":unknown:") }

func (r *recorded) Do(_ context.Context, action string, n *Notification) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail > 0 {
		r.fail--
		return errors.New("it is down")
	}
	var m struct{ NewStateValue, OldStateValue, AlarmName string }
	if err := json.Unmarshal(n.Message, &m); err != nil {
		return err
	}
	r.list = append(r.list, action[strings.LastIndexByte(action, ':')+1:]+" "+m.AlarmName+" "+m.OldStateValue+">"+m.NewStateValue)
	return nil
}

func (r *recorded) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.list
	r.list = nil
	return l
}

func newWorld(t *testing.T) *world {
	t.Helper()
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { _ = st.Close() })
	points, err := rollup.Open(t.TempDir(), rollup.Options{MaxSeries: 50})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = points.Close() })
	did := new(recorded)
	ctx := awsrpc.WithCaller(t.Context(), awsrpc.Caller{Account: "123456789012", Region: "eu-west-1"})
	return &world{New(st, points, Options{Actions: did}), t, ctx, st, did}
}

func (w *world) put(name string, at time.Time, values ...float64) {
	w.t.Helper()
	err := w.PutMetricData(w.ctx, &api.PutMetricDataInput{Namespace: new("Own"), MetricData: []api.MetricDatum{{MetricName: &name, Timestamp: &at, Values: values, Unit: new("Count")}}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// math evaluates an expression over metrics, as "minute=value minute=value".
func (w *world) math(expression string, from, to time.Time, metrics ...string) string {
	in := &api.GetMetricDataInput{StartTime: &from, EndTime: &to, ScanBy: new(api.ScanByTimestampAscending)}
	for i, m := range metrics {
		name, stat, _ := strings.Cut(m, ":")
		in.MetricDataQueries = append(in.MetricDataQueries, api.MetricDataQuery{Id: new(fmt.Sprintf("m%d", i+1)), ReturnData: new(false), MetricStat: &api.MetricStat{
			Metric: &api.Metric{Namespace: new("Own"), MetricName: &name}, Period: new(int32(60)), Stat: &stat}})
	}
	in.MetricDataQueries = append(in.MetricDataQueries, api.MetricDataQuery{Id: new("e"), Expression: &expression})
	out, err := w.GetMetricData(w.ctx, in)
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, r := range out.MetricDataResults {
		var parts []string
		for i, v := range r.Values {
			parts = append(parts, fmt.Sprintf("%d=%.4g", int(r.Timestamps[i].Sub(from)/time.Minute), v))
		}
		lines = append(lines, strings.Join(parts, " "))
	}
	return strings.Join(lines, "; ")
}

// AWS: "Using math expressions with CloudWatch metrics".
func TestMath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		from := time.Now().Add(-time.Hour).Truncate(time.Hour)
		for i, v := range []float64{1, 2, math.NaN(), 4} {
			if v == v {
				w.put("a", from.Add(time.Duration(i)*time.Minute), v)
			}
			w.put("b", from.Add(time.Duration(i)*time.Minute), 10, 20)
		}
		to := from.Add(5 * time.Minute)
		tests := []struct{ expression, want string }{
			{"m1", "0=1 1=2 3=4"},
			{"m1 + m2 * 2", "0=31 1=32 3=34"},
			{"-(m1 - 5) ^ 2", "0=16 1=9 3=1"},
			{"m2 / (m1 - 1)", "1=15 3=5"},
			{"m1 > 1 AND m1 <= 2 || FILL(m1, 0) == 4", "0=0 1=1 3=1"},
			{"SUM([m1, m2])", "0=16 1=17 2=15 3=19"},
			{"AVG(METRICS())", "0=8 1=8.5 2=15 3=9.5"},
			{"MAX(METRICS('m1'))", "0=1 1=2 3=4"},
			{"m1 / SUM(m1) * 100", "0=14.29 1=28.57 3=57.14"},
			{"FILL(m1, 0)", "0=1 1=2 2=0 3=4 4=0"},
			{"FILL(m1, REPEAT)", "0=1 1=2 2=2 3=4 4=4"},
			{"FILL(m1, LINEAR)", "0=1 1=2 2=3 3=4"},
			{"FILL(m1, m2)", "0=1 1=2 2=15 3=4"},
			{"IF(m1 > 1, m1, 0)", "0=0 1=2 3=4"},
			{"IF(m1 > 1, m2)", "1=15 3=15"},
			{"RATE(m1)", "1=0.01667 3=0.01667"},
			{"DIFF(m1)", "1=1 3=2"},
			{"DIFF_TIME(m1)", "1=60 3=120"},
			{"RUNNING_SUM(m1)", "0=1 1=3 3=7"},
			{"CEIL(m1 / 3) + FLOOR(m1 / 3) + ABS(0 - m1)", "0=2 1=3 3=7"},
			{"m1 * PERIOD(m1)", "0=60 1=120 3=240"},
			{"TIME_SERIES(STDDEV(m1))", "0=1.247 1=1.247 2=1.247 3=1.247 4=1.247"},
			{"SORT([m1, m2], MAX, DESC, 1)", "0=15 1=15 2=15 3=15"},
			{"SLICE([m1, m2], 0, 1)", "0=1 1=2 3=4"},
			{"[m1, m2] * 2", "0=2 1=4 3=8; 0=30 1=30 2=30 3=30"},
			{"SEARCH('{Own} MetricName=\"a\"', 'Sum', 60)", "0=1 1=2 3=4"},
			{"SEARCH('{Own}', 'SampleCount', 300)", "0=3; 0=8"},
			{"MINUTE(m1)", "0=0 1=1 3=3"},
			{"DATAPOINT_COUNT(m1) + 0 * m1", "0=3 1=3 3=3"},
			{"SUM(m1)", "ValidationException: Error in expression 'e': the result must be a time series or an array of them"},
			{"m1 +", "ValidationException: Error in expression 'e': the expression ends too early"},
			{"m3", "ValidationException: Error in expression 'e': m3 is not the id of a metric or an expression"},
			{"e", "ValidationException: Error in expression 'e': the expressions e refer to each other"},
			{"SELECT AVG(a) FROM Own", "InvalidParameterValueException: Gatehouse does not support the parameter MetricDataQueries.member.3.Expression: SELECT queries"},
			{strings.Repeat("(", 500) + "m1", "ValidationException: Error in expression 'e': the expression is nested too deeply"},
		}
		for _, tt := range tests {
			if got := w.math(tt.expression, from, to, "a:Sum", "b:Average"); got != tt.want {
				t.Errorf("%.60s = %s, want %s", tt.expression, got, tt.want)
			}
		}
		if got := w.math("ANOMALY_DETECTION_BAND(m1)", from, to, "a:Sum"); !strings.Contains(got, "Gatehouse does not support the parameter Expression: the function ANOMALY_DETECTION_BAND") {
			t.Error(got)
		}
	})
}

func FuzzExpression(f *testing.F) {
	f.Add("SUM([m1, m2]) / 2 >= FILL(m1, REPEAT)")
	f.Add("SEARCH('{A,\"B\"} x', \"p99\")")
	f.Fuzz(func(t *testing.T, text string) {
		if x, err := parseExpression(text); err == nil && x == nil {
			t.Error("neither an expression nor an error")
		}
		_, _ = parseRule(text)
		_, _ = parseSearch(text)
	})
}

func TestStatistics(t *testing.T) {
	var p rollup.Point
	for i := 1; i <= 100; i++ {
		p.AddValue(float64(i), 1)
	}
	for name, want := range map[string]float64{
		"SampleCount": 100, "Average": 50.5, "Sum": 5050, "Minimum": 1, "Maximum": 100, "p50": 50, "p99.9": 100, "p0": 1,
		"tm90": 45.5, "TM(10%:90%)": 50.5, "TM(20:80)": 50, "TC(:50)": 50, "TS(80%:)": 1810, "PR(:25)": 25, "IQM": 50.5, "wm90": 50.05, "WM(10%:90%)": 50.5,
	} {
		st, ok := parseStat(name)
		if !ok {
			t.Errorf("%s is no statistic", name)
			continue
		}
		if got, ok := st.of(&p); !ok || math.Abs(got-want) > want/16+1 {
			t.Errorf("%s = %v, want about %v", name, got, want)
		}
	}
	for _, name := range []string{"", "p", "p101", "average", "TM(90%:10%)", "TM(1:50%)", "PR(1%:2%)", "TM(:)", "p1.123456789012"} {
		if _, ok := parseStat(name); ok {
			t.Errorf("%q is a statistic", name)
		}
	}
}

// alarm puts an alarm on Own/name that acts in every state.
func (w *world) alarm(name, metric string, change func(*api.PutMetricAlarmInput)) {
	w.t.Helper()
	in := &api.PutMetricAlarmInput{
		AlarmName: &name, MetricName: &metric, Namespace: new("Own"), Statistic: new("Sum"), Period: new(int32(60)), EvaluationPeriods: new(int32(1)),
		Threshold: new(5.0), ComparisonOperator: new(api.ComparisonOperatorGreaterThanThreshold),
		AlarmActions: []string{"arn:aws:sns:eu-west-1:123456789012:bad"}, OKActions: []string{"arn:aws:sns:eu-west-1:123456789012:good"},
		InsufficientDataActions: []string{"arn:aws:sns:eu-west-1:123456789012:unsure"},
	}
	if change != nil {
		change(in)
	}
	if err := w.PutMetricAlarm(w.ctx, in); err != nil {
		w.t.Fatal(err)
	}
}

// next waits until the alarms were evaluated after the minute that runs.
func next() {
	now := time.Now()
	time.Sleep(now.Truncate(time.Minute).Add(time.Minute + evaluateAfter + time.Second).Sub(now))
	synctest.Wait()
}

func (w *world) expect(what string, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.did.take()); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// An alarm goes off within ten seconds of the minute, does what it is told once,
// and comes back. Composite alarms follow it in the same moment.
func TestAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		w.alarm("load", "a", nil)
		if err := w.PutCompositeAlarm(w.ctx, &api.PutCompositeAlarmInput{AlarmName: new("any"), AlarmRule: new(`ALARM(load) OR ALARM("other")`),
			AlarmActions: []string{"arn:aws:sns:eu-west-1:123456789012:page"}}); err == nil || !strings.Contains(err.Error(), "alarms [other] in the alarm rule do not exist") {
			t.Fatal(err)
		}
		w.alarm("other", "b", func(in *api.PutMetricAlarmInput) { in.TreatMissingData = new("notBreaching") })
		if err := w.PutCompositeAlarm(w.ctx, &api.PutCompositeAlarmInput{AlarmName: new("any"), AlarmRule: new(`ALARM(load) OR ALARM("other")`),
			AlarmActions: []string{"arn:aws:sns:eu-west-1:123456789012:page"}}); err != nil {
			t.Fatal(err)
		}
		w.put("a", time.Now(), 3, 4)
		next()
		if d := time.Since(time.Now().Truncate(time.Minute)); d > 10*time.Second {
			t.Errorf("evaluated %v after the minute", d)
		}
		got := w.did.take()
		if len(got) != 3 { // load and other; any follows load
			t.Errorf("did %v", got)
		}
		w.put("a", time.Now(), 1)
		next()
		w.expect("it is over", "good load ALARM>OK")
		next()
		next()
		w.expect("the last data is two minutes old")
		next()
		w.expect("there is none", "unsure load OK>INSUFFICIENT_DATA")

		// An action that fails is done later, by the next Run if need be.
		w.did.mu.Lock()
		w.did.fail = 2
		w.did.mu.Unlock()
		w.put("a", time.Now(), 9)
		next()
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		defer cancel()
		again := New(w.st, w.points, Options{Actions: w.did})
		go func() { done <- again.Run(ctx) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		list := strings.Join(w.did.take(), ", ")
		if !strings.Contains(list, "bad load INSUFFICIENT_DATA>ALARM") || !strings.Contains(list, "page any OK>ALARM") {
			t.Errorf("after the restart: %s", list)
		}
		out, err := w.DescribeAlarmHistory(w.ctx, &api.DescribeAlarmHistoryInput{AlarmName: new("load")})
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, i := range out.AlarmHistoryItems {
			kinds = append(kinds, *i.HistoryItemType)
			if !json.Valid([]byte(*i.HistoryData)) {
				t.Errorf("data of %s is %s", *i.HistorySummary, *i.HistoryData)
			}
		}
		if n := strings.Count(strings.Join(kinds, " "), "StateUpdate"); n != 4 || kinds[len(kinds)-1] != "ConfigurationUpdate" {
			t.Errorf("history: %v", kinds)
		}
		cancel()
		<-done
	})
}

// Percentiles of few samples, and expressions.
func TestAlarmKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		quiet := func(in *api.PutMetricAlarmInput) { in.OKActions, in.InsufficientDataActions = nil, nil }
		w.alarm("p99", "a", func(in *api.PutMetricAlarmInput) {
			quiet(in)
			in.Statistic, in.ExtendedStatistic, in.EvaluateLowSampleCountPercentile = nil, new("p99"), new("ignore")
		})
		w.alarm("p99 of few", "a", func(in *api.PutMetricAlarmInput) {
			quiet(in)
			in.Statistic, in.ExtendedStatistic = nil, new("p99")
		})
		w.alarm("rate", "a", func(in *api.PutMetricAlarmInput) {
			quiet(in)
			in.MetricName, in.Namespace, in.Statistic, in.Period = nil, nil, nil, nil
			stat := func(metric string) *api.MetricStat {
				return &api.MetricStat{Metric: &api.Metric{Namespace: new("Own"), MetricName: &metric}, Period: new(int32(300)), Stat: new("Sum")}
			}
			in.Metrics = []api.MetricDataQuery{{Id: new("x"), MetricStat: stat("a"), ReturnData: new(false)}, {Id: new("y"), MetricStat: stat("b"), ReturnData: new(false)},
				{Id: new("e"), Expression: new("100 * x / y")}}
		})
		w.put("a", time.Now(), 9, 9, 9)
		w.put("b", time.Now(), 100)
		next()
		got := strings.Join(w.did.take(), ", ")
		if strings.Contains(got, "bad p99 INS") || !strings.Contains(got, "bad p99 of few INSUFFICIENT_DATA>ALARM") || !strings.Contains(got, "bad rate INSUFFICIENT_DATA>ALARM") {
			t.Errorf("did %s", got)
		}
		cancel()
		<-done
	})
}

// What cannot be done or evaluated is refused, and nothing of it is stored.
func TestPutMetricAlarmRefuses(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name   string
		change func(*api.PutMetricAlarmInput)
		want   string
	}{
		{"action", func(in *api.PutMetricAlarmInput) { in.OKActions = []string{"page"} }, "Invalid arn syntax: page"},
		{"unknown action", func(in *api.PutMetricAlarmInput) { in.OKActions = []string{"arn:aws:unknown:eu-west-1:123456789012:x"} }, "Gatehouse does not know how to do the action"},
		{"missing data", func(in *api.PutMetricAlarmInput) { in.TreatMissingData = new("never") }, "The value never is not supported for TreatMissingData"},
		{"M of N", func(in *api.PutMetricAlarmInput) { in.DatapointsToAlarm = new(int32(2)) }, "DatapointsToAlarm must be less than or equal to EvaluationPeriods"},
		{"period", func(in *api.PutMetricAlarmInput) { in.Period = new(int32(10)) }, "does not support the parameter Period"},
		{"range", func(in *api.PutMetricAlarmInput) { in.EvaluationPeriods = new(int32(2000)) }, "Metrics cannot be checked across more than 1 day(s)"},
		{"anomaly", func(in *api.PutMetricAlarmInput) { in.ThresholdMetricId = new("x") }, "does not support the parameter ThresholdMetricId"},
		{"band", func(in *api.PutMetricAlarmInput) { in.ComparisonOperator = new("GreaterThanUpperThreshold") }, "does not support the parameter ComparisonOperator"},
		{"no statistic", func(in *api.PutMetricAlarmInput) { in.Statistic = nil }, "exactly one of Statistic and ExtendedStatistic"},
		{"both", func(in *api.PutMetricAlarmInput) { in.Metrics = []api.MetricDataQuery{{Id: new("e")}} }, "Metrics list cannot be specified together"},
		{"tags", func(in *api.PutMetricAlarmInput) { in.Tags = []api.Tag{{Key: new("aws:x"), Value: new("")}} }, "aws: prefixed"},
	}
	for _, tt := range tests {
		in := &api.PutMetricAlarmInput{AlarmName: new("x"), MetricName: new("a"), Namespace: new("Own"), Statistic: new("Sum"), Period: new(int32(60)),
			EvaluationPeriods: new(int32(1)), Threshold: new(5.0), ComparisonOperator: new(api.ComparisonOperatorGreaterThanThreshold)}
		tt.change(in)
		if err := w.PutMetricAlarm(w.ctx, in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	out, err := w.DescribeAlarms(w.ctx, &api.DescribeAlarmsInput{})
	if err != nil || len(out.MetricAlarms) != 0 {
		t.Errorf("%v, %v", out, err)
	}
}

// Clients cannot make more metrics than are kept.
func TestTooManyMetrics(t *testing.T) {
	w := newWorld(t)
	refused := 0
	for i := range 1000 {
		err := w.PutMetricData(w.ctx, &api.PutMetricDataInput{Namespace: new("Own"), MetricData: []api.MetricDatum{{MetricName: new("m"), Value: new(1.0),
			Dimensions: []api.Dimension{{Name: new("Id"), Value: new(fmt.Sprint(i))}}}}})
		if err != nil {
			refused++
			if !strings.Contains(err.Error(), "LimitExceeded") {
				t.Fatal(err)
			}
		}
	}
	if refused != 950 {
		t.Errorf("refused %d, want 950", refused)
	}
}
