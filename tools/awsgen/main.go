// Command awsgen writes internal/awsapi/* from the service models that the
// pinned AWS SDK modules publish.
//
// The modules named in go.mod carry their model as Go source: a schemas package
// with every shape, its members and their bindings, one api_op file per
// operation and the values of every enumeration. awsgen reads that source as a
// syntax tree, which keeps the order in which the model lists its members and
// fails on anything it does not know; nothing of it is copied. Run it with
//
//	go run -C tools/awsgen .
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// An api is one AWS API to generate.
type api struct {
	name     string // of the generated package, and in the architecture
	module   string
	title    string
	protocol string   // name of the constant in awsrpc
	also     []string // likewise, of further protocols
	anyBase  bool     // the paths may follow a prefix, here the stage

	// plainNames: violations name members of the body in lower case, without
	// the input's name before them.
	plainNames bool
	maxBody    int64 // of a request; zero: as of any API

	// operations are those that get shapes and a method; the others are only
	// named, and answer 501. Nil: all.
	operations []string

	// Of modules without schemas, read by their structures:
	only      []string       // the operations to generate; the others are only named, likewise
	version   string         // of the API
	namespace string         // of XML answers
	target    string         // by which calls of JSON name the service
	paths     bool           // operations have paths of their own
	invalid   string         // the error of inputs that break the model; empty: ValidationException
	errors    map[string]int // the errors to generate, with their status
	unions    bool           // members that are one of several types are generated, too
}

// apis lists what is generated. Adding one means pinning its module in go.mod
// and importing its schemas in pins.go.
func apis() []api {
	const sdk = "github.com/aws/aws-sdk-go-v2/service/"
	return []api{
		{name: "acm", module: sdk + "acm", title: "AWS Certificate Manager", protocol: "AWSJSON11", target: "CertificateManager",
			version: "2015-12-08", only: acmOperations(), errors: acmErrors()},
		{name: "apigateway", module: sdk + "apigateway", title: "Amazon API Gateway, REST APIs (v1)", protocol: "RestJSON1"},
		{name: "apigatewayv2", module: sdk + "apigatewayv2", title: "Amazon API Gateway, HTTP and WebSocket APIs (v2)", protocol: "RestJSON1"},
		{name: "apigatewaymanagementapi", module: sdk + "apigatewaymanagementapi", title: "the @connections API of WebSocket APIs", protocol: "RestJSON1", anyBase: true},
		{
			name: "lambda", module: sdk + "lambda", title: "AWS Lambda", protocol: "RestJSON1",
			plainNames: true, maxBody: lambdaMaxBody, operations: lambdaOperations(),
		},
		{name: "cloudtrail", module: sdk + "cloudtrail", title: "AWS CloudTrail", protocol: "AWSJSON11", target: "CloudTrail_20131101",
			version: "2013-11-01", invalid: "InvalidParameterCombinationException", only: cloudtrailOperations(), errors: cloudtrailErrors()},
		{name: "cloudwatch", module: sdk + "cloudwatch", title: "Amazon CloudWatch, metrics and alarms", protocol: "RPCv2CBOR",
			also: []string{"AWSJSON10", "AWSQuery"}, operations: cloudwatchOperations()},
		{name: "logs", module: sdk + "cloudwatchlogs", title: "Amazon CloudWatch Logs", protocol: "AWSJSON11",
			invalid: "InvalidParameterException", operations: logsOperations()},
		{name: "iam", module: sdk + "iam", title: "AWS Identity and Access Management", protocol: "AWSQuery",
			version: "2010-05-08", namespace: "https://iam.amazonaws.com/doc/2010-05-08/", only: iamOperations(), errors: iamErrors()},
		{name: "cloudformation", module: sdk + "cloudformation", title: "AWS CloudFormation", protocol: "AWSQuery",
			version: "2010-05-15", namespace: "http://cloudformation.amazonaws.com/doc/2010-05-15/", only: cloudformationOperations(), errors: cloudformationErrors()},
		{name: "servicediscovery", module: sdk + "servicediscovery", title: "AWS Cloud Map", protocol: "AWSJSON11", target: "Route53AutoNaming_v20170314",
			version: "2017-03-14", invalid: "InvalidInput", plainNames: true, only: servicediscoveryOperations(), errors: servicediscoveryErrors()},
		{name: "ssm", module: sdk + "ssm", title: "AWS Systems Manager, parameter store", protocol: "AWSJSON11", operations: ssmOperations()},
		{name: "sts", module: sdk + "sts", title: "AWS Security Token Service", protocol: "AWSQuery",
			version: "2011-06-15", namespace: "https://sts.amazonaws.com/doc/2011-06-15/", only: stsOperations(), errors: stsErrors()},
		{name: "xray", module: sdk + "xray", title: "AWS X-Ray", protocol: "RestJSON1", version: "2016-04-12", invalid: "InvalidRequestException",
			paths: true, only: xrayOperations(), errors: xrayErrors(), unions: true},
	}
}

func main() {
	if err := run(filepath.Join("..", "..", "internal", "awsapi")); err != nil {
		fmt.Fprintln(os.Stderr, "awsgen:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	for _, a := range apis() {
		m, err := load(a)
		if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		files, err := emit(a, m)
		if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		pkg := filepath.Join(dir, a.name)
		if err := os.MkdirAll(pkg, 0o755); err != nil {
			return err
		}
		for name, src := range files {
			if err := os.WriteFile(filepath.Join(pkg, name), src, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
