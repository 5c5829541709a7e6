package main

// xrayOperations are those that Gatehouse means to answer. The others are
// insights, resource policies and searches in other stores.
func xrayOperations() []string {
	return []string{
		"BatchGetTraces", "CreateGroup", "CreateSamplingRule", "DeleteGroup", "DeleteSamplingRule", "GetEncryptionConfig", "GetGroup", "GetGroups",
		"GetSamplingRules", "GetSamplingStatisticSummaries", "GetSamplingTargets", "GetServiceGraph", "GetTimeSeriesServiceStatistics",
		"GetTraceGraph", "GetTraceSummaries", "ListTagsForResource", "PutEncryptionConfig", "PutTelemetryRecords", "PutTraceSegments",
		"TagResource", "UntagResource", "UpdateGroup", "UpdateSamplingRule",
	}
}

// xrayPaths are the paths of operations that are not their names.
//
// AWS: the request syntax of each operation in the API reference.
func xrayPaths() map[string]string {
	return map[string]string{
		"BatchGetTraces": "/Traces", "GetEncryptionConfig": "/EncryptionConfig", "GetGroups": "/Groups",
		"GetSamplingStatisticSummaries": "/SamplingStatisticSummaries", "GetSamplingTargets": "/SamplingTargets",
		"GetServiceGraph": "/ServiceGraph", "GetTimeSeriesServiceStatistics": "/TimeSeriesServiceStatistics", "GetTraceGraph": "/TraceGraph", "GetTraceSummaries": "/TraceSummaries",
		"PutTelemetryRecords": "/TelemetryRecords", "PutTraceSegments": "/TraceSegments",
	}
}

func xrayErrors() map[string]int {
	return map[string]int{"InvalidRequestException": 400, "ResourceNotFoundException": 404, "RuleLimitExceededException": 400,
		"ThrottledException": 429, "TooManyTagsException": 400}
}
