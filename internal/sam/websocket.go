package sam

import (
	"maps"
	"slices"
	"strings"
)

const webSocketProperties = "AccessLogSettings ApiKeySelectionExpression Auth DefaultRouteSettings Description DisableExecuteApiEndpoint DisableSchemaValidation Domain " +
	"FailOnWarnings IpAddressType Name PropagateTags RouteSelectionExpression RouteSettings Routes StageName StageVariables Tags"

// webSocketAPI makes a WebSocket API: a route, an integration and a permission for
// each of its routes, its stage and its authorizer.
//
// AWS: websocket_api_generator.py. It gives none of them the attributes of the API
// (Condition, DeletionPolicy, UpdateReplacePolicy, Metadata), but for DependsOn.
func (t *translator) webSocketAPI(r *resource) {
	if !t.known(r, webSocketProperties) {
		return
	}
	bare := *r
	bare.raw = object{}
	copyTo(bare.raw, r.raw, "DependsOn")
	for _, name := range []string{"Auth", "Domain", "Routes"} {
		if v, ok := r.props[name]; ok {
			bare.props[name] = t.resolve(v)
		}
	}
	r = &bare
	routes := asObject(r.props["Routes"])
	if fault := webSocketFault(r, routes); fault != "" {
		t.fault(r.id, fault)
		return
	}
	tags := asObject(clone(r.props["Tags"]))
	if tags == nil {
		tags = object{}
	}
	tags[webSocketTag] = "SAM"
	made := t.madeBy(func() {
		props := object{"Name": r.id, "ProtocolType": "WEBSOCKET", "Tags": tags}
		copyTo(props, r.props, "ApiKeySelectionExpression Description DisableExecuteApiEndpoint DisableSchemaValidation IpAddressType Name RouteSelectionExpression")
		t.add(r.id, "AWS::ApiGatewayV2::Api", props, r.own())
		t.httpDomain(r, object{webSocketTag: "SAM"})
		t.webSocketStage(r, routes)
		t.webSocketAuthorizer(r)
	})
	if len(asObject(r.props["Tags"])) > 0 {
		r.props["Tags"] = tags
	}
	t.propagate(r, made...)
}

// webSocketTag says who made an API.
const webSocketTag = "websocketapi:createdBy"

// webSocketFault is what is wrong with the API itself.
func webSocketFault(r *resource, routes object) string {
	for _, need := range []string{"Routes", "RouteSelectionExpression"} {
		if r.props[need] == nil {
			return "Missing required property '" + need + "'."
		}
	}
	kind, isText := r.props["IpAddressType"].(string)
	switch {
	case len(routes) == 0:
		return "WebSocket API must have at least one route."
	case isText && kind != "ipv4" && kind != "dualstack":
		return "IpAddressType must be 'ipv4' or 'dualstack'."
	case len(asObject(asObject(r.props["Domain"])["MutualTlsAuthentication"])) > 0:
		return "Mutual TLS domain name association is not supported for Websocket APIs."
	case len(asObject(r.props["Auth"])) > 0 && routes["$connect"] == nil:
		return "Authorization is only available if there is a $connect route."
	case r.props["StageName"] == "$default":
		return "Stages cannot be named $default for WebSocket APIs."
	}
	return ""
}

// webSocketStage makes the routes and the stage.
func (t *translator) webSocketStage(r *resource, routes object) {
	var made []any
	for _, key := range slices.Sorted(maps.Keys(routes)) {
		id, ok := t.webSocketRoute(r, key, asObject(routes[key]))
		if !ok {
			return
		}
		made = append(made, id+"Route")
	}
	name := webSocketStageName(r)
	id := r.id + text(name) + "Stage"
	if name == "default" {
		id = r.id + "DefaultStage"
	}
	stage := object{"ApiId": ref(r.id), "StageName": name, "AutoDeploy": true, "Tags": object{webSocketTag: "SAM"}}
	copyTo(stage, r.props, "StageVariables AccessLogSettings DefaultRouteSettings RouteSettings")
	attributes := r.passed()
	if len(asObject(r.props["RouteSettings"])) > 0 {
		attributes["DependsOn"] = made
	}
	t.add(id, "AWS::ApiGatewayV2::Stage", stage, attributes)
	t.refs[r.id+".Stage"] = id
}

func webSocketStageName(r *resource) any {
	if name := r.props["StageName"]; name != nil {
		return name
	}
	return "default"
}

