package main

import "strings"

// What the published model does not say, and AWS's answers do.

// enumOrder gives the order in which AWS's constraint messages list an
// enumeration's values, where a real answer was recorded (LocalStack's snapshot
// tests against AWS, tests/aws/services/apigateway). The order follows no rule
// that we found; other enumerations keep the order of the model.
func enumOrder(api, shape string) []string {
	if api == "cloudwatch" && shape == "StateValue" { // LocalStack, test_set_alarm_invalid_input
		return []string{"INSUFFICIENT_DATA", "ALARM", "OK"}
	}
	if api != "apigateway" {
		return nil
	}
	switch shape {
	case "Op":
		return []string{"add", "remove", "move", "test", "replace", "copy"}
	case "EndpointType":
		return []string{"PRIVATE", "EDGE", "REGIONAL"}
	case "IpAddressType":
		return []string{"ipv4", "dualstack"}
	case "IntegrationType":
		return []string{"HTTP", "MOCK", "AWS_PROXY", "HTTP_PROXY", "AWS"}
	case "DocumentationPartType":
		return []string{
			"RESPONSE_BODY", "RESPONSE", "METHOD", "MODEL", "AUTHORIZER", "RESPONSE_HEADER", "RESOURCE",
			"PATH_PARAMETER", "REQUEST_BODY", "QUERY_PARAMETER", "API", "REQUEST_HEADER",
		}
	case "GatewayResponseType":
		return []string{
			"REQUEST_TOO_LARGE", "RESOURCE_NOT_FOUND", "AUTHORIZER_CONFIGURATION_ERROR",
			"MISSING_AUTHENTICATION_TOKEN", "BAD_REQUEST_BODY", "INVALID_SIGNATURE", "INVALID_API_KEY",
			"BAD_REQUEST_PARAMETERS", "AUTHORIZER_FAILURE", "UNAUTHORIZED", "INTEGRATION_TIMEOUT",
			"ACCESS_DENIED", "DEFAULT_4XX", "DEFAULT_5XX", "WAF_FILTERED", "QUOTA_EXCEEDED", "THROTTLED",
			"API_CONFIGURATION_ERROR", "UNSUPPORTED_MEDIA_TYPE", "INTEGRATION_FAILURE", "EXPIRED_TOKEN",
		}
	}
	return nil
}

// pattern gives the regular expression of a string shape: the schemas leave
// constraints out. These are the only two of the v1 model of API Gateway.
func pattern(api, shape string) string {
	switch api {
	case "lambda":
		return lambdaPattern(shape)
	case "cloudwatch":
		return cloudwatchPattern(shape)
	case "logs":
		return logsPattern(shape)
	}
	if api != "apigateway" {
		return ""
	}
	switch shape {
	case "StatusCode":
		return `[1-5]\d\d`
	case "DocumentationPartLocationStatusCode":
		return `^([1-5]\d\d|\*|\s*)$`
	}
	return ""
}

// bounds gives the least and the greatest value of a number, or length of a text,
// or list, as "min,max", either of which may be missing.
func bounds(api, shape string) string {
	switch api {
	case "lambda":
		return lambdaBounds(shape)
	case "cloudwatch":
		return cloudwatchBounds(shape)
	case "logs":
		return logsBounds(shape)
	}
	return ""
}

// openEnum reports whether an enumeration is not a constraint of the model: the
// service checks it itself, and answers in its own words.
func openEnum(api, shape string) bool { return api == "lambda" && shape == "Runtime" }

// nulls reports whether a map's empty texts are null on the wire, both ways
// (LocalStack's recording of test_put_integration_response_templates).
func nulls(api, shape, member string) bool {
	return api == "apigateway" && member == "responseTemplates" &&
		(shape == "IntegrationResponse" || strings.HasSuffix(shape, "IntegrationResponseRequest") || strings.HasSuffix(shape, "IntegrationResponseInput"))
}
