package sam

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const restProperties = "AccessLogSetting AlwaysDeploy ApiKeySourceType Auth BinaryMediaTypes CacheClusterEnabled CacheClusterSize CanarySetting Cors DefinitionBody DefinitionUri " +
	"Description DisableExecuteApiEndpoint Domain EndpointAccessMode EndpointConfiguration FailOnWarnings GatewayResponses MergeDefinitions MethodSettings MinimumCompressionSize Mode Models Name " +
	"OpenApiVersion Policy PropagateTags SecurityPolicy StageName Tags TracingEnabled Variables"

// restAPI makes a REST API with its deployment and its stage.
func (t *translator) restAPI(r *resource) {
	if !t.known(r, restProperties) {
		return
	}
	if r.props["StageName"] == nil {
		t.fault(r.id, "Missing required property 'StageName'.")
		return
	}
	if r.props["DefinitionBody"] != nil && r.props["DefinitionUri"] != nil {
		t.fault(r.id, "Specify either 'DefinitionUri' or 'DefinitionBody' property and not both.")
		return
	}
	props := object{}
	copyTo(props, r.props, "Name Description MinimumCompressionSize Mode ApiKeySourceType Policy SecurityPolicy EndpointAccessMode")
	for name, to := range map[string]string{"FailOnWarnings": "FailOnWarnings", "BinaryMediaTypes": "BinaryMediaTypes"} {
		if v := t.resolve(r.props[name]); v != nil && v != false {
			props[to] = v
		}
	}
	endpoint(props, r.props["EndpointConfiguration"])
	doc := asObject(r.props["DefinitionBody"])
	if !t.restDefinition(r, doc) {
		return
	}
	if r.props["DefinitionUri"] != nil {
		at, ok := t.location(r, "DefinitionUri", "Bucket", "Key", "Version")
		if !ok {
			return
		}
		props["BodyS3Location"] = at
	} else if doc != nil {
		props["Body"] = doc
	}
	t.propagate(r, t.madeBy(func() {
		t.add(r.id, "AWS::ApiGateway::RestApi", props, r.own())
		stage := t.restStage(r, props)
		t.restPermissions(r)
		t.usagePlan(r, stage)
		t.restDomain(r)
	})...)
}

// endpoint sets the kind of endpoint, on the API and for its import.
func endpoint(props object, v any) {
	if v == nil {
		return
	}
	kind, conf := v, object{}
	if m := asObject(v); m != nil && m["Type"] != nil {
		kind = m["Type"]
		if ids := m["VPCEndpointIds"]; ids != nil {
			conf["VpcEndpointIds"] = ids
		}
		if ip := m["IpAddressType"]; ip != nil {
			conf["IpAddressType"] = ip
		}
	}
	conf["Types"] = []any{kind}
	props["EndpointConfiguration"] = conf
	props["Parameters"] = object{"endpointConfigurationTypes": kind}
}

// restDefinition writes into the definition what the properties say.
func (t *translator) restDefinition(r *resource, doc object) bool {
	for _, row := range [][2]string{{"Cors", "Cors"}, {"GatewayResponses", "GatewayResponses"}, {"Models", "Models"}} {
		if r.props[row[0]] != nil && doc == nil {
			t.fault(r.id, row[1]+" works only with inline Swagger specified in 'DefinitionBody' property.")
			return false
		}
	}
	if !t.restCORS(r, doc) || !t.restAuth(r, doc) || !t.gatewayResponses(r, doc) {
		return false
	}
	if types := t.resolve(r.props["BinaryMediaTypes"]); types != nil && doc != nil {
		list := []any{}
		for _, v := range listed(types) {
			if s, ok := v.(string); ok {
				v = strings.ReplaceAll(s, "~1", "/")
			}
			list = append(list, v)
		}
		doc["x-amazon-apigateway-binary-media-types"] = list
	}
	for name, schema := range asObject(r.props["Models"]) {
		member(doc, "definitions")[strings.ToLower(name)] = schema
	}
	if v := r.props["DisableExecuteApiEndpoint"]; v != nil {
		if doc == nil {
			t.fault(r.id, "DisableExecuteApiEndpoint works only within 'DefinitionBody' property.")
			return false
		}
		disableEndpoint(doc, v)
	}
	if t.managed[r.id] {
		t.guardPaths(r.id, doc)
	}
	asOpenAPI3(doc)
	return true
}

// disableEndpoint says that the API has no endpoint but its custom domain names.
func disableEndpoint(doc object, v any) {
	const key = "x-amazon-apigateway-endpoint-configuration"
	if !isOpenAPI3(doc) {
		member(doc, key)["disableExecuteApiEndpoint"] = v
		return
	}
	servers := listed(doc["servers"])
	if servers == nil {
		servers = []any{object{}}
	}
	for _, s := range servers {
		if m := asObject(s); m != nil {
			member(m, key)["disableExecuteApiEndpoint"] = v
		}
	}
	doc["servers"] = servers
}

