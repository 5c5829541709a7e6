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
