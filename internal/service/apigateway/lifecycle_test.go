package apigateway

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsrpc"
)

func TestCloneFrom(t *testing.T) {
	c := newClient(t)
	id, root := c.newDeployableAPI()
	v := c.must("CreateRequestValidator", doc{"restApiId": id, "name": "v", "validateRequestParameters": true})["id"]
	pets := c.must("CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": "pets"})["id"]
	m := doc{"restApiId": id, "resourceId": pets, "httpMethod": "GET"}
	c.must("PutMethod", with(m, "authorizationType", "NONE", "requestValidatorId", v))
	c.must("PutIntegration", with(m, "type", "MOCK"))

	clone := c.must("CreateRestApi", doc{"name": "clone", "cloneFrom": id})
	list := c.must("GetResources", doc{"restApiId": clone["id"], "embed": []string{"methods"}})["items"].([]any)
	if len(list) != 2 {
		t.Fatalf("clone has %d resources, want 2", len(list))
	}
	newRoot, newPets := list[0].(doc), list[1].(doc)
	if newRoot["id"] != clone["rootResourceId"] || newRoot["id"] == root {
		t.Errorf("root of the clone is %v, its rootResourceId %v, the original's %v", newRoot["id"], clone["rootResourceId"], root)
	}
	if newPets["parentId"] != newRoot["id"] || newPets["id"] == pets || newPets["path"] != "/pets" {
		t.Errorf("clone of /pets is %v below %v", newPets, newRoot["id"])
	}
	get := newPets["resourceMethods"].(doc)["GET"].(doc)
	if ns := get["methodIntegration"].(doc)["cacheNamespace"]; ns != newPets["id"] {
		t.Errorf("cacheNamespace = %v, want %v", ns, newPets["id"])
	}
	validators := c.must("GetRequestValidators", doc{"restApiId": clone["id"]})["items"].([]any)
	if len(validators) != 1 || validators[0].(doc)["id"] != get["requestValidatorId"] || get["requestValidatorId"] == v {
		t.Errorf("validator %v of the method is not the clone's %v", get["requestValidatorId"], validators)
	}
	c.must("DeleteRestApi", doc{"restApiId": id})
	c.must("CreateDeployment", doc{"restApiId": clone["id"], "stageName": "prod"})
}

// petsAPI is an OpenAPI document with a mock GET on each path.
func petsAPI(version string, paths ...string) string {
	out := `{"openapi": "3.0.1", "info": {"title": "Pets", "version": "` + version + `"}, "paths": {`
	for i, path := range paths {
		if i > 0 {
			out += ", "
		}
		out += `"` + path + `": {"get": {"responses": {"200": {"description": "ok"}}, "x-amazon-apigateway-integration":
			{"type": "mock", "requestTemplates": {"application/json": "{\"statusCode\": 200}"}, "responses": {"default": {"statusCode": "200"}}}}}`
	}
	return out + "}}"
}

// resourceIDs are the ids of an API's resources by path.
func (c *client) resourceIDs(id any) map[string]string {
	c.t.Helper()
	ids := map[string]string{}
	for _, item := range c.must("GetResources", doc{"restApiId": id, "limit": 500})["items"].([]any) {
		ids[item.(doc)["path"].(string)] = item.(doc)["id"].(string)
	}
	return ids
}

func TestPutRestApi(t *testing.T) {
	tests := []struct {
		mode  string
		paths []string
	}{
		{"merge", []string{"/", "/cats", "/dogs", "/dogs/{id}", "/mice"}},
		{"overwrite", []string{"/", "/dogs", "/mice"}},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			c := newClient(t)
			api := c.must("ImportRestApi", doc{"body": petsAPI("1", "/cats", "/dogs", "/dogs/{id}")})
			before := c.resourceIDs(api["id"])
			in := doc{"restApiId": api["id"], "resourceId": before["/dogs"], "httpMethod": "POST"}
			c.must("PutMethod", with(in, "authorizationType", "NONE"))
			out := c.must("PutRestApi", doc{"restApiId": api["id"], "mode": tt.mode, "body": petsAPI("2", "/dogs", "/mice")})
			if out["version"] != "2" || out["rootResourceId"] != api["rootResourceId"] {
				t.Errorf("after PutRestApi: version %v, root %v, want 2 and %v", out["version"], out["rootResourceId"], api["rootResourceId"])
			}
			after := c.resourceIDs(api["id"])
			if diff := cmp.Diff(tt.paths, sortedKeys(after)); diff != "" {
				t.Errorf("paths (-want +got):\n%s", diff)
			}
			for path, id := range after {
				if before[path] != "" && before[path] != id {
					t.Errorf("id of %s went from %s to %s", path, before[path], id)
				}
			}
			_, kept := c.do("GetMethod", in)["httpMethod"]
			if kept != (tt.mode == "merge") {
				t.Errorf("a method that the document lacks is kept: %v", kept)
			}
		})
	}
}

