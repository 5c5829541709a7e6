package iam

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
)

// callKeys are the condition keys of a call to an AWS API. What only some
// policies ask for is found out when they do.
type callKeys struct {
	call      *awsrpc.Call
	who       *identity.Principal
	resources *Resources
	ctx       context.Context //nolint:containedctx // of one call, as long as it is decided

	input   map[string]any // of the operation, by the names on the wire
	thing   *thing         // that the call is about
	unknown string         // a key that was asked for and cannot be told
}

// Key returns the values of a key.
func (k *callKeys) Key(name string) (policy.Values, bool) {
	switch name {
	case "aws:sourceip":
		addr, err := netip.ParseAddrPort(k.call.RemoteAddr)
		return policy.One(addr.Addr().Unmap().WithZone("").String()), err == nil
	case "aws:securetransport":
		return policy.One(strconv.FormatBool(k.call.TLS)), true
	case "aws:useragent":
		return policy.One(k.call.UserAgent), k.call.UserAgent != ""
	case "aws:requestedregion":
		return policy.One(k.call.Caller.Region), true
	case "aws:viaawsservice":
		// AWS: CloudFormation forwards each call, in a service role too
		// (fas-requests-and-permission-evaluation).
		return policy.One(strconv.FormatBool(k.call.Caller.Via != "")), true
	case "aws:calledvia":
		return policy.Many([]string{k.call.Caller.Via}), k.call.Caller.Via != ""
	case "aws:calledviafirst", "aws:calledvialast":
		return policy.One(k.call.Caller.Via), k.call.Caller.Via != ""
	case "aws:tagkeys":
		keys := k.tagKeys()
		return policy.Many(keys), len(keys) > 0
	}
	if v, ok, known := k.ofService(name); known {
		return v, ok
	}
	space, rest, _ := strings.Cut(name, "/")
	switch space {
	case "aws:requesttag":
		v, ok := k.tags()[rest]
		return policy.One(v), ok
	case "aws:resourcetag":
		if k.call.API != "apigateway" && k.call.API != "apigatewayv2" {
			k.unknown = name // other services do not say
			return policy.Values{}, false
		}
		v, ok := k.about().tags[rest]
		return policy.One(v), ok
	case "apigateway:request":
		return k.request(rest)
	case "apigateway:resource":
		return k.resource(rest)
	}
	return k.who.Key(name)
}

// undecided is why a call is refused that asks for a key which cannot be told.
func (k *callKeys) undecided() string {
	return " because a policy asks for " + k.unknown + ", which cannot be told for this operation"
}

// requestPlaces says where the input of an operation has the value of a key: by
// its members, or behind a slash by the paths of patch operations. Operations of
// both versions of the API may have one name; their members differ.
//
// AWS: "Condition keys for Amazon API Gateway Management" and "… Management V2",
// service authorization reference.
var requestPlaces = map[string]map[string][]string{
	"apiname":                   {"CreateRestApi": {"name"}, "UpdateRestApi": {"/name"}, "CreateApi": {"name"}, "UpdateApi": {"name"}},
	"disableexecuteapiendpoint": {"CreateRestApi": {"disableExecuteApiEndpoint"}, "UpdateRestApi": {"/disableExecuteApiEndpoint"}, "CreateApi": {"disableExecuteApiEndpoint"}, "UpdateApi": {"disableExecuteApiEndpoint"}},
	"endpointtype": {
		"CreateRestApi": {"endpointConfiguration.types"}, "UpdateRestApi": {"/endpointConfiguration/types"},
		"CreateDomainName": {"endpointConfiguration.types", "domainNameConfigurations.endpointType"},
		"UpdateDomainName": {"/endpointConfiguration/types", "domainNameConfigurations.endpointType"},
	},
	"securitypolicy": {
		"CreateRestApi": {"securityPolicy"}, "UpdateRestApi": {"/securityPolicy"},
		"CreateDomainName": {"securityPolicy", "domainNameConfigurations.securityPolicy"}, "UpdateDomainName": {"/securityPolicy", "domainNameConfigurations.securityPolicy"},
	},
	"mtlstruststoreuri": {
		"CreateDomainName": {"mutualTlsAuthentication.truststoreUri"},
		"UpdateDomainName": {"/mutualTlsAuthentication/truststoreUri", "mutualTlsAuthentication.truststoreUri"},
	},
	"mtlstruststoreversion": {
		"CreateDomainName": {"mutualTlsAuthentication.truststoreVersion"},
		"UpdateDomainName": {"/mutualTlsAuthentication/truststoreVersion", "mutualTlsAuthentication.truststoreVersion"},
	},
	"apikeyrequired":         {"PutMethod": {"apiKeyRequired"}, "UpdateMethod": {"/apiKeyRequired"}, "CreateRoute": {"apiKeyRequired"}, "UpdateRoute": {"apiKeyRequired"}},
	"routeauthorizationtype": {"PutMethod": {"authorizationType"}, "UpdateMethod": {"/authorizationType"}, "CreateRoute": {"authorizationType"}, "UpdateRoute": {"authorizationType"}},
	"authorizertype":         {"CreateAuthorizer": {"type", "authorizerType"}, "UpdateAuthorizer": {"/type", "authorizerType"}},
	"authorizeruri":          {"CreateAuthorizer": {"authorizerUri"}, "UpdateAuthorizer": {"/authorizerUri", "authorizerUri"}},
	"stagename":              {"CreateStage": {"stageName"}, "CreateDeployment": {"stageName"}},
	"accessloggingdestination": {
		"CreateStage": {"accessLogSettings.destinationArn"}, "UpdateStage": {"/accessLogSettings/destinationArn", "accessLogSettings.destinationArn"},
	},
	"accessloggingformat": {"CreateStage": {"accessLogSettings.format"}, "UpdateStage": {"/accessLogSettings/format", "accessLogSettings.format"}},
}

