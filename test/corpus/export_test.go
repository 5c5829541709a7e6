package corpus

import "regexp"

// date is one in a file's name.
var date = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:]+Z`)

// Exports. The order of parameters is not compared: AWS's is that of a hash.
var exportReplays = []replay{
	{file: "extended", name: "test_export_oas30_openapi[TEST_IMPORT_PETS]", run: replayExport("oas30", "pets.json")},
	{file: "extended", name: "test_export_oas30_openapi[TEST_IMPORT_PETSTORE_SWAGGER]", run: replayExport("oas30", "petstore-swagger.json")},
	{file: "extended", name: "test_export_swagger_openapi[TEST_IMPORT_PETSTORE_SWAGGER]", run: replayExport("swagger", "petstore-swagger.json")},
	{file: "extended", name: "test_export_swagger_openapi[TEST_IMPORT_PETS]", run: replayExport("swagger", "pets.json")},
}

func replayExport(kind, name string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		api := c.do("ImportRestApi", doc{"body": document(c.t, name)})
		match("import-api", api)
		c.must("CreateDeployment", doc{"restApiId": api["id"], "stageName": "local"})
		in := doc{"restApiId": api["id"], "stageName": "local", "exportType": kind}
		answer := func(in doc) doc {
			resp, body := c.send("GetExport", in, "application/json")
			return doc{"$": float64(resp.StatusCode), "contentType": resp.Header.Get("Content-Type"),
				"contentDisposition": date.ReplaceAllString(resp.Header.Get("Content-Disposition"), "date"), "body": string(body)}
		}
		match("get-export", answer(in))
		match("get-export-with-extensions", answer(with(in, "parameters", map[string]string{"extensions": "apigateway"})))
	}
}
