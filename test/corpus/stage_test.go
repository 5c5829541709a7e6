package corpus

// petTemplate is a gateway response's template as the recordings have it.
const petTemplate = "{\n     \"message\": $context.error.messageString,\n     \"type\":  \"$context.error.responseType\",\n     \"stage\":  \"$context.stage\",\n     \"resourcePath\":  \"$context.resourcePath\",\n     \"stageVariables.a\":  \"$stageVariables.a\",\n     \"statusCode\": \"'404'\"\n}"

var petParameters = doc{
	"gatewayresponse.header.x-request-path":              "method.request.path.petId",
	"gatewayresponse.header.Access-Control-Allow-Origin": "'a.b.c'",
	"gatewayresponse.header.x-request-query":             "method.request.querystring.q",
	"gatewayresponse.header.x-request-header":            "method.request.header.Accept",
}

// Gateway responses.
var gatewayResponseReplays = []replay{
	{file: "api", name: "test_gateway_response_crud", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		r := doc{"restApiId": id, "responseType": "MISSING_AUTHENTICATION_TOKEN"}
		match("get-gateway-response-default", c.do("GetGatewayResponse", r))
		match("put-gateway-response", c.do("PutGatewayResponse", with(r, "statusCode", "404", "responseParameters", petParameters,
			"responseTemplates", doc{"application/json": petTemplate})))
		match("get-gateway-responses", c.do("GetGatewayResponses", doc{"restApiId": id}))
		match("get-gateway-response", c.do("GetGatewayResponse", r))
		match("delete-gateway-response", c.do("DeleteGatewayResponse", r))
		match("get-deleted-gw-response", c.do("GetGatewayResponse", r))
	}},
	{file: "api", name: "test_gateway_response_put", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		put := func(key, kind string, more ...any) {
			match("put-gateway-response-"+key, c.do("PutGatewayResponse", with(doc{"restApiId": id, "responseType": kind}, more...)))
		}
		const kind = "MISSING_AUTHENTICATION_TOKEN"
		templates := doc{"application/json": petTemplate}
		accept := doc{"gatewayresponse.header.x-request-header": "method.request.header.Accept"}
		put("all-value", kind, "statusCode", "404", "responseParameters", petParameters, "responseTemplates", templates)
		put("status-only", kind, "statusCode", "404")
		put("response-parameters-only", kind, "responseParameters", accept)
		put("response-templates-only", kind, "responseTemplates", templates)
		put("default-5xx", "DEFAULT_5XX", "statusCode", "599", "responseParameters", accept, "responseTemplates", templates)
		put("default-ignored", "AUTHORIZER_FAILURE", "responseParameters", doc{"gatewayresponse.header.foo": "'bar'"})
		match("get-gateway-responses", c.do("GetGatewayResponses", doc{"restApiId": id}))
	}},
	{file: "api", name: "test_gateway_response_validation", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		fake := doc{"restApiId": "fake-api-id", "responseType": "DEFAULT_4XX"}
		match("get-gateway-responses-no-api", c.do("GetGatewayResponses", doc{"restApiId": "fake-api-id"}))
		match("get-gateway-response-no-api", c.do("GetGatewayResponse", fake))
		match("delete-gateway-response-no-api", c.do("DeleteGatewayResponse", fake))
		match("update-gateway-response-no-api", c.do("UpdateGatewayResponse", with(fake, "patchOperations", []doc{})))
		match("delete-gateway-response-not-set", c.do("DeleteGatewayResponse", with(fake, "restApiId", id)))
		wrong := doc{"restApiId": id, "responseType": "FAKE_RESPONSE_TYPE"}
		match("get-gateway-response-wrong-response-type", c.do("GetGatewayResponse", wrong))
		match("delete-gateway-response-wrong-response-type", c.do("DeleteGatewayResponse", wrong))
		match("update-gateway-response-wrong-response-type", c.do("UpdateGatewayResponse", with(wrong, "patchOperations", []doc{})))
		match("put-gateway-response-wrong-response-type", c.do("PutGatewayResponse", with(wrong, "statusCode", "404", "responseParameters", doc{}, "responseTemplates", doc{})))
	}},
	{file: "api", name: "test_update_gateway_response", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		r := doc{"restApiId": id, "responseType": "DEFAULT_4XX"}
		update := func(key string, in doc, ops ...any) {
			match(key, c.do("UpdateGatewayResponse", with(in, "patchOperations", patch(ops...))))
		}
		const origin = "/responseParameters/gatewayresponse.header.Access-Control-Allow-Origin"
		update("update-gateway-response-not-set", r, "replace", "/statusCode", "444")
		match("default-get-gateway-response", c.do("GetGatewayResponse", r))
		match("put-gateway-response", c.do("PutGatewayResponse", with(r, "statusCode", "404", "responseParameters", petParameters,
			"responseTemplates", doc{"application/json": `{"application/json": "{\"message\":$context.error.messageString}"}`})))
		update("update-gateway-response", r, "replace", "/statusCode", "444", "replace", origin, "'example.com'", "add", "/responseTemplates/application~1xml",
			"<gatewayResponse><message>$context.error.messageString</message><type>$context.error.responseType</type></gatewayResponse>")
		match("get-gateway-response", c.do("GetGatewayResponse", r))
		update("update-gateway-add-status-code", r, "add", "/statusCode", "444")
		update("update-gateway-remove-status-code", r, "remove", "/statusCode", nil)
		update("update-gateway-replace-invalid-parameter", with(r, "responseType", "DEFAULT_5XX"), "replace", origin, "'example.com'")
		match("update-gateway-no-path", c.do("UpdateGatewayResponse", with(r, "patchOperations", []doc{{"op": "add", "value": "'example.com'"}})))
		update("update-gateway-wrong-op", r, "wrong-op", "/statusCode", "'example.com'")
		update("update-gateway-wrong-path", r, "add", "/wrongPath", "'example.com'")
		update("update-gateway-replace-invalid-parameter-0-none", r, "replace", "/responseTemplates/application~1xml", nil)
		update("update-gateway-replace-invalid-parameter-1-none", r, "replace", origin, nil)
	}},
}

