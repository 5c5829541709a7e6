package corpus

import (
	"fmt"
	"regexp"
	"strings"
)

// Tests of methods, with the log of what happened.
var testInvokeReplays = []replay{
	{file: "api", name: "test_invoke_test_method", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		mock := doc{"type": "MOCK", "requestTemplates": doc{"application/json": `{"statusCode": 200}`}}
		answer := func(template string) map[string]doc {
			return map[string]doc{"200": {"responseTemplates": doc{"application/json": template}}}
		}
		pets := c.put(id, root, route{part: "pets", integration: mock, responses: answer(`{"pets": "all the pets"}`)})
		template := answer(`{"petId": "$input.params('petId')"}`)
		one := c.put(id, pets["resourceId"].(string), route{part: "{petId}", integration: mock, responses: template})
		post := merge(one, doc{"httpMethod": "POST"})
		c.must("PutMethod", merge(post, doc{"authorizationType": "NONE"}))
		c.must("PutIntegration", merge(post, mock))
		c.must("PutMethodResponse", merge(post, doc{"statusCode": "200"}))
		c.must("PutIntegrationResponse", merge(post, doc{"statusCode": "200"}, template["200"]))
		test := func(key string, m doc, more ...any) { match("test-invoke-method-"+key, c.testInvoke(with(m, more...))) }
		test("get-pets", pets, "pathWithQueryString", "/pets")
		test("get-pets-bad-path", pets, "pathWithQueryString", "/random/test")
		test("get-pets-id", one, "pathWithQueryString", "/pets/123")
		test("get-pets-id-no-path", one)
		test("get-pets-id-bad-path", one, "pathWithQueryString", "/random/test")
		test("get-with-qs", one, "pathWithQueryString", "/pets/123?foo=bar")
		test("post-with-body", post, "pathWithQueryString", "/pets/123", "body", `{"foo": "bar"}`)
		match("resource-method-not-found", c.do("TestInvokeMethod", with(one, "httpMethod", "DELETE")))
		match("resource-id-not-found", c.do("TestInvokeMethod", with(one, "resourceId", "unknown")))
		match("rest-api-not-found", c.do("TestInvokeMethod", with(one, "restApiId", "unknown")))
	}},
	{file: "api", name: "test_failed_invoke_test_method", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		m := c.put(id, root, route{integration: doc{"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": "http://${stageVariables.none}"}})
		match("test-invoke-failure", c.testInvoke(m))
	}},
}

var logTime = regexp.MustCompile(`^\w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4}`)

// testInvoke tests a method, and returns the answer as the recordings have it:
// line by line, without times.
func (c *client) testInvoke(in doc) doc {
	out := c.must("TestInvokeMethod", in)
	text, _ := out["log"].(string)
	lines := doc{}
	for i, line := range strings.Split(text, "\n") {
		lines[fmt.Sprintf("line%02d", i)] = logTime.ReplaceAllString(line, "DDD MMM dd hh:mm:ss UTC yyyy")
	}
	out["log"] = lines
	return out
}

// replayValidator is about a method with a function behind it.
func replayValidator(c *client, match func(string, doc)) {
	function := "arn:aws:lambda:" + testRegion + ":" + c.account + ":function:corpus-event"
	match("register-lambda", doc{"fn_name": "corpus-event", "fn_arn": function})
	id, root := c.newAPI()
	c.must("CreateModel", doc{"restApiId": id, "name": "testSchema", "contentType": "application/json", "schema": `{"title": "testSchema", "type": "object",
		"properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}`})
	v := c.must("CreateRequestValidator", doc{"restApiId": id, "name": "test-validator", "validateRequestParameters": true, "validateRequestBody": true})["id"]
	method := doc{"authorizationType": "NONE", "requestValidatorId": v, "requestModels": doc{"application/json": "testSchema"}, "requestParameters": doc{
		"method.request.path.test": true, "method.request.querystring.qs1": true, "method.request.header.x-header-param": true}}
	get := c.put(id, root, route{part: "nested/{test}", method: method, integration: c.proxyTo("event", id), responses: map[string]doc{"200": nil}})
	post := merge(get, doc{"httpMethod": "POST"})
	c.must("PutMethod", merge(post, method))
	c.must("PutIntegration", merge(post, c.proxyTo("event", id)))
	c.must("PutMethodResponse", merge(post, doc{"statusCode": "200"}))
	c.must("PutIntegrationResponse", merge(post, doc{"statusCode": "200"}))
	match("deploy-1", c.do("CreateDeployment", doc{"restApiId": id, "stageName": "local"}))
	const issuer, test, header = "/requestParameters/method.request.path.issuer", "/requestParameters/method.request.path.test", "x-header-param: test"
	url := id + "/local/nested/value"
	refused := func(key, verb, target, body string, lines ...string) {
		a := c.invoke(verb, target, body, lines...)
		if a.status != 400 {
			c.stop("%s: %d %s, asserted 400", key, a.status, a.body)
		}
		match(key, a.doc())
	}
	match("change-request-path-names", c.do("UpdateMethod", merge(post, doc{"patchOperations": patch("add", issuer, "true", "remove", test, "true")})))
	c.deploy(id, "local")
	refused("missing-all-required-request-params-post", "POST", url, `{"test": "test"}`, "Content-Type: application/json")
	refused("missing-required-headers-request-params-get", "GET", url+"?qs1=test", "")
	refused("missing-required-qs-request-params-get", "GET", url, "", header)
	match("revert-request-path-names", c.do("UpdateMethod", merge(post, doc{"patchOperations": patch("add", test, "true", "remove", issuer, "true")})))
	c.deploy(id, "local")
	refused("invalid-request-body", "POST", url+"?qs1=test", `{"test": "test"}`, header, "Content-Type: application/json")
	match("disable-request-validator", c.do("UpdateRequestValidator", doc{"restApiId": id, "requestValidatorId": v,
		"patchOperations": patch("replace", "/validateRequestParameters", "false", "replace", "/validateRequestBody", "false")}))
	c.deploy(id, "local")
	if a := c.invoke("POST", url, `{"test": "test"}`); a.status != 200 {
		c.stop("without validation: %d %s, asserted 200", a.status, a.body)
	}
}
