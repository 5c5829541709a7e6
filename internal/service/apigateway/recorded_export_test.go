package apigateway

// Exports. Those of the larger document, whose templates are refused by name,
// are replayed by the package openapi.
var exportReplays = []replay{
	{file: "extended", name: "test_export_oas30_openapi[TEST_IMPORT_PETS]", run: replayExport("oas30")},
	{file: "extended", name: "test_export_swagger_openapi[TEST_IMPORT_PETS]", run: replayExport("swagger")},
}

func replayExport(kind string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		c.t.Helper()
		api := c.do("ImportRestApi", doc{"body": document(c.t, "pets.json")})
		match("import-api", api)
		c.must("CreateDeployment", doc{"restApiId": api["id"], "stageName": "local"})
		in := doc{"restApiId": api["id"], "stageName": "local", "exportType": kind}
		answer := func(in doc) doc {
			out := export(c, in, "application/json")
			return doc{"$": float64(out.status), "contentType": out.kind, "contentDisposition": out.disposition, "body": out.body}
		}
		match("get-export", answer(in))
		match("get-export-with-extensions", answer(with(in, "parameters", map[string]string{"extensions": "apigateway"})))
	}
}
