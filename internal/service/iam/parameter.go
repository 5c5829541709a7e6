package iam

import (
	"slices"
	"strings"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsrpc"
)

// parameterResources returns the ARNs of the parameters that a call of the
// parameter store is about.
//
// AWS: "Actions, resources, and condition keys for AWS Systems Manager", service
// authorization reference; a path counts as a parameter.
func parameterResources(c *awsrpc.Call) []string {
	name := arn.ARN{Partition: arn.Partition(c.Caller.Region), Service: "ssm", Region: c.Caller.Region, Account: c.Caller.Account}
	if c.Operation == "DescribeParameters" {
		name.Resource = "*"
		return []string{name.String()}
	}
	var list []string
	for _, member := range []string{"Name", "Names", "Path", "ResourceId"} {
		for _, p := range c.Form[member] {
			if full, err := arn.Parse(p); err == nil {
				p = strings.TrimPrefix(full.Resource, "parameter/")
			}
			p, _, _ = strings.Cut(p, ":") // the version
			name.Resource = "parameter/" + strings.Trim(p, "/")
			if one := name.String(); !slices.Contains(list, one) {
				list = append(list, one)
			}
		}
	}
	if list == nil { // which the service refuses
		list = []string{"*"}
	}
	return list
}
