package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/awsrpc"
)

// What a resource is, is read by the operation beside those that make and delete it,
// and brought into the form of the template.
//
// AWS: only properties that the template sets are compared.

// detects tells whether drift of resources of the type is found.
//
// AWS: "Resource type support": types that have a handler to read them.
// AWS::IAM::Policy, custom resources and overrides of quick create have none.
func (k *kind) detects() bool { return k.reads != nil || k.shows() != "" }

// shows is the operation that shows resources of the type as they were made; "":
// none does.
func (k *kind) shows() string {
	switch {
	case k.Type == "AWS::ApiGateway::Method":
		return "GetMethod"
	case k.Type == "AWS::ApiGateway::Account":
		return "GetAccount"
	case k.service == "apigateway" || k.service == "apigatewayv2":
		if noun, ok := strings.CutPrefix(k.remove, "Delete"); ok && k.reads == nil {
			return "Get" + noun
		}
	}
	return ""
}

// unread are properties that are not compared: they act once, are secret, or
// cannot be found again in what the resource is.
//
// AWS: "Considerations when detecting drift"; what is writeOnlyProperties in the
// schemas of the types.
func (k *kind) unread() []string {
	switch k.Type {
	case "AWS::ApiGateway::RestApi":
		return []string{"Body", "BodyS3Location", "CloneFrom", "FailOnWarnings", "Mode", "Parameters"}
	case "AWS::ApiGateway::Deployment":
		return []string{"StageName", "StageDescription", "DeploymentCanarySettings"}
	case "AWS::ApiGateway::ApiKey":
		return []string{"GenerateDistinctId", "StageKeys", "Value"}
	case "AWS::ApiGatewayV2::Api":
		return []string{"Body", "BodyS3Location", "CredentialsArn", "FailOnWarnings", "RouteKey", "Target"}
	case "AWS::ApiGatewayV2::Deployment":
		return []string{"StageName"}
	case "AWS::CertificateManager::Certificate":
		return []string{"DomainValidationOptions", "ValidationMethod"}
	case "AWS::CloudFormation::Stack":
		return []string{"NotificationARNs", "TemplateURL", "TimeoutInMinutes"}
	case "AWS::Lambda::Function":
		return []string{"Code"}
	case "AWS::Lambda::LayerVersion":
		return []string{"Content"}
	case "AWS::Logs::DeliverySource":
		return []string{"ResourceArn"}
	case "AWS::S3::Bucket":
		return []string{"AccessControl"}
	case "AWS::ServiceDiscovery::PrivateDnsNamespace":
		return []string{"Vpc"}
	case "AWS::SSM::Parameter":
		return []string{"AllowedPattern", "Description", "Policies", "Tags", "Tier"}
	}
	return nil
}

// compared are the properties that are compared.
//
// AWS: keys "can be referenced by multiple aliases": KMSKeyId is not compared.
func (k *kind) compared(props map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range props {
		if !slices.Contains(k.unread(), name) && !strings.EqualFold(name, "KmsKeyId") {
			out[name] = v
		}
	}
	return out
}