// imports are the operations whose input is a document: what is in it is not
// known before it is taken in.
var imports = []string{"ImportRestApi", "PutRestApi", "ImportApi", "ReimportApi"}

// request returns what a call to API Gateway sets.
func (k *callKeys) request(key string) (policy.Values, bool) {
	places, known := requestPlaces[key]
	if !known || slices.Contains(imports, k.call.Operation) {
		k.unknown = "apigateway:Request/" + key
		return policy.Values{}, false
	}
	var values []string
	for _, place := range places[k.call.Operation] {
		if path, patch := strings.CutPrefix(place, "/"); patch {
			values = append(values, patched(k.read()["patchOperations"], "/"+path)...)
		} else {
			values = append(values, member(k.read(), place)...)
		}
	}
	if len(values) == 1 {
		return policy.One(values[0]), true
	}
	return policy.Many(values), len(values) > 0
}

// read returns the input of the operation, empty if it cannot be decoded: then
// the call fails in any case.
func (k *callKeys) read() map[string]any {
	if k.input != nil {
		return k.input
	}
	k.input = map[string]any{}
	if k.call.Input == nil {
		return k.input
	}
	in, err := k.call.Input()
	if err != nil || in == nil {
		return k.input
	}
	text, err := json.Marshal(in)
	if err == nil {
		err = json.Unmarshal(text, &k.input)
	}
	if err != nil {
		k.unknown = "its input"
	}
	return k.input
}

// member returns the texts at a path of members; lists are gone through.
func member(v any, path string) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case bool:
		return []string{strconv.FormatBool(v)}
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, member(one, path)...)
		}
		return all
	case map[string]any:
		name, rest, _ := strings.Cut(path, ".")
		return member(v[name], rest)
	}
	return nil
}

// patched returns the values that patch operations give to a path, or to
// something below it.
func patched(operations any, path string) (values []string) {
	list, _ := operations.([]any)
	for _, one := range list {
		op, _ := one.(map[string]any)
		at, _ := op["path"].(string)
		if value, ok := op["value"].(string); ok && (at == path || strings.HasPrefix(at, path+"/")) {
			values = append(values, value)
		}
	}
	return values
}

// tags returns the tags that a call sets, their keys in lower case.
func (k *callKeys) tags() map[string]string {
	tags := map[string]string{}
	for _, name := range []string{"tags", "Tags"} {
		switch v := k.read()[name].(type) {
		case map[string]any:
			for key, value := range v {
				tags[strings.ToLower(key)], _ = value.(string)
			}
		case []any:
			for _, one := range v {
				tag, _ := one.(map[string]any)
				key, _ := tag["Key"].(string)
				tags[strings.ToLower(key)], _ = tag["Value"].(string)
			}
		}
	}
	return tags
}

// tagKeys returns the keys of the tags that a call sets or removes.
func (k *callKeys) tagKeys() (keys []string) {
	for _, name := range []string{"tags", "Tags"} {
		switch v := k.read()[name].(type) {
		case map[string]any:
			for key := range v {
				keys = append(keys, key)
			}
		case []any:
			keys = append(keys, member(v, "Key")...)
		}
	}
	for _, name := range []string{"tagKeys", "TagKeys"} {
		keys = append(keys, member(k.read()[name], "")...)
	}
	return keys
}

// resource returns what the thing is set to that a call to API Gateway is about.
func (k *callKeys) resource(key string) (policy.Values, bool) {
	t := k.about()
	if _, known := requestPlaces[key]; !known || t.closed[key] {
		k.unknown = "apigateway:Resource/" + key
		return policy.Values{}, false
	}
	values := t.keys[key]
	if len(values) == 1 {
		return policy.One(values[0]), true
	}
	return policy.Many(values), len(values) > 0
}

// about returns the thing that the call is about.
func (k *callKeys) about() *thing {
	if k.thing != nil {
		return k.thing
	}
	k.thing = &thing{}
	var err error
	if k.resources == nil {
		k.unknown = "the resource"
	} else if k.thing, err = k.resources.of(k.ctx, k.call); err != nil {
		k.thing, k.unknown = &thing{}, "the resource" // the store is down
	}
	return k.thing
}
