package apigateway

import (
	"testing"
)

// functionURIOf is the URI that calls a function.
func functionURIOf(name string) string {
	return "arn:aws:apigateway:" + testRegion + ":lambda:path/2015-03-31/functions/arn:aws:lambda:" + testRegion + ":" + testAccount + ":function:" + name + "/invocations"
}

func TestLifeOfAnAuthorizer(t *testing.T) {
	c := newClient(t)
	id, root := c.newAPI()
	create := doc{"restApiId": id, "name": "a", "type": "REQUEST", "authorizerUri": functionURIOf("f"),
		"identitySource": "method.request.header.A, method.request.querystring.q", "authorizerResultTtlInSeconds": 60}
	a := c.must("CreateAuthorizer", create)
	in := doc{"restApiId": id, "authorizerId": a["id"]}
	if got := c.must("GetAuthorizer", in); got["authType"] != "custom" || got["authorizerResultTtlInSeconds"] != 60.0 {
		t.Errorf("got %v", got)
	}
	if got := c.must("GetAuthorizers", doc{"restApiId": id}); len(got["items"].([]any)) != 1 {
		t.Errorf("list %v", got)
	}
	got := c.must("UpdateAuthorizer", with(in, "patchOperations", patch("replace", "/authorizerResultTtlInSeconds", "0", "replace", "/name", "b",
		"remove", "/identitySource", "method.request.querystring.q", "replace", "/authorizerUri", functionURIOf("g"))))
	if got["name"] != "b" || got["identitySource"] != "method.request.header.A" || got["authorizerResultTtlInSeconds"] != 0.0 || got["authorizerUri"] != functionURIOf("g") {
		t.Errorf("updated: %v", got)
	}
	m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
	c.must("PutMethod", with(m, "authorizationType", "CUSTOM", "authorizerId", a["id"]))
	c.fail("DeleteAuthorizer", in, "ConflictException: Cannot delete authorizer '"+a["id"].(string)+"', is referenced in method: //GET")
	c.must("DeleteMethod", m)
	c.must("DeleteAuthorizer", in)
	c.fail("GetAuthorizer", in, "NotFoundException: Invalid Authorizer identifier specified")
	c.fail("UpdateAuthorizer", with(in, "patchOperations", patch("replace", "/name", "b")), "NotFoundException: Invalid Authorizer identifier specified")
	c.fail("DeleteAuthorizer", in, "NotFoundException: Invalid Authorizer identifier specified")
}

func TestAuthorizerRefusals(t *testing.T) {
	c := newClient(t)
	id, root := c.newAPI()
	token := doc{"restApiId": id, "name": "a", "type": "TOKEN", "authorizerUri": functionURIOf("f"), "identitySource": "method.request.header.A"}
	pools := doc{"restApiId": id, "name": "p", "type": "COGNITO_USER_POOLS", "identitySource": "method.request.header.A",
		"providerARNs": []string{"arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_x"}}
	a := c.must("CreateAuthorizer", token)
	p := c.must("CreateAuthorizer", pools)
	fresh := with(token, "name", "b")
	const badURI = ". Authorizer URI should be a valid API Gateway ARN that represents a Lambda function invocation."
	tests := []struct {
		in   doc
		want string
	}{
		{token, "Authorizer name must be unique. Authorizer a already exists in this RestApi."},
		{with(fresh, "authorizerUri", nil), "Invalid Authorizer URI: " + badURI},
		{with(fresh, "authorizerUri", "arn:aws:lambda:eu-west-1:1:function:f"), "Invalid Authorizer URI: arn:aws:lambda:eu-west-1:1:function:f" + badURI},
		{with(fresh, "authorizerUri", "ftp://a/"), "Invalid Authorizer URI: ftp://a/" + badURI},
		{with(fresh, "authorizerResultTtlInSeconds", 3601), "Invalid authorizer result TTL specified. Must be between 0 and 3600 seconds"},
		{with(fresh, "authorizerResultTtlInSeconds", -1), "Invalid authorizer result TTL specified. Must be between 0 and 3600 seconds"},
		{with(fresh, "identitySource", nil), "Invalid identity source specified: "},
		{with(fresh, "identitySource", "method.request.querystring.q"), "Invalid identity source specified: method.request.querystring.q"},
		{with(fresh, "identitySource", "method.request.header.A,method.request.header.B"), "Invalid identity source specified: method.request.header.A,method.request.header.B"},
		{with(fresh, "type", "REQUEST", "identitySource", "method.request.body.x"), "Invalid identity source specified: method.request.body.x"},
		{with(fresh, "type", "REQUEST", "identitySource", nil), "Identity source is required when authorizer caching is enabled"},
		{with(fresh, "identityValidationExpression", "("), "Invalid identity validation expression specified: ("},
		{with(fresh, "name", ""), "Authorizer name cannot be blank"},
		{with(pools, "name", "q", "providerARNs", nil), "At least one provider ARN is required for COGNITO_USER_POOLS authorizers"},
		{with(pools, "name", "q", "providerARNs", []string{"arn:aws:iam::1:role/r"}), "Invalid Cognito User Pool ARN specified: arn:aws:iam::1:role/r"},
		{with(fresh, "providerARNs", []string{"arn:aws:cognito-idp:eu-west-1:1:userpool/x"}), "Provider ARNs are only supported for COGNITO_USER_POOLS authorizers"},
	}
	for _, tt := range tests {
		c.fail("CreateAuthorizer", tt.in, "BadRequestException: "+tt.want)
	}
	for _, pool := range []string{"eu-west-1:000000000000:userpool/", "eu-west-1:000000000000:userpool/eu-west-1_a/b", ":000000000000:userpool/eu-west-1_a", "eu-west-1:1:userpool/eu-west-1_a"} {
		pool = "arn:aws:cognito-idp:" + pool
		c.fail("CreateAuthorizer", with(pools, "name", "q", "providerARNs", []string{pool}), "BadRequestException: Invalid Cognito User Pool ARN specified: "+pool)
	}
	c.must("CreateAuthorizer", with(fresh, "type", "REQUEST", "identitySource", nil, "authorizerResultTtlInSeconds", 0))
	m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
	const badID = "BadRequestException: Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer."
	c.fail("PutMethod", with(m, "authorizationType", "CUSTOM", "authorizerId", p["id"]), badID)
	c.fail("PutMethod", with(m, "authorizationType", "COGNITO_USER_POOLS", "authorizerId", a["id"]), badID)
	c.must("PutMethod", with(m, "authorizationType", "COGNITO_USER_POOLS", "authorizerId", p["id"], "authorizationScopes", []string{"s/r"}))
}
