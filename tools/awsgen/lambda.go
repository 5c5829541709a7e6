package main

// lambdaMaxBody is the largest request of the Lambda API: a zip file of 50 MB in
// base64, and its envelope.
//
// AWS: "Request must be smaller than 70167211 bytes for the CreateFunction
// operation" is the recorded refusal (LocalStack's snapshot tests against AWS,
// tests/aws/services/lambda_).
const lambdaMaxBody = 70167211

// lambdaOperations are those that Gatehouse means to answer. Half of the model is
// event source mappings, function URLs, code signing, durable executions and
// capacity providers.
func lambdaOperations() []string {
	return []string{
		"AddPermission", "CreateAlias", "CreateFunction", "DeleteAlias", "DeleteFunction",
		"DeleteFunctionConcurrency", "DeleteFunctionEventInvokeConfig", "DeleteLayerVersion",
		"GetAccountSettings", "GetAlias", "GetFunction", "GetFunctionCodeSigningConfig", "GetFunctionConcurrency",
		"GetFunctionConfiguration", "GetFunctionEventInvokeConfig", "GetFunctionRecursionConfig", "GetLayerVersion",
		"GetLayerVersionByArn", "GetPolicy", "GetRuntimeManagementConfig", "Invoke", "InvokeAsync",
		"InvokeWithResponseStream", "ListAliases", "ListFunctionEventInvokeConfigs", "ListFunctions",
		"ListLayerVersions", "ListLayers", "ListTags", "ListVersionsByFunction", "PublishLayerVersion",
		"PublishVersion", "PutFunctionConcurrency", "PutFunctionEventInvokeConfig",
		"RemovePermission", "TagResource", "UntagResource", "UpdateAlias",
		"UpdateFunctionCode", "UpdateFunctionConfiguration", "UpdateFunctionEventInvokeConfig",
	}
}

// lambdaPattern gives the regular expression of a string shape of the Lambda
// API. Those of functions' names and of qualifiers differ between operations, and
// that of aliases looks ahead, which ours cannot: the service checks them.
//
// AWS: the API reference of each operation, in the spelling of recorded messages
// where there is one (LocalStack's snapshots of tests/aws/services/lambda_).
func lambdaPattern(shape string) string {
	switch shape {
	case "RoleArn":
		return `arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`
	case "Handler":
		return `[^\s]+`
	case "StatementId", "NamespacedStatementId":
		return `([a-zA-Z0-9-_.]+)`
	case "Action":
		return `(lambda:[*]|lambda:[a-zA-Z]+|[*])`
	case "Principal":
		return `[^\s]+`
	case "SourceOwner":
		return `\d{12}`
	case "LayerVersionArn":
		return `arn:(aws[a-zA-Z-]*)?:lambda:[a-z]{2}((-gov)|(-iso(b?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+`
	}
	return ""
}

// lambdaBounds gives the bounds of a shape of the Lambda API, from the same
// sources.
func lambdaBounds(shape string) string {
	switch shape {
	case "MemorySize":
		return "128,10240"
	case "Timeout":
		return "1,900"
	case "EphemeralStorageSize":
		return "512,10240"
	case "Description":
		return ",256"
	case "Handler":
		return ",128"
	case "StatementId", "NamespacedStatementId":
		return "1,100"
	case "Alias":
		return "1,128"
	case "LayerName":
		return "1,140"
	case "LicenseInfo":
		return ",512"
	case "MaxListItems":
		return "1,10000"
	case "MaxLayerListItems", "MaxFunctionEventInvokeConfigListItems":
		return "1,50"
	case "MaximumRetryAttempts":
		return "0,2"
	case "MaximumEventAgeInSeconds":
		return "60,21600"
	case "ReservedConcurrentExecutions":
		return "0,"
	}
	return ""
}
