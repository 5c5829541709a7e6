package sdk_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"gatehouse/test/gatehousetest"
)

func newLambdaClient(t *testing.T, s *gatehousetest.Server) *lambda.Client {
	access, secret, err := s.Credential()
	if err != nil {
		t.Fatal(err)
	}
	return lambda.New(lambda.Options{
		Region: region, BaseEndpoint: aws.String(s.Endpoint()), Credentials: credentials.NewStaticCredentialsProvider(access, secret, ""), RetryMaxAttempts: 1,
	})
}

const lambdaFunction = "arn:aws:lambda:" + region + ":000000000000:function:calls"

// lambdaCalls exercise every operation of lambda that is implemented at least
// once. What is made is deleted in the end; $zip is code that answers what it is
// asked, and $event an event, both in base64.
var lambdaCalls = []step{
	{op: "GetAccountSettings", in: `{}`},
	{op: "PublishLayerVersion", in: `{"LayerName": "calls", "Content": {"ZipFile": "$zip"}, "CompatibleRuntimes": ["python3.12"]}`, keep: "layer=LayerVersionArn number=Version"},
	{op: "GetLayerVersion", in: `{"LayerName": "calls", "VersionNumber": $number}`},
	{op: "GetLayerVersionByArn", in: `{"Arn": "$layer"}`},
	{op: "ListLayerVersions", in: `{"LayerName": "calls"}`},
	{op: "ListLayers", in: `{"CompatibleRuntime": "python3.12"}`},

	{op: "CreateFunction", in: `{"FunctionName": "calls", "Runtime": "python3.12", "Handler": "main.handler", "Role": "arn:aws:iam::000000000000:role/r",
		"Code": {"ZipFile": "$zip"}, "Layers": ["$layer"], "Tags": {"a": "b"}, "Timeout": 10, "EphemeralStorage": {"Size": 1024}}`},
	{op: "CreateFunction", in: `{"FunctionName": "calls", "Runtime": "python3.12", "Handler": "main.handler", "Role": "arn:aws:iam::000000000000:role/r", "Code": {"ZipFile": "$zip"}}`,
		refused: "ResourceConflictException"},
	{op: "GetFunction", in: `{"FunctionName": "calls"}`, keep: "hash=Configuration.CodeSha256"},
	{op: "GetFunctionConfiguration", in: `{"FunctionName": "` + lambdaFunction + `"}`},
	{op: "GetFunctionCodeSigningConfig", in: `{"FunctionName": "calls"}`},
	{op: "GetFunctionRecursionConfig", in: `{"FunctionName": "calls"}`},
	{op: "GetRuntimeManagementConfig", in: `{"FunctionName": "calls"}`},
	{op: "ListFunctions", in: `{"FunctionVersion": "ALL", "MaxItems": 5}`},
	{op: "UpdateFunctionCode", in: `{"FunctionName": "calls", "ZipFile": "$zip"}`},
	{op: "UpdateFunctionConfiguration", in: `{"FunctionName": "calls", "MemorySize": 256, "Environment": {"Variables": {"KEY": "v"}}}`},
	{op: "PublishVersion", in: `{"FunctionName": "calls", "CodeSha256": "$hash", "Description": "one"}`, keep: "version=Version"},
	{op: "ListVersionsByFunction", in: `{"FunctionName": "calls"}`},
	{op: "Invoke", in: `{"FunctionName": "calls", "Payload": "$event", "LogType": "Tail", "Qualifier": "$version"}`},
	{op: "Invoke", in: `{"FunctionName": "calls", "InvocationType": "DryRun"}`},
	{op: "Invoke", in: `{"FunctionName": "calls", "InvocationType": "Event", "Payload": "$event"}`},
	{op: "Invoke", in: `{"FunctionName": "none"}`, refused: "ResourceNotFoundException"},
	{op: "InvokeWithResponseStream", in: `{"FunctionName": "calls", "Payload": "$event"}`},
	{op: "InvokeAsync", in: `{"FunctionName": "calls", "InvokeArgs": "$event"}`},

	{op: "CreateAlias", in: `{"FunctionName": "calls", "Name": "live", "FunctionVersion": "$version"}`},
	{op: "GetAlias", in: `{"FunctionName": "calls", "Name": "live"}`},
	{op: "ListAliases", in: `{"FunctionName": "calls", "FunctionVersion": "$version"}`},
	{op: "UpdateAlias", in: `{"FunctionName": "calls", "Name": "live", "Description": "changed"}`},

	{op: "AddPermission", in: `{"FunctionName": "calls", "StatementId": "api", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com",
		"SourceArn": "arn:aws:execute-api:` + region + `:000000000000:a/*", "Qualifier": "live"}`},
	{op: "GetPolicy", in: `{"FunctionName": "calls", "Qualifier": "live"}`},
	{op: "RemovePermission", in: `{"FunctionName": "calls", "StatementId": "api", "Qualifier": "live"}`},
	{op: "GetPolicy", in: `{"FunctionName": "calls", "Qualifier": "live"}`, refused: "ResourceNotFoundException"},

	{op: "PutFunctionConcurrency", in: `{"FunctionName": "calls", "ReservedConcurrentExecutions": 5}`},
	{op: "GetFunctionConcurrency", in: `{"FunctionName": "calls"}`},
	{op: "DeleteFunctionConcurrency", in: `{"FunctionName": "calls"}`},

	{op: "PutFunctionEventInvokeConfig", in: `{"FunctionName": "calls", "Qualifier": "live", "MaximumRetryAttempts": 0}`},
	{op: "UpdateFunctionEventInvokeConfig", in: `{"FunctionName": "calls", "Qualifier": "live", "MaximumEventAgeInSeconds": 60}`},
	{op: "GetFunctionEventInvokeConfig", in: `{"FunctionName": "calls", "Qualifier": "live"}`},
	{op: "ListFunctionEventInvokeConfigs", in: `{"FunctionName": "calls"}`},
	{op: "DeleteFunctionEventInvokeConfig", in: `{"FunctionName": "calls", "Qualifier": "live"}`},

	{op: "TagResource", in: `{"Resource": "` + lambdaFunction + `", "Tags": {"c": "d"}}`},
	{op: "ListTags", in: `{"Resource": "` + lambdaFunction + `"}`},
	{op: "UntagResource", in: `{"Resource": "` + lambdaFunction + `", "TagKeys": ["a", "c"]}`},

	{op: "DeleteAlias", in: `{"FunctionName": "calls", "Name": "live"}`},
	{op: "DeleteFunction", in: `{"FunctionName": "calls"}`},
	{op: "DeleteLayerVersion", in: `{"LayerName": "calls", "VersionNumber": $number}`},
}
