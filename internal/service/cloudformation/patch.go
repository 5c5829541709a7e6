package cloudformation

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// A patch says how a change of a property becomes patch operations.
type patch struct {
	prop string
	path string
	form patchForm
}

// A patchForm is what a property looks like.
type patchForm int

const (
	asText    patchForm = iota // one value, replaced
	asMap                      // a value below path for each name
	asList                     // an element at path for each value
	asObject                   // a value below path for each member; its absence removes path
	asTypes                    // endpointConfiguration
	asMethods                  // MethodSettings of a stage
	asStages                   // ApiStages of a usage plan
)

// texts gives rows for properties that are one value each, named as in the API
// but for the first letter.
func patchTexts(props string) []patch {
	var list []patch
	for p := range strings.FieldsSeq(props) {
		name, path, has := strings.Cut(p, "=")
		if !has {
			path = strings.ToLower(p[:1]) + p[1:]
		}
		list = append(list, patch{prop: name, path: "/" + path})
	}
	return list
}

// patchOps are operations as inputs have them.
type patchOps []any

func (ops *patchOps) add(op, path string, value any) {
	m := map[string]any{"op": op, "path": path}
	if value != nil {
		m["value"] = value
		if _, ok := textOf(value); !ok {
			m["value"] = marshalText(value)
		}
	}
	*ops = append(*ops, m)
}

// pointer escapes a part of a path.
func pointer(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}

func (k *kind) patchUpdate(ctx context.Context, w *worker) error {
	var ops patchOps
	for _, p := range k.patches {
		if !same(w.old[p.prop], w.props[p.prop]) {
			p.ops(&ops, w.old[p.prop], w.props[p.prop])
		}
	}
	if len(ops) > 0 {
		in, err := k.where(w)
		if err != nil {
			return err
		}
		in["patchOperations"] = []any(ops)
		out, err := w.call(ctx, k.update, in)
		if err != nil {
			return err
		}
		k.take(w, out)
	}
	return k.retag(ctx, w)
}

// ops adds what turns the value old into next.
func (p patch) ops(ops *patchOps, old, next any) {
	switch p.form {
	case asText:
		if next == nil {
			next = ""
		}
		ops.add("replace", p.path, next)
	case asMap, asObject:
		p.members(ops, asMembers(old), asMembers(next))
	case asList:
		before, after := listOf(old), listOf(next)
		for _, v := range before {
			if !slices.Contains(after, v) {
				ops.add("remove", p.path+"/"+pointer(v), nil)
			}
		}
		for _, v := range after {
			if !slices.Contains(before, v) {
				ops.add("add", p.path+"/"+pointer(v), nil)
			}
		}
	case asTypes:
		before, after := listOf(asMembers(old)["Types"]), listOf(asMembers(next)["Types"])
		if len(before) == 0 {
			before = []string{"EDGE"}
		}
		if len(after) == 0 {
			after = []string{"EDGE"}
		}
		if before[0] != after[0] {
			ops.add("replace", p.path+"/types/"+before[0], after[0])
		}
		if v := asMembers(next)["IpAddressType"]; v != nil {
			ops.add("replace", p.path+"/ipAddressType", v)
		}
	case asMethods:
		methodPatches(ops, old, next)
	case asStages:
		before, after := stageNames(old), stageNames(next)
		for _, v := range before {
			if !slices.Contains(after, v) {
				ops.add("remove", p.path, v)
			}
		}
		for _, v := range after {
			if !slices.Contains(before, v) {
				ops.add("add", p.path, v)
			}
		}
	}
}

