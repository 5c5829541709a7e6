package sam

import (
	"regexp"
	"slices"
	"strings"
)

// events makes what the events of a function ask for.
func (t *translator) events(fn *function) {
	for _, name := range eventNames(fn.resource) {
		event, ok := asObject(fn.props["Events"])[name].(object)
		if !ok {
			t.eventFault(fn.id, name, "Event must be a dictionary.")
			continue
		}
		props := asObject(event["Properties"])
		if props == nil {
			props = object{}
		}
		e := &functionEvent{t: t, fn: fn, name: name, id: fn.id + name, props: props}
		switch typ := text(event["Type"]); typ {
		case "Api":
			e.api()
		case "HttpApi":
			e.httpAPI()
		case "Schedule", "CloudWatchEvent", "EventBridgeRule":
			e.rule(typ)
		case "SQS", "Kinesis", "DynamoDB":
			e.mapping(typ)
		case "SNS":
			t.permission(e.id+"Permission", fn, "sns.amazonaws.com", object{"SourceArn": props["Topic"]})
			t.add(e.id, "AWS::SNS::Subscription", object{"Protocol": "lambda", "Endpoint": endpointOf(fn), "TopicArn": props["Topic"]}, fn.passed())
		default:
			t.eventFault(fn.id, name, "Gatehouse does not support events of type "+typ+".")
		}
	}
}

// endpointOf is the ARN of what an event calls.
func endpointOf(fn *function) any {
	if fn.target["Ref"] != fn.id {
		return fn.target // AWS: Ref of an alias is its ARN
	}
	return getAtt(fn.id, "Arn")
}

// A functionEvent is one event of a function.
type functionEvent struct {
	t        *translator
	fn       *function
	name, id string
	props    object
}

func (e *functionEvent) fault(text string) { e.t.eventFault(e.fn.id, e.name, text) }

// known refuses properties that the event does not have.
func (e *functionEvent) known(names string) bool {
	for name := range e.props {
		if !slices.Contains(strings.Fields(names), name) {
			e.fault("property " + name + " not defined for resource of type " + text(asObject(asObject(e.fn.props["Events"])[e.name])["Type"]))
			return false
		}
	}
	return true
}

// rule makes a rule of EventBridge, which the stack refuses by name unless the
// operator lists the type.
func (e *functionEvent) rule(typ string) {
	props := object{}
	copyTo(props, e.props, "Name Description State EventBusName")
	if typ == "Schedule" {
		props["ScheduleExpression"] = e.props["Schedule"]
	} else {
		props["EventPattern"] = e.props["Pattern"]
	}
	if on, ok := e.props["Enabled"].(bool); ok {
		props["State"] = map[bool]string{true: "ENABLED", false: "DISABLED"}[on]
	}
	target := object{"Arn": endpointOf(e.fn), "Id": e.id + "LambdaTarget"}
	copyTo(target, e.props, "Input InputPath RetryPolicy")
	props["Targets"] = []any{target}
	e.t.add(e.id, "AWS::Events::Rule", props, e.fn.passed())
	e.t.permission(e.id+"Permission", e.fn, "events.amazonaws.com", object{"SourceArn": getAtt(e.id, "Arn")})
}

// mapping makes an event source mapping.
func (e *functionEvent) mapping(typ string) {
	props := object{"FunctionName": e.fn.target, "EventSourceArn": e.props["Stream"]}
	if typ == "SQS" {
		props["EventSourceArn"] = e.props["Queue"]
	}
	e.grant(typ)
	copyTo(props, e.props, "BatchSize Enabled StartingPosition MaximumBatchingWindowInSeconds FunctionResponseTypes FilterCriteria ScalingConfig")
	e.t.add(e.id, "AWS::Lambda::EventSourceMapping", props, e.fn.passed())
}

// grant gives the role of the function the policy that reading a source needs.
//
// AWS: eventsources/pull.py, get_policy_arn.
func (e *functionEvent) grant(typ string) {
	props := asObject(asObject(e.t.out[e.fn.id+"Role"])["Properties"])
	if props == nil || e.fn.props["Role"] != nil {
		return // it has a role of its own
	}
	name := map[string]string{"SQS": "SQSQueue", "Kinesis": "Kinesis", "DynamoDB": "DynamoDB"}[typ]
	policy := e.t.managedPolicy("service-role/AWSLambda" + name + "ExecutionRole")
	if have := listed(props["ManagedPolicyArns"]); !slices.Contains(have, any(policy)) {
		props["ManagedPolicyArns"] = append(slices.Clone(have), any(policy))
	}
}

// invocations is the URI by which API Gateway calls a function.
func (e *functionEvent) invocations(partition string) object {
	return sub("arn:" + partition + ":apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/" + e.fn.short + "/invocations")
}

// allow lets an API's method call the function.
func (e *functionEvent) allow(suffix, partition, method, path string, api any) {
	source := subWith("arn:"+partition+":execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/${__Stage__}/"+method+path, object{"__ApiId__": api, "__Stage__": "*"})
	e.t.permission(suffixed(e.id+"Permission", suffix), e.fn, "apigateway.amazonaws.com", object{"SourceArn": source})
}

