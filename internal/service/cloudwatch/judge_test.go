package cloudwatch

import (
	"strings"
	"testing"
	"time"

	api "gatehouse/internal/awsapi/cloudwatch"
)

// AWS: the two tables of "Configuring how CloudWatch alarms treat missing data":
// X breaches, 0 does not, - is missing; the newest is last.
func TestJudge(t *testing.T) {
	const retain = "retain"
	tests := []struct {
		points                       string
		m                            int32
		missing, ignore, breach, not string
	}{
		{"0 - X - X", 3, "OK", "OK", "OK", "OK"},
		{"0 - - - -", 3, "OK", "OK", "OK", "OK"},
		{"- - - - -", 3, "INSUFFICIENT_DATA", retain, "ALARM", "OK"},
		{"0 X X - X", 3, "ALARM", "ALARM", "ALARM", "ALARM"},
		{"- - X - -", 3, "ALARM", retain, "ALARM", "OK"},

		{"0 - X - X", 2, "ALARM", "ALARM", "ALARM", "ALARM"},
		{"0 0 X 0 X", 2, "ALARM", "ALARM", "ALARM", "ALARM"},
		{"0 - X - -", 2, "OK", "OK", "ALARM", "OK"},
		{"- - - - 0", 2, "OK", "OK", "ALARM", "OK"},
		{"- - - X -", 2, "ALARM", retain, "ALARM", "OK"},
		{"- - - - -", 2, "INSUFFICIENT_DATA", retain, "ALARM", "OK"},

		// Not in the tables.
		{"- - - - X", 3, retain, retain, "ALARM", "OK"},
		{"X X X 0 0", 2, "OK", "OK", "OK", "OK"},
	}
	for _, tt := range tests {
		for treat, want := range map[string]string{"missing": tt.missing, "ignore": tt.ignore, "breaching": tt.breach, "notBreaching": tt.not, "": tt.missing} {
			m := &api.MetricAlarm{EvaluationPeriods: new(int32(3)), DatapointsToAlarm: &tt.m, Threshold: new(1.0),
				ComparisonOperator: new(api.ComparisonOperatorGreaterThanThreshold), TreatMissingData: &treat}
			var slots []slot
			for i, p := range strings.Fields(tt.points) {
				slots = append(slots, slot{at: time.Unix(int64(60*i), 0), has: p != "-", value: map[string]float64{"X": 2}[p]})
			}
			v := judge(m, slots)
			if got := v.value; got != want && (got != "" || want != retain) {
				t.Errorf("%s, %d of 3, %q: %q, want %q", tt.points, tt.m, treat, got, want)
			}
		}
	}
}

// AWS: LocalStack, test_put_metric_alarm, test_breaching_alarm_actions; reports
// of alarms with DatapointsToAlarm.
func TestReason(t *testing.T) {
	at := time.Date(2023, 10, 26, 16, 42, 0, 0, time.UTC)
	slots := func(values ...float64) []slot {
		var list []slot
		for i, v := range values {
			list = append(list, slot{at: at.Add(time.Duration(i) * time.Minute), has: v >= 0, value: v})
		}
		return list
	}
	tests := []struct {
		name   string
		n      int32
		m      *int32
		op     string
		treat  string
		slots  []slot
		reason string
	}{
		{"alarm", 1, nil, api.ComparisonOperatorGreaterThanThreshold, "missing", slots(-1, -1, 21.5),
			"Threshold Crossed: 1 datapoint [21.5 (26/10/23 16:44:00)] was greater than the threshold (2.0)."},
		{"several", 2, nil, api.ComparisonOperatorGreaterThanOrEqualToThreshold, "missing", slots(-1, -1, 3, 2),
			"Threshold Crossed: 2 datapoints [2.0 (26/10/23 16:45:00), 3.0 (26/10/23 16:44:00)] were greater than or equal to the threshold (2.0)."},
		{"fine", 1, nil, api.ComparisonOperatorLessThanThreshold, "missing", slots(-1, -1, 1e9),
			"Threshold Crossed: 1 datapoint [1.0E9 (26/10/23 16:44:00)] was not less than the threshold (2.0)."},
		{"M of N", 3, new(int32(2)), api.ComparisonOperatorGreaterThanThreshold, "missing", slots(-1, -1, 5, 1, 6),
			"Threshold Crossed: 2 out of the last 3 datapoints [6.0 (26/10/23 16:46:00), 5.0 (26/10/23 16:44:00)] were greater than the threshold (2.0) (minimum 2 datapoints for OK -> ALARM transition)."},
		{"nothing, breaching", 2, nil, api.ComparisonOperatorGreaterThanThreshold, "breaching", slots(-1, -1, -1, -1),
			"Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as [Breaching]."},
		{"nothing, not breaching", 1, nil, api.ComparisonOperatorGreaterThanThreshold, "notBreaching", slots(-1, -1, -1),
			"Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching]."},
		{"nothing", 3, nil, api.ComparisonOperatorGreaterThanThreshold, "missing", slots(-1, -1, -1, -1, -1),
			"Insufficient Data: 3 datapoints were unknown."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &api.MetricAlarm{EvaluationPeriods: &tt.n, DatapointsToAlarm: tt.m, Threshold: new(2.0), ComparisonOperator: &tt.op, TreatMissingData: &tt.treat}
			v := judge(m, tt.slots)
			if got := v.reason(m); got != tt.reason {
				t.Errorf("got  %s\nwant %s", got, tt.reason)
			}
		})
	}
}

func TestRule(t *testing.T) {
	states := map[string]state{"a b": {value: "ALARM"}, "c": {value: "OK"}, "d": {value: "INSUFFICIENT_DATA"}}
	tests := []struct {
		rule string
		want string // true, false, or what is wrong
	}{
		{`ALARM("a b")`, "true"},
		{`ALARM(arn:aws:cloudwatch:eu-west-1:123456789012:alarm:c) OR OK(c)`, "true"},
		{`ALARM(c) OR NOT OK(c) AND TRUE`, "false"},
		{`(ALARM('a b') OR FALSE) AND (NOT ALARM(c))`, "true"},
		{`INSUFFICIENT_DATA(d) AND NOT INSUFFICIENT_DATA(gone)`, "true"},
		{`not true or true and false`, "false"},
		{`ALARM()`, "the name of an alarm is missing"},
		{`ALARM(c`, "a parenthesis is not closed"},
		{`ALARM(c) OK(c)`, `unexpected "OK(c)"`},
		{`ALARMS(c)`, "want ALARM"},
		{``, "want ALARM"},
		{strings.Repeat("(", 1000) + "TRUE", "nested too deeply"},
	}
	for _, tt := range tests {
		r, err := parseRule(tt.rule)
		got := ""
		switch {
		case err != nil:
			got = err.Error()
		case r.holds(states):
			got = "true"
		default:
			got = "false"
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%.60s = %s, want %s", tt.rule, got, tt.want)
		}
	}
}
