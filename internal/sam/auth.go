package sam

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

const authorizerKey = "x-amazon-apigateway-authorizer"

func schemes(doc object) object { return member(doc, "securityDefinitions") }

func addIAMScheme(doc object) {
	if schemes(doc)["AWS_IAM"] == nil {
		schemes(doc)["AWS_IAM"] = object{"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"}
	}
}

func addKeyScheme(doc object) {
	if schemes(doc)["api_key"] == nil {
		schemes(doc)["api_key"] = object{"type": "apiKey", "name": "x-api-key", "in": "header"}
	}
}

// restAuth writes the Auth of a REST API into its definition.
func (t *translator) restAuth(r *resource, doc object) bool {
	auth := asObject(t.resolve(r.props["Auth"]))
	if len(auth) == 0 {
		return true
	}
	for name := range auth {
		if !slices.Contains(strings.Fields("Authorizers DefaultAuthorizer InvokeRole AddDefaultAuthorizerToCorsPreflight AddApiKeyRequiredToCorsPreflight ApiKeyRequired ResourcePolicy UsagePlan"), name) {
			t.fault(r.id, "Invalid value for 'Auth' property")
			return false
		}
	}
	if doc == nil {
		t.fault(r.id, "Auth works only with inline Swagger specified in 'DefinitionBody' property.")
		return false
	}
	authorizers := asObject(auth["Authorizers"])
	for _, name := range slices.Sorted(maps.Keys(authorizers)) {
		a, ok := authorizers[name].(object)
		if !ok {
			t.fault(r.id, "Property 'Auth.Authorizers."+name+"' should be a map.")
			return false
		}
		scheme, ok := t.restAuthorizer(r, name, a)
		if !ok {
			return false
		}
		schemes(doc)[name] = scheme
	}
	if name, has := auth["DefaultAuthorizer"]; has && !isIntrinsic(name) {
		if name != "AWS_IAM" && authorizers[text(name)] == nil {
			t.fault(r.id, "Unable to set DefaultAuthorizer because '"+text(name)+"' was not defined in 'Authorizers'.")
			return false
		}
		if name == "AWS_IAM" {
			addIAMScheme(doc)
		}
		all := append(slices.Collect(maps.Keys(authorizers)), "AWS_IAM")
		defaultAuthorizer(doc, text(name), asObject(authorizers[text(name)])["AuthorizationScopes"], all, auth["AddDefaultAuthorizerToCorsPreflight"] != false)
	}
	if auth["ApiKeyRequired"] == true {
		addKeyScheme(doc)
		defaultKey(doc, auth["AddApiKeyRequiredToCorsPreflight"] != false)
	}
	if policy := asObject(auth["ResourcePolicy"]); policy != nil {
		for _, path := range slices.Sorted(maps.Keys(asObject(doc["paths"]))) {
			addResourcePolicy(doc, object(without(policy, "CustomStatements")), path, r.props["StageName"])
		}
		addResourcePolicy(doc, object{"CustomStatements": policy["CustomStatements"]}, "", nil)
	}
	return true
}

func without(m object, name string) object {
	m = maps.Clone(m)
	delete(m, name)
	return m
}

// restAuthorizer is an authorizer as a definition of a REST API has it.
func (t *translator) restAuthorizer(r *resource, name string, a object) (object, bool) {
	identity := asObject(a["Identity"])
	header := text(identity["Header"])
	if header == "" {
		header = "Authorization"
	}
	scheme := object{"type": "apiKey", "name": header, "in": "header", "x-amazon-apigateway-authtype": "custom"}
	if pools, ok := a["UserPoolArn"]; ok {
		scheme["x-amazon-apigateway-authtype"] = "cognito_user_pools"
		list, isList := pools.([]any)
		if !isList {
			list = []any{pools}
		}
		authorizer := object{"type": "cognito_user_pools", "providerARNs": list}
		if v := identity["ValidationExpression"]; v != nil {
			authorizer["identityValidationExpression"] = v
		}
		scheme[authorizerKey] = authorizer
		return scheme, true
	}
	authorizer := object{"type": "token", "authorizerUri": subWith("arn:"+t.opt.Partition+":apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${__FunctionArn__}/invocations",
		object{"__FunctionArn__": a["FunctionArn"]})}
	if v := identity["ReauthorizeEvery"]; v != nil {
		authorizer["authorizerResultTtlInSeconds"] = v
	}
	if role := a["FunctionInvokeRole"]; role != nil && role != "NONE" {
		authorizer["authorizerCredentials"] = role
	}
	scheme[authorizerKey] = authorizer
	switch a["FunctionPayloadType"] {
	case nil, "TOKEN":
		if v := identity["ValidationExpression"]; v != nil {
			authorizer["identityValidationExpression"] = v
		}
	case "REQUEST":
		scheme["name"], authorizer["type"] = "Unused", "request"
		source := strings.Join(identitySources(identity, "method.request.header.", "method.request.querystring.", "stageVariables.", "context."), ", ")
		if source == "" && (identity["ReauthorizeEvery"] == nil || fmt.Sprint(identity["ReauthorizeEvery"]) != "0") {
			t.fault(r.id, name+" Authorizer must specify Identity with at least one of Headers, QueryStrings, StageVariables, or Context.")
			return nil, false
		}
		if source != "" {
			authorizer["identitySource"] = source
		}
	default:
		t.fault(r.id, name+" Authorizer has invalid 'FunctionPayloadType': "+text(a["FunctionPayloadType"])+".")
		return nil, false
	}
	return scheme, true
}