// given are properties that name a resource to the operation that shows it.
func (k *kind) given() []string {
	switch k.Type {
	case "AWS::ApiGateway::Method":
		return []string{"RestApiId", "ResourceId"}
	case "AWS::ApiGateway::UsagePlanKey":
		return []string{"KeyId", "KeyType", "UsagePlanId"}
	case "AWS::ApiGateway::DocumentationVersion":
		return []string{"DocumentationVersion", "RestApiId"}
	case "AWS::ApiGateway::BasePathMapping", "AWS::ApiGateway::BasePathMappingV2", "AWS::ApiGatewayV2::RoutingRule":
		return []string{"DomainName", "DomainNameArn"}
	}
	return strings.Fields(k.under)
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

// actual reads what a resource has for the properties that are compared.
func (k *kind) actual(ctx context.Context, w *worker, compared map[string]any) (map[string]any, error) {
	read := k.reads
	if read == nil {
		read = readShown
	}
	is, err := read(ctx, w)
	if err != nil {
		return nil, err
	}
	props := map[string]any{}
	for name := range compared {
		if v := is[name]; v != nil {
			props[name] = v
		}
	}
	return props, nil
}

// readShown reads a resource by the operation that shows it.
func readShown(ctx context.Context, w *worker) (map[string]any, error) {
	in, err := w.kind.locate(w)
	if err != nil {
		return nil, err
	}
	out, err := w.call(ctx, w.kind.shows(), in)
	if err != nil {
		return nil, err
	}
	is := w.inTemplateForm(out)
	maps.Copy(is, only(w.props, w.kind.given()...))
	return is, nil
}

// inTemplateForm are the properties of the template as an output has them.
func (w *worker) inTemplateForm(out map[string]any) map[string]any {
	is := map[string]any{}
	for name, want := range w.props {
		is[name] = w.kind.templateForm(name, want, out)
	}
	return is
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
	case strings.Contains(flags, "@") || name == "Tags" && asItems(got) != nil:
		return listedTags(got)
	case strings.Contains(flags, "%"):
		return responseLists(want, got)
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

// listedTags are tags, in either form, as the list of a template, without those of
// AWS's own.
func listedTags(v any) any {
	tags := asMembers(v)
	if tags == nil {
		tags, _ = tagMap(asItems(v)) // nobody has others
	}
	list := []any{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if !strings.HasPrefix(key, "aws:") {
			list = append(list, map[string]any{"Key": key, "Value": tags[key]})
		}
	}
	return list
}

// responseLists are changes of responses in the form in which a template writes
// them: see responseChanges.
func responseLists(want, got any) any {
	out := map[string]any{}
	for code, changes := range asMembers(got) {
		out[code] = changes
		if _, plain := asMembers(asMembers(want)[code])["ResponseParameters"].([]any); !plain && asMembers(want)[code] != nil {
			continue // as the API has it
		}
		list := []any{}
		for _, to := range slices.Sorted(maps.Keys(asMembers(changes))) {
			list = append(list, map[string]any{"Destination": to, "Source": asMembers(changes)[to]})
		}
		out[code] = map[string]any{"ResponseParameters": list}
	}
	return out
}

// every collects what an operation lists, page by page.
func (w *worker) every(ctx context.Context, operation string, in map[string]any, list string) ([]any, error) {
	in = maps.Clone(in)
	var all []any
	for range maxPages {
		out, err := w.call(ctx, operation, in)
		if err != nil {
			return nil, err
		}
		all = append(all, asItems(member(out, list))...)
		last := true
		for _, token := range []string{"Marker", "NextToken", "Position"} {
			if next, _ := textOf(member(out, token)); next != "" {
				in[token], last = next, false
			}
		}
		if last {
			return all, nil
		}
	}
	return nil, errors.New(operation + " does not come to an end")
}

// maxPages bounds how many pages of a list are read.
const maxPages = 1000

// one returns the item of a list that has a value for a member, or that there is
// none.
func one(list []any, name string, value any) (map[string]any, error) {
	for _, e := range list {
		if m := asMembers(e); same(value, member(m, name)) {
			return m, nil
		}
	}
	text, _ := textOf(value)
	return nil, gone(text)
}

// gone says that a resource is not there any more.
func gone(what string) error {
	return &awsrpc.Error{Code: "NotFoundException", Status: 404, Message: what + " does not exist"}
}

// goneWith makes of an error with the code by which an API says that nothing is
// there one that says so for all.
func goneWith(err error, code string) error {
	if e, ok := errors.AsType[*awsrpc.Error](err); ok && e.Code == code {
		return gone(e.Message)
	}
	return err
}

// valuesOfMember are the values of a member of the items of a list.
func valuesOfMember(list []any, name string) []any {
	out := []any{}
	for _, e := range list {
		if v := member(asMembers(e), name); v != nil {
			out = append(out, v)
		}
	}
	return out
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
