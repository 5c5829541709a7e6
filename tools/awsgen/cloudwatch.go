package main

// cloudwatchOperations are those that Gatehouse means to answer. The others are
// dashboards, anomaly detection, insight rules, metric streams and what is made
// of resources elsewhere.
func cloudwatchOperations() []string {
	return []string{
		"DeleteAlarms", "DescribeAlarmHistory", "DescribeAlarms", "DescribeAlarmsForMetric", "DisableAlarmActions",
		"EnableAlarmActions", "GetMetricData", "GetMetricStatistics", "ListMetrics", "ListTagsForResource",
		"PutCompositeAlarm", "PutMetricAlarm", "PutMetricData", "SetAlarmState", "TagResource", "UntagResource",
	}
}

// cloudwatchPattern gives the regular expression of a string shape.
//
// AWS: API reference of PutMetricData.
func cloudwatchPattern(shape string) string {
	if shape == "Namespace" {
		return `[^:].*`
	}
	return ""
}

// cloudwatchBounds gives the bounds of a shape.
//
// AWS: API reference of each operation and data type.
func cloudwatchBounds(shape string) string {
	switch shape {
	case "AccountId", "AlarmName", "AlarmNamePrefix", "DimensionName", "EvaluateLowSampleCountPercentile",
		"MetricId", "MetricName", "Namespace", "TreatMissingData":
		return "1,255"
	case "ActionPrefix", "AmazonResourceName", "DimensionValue", "ResourceName":
		return "1,1024"
	case "ActionsSuppressedReason", "AlarmDescription":
		return "0,1024"
	case "AlarmArn":
		return "1,1600"
	case "MaxRecords":
		return "1,100"
	case "AlarmNames":
		return ",100"
	case "AlarmRule":
		return "1,10240"
	case "DatapointsToAlarm", "EvaluationPeriods", "Period", "StorageResolution":
		return "1,"
	case "DimensionFilters":
		return ",10"
	case "Dimensions":
		return ",30"
	case "ExtendedStatistics":
		return "1,10"
	case "MetricExpression":
		return "1,2048"
	case "ResourceList":
		return ",5"
	case "StateReason":
		return "0,1023"
	case "StateReasonData":
		return "0,4000"
	case "Statistics":
		return "1,5"
	case "TagKey":
		return "1,128"
	case "TagValue":
		return "0,256"
	}
	return ""
}