// logGroup is the ARN of a log group of c's account.
func logGroup(c *client, name string) string {
	return "arn:aws:logs:" + testRegion + ":" + c.account + ":log-group:" + name
}

// Deployments and stages.
var stageReplays = []replay{
	{file: "api", name: "test_get_stages_filters_by_deployment_id", run: func(c *client, match func(string, doc)) {
		id, _ := c.newDeployableAPI()
		one := c.must("CreateDeployment", doc{"restApiId": id, "stageName": "stage1"})["id"]
		two := c.must("CreateDeployment", doc{"restApiId": id, "stageName": "stage2"})["id"]
		match("all-stages", c.do("GetStages", doc{"restApiId": id}))
		match("stages-deploy1", c.do("GetStages", doc{"restApiId": id, "deploymentId": one}))
		match("stages-deploy2", c.do("GetStages", doc{"restApiId": id, "deploymentId": two}))
	}},
	{file: "api", name: "test_stage_access_log_settings", run: func(c *client, match func(string, doc)) {
		update := newLoggedStage(c, match)
		const arn = "/accessLogSettings/destinationArn"
		match("update-stage-access-log-dest-add", update("add", arn, logGroup(c, "test")))
		match("update-stage-access-log-dest-replace", update("replace", arn, logGroup(c, "testa")))
		match("update-stage-access-log-format-add", update("add", "/accessLogSettings/format", "$context.requestId $context.identity.sourceIp"))
		match("update-stage-access-log-remove-all", update("remove", "/accessLogSettings", nil))
	}},
	{file: "api", name: "test_stage_access_log_settings_validation", run: func(c *client, match func(string, doc)) {
		update := newLoggedStage(c, match)
		for _, op := range []string{"add", "remove", "replace"} {
			match("invalid-path-"+op, update(op, "/accessLogSettings/randomValue", "x"))
			match("star-and-"+op, update(op, "/accessLogSettings/*", "x"))
			if op != "remove" {
				match("root-and-"+op, update(op, "/accessLogSettings", "x"))
			}
		}
		const arn = "/accessLogSettings/destinationArn"
		match("update-stage-access-log-dest-add", update("add", arn, logGroup(c, "test")))
		match("update-stage-access-log-destinationArn-empty", update("replace", arn, ""))
		match("update-stage-access-log-format-empty", update("replace", "/accessLogSettings/format", ""))
		match("update-stage-access-log-dest-remove", update("remove", arn, nil))
	}},
	{file: "common", name: "test_create_update_stages", run: func(c *client, match func(string, doc)) {
		id, _ := c.newDeployableAPI()
		c.must("CreateDocumentationVersion", doc{"restApiId": id, "documentationVersion": "v123"})
		match("create-stage", c.do("CreateStage", doc{"restApiId": id, "stageName": "s1", "description": "my stage",
			"deploymentId": c.must("CreateDeployment", doc{"restApiId": id})["id"], "documentationVersion": "v123"}))
		update := func(path, value string) doc {
			return c.do("UpdateStage", doc{"restApiId": id, "stageName": "s1", "patchOperations": patch("replace", path, value)})
		}
		match("error-update-doc-version", update("/documentation_version", "123"))
		match("error-update-tags", update("/tags/tag1", "value1"))
		stage := doc{"restApiId": id, "stageName": "s1"}
		match("update-stage", c.do("UpdateStage", with(stage, "patchOperations", patch(
			"replace", "/description", "stage new", "replace", "/variables/var1", "test", "replace", "/variables/var2", "test2",
			"replace", "/*/*/throttling/burstLimit", "123", "replace", "/*/*/caching/enabled", "true", "replace", "/tracingEnabled", "true",
			"replace", "/test/GET/throttling/burstLimit", "124"))))
		match("get-stage", c.do("GetStage", stage))
		match("update-stage-override", c.do("UpdateStage", with(stage, "patchOperations", patch("replace", "/*/*/throttling/burstLimit", "100"))))
	}},
	{file: "common", name: "test_update_stage_remove_wildcard", run: func(c *client, match func(string, doc)) {
		id, _ := c.newDeployableAPI()
		c.must("CreateDocumentationVersion", doc{"restApiId": id, "documentationVersion": "v123"})
		stage := doc{"restApiId": id, "stageName": "s1"}
		match("create-stage", c.do("CreateStage", with(stage, "description", "my stage",
			"deploymentId", c.must("CreateDeployment", doc{"restApiId": id})["id"], "documentationVersion", "v123")))
		match("get-stage", c.do("GetStage", stage))
		match("delete-error", c.do("UpdateStage", doc{"restApiId": id, "stageName": "s1", "patchOperations": patch("remove", "/*/*", nil)}))
		match("update-stage", c.do("UpdateStage", with(stage, "patchOperations", patch("replace", "/*/*/caching/enabled", "true"))))
		match("update-stage-reset", c.do("UpdateStage", with(stage, "patchOperations", patch("remove", "/*/*", nil))))
		match("get-stage-after-reset", c.do("GetStage", stage))
	}},
	{file: "common", name: "test_create_delete_deployments[True]", run: func(c *client, match func(string, doc)) { replayDeployments(c, match, true) }},
	{file: "common", name: "test_create_delete_deployments[False]", run: func(c *client, match func(string, doc)) { replayDeployments(c, match, false) }},
	{file: "common", name: "test_create_update_deployments", run: func(c *client, match func(string, doc)) {
		id, _ := c.newDeployableAPI()
		one := doc{"restApiId": id, "deploymentId": c.must("CreateDeployment", doc{"restApiId": id})["id"]}
		c.must("CreateStage", with(one, "stageName", "s1"))
		match("get-deployment-1", c.do("GetDeployment", one))
		match("get-stages", c.do("GetStages", doc{"restApiId": id}))
		match("delete-deployment-error", c.do("DeleteDeployment", one))
		two := with(one, "deploymentId", c.must("CreateDeployment", doc{"restApiId": id, "stageName": "s1"})["id"])
		match("get-deployment-1-after-update", c.do("GetDeployment", one))
		match("get-deployment-2", c.do("GetDeployment", two))
		match("get-stages-after-update", c.do("GetStages", doc{"restApiId": id}))
		match("delete-deployment-1", c.do("DeleteDeployment", one))
		match("delete-deployment-2-error", c.do("DeleteDeployment", two))
	}},
	{file: "basic", name: "test_update_rest_api_deployment", run: func(c *client, match func(string, doc)) {
		id, _ := c.newDeployableAPI()
		dep := c.must("CreateDeployment", doc{"restApiId": id, "description": "my deployment"})["id"]
		c.must("UpdateDeployment", doc{"restApiId": id, "deploymentId": dep, "patchOperations": patch("replace", "/description", "new-description")})
		match("after-update", c.do("GetDeployment", doc{"restApiId": id, "deploymentId": dep}))
	}},
}

