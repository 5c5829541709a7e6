package corpus

// Integrations and their responses.
var integrationReplays = []replay{
	{file: "api", name: "test_put_integration_wrong_type", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		match("put-integration-wrong-type", c.do("PutIntegration", doc{"restApiId": id, "resourceId": root, "httpMethod": "GET", "type": "HTTPS_PROXY"}))
	}},
	{file: "api", name: "test_put_integration_response_validation", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "POST"}
		c.must("PutMethod", with(m, "authorizationType", "NONE"))
		mock := with(m, "type", "MOCK", "integrationHttpMethod", "GET", "requestTemplates", doc{"application/json": `{"statusCode": 200}`})
		match("put-integration-wrong-method", c.do("PutIntegration", with(mock, "httpMethod", "GET")))
		match("put-integration-wrong-resource", c.do("PutIntegration", with(mock, "httpMethod", "GET", "resourceId", "badresource")))
		c.must("PutIntegration", mock)
		r := with(m, "httpMethod", "GET", "statusCode", "200", "selectionPattern", "", "responseTemplates", doc{"application/json": "{}"})
		match("put-integration-response-wrong-method", c.do("PutIntegrationResponse", r))
		match("put-integration-response-wrong-resource", c.do("PutIntegrationResponse", with(r, "resourceId", "badresource")))
	}},
	{file: "api", name: "test_put_integration_request_parameter_bool_type", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
		put := with(m, "authorizationType", "NONE", "requestParameters", doc{"method.request.path.testPath": true})
		match("bool-method", c.do("PutMethod", put))
		match("put-method-request-param-wrong-type", c.do("PutMethod", with(put, "httpMethod", "POST",
			"requestParameters", doc{"method.request.path.testPath": true, "true": true})))
		match("put-integration-request-param-wrong-type", c.do("PutIntegration", with(m, "type", "HTTP_PROXY", "requestParameters", doc{"true": true})))
		match("put-integration-request-param-bool-value", c.do("PutIntegration", with(m, "type", "HTTP_PROXY",
			"requestParameters", doc{"integration.request.path.testPath": true})))
	}},
	{file: "api", name: "test_integration_response_wrong_api", run: func(c *client, match func(string, doc)) {
		r := doc{"restApiId": "wrong-api", "resourceId": "dummy-value", "httpMethod": "GET", "statusCode": "200"}
		match("put-integration-response-wrong-api", c.do("PutIntegrationResponse", r))
		match("get-integration-response-wrong-api", c.do("GetIntegrationResponse", r))
	}},
	{file: "api", name: "test_integration_response_wrong_resource", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		r := doc{"restApiId": id, "resourceId": "wrong-resource", "httpMethod": "GET", "statusCode": "200"}
		match("put-integration-response-wrong-resource", c.do("PutIntegrationResponse", r))
		match("get-integration-response-wrong-resource", c.do("GetIntegrationResponse", r))
	}},
	{file: "api", name: "test_integration_response_wrong_method", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		r := doc{"restApiId": id, "resourceId": root, "httpMethod": "wrong-method", "statusCode": "200"}
		match("put-integration-response-wrong-method", c.do("PutIntegrationResponse", r))
		match("get-integration-response-wrong-method", c.do("GetIntegrationResponse", r))
	}},
	{file: "api", name: "test_integration_response_invalid_statuscode", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		r := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET", "statusCode": "wrong"}
		match("put-integration-response-invalid-statusCode", c.do("PutIntegrationResponse",
			with(r, "responseTemplates", doc{"application/json": `"created"`}, "selectionPattern", "")))
		match("get-integration-response-invalid-statusCode", c.do("GetIntegrationResponse", r))
	}},
	{file: "api", name: "test_integration_response_invalid_responsetemplates", run: func(c *client, match func(string, doc)) {
		_, r := newMockMethod(c)
		match("put-integration-response-invalid-responseTemplates-1", c.do("PutIntegrationResponse",
			with(r, "selectionPattern", "", "responseTemplates", doc{"application/json": 123})))
		match("put-integration-response-invalid-responseTemplates-2", c.do("PutIntegrationResponse",
			with(r, "selectionPattern", "", "responseTemplates", doc{"123": `{"statusCode": 200}`})))
	}},
	{file: "api", name: "test_integration_response_invalid_integration", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
		c.must("PutMethod", with(m, "authorizationType", "NONE"))
		match("get-integration-response-without-integration", c.do("GetIntegrationResponse", with(m, "statusCode", "200")))
	}},
	{file: "api", name: "test_integration_response_wrong_status_code", run: func(c *client, match func(string, doc)) {
		_, r := newMockMethod(c)
		match("get-integration-response-wrong-status-code", c.do("GetIntegrationResponse", with(r, "statusCode", "201")))
	}},
	{file: "api", name: "test_lifecycle_integration_response", run: func(c *client, match func(string, doc)) {
		m, r := newMockMethod(c)
		put := func(template, pattern string) doc {
			return c.do("PutIntegrationResponse", with(r, "responseTemplates", doc{"application/json": template}, "selectionPattern", pattern))
		}
		match("put-integration-response", put(`"created"`, ""))
		match("get-integration-response", c.do("GetIntegrationResponse", r))
		match("update-integration-response", c.do("UpdateIntegrationResponse", with(r, "patchOperations", patch("replace", "/selectionPattern", "updated-pattern"))))
		match("overwrite-integration-response", put("overwrite", "overwrite-pattern"))
		match("get-method", c.do("GetMethod", m))
		match("delete-integration-response", c.do("DeleteIntegrationResponse", r))
	}},
	{file: "api", name: "test_delete_integration_response_errors", run: func(c *client, match func(string, doc)) {
		_, r := newMockMethod(c)
		match("put-integration-response", c.do("PutIntegrationResponse", with(r, "responseTemplates", doc{"application/json": `"created"`}, "selectionPattern", "")))
		match("non-existent-resource", c.do("DeleteIntegrationResponse", with(r, "resourceId", "bad")))
		match("non-existent-api-id", c.do("DeleteIntegrationResponse", with(r, "restApiId", "bad")))
		match("non-existent-method", c.do("DeleteIntegrationResponse", with(r, "httpMethod", "POST")))
		match("non-existent-status-code", c.do("DeleteIntegrationResponse", with(r, "statusCode", "201")))
		match("bad-method", c.do("DeleteIntegrationResponse", with(r, "httpMethod", "bad")))
	}},
	{file: "api", name: "test_get_integration_non_existent", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
		match("get-integration-no-api", c.do("GetIntegration", with(m, "restApiId", "bad")))
		match("get-integration-no-resource", c.do("GetIntegration", with(m, "resourceId", "bad")))
		match("get-integration-no-method", c.do("GetIntegration", m))
		c.must("PutMethod", with(m, "authorizationType", "NONE"))
		match("get-integration-no-integration", c.do("GetIntegration", m))
	}},
	{file: "api", name: "test_put_integration_response_templates", run: func(c *client, match func(string, doc)) {
		_, r := newMockMethod(c)
		match("put-integration-response-template-none", c.do("PutIntegrationResponse", with(r, "selectionPattern", "", "responseTemplates", doc{"application/json": nil})))
		match("put-integration-response-template-empty", c.do("PutIntegrationResponse", with(r, "selectionPattern", "", "responseTemplates", doc{"application/json": ""})))
		match("put-integration-no-response-template", c.do("PutIntegrationResponse", with(r, "selectionPattern", "")))
	}},
	{file: "api", name: "test_create_integration_with_vpc_link", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
		c.must("PutMethod", with(m, "authorizationType", "NONE"))
		match("put-integration-vpc-link", c.do("PutIntegration", with(m, "type", "HTTP_PROXY", "integrationHttpMethod", "GET",
			"uri", "http://my-vpclink-test-nlb-1234567890abcdef."+testRegion+".amazonaws.com", "connectionType", "VPC_LINK",
			"connectionId", "${stageVariables.vpcLinkId}")))
		match("get-integration-vpc-link", c.do("GetIntegration", m))
		match("update-integration-vpc-link", c.do("UpdateIntegration", with(m, "patchOperations", patch("replace", "/connectionId", "${stageVariables.vpcLinkIdBeta}"))))
		match("get-integration-update-vpc-link", c.do("GetIntegration", m))
	}},
	{file: "api", name: linked, run: func(c *client, match func(string, doc)) {
		c.matchText(match, "nlb-arn", balancer(c.account))
		out := c.do("CreateVpcLink", doc{"name": "link", "targetArns": []string{balancer(c.account)}})
		match("create_vpc_link", out)
		link := doc{"vpcLinkId": out["id"]}
		match("get_vpc_link", c.do("GetVpcLink", link))
		match("get_vpc_links", c.do("GetVpcLinks", nil))
		match("update_vpc_link", c.do("UpdateVpcLink", with(link, "patchOperations", patch("replace", "/name", "link-updated"))))
		match("delete_vpc_link", c.do("DeleteVpcLink", link))
	}},
	{file: "api", name: "test_create_vpc_link_invalid_parameters", run: func(c *client, match func(string, doc)) {
		match("create_vpc_link_invalid_target_arn", c.do("CreateVpcLink", doc{"name": "link", "targetArns": []string{"invalid-arn"}}))
		match("create_vpc_link_empty_name", c.do("CreateVpcLink", doc{"name": "",
			"targetArns": []string{balancer(c.account)}}))
	}},
	{file: "api", name: "test_get_vpc_link_invalid_id", run: func(c *client, match func(string, doc)) {
		match("get_vpc_link_invalid_id", c.do("GetVpcLink", doc{"vpcLinkId": "invalid-id"}))
	}},
	{file: "api", name: "test_delete_vpc_link_invalid_id", run: func(c *client, match func(string, doc)) {
		match("delete_vpc_link_invalid_id", c.do("DeleteVpcLink", doc{"vpcLinkId": "invalid-id"}))
	}},
	{file: "api", name: "test_update_vpc_link_invalid_id", run: func(c *client, match func(string, doc)) {
		match("update_vpc_link_invalid_id", c.do("UpdateVpcLink", doc{"vpcLinkId": "invalid-id", "patchOperations": patch("replace", "/name", "x")}))
	}},
	{file: "lambda", name: "test_put_integration_aws_proxy_uri", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
		c.must("PutMethod", with(m, "authorizationType", "NONE"))
		function := "arn:aws:lambda:" + testRegion + ":" + c.account + ":function:f"
		for key, uri := range map[string]string{
			"put-integration-lambda-uri":     function,
			"put-integration-wrong-arn":      "lambda",
			"put-integration-wrong-type":     "arn:aws:apigateway:" + testRegion + ":firehose:foo/bar",
			"put-integration-wrong-firehose": "arn:aws:apigateway:" + testRegion + ":firehose:action/PutRecord",
			"put-integration-bad-lambda-arn": "arn:aws:apigateway:" + testRegion + ":lambda:path/2015-03-31/functions/bad-arn/invocations",
		} {
			match(key, c.do("PutIntegration", with(m, "type", "AWS_PROXY", "integrationHttpMethod", "POST", "uri", uri)))
		}
	}},
	{file: "dynamodb", name: "test_error_aws_proxy_not_supported", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "POST"}
		c.must("PutMethod", with(m, "authorizationType", "NONE"))
		match("create-integration-error", c.do("PutIntegration", with(m, "type", "AWS_PROXY", "integrationHttpMethod", "POST",
			"uri", "arn:aws:apigateway:"+testRegion+":dynamodb:action/Query")))
	}},
	{file: "integrations", name: "test_put_integration_validation", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
		c.must("PutMethod", with(m, "authorizationType", "NONE"))
		put := func(key, kind, uri string, more ...any) {
			match(key, c.do("PutIntegration", with(with(m, "type", kind, "uri", uri), more...)))
		}
		lambda := "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:" + c.account + ":function:MyLambda/invocations"
		for _, kind := range []string{"HTTP", "HTTP_PROXY", "AWS"} {
			put("required-integration-method-"+kind, kind, "http://example.com")
		}
		put("not-required-integration-method-MOCK", "MOCK", "http://example.com")
		for _, kind := range []string{"HTTP", "HTTP_PROXY"} {
			put("http-method-"+kind, kind, "http://example.com", "integrationHttpMethod", "POST")
		}
		put("aws-integration-AWS", "AWS", "arn:aws:apigateway:us-west-2:s3:path/b/k", "integrationHttpMethod", "POST",
			"credentials", "arn:aws:iam::"+c.account+":role/service-role/testfunction-role-oe783psq")
		for _, kind := range []string{"AWS", "AWS_PROXY"} {
			put("aws-integration-type-"+kind, kind, lambda, "integrationHttpMethod", "POST")
		}
		put("no-s3-support-AWS_PROXY", "AWS_PROXY", "arn:aws:apigateway:us-west-2:s3:path/b/k", "integrationHttpMethod", "POST")
		for _, kind := range []string{"HTTP", "HTTP_PROXY"} {
			put("invalid-uri-"+kind, kind, "non-valid-http", "integrationHttpMethod", "POST")
		}
		put("invalid-uri-not-an-arn", "AWS", "non-valid-arn", "integrationHttpMethod", "POST")
		put("invalid-uri-invalid-arn", "AWS", "arn:aws:iam::0000000000:role/service-role/asdf", "integrationHttpMethod", "POST")
	}},
	{file: "integrations", name: "test_put_integration_responses", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
		r := with(m, "statusCode", "200")
		match("put-method-get", c.do("PutMethod", with(m, "authorizationType", "NONE")))
		match("put-method-response-get", c.do("PutMethodResponse", r))
		match("put-integration-get", c.do("PutIntegration", with(m, "type", "HTTP", "integrationHttpMethod", "POST", "uri", "http://127.0.0.1:1/")))
		match("put-integration-response-get", c.do("PutIntegrationResponse", with(r, "selectionPattern", `2\d{2}`, "responseTemplates", doc{})))
		match("get-integration-response-get", c.do("GetIntegrationResponse", r))
		match("get-method-get", c.do("GetMethod", m))
		match("deploy", c.do("CreateDeployment", doc{"restApiId": id, "stageName": "local"}))
		match("delete-integration-response-get", c.do("DeleteIntegrationResponse", r))
		match("get-method-get-after-int-resp-delete", c.do("GetMethod", m))
		m = with(m, "httpMethod", "PUT")
		match("put-method-put", c.do("PutMethod", with(m, "authorizationType", "NONE")))
		match("put-method-response-put", c.do("PutMethodResponse", with(m, "statusCode", "200")))
		match("put-integration-put", c.do("PutIntegration", with(m, "type", "HTTP", "integrationHttpMethod", "POST", "uri", "http://127.0.0.1:1/")))
		r = with(m, "statusCode", "200")
		match("put-integration-response-put", c.do("PutIntegrationResponse", with(r, "selectionPattern", `2\d{2}`, "contentHandling", "CONVERT_TO_BINARY")))
		match("get-integration-response-put", c.do("GetIntegrationResponse", r))
	}},
}

