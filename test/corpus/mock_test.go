package corpus

import "encoding/base64"

// Integrations of type MOCK.
var mockReplays = []replay{
	{file: "basic", name: "test_api_gateway_mock_integration", run: func(c *client, match func(string, doc)) {
		api := c.must("ImportRestApi", doc{"body": document(c.t, "openapi-mock.json")})
		c.deploy(api["id"].(string), "dev")
		match("mocked-response", c.invoke("GET", api["id"].(string)+"/dev/echo/foobar", "").doc())
	}},
	{file: "basic", name: "test_mock_integration_response[WHEN_NO_MATCH-UrlType.PATH_BASED-GET]", run: replayPassthrough("WHEN_NO_MATCH", pathForm, "GET")},
	{file: "basic", name: "test_mock_integration_response[WHEN_NO_MATCH-UrlType.PATH_BASED-POST]", run: replayPassthrough("WHEN_NO_MATCH", pathForm, "POST")},
	{file: "basic", name: "test_mock_integration_response[WHEN_NO_MATCH-UrlType.HOST_BASED-GET]", run: replayPassthrough("WHEN_NO_MATCH", hostForm, "GET")},
	{file: "basic", name: "test_mock_integration_response[WHEN_NO_MATCH-UrlType.HOST_BASED-POST]", run: replayPassthrough("WHEN_NO_MATCH", hostForm, "POST")},
	{file: "basic", name: "test_mock_integration_response[NEVER-UrlType.PATH_BASED-GET]", run: replayPassthrough("NEVER", pathForm, "GET")},
	{file: "basic", name: "test_mock_integration_response[NEVER-UrlType.PATH_BASED-POST]", run: replayPassthrough("NEVER", pathForm, "POST")},
	{file: "basic", name: "test_mock_integration_response[NEVER-UrlType.HOST_BASED-GET]", run: replayPassthrough("NEVER", hostForm, "GET")},
	{file: "basic", name: "test_mock_integration_response[NEVER-UrlType.HOST_BASED-POST]", run: replayPassthrough("NEVER", hostForm, "POST")},
	{file: "basic", name: "test_mock_integration_response[WHEN_NO_TEMPLATES-UrlType.PATH_BASED-GET]", run: replayPassthrough("WHEN_NO_TEMPLATES", pathForm, "GET")},
	{file: "basic", name: "test_mock_integration_response[WHEN_NO_TEMPLATES-UrlType.PATH_BASED-POST]", run: replayPassthrough("WHEN_NO_TEMPLATES", pathForm, "POST")},
	{file: "basic", name: "test_mock_integration_response[WHEN_NO_TEMPLATES-UrlType.HOST_BASED-GET]", run: replayPassthrough("WHEN_NO_TEMPLATES", hostForm, "GET")},
	{file: "basic", name: "test_mock_integration_response[WHEN_NO_TEMPLATES-UrlType.HOST_BASED-POST]", run: replayPassthrough("WHEN_NO_TEMPLATES", hostForm, "POST")},
	{file: "integrations", name: "test_integration_mock_with_path_param", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := c.put(id, root, route{part: "{testPath}", method: doc{"requestParameters": doc{"method.request.path.testPath": true}},
			integration: doc{"type": "MOCK"}, responses: map[string]doc{"200": {"selectionPattern": "2\\d{2}"}}})
		match("integration", c.do("PutIntegration", merge(m, doc{"type": "MOCK", "integrationHttpMethod": "POST",
			"requestParameters": doc{"integration.request.path.integrationPath": "method.request.path.testPath"},
			"requestTemplates":  doc{"application/json": `{statusCode: 200}`}})))
		c.must("PutIntegrationResponse", merge(m, doc{"statusCode": "200", "selectionPattern": "2\\d{2}"}))
		c.deploy(id, "dev")
		if a := c.invoke("GET", id+"/dev/test-path", ""); a.status != 200 || a.body != "" {
			c.stop("got %d %q, asserted 200 and no body", a.status, a.body)
		}
	}},
	{file: "integrations", name: "test_integration_mock_with_response_override_in_request_template[True]", run: replayOverride(
		`#set($o = $context.responseOverride){"statusOverride": "$o.status", "fooHeader": "$o.header.foo", "custom": "$o.custom"}`)},
	{file: "integrations", name: "test_integration_mock_with_response_override_in_request_template[False]", run: replayOverride("")},
	{file: "integrations", name: "test_integration_mock_with_vtl_map_assignation", run: func(c *client, match func(string, doc)) {
		a := c.invoke("GET", c.mock("dev", "", "#set($name = \"foo\")\n#set($context.requestOverride.querystring[$name] = \"bar\")\n#set($putName = \"putfoo\")\n"+
			"$context.requestOverride.querystring.put($putName, \"putBar\")\n#set($context[\"requestOverride\"].querystring[\"nestedfoo\"] = \"nestedFoo\")\n{ \"statusCode\": 200 }",
			`#set($q = $context.requestOverride.querystring){"value": "$q["foo"]", "value2": "$q["putfoo"]", "value3": "$q["nestedfoo"]"}`)+"/dev/", "")
		match("response", doc{"body": a.json(), "status_code": float64(a.status)})
	}},
	{file: "integrations", name: "test_integration_mock_with_request_overrides_in_response_template", run: func(c *client, match func(string, doc)) {
		id := c.mock("dev", "{testPath}", "#set($decoded = $util.base64Decode($input.params('testPath')))\n#set($context.requestOverride.path.body = $decoded)\n{\"statusCode\": 200}",
			"#set($message = $util.parseJson($context.requestOverride.path.body).message)\n#if($message == \"path1\")\n{\"response\": \"path was path one\"}\n"+
				"#elseif($message == \"path2\")\n{\"response\": \"path was path two\"}\n#else\n{\"response\": \"this is the else clause\"}\n#end\n")
		for key, message := range map[string]string{"invoke-path1": "path1", "invoke-path2": "path2", "invoke-path-else": "whatever"} {
			path := base64.StdEncoding.EncodeToString([]byte(`{"message": "` + message + `"}`))
			match(key, c.invoke("GET", id+"/dev/"+path, "").doc())
		}
	}},
	{file: "integrations", name: "test_put_integration_response_with_response_template", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := c.put(id, root, route{integration: doc{"type": "HTTP", "integrationHttpMethod": "POST", "uri": "http://example.com/"},
			responses: map[string]doc{"200": {"selectionPattern": "foobar", "responseTemplates": doc{"application/json": `{"data": "test"}`}}}})
		match("get-integration-response", c.do("GetIntegrationResponse", merge(m, doc{"statusCode": "200"})))
	}},
}

