package corpus

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Integrations with functions.
var lambdaReplays = []replay{
	{file: "lambda", name: "test_lambda_aws_proxy_integration", run: func(c *client, match func(string, doc)) {
		c.behindNoCDN()
		id, root := c.newAPI()
		for _, part := range []string{"{proxy+}", "hardcoded"} {
			c.put(id, root, route{part: part, verb: "ANY", integration: c.proxyTo("event", id)})
		}
		c.deploy(id, "stage")
		get := func(key, path string) {
			match(key, c.invoke("GET", id+path, "", requestsHeaders("User-Agent: python-requests/testing", "tEsT-HEADeR: aValUE", "Authorization: random-value")...).doc())
		}
		get("invocation-payload-without-trailing-slash", "/stage/proxy-value")
		get("invocation-payload-with-trailing-slash", "/stage/proxy-value/")
		get("invocation-payload-with-double-slash", "/stage/proxy-value//double-slash")
		get("invocation-payload-with-prepended-slash-to-stage", "//stage/proxy-value")
		get("invocation-payload-with-prepended-slash", "/stage//proxy-value")
		get("invocation-payload-without-trailing-slash-and-query-params", "/stage/proxy-value?urlparam=test")
		get("invocation-payload-with-trailing-slash-and-query-params", "/stage/proxy-value/?urlparam=test")
		get("invocation-payload-with-path-encoded-email", "/stage/proxy-value/api/user/test%2Balias@gmail.com/plus/test+alias@gmail.com")
		get("invocation-payload-with-params-encoding", "/stage/proxy-value/api?dateTimeOffset=2023-06-12T18:05:10.123456+00:00&email=test%2Balias@gmail.com&"+
			"plus=test+alias@gmail.com&url=https://www.google.com/&whitespace=foo%20bar&zhash=abort/")
		match("invocation-payload-with-params-encoding-multi", c.invoke("POST", id+"/stage/proxy-value?category=electronics&category=books&price=10&price=20&price=30",
			helloWorld, requestsHeaders("Content-Type: application/json;charset=utf-8", "Authorization: Bearer token123;API key456", "User-Agent: python-requests/testing")...).doc())
		get("invocation-hardcoded", "/stage//hardcoded")
	}},
	{file: "lambda", name: "test_lambda_aws_proxy_integration_request_data_mapping", run: func(c *client, match func(string, doc)) {
		c.behindNoCDN()
		id, root := c.newAPI()
		match("api_id", doc{"rest_api_id": id})
		c.put(id, root, route{part: "{pathVariable}", verb: "ANY", method: doc{"requestParameters": declared(dataMappings)},
			integration: merge(c.proxyTo("event", id), doc{"requestParameters": dataMappings})})
		c.deploy(id, "test")
		a := c.invoke("POST", id+"/test/foobar?testQueryString=foo&testVar=bar", helloWorld,
			"Content-Type: application/json", "Accept: application/json", "Accept-Encoding: gzip, deflate", "foobar: mapped-value", "headerVar: request-value")
		match("http-proxy-invocation-data-mapping", doc{"content": a.json(), "status_code": float64(a.status)})
	}},
	{file: "lambda", name: "test_lambda_aws_proxy_integration_non_post_method", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		c.put(id, root, route{part: "{proxy+}", verb: "ANY", integration: merge(c.proxyTo("event", id), doc{"integrationHttpMethod": "GET"})})
		c.must("PutGatewayResponse", doc{"restApiId": id, "responseType": "INTEGRATION_FAILURE", "responseParameters": doc{}})
		c.deploy(id, "test")
		a := c.invoke("GET", id+"/test/test-path", "")
		if a.status != 500 {
			c.stop("got %d, asserted 500", a.status)
		}
		match("invocation-payload-with-get-proxy-method", a.doc())
	}},
	{file: "lambda", name: "test_aws_proxy_response_payload_format_validation", run: replayAnswers},
	{file: "lambda", name: "test_lambda_aws_integration", run: func(c *client, match func(string, doc)) {
		id, m := c.newPart("test", "POST")
		match("put-method", c.do("PutMethod", merge(m, doc{"authorizationType": "NONE"})))
		shown := c.do("PutIntegration", merge(m, c.proxyTo("echo", id), doc{"type": "AWS"}))
		match("put-integration", withRole(shown))
		match("put-integration-response", c.do("PutIntegrationResponse", merge(m, doc{"statusCode": "200"})))
		match("put-method-response", c.do("PutMethodResponse", merge(m, doc{"statusCode": "200"})))
		c.deploy(id, "api")
		match("lambda-aws-integration", c.invoke("POST", id+"/api/test", helloWorld).doc())
	}},
	{file: "lambda", name: "test_lambda_aws_integration_with_request_template", run: func(c *client, match func(string, doc)) {
		id, m := c.newPart("test", "GET")
		match("put-method", c.do("PutMethod", merge(m, doc{"authorizationType": "NONE", "requestParameters": doc{"method.request.querystring.param1": false}})))
		match("put-method-response", c.do("PutMethodResponse", merge(m, doc{"statusCode": "200"})))
		match("put-integration", withRole(c.do("PutIntegration", merge(m, c.proxyTo("echo", id), doc{"type": "AWS",
			"requestTemplates": doc{"application/json": `{"param1": "$input.params('param1')"}`}}))))
		match("put-integration-response", c.do("PutIntegrationResponse", merge(m, doc{"statusCode": "200", "selectionPattern": ""})))
		c.deploy(id, "api")
		match("lambda-aws-integration-1", c.invoke("GET", id+"/api/test?param1=foobar", "").doc())
		match("lambda-aws-integration-2", c.invoke("GET", id+"/api/test?param1=foobar&Signature=1", "").doc())
		match("delete-integration", c.do("DeleteIntegration", m))
		match("get-integration-after-delete", c.do("GetIntegration", m))
	}},
	{file: "lambda", name: "test_lambda_selection_patterns", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		c.put(id, root, route{part: "{statusCode}", integration: merge(c.proxyTo("select", id), doc{"type": "AWS",
			"requestTemplates": doc{"application/json": `{"statusCode": "$input.params('statusCode')"}`}}),
			responses: map[string]doc{"200": nil, "405": {"selectionPattern": ".*four hundred.*"}, "502": {"selectionPattern": ".*five hundred.*"}}})
		c.deploy(id, "dev")
		for path, status := range map[string]int{"200": 200, "400": 405, "500": 502} {
			a := c.invoke("GET", id+"/dev/"+path, "")
			if a.status != status {
				c.stop("%s: %d, asserted %d", path, a.status, status)
			}
			if text, ok := a.json().(string); ok {
				c.matchText(match, "lambda-selection-pattern-"+path, text)
				continue
			}
			match("lambda-selection-pattern-"+path, a.doc())
		}
	}},
}