// Models and validators.
var modelReplays = []replay{
	{file: "api", name: "test_model_lifecycle", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		match("create-model", c.do("CreateModel", doc{"restApiId": id, "name": "CalcOutput", "contentType": "application/json",
			"description": "Calc output model",
			"schema": `{"title": "Calc output", "type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"},
				"op": {"description": "operation of +, -, * or /", "type": "string"}, "c": {"type": "number"}}, "required": ["a", "b", "op"]}`}))
		match("get-models", c.do("GetModels", doc{"restApiId": id}))
		match("get-model", c.do("GetModel", doc{"restApiId": id, "modelName": "CalcOutput"}))
		match("del-model", c.do("DeleteModel", doc{"restApiId": id, "modelName": "CalcOutput"}))
	}},
	{file: "api", name: "test_model_validation", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		model := doc{"restApiId": id, "name": "MySchema", "contentType": "application/json", "description": "",
			"schema": `{"title": "MySchema", "type": "object"}`}
		match("create-model-wrong-id", c.do("CreateModel", with(model, "restApiId", "abcde0")))
		match("get-models-wrong-id", c.do("GetModels", doc{"restApiId": "abcde0"}))
		match("get-model-wrong-id", c.do("GetModel", doc{"restApiId": "abcde0", "modelName": "MySchema"}))
		match("del-model-wrong-id", c.do("DeleteModel", doc{"restApiId": "abcde0", "modelName": "MySchema"}))
		c.must("CreateModel", model)
		match("create-model-already-exists", c.do("CreateModel", model))
		match("create-model-empty-name", c.do("CreateModel", with(model, "name", "")))
		match("create-model-empty-schema", c.do("CreateModel", with(model, "name", "MyEmptySchema", "schema", "")))
		delete(model, "schema")
		match("create-model-no-schema-json", c.do("CreateModel", with(model, "name", "MyEmptySchema")))
		match("create-model-no-schema-xml", c.do("CreateModel", with(model, "name", "MyEmptySchemaXml", "contentType", "application/xml")))
	}},
	{file: "api", name: "test_update_model", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		update := func(key string, in doc, ops ...any) {
			match(key, c.do("UpdateModel", with(in, "patchOperations", patch(ops...))))
		}
		change := []any{"replace", "/schema", `{"title": "Updated schema", "type": "object"}`, "replace", "/description", ""}
		update("update-model-wrong-id", doc{"restApiId": "abcde0", "modelName": "mySchema"}, change...)
		match("create-model", c.do("CreateModel", doc{"restApiId": id, "name": "MySchema", "contentType": "application/json", "description": "",
			"schema": `{"title": "MySchema", "type": "object"}`}))
		in := doc{"restApiId": id, "modelName": "MySchema"}
		update("update-model", in, change...)
		update("update-model-invalid-op", in, "add", "/wrong-path", "not supported op")
		update("update-model-invalid-path", in, "replace", "/name", "invalid")
		update("update-model-empty-schema", in, "replace", "/schema", "")
	}},
	{file: "api", name: "test_validators_crud_no_api", run: func(c *client, match func(string, doc)) {
		match("wrong-rest-api-id-create-validator", c.do("CreateRequestValidator", doc{"restApiId": "test-fake-rest-id", "name": "v",
			"validateRequestBody": true, "validateRequestParameters": false}))
		match("wrong-rest-api-id-get-validators", c.do("GetRequestValidators", doc{"restApiId": "test-fake-rest-id"}))
	}},
	{file: "api", name: "test_request_validator_lifecycle", run: func(c *client, match func(string, doc)) {
		out := c.do("CreateRestApi", doc{"name": "validated", "description": "my api"})
		match("create-rest-api", out)
		created := c.do("CreateRequestValidator", doc{"restApiId": out["id"], "name": "test-validator"})
		match("create-request-validator", created)
		in := doc{"restApiId": out["id"], "requestValidatorId": created["id"]}
		match("get-request-validator", c.do("GetRequestValidator", in))
		match("get-request-validators", c.do("GetRequestValidators", doc{"restApiId": out["id"]}))
		match("update-request-validator-with-value", c.do("UpdateRequestValidator", with(in, "patchOperations", patch("replace", "/validateRequestBody", "true"))))
		match("update-request-validator-without-value", c.do("UpdateRequestValidator", with(in, "patchOperations", patch("replace", "/validateRequestBody", nil))))
		match("get-request-validators-after-update-operation", c.do("GetRequestValidator", in))
		match("delete-request-validator", c.do("DeleteRequestValidator", in))
		match("get-deleted-request-validator", c.do("GetRequestValidator", in))
		match("get-request-validators-after-delete", c.do("GetRequestValidators", doc{"restApiId": out["id"]}))
	}},
	{file: "api", name: "test_invalid_get_request_validator", run: func(c *client, match func(string, doc)) {
		id, v := newValidator(c)
		match("get-request-validators-invalid-api-id", c.do("GetRequestValidator", doc{"restApiId": "api_id", "requestValidatorId": v}))
		match("get-request-validators-invalid-validator-id", c.do("GetRequestValidator", doc{"restApiId": id, "requestValidatorId": "validator_id"}))
	}},
	{file: "api", name: "test_invalid_get_request_validators", run: func(c *client, match func(string, doc)) {
		match("get-invalid-request-validators", c.do("GetRequestValidators", doc{"restApiId": "api_id"}))
	}},
	{file: "api", name: "test_invalid_delete_request_validator", run: func(c *client, match func(string, doc)) {
		id, v := newValidator(c)
		match("delete-request-validator-invalid-api-id", c.do("DeleteRequestValidator", doc{"restApiId": "api_id", "requestValidatorId": v}))
		match("delete-request-validator-invalid-validator-id", c.do("DeleteRequestValidator", doc{"restApiId": id, "requestValidatorId": "validator_id"}))
	}},
	{file: "api", name: "test_create_request_validator_invalid_api_id", run: func(c *client, match func(string, doc)) {
		match("invalid-create-request-validator", c.do("CreateRequestValidator", doc{"restApiId": "api_id", "name": "v"}))
	}},
	{file: "api", name: "test_invalid_update_request_validator_operations", run: func(c *client, match func(string, doc)) {
		out := c.do("CreateRestApi", doc{"name": "validated", "description": "my api"})
		match("create-rest-api", out)
		created := c.do("CreateRequestValidator", doc{"restApiId": out["id"], "name": "test-validator"})
		match("create-request-validator", created)
		update := func(key, op, path string, value any) {
			match("update-request-validator-"+key, c.do("UpdateRequestValidator", doc{"restApiId": out["id"], "requestValidatorId": created["id"],
				"patchOperations": patch(op, path, value)}))
		}
		update("invalid-add-operation", "add", "/validateRequestBody", "true")
		update("invalid-remove-operation", "remove", "/validateRequestBody", "true")
		update("invalid-path", "replace", "/invalidPath", "true")
		update("empty-name-value", "replace", "/name", nil)
	}},
}

func newValidator(c *client) (restAPI string, id any) {
	restAPI, _ = c.newAPI()
	return restAPI, c.must("CreateRequestValidator", doc{"restApiId": restAPI, "name": "v"})["id"]
}
