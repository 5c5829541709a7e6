package corpus

// Canary deployments.
var canaryReplays = []replay{
	{file: "canary", name: "test_create_update_stages", run: func(c *client, match func(string, doc)) {
		id, root := c.newDeployableAPI()
		one := c.do("CreateDeployment", doc{"restApiId": id})
		match("create-deployment-1", one)
		c.must("UpdateIntegrationResponse", doc{"restApiId": id, "resourceId": root, "httpMethod": "GET", "statusCode": "200",
			"patchOperations": patch("replace", "/responseTemplates/application~1json", `{"message": "second deployment"}`)})
		two := c.do("CreateDeployment", doc{"restApiId": id})
		match("create-deployment-2", two)
		stage := doc{"restApiId": id, "stageName": "dev"}
		match("create-stage", c.do("CreateStage", with(stage, "deploymentId", one["id"], "description", "dev stage", "variables", doc{"testVar": "default"},
			"canarySettings", doc{"deploymentId": two["id"], "percentTraffic": 50, "stageVariableOverrides": doc{"testVar": "canary"}})))
		match("get-stage", c.do("GetStage", stage))
		match("update-stage-canary-settings-overrides", c.do("UpdateStage", with(stage, "patchOperations", patch(
			"replace", "/canarySettings/stageVariableOverrides/testVar", "updated"))))
		match("update-stage-remove-canary-settings", c.do("UpdateStage", with(stage, "patchOperations", patch("remove", "/canarySettings", nil))))
		match("get-stage-after-remove", c.do("GetStage", stage))
	}},
	{file: "canary", name: "test_create_canary_deployment_with_stage", run: func(c *client, match func(string, doc)) {
		id, _ := c.newDeployableAPI()
		stage := doc{"restApiId": id, "stageName": "dev"}
		dep := c.do("CreateDeployment", doc{"restApiId": id})
		match("create-deployment", dep)
		match("create-stage", c.do("CreateStage", with(stage, "deploymentId", dep["id"], "description", "dev stage", "variables", doc{"testVar": "default"})))
		match("create-canary-deployment", c.do("CreateDeployment", with(stage, "canarySettings",
			doc{"percentTraffic": 50, "stageVariableOverrides": doc{"testVar": "canary"}})))
		match("get-stage", c.do("GetStage", stage))
	}},
	{file: "canary", name: "test_create_canary_deployment", run: func(c *client, match func(string, doc)) {
		id, _ := c.newDeployableAPI()
		dep := c.do("CreateDeployment", doc{"restApiId": id})
		match("create-deployment", dep)
		stage := doc{"restApiId": id, "stageName": "dev1", "deploymentId": dep["id"], "description": "dev stage", "variables": doc{"testVar": "default"}}
		match("create-stage", c.do("CreateStage", with(stage, "canarySettings",
			doc{"deploymentId": dep["id"], "percentTraffic": 40, "stageVariableOverrides": doc{"testVar": "canary1"}})))
		canary := c.do("CreateDeployment", doc{"restApiId": id, "stageName": "dev1", "canarySettings": doc{"percentTraffic": 50, "stageVariableOverrides": doc{"testVar": "canary2"}}})
		match("create-canary-deployment", canary)
		match("get-stage-1", c.do("GetStage", doc{"restApiId": id, "stageName": "dev1"}))
		match("create-stage-2", c.do("CreateStage", with(stage, "stageName", "dev2", "canarySettings",
			doc{"deploymentId": canary["id"], "percentTraffic": 60, "stageVariableOverrides": doc{"testVar": "canary-overridden"}})))
		match("bad-canary-deployment-id", c.do("CreateStage", with(stage, "stageName", "dev3", "canarySettings", doc{"deploymentId": "deploy"})))
	}},
	{file: "canary", name: "test_create_canary_deployment_by_stage_update", run: func(c *client, match func(string, doc)) {
		id, _ := c.newDeployableAPI()
		one := c.do("CreateDeployment", doc{"restApiId": id})
		match("create-deployment", one)
		two := c.do("CreateDeployment", doc{"restApiId": id})
		match("create-deployment-2", two)
		stage := doc{"restApiId": id, "stageName": "dev"}
		match("create-stage", c.do("CreateStage", with(stage, "deploymentId", one["id"], "description", "dev stage", "variables", doc{"testVar": "default"})))
		update := func(key string, ops ...any) {
			match(key, c.do("UpdateStage", with(stage, "patchOperations", patch(ops...))))
		}
		update("update-stage-with-deployment", "replace", "/canarySettings/deploymentId", two["id"])
		update("remove-stage-canary", "remove", "/canarySettings", nil)
		update("update-stage-with-percent", "replace", "/canarySettings/percentTraffic", "50")
		match("get-stage", c.do("GetStage", stage))
	}},
	{file: "canary", name: "test_create_canary_deployment_validation", run: func(c *client, match func(string, doc)) {
		id, _ := c.newDeployableAPI()
		in := doc{"restApiId": id, "canarySettings": doc{"percentTraffic": 50, "stageVariableOverrides": doc{"testVar": "canary"}}}
		match("create-canary-deployment-no-stage", c.do("CreateDeployment", in))
		match("create-canary-deployment-empty-stage", c.do("CreateDeployment", with(in, "stageName", "")))
		match("create-canary-deployment-non-existing-stage", c.do("CreateDeployment", with(in, "stageName", "non-existing")))
	}},
	{file: "canary", name: "test_update_stage_canary_deployment_validation", run: func(c *client, match func(string, doc)) {
		id, _ := c.newDeployableAPI()
		stage := doc{"restApiId": id, "stageName": "dev"}
		c.must("CreateDeployment", stage)
		match("get-stage", c.do("GetStage", stage))
		c.must("CreateDeployment", with(stage, "canarySettings", doc{"percentTraffic": 50, "stageVariableOverrides": doc{"testVar": "canary"}}))
		update := func(key, op, path string, value any) {
			match("update-stage-"+key, c.do("UpdateStage", with(stage, "patchOperations", patch(op, path, value))))
		}
		update("canary-settings-remove-overrides", "remove", "/canarySettings/stageVariableOverrides", nil)
		update("canary-settings-bad-path", "remove", "/canarySettings/badPath", nil)
		update("canary-settings-bad-path-2", "replace", "/canarySettings", "test")
		update("canary-settings-replace-bad-path", "replace", "/canarySettings/badPath", "badPath")
		stage = with(stage, "stageName", "dev2")
		dep := c.must("CreateDeployment", stage)["id"]
		update("add-deployment", "add", "/canarySettings/deploymentId", dep)
		update("no-deployment", "replace", "/canarySettings/deploymentId", "deploy")
	}},
	{file: "canary", name: "test_update_stage_with_copy_ops", run: func(c *client, match func(string, doc)) {
		id, _ := c.newDeployableAPI()
		stage := doc{"restApiId": id, "stageName": "dev"}
		match("deployment-1", c.do("CreateDeployment", with(stage, "variables", doc{"testVar": "test", "testVar2": "test2"})))
		update := func(key string, ops ...doc) {
			match(key, c.do("UpdateStage", with(stage, "patchOperations", ops)))
		}
		copyOp := func(from, path string) doc { return doc{"op": "copy", "from": from, "path": path} }
		off := doc{"op": "replace", "value": "0.0", "path": "/canarySettings/percentTraffic"}
		deployment := copyOp("/canarySettings/deploymentId", "/deploymentId")
		variables := copyOp("/canarySettings/stageVariableOverrides", "/variables")
		update("copy-with-bad-statement", copyOp("/variables", "/canarySettings/stageVariableOverrides"), copyOp("/deploymentId", "/canarySettings/deploymentId"))
		update("copy-with-no-replace", variables, deployment)
		update("update-stage-with-copy", off, deployment, variables)
		match("deployment-canary", c.do("CreateDeployment", with(stage, "canarySettings", doc{"percentTraffic": 50, "stageVariableOverrides": doc{"testVar": "override"}})))
		match("get-stage", c.do("GetStage", stage))
		update("update-stage-with-copy-2", off, deployment, variables)
	}},
}