// asOpenAPI3 moves what stands elsewhere in OpenAPI 3.
//
// AWS: api_generator.py, _openapi_postprocess.
func asOpenAPI3(doc object) {
	if doc["swagger"] != nil || !isOpenAPI3(doc) {
		return
	}
	for from, to := range map[string]string{"securityDefinitions": "securitySchemes", "definitions": "schemas"} {
		if m, ok := doc[from].(object); ok {
			maps.Copy(member(member(doc, "components"), to), m)
			delete(doc, from)
		}
	}
	for path := range asObject(doc["paths"]) {
		for _, def := range methodsOf(doc, path, "options") {
			delete(def, "consumes")
			delete(def, "produces")
			headers := asObject(asObject(asObject(def["responses"])["200"])["headers"])
			for name, h := range headers {
				if asObject(h)["schema"] == nil {
					headers[name] = object{"schema": h}
				}
			}
		}
	}
}

// restCORS answers OPTIONS on every path that does not itself.
func (t *translator) restCORS(r *resource, doc object) bool {
	cors := r.props["Cors"]
	if cors == nil {
		return true
	}
	settings := object{"AllowOrigin": "'*'"}
	switch m := asObject(cors); {
	case text(cors) != "" || isIntrinsic(cors):
		settings["AllowOrigin"] = cors
	case m != nil:
		for name := range m {
			if !slices.Contains(strings.Fields("AllowMethods AllowHeaders AllowOrigin MaxAge AllowCredentials"), name) {
				t.fault(r.id, "Invalid key '"+name+"' for 'Cors' property.")
				return false
			}
		}
		maps.Copy(settings, m)
	default:
		t.fault(r.id, "Type of property 'Cors' is invalid.")
		return false
	}
	if settings["AllowCredentials"] == true && settings["AllowOrigin"] == "'*'" {
		t.fault(r.id, "Unable to add Cors configuration because 'AllowCredentials' can not be true when 'AllowOrigin' is \"'*'\" or not set")
		return false
	}
	paths := asObject(doc["paths"])
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for _, item := range variants(paths[path]) {
			if item["options"] == nil {
				item["options"] = preflight(item, settings)
			}
		}
	}
	return true
}

// preflight is a method OPTIONS that tells what settings say.
//
// AWS: swagger.py, _options_method_response_for_cors.
func preflight(item, settings object) object {
	methods := settings["AllowMethods"]
	if methods == nil {
		methods = "'" + strings.Join(allowedMethods(item), ",") + "'"
	}
	values, headers := object{}, object{}
	for _, h := range []struct {
		name, kind string
		value      any
	}{
		{"Access-Control-Allow-Origin", "string", settings["AllowOrigin"]},
		{"Access-Control-Allow-Headers", "string", settings["AllowHeaders"]},
		{"Access-Control-Allow-Methods", "string", methods},
		{"Access-Control-Max-Age", "integer", settings["MaxAge"]},
		{"Access-Control-Allow-Credentials", "string", map[bool]any{true: "'true'", false: nil}[settings["AllowCredentials"] == true]},
	} {
		if h.value != nil {
			values["method.response.header."+h.name], headers[h.name] = h.value, object{"type": h.kind}
		}
	}
	return object{
		"summary": "CORS support", "consumes": []any{"application/json"}, "produces": []any{"application/json"},
		integrationKey: object{
			"type": "mock", "requestTemplates": object{"application/json": "{\n  \"statusCode\" : 200\n}\n"},
			"responses": object{"default": object{"statusCode": "200", "responseParameters": values, "responseTemplates": object{"application/json": "{}\n"}}},
		},
		"responses": object{"200": object{"description": "Default response for CORS method", "headers": headers}},
	}
}