// replayAnswers calls a function that answers what it is sent.
func replayAnswers(c *client, match func(string, doc)) {
	c.behindNoCDN()
	id, root := c.newAPI()
	c.put(id, root, route{part: "{proxy+}", verb: "ANY", integration: c.proxyTo("body", id)})
	c.deploy(id, "test")
	call := func(key, body string, status int) {
		a := c.invoke("POST", id+"/test/test", body, requestsHeaders("User-Agent: python/test", "Content-Type: application/json")...)
		if a.status != status {
			c.stop("%s: %d %s, asserted %d", key, a.status, a.body, status)
		}
		got := doc{"content": a.body}
		var object doc
		if json.Unmarshal([]byte(a.body), &object) == nil {
			got["content"] = object
		}
		if want := c.rec.Content[key].(doc); want["headers"] != nil {
			got["headers"] = spelled(a.header, want["headers"].(doc))
		}
		match(key, got)
	}
	call("invoke-api-no-body", `{"statusCode": 200}`, 200)
	call("invoke-api-with-headers", `{"statusCode": 200, "headers": {"test-header": "value", "header-bool": true}}`, 200)
	call("invoke-api-with-headers-null", `{"statusCode": 200, "headers": null}`, 200)
	call("invoke-api-wrong-format", `{"statusCode": 200, "wrongValue": "value"}`, 502)
	call("invoke-api-empty-response", "", 502) // the recorded client sent no {}
	call("invoke-api-b64-encoded-true", `{"statusCode": 200, "body": "dGVzdC1kYXRh", "isBase64Encoded": true}`, 200)
	call("invoke-api-b64-encoded-false", `{"statusCode": 200, "body": "dGVzdC1kYXRh"}`, 200)
	call("invoke-api-multi-headers-valid", `{"statusCode": 200, "multiValueHeaders": {"test-multi": ["value1", "value2"]}}`, 200)
	call("invoke-api-multi-headers-overwrite", `{"statusCode": 200, "multiValueHeaders": {"test-multi": ["value-multi"]}, "headers": {"test-multi": "value-solo"}}`, 200)
	call("invoke-api-multi-headers-overwrite-casing", `{"statusCode": 200, "multiValueHeaders": {"tesT-Multi": ["value-multi"]}, "headers": {"test-multi": "value-solo"}}`, 200)
	call("invoke-api-multi-headers-invalid", `{"statusCode": 200, "multiValueHeaders": {"test-multi-invalid": "value1"}}`, 502)
	call("invoke-api-invalid-status-code", `{"statusCode": "test"}`, 502)
	call("invoke-api-status-code-str", `{"statusCode": "201"}`, 201)
	call("invoke-api-just-string", `"justAString"`, 502)
	if c.recorded("invoke-api-only-headers") {
		call("invoke-api-only-headers", `{"headers": {"test-header": "value"}}`, 200)
	}
}

