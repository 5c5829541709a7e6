package corpus

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Templates over bodies.
var templateReplays = []replay{
	{file: "common", name: "test_input_path_template_formatting", run: func(c *client, match func(string, doc)) {
		const about = `{"body": $r, "nested": $r.nested, "isNull": #if($r == $null)"true"#else"false"#end, "isEmptyString": #if($r == "")"true"#else"false"#end}`
		const json = `#set($r = $input.path("$.json"))`
		echo := c.backend(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body) // the client may have gone away
			if len(body) == 0 {
				body = []byte("null")
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"json": %s, "data": "", "headers": {}}`, body)
		})
		for _, tt := range []struct{ key, template, body string }{
			{"dict-response", json + "$r", `{"foo": "bar"}`},
			{"json-list", json + "$r", `[{"foo": "bar"}]`},
			{"nested-dict", json + "$r.nested", `{"nested": {"foo": "bar"}}`},
			{"nested-list", json + "$r.nested", `{"nested": [{"foo": "bar"}]}`},
			{"dict-in-list", json + "$r[0]", `[{"foo": "bar"}]`},
			{"list-with-nested-list", json + "$r[0]", `[[{"foo": "bar"}]]`},
			{"dict-with-nested-list", json + "$r", `{"foo": [{"nested": "bar"}]}`},
			{"bigger-dict", json + "$r", `{"bigger": "dict", "to": "test", "with": "separators"}`},
			{"to-string", json + "$r.toString()", `{"foo": "bar"}`},
			{"list-to-string", json + "$r.toString()", `{"list": [{"foo": "bar"}]}`},
			{"empty-body", `#set($r = $input.path("$.nonExisting"))` + about, ""},
			{"nested-empty-list", `#set($r = $input.path("$.json.listValue"))` + about, `{"listValue": []}`},
			{"nested-null-list", `#set($r = $input.path("$.json.listValue"))` + about, `{"listValue": null}`},
		} {
			c.matchText(match, tt.key, c.invoke("POST", c.templates(echo, "", tt.template)+"/dev/", tt.body, "Content-Type: application/json").body)
		}
	}},
	{file: "common", name: "test_input_body_formatting", run: func(c *client, match func(string, doc)) {
		const raw, wrapped = "#set($b = $input.body)$b", "Action=SendMessage&MessageBody=$input.body"
		echo := c.backend(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
		for _, tt := range []struct{ key, request, response string }{
			{"raw-body", raw, raw},
			{"str-body-input", wrapped, raw},
			{"str-body-output", raw, wrapped},
			{"str-body-all", wrapped, wrapped},
			{"body-attr-access", "#set($b = $input.body.testAccess)$b", raw},
			{"url-encode", "EncodedBody=$util.urlEncode($input.body)&EncodedBodyAccess=$util.urlEncode($input.body.testAccess)", raw},
		} {
			id := c.templates(echo, tt.request, tt.response)
			got := doc{}
			for name, body := range map[string]string{"empty-body": "", "json-body": `{"some": "value"}`, "str-body": "some raw data"} {
				got[name] = "b'" + c.invoke("POST", id+"/dev/", body, "Content-Type: application/json").body + "'"
			}
			match("response-"+tt.key, got)
		}
	}},
}

// templates serves POST / as HTTP to url with these templates, and returns the
// API's id. An empty template is none.
func (c *client) templates(url, request, response string) string {
	in, out := doc{"type": "HTTP", "uri": url, "integrationHttpMethod": "POST"}, doc{}
	if request != "" {
		in["requestTemplates"] = doc{"application/json": request}
	}
	if response != "" {
		out["responseTemplates"] = doc{"application/json": response}
	}
	return c.serve("dev", route{verb: "POST", integration: in, responses: map[string]doc{"200": out}})
}

// Requests that are validated.
var validatorReplays = []replay{
	{file: "common", name: "test_api_gateway_request_validator", run: replayValidator},
	{file: "common", name: "test_api_gateway_request_validator_with_ref_models", run: func(c *client, match func(string, doc)) {
		id := c.validated(match,
			"testSchema", `{"$schema": "http://json-schema.org/draft-04/schema#", "title": "testSchema", "type": "object",
				"properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}`,
			"testSchemaList", `{"type": "array", "items": {"$ref": "MODELS/testSchema"}}`)
		for key, body := range map[string]string{"successful": `[{"a": 1, "b": 2}]`, "failed-validation": `[{"a": 1}]`} {
			match(key, c.invoke("POST", id+"/local/path", body, "Content-Type: application/json").doc())
		}
	}},
	{file: "common", name: "test_api_gateway_request_validator_with_ref_one_ofmodels", run: func(c *client, match func(string, doc)) {
		id := c.validated(match,
			"StatusModel", `{"type": "object", "properties": {"Status": {"type": "string"}, "Order": {"type": "integer"}}, "required": ["Status", "Order"]}`,
			"TestModel", `{"type": "object", "properties": {"status": {"oneOf": [{"type": "null"}, {"$ref": "MODELS/StatusModel"}]}}, "required": ["status"]}`)
		for key, body := range map[string]string{"successful": `{"status": null}`, "successful-with-data": `{"status": {"Status": "works", "Order": 1}}`,
			"failed-validation-no-data": `{}`, "failed-validation-bad-data": `{"status": {"Status": "works"}}`} {
			match(key, c.invoke("POST", id+"/local/path", body, "Content-Type: application/json").doc())
		}
	}},
}

// validated serves POST /path whose body must fit the last of these models,
// given by name and schema, and returns the API's id.
func (c *client) validated(match func(string, doc), models ...string) string {
	id, root := c.newAPI()
	for i := 0; i < len(models); i += 2 {
		schema := strings.ReplaceAll(models[i+1], "MODELS", "https://apigateway.amazonaws.com/restapis/"+id+"/models")
		c.must("CreateModel", doc{"restApiId": id, "name": models[i], "contentType": "application/json", "schema": schema})
	}
	v := c.must("CreateRequestValidator", doc{"restApiId": id, "name": "v", "validateRequestParameters": true, "validateRequestBody": true})["id"]
	c.put(id, root, route{part: "path", verb: "POST",
		method:      doc{"requestValidatorId": v, "requestModels": doc{"application/json": models[len(models)-2]}},
		integration: doc{"type": "MOCK", "requestTemplates": doc{"application/json": `{"statusCode": 200}`}},
		responses:   map[string]doc{"200": {"responseTemplates": doc{"application/json": `{"data": "ok"}`}}}})
	list := c.must("GetModels", doc{"restApiId": id})
	slices.SortFunc(list["items"].([]any), func(a, b any) int {
		return strings.Compare(a.(doc)["name"].(string), b.(doc)["name"].(string))
	})
	match("get-models-with-ref", list)
	c.deploy(id, "local")
	return id
}
