package cloudtrail

import (
	"slices"
	"strings"
)

// A resource is what a call is about.
type resource struct{ Type, Name string }

// resourceType tells the type of what a member of an input names, of a service by
// its signing name.
func resourceType(service, member string) string {
	switch service + "." + member {
	case "apigateway.restApiId":
		return "AWS::ApiGateway::RestApi"
	case "apigateway.stageName":
		return "AWS::ApiGateway::Stage"
	case "apigateway.deploymentId":
		return "AWS::ApiGateway::Deployment"
	case "apigateway.apiKey":
		return "AWS::ApiGateway::ApiKey"
	case "apigateway.usagePlanId":
		return "AWS::ApiGateway::UsagePlan"
	case "apigateway.domainName":
		return "AWS::ApiGateway::DomainName"
	case "apigateway.apiId":
		return "AWS::ApiGatewayV2::Api"
	case "lambda.functionName":
		return "AWS::Lambda::Function"
	case "cloudformation.stackName":
		return "AWS::CloudFormation::Stack"
	case "iam.userName":
		return "AWS::IAM::User"
	case "iam.roleName":
		return "AWS::IAM::Role"
	case "iam.groupName":
		return "AWS::IAM::Group"
	case "iam.policyArn":
		return "AWS::IAM::Policy"
	case "s3.bucket":
		return "AWS::S3::Bucket"
	case "ssm.name":
		return "AWS::SSM::Parameter"
	case "logs.logGroupName":
		return "AWS::Logs::LogGroup"
	case "cloudtrail.name", "cloudtrail.trailName":
		return "AWS::CloudTrail::Trail"
	}
	return ""
}

// resourcesOf lists what a call of a service is about.
func resourcesOf(service string, parameters map[string]any) []resource {
	var list []resource
	for member, v := range parameters {
		if body, ok := v.(map[string]any); ok && strings.HasSuffix(member, inputSuffix) { // see parametersOf
			list = append(list, resourcesOf(service, body)...)
			continue
		}
		name, ok := v.(string)
		t := resourceType(service, member)
		if !ok || t == "" || name == "" {
			continue
		}
		list = append(list, resource{Type: t, Name: name})
	}
	slices.SortFunc(list, func(a, b resource) int { return strings.Compare(a.Type, b.Type) })
	return list
}