// spelled writes headers as the recording has them: net/http has changed the
// case of names. A server that keeps connections need not say so.
func spelled(h http.Header, want doc) doc {
	out := doc{"Connection": "keep-alive"}
	for name, values := range h {
		for n := range want {
			if strings.EqualFold(n, name) {
				name = n
			}
		}
		out[name] = strings.Join(values, ", ")
	}
	return out
}

// requestsHeaders are those of the recorded tests' client, and more.
func requestsHeaders(more ...string) []string {
	return append([]string{"Accept: */*", "Accept-Encoding: gzip, deflate"}, more...)
}

// newPart creates an API with a resource and returns what names a method on it.
func (c *client) newPart(part, verb string) (id string, m doc) {
	id, root := c.newAPI()
	resource := c.must("CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": part})["id"]
	return id, doc{"restApiId": id, "resourceId": resource, "httpMethod": verb}
}

// proxyTo is an integration with one of the functions below.
func (c *client) proxyTo(function, _ string) doc {
	return doc{"type": "AWS_PROXY", "integrationHttpMethod": "POST",
		"uri": "arn:aws:apigateway:" + testRegion + ":lambda:path/2015-03-31/functions/arn:aws:lambda:" + testRegion + ":" + c.account + ":function:corpus-" + function + "/invocations"}
}

// withRole adds the role that the recorded integration was called with. Here
// functions say themselves who may call them.
func withRole(shown doc) doc { return with(shown, "credentials", anyRole) }

// behindNoCDN takes out of a recording what CloudFront did to requests and
// answers: it stood before the recorded APIs, and does not stand here.
func (c *client) behindNoCDN() { c.rec.Content = withoutCDN(c.rec.Content).(doc) }

func withoutCDN(v any) any {
	switch v := v.(type) {
	case doc:
		out := doc{}
		for name, value := range v {
			lower := strings.ToLower(name)
			if lower != "via" && lower != "x-cache" && !strings.HasPrefix(lower, "cloudfront-") && !strings.HasPrefix(lower, "x-amz-cf-") {
				out[name] = withoutCDN(value)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = withoutCDN(v[i])
		}
		return out
	}
	return v
}

// newFunctions serves the functions of the recorded tests as Lambda does.
func newFunctions(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		payload, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client went away
		}
		_, name, _ := strings.Cut(r.URL.Path, "corpus-")
		name, _, _ = strings.Cut(name, "/")
		w.Header().Set("Content-Type", "application/json")
		result, failed := callFunction(name, payload)
		if failed {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
		}
		_ = json.NewEncoder(w).Encode(result) // the client may have gone away
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func callFunction(name string, payload []byte) (result any, failed bool) {
	var event doc
	_ = json.Unmarshal(payload, &event) // a text for echo
	switch name {
	case "event":
		return doc{"statusCode": 200, "body": string(payload), "isBase64Encoded": false}, false
	case "body":
		body, _ := event["body"].(string)
		if body == "" {
			return doc{"errorType": "TypeError", "errorMessage": "the JSON object must be str, bytes or bytearray, not NoneType"}, true
		}
		return json.RawMessage(body), false
	case "select":
		number := map[string]string{"400": "four", "500": "five"}[event["statusCode"].(string)]
		if number == "" {
			return "Pass", false
		}
		message := "Error: Raising " + number + " hundred from within the Lambda function"
		line := map[string]string{"four": "7", "five": "9"}[number]
		return doc{"errorMessage": message, "errorType": "Exception", "requestId": "11111111-2222-3333-4444-555555555555", "stackTrace": []string{
			"  File \"/var/task/lambda_select_pattern.py\", line " + line + ", in handler\n    raise Exception(\"" + message + "\")\n"}}, true
	}
	return json.RawMessage(payload), false
}
