package corpus

// Which route a request takes, and the headers of every answer.
var routeReplays = []replay{
	{file: "common", name: "test_routing_not_found", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		c.put(id, root, route{part: "existing", integration: doc{"type": "MOCK", "requestTemplates": doc{"application/json": `{"statusCode": 200}`}},
			responses: map[string]doc{"200": {"responseTemplates": doc{"application/json": `{"statusCode": 200, "message": "exists"}`}}}})
		c.deploy(id, "dev")
		match("working-route", c.invoke("GET", id+"/dev/existing", "").doc())
		refused := func(key string, a answer) {
			match(key, doc{"content": a.json(), "errorType": a.header.Get("X-Amzn-Errortype")})
		}
		refused("not-found", c.invoke("GET", id+"/dev/random-path", ""))
		refused("wrong-method", c.invoke("POST", id+"/dev/existing", ""))
	}},
	{file: "common", name: "test_invocation_trace_id", run: func(c *client, match func(string, doc)) {
		c.behindNoCDN()
		function := "arn:aws:lambda:" + testRegion + ":" + c.account + ":function:corpus-event"
		match("register-lambda", doc{"FunctionArn": function, "FunctionName": "corpus-event"})
		id, root := c.newAPI()
		c.put(id, root, route{part: "mock", integration: doc{"type": "MOCK", "requestTemplates": doc{"application/json": `{"statusCode": 200}`}},
			responses: map[string]doc{"200": {"responseTemplates": doc{"application/json": `{"statusCode": 200}`}}}})
		c.put(id, root, route{part: "aws_proxy", verb: "ANY", integration: c.proxyTo("event", id)})
		c.deploy(id, "dev")
		send := func(key, path string, lines ...string) {
			a := c.invoke("GET", id+"/dev/"+path, "", lines...)
			got := a.headers()
			got["connection"] = "keep-alive" // a server that keeps connections need not say so
			match(key, got)
		}
		const trace = "X-Amzn-Trace-Id: Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
		send("normal-req-headers-MOCK", "mock")
		send("trace-id-req-headers-MOCK", "mock", trace)
		send("normal-req-headers-AWS_PROXY", "aws_proxy")
		send("trace-id-req-headers-AWS_PROXY", "aws_proxy", trace)
		send("trace-id-small-req-headers-AWS_PROXY", "aws_proxy", "X-Amzn-Trace-Id: Root=1-3152b799-8954dae64eda91bc9a23a7e8")
	}},
	{file: "basic", name: "test_apigateway_with_custom_authorization_method", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		match("api-id", doc{"api_id": id})
		uri := c.proxyTo("event", id)["uri"]
		a := c.do("CreateAuthorizer", doc{"restApiId": id, "name": "lambda_authorizer", "type": "TOKEN", "authorizerUri": uri, "identitySource": "method.request.header.Auth"})
		match("authorizer", a)
		match("put-method-response", c.do("PutMethod", doc{"restApiId": id, "resourceId": root, "httpMethod": "GET", "authorizationType": "CUSTOM",
			"authorizerId": a["id"], "apiKeyRequired": true}))
	}},
	{file: "canary", name: "test_invoking_canary_deployment", run: func(c *client, match func(string, doc)) {
		template := func(message string) string {
			return `{"statusCode": 200, "message": "` + message + `", "variable": "$stageVariables.testVar", "nonExistingDefault": "$stageVariables.noStageVar", ` +
				`"nonOverridden": "$stageVariables.defaultVar", "isCanary": "$context.isCanaryRequest"}`
		}
		id, root := c.newAPI()
		m := c.put(id, root, route{integration: doc{"type": "MOCK", "requestTemplates": doc{"application/json": `{"statusCode": 200}`}},
			responses: map[string]doc{"200": {"responseTemplates": doc{"application/json": template("default deployment")}}}})
		one := c.do("CreateDeployment", doc{"restApiId": id})
		match("create-deployment-1", one)
		c.must("UpdateIntegrationResponse", merge(m, doc{"statusCode": "200", "patchOperations": patch(
			"replace", "/responseTemplates/application~1json", template("canary deployment"))}))
		two := c.do("CreateDeployment", doc{"restApiId": id})
		match("create-deployment-2", two)
		c.must("CreateStage", doc{"restApiId": id, "stageName": "dev", "deploymentId": one["id"],
			"variables":      doc{"testVar": "default", "defaultVar": "default"},
			"canarySettings": doc{"deploymentId": two["id"], "percentTraffic": 0, "stageVariableOverrides": doc{"testVar": "canary", "noStageVar": "canary"}}})
		match("response-deployment-1", c.invoke("GET", id+"/dev/", "").doc())
		match("update-stage", c.do("UpdateStage", doc{"restApiId": id, "stageName": "dev", "patchOperations": patch("replace", "/canarySettings/percentTraffic", "100.0")}))
		match("response-canary-deployment", c.invoke("GET", id+"/dev/", "").doc())
	}},
}
