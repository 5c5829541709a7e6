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

func xrayErrors() map[string]int {
	return map[string]int{"InvalidRequestException": 400, "ResourceNotFoundException": 404, "RuleLimitExceededException": 400,
		"ThrottledException": 429, "TooManyTagsException": 400}
}
