package corpus

import (
	"slices"
	"strings"
)

// REST APIs.
var restAPIReplays = []replay{
	{file: "api", name: "test_list_and_delete_apis", run: func(c *client, match func(string, doc)) {
		one := c.do("CreateRestApi", doc{"name": "list-1", "description": "this is my api"})
		match("create-rest-api-1", one)
		match("create-rest-api-2", c.do("CreateRestApi", doc{"name": "list-2", "description": "this is my api2"}))
		list := c.do("GetRestApis", nil)
		// By creation; within one second that is the order of the calls.
		slices.SortFunc(list["items"].([]any), func(a, b any) int {
			return strings.Compare(a.(doc)["name"].(string), b.(doc)["name"].(string))
		})
		match("get-rest-api-before-delete", list)
		match("delete-rest-api", c.do("DeleteRestApi", doc{"restApiId": one["id"]}))
		match("get-rest-api-after-delete", c.do("GetRestApis", nil))
	}},
	{file: "api", name: "test_get_api_case_insensitive", run: func(c *client, match func(string, doc)) {
		out := c.do("CreateRestApi", doc{"name": "case", "description": "lower case api"})
		match("create-rest-api", out)
		match("get-api-upper-case", c.do("GetRestApi", doc{"restApiId": strings.ToUpper(out["id"].(string))}))
	}},
	{file: "api", name: "test_create_rest_api_with_optional_params", run: func(c *client, match func(string, doc)) {
		match("create-only-name", c.do("CreateRestApi", doc{"name": "a"}))
		match("create-empty-desc", c.do("CreateRestApi", doc{"name": "b", "description": ""}))
		match("create-with-version", c.do("CreateRestApi", doc{"name": "c", "version": "v1"}))
		match("create-with-empty-binary-media", c.do("CreateRestApi", doc{"name": "d", "binaryMediaTypes": []string{}}))
		match("string-compression-size", c.do("CreateRestApi", doc{"name": "e", "minimumCompressionSize": -1}))
	}},
	{file: "api", name: "test_create_rest_api_with_binary_media_types", run: func(c *client, match func(string, doc)) {
		match("create-with-binary-media", c.do("CreateRestApi", doc{"name": "a", "binaryMediaTypes": []string{"image/png"}}))
	}},
	{file: "api", name: "test_create_rest_api_with_tags", run: func(c *client, match func(string, doc)) {
		out := c.do("CreateRestApi", doc{"name": "a", "description": "this is my api", "tags": doc{"MY_TAG1": "MY_VALUE1"}})
		match("create-rest-api-w-tags", out)
		match("get-rest-api-w-tags", c.do("GetRestApi", doc{"restApiId": out["id"]}))
		match("get-rest-apis-w-tags", c.do("GetRestApis", nil))
	}},
	{file: "api", name: "test_create_rest_api_with_endpoint_configuration", run: func(c *client, match func(string, doc)) {
		create := func(key string, e doc, more ...any) {
			in := doc{"name": "e", "endpointConfiguration": e}
			for i := 0; i < len(more); i += 2 {
				in[more[i].(string)] = more[i+1]
			}
			match(key, c.do("CreateRestApi", in))
		}
		create("create-with-empty-types", doc{"types": []string{}})
		create("create-with-invalid-ip-address-type", doc{"ipAddressType": "wrong"})
		create("create-with-invalid-types", doc{"types": []string{"wrong"}})
		create("create-with-invalid-ip-address-type-and-types", doc{"ipAddressType": "wrong", "types": []string{"wrong"}})
		create("create-with-invalid-types-and-ip-address-type", doc{"types": []string{"wrong"}, "ipAddressType": "wrong"})
		create("create-with-multiple-errors-1", doc{"types": []string{"wrong"}, "ipAddressType": "wrong"}, "description", "")
		create("create-with-multiple-errors-2", doc{"types": []string{}}, "description", "")
		create("create-with-two-types", doc{"types": []string{"EDGE", "REGIONAL"}})
		create("create-with-endpoint-config-dualstack", doc{"types": []string{"EDGE"}, "ipAddressType": "dualstack"})
		create("create-with-endpoint-config-regional", doc{"types": []string{"REGIONAL"}})
	}},
	{file: "api", name: "test_create_rest_api_private_type", run: func(c *client, match func(string, doc)) {
		create := func(key, ip string, more doc) {
			in := doc{"name": "p", "endpointConfiguration": doc{"types": []string{"PRIVATE"}, "ipAddressType": ip}}
			if more != nil {
				in["description"] = ""
			}
			match(key, c.do("CreateRestApi", in))
		}
		create("create-with-private-type-and-ipv4-ip-address-type", "ipv4", nil)
		create("create-with-private-type-and-wrong-ip-address-type", "wrong", nil)
		create("create-with-private-type-and-ipv4-ip-address-type-and-empty-description", "ipv4", doc{})
	}},
	{file: "api", name: "test_create_rest_api_verify_defaults", run: func(c *client, match func(string, doc)) {
		for _, kind := range []string{"EDGE", "REGIONAL", "PRIVATE"} {
			match("create-with-"+strings.ToLower(kind)+"-default", c.do("CreateRestApi",
				doc{"name": kind, "endpointConfiguration": doc{"types": []string{kind}}}))
		}
		match("create-with-empty-default", c.do("CreateRestApi", doc{"name": "x"}))
		match("create-with-empty-ip-address-type-and-wrong-type", c.do("CreateRestApi",
			doc{"name": "x", "endpointConfiguration": doc{"types": []string{"wrong"}}}))
	}},
	{file: "api", name: "test_update_rest_api_operation_add_remove", run: func(c *client, match func(string, doc)) {
		id := c.must("CreateRestApi", doc{"name": "a", "description": "this is my api"})["id"]
		update := func(ops ...any) doc {
			return c.do("UpdateRestApi", doc{"restApiId": id, "patchOperations": patch(ops...)})
		}
		match("update-rest-api-add", update("add", "/binaryMediaTypes/image~1png", nil, "add", "/binaryMediaTypes/image~1jpeg", nil))
		match("update-rest-api-replace", update("replace", "/binaryMediaTypes/image~1png", "image/gif"))
		match("update-rest-api-remove", update("remove", "/binaryMediaTypes/image~1gif", nil, "remove", "/description", nil))
	}},
	{file: "api", name: "test_update_rest_api_compression", run: func(c *client, match func(string, doc)) {
		id := c.must("CreateRestApi", doc{"name": "a", "description": "this is my api"})["id"]
		update := func(op string, value any) doc {
			return c.do("UpdateRestApi", doc{"restApiId": id, "patchOperations": patch(op, "/minimumCompressionSize", value)})
		}
		match("enable-compression", update("replace", "10"))
		match("disable-compression", update("replace", ""))
		match("set-compression-zero", update("replace", "0"))
		match("set-negative-compression", update("replace", "-1"))
		match("set-string-compression", update("replace", "test"))
		match("unsupported-operation", update("add", "10"))
	}},
	{file: "api", name: "test_update_rest_api_behaviour", run: func(c *client, match func(string, doc)) {
		id := c.must("CreateRestApi", doc{"name": "a", "description": "this is my api"})["id"]
		update := func(ops ...any) doc {
			return c.do("UpdateRestApi", doc{"restApiId": id, "patchOperations": patch(ops...)})
		}
		match("update-rest-api-array", update("add", "/binaryMediaTypes/-", "image/png"))
		match("update-rest-api-add-base-path", update("add", "/binaryMediaTypes", "image/gif"))
		match("update-rest-api-replace-base-path", update("replace", "/binaryMediaTypes", "image/gif"))
		match("update-rest-api-remove-base-path", update("remove", "/binaryMediaTypes", nil))
	}},
	{file: "api", name: "test_update_rest_api_invalid_api_id", run: func(c *client, match func(string, doc)) {
		match("not-found-update-rest-api", c.do("UpdateRestApi",
			doc{"restApiId": "api_id", "patchOperations": patch("replace", "/apiKeySource", "AUTHORIZER")}))
	}},
	{file: "api", name: "test_update_rest_api_ip_address_type", run: func(c *client, match func(string, doc)) {
		id := c.must("CreateRestApi", doc{"name": "a"})["id"]
		update := func(ops ...any) doc {
			return c.do("UpdateRestApi", doc{"restApiId": id, "patchOperations": patch(ops...)})
		}
		const ip, types = "/endpointConfiguration/ipAddressType", "/endpointConfiguration/types/EDGE"
		match("update-rest-api-replace-type", update("replace", types, "PRIVATE"))
		match("update-rest-api-replace-to-ipv4-within-private-type", update("replace", types, "PRIVATE", "replace", ip, "ipv4"))
		match("update-rest-api-wrong-ipAddressType", update("replace", ip, "wrong"))
		match("update-rest-api-wrong-type", update("replace", types, "wrong"))
		match("update-rest-api-invalid-operation-on-ipAddressType", update("copy", ip, nil))
		match("update-rest-api-invalid-operation-on-type", update("copy", types, nil))
		match("update-rest-api-replace-ip-address-type", update("replace", ip, "dualstack"))
	}},
	{file: "api", name: "test_update_rest_api_concatenation_of_errors", run: func(c *client, match func(string, doc)) {
		id := c.must("CreateRestApi", doc{"name": "a"})["id"]
		const ip, types = "/endpointConfiguration/ipAddressType", "/endpointConfiguration/types/EDGE"
		update := func(key string, paths ...string) {
			var ops []any
			for _, path := range paths {
				ops = append(ops, "wrong", path, "x")
			}
			match(key, c.do("UpdateRestApi", doc{"restApiId": id, "patchOperations": patch(ops...)}))
		}
		update("update-rest-api-wrong-operations-on-ipAddressType", ip, ip)
		update("update-rest-api-wrong-operations-on-type", types, types)
		update("update-rest-api-wrong-operations-on-type-and-on-ip-address-type", types, ip, ip)
	}},
}

