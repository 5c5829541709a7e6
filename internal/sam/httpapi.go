package sam

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

const (
	ownPartition   = "${AWS::Partition}"
	httpProperties = "AccessLogSettings Auth CorsConfiguration DefaultRouteSettings DefinitionBody DefinitionUri Description DisableExecuteApiEndpoint Domain FailOnWarnings Name " +
		"PropagateTags RouteSettings StageName StageVariables Tags"
)

// httpAPI makes an HTTP API and its stage.
func (t *translator) httpAPI(r *resource) {
	if !t.known(r, httpProperties) {
		return
	}
	doc := asObject(r.props["DefinitionBody"])
	switch {
	case doc != nil && r.props["DefinitionUri"] != nil:
		t.fault(r.id, "Specify either 'DefinitionUri' or 'DefinitionBody' property and not both.")
		return
	case doc == nil:
		for _, name := range []string{"CorsConfiguration", "Auth", "Tags", "DisableExecuteApiEndpoint", "Name", "Description"} {
			if r.props[name] != nil {
				t.fault(r.id, name+" works only with inline OpenApi specified in the 'DefinitionBody' property.")
				return
			}
		}
	case !isOpenAPI3(doc) && (r.props["Auth"] != nil || r.props["CorsConfiguration"] != nil || r.props["Tags"] != nil || t.managed[r.id]):
		t.fault(r.id, "'DefinitionBody' does not contain a valid OpenApi definition.")
		return
	}
	props := object{}
	tags := object{}
	maps.Copy(tags, asObject(r.props["Tags"]))
	switch {
	case doc != nil && !isOpenAPI3(doc):
		props["Body"] = doc // AWS: the import refuses it
	case doc != nil:
		tags["httpapi:createdBy"] = "SAM"
		if !t.httpDefinition(r, doc, tags) {
			return
		}
		props["Body"] = doc
	default:
		at, ok := t.location(r, "DefinitionUri", "Bucket", "Key", "Version")
		if !ok {
			return
		}
		props["BodyS3Location"] = at
	}
	if v := r.props["FailOnWarnings"]; v != nil && v != false {
		props["FailOnWarnings"] = v
	}
	t.add(r.id, "AWS::ApiGatewayV2::Api", props, r.own())
	t.httpStage(r, tags)
	for name, v := range asObject(asObject(t.resolve(r.props["Auth"]))["Authorizers"]) {
		if a := asObject(v); a["FunctionArn"] != nil && a["EnableFunctionDefaultPermissions"] == true {
			t.authorizerPermission(r, r.id+name+"AuthorizerPermission", ownPartition, a["FunctionArn"])
		}
	}
	t.httpDomain(r, tags)
}

func (t *translator) httpStage(r *resource, tags object) {
	name := r.props["StageName"]
	if name == nil {
		name = "$default"
	}
	id := r.id + "Stage"
	switch s := text(name); {
	case s == "$default":
		id = r.id + "ApiGatewayDefaultStage"
	case alphanumeric.MatchString(s):
		id = r.id + s + "Stage"
	case s != "":
		id += shortHash(s)
	}
	props := object{"ApiId": ref(r.id), "StageName": name, "AutoDeploy": true}
	if len(tags) > 0 {
		props["Tags"] = tags
	}
	copyTo(props, r.props, "StageVariables AccessLogSettings DefaultRouteSettings RouteSettings")
	t.add(id, "AWS::ApiGatewayV2::Stage", props, r.passed())
	t.refs[r.id+".Stage"] = id
}

// httpDefinition writes into the definition what the properties say.
func (t *translator) httpDefinition(r *resource, doc, tags object) bool {
	if !t.httpCORS(r, doc) || !t.httpAuth(r, doc) {
		return false
	}
	list := listed(doc["tags"])
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		list = slices.DeleteFunc(slices.Clone(list), func(v any) bool { return asObject(v)["name"] == name })
		list = append(list, object{"name": name, "x-amazon-apigateway-tag-value": tags[name]})
	}
	doc["tags"] = list
	if v := r.props["DisableExecuteApiEndpoint"]; v != nil {
		disableEndpoint(doc, v)
	}
	info := member(doc, "info")
	if v := r.props["Name"]; v != nil {
		if !isStackName(info["title"]) {
			t.fault(r.id, "Unable to set Name because it is already defined within inline OpenAPI specified in the 'DefinitionBody' property.")
			return false
		}
		info["title"] = v
	}
	if v := r.props["Description"]; v != nil {
		if info["description"] != nil {
			t.fault(r.id, "Unable to set Description because it is already defined within inline OpenAPI specified in the 'DefinitionBody' property.")
			return false
		}
		info["description"] = v
	}
	if paths := asObject(doc["paths"]); r.props["FailOnWarnings"] == true && paths[defaultPath] != nil {
		paths["/"+defaultPath] = paths[defaultPath]
		delete(paths, defaultPath)
	}
	if t.managed[r.id] {
		t.guardPaths(r.id, doc)
	}
	return true
}

