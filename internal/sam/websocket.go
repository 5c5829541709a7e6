package sam

import (
	"maps"
	"slices"
	"strings"
)

const webSocketProperties = "AccessLogSettings ApiKeySelectionExpression Auth DefaultRouteSettings Description DisableExecuteApiEndpoint DisableSchemaValidation Domain " +
	"IpAddressType Name PropagateTags RouteSelectionExpression RouteSettings Routes StageName StageVariables Tags"

// webSocketAPI makes a WebSocket API: a route, an integration and a permission for
// each of its routes, its stage and its authorizer.
//
// AWS: websocket_api_generator.py.
func (t *translator) webSocketAPI(r *resource) {
	if !t.known(r, webSocketProperties) {
		return
	}
	for _, need := range []string{"Routes", "RouteSelectionExpression"} {
		if r.props[need] == nil {
			t.fault(r.id, "Missing required property '"+need+"'.")
			return
		}
	}
	routes := asObject(r.props["Routes"])
	if len(routes) == 0 {
		t.fault(r.id, "WebSocket API must have at least one route.")
		return
	}
	tags := object{"websocketapi:createdBy": "SAM"}
	maps.Copy(tags, asObject(r.props["Tags"]))
	props := object{"Name": r.id, "ProtocolType": "WEBSOCKET", "Tags": tags}
	copyTo(props, r.props, "ApiKeySelectionExpression Description DisableExecuteApiEndpoint DisableSchemaValidation IpAddressType Name RouteSelectionExpression")
	t.add(r.id, "AWS::ApiGatewayV2::Api", props, r.own())
	var made []any
	for _, key := range slices.Sorted(maps.Keys(routes)) {
		id, ok := t.webSocketRoute(r, key, asObject(routes[key]))
		if !ok {
			return
		}
		made = append(made, id+"Route")
	}
	if !t.webSocketAuth(r, routes) {
		return
	}
	name := r.props["StageName"]
	if name == nil {
		name = "default"
	}
	id := r.id + text(name) + "Stage"
	if name == "default" {
		id = r.id + "DefaultStage"
	}
	if name == "$default" {
		t.fault(r.id, "Stages cannot be named $default for WebSocket APIs.")
		return
	}
	stage := object{"ApiId": ref(r.id), "StageName": name, "AutoDeploy": true, "Tags": object{"websocketapi:createdBy": "SAM"}}
	copyTo(stage, r.props, "StageVariables AccessLogSettings DefaultRouteSettings RouteSettings")
	attributes := r.passed()
	if r.props["RouteSettings"] != nil {
		attributes["DependsOn"] = made
	}
	t.add(id, "AWS::ApiGatewayV2::Stage", stage, attributes)
	t.refs[r.id+".Stage"] = id
	t.httpDomain(r, object{"websocketapi:createdBy": "SAM"})
}

// webSocketRoute makes one route, and returns what its ids begin with.
func (t *translator) webSocketRoute(r *resource, key string, route object) (string, bool) {
	bare := strings.TrimPrefix(key, "$")
	special := slices.Contains([]string{"$connect", "$disconnect", "$default"}, key)
	if !special && !alphanumeric.MatchString(key) {
		t.fault(r.id, "Route key '"+key+"' must be alphanumeric. Only $connect, $disconnect, and $default special routes are supported.")
		return "", false
	}
	if route["FunctionArn"] == nil {
		t.fault(r.id, "Route must have associated function.")
		return "", false
	}
	id := r.id + strings.ToUpper(bare[:1]) + strings.ToLower(bare[1:])
	props := object{"ApiId": ref(r.id), "RouteKey": key, "Target": object{"Fn::Join": []any{"/", []any{"integrations", ref(id + "Integration")}}}}
	copyTo(props, route, "ApiKeyRequired ModelSelectionExpression OperationName RequestModels RequestParameters RouteResponseSelectionExpression")
	auth := asObject(r.props["Auth"])
	if key == "$connect" && auth != nil {
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
	stage := r.props["StageName"]
	if stage == nil {
		stage = "default"
	}
	const from = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${"
	source := sub(from + r.id + ".ApiId}/" + text(stage) + "/" + key)
	if isIntrinsic(stage) {
		source = subWith(from+r.id+".ApiId}/${__StageName__}/"+key, object{"__StageName__": stage})
	}
	t.add(id+"Permission", "AWS::Lambda::Permission",
		object{"Action": "lambda:InvokeFunction", "FunctionName": route["FunctionArn"], "Principal": "apigateway.amazonaws.com", "SourceArn": source}, r.passed())
	return id, true
}

// webSocketAuth makes the authorizer of the route $connect.
func (t *translator) webSocketAuth(r *resource, routes object) bool {
	auth := asObject(r.props["Auth"])
	if auth == nil {
		return true
	}
	switch kind := auth["AuthType"]; {
	case routes["$connect"] == nil:
		t.fault(r.id, "Authorization is only available if there is a $connect route.")
		return false
	case kind == "AWS_IAM", kind == "NONE":
		if len(auth) > 1 {
			t.fault(r.id, "No additional configurations supported for AuthType "+text(kind)+".")
			return false
		}
		return true
	case kind != "CUSTOM":
		t.fault(r.id, "AuthType is not one of AWS_IAM, CUSTOM or NONE.")
		return false
	case auth["AuthArn"] == nil:
		t.fault(r.id, "AuthArn must be specified if AuthType is CUSTOM.")
		return false
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
	return true
}
