package iam

import (
	"strings"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsrpc"
)

// trailResources returns the ARNs of the trails that a call of CloudTrail is about,
// which may be called by their names.
//
// AWS: service authorization reference of CloudTrail. DescribeTrails, ListTrails and
// LookupEvents are about no resource.
func trailResources(c *awsrpc.Call) []string {
	var names []string
	switch c.Operation {
	case "CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging", "GetTrail", "GetTrailStatus":
		names = c.Form["Name"]
	case "PutEventSelectors", "GetEventSelectors", "PutInsightSelectors", "GetInsightSelectors":
		names = c.Form["TrailName"]
	case "AddTags", "RemoveTags":
		names = c.Form["ResourceId"]
	case "ListTags":
		names = c.Form["ResourceIdList"]
	}
	list := make([]string, len(names))
	for i, name := range names {
		if list[i] = name; !strings.HasPrefix(name, "arn:") {
			list[i] = arn.ARN{Partition: arn.Partition(c.Caller.Region), Service: "cloudtrail", Region: c.Caller.Region, Account: c.Caller.Account, Resource: "trail/" + name}.String()
		}
	}
	if len(list) == 0 {
		list = []string{"*"}
	}
	return list
}
