package sam

import (
	"maps"
	"slices"
	"strings"
)

// globalProperties are the properties that Globals may give to a type.
//
// AWS: SAM, "Globals section".
func globalProperties() map[string]string {
	return map[string]string{
		"Function": "Handler Runtime CodeUri DeadLetterQueue Description MemorySize Timeout VpcConfig Environment Tags PropagateTags Tracing KmsKeyArn " +
			"AutoPublishAlias AutoPublishAliasAllProperties Layers DeploymentPreference RolePath PermissionsBoundary ReservedConcurrentExecutions " +
			"ProvisionedConcurrencyConfig AssumeRolePolicyDocument EventInvokeConfig FileSystemConfigs CodeSigningConfigArn Architectures SnapStart " +
			"EphemeralStorage FunctionUrlConfig RuntimeManagementConfig LoggingConfig RecursiveLoop SourceKMSKeyArn TenancyConfig DurableConfig CapacityProviderConfig " +
			"FunctionScalingConfig PublishToLatestPublished VersionDeletionPolicy",
		"Api": "Auth Name DefinitionUri CacheClusterEnabled CacheClusterSize MergeDefinitions Variables EndpointConfiguration MethodSettings BinaryMediaTypes " +
			"MinimumCompressionSize Cors GatewayResponses AccessLogSetting CanarySetting TracingEnabled OpenApiVersion Domain AlwaysDeploy PropagateTags SecurityPolicy EndpointAccessMode",
		"HttpApi": "Auth AccessLogSettings StageVariables Tags CorsConfiguration DefaultRouteSettings Domain RouteSettings FailOnWarnings PropagateTags",
		"WebSocketApi": "AccessLogSettings ApiKeySelectionExpression DefaultRouteSettings DisableExecuteApiEndpoint DisableSchemaValidation Domain FailOnWarnings " +
			"IpAddressType PropagateTags RouteSelectionExpression RouteSettings StageVariables Tags",
		"SimpleTable":      "SSESpecification",
		"LayerVersion":     "PublishLambdaVersion",
		"StateMachine":     "PropagateTags",
		"CapacityProvider": "VpcConfig OperatorRole Tags InstanceRequirements ScalingConfig KmsKeyArn PropagateTags",
	}
}

// checkGlobals refuses what Globals cannot say.
func (t *translator) checkGlobals() {
	if _, has := t.tpl["Globals"]; !has {
		return
	}
	globals, ok := t.tpl["Globals"].(object)
	if !ok {
		t.faults = append(t.faults, "'Globals' section is invalid. It must be a non-empty dictionary")
		return
	}
	allowed := globalProperties()
	for _, section := range slices.Sorted(maps.Keys(globals)) {
		names, ok := allowed[section]
		if !ok {
			t.faults = append(t.faults, "'Globals' section is invalid. '"+section+"' is not supported. Must be one of the following values - "+
				quoted(slices.Sorted(maps.Keys(allowed))))
			continue
		}
		props, ok := globals[section].(object)
		if !ok {
			t.faults = append(t.faults, "'Globals' section is invalid. Value of "+section+" must be a dictionary")
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(props)) {
			if !slices.Contains(strings.Fields(names), name) {
				t.faults = append(t.faults, "'Globals' section is invalid. '"+name+"' is not a supported property of '"+section+"'. Must be one of the following values - "+
					quoted(strings.Fields(names)))
			}
		}
	}
}

// quoted is a list as Python writes it.
func quoted(list []string) string { return "['" + strings.Join(list, "', '") + "']" }

// applyGlobals lays the properties of each resource over what Globals say of its
// type.
func (t *translator) applyGlobals() {
	for id := range t.in {
		r, ok := t.resource(id)
		if !ok {
			continue
		}
		section, isSAM := strings.CutPrefix(r.typ, "AWS::Serverless::")
		if globals := asObject(asObject(t.tpl["Globals"])[section]); isSAM && globals != nil {
			r.raw["Properties"] = clone(merged(t.heeded(r, globals), r.props))
		}
	}
}

// heeded is what a resource leaves of Globals: its attribute IgnoreGlobals names
// properties, or all by "*".
func (t *translator) heeded(r *resource, globals object) object {
	const wrong = " has invalid resource attribute 'IgnoreGlobals'"
	switch ignored := r.raw["IgnoreGlobals"].(type) {
	case nil:
		return globals
	case string:
		if ignored == "*" {
			return object{}
		}
		if ignored == "" {
			return globals
		}
	case []any:
		left := maps.Clone(globals)
		for _, v := range ignored {
			if _, ok := left[text(v)]; !ok {
				t.fault(r.id, "Resource "+r.id+wrong+" on item '"+text(v)+"'.")
				return globals
			}
			delete(left, text(v))
		}
		return left
	}
	t.fault(r.id, "Resource "+r.id+wrong+".")
	return globals
}

// merged lays local over global: objects member by member, lists one after the
// other, anything else local alone.
func merged(global, local any) any {
	switch l := local.(type) {
	case object:
		g, ok := global.(object)
		if !ok || len(g) == 0 || isIntrinsic(l) || isIntrinsic(g) {
			return local
		}
		out := maps.Clone(g)
		for k, v := range l {
			if was, has := g[k]; has {
				v = merged(was, v)
			}
			out[k] = v
		}
		return out
	case []any:
		if g, ok := global.([]any); ok {
			return append(slices.Clone(g), l...)
		}
	}
	return local
}