func (p patch) members(ops *patchOps, old, next map[string]any) {
	if len(next) == 0 && p.form == asObject {
		ops.add("remove", p.path, nil)
		return
	}
	name := func(k string) string {
		if p.form == asObject {
			return strings.ToLower(k[:1]) + k[1:]
		}
		return pointer(k)
	}
	for _, k := range slices.Sorted(maps.Keys(old)) {
		if _, kept := next[k]; !kept {
			ops.add("remove", p.path+"/"+name(k), nil)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(next)) {
		if nested, ok := next[k].(map[string]any); ok {
			patch{path: p.path + "/" + name(k), form: asMap}.members(ops, asMembers(old[k]), nested)
			continue
		}
		if !same(old[k], next[k]) {
			ops.add("replace", p.path+"/"+name(k), next[k])
		}
	}
}

func asMembers(v any) map[string]any { m, _ := v.(map[string]any); return m }

func listOf(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, e := range list {
		if s, ok := textOf(e); ok {
			out = append(out, s)
		}
	}
	return out
}

// stageNames are the stages of a usage plan, or of an API key.
func stageNames(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, e := range list {
		m := asMembers(e)
		api, _ := textOf(m["ApiId"])
		if api == "" {
			api, _ = textOf(m["RestApiId"])
		}
		stage, ok := textOf(m["Stage"])
		if !ok {
			stage, _ = textOf(m["StageName"])
		}
		out = append(out, api+":"+stage)
	}
	return out
}

// settingPaths are the members of a method setting with their paths.
//
// AWS: the patch operations of UpdateStage.
func settingPaths() map[string]string {
	return map[string]string{
		"LoggingLevel": "logging/loglevel", "MetricsEnabled": "metrics/enabled", "DataTraceEnabled": "logging/dataTrace",
		"ThrottlingBurstLimit": "throttling/burstLimit", "ThrottlingRateLimit": "throttling/rateLimit",
		"CachingEnabled": "caching/enabled", "CacheTtlInSeconds": "caching/ttlInSeconds", "CacheDataEncrypted": "caching/dataEncrypted",
	}
}

// methodPatches turns method settings into operations: those of methods that are
// no longer named are removed whole.
func methodPatches(ops *patchOps, old, next any) {
	before, after := settingsByMethod(old), settingsByMethod(next)
	for _, method := range slices.Sorted(maps.Keys(before)) {
		gone := after[method] == nil
		for name := range before[method] {
			_, has := after[method][name]
			gone = gone || !has
		}
		if gone {
			ops.add("remove", method, nil)
			delete(before, method)
		}
	}
	for _, method := range slices.Sorted(maps.Keys(after)) {
		for _, name := range slices.Sorted(maps.Keys(after[method])) {
			if path := settingPaths()[name]; path != "" && !same(before[method][name], after[method][name]) {
				ops.add("replace", method+"/"+path, after[method][name])
			}
		}
	}
}

// settingsByMethod are method settings by the path of their method.
//
// AWS: "/*" and "*" stand for all.
func settingsByMethod(v any) map[string]map[string]any {
	out := map[string]map[string]any{}
	list, _ := v.([]any)
	for _, e := range list {
		m := maps.Clone(asMembers(e))
		path, _ := textOf(m["ResourcePath"])
		method, _ := textOf(m["HttpMethod"])
		delete(m, "ResourcePath")
		delete(m, "HttpMethod")
		switch {
		case path == "/*" || path == "*" || path == "":
			path = "*"
		case strings.Contains(path, "~1"):
			// AWS: "/resource/subresource must be encoded as /~1resource~1subresource".
			path = strings.TrimPrefix(path, "/")
		default:
			path = pointer(path)
		}
		if method == "" {
			method = "*"
		}
		out["/"+path+"/"+method] = m
	}
	return out
}

// taggedAs is the ARN under which a resource of API Gateway has tags.
func (k *kind) taggedAs(w *worker) string {
	prefix := "arn:" + partition(w.t.region) + ":apigateway:" + w.t.region + "::"
	switch k.Type {
	case "AWS::ApiGateway::RestApi":
		return prefix + "/restapis/" + w.id
	case "AWS::ApiGateway::Stage":
		return prefix + "/restapis/" + w.text("RestApiId") + "/stages/" + w.id
	case "AWS::ApiGateway::ApiKey":
		return prefix + "/apikeys/" + w.id
	case "AWS::ApiGateway::UsagePlan":
		return prefix + "/usageplans/" + w.id
	case "AWS::ApiGateway::DomainName":
		return prefix + "/domainnames/" + w.id
	case "AWS::ApiGateway::VpcLink":
		return prefix + "/vpclinks/" + w.id
	case "AWS::ApiGateway::ClientCertificate":
		return prefix + "/clientcertificates/" + w.id
	case "AWS::ApiGateway::DomainNameV2", "AWS::ApiGateway::DomainNameAccessAssociation":
		return w.id
	case "AWS::ApiGatewayV2::Api":
		return prefix + "/apis/" + w.id
	case "AWS::ApiGatewayV2::DomainName":
		return prefix + "/domainnames/" + w.id
	case "AWS::ApiGatewayV2::VpcLink":
		return prefix + "/vpclinks/" + w.id
	case "AWS::ApiGatewayV2::Stage":
		return prefix + "/apis/" + w.text("ApiId") + "/stages/" + w.id
	}
	return ""
}

// markOwned tags a new resource of API Gateway with where it comes from.
//
// AWS: recorded (test_cfn_deploy_apigateway_integration and others).
func (k *kind) markOwned(ctx context.Context, w *worker) error {
	name := k.taggedAs(w)
	if name == "" {
		return nil
	}
	_, err := w.call(ctx, "TagResource", map[string]any{"resourceArn": name, "tags": map[string]any{
		"aws:cloudformation:logical-id": w.logical, "aws:cloudformation:stack-id": str(w.stack.StackId), "aws:cloudformation:stack-name": str(w.stack.StackName),
	}})
	return err
}

// retag makes the tags of a resource what its properties say.
func (k *kind) retag(ctx context.Context, w *worker) error {
	name := k.taggedAs(w)
	if name == "" || same(w.old["Tags"], w.props["Tags"]) {
		return nil
	}
	now, gone, err := w.tagChanges()
	if err != nil {
		return err
	}
	if gone != nil {
		if _, err := w.call(ctx, "UntagResource", map[string]any{"resourceArn": name, "tagKeys": gone}); err != nil {
			return err
		}
	}
	if len(now) == 0 {
		return nil
	}
	_, err = w.call(ctx, "TagResource", map[string]any{"resourceArn": name, "tags": now})
	return err
}
