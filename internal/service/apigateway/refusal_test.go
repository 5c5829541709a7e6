package apigateway

import (
	"strings"
	"testing"
)

// What is refused, and how: AWS's texts to the letter. The same is compared
// with the recordings, answer by answer, where those are at hand
// (recorded_test.go); here it stands for itself.
func TestRefusals(t *testing.T) {
	const notFound, bad, conflict = "NotFoundException: ", "BadRequestException: ", "ConflictException: "
	c := newClient(t)
	id, root := c.newDeployableAPI()
	m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
	r := with(m, "statusCode", "200")
	greedy := c.must("CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": "{proxy+}"})["id"]
	pets := c.must("CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": "pets"})["id"]
	c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod"})
	v := c.must("CreateRequestValidator", doc{"restApiId": id, "name": "v"})["id"]

	tests := []struct {
		operation string
		in        doc
		want      string
	}{
		{"GetRestApi", doc{"restApiId": "nope"}, notFound + "Invalid API identifier specified 111111111111:nope"},
		{"DeleteRestApi", doc{"restApiId": "nope"}, notFound + "Invalid API identifier specified 111111111111:nope"},
		{"CreateRestApi", doc{"name": "x", "description": ""}, bad + "Description cannot be an empty string"},
		{"CreateRestApi", doc{"name": "x", "minimumCompressionSize": 10485761}, bad + "Invalid minimum compression size, must be between 0 and 10485760"},
		{"CreateRestApi", doc{"name": "x", "endpointConfiguration": doc{"types": []string{}}}, bad + "REGIONAL Configuration and EDGE Configuration cannot be both DISABLED."},
		{"CreateRestApi", doc{"name": "x", "endpointConfiguration": doc{"types": []string{"EDGE", "REGIONAL"}}}, bad + "Cannot create an api with multiple Endpoint Types."},
		{"CreateRestApi", doc{"name": "x", "cloneFrom": "nope"}, notFound + "Invalid API identifier specified 111111111111:nope"},
		{"UpdateRestApi", doc{"restApiId": id, "patchOperations": patch("add", "/name", "x")}, bad + "Invalid patch operation specified. Must be one of: [replace]"},
		{"UpdateRestApi", doc{"restApiId": id, "patchOperations": patch("add", "/binaryMediaTypes", "x")}, bad + "Invalid patch path /binaryMediaTypes"},

		{"CreateResource", doc{"restApiId": id, "parentId": "nope", "pathPart": "x"}, notFound + "Invalid Resource identifier specified"},
		{"CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": "pets"}, conflict + "Another resource with the same parent already has this name: pets"},
		{"CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": "{id}"}, bad + "A sibling ({proxy+}) of this resource already has a variable path part -- only one is allowed"},
		{"CreateResource", doc{"restApiId": id, "parentId": greedy, "pathPart": "x"}, bad + "Cannot create a child of a resource with a greedy path variable: {proxy+}"},
		{"CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": "a b"}, bad + "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end."},
		{"CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": "{a+b}"}, bad + "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end."},
		{"UpdateResource", doc{"restApiId": id, "resourceId": pets, "patchOperations": patch("replace", "/parentId", pets)}, bad + "Resources cannot be cyclical."},
		{"UpdateResource", doc{"restApiId": id, "resourceId": pets, "patchOperations": patch("replace", "/path", "x")}, bad + "Invalid patch path  '/path' specified for op 'replace'. Must be one of: [/parentId, /pathPart]"},
		{"UpdateResource", doc{"restApiId": id, "resourceId": pets, "patchOperations": patch("remove", "/pathPart", nil)}, bad + "Invalid patch path  '/pathPart' specified for op 'remove'. Please choose supported operations"},
		{"UpdateResource", doc{"restApiId": id, "resourceId": root, "patchOperations": patch("replace", "/pathPart", "x")}, bad + "Root resource cannot update its pathPart."},

		{"PutMethod", with(m, "authorizationType", "NONE"), conflict + "Method already exists for this resource"},
		{"PutMethod", with(m, "httpMethod", "BREW", "authorizationType", "NONE"), bad + "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY"},
		{"PutMethod", with(m, "httpMethod", "PUT", "authorizationType", "CUSTOM"), bad + "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer."},
		{"PutMethod", with(m, "httpMethod", "PUT", "authorizationType", "NONE", "requestValidatorId", "x"), bad + "Invalid Request Validator identifier specified"},
		{"PutMethod", with(m, "httpMethod", "PUT", "authorizationType", "NONE", "requestModels", doc{"application/json": "x"}), bad + "Invalid model identifier specified: x"},
		{"PutMethod", with(m, "httpMethod", "PUT", "authorizationType", "NONE", "requestParameters", doc{"x": true}), bad + "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: x]"},
		{"PutMethod", with(m, "httpMethod", "PUT", "authorizationType", "NONE", "requestParameters", doc{"method.request.header.a": true, "method.request.path.a": true}), bad + "Parameter names must be unique across querystring, header and path"},
		{"GetMethod", with(m, "httpMethod", "PUT"), notFound + "Invalid Method identifier specified"},
		{"PutMethodResponse", r, conflict + "Response already exists for this resource"},
		{"GetMethodResponse", with(r, "statusCode", "404"), notFound + "Invalid Response status code specified"},
		{"UpdateMethodResponse", with(r, "patchOperations", patch("replace", "/responseParameters/x", "true")), notFound + "Invalid parameter name specified"},
		{"UpdateMethodResponse", with(r, "patchOperations", patch("remove", "/responseModels/x", nil)), notFound + "Content-Type specified was not found"},

		{"PutIntegration", with(m, "type", "HTTP"), bad + "Enumeration value for HttpMethod must be non-empty"},
		{"PutIntegration", with(m, "type", "HTTP", "integrationHttpMethod", "GET", "uri", "ftp://x"), bad + "Invalid HTTP endpoint specified for URI"},
		{"PutIntegration", with(m, "type", "MOCK", "timeoutInMillis", 30000), bad + "Timeout should be between 50 ms and 29000 ms"},
		{"PutIntegration", with(m, "type", "HTTP_PROXY", "integrationHttpMethod", "GET", "uri", "http://127.0.0.1/{proxy}", "requestParameters",
			doc{"integration.request.path.proxy": "method.request.path.proxy"}),
			bad + "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: method.request.path.proxy]"},
		{"PutIntegration", with(m, "type", "MOCK", "requestTemplates", doc{"application/json": "{\n #if($a)"}),
			bad + "Validation Result: warnings : [], errors : [Invalid mapping template specified for application/json: #if has no #end at line 2, column 2]"},
		{"UpdateIntegration", with(m, "patchOperations", patch("replace", "/contentHandling", "CONVERT")), bad + "Invalid content handling strategy specified: CONVERT"},
		{"PutIntegrationResponse", with(r, "responseTemplates", doc{"text/plain": "#set($a)"}),
			bad + "Validation Result: warnings : [], errors : [Invalid mapping template specified for text/plain: Encountered \")\", expected = at line 1, column 8]"},
		{"PutIntegrationResponse", with(r, "responseParameters", doc{"method.response.header.x": "'y'"}),
			bad + "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: method.response.header.x]"},
		{"DeleteIntegrationResponse", with(r, "httpMethod", "PUT"), notFound + "Invalid Integration identifier specified"},

		{"CreateStage", doc{"restApiId": id, "stageName": "prod", "deploymentId": "x"}, conflict + "Stage already exists"},
		{"CreateStage", doc{"restApiId": id, "stageName": "dev", "deploymentId": "x"}, bad + "Deployment id does not exist"},
		{"CreateDeployment", doc{"restApiId": id, "stageName": "a.b"}, bad + "Stage name only allows a-zA-Z0-9_"},
		{"CreateDeployment", doc{"restApiId": id, "stageName": "prod", "variables": doc{"a-b": "x"}}, bad + "Invalid stage variable name: a-b.  Please use names with only word characters."},
		{"CreateDeployment", doc{"restApiId": id, "stageName": "prod", "variables": doc{"a": "x y"}},
			bad + "Invalid stage variable value: x y.  Please use values with alphanumeric characters and the symbols ' ', -', '.', '_', ':', '/', '?', '&', '=', and ','."},
		{"CreateDeployment", doc{"restApiId": id, "canarySettings": doc{}}, bad + "Invalid deployment content specified.Non null and non empty stageName must be provided for canary deployment. Provided value is null"},
		{"CreateDeployment", doc{"restApiId": id, "stageName": "nope", "canarySettings": doc{}}, bad + "Invalid deployment content specified.Stage nope must already be created before making a canary release deployment"},
		{"UpdateStage", stagePatch(id, "copy", "/deploymentId", nil), bad + "Invalid copy operation with path: /deploymentId and from . Valid copy:path are [/deploymentId, /variables] and valid copy:from are [/canarySettings/deploymentId, /canarySettings/stageVariableOverrides]"},
		{"UpdateStage", stagePatch(id, "remove", "/*/*", nil), bad + "Cannot remove method setting */* because there is no method setting for this method "},
		{"UpdateStage", stagePatch(id, "add", "/canarySettings/deploymentId", "x"), bad + "Invalid add operation with path: /canarySettings/deploymentId"},
		{"UpdateStage", stagePatch(id, "replace", "/accessLogSettings/*", "x"), bad + "Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, /accessLogSettings/format]"},
		{"UpdateStage", stagePatch(id, "replace", "/accessLogSettings/format", ""), bad + "Access Log value must not be empty"},
		{"UpdateStage", stagePatch(id, "replace", "/accessLogSettings/format", "a\nb\n"), bad + "Access Log format must be single line, new line character is allowed only at end of the format: 'a\nb\n'"},
		{"UpdateStage", stagePatch(id, "replace", "/accessLogSettings/destinationArn", "arn:aws:logs:us-east-1:"+testAccount+":log-group:g"),
			bad + "Invalid ARN specified in the request. ARN must be that of a log group or delivery stream of account " + testAccount + " in " + testRegion},
		{"UpdateStage", stagePatch(id, "replace", "/accessLogSettings/destinationArn", "arn:aws:logs:"+testRegion+":222222222222:log-group:g"),
			bad + "Invalid ARN specified in the request. ARN must be that of a log group or delivery stream of account " + testAccount + " in " + testRegion},
		{"UpdateStage", stagePatch(id, "replace", "/*/*/accessLogSettings/format", "x"), bad + "Invalid method setting path: accessLogSettings/format. Must be one of: [" + methodSettingNames + "]"},
		{"GetStage", doc{"restApiId": id, "stageName": "nope"}, notFound + "Invalid stage identifier specified"},
		{"UpdateStage", stagePatch(id, "replace", "/*/GET/throttling/rateLimit", "1"), bad + "Invalid method setting path: /*/GET/throttling/rateLimit. Must be one of: [" + methodSettingPaths + "]"},
		{"UpdateStage", stagePatch(id, "replace", "/~1pets/*/throttling/rateLimit", "1"), bad + "Invalid method setting path: /~1pets/*/throttling/rateLimit. Must be one of: [" + methodSettingPaths + "]"},
		{"UpdateStage", stagePatch(id, "replace", "/nonsense", "x"), bad + "Invalid method setting path: /nonsense. Must be one of: [" + methodSettingPaths + "]"},

		{"CreateModel", doc{"restApiId": id, "name": "Empty", "contentType": "application/json", "schema": "{}"}, conflict + "Model name already exists for this REST API"},
		{"CreateModel", doc{"restApiId": id, "name": "X", "contentType": "application/json"}, bad + "Model schema must have at least 1 property or array items defined"},
		{"CreateModel", doc{"restApiId": id, "name": "X", "contentType": "application/json", "schema": `{"type": 7}`},
			bad + "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified. #: type must name primitive types of JSON]"},
		{"UpdateModel", doc{"restApiId": id, "modelName": "Empty", "patchOperations": patch("replace", "/schema", "{")},
			bad + "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified. #: not JSON]"},
		{"GetModel", doc{"restApiId": id, "modelName": "X"}, notFound + "Invalid model name specified: X"},
		{"UpdateModel", doc{"restApiId": id, "modelName": "Empty", "patchOperations": patch("replace", "/name", "x")}, bad + "Invalid patch path  '/name' specified for op 'replace'. Must be one of: [/description, /schema]"},
		{"CreateRequestValidator", doc{"restApiId": "nope"}, bad + "Invalid REST API identifier specified"},
		{"UpdateRequestValidator", doc{"restApiId": id, "requestValidatorId": v, "patchOperations": patch("replace", "/x", "true")},
			bad + "Invalid patch path  '/x' specified for op 'replace'. Must be one of: [/name, /validateRequestParameters, /validateRequestBody]"},
		{"UpdateRequestValidator", doc{"restApiId": id, "requestValidatorId": v, "patchOperations": patch("replace", "/name", nil)}, bad + "Request Validator name cannot be blank"},
		{"DeleteGatewayResponse", doc{"restApiId": id, "responseType": "DEFAULT_4XX"}, notFound + "Gateway response type not defined on api"},
		{"UpdateGatewayResponse", doc{"restApiId": id, "responseType": "DEFAULT_4XX", "patchOperations": []doc{{"op": "add", "value": "x"}}}, bad + "Invalid patch path null"},
		{"UpdateGatewayResponse", doc{"restApiId": id, "responseType": "DEFAULT_4XX", "patchOperations": patch("add", "/statusCode", "444")}, bad + "Invalid patch path /statusCode"},

		{"CreateApiKey", doc{"value": "short"}, bad + "API Key value should be at least 20 characters"},
		{"CreateApiKey", doc{"value": strings.Repeat("a", 129)}, bad + "API Key value exceeds maximum size of 128 characters"},
		{"CreateApiKey", doc{"name": strings.Repeat("a", 1025)}, bad + "Invalid API Key name, can be at most 1024 characters."},
		{"GetApiKey", doc{"apiKey": "nope"}, notFound + "Invalid API Key identifier specified"},
		{"GetUsagePlan", doc{"usagePlanId": "nope"}, notFound + "Invalid Usage Plan ID specified"},
		{"GetDomainName", doc{"domainName": "nope.example.com"}, notFound + "Invalid domain name identifier specified"},
		{"ImportRestApi", doc{"body": "{"}, bad + "Invalid OpenAPI input."},
	}
	for _, tt := range tests {
		c.fail(tt.operation, tt.in, tt.want)
	}
}

