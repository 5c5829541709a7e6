package corpus

// documentedAPI is the document of AWS's guide, as the recordings used it.
const documentedAPI = `{"openapi": "3.0.0", "info": {"description": "description", "version": "1", "title": "doc"},
"paths": {"/": {"get": {"description": "Method description.", "responses": {"200": {"description": "200 response",
  "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Empty"}}}}}}}},
"x-amazon-apigateway-documentation": {"version": "1.0.3", "documentationParts": [
  {"location": {"type": "API"}, "properties": {"description": "API description",
    "info": {"description": "API info description 4", "version": "API info version 3"}}},
  {"location": {"type": "METHOD", "method": "GET", "path": "/"}, "properties": {"description": "Method description."}},
  {"location": {"type": "MODEL", "name": "Empty"}, "properties": {"title": "Empty Schema"}},
  {"location": {"type": "RESPONSE", "method": "GET", "path": "/", "statusCode": "200"}, "properties": {"description": "200 response"}}]},
"servers": [{"url": "/"}], "components": {"schemas": {"Empty": {"type": "object", "title": "Empty Schema"}}}}`

// Documentation parts and versions.
var documentationReplays = []replay{
	{file: "api", name: "test_doc_parts_crud_no_api", run: func(c *client, match func(string, doc)) {
		match("wrong-rest-api-id-create-doc-part", c.do("CreateDocumentationPart", doc{"restApiId": "test-fake-rest-id",
			"location": doc{"type": "API"}, "properties": `{}`}))
		match("wrong-rest-api-id-get-doc-parts", c.do("GetDocumentationParts", doc{"restApiId": "test-fake-rest-id"}))
	}},
	{file: "api", name: "test_documentation_part_lifecycle", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		out := c.do("CreateDocumentationPart", doc{"restApiId": id, "location": doc{"type": "API"}, "properties": `{"description": "Sample API description"}`})
		match("create-documentation-part", out)
		part := doc{"restApiId": id, "documentationPartId": out["id"]}
		match("get-documentation-part", c.do("GetDocumentationPart", part))
		match("get-documentation-parts", c.do("GetDocumentationParts", doc{"restApiId": id}))
		match("update-documentation-part", c.do("UpdateDocumentationPart", with(part,
			"patchOperations", patch("replace", "/properties", `{"description": "Updated Sample API description"}`))))
		match("get-documentation-part-after-update", c.do("GetDocumentationPart", part))
		match("delete_documentation_part", c.do("DeleteDocumentationPart", part))
	}},
	{file: "api", name: "test_invalid_get_documentation_part", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		out := c.must("CreateDocumentationPart", doc{"restApiId": id, "location": doc{"type": "API"}, "properties": `{"description": "d"}`})
		match("get-documentation-part-invalid-api-id", c.do("GetDocumentationPart", doc{"restApiId": "api_id", "documentationPartId": out["id"]}))
		match("get-documentation-part-invalid-doc-id", c.do("GetDocumentationPart", doc{"restApiId": id, "documentationPartId": "doc_part_id"}))
	}},
	{file: "api", name: "test_invalid_get_documentation_parts", run: func(c *client, match func(string, doc)) {
		match("get-inavlid-documentation-parts", c.do("GetDocumentationParts", doc{"restApiId": "api_id"}))
	}},
	{file: "api", name: "test_invalid_update_documentation_part", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		out := c.must("CreateDocumentationPart", doc{"restApiId": id, "location": doc{"type": "API"}, "properties": `{"description": "d"}`})
		part := doc{"restApiId": id, "documentationPartId": out["id"]}
		update := func(part doc, op, path string) doc {
			return c.do("UpdateDocumentationPart", with(part, "patchOperations", patch(op, path, `{"description": "Updated"}`)))
		}
		match("update-documentation-part-invalid-api-id", update(with(part, "restApiId", "api_id"), "replace", "/properties"))
		match("update-documentation-part-invalid-add-operation", update(part, "add", "/properties"))
		match("update-documentation-part-invalid-path", update(part, "replace", "/invalidPath"))
	}},
	{file: "api", name: "test_invalid_create_documentation_part_operations", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		in := doc{"restApiId": "api_id", "location": doc{"type": "API"}, "properties": `{"description": "d"}`}
		match("create_documentation_part_invalid_api_id", c.do("CreateDocumentationPart", in))
		match("create_documentation_part_invalid_location_type", c.do("CreateDocumentationPart", with(in, "restApiId", id, "location", doc{"type": "INVALID"})))
	}},
	{file: "api", name: "test_invalid_delete_documentation_part", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		out := c.must("CreateDocumentationPart", doc{"restApiId": id, "location": doc{"type": "API"}, "properties": `{"description": "d"}`})
		part := doc{"restApiId": id, "documentationPartId": out["id"]}
		match("delete_documentation_part_wrong_api_id", c.do("DeleteDocumentationPart", with(part, "restApiId", "api_id")))
		match("delete_documentation_part", c.do("DeleteDocumentationPart", part))
		match("delete_already_deleted_documentation_part", c.do("DeleteDocumentationPart", part))
	}},
	{file: "api", name: "test_import_documentation_parts", run: func(c *client, match func(string, doc)) {
		id := c.must("ImportRestApi", doc{"body": documentedAPI})["id"]
		match("get-documentations-parts-after-api-imports", c.do("GetDocumentationParts", doc{"restApiId": id}))
		match("import-documentation-parts", c.do("ImportDocumentationParts", doc{"restApiId": id, "mode": "overwrite", "body": documentedAPI}))
		match("get-documentations-parts-after-import", c.do("GetDocumentationParts", doc{"restApiId": id}))
	}},
	{file: "api", name: "test_import_documentation_parts_bad_file", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		for key, body := range map[string]string{"yaml": "openapi: 3.0.0\ninfo: [\n  - :", "json": `{"openapi": "3.0.0", "info": {`} {
			match("import-documentation-parts-bad-"+key+"-file", c.do("ImportDocumentationParts", doc{"restApiId": id, "body": body}))
		}
	}},
	{file: "common", name: "test_documentation_parts_and_versions", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		match("create-part-response", c.do("CreateDocumentationPart", doc{"restApiId": id, "location": doc{"type": "API"}, "properties": `{"foo": "bar"}`}))
		match("get-parts-response", c.do("GetDocumentationParts", doc{"restApiId": id}))
		ver := doc{"restApiId": id, "documentationVersion": "v123"}
		match("create-version-response", c.do("CreateDocumentationVersion", ver))
		match("update-version-response", c.do("UpdateDocumentationVersion", with(ver, "patchOperations", patch("replace", "/description", "doc version new"))))
		match("get-version-response", c.do("GetDocumentationVersion", ver))
	}},
}
