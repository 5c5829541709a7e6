// Package wafv2 is the API of AWS WAF, of which Gatehouse has nothing yet: each
// operation is refused by its name, so that nobody takes an API for protected
// that is not.
package wafv2

import (
	"strings"

	"gatehouse/internal/awsrpc"
)

// Mount is the API: names that answer 501.
func Mount() awsrpc.Mount {
	svc := awsrpc.Service{Name: "wafv2", SigningName: "wafv2", Protocol: awsrpc.AWSJSON11, Version: "2019-07-29", Shape: "AWSWAF_20190729"}
	for name := range strings.FieldsSeq(operations) {
		svc.Operations = append(svc.Operations, awsrpc.Operation{Name: name, Method: "POST", URI: "/", Code: 200})
	}
	return awsrpc.Mount{Service: svc, Server: struct{}{}}
}

// AWS: API reference of AWS WAF, version 2.
const operations = `
AssociateWebACL CheckCapacity CreateAPIKey CreateIPSet CreateRegexPatternSet CreateRuleGroup CreateWebACL
DeleteAPIKey DeleteFirewallManagerRuleGroups DeleteIPSet DeleteLoggingConfiguration DeletePermissionPolicy
DeleteRegexPatternSet DeleteRuleGroup DeleteWebACL DescribeAllManagedProducts DescribeManagedProductsByVendor
DescribeManagedRuleGroup DisassociateWebACL GenerateMobileSdkReleaseUrl GetDecryptedAPIKey GetIPSet
GetLoggingConfiguration GetManagedRuleSet GetMobileSdkRelease GetPermissionPolicy
GetRateBasedStatementManagedKeys GetRegexPatternSet GetRuleGroup GetSampledRequests
GetTopPathStatisticsByTraffic GetWebACL GetWebACLForResource
ListAPIKeys ListAvailableManagedRuleGroupVersions ListAvailableManagedRuleGroups ListIPSets
ListLoggingConfigurations ListManagedRuleSets ListMobileSdkReleases ListRegexPatternSets ListResourcesForWebACL
ListRuleGroups ListTagsForResource ListWebACLs PutLoggingConfiguration PutManagedRuleSetVersions
PutPermissionPolicy TagResource UntagResource UpdateIPSet UpdateManagedRuleSetVersionExpiryDate
UpdateRegexPatternSet UpdateRuleGroup UpdateWebACL
`