// identitySources are the parts of a request that an authorizer looks at, each
// kind with its prefix.
func identitySources(identity object, prefixes ...string) []string {
	var list []string
	for i, kind := range []string{"Headers", "QueryStrings", "StageVariables", "Context"} {
		for _, name := range listed(identity[kind]) {
			list = append(list, prefixes[i]+text(name))
		}
	}
	return list
}

// addResourcePolicy adds to the policy of an API what is said of a path.
//
// AWS: swagger.py, add_resource_policy. Addresses are allowed by a statement that
// allows all and one that denies the others.
func addResourcePolicy(doc, policy object, path string, stage any) {
	var on []any
	methods := []string{}
	for _, item := range variants(asObject(doc["paths"])[path]) {
		methods = append(methods, slices.Collect(maps.Keys(item))...)
	}
	slices.Sort(methods)
	for _, method := range slices.Compact(methods) {
		if method = strings.ToUpper(method); strings.EqualFold(method, anyMethod) || method == "ANY" {
			method = "*"
		}
		on = append(on, subWith("execute-api:/${__Stage__}/"+method+wildcards(path), object{"__Stage__": stage}))
	}
	statement := func(effect string, principal any, condition object) object {
		s := object{"Effect": effect, "Action": "execute-api:Invoke", "Resource": on, "Principal": principal}
		if condition != nil {
			s["Condition"] = condition
		}
		return s
	}
	for _, row := range [][2]string{{"AwsAccountWhitelist", "Allow"}, {"AwsAccountBlacklist", "Deny"}} {
		if list := listed(policy[row[0]]); list != nil {
			state(doc, statement(row[1], object{"AWS": list}, nil))
		}
	}
	for _, row := range [][2]string{{"IpRangeWhitelist", "NotIpAddress"}, {"IpRangeBlacklist", "IpAddress"}} {
		if list := listed(policy[row[0]]); list != nil {
			state(doc, statement("Allow", "*", nil), statement("Deny", "*", object{row[1]: object{"aws:SourceIp": list}}))
		}
	}
	for _, row := range [][2]string{{"Blacklist", "StringEquals"}, {"Whitelist", "StringNotEquals"}} {
		vpc, endpoint := listed(policy["IntrinsicVpc"+row[0]]), listed(policy["IntrinsicVpce"+row[0]])
		for _, v := range listed(policy["SourceVpc"+row[0]]) {
			if strings.HasPrefix(text(v), "vpce-") {
				endpoint = append(slices.Clone(endpoint), v)
			} else {
				vpc = append(slices.Clone(vpc), v)
			}
		}
		condition := object{}
		if vpc != nil {
			condition["aws:SourceVpc"] = vpc
		}
		if endpoint != nil {
			condition["aws:SourceVpce"] = endpoint
		}
		if len(condition) > 0 {
			state(doc, statement("Allow", "*", nil), statement("Deny", "*", object{row[1]: condition}))
		}
	}
	if one := asObject(policy["CustomStatements"]); one != nil && member(doc, "x-amazon-apigateway-policy")["Statement"] == nil {
		p := member(doc, "x-amazon-apigateway-policy") // AWS: it stays one
		p["Version"], p["Statement"] = "2012-10-17", one
		return
	}
	for _, s := range listed(policy["CustomStatements"]) {
		state(doc, asObject(s))
	}
}

// state adds statements to the policy of an API, none twice.
func state(doc object, statements ...object) {
	policy := member(doc, "x-amazon-apigateway-policy")
	policy["Version"] = "2012-10-17"
	have := listed(policy["Statement"])
	for _, s := range statements {
		if !slices.ContainsFunc(have, func(h any) bool { return reflect.DeepEqual(h, any(s)) }) {
			have = append(have, s)
		}
	}
	policy["Statement"] = have
}

// authorizerPermission lets an API call the function of an authorizer.
func (t *translator) authorizerPermission(r *resource, id, partition string, function any) {
	t.add(id, "AWS::Lambda::Permission", object{
		"Action": "lambda:InvokeFunction", "FunctionName": function, "Principal": "apigateway.amazonaws.com",
		"SourceArn": subWith("arn:"+partition+":execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/authorizers/*", object{"__ApiId__": ref(r.id)}),
	}, r.passed())
}
