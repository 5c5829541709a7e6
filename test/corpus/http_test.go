package corpus

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

const helloWorld = `{"message": "hello world"}`

// Integrations with HTTP backends.
var httpReplays = []replay{
	{file: "http", name: "test_http_integration_with_lambda[HTTP]", run: replayEcho("HTTP")},
	{file: "http", name: "test_http_integration_with_lambda[HTTP_PROXY]", run: replayEcho("HTTP_PROXY")},
	{file: "http", name: "test_http_integration_method[HTTP]", run: replayVerbs("HTTP")},
	{file: "http", name: "test_http_integration_method[HTTP_PROXY]", run: replayVerbs("HTTP_PROXY")},
	{file: "http", name: "test_http_integration_invoke_status_code_passthrough[HTTP]", run: replayStatus("HTTP")},
	{file: "http", name: "test_http_integration_invoke_status_code_passthrough[HTTP_PROXY]", run: replayStatus("HTTP_PROXY")},
	{file: "http", name: "test_http_proxy_integration_request_data_mappings", run: func(c *client, match func(string, doc)) {
		id := c.serve("test", route{part: "{pathVariable}", verb: "POST",
			method: doc{"requestParameters": declared(dataMappings)},
			integration: doc{"type": "HTTP_PROXY", "uri": c.echo(true) + "?testVar={pathVar}&testQs={qsVar}", "integrationHttpMethod": "POST",
				"requestParameters": dataMappings}})
		match("api_id", doc{"rest_api_id": id})
		a := c.invoke("POST", id+"/test/foobar?testQueryString=foo&testVar=bar", helloWorld,
			"Content-Type: application/json", "Accept: application/json", "Accept-Encoding: gzip, deflate", "foobar: mapped-value", "headerVar: request-value")
		match("http-proxy-invocation", whole(a))
	}},
	{file: "import", name: "test_import_with_stage_variables", run: func(c *client, match func(string, doc)) {
		api := c.must("ImportRestApi", doc{"body": document(c.t, "openapi.spec.stage-variables.json", "https://", "http://")})["id"].(string)
		host := strings.TrimPrefix(c.echo(true), "http://")
		c.must("CreateDeployment", doc{"restApiId": api, "stageName": "v1", "variables": doc{"TestHost": host, "testPath": "test-path", "querystring": "qs_key=qs_value"}})
		got := c.invoke("GET", api+"/v1/path1", "").doc()
		delete(got, "headers")
		match("get-resp-from-http", got)
		c.must("CreateDeployment", doc{"restApiId": api, "stageName": "v2"})
		a := c.invoke("GET", api+"/v2/path1", "")
		match("get-error-resp-from-http", doc{"body": a.json(), "errorType": a.header.Get("X-Amzn-Errortype")})
	}},
}

// dataMappings are those of the recorded tests of mappings.
var dataMappings = doc{
	"integration.request.header.headerVar":        "method.request.header.foobar",
	"integration.request.path.qsVar":              "method.request.querystring.testVar",
	"integration.request.path.pathVar":            "method.request.path.pathVariable",
	"integration.request.querystring.queryString": "method.request.querystring.testQueryString",
	"integration.request.querystring.testQs":      "method.request.querystring.testQueryString",
	"integration.request.querystring.testEmptyQs": "method.request.header.emptyheader",
}

// declared are the sources of mappings, as parameters of the method.
func declared(mappings doc) doc {
	d := doc{}
	for _, source := range mappings {
		d[source.(string)] = true
	}
	return d
}

// whole is an answer as the recordings have it: body, headers and status.
func whole(a answer) doc {
	return doc{"content": a.json(), "headers": a.headers(), "status_code": float64(a.status)}
}

func replayEcho(kind string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		id := c.serve("test", route{part: "test", verb: "POST",
			integration: doc{"type": kind, "uri": c.echo(false), "integrationHttpMethod": "POST"}, responses: map[string]doc{"200": nil}})
		match("api_id", doc{"rest_api_id": id})
		match("http-invocation-lambda-url", whole(c.invoke("POST", id+"/test/test", helloWorld,
			"Content-Type: application/json", "Accept: application/xml", "Accept-Encoding: gzip, deflate")))
	}
}

func replayVerbs(kind string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		id := c.serve("test", route{part: "test", verb: "ANY",
			integration: doc{"type": kind, "uri": c.echo(true), "integrationHttpMethod": "POST"}, responses: map[string]doc{"200": nil}})
		match("api_id", doc{"rest_api_id": id})
		for _, verb := range []string{"POST", "PUT", "GET"} {
			match("http-invocation-lambda-url-"+strings.ToLower(verb), c.invoke(verb, id+"/test/test", helloWorld,
				"Content-Type: application/json", "Accept: application/json", "Accept-Encoding: gzip, deflate").doc())
		}
	}
}

func replayStatus(kind string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		url := c.backend(func(w http.ResponseWriter, r *http.Request) {
			var status int
			_, _ = fmt.Sscanf(r.URL.Path, "/status/%d", &status) // stays 0, which panics
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, fmt.Sprintf(`{"message": "", "status_code": %d}`, status)) // the client may have gone away
		})
		id := c.serve("test", route{part: "{map+}", verb: "POST", method: doc{"requestParameters": doc{"method.request.path.map": true}},
			integration: doc{"type": kind, "uri": url + "/{map}", "integrationHttpMethod": "POST",
				"requestParameters": doc{"integration.request.path.map": "method.request.path.map"}},
			responses: map[string]doc{"200": nil}})
		for key, status := range map[string]string{"matching-response": "200", "non-matching-response": "400"} {
			a := c.invoke("POST", id+"/test/status/"+status, "")
			match(key, doc{"body": a.json(), "status_code": float64(a.status)})
		}
	}
}