// An import that does not fit is refused whole.
func TestImportIsWhole(t *testing.T) {
	c := newClient(t)
	api := c.must("ImportRestApi", doc{"body": petsAPI("1", "/pets/{id}")})
	before := c.must("GetResources", doc{"restApiId": api["id"], "embed": []string{"methods"}})
	c.fail("PutRestApi", doc{"restApiId": api["id"], "mode": "merge", "body": petsAPI("2", "/dogs", "/pets/{name}/toys")},
		"BadRequestException: Errors found during import:\n\tUnable to create resource at path '/pets/{name}': "+
			"A sibling ({id}) of this resource already has a variable path part -- only one is allowed")
	if diff := cmp.Diff(before, c.must("GetResources", doc{"restApiId": api["id"], "embed": []string{"methods"}})); diff != "" {
		t.Errorf("after a refused import (-want +got):\n%s", diff)
	}
	c.must("PutRestApi", doc{"restApiId": api["id"], "mode": "overwrite", "body": petsAPI("2", "/dogs", "/pets/{name}/toys")})
	c.fail("PutRestApi", doc{"restApiId": "nope", "body": petsAPI("1", "/a")}, "NotFoundException: Invalid API identifier specified 111111111111:nope")
	c.fail("ImportRestApi", doc{"body": petsAPI("1", "/a"), "parameters": map[string]string{"endpointConfigurationTypes": "LOCAL"}},
		"BadRequestException: Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
	out := c.must("ImportRestApi", doc{"body": petsAPI("1", "/a"), "parameters": map[string]string{"endpointConfigurationTypes": "REGIONAL"}})
	if types := out["endpointConfiguration"].(doc)["types"].([]any); types[0] != "REGIONAL" {
		t.Errorf("types = %v, want REGIONAL", types)
	}
}

func TestTags(t *testing.T) {
	c := newClient(t)
	id, _ := c.newDeployableAPI()
	c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod"})
	key := c.must("CreateApiKey", nil)["id"].(string)
	plan := c.must("CreateUsagePlan", doc{"name": "p"})["id"].(string)
	c.must("CreateDomainName", doc{"domainName": "d.example.com"})
	for _, path := range []string{"/restapis/" + id, "/restapis/" + id + "/stages/prod", "/apikeys/" + key, "/usageplans/" + plan, "/domainnames/d.example.com"} {
		in := doc{"resourceArn": "arn:aws:apigateway:" + testRegion + "::" + path}
		c.must("TagResource", with(in, "tags", doc{"a": "1", "b": "2"}))
		c.must("TagResource", with(in, "tags", doc{"b": "3"}))
		if diff := cmp.Diff(doc{"a": "1", "b": "3"}, c.must("GetTags", in)["tags"]); diff != "" {
			t.Errorf("tags of %s (-want +got):\n%s", path, diff)
		}
		c.must("UntagResource", with(in, "tagKeys", []string{"a", "b"}))
		if diff := cmp.Diff(doc{}, c.must("GetTags", in)["tags"]); diff != "" {
			t.Errorf("tags of %s after removal (-want +got):\n%s", path, diff)
		}
	}
	c.fail("GetTags", doc{"resourceArn": "arn:aws:apigateway:" + testRegion + "::/restapis/nope"}, "NotFoundException: Invalid Resource identifier specified")
	c.fail("GetTags", doc{"resourceArn": "nope"}, "BadRequestException: Invalid ARN. ARN is not well formed nope")
	c.fail("TagResource", doc{"resourceArn": "arn:aws:apigateway:" + testRegion + "::/restapis/" + id, "tags": doc{"aws:x": "1"}},
		"BadRequestException: aws: prefixed tag key names are not allowed for external use.")
}

func TestAccount(t *testing.T) {
	c := newClient(t)
	// No throttle is shown, for none is in force.
	want := doc{"$": 200.0, "apiKeyVersion": "4", "features": []any{"UsagePlans"}}
	if diff := cmp.Diff(want, c.must("GetAccount", nil)); diff != "" {
		t.Errorf("fresh account (-want +got):\n%s", diff)
	}
	role := "arn:aws:iam::111111111111:role/r"
	c.must("UpdateAccount", doc{"patchOperations": patch("replace", "/cloudwatchRoleArn", role)})
	want["cloudwatchRoleArn"] = role
	if diff := cmp.Diff(want, c.must("GetAccount", nil)); diff != "" {
		t.Errorf("with a role (-want +got):\n%s", diff)
	}
	c.must("UpdateAccount", doc{"patchOperations": patch("replace", "/cloudwatchRoleArn", "")})
	delete(want, "cloudwatchRoleArn")
	if diff := cmp.Diff(want, c.must("GetAccount", nil)); diff != "" {
		t.Errorf("without the role again (-want +got):\n%s", diff)
	}
	c.fail("UpdateAccount", doc{"patchOperations": patch("remove", "/features", "UsagePlans")}, "BadRequestException: Usage Plans cannot be disabled once enabled")
	c.svc.opt.AccountRate, c.svc.opt.AccountBurst = 7, 3
	want["throttleSettings"] = doc{"burstLimit": 3.0, "rateLimit": 7.0}
	if diff := cmp.Diff(want, c.must("GetAccount", nil)); diff != "" {
		t.Errorf("with a throttle (-want +got):\n%s", diff)
	}
}

func TestUsagePlanThrottle(t *testing.T) {
	c := newClient(t)
	id, _ := c.newDeployableAPI()
	c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod"})
	plan := c.must("CreateUsagePlan", doc{"name": "p", "apiStages": []doc{{"apiId": id, "stage": "prod"}}})["id"]
	update := func(ops ...any) doc {
		t.Helper()
		return c.must("UpdateUsagePlan", doc{"usagePlanId": plan, "patchOperations": patch(ops...)})
	}
	at := "/apiStages/" + id + ":prod/throttle"
	out := update("replace", "/throttle/rateLimit", "100", "replace", "/throttle/burstLimit", "200",
		"add", at+"/~1pets/GET/rateLimit", "5", "add", at+"/~1pets/GET/burstLimit", "6", "add", at+"//dogs/{id}/PUT/rateLimit", "1.5")
	if diff := cmp.Diff(doc{"rateLimit": 100.0, "burstLimit": 200.0}, out["throttle"]); diff != "" {
		t.Errorf("throttle (-want +got):\n%s", diff)
	}
	want := doc{"/pets/GET": doc{"rateLimit": 5.0, "burstLimit": 6.0}, "/dogs/{id}/PUT": doc{"rateLimit": 1.5}}
	if diff := cmp.Diff(want, out["apiStages"].([]any)[0].(doc)["throttle"]); diff != "" {
		t.Errorf("throttle of methods (-want +got):\n%s", diff)
	}
	out = update("remove", at+"/~1pets/GET", nil)
	if diff := cmp.Diff(doc{"/dogs/{id}/PUT": doc{"rateLimit": 1.5}}, out["apiStages"].([]any)[0].(doc)["throttle"]); diff != "" {
		t.Errorf("throttle of methods after removal of one (-want +got):\n%s", diff)
	}
	c.fail("UpdateUsagePlan", doc{"usagePlanId": plan, "patchOperations": patch("remove", "/throttle", nil)},
		"BadRequestException: Can not define fine grain throttling if usage plan throttle is not defined.")
	out = update("remove", at, nil, "remove", "/throttle", nil)
	if _, ok := out["throttle"]; ok {
		t.Errorf("throttle = %v after its removal", out["throttle"])
	}
	if diff := cmp.Diff(doc{"apiId": id, "stage": "prod"}, out["apiStages"].([]any)[0]); diff != "" {
		t.Errorf("stage after removal of all (-want +got):\n%s", diff)
	}
	c.fail("UpdateUsagePlan", doc{"usagePlanId": plan, "patchOperations": patch("replace", "/throttle/rateLimit", "-1")},
		"BadRequestException: Invalid throttle settings specified. Limits must not be negative")
	for _, key := range []string{"*/*", "/pets/*", "/pets", "GET", "/pets/get"} {
		stage := doc{"apiId": id, "stage": "prod", "throttle": doc{key: doc{"rateLimit": 1.0, "burstLimit": 1.0}}}
		c.fail("CreateUsagePlan", doc{"name": "q", "throttle": doc{"rateLimit": 1.0, "burstLimit": 1.0}, "apiStages": []doc{stage}},
			"BadRequestException: Invalid method throttle specified: "+key+". Must be {resourcePath}/{httpMethod}")
	}
}

// A key is in one plan only for each stage.
func TestOnePlanPerStage(t *testing.T) {
	c := newClient(t)
	id, _ := c.newDeployableAPI()
	c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod"})
	stages := []doc{{"apiId": id, "stage": "prod"}}
	one := c.must("CreateUsagePlan", doc{"name": "one", "apiStages": stages})["id"].(string)
	two := c.must("CreateUsagePlan", doc{"name": "two"})["id"].(string)
	key := c.must("CreateApiKey", doc{"value": "12345678901234567890"})["id"].(string)
	c.must("CreateUsagePlanKey", doc{"usagePlanId": one, "keyId": key, "keyType": "API_KEY"})
	c.must("CreateUsagePlanKey", doc{"usagePlanId": two, "keyId": key, "keyType": "API_KEY"})
	want := "ConflictException: API Key " + key + " is already associated with API stage " + id + ":prod by usage plan " + one
	c.fail("UpdateUsagePlan", doc{"usagePlanId": two, "patchOperations": patch("add", "/apiStages", id+":prod")}, want)
	c.must("DeleteUsagePlanKey", doc{"usagePlanId": two, "keyId": key})
	c.must("UpdateUsagePlan", doc{"usagePlanId": two, "patchOperations": patch("add", "/apiStages", id+":prod")})
	c.fail("CreateUsagePlanKey", doc{"usagePlanId": two, "keyId": key, "keyType": "API_KEY"}, want)
	c.fail("CreateApiKey", doc{"value": "12345678901234567890"}, "ConflictException: API Key already exists")
	c.must("DeleteApiKey", doc{"apiKey": key})
	c.must("CreateApiKey", doc{"value": "12345678901234567890"})
	c.fail("DeleteUsagePlan", doc{"usagePlanId": one}, "BadRequestException: Cannot delete Usage Plan "+one+" because there are API Stages associated with it, including "+id+":prod")
	c.fail("UpdateUsagePlan", doc{"usagePlanId": one, "patchOperations": patch("remove", "/apiStages/"+id+":prod", nil)},
		"BadRequestException: Invalid patch path  '/apiStages/"+id+":prod' specified for op 'remove'. Must be one of: [/apiStages, /quota, /throttle, /productCode, "+
			"/apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>, /apiStages/<apidId:stageName>/throttle]")
	c.fail("CreateUsagePlan", doc{"name": "x", "apiStages": []doc{{"apiId": id}}}, "BadRequestException: Invalid API Stage {api: %s, stage: %s} specified for usageplan %s")
	c.must("UpdateUsagePlan", doc{"usagePlanId": one, "patchOperations": patch("remove", "/apiStages", id+":prod")})
	c.must("DeleteUsagePlan", doc{"usagePlanId": one})
}

// A key's value leaves only through calls that ask for it.
func TestAPIKeyValue(t *testing.T) {
	c := newClient(t)
	key := c.must("CreateApiKey", doc{"name": "k", "enabled": true})
	value := key["value"]
	if s, _ := value.(string); len(s) != 40 {
		t.Errorf("generated value %q, want 40 characters", value)
	}
	tests := []struct {
		name string
		out  doc
		want any
	}{
		{"GetApiKey", c.must("GetApiKey", doc{"apiKey": key["id"]}), nil},
		{"GetApiKey includeValue", c.must("GetApiKey", doc{"apiKey": key["id"], "includeValue": true}), value},
		{"GetApiKeys", c.must("GetApiKeys", nil)["items"].([]any)[0].(doc), nil},
		{"GetApiKeys includeValues", c.must("GetApiKeys", doc{"includeValues": true})["items"].([]any)[0].(doc), value},
		{"UpdateApiKey", c.must("UpdateApiKey", doc{"apiKey": key["id"], "patchOperations": patch("replace", "/enabled", "false")}), nil},
	}
	for _, tt := range tests {
		if tt.out["value"] != tt.want {
			t.Errorf("%s: value = %v, want %v", tt.name, tt.out["value"], tt.want)
		}
	}
}

func TestDomainNames(t *testing.T) {
	c := newClient(t)
	id, _ := c.newDeployableAPI()
	c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod"})
	out := c.must("CreateDomainName", doc{"domainName": "API.example.com", "endpointConfiguration": doc{"types": []string{"REGIONAL"}}})
	if out["domainName"] != "api.example.com" || out["domainNameStatus"] != "AVAILABLE" || out["regionalDomainName"] == nil || out["distributionDomainName"] != nil {
		t.Errorf("CreateDomainName = %v", out)
	}
	c.fail("CreateDomainName", doc{"domainName": "api.example.com"}, "ConflictException: The domain name you provided already exists.")
	elsewhere := awsrpc.WithCaller(t.Context(), awsrpc.Caller{Account: "222222222222", Region: "eu-central-1"})
	_, err := c.svc.CreateDomainName(elsewhere, &api.CreateDomainNameInput{DomainName: new("api.example.com")})
	if err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("the same name in another account: %v, want a conflict", err)
	}
	for _, name := range []string{"a..b", "127.0.0.1", id + ".execute-api.example.com", "*.execute-api.example.com"} {
		c.fail("CreateDomainName", doc{"domainName": name}, "BadRequestException: Invalid domain name specified: "+name)
	}
	m := doc{"domainName": "api.example.com"}
	create := with(m, "restApiId", id, "stage", "prod")
	if got := c.must("CreateBasePathMapping", create)["basePath"]; got != "(none)" {
		t.Errorf("basePath = %v, want (none)", got)
	}
	c.must("CreateBasePathMapping", with(create, "basePath", "v1"))
	c.fail("CreateBasePathMapping", with(create, "basePath", "v1"), "ConflictException: Base path already exists for this domain name")
	c.fail("CreateBasePathMapping", with(create, "restApiId", "nope", "basePath", "v2"), "BadRequestException: Invalid REST API identifier specified")
	c.fail("CreateBasePathMapping", with(create, "stage", "nope", "basePath", "v2"), "BadRequestException: Invalid stage identifier specified")
	c.fail("CreateBasePathMapping", with(create, "basePath", "a/b"), "BadRequestException: API Gateway V1 doesn't support the slash character (/) in base path mappings. "+
		"To create a multi-level base path mapping, use API Gateway V2.")
	c.must("UpdateBasePathMapping", with(m, "basePath", "v1", "patchOperations", patch("replace", "/basePath", "v2", "replace", "/stage", "")))
	want := doc{"$": 200.0, "basePath": "v2", "restApiId": id}
	if diff := cmp.Diff(want, c.must("GetBasePathMapping", with(m, "basePath", "v2"))); diff != "" {
		t.Errorf("mapping after UpdateBasePathMapping (-want +got):\n%s", diff)
	}
	c.fail("GetBasePathMapping", with(m, "basePath", "v1"), "NotFoundException: Invalid base path mapping identifier specified")
	if got := len(c.must("GetBasePathMappings", m)["items"].([]any)); got != 2 {
		t.Errorf("%d mappings, want 2", got)
	}
	out = c.must("UpdateDomainName", with(m, "patchOperations", patch("replace", "/endpointConfiguration/types/REGIONAL", "EDGE")))
	if out["distributionDomainName"] == nil || out["regionalDomainName"] != nil {
		t.Errorf("moved to EDGE: %v", out)
	}
	c.must("DeleteDomainName", m)
	c.fail("GetBasePathMappings", m, "NotFoundException: Invalid domain name identifier specified")
	c.must("CreateDomainName", doc{"domainName": "api.example.com"})
	if got := len(c.must("GetBasePathMappings", m)["items"].([]any)); got != 0 {
		t.Errorf("%d mappings of a new domain name, want 0", got)
	}
}

