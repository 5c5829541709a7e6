package cloudformation

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// What a resource is, is read by the operation beside those that make and delete it,
// and brought into the form of the template.
//
// AWS: only properties that the template sets are compared.

// reads is the operation that reads resources of the type; "": none does.
func (k *kind) reads() string {
	switch {
	case k.Type == "AWS::ApiGateway::Method":
		return "GetMethod"
	case k.Type == "AWS::ApiGateway::Account":
		return "GetAccount"
	case k.Type == "AWS::Lambda::Function":
		return "GetFunctionConfiguration"
	case k.service == "apigateway" || k.service == "apigatewayv2":
		if noun, ok := strings.CutPrefix(k.remove, "Delete"); ok && k.Type != "AWS::ApiGateway::DomainNameAccessAssociation" {
			return "Get" + noun
		}
	}
	return ""
}

// unread are properties that are not compared, but told as the template has them: they
// act once, are secret, or are not what the operation shows.
func (k *kind) unread() []string {
	switch k.Type {
	case "AWS::ApiGateway::RestApi":
		return []string{"Body", "BodyS3Location", "CloneFrom", "FailOnWarnings", "Mode", "Parameters"}
	case "AWS::ApiGateway::Method":
		return []string{"RestApiId", "ResourceId"}
	case "AWS::ApiGateway::Deployment":
		return []string{"StageName", "StageDescription", "DeploymentCanarySettings"}
	case "AWS::ApiGateway::ApiKey":
		return []string{"GenerateDistinctId", "StageKeys", "Value"}
	case "AWS::ApiGateway::UsagePlanKey":
		return []string{"KeyId", "KeyType"}
	case "AWS::ApiGateway::DocumentationVersion":
		return []string{"DocumentationVersion"}
	case "AWS::ApiGateway::BasePathMapping", "AWS::ApiGateway::BasePathMappingV2", "AWS::ApiGatewayV2::RoutingRule":
		return []string{"DomainName", "DomainNameArn"}
	case "AWS::ApiGatewayV2::Api":
		return []string{"Body", "BodyS3Location", "CredentialsArn", "FailOnWarnings", "RouteKey", "Target"}
	case "AWS::ApiGatewayV2::Integration":
		return []string{"ResponseParameters"}
	case "AWS::ApiGatewayV2::Deployment":
		return []string{"StageName"}
	case "AWS::Lambda::Function":
		return []string{"Code", "Layers", "ReservedConcurrentExecutions", "Tags"}
	}
	return nil
}

// locate names the resource to the operation that reads it.
func (k *kind) locate(w *worker) (map[string]any, error) {
	switch k.Type {
	case "AWS::ApiGateway::Method":
		return method(w), nil
	case "AWS::ApiGateway::BasePathMapping":
		return basePath(w), nil
	case "AWS::ApiGateway::Account":
		return map[string]any{}, nil
	}
	return k.where(w)
}

// actual reads the properties of the resource that the template sets.
func (k *kind) actual(ctx context.Context, w *worker) (map[string]any, error) {
	in, err := k.locate(w)
	if err != nil {
		return nil, err
	}
	out, err := w.call(ctx, k.reads(), in)
	if err != nil {
		return nil, err
	}
	props := map[string]any{}
	for name, want := range w.props {
		if slices.Contains(k.unread(), name) || slices.Contains(strings.Fields(k.under), name) {
			props[name] = want
			continue
		}
		if got := k.templateForm(name, want, out); got != nil {
			props[name] = got
		}
	}
	return props, nil
}

// shownAs is what the output calls a property.
func (k *kind) shownAs(property string) string {
	for _, p := range k.patches {
		if p.prop == property && len(p.path) > 1 && p.form != asMethods {
			name, _, _ := strings.Cut(p.path[1:], "/")
			return name
		}
	}
	return k.member(property)
}

// templateForm is a property in the form in which templates write it.
func (k *kind) templateForm(name string, want any, out map[string]any) any {
	switch {
	case k.Type == "AWS::ApiGateway::Method" && name == "Integration":
		integration := maps.Clone(asMembers(member(out, "methodIntegration")))
		if integration == nil {
			return nil
		}
		integration["integrationHttpMethod"] = integration["httpMethod"]
		integration["integrationResponses"] = valuesOf(integration["integrationResponses"])
		return integration
	case k.Type == "AWS::ApiGateway::Method" && name == "MethodResponses":
		return valuesOf(out["methodResponses"])
	case k.Type == "AWS::ApiGateway::Stage" && name == "MethodSettings":
		return methodSettings(out["methodSettings"])
	}
	got := member(out, k.shownAs(name))
	flags, _ := k.property(name)
	switch {
	case got == nil:
		return nil
	case strings.Contains(flags, "@"):
		return tagList(asMembers(got))
	case strings.Contains(flags, "#"):
		if _, isText := want.(string); !isText {
			return readDocument(got)
		}
	}
	return got
}

// member is a member of an output, whose names may differ in the case of their first
// letter.
func member(m map[string]any, name string) any {
	for key, v := range m {
		if sameButFirst(key, name) {
			return v
		}
	}
	return nil
}

func sameButFirst(a, b string) bool {
	return len(a) == len(b) && a != "" && a[1:] == b[1:] && strings.EqualFold(a[:1], b[:1])
}

// valuesOf lists the values of a map by status code.
func valuesOf(v any) any {
	m := asMembers(v)
	if m == nil {
		return nil
	}
	var list []any
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[key])
	}
	return list
}

// methodSettings is a map of settings by path and method as the list of a template.
func methodSettings(v any) any {
	var list []any
	for key, settings := range asMembers(v) {
		at := strings.LastIndexByte(key, '/')
		if at < 0 {
			continue
		}
		path := strings.ReplaceAll(strings.ReplaceAll(key[:at], "~1", "/"), "~0", "~")
		if path == "*" {
			path = "/*"
		}
		m := maps.Clone(asMembers(settings))
		m["ResourcePath"], m["HttpMethod"] = path, key[at+1:]
		list = append(list, m)
	}
	return list
}

// tagList is a map of tags as the list of a template, without those of AWS's own.
func tagList(tags map[string]any) any {
	var list []any
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if !strings.HasPrefix(key, "aws:") {
			list = append(list, map[string]any{"Key": key, "Value": tags[key]})
		}
	}
	return list
}

// readDocument reads a document that is shown as text, whose quotes may be escaped.
func readDocument(v any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	var doc any
	if json.Unmarshal([]byte(text), &doc) == nil {
		return doc
	}
	if plain, err := strconv.Unquote(`"` + text + `"`); err == nil && json.Unmarshal([]byte(plain), &doc) == nil {
		return doc
	}
	return v
}