func stagePatch(id, op, path string, value any) doc {
	return doc{"restApiId": id, "stageName": "prod", "patchOperations": patch(op, path, value)}
}

// What Gatehouse does not act upon is refused by name, wherever it could be
// set, and nothing of the call is kept.
func TestUnsupported(t *testing.T) {
	c := newClient(t)
	id, root := c.newDeployableAPI()
	c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod"})
	m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
	put := with(m, "httpMethod", "PUT")
	head := with(m, "httpMethod", "HEAD")
	c.must("PutMethod", with(head, "authorizationType", "NONE"))
	c.must("PutMethodResponse", with(head, "statusCode", "200", "responseParameters", doc{"method.response.header.x": false}))
	c.must("PutIntegration", with(head, "type", "MOCK"))
	plan := c.must("CreateUsagePlan", doc{"name": "p"})["id"]
	key := c.must("CreateApiKey", nil)["id"]
	c.must("CreateDomainName", doc{"domainName": "d.example.com"})
	tests := []struct {
		id        unsupportedID
		operation string
		in        doc
	}{
		{noSecurityPolicy, "CreateRestApi", doc{"name": "x", "securityPolicy": "TLS_1_2"}},
		{noAccessMode, "CreateRestApi", doc{"name": "x", "endpointAccessMode": "STRICT"}},
		{noAuthorizationScopes, "PutMethod", with(put, "authorizationType", "NONE", "authorizationScopes", []string{"a"})},
		{noIntegrationType, "PutIntegration", with(m, "type", "AWS_PROXY", "integrationHttpMethod", "POST", "uri", "arn:aws:apigateway:eu-west-1:firehose:path/streams/s")},
		{noDeliveryStream, "UpdateStage", stagePatch(id, "replace", "/accessLogSettings/destinationArn", "arn:aws:firehose:eu-west-1:111111111111:deliverystream/amazon-apigateway-x")},
		{noProductCode, "UpdateUsagePlan", doc{"usagePlanId": plan, "patchOperations": patch("add", "/productCode", "1")}},
		{noLabels, "UpdateApiKey", doc{"apiKey": key, "patchOperations": patch("add", "/labels", "x")}},
		{noCertificate, "CreateDomainName", doc{"domainName": "e.example.com", "ownershipVerificationCertificateArn": "arn:x"}},
		{noCertificate, "UpdateDomainName", doc{"domainName": "d.example.com", "patchOperations": patch("replace", "/certificateName", "x")}},
		{noMutualTLS, "CreateDomainName", doc{"domainName": "e.example.com", "endpointConfiguration": doc{"types": []string{"REGIONAL"}}, "mutualTlsAuthentication": doc{"truststoreUri": "s3://bucket/x"}}},
		{noDomainSecurity, "CreateDomainName", doc{"domainName": "e.example.com", "securityPolicy": "TLS_1_0"}},
	}
	tested := map[unsupportedID]bool{}
	for _, tt := range tests {
		tested[tt.id] = true
		rev := storeRev(t, c)
		want := "BadRequestException: Gatehouse does not support " + unsupported[tt.id][1]
		got, _ := c.do(tt.operation, tt.in)["Error"].(string)
		if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, " yet (see COVERAGE.md)") {
			t.Errorf("%s(%v) = %q, want %q…", tt.operation, tt.in, got, want)
		}
		if now := storeRev(t, c); now != rev {
			t.Errorf("%s(%v) was refused, but the store went from %d to %d", tt.operation, tt.in, rev, now)
		}
	}
	for id, u := range unsupported {
		if !tested[unsupportedID(id)] {
			t.Errorf("no test refuses %s of %s", u[1], u[0])
		}
	}
}

