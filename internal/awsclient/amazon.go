package awsclient

import (
	"strings"

	"gatehouse/internal/arn"
	"gatehouse/internal/sigv4"
	"gatehouse/internal/upstream"
)

// A global service has one host for all Regions of a partition, and signatures
// are made for one of them.
//
// AWS: service endpoints and quotas, General Reference; the Regions to sign for
// are those of the SDKs' endpoint tables.
func isGlobal(service string) bool {
	switch service {
	case "budgets", "cloudfront", "iam", "importexport", "organizations", "route53", "shield", "waf":
		return true
	}
	return false
}

// signingName is the name that signatures for a service are made for. It is
// that of its host, with few exceptions.
//
// AWS: the signing names of the service models; the hosts are listed in the
// General Reference.
func signingName(n Name) string {
	switch n.Service {
	case "email":
		return "ses"
	case "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime":
		return "bedrock"
	case "runtime-v2-lex", "models-v2-lex":
		return "lex"
	case "pinpoint":
		return "mobiletargeting"
	case "marketplace":
		return "aws-marketplace"
	case "s3-accesspoint", "s3-control":
		return "s3"
	case "memory-db":
		return "memorydb"
	case "personalize-events", "personalize-runtime":
		return "personalize"
	case "forecastquery":
		return "forecast"
	case "data-servicediscovery":
		return "servicediscovery"
	case "appconfigdata":
		return "appconfig"
	case "iot":
		if n.Subdomain != "" { // a data endpoint
			return "iotdata"
		}
	}
	return n.Service
}

// amazonEndpoint is Amazon's own host for a service.
//
// AWS: https://SERVICE.REGION.SUFFIX. A global service has no Region in its
// name, and iotdata is the service name of the hosts SUBDOMAIN.iot.
func amazonEndpoint(n Name) *Endpoint {
	partition, region := arn.Partition(n.Region), n.Region
	suffix := "amazonaws.com"
	if partition == "aws-cn" {
		suffix += ".cn"
	}
	labels := []string{n.Service, n.Region, suffix}
	switch {
	case isGlobal(n.Service):
		labels = []string{n.Service, suffix}
		region = globalRegion(partition)
		if n.Service == "iam" && partition == "aws-us-gov" {
			labels = []string{"iam", "us-gov", suffix}
		}
	case n.Service == "iotdata":
		labels[0] = "iot"
		if n.Subdomain == "" {
			labels[0] = "data-ats.iot"
		}
	}
	host := strings.Join(labels, ".")
	if n.Subdomain != "" {
		host = n.Subdomain + "." + host
	}
	return &Endpoint{
		Key:       upstream.Key{Scheme: "https", Host: host, Port: 443},
		Authority: host,
		Scope:     sigv4.Target{Region: region, Service: signingName(n)},
	}
}

// globalRegion is the Region that calls of global services are signed for.
func globalRegion(partition string) string {
	switch partition {
	case "aws-cn":
		return "cn-north-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	}
	return "us-east-1"
}