// API keys and usage plans.
var keyReplays = []replay{
	{file: "extended", name: "test_get_api_keys", run: func(c *client, match func(string, doc)) {
		// The names were random; that of the second key comes first.
		list := func(key string, in doc) doc {
			out := c.do("GetApiKeys", in)
			match(key, out)
			return out
		}
		list("get-api-keys", nil)
		match("create-api-key", c.do("CreateApiKey", doc{"name": "test-key-b"}))
		list("get-api-keys-after-create-1", nil)
		list("get-api-keys-wrong-name-query", doc{"nameQuery": "test-key-a"})
		list("get-api-keys-prefix-name-query", doc{"nameQuery": "test-key"})
		list("get-api-keys-prefix-name-query-cased", doc{"nameQuery": "TEST-KEY"})
		list("get-api-keys-postfix-name-query", doc{"nameQuery": "st-key-b"})
		list("get-api-keys-infix-name-query", doc{"nameQuery": "st-key"})
		match("create-api-key-2", c.do("CreateApiKey", doc{"name": "test-key-a"}))
		list("get-api-keys-after-create-2", nil)
		list("get-api-keys-name-query", doc{"nameQuery": "test-key-a"})
		list("get-api-keys-prefix-name-query-2", doc{"nameQuery": "test-key"})
		first := list("get-apis-keys-pagination", doc{"limit": 1})
		list("get-apis-keys-pagination-2", doc{"limit": 1, "position": first["position"]})
	}},
	{file: "extended", name: "test_get_usage_plan_api_keys", run: func(c *client, match func(string, doc)) {
		match("get-api-keys", c.do("GetApiKeys", nil))
		one := c.do("CreateApiKey", doc{"name": "test-key-1111"})
		match("create-api-key", one)
		two := c.do("CreateApiKey", doc{"name": "test-key-2222"})
		match("create-api-key-2", two)
		match("get-api-keys-after-create-1", c.do("GetApiKeys", nil))
		plan := c.do("CreateUsagePlan", doc{"name": "usage-plan"})
		match("create-usage-plan", plan)
		up := doc{"usagePlanId": plan["id"]}
		list := func(key string, in doc) { match(key, c.do("GetUsagePlanKeys", in)) }
		list("get-up-keys-before-create", up)
		match("create-up-key", c.do("CreateUsagePlanKey", with(up, "keyId", one["id"], "keyType", "API_KEY")))
		match("create-up-key-2", c.do("CreateUsagePlanKey", with(up, "keyId", two["id"], "keyType", "API_KEY")))
		list("get-up-keys", up)
		list("get-up-keys-name-query", with(up, "nameQuery", "test-key"))
		list("get-up-keys-name-query-cased", with(up, "nameQuery", "TEST-key"))
		list("get-up-keys-name-query-key-name", with(up, "nameQuery", "test-key-1111"))
		list("get-up-keys-bad-query", with(up, "nameQuery", "nothing"))
		c.must("DeleteApiKey", doc{"apiKey": one["id"]})
		c.must("DeleteApiKey", doc{"apiKey": two["id"]})
		list("get-up-keys-after-delete", up)
		list("get-up-keys-bad-usage-plan", doc{"usagePlanId": "bad-id"})
	}},
	{file: "extended", name: "test_negative_get_usage_plan_api_keys", run: func(c *client, match func(string, doc)) {
		match("get-api-keys-invalid-limit", c.do("GetApiKeys", doc{"limit": -1}))
		key := c.do("CreateApiKey", doc{"name": "key-enabled-false", "enabled": false})
		match("create-api-key", key)
		match("update-api-key-name", c.do("UpdateApiKey", doc{"apiKey": key["id"], "patchOperations": patch("replace", "/name", "new-name")}))
	}},
	{file: "extended", name: "test_create_api_key_with_invalid_name", run: func(c *client, match func(string, doc)) {
		match("create-api-key-name-too-long", c.do("CreateApiKey", doc{"name": long(1025)}))
		match("create-api-key-empty-name", c.do("CreateApiKey", doc{"name": ""}))
		match("create-api-key-no-name", c.do("CreateApiKey", nil))
	}},
	{file: "extended", name: "test_create_api_key_with_invalid_value", run: func(c *client, match func(string, doc)) {
		match("create-api-key-short-value", c.do("CreateApiKey", doc{"value": "short"}))
		match("create-api-key-invalid-value-too-long", c.do("CreateApiKey", doc{"value": long(129)}))
		match("create-api-key-empty-value", c.do("CreateApiKey", doc{"value": ""}))
	}},
	{file: "extended", name: "test_update_api_key_invalid_description_length", run: func(c *client, match func(string, doc)) {
		match("create-api-key-description-too-long", c.do("CreateApiKey", doc{"description": long(125001)}))
		key := c.must("CreateApiKey", nil)["id"]
		match("update-api-key-description-too-long", c.do("UpdateApiKey", doc{"apiKey": key, "patchOperations": patch("replace", "/description", long(125001))}))
	}},
	{file: "extended", name: "test_update_api_key_invalid_enabled_type", run: func(c *client, match func(string, doc)) {
		key := c.must("CreateApiKey", nil)["id"]
		match("update-api-key-invalid-enabled-type", c.do("UpdateApiKey", doc{"apiKey": key, "patchOperations": patch("replace", "/enabled", "wrong")}))
	}},
	{file: "extended", name: "test_update_api_key_immutable_field", run: func(c *client, match func(string, doc)) {
		key := c.must("CreateApiKey", nil)["id"]
		match("update-api-key-immutable-field", c.do("UpdateApiKey", doc{"apiKey": key, "patchOperations": patch("replace", "/id", "x")}))
	}},
	{file: "extended", name: "test_create_usage_plan_with_throttle", run: func(c *client, match func(string, doc)) {
		match("create-usage-plan-burst-gt-rate", c.do("CreateUsagePlan", doc{"name": "p", "throttle": doc{"rateLimit": 10.0, "burstLimit": 20}}))
	}},
	{file: "common", name: "test_api_key_required_for_methods", run: func(c *client, match func(string, doc)) {
		id, _ := c.newDeployableAPI()
		c.must("CreateDeployment", doc{"restApiId": id, "stageName": "dev"})
		plan := c.do("CreateUsagePlan", doc{"name": "test", "description": "Test Usage Plan for API key", "apiStages": []doc{{"apiId": id, "stage": "dev"}},
			"quota": doc{"limit": 10, "period": "DAY", "offset": 0}, "throttle": doc{"rateLimit": 2, "burstLimit": 1}, "tags": doc{"tag_key": "tag_value"}})
		match("create-usage-plan", plan)
		key := c.do("CreateApiKey", doc{"name": "testapikey", "enabled": true})
		match("create-api-key", key)
		match("create-usage-plan-key", c.do("CreateUsagePlanKey", doc{"usagePlanId": plan["id"], "keyId": key["id"], "keyType": "API_KEY"}))
		match("update-api-key-disabled", c.do("UpdateApiKey", doc{"apiKey": key["id"], "patchOperations": patch("replace", "/enabled", "false")}))
	}},
	{file: "common", name: "test_usage_plan_crud", run: func(c *client, match func(string, doc)) {
		id, _ := c.newDeployableAPI()
		c.must("CreateDeployment", doc{"restApiId": id, "stageName": "dev"})
		plan := c.do("CreateUsagePlan", doc{"name": "test-usage-plan", "description": "this is my usage plan",
			"apiStages": []doc{{"apiId": id, "stage": "dev"}}})
		match("create-usage-plan", plan)
		up := doc{"usagePlanId": plan["id"]}
		match("get-usage-plan", c.do("GetUsagePlan", up))
		match("get-usage-plans", c.do("GetUsagePlans", nil))
		update := func(key string, in doc, op, path string, value any) {
			match("update-wrong-"+key, c.do("UpdateUsagePlan", with(in, "patchOperations", patch(op, path, value))))
		}
		update("id", doc{"usagePlanId": "nope"}, "replace", "/name", "x")
		update("api-stages-no-value", up, "add", "/apiStages", nil)
		update("api-stages-wrong-api", up, "add", "/apiStages", id+"b:dev")
		update("api-stages-wrong-stage", up, "add", "/apiStages", id+":fakestagename")
		update("api-stages-wrong-value", up, "remove", "/apiStages", "fakevalue")
		match("update-usage-plan", c.do("UpdateUsagePlan", with(up, "patchOperations", patch(
			"replace", "/throttle/burstLimit", "100", "replace", "/throttle/rateLimit", "200",
			"replace", "/quota/limit", "5000", "replace", "/quota/period", "MONTH"))))
		match("get-usage-plan-after-update", c.do("GetUsagePlan", up))
		match("get-usage-plans-after-update", c.do("GetUsagePlans", nil))
	}},
}

func long(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a'
	}
	return string(b)
}