// mock serves a MOCK integration with these templates and returns the API's id.
func (c *client) mock(stage, part, request, response string) string {
	r := doc{"selectionPattern": "2\\d{2}"}
	if response != "" {
		r["responseTemplates"] = doc{"application/json": response}
	}
	return c.serve(stage, route{part: part, integration: doc{"type": "MOCK", "requestTemplates": doc{"application/json": request}},
		responses: map[string]doc{"200": r}})
}

// The two forms of URL that the recorded tests were given; only real hosts
// exist on AWS.
const (
	pathForm = "/restapis/{id}/dev/_user_request_"
	hostForm = ""
)

func replayPassthrough(behavior, form, verb string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		id := c.serve("dev", route{part: "{testPath}", verb: verb, integration: doc{"type": "MOCK", "integrationHttpMethod": "POST", "passthroughBehavior": behavior,
			"requestTemplates": doc{"application/json": `{"statusCode": 200}`}},
			responses: map[string]doc{"200": {"selectionPattern": "2\\d{2}",
				"responseTemplates": doc{"application/json": `{"statusCode": 200, "id": $input.params().path.get('testPath')}`}}}})
		if form == hostForm {
			match("mock-response", c.invoke(verb, id+"/dev/42", `{"test": "value"}`).doc())
			return
		}
		match("mock-response", c.request("localhost", verb, "/restapis/"+id+"/dev/_user_request_/42", `{"test": "value"}`).doc())
	}
}

func replayOverride(response string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		a := c.invoke("GET", c.mock("dev", "", "#set($context.responseOverride.status = 444)\n#set($context.responseOverride.header.foo = \"bar\")\n"+
			"#set($context.responseOverride.custom = \"is also passed around\")\n{ \"statusCode\": 200 }", response)+"/dev/", "")
		if foo := a.header.Get("foo"); foo != "bar" {
			c.stop("header foo is %q, asserted bar", foo)
		}
		if response == "" {
			match("response", doc{"body": "b'" + a.body + "'", "status_code": float64(a.status)})
			return
		}
		match("response", doc{"body": a.json(), "status_code": float64(a.status)})
	}
}
