package gateway

import (
	"net/http"
	"strings"

	"gatehouse/internal/arn"
)

// A Backend is what segments tell of the AWS service that an integration calls. It
// does not change.
type Backend struct {
	Name        string // as in Lambda
	Method, URL string
	AWS         map[string]any // function_name, region, operation, …
}

// FunctionBackend is a Lambda function, by its ARN.
//
// AWS: logging-metrics.md §4.
func FunctionBackend(function string) *Backend {
	a, _ := arn.Parse(function) // what does not parse is named as it is
	name, _, _ := strings.Cut(strings.TrimPrefix(a.Resource, "function:"), ":")
	if name == "" {
		name = function
	}
	return &Backend{
		Name: "Lambda", Method: http.MethodPost, URL: "https://lambda." + a.Region + ".amazonaws.com/2015-03-31/functions/" + function + "/invocations",
		AWS: map[string]any{"function_name": name, "region": a.Region, "operation": "Invoke", "resource_names": []string{name}},
	}
}

// ServiceBackend is another service, by the words of an integration's URI:
// operation or, if that is empty, target.
func ServiceBackend(service, region, operation, target string) *Backend {
	b := &Backend{
		Name: service, Method: http.MethodPost, URL: "https://" + service + "." + region + ".amazonaws.com" + target,
		AWS: map[string]any{"region": region},
	}
	if known := tracedServices[service]; known != "" {
		b.Name = known
	}
	if operation != "" {
		b.AWS["operation"] = operation
	}
	return b
}

// tracedServices are the names by which X-Ray knows services, where they are not
// those of their endpoints.
var tracedServices = map[string]string{
	"dynamodb": "DynamoDB", "events": "Events", "firehose": "Firehose", "kinesis": "Kinesis", "s3": "S3", "sns": "SNS", "sqs": "SQS", "ssm": "SSM",
	"states": "StepFunctions",
}

// EndpointURI is the address of the request to the backend, once it is prepared.
func (x *Exchange) EndpointURI() string {
	scheme := "http"
	if c, ok := x.Cluster.(interface{ Scheme() string }); ok {
		scheme = c.Scheme()
	}
	return strings.Join([]string{scheme, "://", x.IntegrationRequest.Host, x.IntegrationRequest.Target}, "")
}