func storeRev(t *testing.T, c *client) int64 {
	t.Helper()
	page, err := c.st.List(t.Context(), "/", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	return int64(page.Rev)
}

// The inert value of a setting that does not act is no error.
func TestInertValues(t *testing.T) {
	c := newClient(t)
	out := c.must("CreateRestApi", doc{"name": "x", "apiKeySource": "HEADER", "endpointAccessMode": "BASIC", "securityPolicy": "TLS_1_0", "policy": ""})
	id, root := out["id"], out["rootResourceId"]
	m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
	c.must("PutMethod", with(m, "authorizationType", "NONE", "authorizationScopes", []string{}))
	c.must("PutIntegration", with(m, "type", "HTTP", "integrationHttpMethod", "GET", "uri", "https://${stageVariables.host}:${stageVariables.port}/{id}",
		"connectionType", "INTERNET", "responseTransferMode", "BUFFERED", "tlsConfig", doc{"insecureSkipVerification": true},
		"cacheKeyParameters", []string{"method.request.path.id"}))
	c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod", "tracingEnabled": false, "cacheClusterEnabled": false})
	for _, path := range []string{"metrics/enabled", "logging/dataTrace", "caching/enabled"} {
		c.must("UpdateStage", stagePatch(id.(string), "replace", "/*/*/"+path, "false"))
	}
	c.must("UpdateStage", stagePatch(id.(string), "replace", "/*/*/logging/loglevel", "OFF"))
	c.must("UpdateStage", stagePatch(id.(string), "replace", "/~1pets/GET/throttling/rateLimit", "2.5"))
	settings := c.must("GetStage", doc{"restApiId": id, "stageName": "prod"})["methodSettings"].(doc)
	if got := settings["~1pets/GET"].(doc)["throttlingRateLimit"]; got != 2.5 {
		t.Errorf("throttlingRateLimit = %v, want 2.5", got)
	}
}
