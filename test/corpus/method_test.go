package corpus

// with adds members to an input.
func with(in doc, more ...any) doc {
	out := doc{}
	for k, v := range in {
		out[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		out[more[i].(string)] = more[i+1]
	}
	return out
}

// Methods and their responses.
var methodReplays = []replay{
	{file: "api", name: "test_authorizer_crud_no_api", run: func(c *client, match func(string, doc)) {
		match("wrong-rest-api-id-create-authorizer", c.do("CreateAuthorizer", doc{"restApiId": "test-fake-rest-id", "name": "fake-auth-name", "type": "TOKEN"}))
		match("wrong-rest-api-id-get-authorizers", c.do("GetAuthorizers", doc{"restApiId": "test-fake-rest-id"}))
	}},
	{file: "basic", name: "test_apigateway_with_custom_authorization_method", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		match("api-id", doc{"api_id": id})
		a := c.do("CreateAuthorizer", doc{"restApiId": id, "name": "lambda_authorizer", "type": "TOKEN", "identitySource": "method.request.header.Auth",
			"authorizerUri": "arn:aws:apigateway:" + testRegion + ":lambda:path/2015-03-31/functions/arn:aws:lambda:" + testRegion + ":" + c.account + ":function:f/invocations"})
		match("authorizer", a)
		match("put-method-response", c.do("PutMethod", doc{"restApiId": id, "resourceId": root, "httpMethod": "GET", "authorizationType": "CUSTOM",
			"authorizerId": a["id"], "apiKeyRequired": true}))
	}},
	{file: "api", name: "test_method_lifecycle", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "ANY"}
		match("put-base-method-response", c.do("PutMethod", with(m, "authorizationType", "NONE")))
		match("get-base-method-response", c.do("GetMethod", m))
		match("del-base-method-response", c.do("DeleteMethod", m))
		match("get-deleted-method-response", c.do("GetMethod", m))
		match("delete-deleted-method-response", c.do("DeleteMethod", m))
	}},
	{file: "api", name: "test_method_request_parameters", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "ANY"}
		match("put-method-request-params-response", c.do("PutMethod", with(m, "authorizationType", "NONE", "requestParameters", doc{
			"method.request.querystring.q_optional": false, "method.request.querystring.q_required": true,
			"method.request.header.h_optional": false, "method.request.header.h_required": true})))
		match("get-method-request-params-response", c.do("GetMethod", m))
		match("req-params-same-name", c.do("PutMethod", with(m, "httpMethod", "GET", "authorizationType", "NONE", "requestParameters", doc{
			"method.request.querystring.optional": false, "method.request.header.optional": false})))
	}},
	{file: "api", name: "test_put_method_model", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		for key, name := range map[string]string{"create-model": "MySchema"} {
			match(key, c.do("CreateModel", doc{"restApiId": id, "name": name, "contentType": "application/json", "description": "",
				"schema": `{"title": "` + name + `", "type": "object"}`}))
		}
		match("create-model-2", c.do("CreateModel", doc{"restApiId": id, "name": "MySchemaTwo", "contentType": "application/json",
			"description": "", "schema": `{"title": "MySchemaTwo", "type": "object"}`}))
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "ANY"}
		remove := func(key, name string) { match(key, c.do("DeleteModel", doc{"restApiId": id, "modelName": name})) }
		match("put-method-request-models", c.do("PutMethod", with(m, "authorizationType", "NONE", "requestModels", doc{"application/json": "MySchema"})))
		remove("delete-model-used", "MySchema")
		match("update-method-model", c.do("UpdateMethod", with(m, "patchOperations", patch("replace", "/requestModels/application~1json", "MySchemaTwo"))))
		remove("delete-model-unused", "MySchema")
		remove("delete-model-used-2", "MySchemaTwo")
		test := c.must("CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": "test"})["id"]
		m2 := with(m, "resourceId", test)
		match("put-method-2-request-models", c.do("PutMethod", with(m2, "authorizationType", "NONE", "requestModels", doc{"application/json": "MySchemaTwo"})))
		remove("delete-model-used-by-2-method", "MySchemaTwo")
		match("update-method-model-2", c.do("UpdateMethod", with(m2, "patchOperations", patch("remove", "/requestModels/application~1json", "MySchemaTwo"))))
		remove("delete-model-used-by-method-1", "MySchemaTwo")
		match("delete-method-using-model-2", c.do("DeleteMethod", m))
		remove("delete-model-unused-2", "MySchemaTwo")
	}},
	{file: "api", name: "test_put_method_validation", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "ANY", "authorizationType": "NONE"}
		match("wrong-api", c.do("PutMethod", with(m, "restApiId", "fake-api", "httpMethod", "WRONG")))
		match("wrong-resource", c.do("PutMethod", with(m, "resourceId", "fake-resource-id", "httpMethod", "WRONG")))
		match("wrong-method", c.do("PutMethod", with(m, "httpMethod", "WRONG")))
		match("missing-authorizer-id", c.do("PutMethod", with(m, "authorizationType", "CUSTOM")))
		match("invalid-request-validator", c.do("PutMethod", with(m, "requestValidatorId", "fake-validator")))
		match("invalid-model-name", c.do("PutMethod", with(m, "requestModels", doc{"application/json": "petModel"})))
	}},
	{file: "api", name: "test_update_method", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "ANY"}
		match("put-method-response", c.do("PutMethod", with(m, "authorizationType", "NONE")))
		match("update-method-add", c.do("UpdateMethod", with(m, "patchOperations", patch(
			"add", "/requestParameters/method.request.querystring.optional", "true", "add", "/requestModels/application~1json", "Empty"))))
		update := func(key string, ops ...any) {
			match(key, c.do("UpdateMethod", with(m, "patchOperations", patch(ops...))))
		}
		update("update-method-replace", "replace", "/operationName", "ReplacedOperationName", "replace", "/apiKeyRequired", "true",
			"replace", "/authorizationType", "AWS_IAM", "replace", "/requestParameters/method.request.querystring.optional", "false")
		auth := c.must("CreateAuthorizer", doc{"restApiId": id, "name": "a", "type": "TOKEN", "identitySource": "method.request.header.Authorization",
			"authorizerUri": "arn:aws:apigateway:" + testRegion + ":lambda:path/2015-03-31/functions/arn:aws:lambda:" + testRegion + ":" + c.account + ":function:f/invocations"})
		update("update-method-replace-authorizer", "replace", "/authorizationType", "CUSTOM", "replace", "/authorizerId", auth["id"])
		update("update-method-remove", "remove", "/requestParameters/method.request.querystring.optional", nil, "remove", "/requestModels/application~1json", nil)
	}},
	{file: "api", name: "test_update_method_validation", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "ANY"}
		match("wrong-rest-api", c.do("UpdateMethod", with(m, "restApiId", "fake-api", "patchOperations", []doc{})))
		match("wrong-resource-id", c.do("UpdateMethod", with(m, "resourceId", "fake-resource-id", "patchOperations", []doc{})))
		match("method-does-not-exist", c.do("UpdateMethod", with(m, "httpMethod", "GET", "patchOperations", patch("replace", "/operationName", "x"))))
		match("put-method-response", c.do("PutMethod", with(m, "authorizationType", "NONE", "apiKeyRequired", true)))
		update := func(key string, ops ...any) {
			match(key, c.do("UpdateMethod", with(m, "patchOperations", patch(ops...))))
		}
		update("unsupported-operation", "add", "/operationName", "operationName")
		update("unsupported-operation-2", "add", "/requestValidatorId", "wrong-id")
		update("unsupported-path", "add", "/httpMethod", "PUT")
		update("wrong-path-request-parameters", "replace", "/requestParameters", "method.request.querystring.optional=false")
		update("wrong-path-request-models", "add", "/requestModels/application/json", "Empty")
		update("wrong-value-type", "replace", "/apiKeyRequired", "whatever")
		update("wrong-auth-type", "replace", "/authorizationType", "CUSTOM")
		update("skip-auth-id-with-wrong-type", "replace", "/authorizerId", "abc123")
		update("wrong-auth-id", "replace", "/authorizationType", "CUSTOM", "replace", "/authorizerId", "abc123")
		update("wrong-req-validator-id", "replace", "/requestValidatorId", "fake-id")
	}},
	{file: "api", name: "test_lifecycle_method_response", run: func(c *client, match func(string, doc)) {
		m, r := newMockMethod(c)
		match("put-method-response", c.do("PutMethodResponse", with(r, "responseParameters", doc{}, "responseModels", doc{})))
		match("get-integration-response", c.do("GetMethodResponse", r))
		for _, op := range []string{"add", "replace"} {
			key := map[string]string{"add": "add-method-responses", "replace": "update-method-responses"}[op]
			match(key, c.do("UpdateMethodResponse", with(r, "patchOperations", patch(
				op, "/responseParameters/method.response.header.my-header", "true", op, "/responseModels/application~1json", "Empty"))))
		}
		match("get-method", c.do("GetMethod", m))
		match("delete-method-response", c.do("DeleteMethodResponse", r))
	}},
	{file: "api", name: "test_update_method_response", run: func(c *client, match func(string, doc)) {
		_, r := newMockMethod(c)
		putHeaderResponse(c, r)
		for _, op := range []string{"remove", "add"} {
			match(op+"-update-method-response", c.do("UpdateMethodResponse", with(r, "patchOperations", patch(
				op, "/responseParameters/method.response.header.my-header", "true", op, "/responseModels/application~1json", "Empty"))))
		}
	}},
	{file: "api", name: "test_update_method_response_wrong_operations", run: func(c *client, match func(string, doc)) {
		_, r := newMockMethod(c)
		putHeaderResponse(c, r)
		param := []any{"wrong_op", "/responseParameters/method.response.header.my-header", "true"}
		model := []any{"wrong_op", "/responseModels/application~1json", "Empty"}
		removal := []any{"remove", "/responseModels/application~1json", "Empty"}
		update := func(n string, lists ...[]any) {
			var ops []any
			for _, l := range lists {
				ops = append(ops, l...)
			}
			match("update-method-response-wrong-operation-"+n, c.do("UpdateMethodResponse", with(r, "patchOperations", patch(ops...))))
		}
		update("1", param)
		update("2", model)
		update("3", param, model)
		update("4", param, model, param, model)
		update("5", param, removal, model)
	}},
	{file: "api", name: "test_update_method_response_negative_tests", run: func(c *client, match func(string, doc)) {
		_, r := newMockMethod(c)
		putHeaderResponse(c, r)
		ops := patch("replace", "/responseParameters/method.response.header.my-header", "true")
		match("update-method-response-wrong-statuscode", c.do("UpdateMethodResponse", with(r, "statusCode", "201", "patchOperations", ops)))
		match("update-method-response-invalid-statuscode", c.do("UpdateMethodResponse", with(r, "statusCode", "wrong", "patchOperations", ops)))
		match("update-method-response-invalid-statuscode-and-wrong-op", c.do("UpdateMethodResponse", with(r, "statusCode", "wrong",
			"patchOperations", patch("wrong_op", "/responseParameters/method.response.header.my-header", "true"))))
		match("update-method-response-wrong-resource", c.do("UpdateMethodResponse", with(r, "resourceId", "wrong", "patchOperations", ops)))
		match("update-method-response-wrong-method", c.do("UpdateMethodResponse", with(r, "httpMethod", "POST", "patchOperations", ops)))
	}},
	{file: "api", name: "test_update_method_lack_response_parameters_and_models", run: func(c *client, match func(string, doc)) {
		_, r := newMockMethod(c)
		c.must("PutMethodResponse", with(r, "responseParameters", doc{}, "responseModels", doc{}))
		update := func(key, path string) {
			match("update-method-response-operation-"+key, c.do("UpdateMethodResponse", with(r, "patchOperations", patch("remove", path, "x"))))
		}
		update("without-response-parameters", "/responseParameters/method.response.header.my-header")
		update("without-response-models", "/responseModels/application~1json")
		update("with-wrong-path", "/wrong/method.response.header.my-header")
	}},
	{file: "api", name: "test_update_method_wrong_param_names", run: func(c *client, match func(string, doc)) {
		_, r := newMockMethod(c)
		putHeaderResponse(c, r)
		update := func(n, op, path, value string) {
			match("update-method-response-operation-with-wrong-param-name-"+n, c.do("UpdateMethodResponse", with(r, "patchOperations", patch(op, path, value))))
		}
		update("1", "replace", "/responseParameters/wrong", "true")
		update("2", "remove", "/responseParameters/wrong", "true")
		update("3", "replace", "/responseModels/wrong", "Empty")
		update("4", "remove", "/responseModels/wrong", "Empty")
	}},
}

// newMockMethod creates an API with a mock method on its root, and returns what
// names the method and its response 200.
func newMockMethod(c *client) (m, r doc) {
	id, root := c.newAPI()
	m = doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
	c.must("PutMethod", with(m, "authorizationType", "NONE"))
	c.must("PutIntegration", with(m, "type", "MOCK", "requestTemplates", doc{"application/json": `{"statusCode": 200}`}))
	return m, with(m, "statusCode", "200")
}

func putHeaderResponse(c *client, r doc) {
	c.must("PutMethodResponse", with(r, "responseParameters", doc{"method.response.header.my-header": false},
		"responseModels", doc{"application/json": "Empty"}))
}