// allowedMethods are those of a path, and OPTIONS.
func allowedMethods(item object) []string {
	if item[anyMethod] != nil {
		return strings.Fields("DELETE GET HEAD OPTIONS PATCH POST PUT")
	}
	list := []string{"OPTIONS"}
	for name := range item {
		list = append(list, strings.ToUpper(name))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// gatewayResponses writes the answers to faults into the definition.
func (t *translator) gatewayResponses(r *resource, doc object) bool {
	for kind, v := range asObject(r.props["GatewayResponses"]) {
		m, ok := v.(object)
		if !ok || isIntrinsic(v) {
			t.fault(r.id, "Invalid property type for GatewayResponses. Expected an object of type 'GatewayResponse'.")
			return false
		}
		for name := range m {
			if !slices.Contains([]string{"ResponseParameters", "ResponseTemplates", "StatusCode"}, name) {
				t.fault(r.id, "Invalid property '"+name+"' in 'GatewayResponses' property '"+kind+"'.")
				return false
			}
		}
		parameters, templates := object{}, object{}
		for group, prefix := range map[string]string{"Headers": "header", "Paths": "path", "QueryStrings": "querystring"} {
			for name, value := range asObject(asObject(m["ResponseParameters"])[group]) {
				parameters["gatewayresponse."+prefix+"."+name] = value
			}
		}
		maps.Copy(templates, asObject(m["ResponseTemplates"]))
		answer := object{"responseParameters": parameters, "responseTemplates": templates}
		if code := m["StatusCode"]; code != nil {
			answer["statusCode"] = fmt.Sprint(code)
		}
		member(doc, "x-amazon-apigateway-gateway-responses")[kind] = answer
	}
	return true
}

// restStage makes the deployment, named by what it deploys, and the stage.
func (t *translator) restStage(r *resource, made object) string {
	of := object{"body": made["Body"], "at": made["BodyS3Location"], "version": r.props["OpenApiVersion"], "domain": r.props["Domain"]}
	if r.props["Domain"] == nil {
		delete(of, "domain")
	}
	sum := hash(of)
	deployment := r.id + "Deployment"
	props := object{"RestApiId": ref(r.id)}
	if made["Body"] != nil || made["BodyS3Location"] != nil {
		deployment += sum[:10]
		props["Description"] = "RestApi deployment id: " + sum
	}
	// AWS: without OpenApiVersion there is a stage more, called Stage.
	if r.props["OpenApiVersion"] == nil {
		props["StageName"] = "Stage"
	}
	t.add(deployment, "AWS::ApiGateway::Deployment", props, r.passed())
	stage := r.id + "Stage"
	if name := text(r.props["StageName"]); alphanumeric.MatchString(name) {
		stage = r.id + name + "Stage"
	} else if name != "" {
		stage += shortHash(name)
	}
	props = object{"RestApiId": ref(r.id), "DeploymentId": ref(deployment), "StageName": r.props["StageName"]}
	copyTo(props, r.props, "CacheClusterEnabled CacheClusterSize Variables MethodSettings AccessLogSetting CanarySetting TracingEnabled")
	if r.props["Tags"] != nil {
		props["Tags"] = tagList(r.props["Tags"])
	}
	t.add(stage, "AWS::ApiGateway::Stage", props, r.passed())
	t.refs[r.id+".Stage"], t.refs[r.id+".Deployment"] = stage, deployment
	return stage
}

// restPermissions lets the API call the functions of its authorizers.
func (t *translator) restPermissions(r *resource) {
	authorizers := asObject(asObject(t.resolve(r.props["Auth"]))["Authorizers"])
	for name, v := range authorizers {
		a := asObject(v)
		if a["FunctionArn"] != nil && a["DisableFunctionDefaultPermissions"] != true {
			t.authorizerPermission(r, r.id+name+"AuthorizerPermission", t.opt.Partition, a["FunctionArn"])
		}
	}
}

// A sharedPlan is a usage plan of several APIs.
type sharedPlan struct{ depends, stages, keys []any }

// usagePlan makes a usage plan, a key, and what ties them together.
func (t *translator) usagePlan(r *resource, stage string) {
	plan := asObject(asObject(t.resolve(r.props["Auth"]))["UsagePlan"])
	if plan == nil {
		return
	}
	prefix, depends := r.id, []any{r.id}
	stages := []any{object{"ApiId": ref(r.id), "Stage": ref(stage)}}
	keys := []any{object{"RestApiId": ref(r.id), "StageName": ref(stage)}}
	attributes := r.passed()
	switch plan["CreateUsagePlan"] {
	case "PER_API":
	case "SHARED":
		t.shared.depends = append(t.shared.depends, depends...)
		t.shared.stages = append(t.shared.stages, stages...)
		t.shared.keys = append(t.shared.keys, keys...)
		prefix, depends, stages, keys = "Serverless", t.shared.depends, t.shared.stages, t.shared.keys
		if len(t.shared.keys) > 1 {
			delete(attributes, "Condition") // AWS: a plan of APIs under different conditions
		}
	case "NONE":
		return
	default:
		t.fault(r.id, "'CreateUsagePlan' accepts one of ['SHARED', 'PER_API', 'NONE'].")
		return
	}
	props := object{"ApiStages": stages}
	copyTo(props, plan, "UsagePlanName Description Quota Tags Throttle")
	with := func(depends []any) object { a := maps.Clone(attributes); a["DependsOn"] = depends; return a }
	t.add(prefix+"UsagePlan", "AWS::ApiGateway::UsagePlan", props, with(depends))
	t.add(prefix+"ApiKey", "AWS::ApiGateway::ApiKey", object{"Enabled": true, "StageKeys": keys}, with([]any{prefix + "UsagePlan"}))
	t.add(prefix+"UsagePlanKey", "AWS::ApiGateway::UsagePlanKey",
		object{"KeyId": ref(prefix + "ApiKey"), "KeyType": "API_KEY", "UsagePlanId": ref(prefix + "UsagePlan")}, with([]any{prefix + "ApiKey"}))
}