func isStackName(v any) bool { return asObject(v)["Ref"] == "AWS::StackName" }

// httpCORS writes the CORS configuration into the definition.
func (t *translator) httpCORS(r *resource, doc object) bool {
	const key = "x-amazon-apigateway-cors"
	switch v := t.resolve(r.props["CorsConfiguration"]).(type) {
	case nil:
	case bool:
		if v {
			member(doc, key)["allowOrigins"] = []any{"*"}
		}
	case object:
		if isIntrinsic(v) {
			t.fault(r.id, "Gatehouse does not support functions as CorsConfiguration, but for references to parameters.")
			return false
		}
		for name, to := range map[string]string{"AllowMethods": "allowMethods", "AllowHeaders": "allowHeaders", "AllowOrigins": "allowOrigins", "MaxAge": "maxAge",
			"ExposeHeaders": "exposeHeaders", "AllowCredentials": "allowCredentials"} {
			if v[name] != nil && v[name] != false {
				member(doc, key)[to] = v[name]
			}
			delete(v, name)
		}
		if len(v) > 0 {
			t.fault(r.id, "Invalid value for 'Cors' property.")
			return false
		}
	default:
		t.fault(r.id, "Invalid value for 'Cors' property.")
		return false
	}
	return true
}

// httpAuth writes authorizers into the definition, and the default one to each
// method.
func (t *translator) httpAuth(r *resource, doc object) bool {
	auth := asObject(t.resolve(r.props["Auth"]))
	if len(auth) == 0 {
		return true
	}
	authorizers := asObject(auth["Authorizers"])
	into := func() object { return member(member(doc, "components"), "securitySchemes") }
	if auth["EnableIamAuthorizer"] == true {
		into()["AWS_IAM"] = object{"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"}
	}
	for _, name := range slices.Sorted(maps.Keys(authorizers)) {
		a, ok := authorizers[name].(object)
		if !ok {
			t.fault(r.id, "Property 'Auth.Authorizers."+name+"' should be a map.")
			return false
		}
		scheme, ok := t.httpAuthorizer(r, name, a)
		if !ok {
			return false
		}
		into()[name] = scheme
	}
	name := text(auth["DefaultAuthorizer"])
	if name == "" {
		return true
	}
	if authorizers[name] == nil && (name != "AWS_IAM" || auth["EnableIamAuthorizer"] != true) {
		t.fault(r.id, "Unable to set DefaultAuthorizer because '"+name+"' was not defined in 'Authorizers'.")
		return false
	}
	eachServed(doc, func(_, method string, def object) {
		if method != "options" && len(listed(def["security"])) == 0 {
			def["security"] = []any{security(name, asObject(authorizers[name])["AuthorizationScopes"])}
		}
	})
	return true
}

// httpAuthorizer is an authorizer as a definition of an HTTP API has it.
//
// AWS: apigatewayv2.py, ApiGatewayV2Authorizer.generate_openapi.
func (t *translator) httpAuthorizer(r *resource, name string, a object) (object, bool) {
	if jwt := asObject(a["JwtConfiguration"]); jwt != nil {
		conf := object{}
		for k, v := range jwt {
			conf[strings.ToLower(k)] = v
		}
		authorizer := object{"jwtConfiguration": conf, "type": "jwt"}
		if v := a["IdentitySource"]; v != nil {
			authorizer["identitySource"] = v
		}
		return object{"type": "oauth2", authorizerKey: authorizer}, true
	}
	if a["FunctionArn"] == nil {
		t.fault(r.id, name+" OAuth2 Authorizer must define 'JwtConfiguration'.")
		return nil, false
	}
	if a["AuthorizerPayloadFormatVersion"] == nil {
		t.fault(r.id, name+" Lambda Authorizer must define 'AuthorizerPayloadFormatVersion'.")
		return nil, false
	}
	identity := asObject(a["Identity"])
	authorizer := object{"type": "request", "authorizerPayloadFormatVersion": a["AuthorizerPayloadFormatVersion"],
		"authorizerUri": subWith("arn:"+t.opt.Partition+":apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${__FunctionArn__}/invocations", object{"__FunctionArn__": a["FunctionArn"]})}
	if v := identity["ReauthorizeEvery"]; v != nil {
		authorizer["authorizerResultTtlInSeconds"] = v
	}
	if v := a["FunctionInvokeRole"]; v != nil && v != "NONE" {
		authorizer["authorizerCredentials"] = v
	}
	if sources := identitySources(identity, "$request.header.", "$request.querystring.", "$stageVariables.", "$context."); sources != nil {
		list := make([]any, len(sources))
		for i, s := range sources {
			list[i] = s
		}
		authorizer["identitySource"] = list
	}
	if v := a["EnableSimpleResponses"]; v != nil {
		authorizer["enableSimpleResponses"] = v
	}
	return object{"type": "apiKey", "name": "Unused", "in": "header", authorizerKey: authorizer}, true
}

var bracedParameter = regexp.MustCompile(`\{(.*?)\}`)