// webSocketRoute makes one route, and returns what its ids begin with.
func (t *translator) webSocketRoute(r *resource, key string, route object) (string, bool) {
	bare := strings.TrimPrefix(key, "$")
	special := slices.Contains([]string{"$connect", "$disconnect", "$default"}, key)
	if !special && !alphanumeric.MatchString(key) {
		t.fault(r.id, "Route key '"+key+"' must be alphanumeric. Only $connect, $disconnect, and $default special routes are supported.")
		return "", false
	}
	fault := webSocketAuthFault(asObject(r.props["Auth"]))
	switch {
	case key != "$connect" && len(asObject(route["RequestParameters"])) > 0:
		fault = "Request parameters are only supported for the $connect route in WebSocket APIs."
	case fault == "" && route["FunctionArn"] == nil:
		fault = "Route must have associated function."
	}
	if fault != "" {
		t.fault(r.id, fault)
		return "", false
	}
	id := r.id + strings.ToUpper(bare[:1]) + strings.ToLower(bare[1:])
	props := object{"ApiId": ref(r.id), "RouteKey": key, "Target": object{"Fn::Join": []any{"/", []any{"integrations", ref(id + "Integration")}}}}
	copyTo(props, route, "ApiKeyRequired ModelSelectionExpression OperationName RequestModels RequestParameters RouteResponseSelectionExpression")
	if auth := asObject(r.props["Auth"]); key == "$connect" && len(auth) > 0 {
		props["AuthorizationType"] = auth["AuthType"]
		if auth["AuthType"] == "CUSTOM" {
			props["AuthorizerId"] = ref(r.id + "ConnectAuthorizer")
		}
	}
	t.add(id+"Route", "AWS::ApiGatewayV2::Route", props, r.passed())
	props = object{"ApiId": ref(r.id), "IntegrationType": "AWS_PROXY", "IntegrationUri": subWith(
		"arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${FunctionArn}/invocations", object{"FunctionArn": route["FunctionArn"]})}
	if v := route["IntegrationTimeout"]; v != nil {
		props["TimeoutInMillis"] = v
	}
	t.add(id+"Integration", "AWS::ApiGatewayV2::Integration", props, r.passed())
	stage := webSocketStageName(r)
	const from = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${"
	source := sub(from + r.id + ".ApiId}/" + text(stage) + "/" + key)
	if _, isText := stage.(string); !isText {
		source = subWith(from+r.id+".ApiId}/${__StageName__}/"+key, object{"__StageName__": stage})
	}
	t.add(id+"Permission", "AWS::Lambda::Permission",
		object{"Action": "lambda:InvokeFunction", "FunctionName": route["FunctionArn"], "Principal": "apigateway.amazonaws.com", "SourceArn": source}, r.passed())
	return id, true
}

// webSocketAuthFault is what is wrong with the authorization of the route $connect.
//
// AWS: the translator takes the types in small letters too, and then leaves the
// route open; here they are refused.
func webSocketAuthFault(auth object) string {
	switch kind := auth["AuthType"]; {
	case len(auth) == 0:
		return ""
	case kind == nil, kind == "":
		return "AuthType must be specified for additional auth configurations."
	case kind == "AWS_IAM", kind == "NONE":
		if len(auth) > 1 {
			return "No additional configurations supported for AuthType " + text(kind) + "."
		}
	case kind != "CUSTOM":
		return "AuthType is not one of AWS_IAM, CUSTOM or NONE."
	case auth["AuthArn"] == nil, auth["AuthArn"] == "":
		return "AuthArn must be specified if AuthType is CUSTOM."
	}
	return ""
}

// webSocketAuthorizer makes the authorizer of the route $connect.
func (t *translator) webSocketAuthorizer(r *resource) {
	auth := asObject(r.props["Auth"])
	if auth["AuthType"] != "CUSTOM" {
		return
	}
	id := r.id + "ConnectAuthorizer"
	props := object{"ApiId": ref(r.id), "AuthorizerType": "REQUEST", "Name": id, "AuthorizerUri": subWith(
		"arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${AuthArn}/invocations", object{"AuthArn": auth["AuthArn"]})}
	copyTo(props, auth, "IdentitySource Name")
	if role := auth["InvokeRole"]; role != nil {
		props["AuthorizerCredentialsArn"] = role
	} else {
		t.authorizerPermission(r, r.id+"AuthorizerPermission", ownPartition, auth["AuthArn"])
	}
	t.add(id, "AWS::ApiGatewayV2::Authorizer", props, r.passed())
}