const apiEventProperties = "Path Method RestApiId Stage Auth RequestModel RequestParameters ResponseTransferMode TimeoutInMillis"

// api makes a method of a REST API.
func (e *functionEvent) api() {
	t := e.t
	path, method := text(e.props["Path"]), strings.ToLower(text(e.props["Method"]))
	if !e.known(apiEventProperties) {
		return
	}
	for _, need := range []string{"Path", "Method"} {
		if _, isText := e.props[need].(string); !isText {
			e.fault("Property '" + need + "' " + map[bool]string{true: "is required.", false: "should be a string."}[e.props[need] == nil])
			return
		}
	}
	if linked(e.props["RestApiId"]) == "" {
		e.fault("Property 'RestApiId' should be a string.")
		return
	}
	arnMethod := strings.ToUpper(method)
	if method == "any" {
		arnMethod = "*"
	}
	api, ok := t.resource(linked(e.props["RestApiId"]))
	if !ok || api.typ != "AWS::Serverless::Api" {
		if asObject(e.props["RestApiId"]) != nil {
			e.fault("RestApiId must be a valid reference to an 'AWS::Serverless::Api' resource in same template.")
			return
		}
		e.allow("AllStages", t.opt.Partition, arnMethod, wildcards(path), e.props["RestApiId"])
		return
	}
	stage, isText := api.props["StageName"].(string)
	if !isText {
		stage = "Stage"
	}
	e.allow(stage, t.opt.Partition, arnMethod, wildcards(path), e.props["RestApiId"])
	merge, _ := t.resolve(api.props["MergeDefinitions"]).(bool)
	if !t.managed[api.id] && !merge {
		return // AWS: who writes the definition writes its integrations
	}
	doc := asObject(api.props["DefinitionBody"])
	if doc == nil {
		return // the API is at fault
	}
	if len(served(methodsOf(doc, path, method))) > 0 {
		if t.managed[api.id] {
			e.fault(`API method "` + method + `" defined multiple times for path "` + path + `".`)
		}
		return
	}
	integration := object{"type": "aws_proxy", "httpMethod": "POST", "uri": e.invocations(t.opt.Partition)}
	if role := e.invokeRole(asObject(api.props["Auth"])); role != nil {
		integration["credentials"] = role
	}
	e.transfer(integration)
	def := addMethod(doc, path, method, text(e.fn.raw["Condition"]), integration)
	if merge && !t.managed[api.id] {
		def["responses"] = object{} // AWS: what is made is laid over what was written
	}
	if e.secure(api, doc, path, method, stage) {
		e.request(api, doc, path, method)
	}
}

// transfer sets what of the integration the event says.
func (e *functionEvent) transfer(integration object) {
	if v := e.props["TimeoutInMillis"]; v != nil {
		integration["timeoutInMillis"] = v
	}
	if v := text(e.props["ResponseTransferMode"]); v != "" {
		integration["responseTransferMode"] = v
		if v == "STREAM" {
			// AWS: streamed answers come from another path of Lambda.
			uri, _ := integration["uri"].(object)
			integration["uri"] = sub(strings.NewReplacer("2015-03-31", "2021-11-15", "/invocations", "/response-streaming-invocations").Replace(text(uri["Fn::Sub"])))
		}
	}
}

// invokeRole is the role that an integration of a method with IAM authorization
// uses.
//
// AWS: swagger.py, _generate_integration_credentials: without one, the caller's.
func (e *functionEvent) invokeRole(apiAuth object) any {
	own := asObject(e.props["Auth"])
	if own["Authorizer"] != "AWS_IAM" && (apiAuth["DefaultAuthorizer"] != "AWS_IAM" || len(own) > 0) {
		return nil
	}
	for _, auth := range []object{own, apiAuth} {
		role, has := auth["InvokeRole"]
		switch {
		case has && (role == nil || role == "NONE"):
			return nil
		case has && role != "CALLER_CREDENTIALS":
			return role
		case has:
			return "arn:" + e.t.opt.Partition + ":iam::*:user/*"
		}
	}
	return "arn:" + e.t.opt.Partition + ":iam::*:user/*"
}

// where names the method in messages.
func where(method, path string) string {
	return "on API method [" + method + "] for path [" + path + "]"
}

