package cloudwatch

import (
	"fmt"
	"io"

	api "gatehouse/internal/awsapi/cloudwatch"
)

// An unsupported is a parameter that is refused, because nothing would act on
// it.
type unsupported struct{ operation, parameter, why string }

// refused are the parameters of operations that are refused.
func refused() []unsupported {
	return []unsupported{
		{"PutMetricData", "EntityMetricData", "metrics belong to no entities"},
		{"PutMetricData", "StorageResolution", "one point a minute is kept: it can only be 60"},
		{"GetMetricStatistics, GetMetricData, PutMetricAlarm", "Period", "one point a minute is kept: it can only be a multiple of 60"},
		{"GetMetricData, PutMetricAlarm", "AccountId", "accounts are not linked"},
		{"GetMetricData", "Expression", "SELECT queries, and the functions ANOMALY_DETECTION_BAND, INSIGHT_RULE_METRIC, DB_PERF_INSIGHTS, SERVICE_QUOTA and LAMBDA"},
		{"GetMetricData", "Label", "labels with ${…} are not filled in"},
		{"ListMetrics", "IncludeLinkedAccounts", "accounts are not linked"},
		{"ListMetrics", "OwningAccount", "accounts are not linked"},
		{"PutMetricAlarm", "ThresholdMetricId", "anomaly detection"},
		{"PutMetricAlarm", "ComparisonOperator", "of anomaly detection"},
		{"PutMetricAlarm", "EvaluationWindow", ""},
		{"PutMetricAlarm", "WarmUpConfiguration", ""},
		{"PutMetricAlarm", "EvaluationCriteria", "PromQL"},
		{"PutMetricAlarm", "EvaluationInterval", ""},
		{"PutMetricAlarm, PutCompositeAlarm", "ActionConfiguration", ""},
		{"DescribeAlarmHistory", "AlarmContributorId", "alarms have no contributors"},
	}
}

// refuse is the error of a parameter that is refused.
func refuse(parameter, why string) error {
	if why != "" {
		why = ": " + why
	}
	return api.InvalidParameterValueException("Gatehouse does not support the parameter " + parameter + why)
}

// WriteUnsupported writes the list of what is refused for COVERAGE.md.
func WriteUnsupported(w io.Writer) error {
	if _, err := fmt.Fprint(w, "\n## cloudwatch: parameters that are refused\n\n| operation | parameter | |\n| --- | --- | --- |\n"); err != nil {
		return err
	}
	for _, u := range refused() {
		if _, err := fmt.Fprintf(w, "| %s | %s | %s |\n", u.operation, u.parameter, u.why); err != nil {
			return err
		}
	}
	return nil
}