// Resources.
var resourceReplays = []replay{
	{file: "api", name: "test_resource_lifecycle", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		list := func(key string) { match(key, c.do("GetResources", doc{"restApiId": id})) }
		list("rest-api-root-resource")
		pets := c.do("CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": "pets"})
		match("create-resource", pets)
		list("rest-api-resources-after-create")
		match("create-subresource", c.do("CreateResource", doc{"restApiId": id, "parentId": pets["id"], "pathPart": "subpets"}))
		list("rest-api-resources-after-create-sub")
		match("update-path-part", c.do("UpdateResource", doc{"restApiId": id, "resourceId": pets["id"], "patchOperations": patch("replace", "/pathPart", "dogs")}))
		match("get-resp-after-update-path-part", c.do("GetResource", doc{"restApiId": id, "resourceId": pets["id"]}))
		match("del-resource", c.do("DeleteResource", doc{"restApiId": id, "resourceId": pets["id"]}))
		list("rest-api-resources-after-delete")
	}},
	{file: "api", name: "test_update_resource_behaviour", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		create := func(parent any, part string) doc {
			return c.do("CreateResource", doc{"restApiId": id, "parentId": parent, "pathPart": part})
		}
		update := func(key string, resource any, op, path string, value any) {
			match(key, c.do("UpdateResource", doc{"restApiId": id, "resourceId": resource, "patchOperations": patch(op, path, value)}))
		}
		pets := create(root, "pets")["id"]
		update("nonexistent-resource", "fake-resource", "replace", "/pathPart", "dogs")
		update("invalid-path-part", pets, "replace", "/invalid", "dogs")
		update("invalid-parent-id", pets, "replace", "/parentId", "fake-parent-id")
		sub := create(pets, "subpets")
		match("create-subresource", sub)
		child := create(sub["id"], "pets")
		match("create-subresource-child", child)
		update("existing-future-sibling-path", child["id"], "replace", "/parentId", root)
		c.must("DeleteResource", doc{"restApiId": id, "resourceId": child["id"]})
		update("update-parent-id-to-subresource-id", pets, "replace", "/parentId", sub["id"])
		update("update-parent-id-to-root-id", sub["id"], "replace", "/parentId", root)
		update("update-path-already-exists", sub["id"], "replace", "/pathPart", "pets")
		c.must("DeleteResource", doc{"restApiId": id, "resourceId": pets})
		match("resources-after-deletion", c.do("GetResources", doc{"restApiId": id}))
		update("remove-unsupported", sub["id"], "remove", "/pathPart", nil)
		update("add-unsupported", sub["id"], "add", "/pathPart", "added-pets")
	}},
	{file: "api", name: "test_delete_resource", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		pets := c.must("CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": "pets"})["id"]
		sub := c.must("CreateResource", doc{"restApiId": id, "parentId": pets, "pathPart": "subpets"})["id"]
		match("delete-resource", c.do("DeleteResource", doc{"restApiId": id, "resourceId": pets}))
		match("get-resources", c.do("GetResources", doc{"restApiId": id}))
		match("delete-subresource", c.do("DeleteResource", doc{"restApiId": id, "resourceId": sub}))
	}},
	{file: "api", name: "test_create_resource_parent_invalid", run: func(c *client, match func(string, doc)) {
		id, _ := c.newAPI()
		match("wrong-resource-parent-id", c.do("CreateResource", doc{"restApiId": id, "parentId": "fake-resource-id", "pathPart": "subpets"}))
	}},
	{file: "api", name: "test_create_proxy_resource", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		create := func(parent any, part string) doc {
			return c.do("CreateResource", doc{"restApiId": id, "parentId": parent, "pathPart": part})
		}
		match("create-base-proxy-resource", create(root, "{proxy+}"))
		parent := create(root, "parent")["id"]
		c.matchText(match, "create-proxy-sibling-resource", parent.(string))
		proxy := create(parent, "{proxy+}")
		match("create-proxy-sibling-proxy-child-resource", proxy)
		child := create(parent, "child")
		match("create-proxy-sibling-static-child-resource", child)
		match("create-static-child-proxy-resource", create(child["id"], "{proxy+}"))
		match("all-resources", c.do("GetResources", doc{"restApiId": id}))
		c.must("DeleteResource", doc{"restApiId": id, "resourceId": proxy["id"]})
		dynamic := create(parent, "{child}")
		match("create-proxy-sibling-dynamic-child-resource", dynamic)
		match("create-dynamic-child-proxy-resource", create(dynamic["id"], "{proxy+}"))
		match("all-resources-2", c.do("GetResources", doc{"restApiId": id}))
	}},
	{file: "api", name: "test_create_proxy_resource_validation", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		create := func(parent any, part string) doc {
			return c.do("CreateResource", doc{"restApiId": id, "parentId": parent, "pathPart": part})
		}
		proxy := create(root, "{proxy+}")
		match("create-base-proxy-resource", proxy)
		match("create-proxy-dynamic-sibling-resource", create(root, "{dynamic}"))
		match("create-proxy-static-child-resource", create(proxy["id"], "child"))
		match("create-proxy-dynamic-child-resource", create(proxy["id"], "{child}"))
		match("create-greedy-child-resource", create(create(root, "parent")["id"], "{child+}"))
	}},
	{file: "api", name: "test_update_resource_on_root", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		update := func(key, path string, value any) {
			match(key, c.do("UpdateResource", doc{"restApiId": id, "resourceId": root, "patchOperations": patch("replace", path, value)}))
		}
		update("update-root-path-part", "/pathPart", "test")
		update("update-root-parent", "/parentId", root)
	}},
}