// secure gives the method the authorizer, the key and the policy of its event.
func (e *functionEvent) secure(api *resource, doc object, path, method, stage string) bool {
	auth := asObject(e.props["Auth"])
	apiAuth := asObject(e.t.resolve(api.props["Auth"]))
	authorizers := asObject(apiAuth["Authorizers"])
	methods := served(methodsOf(doc, path, method))
	if name := text(auth["Authorizer"]); name != "" {
		if !e.checkAuthorizer(name, method, path, apiAuth) {
			return false
		}
		scopes := auth["AuthorizationScopes"]
		if scopes == nil {
			scopes = asObject(authorizers[name])["AuthorizationScopes"]
		}
		if name == "NONE" || authorizers[name] == nil {
			scopes = nil
		}
		require(methods, security(name, scopes))
		if name == "AWS_IAM" {
			addIAMScheme(doc)
		}
	} else if scopes, ok := auth["AuthorizationScopes"].([]any); ok && len(scopes) > 0 {
		e.fault("AuthorizationScopes works only when Authorizer is set")
		return false
	}
	switch need, has := auth["ApiKeyRequired"]; {
	case need == true:
		require(methods, security("api_key", nil))
		addKeyScheme(doc)
	case has && apiAuth["ApiKeyRequired"] != true:
		e.fault("Unable to set ApiKeyRequired [False] " + where(method, path) + " because the related API does not specify any ApiKeyRequired.")
		return false
	case has:
		require(methods, security("api_key_false", nil))
	}
	if policy := asObject(auth["ResourcePolicy"]); policy != nil {
		addResourcePolicy(doc, policy, path, stage)
	}
	return true
}

// checkAuthorizer tells whether the API has an authorizer.
func (e *functionEvent) checkAuthorizer(name, method, path string, apiAuth object) bool {
	authorizers := asObject(apiAuth["Authorizers"])
	switch {
	case name == "AWS_IAM":
	case name == "NONE":
		if text(apiAuth["DefaultAuthorizer"]) == "" {
			e.fault("Unable to set Authorizer " + where(method, path) + " because 'NONE' is only a valid value when a DefaultAuthorizer on the API is specified.")
			return false
		}
	case authorizers == nil:
		e.fault("Unable to set Authorizer [" + name + "] " + where(method, path) + " because the related API does not define any Authorizers.")
		return false
	case authorizers[name] == nil:
		e.fault("Unable to set Authorizer [" + name + "] " + where(method, path) + " because it wasn't defined in the API's Authorizers.")
		return false
	}
	return true
}

var requestParameter = regexp.MustCompile(`^method\.request\.(querystring|path|header)\.(.+)$`)

// request gives the method the model and the parameters of its event.
func (e *functionEvent) request(api *resource, doc object, path, method string) {
	methods := served(methodsOf(doc, path, method))
	if model := asObject(e.props["RequestModel"]); model != nil {
		name := text(model["Model"])
		if asObject(api.props["Models"]) == nil {
			e.fault("Unable to set RequestModel [" + name + "] " + where(method, path) + " because the related API does not define any Models.")
			return
		}
		if asObject(api.props["Models"])[name] == nil {
			e.fault("Unable to set RequestModel [" + name + "] " + where(method, path) + " because it wasn't defined in the API's Models.")
			return
		}
		requireModel(doc, methods, strings.ToLower(name), model["Required"])
		if model["ValidateBody"] != nil || model["ValidateParameters"] != nil {
			requireValidator(doc, methods, model["ValidateBody"] == true, model["ValidateParameters"] == true)
		}
	}
	list, _ := e.props["RequestParameters"].([]any)
	for _, p := range list {
		settings := object{}
		name, isText := p.(string)
		if !isText {
			for n, v := range asObject(p) {
				name, settings = n, asObject(v)
			}
		}
		m := requestParameter.FindStringSubmatch(name)
		if m == nil {
			e.fault("Invalid value for 'RequestParameters' property. Keys must be in the format 'method.request.[querystring|path|header].{value}', e.g 'method.request.header.Authorization'.")
			return
		}
		addParameter(methods, name, strings.Replace(m[1], "querystring", "query", 1), m[2], settings)
	}
}

func addParameter(methods []object, full, in, name string, settings object) {
	// AWS: the type stands so in OpenAPI 3, too.
	parameter := object{"in": in, "name": name, "required": settings["Required"] == true, "type": "string"}
	for _, def := range methods {
		list, _ := def["parameters"].([]any)
		def["parameters"] = append(slices.Clone(list), any(parameter))
		if settings["Caching"] == true {
			integration := member(def, integrationKey)
			keys, _ := integration["cacheKeyParameters"].([]any)
			integration["cacheKeyParameters"] = append(slices.Clone(keys), full)
		}
	}
}

func requireModel(doc object, methods []object, name string, required any) {
	for _, def := range methods {
		if isOpenAPI3(doc) {
			body := object{"content": object{"application/json": object{"schema": object{"$ref": "#/components/schemas/" + name}}}}
			if required != nil {
				body["required"] = required
			}
			def["requestBody"] = body
			continue
		}
		parameter := object{"in": "body", "name": name, "schema": object{"$ref": "#/definitions/" + name}}
		if required != nil {
			parameter["required"] = required
		}
		list, _ := def["parameters"].([]any)
		def["parameters"] = append(slices.Clone(list), any(parameter))
	}
}

func requireValidator(doc object, methods []object, body, parameters bool) {
	name := "no-validation"
	switch {
	case body && parameters:
		name = "body-and-params"
	case body:
		name = "body-only"
	case parameters:
		name = "params-only"
	}
	member(doc, "x-amazon-apigateway-request-validators")[name] = object{"validateRequestBody": body, "validateRequestParameters": parameters}
	for _, def := range methods {
		def["x-amazon-apigateway-request-validator"] = name
	}
}
