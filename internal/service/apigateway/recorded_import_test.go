package apigateway

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// document reads one of the documents that were imported for the recordings.
func document(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "corpus", "openapi", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("${uri}", "http://petstore.execute-api."+testRegion+".amazonaws.com/petstore/pets").Replace(string(b))
}

// matchImported compares everything an import made: each method with its
// integration and their responses.
func matchImported(c *client, match func(string, doc), id, resourcesKey, prefix string) {
	list := c.must("GetResources", doc{"restApiId": id})
	match(resourcesKey, list)
	for _, item := range list["items"].([]any) {
		r := item.(doc)
		methods, _ := r["resourceMethods"].(doc)
		path := strings.TrimPrefix(r["path"].(string), "/")
		if path == "" {
			path = "root"
		}
		for _, name := range sortedKeys(methods) {
			in := doc{"restApiId": id, "resourceId": r["id"], "httpMethod": name}
			at := path + "-" + strings.ToLower(name)
			match(prefix+"method-"+at, c.do("GetMethod", in))
			match(prefix+"method-response-"+at, c.do("GetMethodResponse", with(in, "statusCode", "200")))
			match(prefix+"integration-"+at, c.do("GetIntegration", in))
			match(prefix+"integration-response-"+at, c.do("GetIntegrationResponse", with(in, "statusCode", "200")))
		}
	}
}

// Imports.
var importReplays = []replay{
	{file: "import", name: "test_import_rest_api_with_base_path_oas30[ignore]", run: replayBasePath("ignore")},
	{file: "import", name: "test_import_rest_api_with_base_path_oas30[prepend]", run: replayBasePath("prepend")},
	{file: "import", name: "test_import_rest_api_with_base_path_oas30[split]", run: replayBasePath("split")},
	{file: "import", name: "test_import_rest_apis_with_base_path_swagger[ignore]", run: replayNoBasePath("ignore"), without: swaggerWithout("test")},
	{file: "import", name: "test_import_rest_apis_with_base_path_swagger[prepend]", run: replayNoBasePath("prepend"), without: swaggerWithout("base/test")},
	{file: "import", name: "test_import_rest_apis_with_base_path_swagger[split]", run: replayNoBasePath("split"), without: swaggerWithout("test")},
	{file: "import", name: "test_import_with_integer_http_status_code", run: func(c *client, match func(string, doc)) {
		out := c.must("ImportRestApi", doc{"body": document(c.t, "openapi-method-int.spec.yaml"), "failOnWarnings": true})
		matchImported(c, match, out["id"].(string), "resources", "")
	}},
	{file: "import", name: "test_put_rest_api_mode_binary_media_types[merge]", run: replayBinaryMediaTypes("merge")},
	{file: "import", name: "test_put_rest_api_mode_binary_media_types[overwrite]", run: replayBinaryMediaTypes("overwrite")},
	{file: "import", name: "test_import_api_bad_file", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		for key, body := range map[string]string{"yaml": "openapi: 3.0.0\ninfo: [\n  - :", "json": `{"openapi": "3.0.0", "info": {`} {
			match("import-api-bad-"+key+"-file", c.do("ImportRestApi", doc{"body": body}))
			match("put-rest-api-bad-"+key+"-file", c.do("PutRestApi", doc{"restApiId": id, "body": body}))
		}
	}},
}

func replayBasePath(mode string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		for _, from := range []struct{ key, file string }{
			{"srv-var", "openapi-basepath-server-variable.yaml"}, {"srv-url", "openapi-basepath-url.yaml"},
		} {
			match("put-rest-api-oas30-"+from.key, c.do("PutRestApi", doc{"restApiId": id, "mode": "overwrite",
				"body": document(c.t, from.file), "parameters": map[string]string{"basepath": mode}}))
			matchImported(c, match, id, "get-resources-oas30-"+from.key, from.key+"-")
		}
	}
}

func replayNoBasePath(mode string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		out := c.must("ImportRestApi", doc{"body": document(c.t, "pets.json"), "parameters": map[string]string{"basepath": mode}})
		matchImported(c, match, out["id"].(string), "get-resources-no-base-path-swagger", "")
	}
}

// swaggerWithout are the keys of a document with a Lambda authorizer.
func swaggerWithout(path string) map[string]string {
	without := map[string]string{}
	for _, key := range []string{"put-rest-api-swagger-json", "get-resources-swagger-json"} {
		without[key] = "authorizers are refused by name"
	}
	for _, kind := range []string{"method-", "method-response-", "integration-", "integration-response-"} {
		for _, name := range []string{"-get", "-options"} {
			without[kind+path+name] = "authorizers are refused by name"
		}
	}
	return without
}

func replayBinaryMediaTypes(mode string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		out := c.do("CreateRestApi", doc{"name": "binary", "binaryMediaTypes": []string{"image/heif"}})
		match("create-rest-api", out)
		match("get-rest-api", c.do("GetRestApi", doc{"restApiId": out["id"]}))
		match("put-api", c.do("PutRestApi", doc{"restApiId": out["id"], "mode": mode, "body": document(c.t, "pets.json")}))
	}
}
