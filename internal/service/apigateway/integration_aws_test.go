package apigateway

import "testing"

// An integration with a service keeps what it is called with, and shows no
// connection type.
//
// AWS: recorded (test_put_integration_validation) and, for the errors,
// test_put_integration_aws_proxy_uri.
func TestServiceIntegration(t *testing.T) {
	c := newClient(t)
	id, root := c.newDeployableAPI()
	m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET", "type": "AWS", "integrationHttpMethod": "POST"}
	const uri, role = "arn:aws:apigateway:${stageVariables.region}:sqs:path/1/q", "arn:aws:iam::111111111111:role/${stageVariables.role}"
	out := c.must("PutIntegration", with(m, "uri", uri, "credentials", role, "connectionType", "INTERNET"))
	want := map[string]any{"type": "AWS", "uri": uri, "credentials": role, "httpMethod": "POST", "passthroughBehavior": "WHEN_NO_MATCH"}
	for k, v := range want {
		if out[k] != v {
			t.Errorf("%s = %v, want %v", k, out[k], v)
		}
	}
	if out["connectionType"] != nil {
		t.Errorf("connectionType = %v", out["connectionType"])
	}
	tests := []struct {
		in   doc
		want string
	}{
		{with(m, "uri", "https://sqs.eu-west-1.amazonaws.com"), "Invalid ARN specified in the request"},
		{with(m, "uri", "arn:aws:sqs:eu-west-1:111111111111:q"), "AWS ARN for integration must contain path or action"},
		{with(m, "uri", uri, "credentials", "me"), "Invalid ARN specified in the request"},
		{with(m, "uri", uri, "credentials", "arn:aws:s3:::bucket"), "Invalid ARN specified in the request"},
		{with(m, "uri", uri, "integrationHttpMethod", "FETCH"), "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY"},
	}
	for _, tt := range tests {
		c.fail("PutIntegration", tt.in, "BadRequestException: "+tt.want)
	}
}