// The stages that a key names are kept with it, as long as they are there when
// they are named.
func TestStageKeys(t *testing.T) {
	c := newClient(t)
	id, _ := c.newDeployableAPI()
	c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod"})
	prod := id + "/prod"
	key := c.must("CreateApiKey", doc{"stageKeys": []doc{{"restApiId": id, "stageName": "prod"}}})
	if diff := cmp.Diff([]any{prod}, key["stageKeys"]); diff != "" {
		t.Errorf("stageKeys (-want +got):\n%s", diff)
	}
	m := doc{"apiKey": key["id"]}
	out := c.must("UpdateApiKey", with(m, "patchOperations", patch("remove", "/stages", prod)))
	if diff := cmp.Diff([]any{}, out["stageKeys"]); diff != "" {
		t.Errorf("stageKeys after removal (-want +got):\n%s", diff)
	}
	c.must("UpdateApiKey", with(m, "patchOperations", patch("add", "/stages", prod)))
	c.fail("UpdateApiKey", with(m, "patchOperations", patch("add", "/stages", id+"/nope")), "NotFoundException: Invalid stage identifier specified")
	c.fail("CreateApiKey", doc{"stageKeys": []doc{{"restApiId": "nope", "stageName": "prod"}}}, "NotFoundException: Invalid stage identifier specified")
	if got := c.must("GetApiKey", m)["stageKeys"]; !cmp.Equal([]any{prod}, got) {
		t.Errorf("stageKeys = %v, want %s", got, prod)
	}
}