func replayDeployments(c *client, match func(string, doc), byHand bool) {
	id, _ := c.newDeployableAPI()
	api := doc{"restApiId": id}
	var dep doc
	deploy := func() {
		if byHand {
			dep = with(api, "deploymentId", c.must("CreateDeployment", api)["id"])
			c.must("CreateStage", with(dep, "stageName", "s1"))
			return
		}
		dep = with(api, "deploymentId", c.must("CreateDeployment", with(api, "stageName", "s1"))["id"])
	}
	deploy()
	match("get-deployment", c.do("GetDeployment", dep))
	match("get-stages", c.do("GetStages", api))
	for _, i := range []string{"0", "1", "2"} {
		match("delete-deployment-error-"+i, c.do("DeleteDeployment", dep))
		c.must("DeleteStage", with(api, "stageName", "s1"))
		c.must("DeleteDeployment", dep)
		deploy()
		match("get-deployments-"+i, c.do("GetDeployments", api))
		match("get-stages-"+i, c.do("GetStages", api))
	}
}

// newLoggedStage creates an API with a stage and returns what patches it.
func newLoggedStage(c *client, match func(string, doc)) func(op, path string, value any) doc {
	id, _ := c.newDeployableAPI()
	dep := c.do("CreateDeployment", doc{"restApiId": id})
	match("create-deployment", dep)
	match("create-stage", c.do("CreateStage", doc{"restApiId": id, "stageName": "dev", "deploymentId": dep["id"], "description": "dev stage"}))
	return func(op, path string, value any) doc {
		return c.do("UpdateStage", doc{"restApiId": id, "stageName": "dev", "patchOperations": patch(op, path, value)})
	}
}
