package iam

import (
	"strings"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsrpc"
)

// logsResources returns the ARNs of what a call of CloudWatch Logs is about: log
// groups or streams, or sources, destinations and deliveries.
//
// AWS: service authorization reference of CloudWatch Logs; groups and streams as
// refusals name them: log-group:GROUP:log-stream:STREAM, with nothing where a call
// is about a group, or all of them.
func logsResources(c *awsrpc.Call) []string {
	group := c.Form.Get("logGroupName")
	switch c.Operation {
	case "PutDeliverySource", "GetDeliverySource", "DeleteDeliverySource":
		return []string{logsARN(c, "delivery-source:"+c.Form.Get("name"))}
	case "PutDeliveryDestination", "GetDeliveryDestination", "DeleteDeliveryDestination":
		return []string{logsARN(c, "delivery-destination:"+c.Form.Get("name"))}
	case "CreateDelivery":
		return []string{logsARN(c, "delivery-source:"+c.Form.Get("deliverySourceName")), c.Form.Get("deliveryDestinationArn")}
	case "GetDelivery", "DeleteDelivery", "UpdateDeliveryConfiguration":
		return []string{logsARN(c, "delivery:"+c.Form.Get("id"))}
	case "DescribeDeliveries", "DescribeDeliveryDestinations", "DescribeDeliverySources", "DescribeConfigurationTemplates":
		return []string{"*"}
	case "StartLiveTail":
		var list []string
		for _, id := range c.Form["logGroupIdentifiers"] {
			list = append(list, streamARN(c, groupOf(id), ""))
		}
		if list != nil {
			return list
		}
	}
	for _, member := range []string{"logGroupIdentifier", "resourceArn"} {
		if id := c.Form.Get(member); id != "" {
			group = groupOf(id)
		}
	}
	return []string{streamARN(c, group, c.Form.Get("logStreamName"))}
}

// groupOf is the name of a log group in what may be its ARN.
func groupOf(id string) string {
	if full, err := arn.Parse(id); err == nil {
		return strings.TrimSuffix(strings.TrimPrefix(full.Resource, "log-group:"), ":*")
	}
	return id
}

func streamARN(c *awsrpc.Call, group, stream string) string {
	return logsARN(c, "log-group:"+group+":log-stream:"+stream)
}

func logsARN(c *awsrpc.Call, resource string) string {
	return arn.ARN{Partition: arn.Partition(c.Caller.Region), Service: "logs", Region: c.Caller.Region, Account: c.Caller.Account, Resource: resource}.String()
}
