package corpus

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// document reads one of the documents that were imported for the recordings,
// and fills in what the recorded tests put into them.
func document(t testing.TB, name string, replace ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(documents, name))
	if err != nil {
		t.Fatal(err)
	}
	const function = "arn:aws:apigateway:" + testRegion + ":lambda:path/2015-03-31/functions/arn:aws:lambda:" + testRegion + ":111111111111:function:f/invocations"
	return strings.NewReplacer(append(replace,
		"${uri}", "http://petstore.execute-api."+testRegion+".amazonaws.com/petstore/pets",
		"${authorizer_lambda_invocation_arn}", function, "${lambda_invocation_arn}", function,
		"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:account-id:function:function-name/invocations", function,
		"${cognito_pool_arn}", "arn:aws:cognito-idp:"+testRegion+":111111111111:userpool/"+testRegion+"_ABC123")...).Replace(string(b))
}

// replayImport imports a document, compares the answer if it was recorded
// under this key, and then everything that came of it.
func replayImport(name, answer string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		out := c.do("ImportRestApi", doc{"body": document(c.t, name), "failOnWarnings": true})
		if answer != "" {
			match(answer, out)
		}
		id, ok := out["id"].(string)
		if !ok {
			c.stop("import %s: %v", name, out["Error"])
		}
		api := doc{"restApiId": id}
		for key, op := range map[string]string{"get-authorizers": "GetAuthorizers", "get-models": "GetModels", "request-validators": "GetRequestValidators"} {
			if !c.recorded(key) {
				continue
			}
			out := c.do(op, api)
			items, _ := out["items"].([]any) // in the order of names, as they were recorded: ids are chance
			slices.SortFunc(items, func(a, b any) int { return strings.Compare(fmt.Sprint(a.(doc)["name"]), fmt.Sprint(b.(doc)["name"])) })
			if _, alone := c.rec.Content[key].([]any); alone {
				out = doc{"": items}
			}
			match(key, out)
		}
		if c.recorded("resources") {
			matchImported(c, match, id, "resources", "")
		}
	}
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
		for _, name := range slices.Sorted(maps.Keys(methods)) {
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
	{file: "import", name: "test_import_rest_apis_with_base_path_swagger[ignore]", run: replayBasePathSwagger("ignore")},
	{file: "import", name: "test_import_rest_apis_with_base_path_swagger[prepend]", run: replayBasePathSwagger("prepend")},
	{file: "import", name: "test_import_rest_apis_with_base_path_swagger[split]", run: replayBasePathSwagger("split")},
	{file: "import", name: "test_import_rest_api", run: replayImport("openapi.spec.pulumi.json", "import_rest_api")},
	{file: "import", name: "test_import_swagger_api", run: replayImport("petstore-authorizer.swagger.json", "import-swagger")},
	{file: "import", name: "test_import_and_validate_rest_api[openapi.spec.tf.json]", run: replayImport("openapi.spec.tf.json", "import_tf_rest_api")},
	{file: "import", name: "test_import_and_validate_rest_api[swagger-mock-cors.json]", run: replayImport("swagger-mock-cors.json", "import_tf_rest_api")},
	{file: "import", name: "test_import_with_global_api_key_authorizer", run: replayImport("openapi.spec.global-auth.json", "import-swagger")},
	{file: "import", name: "test_import_with_circular_models", run: replayImport("openapi.spec.circular-ref.json", "import-api")},
	{file: "import", name: "test_import_with_circular_models_and_request_validation", run: replayImport("openapi.spec.circular-ref-with-request-body.json", "import-api")},
	{file: "import", name: "test_import_with_http_method_integration", run: replayImport("openapi-http-method-integration.json", "")},
	{file: "import", name: "test_import_with_cognito_auth_identity_source", run: replayImport("openapi.cognito-auth.json", "import-swagger")},
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

func replayBasePathSwagger(mode string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		put := func(file string) doc {
			return c.do("PutRestApi", doc{"restApiId": id, "mode": "overwrite", "body": document(c.t, file), "parameters": map[string]string{"basepath": mode}})
		}
		match("put-rest-api-swagger-json", put("swagger.json"))
		matchImported(c, match, id, "get-resources-swagger-json", "")
		put("pets.json")
		matchImported(c, match, id, "get-resources-no-base-path-swagger", "")
	}
}

func replayBinaryMediaTypes(mode string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		out := c.do("CreateRestApi", doc{"name": "binary", "binaryMediaTypes": []string{"image/heif"}})
		match("create-rest-api", out)
		match("get-rest-api", c.do("GetRestApi", doc{"restApiId": out["id"]}))
		match("put-api", c.do("PutRestApi", doc{"restApiId": out["id"], "mode": mode, "body": document(c.t, "pets.json")}))
	}
}
