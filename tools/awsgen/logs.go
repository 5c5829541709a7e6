package main

// logsOperations are those that Gatehouse means to answer. The others are
// queries (Insights), transformers, anomaly detection, exports, integrations and
// what reaches to other accounts.
func logsOperations() []string {
	return []string{
		"CreateLogGroup", "CreateLogStream", "DeleteLogGroup", "DeleteLogStream", "DeleteMetricFilter", "DeleteRetentionPolicy",
		"DeleteSubscriptionFilter", "DescribeLogGroups", "DescribeLogStreams", "DescribeMetricFilters",
		"DescribeSubscriptionFilters", "FilterLogEvents", "GetLogEvents", "ListLogGroups", "ListTagsForResource",
		"ListTagsLogGroup", "PutLogEvents", "PutMetricFilter", "PutRetentionPolicy", "PutSubscriptionFilter", "StartLiveTail",
		"CreateDelivery", "DeleteDelivery", "DeleteDeliveryDestination", "DeleteDeliverySource", "DescribeConfigurationTemplates",
		"DescribeDeliveries", "DescribeDeliveryDestinations", "DescribeDeliverySources", "GetDelivery", "GetDeliveryDestination",
		"GetDeliverySource", "PutDeliveryDestination", "PutDeliverySource", "UpdateDeliveryConfiguration",

		"TagLogGroup", "TagResource", "TestMetricFilter", "UntagLogGroup", "UntagResource",
	}
}

// logsPattern gives the regular expression of a string shape.
//
// AWS: API reference of each operation and data type.
func logsPattern(shape string) string {
	switch shape {
	case "LogGroupName":
		return `[\.\-_/#A-Za-z0-9]+`
	case "LogGroupNamePattern":
		return `[\.\-_/#A-Za-z0-9]*`
	case "LogGroupIdentifier":
		return `[\w#+=/:,.@-]*`
	case "LogStreamName", "FilterName", "MetricName", "MetricNamespace":
		return `[^:*]*`
	case "DeliverySourceName", "DeliveryDestinationName":
		return `[\w-]*`
	case "DeliveryId":
		return `^[0-9A-Za-z]+$`
	case "LogType":
		return `[\w]*`
	case "AmazonResourceName":
		return `[\w+=/:,.@\-\*]*`
	case "TagKey":
		return `([\p{L}\p{Z}\p{N}_.:/=+\-@]+)`
	case "TagValue":
		return `([\p{L}\p{Z}\p{N}_.:/=+\-@]*)`
	}
	return ""
}

// logsBounds gives the bounds of a shape, from the same source.
func logsBounds(shape string) string {
	switch shape {
	case "LogGroupName", "LogStreamName", "FilterName":
		return "1,512"
	case "DeliverySourceName", "DeliveryDestinationName":
		return "1,60"
	case "DeliveryId":
		return "1,64"
	case "LogType":
		return "1,255"
	case "RecordFields":
		return "0,128"
	case "FieldDelimiter":
		return "0,5"
	case "DeliverySuffixPath":
		return "1,256"
	case "LogGroupNamePattern":
		return "0,512"
	case "LogGroupIdentifier":
		return "1,2048"
	case "FilterPattern":
		return "0,1024"
	case "MetricName", "MetricNamespace", "DimensionsKey", "DimensionsValue":
		return ",255"
	case "MetricValue":
		return ",100"
	case "MetricTransformations":
		return "1,1"
	case "EventsLimit":
		return "1,10000"
	case "DescribeLimit":
		return "1,50"
	case "InputLogEvents":
		return "1,10000"
	case "InputLogStreamNames":
		return "1,100"
	case "EventMessage", "NextToken", "SequenceToken", "DestinationArn", "RoleArn", "Token":
		return "1,"
	case "Timestamp", "StoredBytes":
		return "0,"
	case "StartLiveTailLogGroupIdentifiers":
		return "1,10"
	case "TestEventMessages":
		return "1,50"
	case "AmazonResourceName":
		return "1,1011"
	case "Tags":
		return "1,50"
	case "TagKey":
		return "1,128"
	case "TagKeyList":
		return "0,50"
	case "TagValue":
		return "0,256"
	case "PolicyDocument":
		return "1,5120"
	}
	return ""
}