// httpAPI makes a route of an HTTP API.
func (e *functionEvent) httpAPI() {
	t := e.t
	if !e.known("Path Method ApiId Stage Auth TimeoutInMillis RouteSettings PayloadFormatVersion") {
		return
	}
	path, method := text(e.props["Path"]), strings.ToLower(text(e.props["Method"]))
	switch {
	case path == "" && method == "":
		path, method = defaultPath, anyMethod
	case path == "":
		e.fault("Event is missing key 'Path'.")
		return
	case method == "" && path != defaultPath:
		e.fault("Event is missing key 'Method'.")
		return
	case method == "":
		method = anyMethod
	}
	arnMethod := strings.ToUpper(method)
	if methodName(method) == anyMethod {
		arnMethod = "*"
	}
	api, ok := t.resource(linked(e.props["ApiId"]))
	if !ok || api.typ != "AWS::Serverless::HttpApi" {
		e.fault("ApiId must be a valid reference to an 'AWS::Serverless::HttpApi' resource in same template.")
		return
	}
	arnPath := ""
	if path != defaultPath {
		arnPath = wildcards(path)
	}
	doc := asObject(api.props["DefinitionBody"])
	if path == defaultPath || !e.isDefault(doc) {
		e.allow("", ownPartition, arnMethod, arnPath, e.props["ApiId"])
	}
	if doc == nil {
		return
	}
	if len(served(methodsOf(doc, path, method))) > 0 {
		if t.managed[api.id] {
			e.fault("API method '" + method + "' defined multiple times for path '" + path + "'.")
			return
		}
	} else {
		e.route(doc, path, method)
	}
	e.secureRoute(api, doc, path, method)
	e.routeSettings(api, path, method)
}

// isDefault tells whether the function serves what no route matches, and so needs
// no permission for a route.
func (e *functionEvent) isDefault(doc object) bool {
	defs := served(methodsOf(doc, defaultPath, anyMethod))
	for _, def := range defs {
		uri := asObject(asObject(def[integrationKey])["uri"])
		if !strings.Contains(text(uri["Fn::Sub"]), "${"+e.fn.id+".Arn}") {
			return false
		}
	}
	return len(defs) > 0
}

func (e *functionEvent) route(doc object, path, method string) {
	version := e.props["PayloadFormatVersion"]
	if version == nil {
		version = "2.0"
	}
	integration := object{"type": "aws_proxy", "httpMethod": "POST", "payloadFormatVersion": version, "uri": e.invocations(ownPartition)}
	if v := e.props["TimeoutInMillis"]; v != nil {
		integration["timeoutInMillis"] = v
	}
	def := addMethod(doc, path, method, text(e.fn.raw["Condition"]), integration)
	if path == defaultPath {
		def["isDefaultRoute"] = true
	}
	for _, m := range bracedParameter.FindAllStringSubmatch(path, -1) {
		list, _ := def["parameters"].([]any)
		def["parameters"] = append(slices.Clone(list), any(object{"name": m[1], "in": "path", "required": true}))
	}
}

// secureRoute gives the route the authorizer of its event.
func (e *functionEvent) secureRoute(api *resource, doc object, path, method string) {
	auth := asObject(e.props["Auth"])
	if auth == nil {
		return
	}
	apiAuth := asObject(e.t.resolve(api.props["Auth"]))
	name := text(auth["Authorizer"])
	if name == "" {
		name = text(apiAuth["DefaultAuthorizer"])
	}
	if name == "" {
		e.fault("'Auth' section requires either an explicit 'Authorizer' set or a 'DefaultAuthorizer' configured on the HttpApi.")
		return
	}
	authorizers := asObject(apiAuth["Authorizers"])
	isIAM := name == "AWS_IAM" && apiAuth["EnableIamAuthorizer"] == true
	if name == "AWS_IAM" && !isIAM && authorizers[name] == nil {
		why := "because it wasn't defined in the API's Authorizers."
		if authorizers == nil {
			why = "because the related API does not define any Authorizers."
		}
		e.fault("Unable to set Authorizer [" + name + "] " + where(method, path) + " " + why)
		return
	}
	if !e.checkAuthorizer(name, method, path, apiAuth) {
		return
	}
	var scopes any
	if name != "NONE" && !isIAM {
		if scopes = auth["AuthorizationScopes"]; scopes == nil {
			scopes = asObject(authorizers[name])["AuthorizationScopes"]
		}
	}
	require(served(methodsOf(doc, path, method)), security(name, scopes))
}

// routeSettings are settings of the stage for the route.
func (e *functionEvent) routeSettings(api *resource, path, method string) {
	settings := asObject(e.props["RouteSettings"])
	if settings == nil {
		return
	}
	route := path
	if path != defaultPath {
		if method = strings.ToUpper(method); methodName(method) == anyMethod {
			method = "ANY"
		}
		route = method + " " + path
	}
	all := member(api.props, "RouteSettings")
	all[route] = merged(asObject(all[route]), any(settings))
}
