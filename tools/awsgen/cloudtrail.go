package main

// cloudtrailOperations are those of trails and of the event history. The others
// are of CloudTrail Lake and of organizations.
func cloudtrailOperations() []string {
	return []string{
		"AddTags", "CreateTrail", "DeleteTrail", "DescribeTrails", "GetEventSelectors", "GetInsightSelectors", "GetTrail", "GetTrailStatus",
		"ListPublicKeys", "ListTags", "ListTrails", "LookupEvents", "PutEventSelectors", "PutInsightSelectors", "RemoveTags", "StartLogging",
		"StopLogging", "UpdateTrail",
	}
}

// cloudtrailErrors are the errors that these operations answer with.
//
// AWS: the errors sections of the API reference.
func cloudtrailErrors() map[string]int {
	all := map[string]int{}
	for _, name := range []string{
		"CloudTrailARNInvalidException", "InsightNotEnabledException", "InsufficientS3BucketPolicyException",
		"InvalidCloudWatchLogsLogGroupArnException", "InvalidCloudWatchLogsRoleArnException", "InvalidEventCategoryException",
		"InvalidEventSelectorsException", "InvalidLookupAttributesException", "InvalidMaxResultsException", "InvalidNextTokenException",
		"InvalidParameterCombinationException", "InvalidParameterException", "InvalidS3BucketNameException", "InvalidS3PrefixException",
		"InvalidTagParameterException", "InvalidTimeRangeException", "InvalidTokenException", "InvalidTrailNameException",
		"MaximumNumberOfTrailsExceededException", "OperationNotPermittedException", "ResourceNotFoundException", "S3BucketDoesNotExistException",
		"TagsLimitExceededException", "TrailAlreadyExistsException", "TrailNotFoundException", "UnsupportedOperationException",
	} {
		all[name] = 400
	}
	return all
}
