package takeout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/openapi"
)

// templates write the states of the API, one after the other.
func (a *restAPI) templates(states []restState, stack string) ([]Template, error) {
	parts := !slices.ContainsFunc(states, func(s restState) bool { return !inParts(s.def, s.documentation) })
	var out []Template
	for i := range states {
		if parts && i > 0 {
			// What goes from one state to the next must be gone before that is
			// frozen; stacks delete last.
			between, err := a.template(states[:i], states[i], stack, parts)
			if err != nil {
				return nil, err
			}
			if takesAway(out[len(out)-1], between) {
				out = append(out, between)
			}
		}
		t, err := a.template(states[:i+1], states[i], stack, parts)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	if n := len(out); n > 1 && reflect.DeepEqual(out[n-1], out[n-2]) {
		out = out[:n-1]
	}
	return out, nil
}

// takesAway tells whether next lacks a resource that before has.
func takesAway(before, next Template) bool {
	for name := range before.Resources {
		if next.Resources[name] == nil {
			return true
		}
	}
	return false
}

// template writes a state, with all that some states froze.
func (a *restAPI) template(frozen []restState, state restState, stack string, parts bool) (Template, error) {
	b := a.t.builder(stack, fmt.Sprintf("%s, %s at its source.", a.name, a.id))
	b.export(a.id, "API")
	props, err := a.apiProperties(b, state, parts)
	if err != nil {
		return Template{}, err
	}
	b.add("AWS::ApiGateway::RestApi", "API", props)
	var made []string
	if parts {
		a.parts(b, state)
		made = slices.DeleteFunc(sortedKeys(b.Resources), func(name string) bool { return name == b.logical("API") })
	}
	for _, s := range frozen {
		a.frozen(b, s, made)
	}
	for i := range a.stages {
		a.stage(b, &a.stages[i])
	}
	return b.finish(), nil
}

// frozen adds what a state froze, after all that it is made of.
func (a *restAPI) frozen(b *builder, s restState, made []string) {
	for _, v := range s.versions {
		p := b.properties("AWS::ApiGateway::DocumentationVersion", a.name+": documentation version "+str(v.Version), v, map[string]string{"Version": "DocumentationVersion"}, "CreatedDate")
		p["RestApiId"] = ref(b.logical("API"))
		b.add("AWS::ApiGateway::DocumentationVersion", "Documentation version "+str(v.Version), p).DependsOn = made
	}
	for _, d := range s.deployments {
		p := b.properties("AWS::ApiGateway::Deployment", a.name+": deployment "+str(d.Id), d, nil, "Id CreatedDate ApiSummary")
		p["RestApiId"] = ref(b.logical("API"))
		what := "Deployment " + str(d.Id)
		b.add("AWS::ApiGateway::Deployment", what, p).DependsOn = made
		a.t.ids[str(d.Id)] = reference{stack: b.stack, logical: b.logical(what)}
	}
}

// apiProperties are the properties of the API itself. With parts, its definition
// is in resources of their own.
func (a *restAPI) apiProperties(b *builder, state restState, parts bool) (map[string]any, error) {
	set := state.def.Settings
	props := b.properties("AWS::ApiGateway::RestApi", a.name, set, map[string]string{"ApiKeySource": "ApiKeySourceType"},
		"Id CreatedDate RootResourceId Version Warnings ApiStatus ApiStatusMessage Policy")
	if !is(set.DisableExecuteApiEndpoint) {
		delete(props, "DisableExecuteApiEndpoint")
	}
	if policy := a.policy(str(set.Policy)); policy != nil {
		props["Policy"] = policy
	}
	if parts {
		if set.Version != nil {
			// No property says the version. AWS: with merge, what is there besides
			// stays.
			info := map[string]any{"title": str(set.Name), "version": *set.Version}
			if d := str(set.Description); d != "" {
				info["description"] = d
			}
			props["Body"], props["Mode"] = map[string]any{"openapi": "3.0.1", "info": info, "paths": map[string]any{}}, "merge"
		}
		return props, nil
	}
	// What the document says stands there only.
	for _, name := range []string{"Description", "BinaryMediaTypes", "MinimumCompressionSize", "ApiKeySourceType", "SecurityPolicy", "EndpointAccessMode"} {
		delete(props, name)
	}
	body, err := a.body(state)
	props["Body"] = body
	return props, err
}

// body is the definition as a document.
func (a *restAPI) body(state restState) (map[string]any, error) {
	def := *state.def
	def.Settings.EndpointConfiguration, def.Settings.DisableExecuteApiEndpoint, def.Settings.Policy = nil, nil, nil
	def.Documentation = nil // it stands in an extension of its own
	text, err := openapi.Export(&def, openapi.ExportOptions{V3: true, Extensions: true, Authorizers: true})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.name, err)
	}
	again, err := openapi.Import(text, openapi.Options{RestAPI: a.id, BasePath: openapi.BasePathIgnore})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.name, err)
	}
	for _, d := range openapi.Compare(&def, again) {
		if d.Part != "api" && !d.Added {
			a.t.leave(a.name+": "+strings.TrimSuffix(d.Part+": "+d.Member, ": "), "a document has no place for it (value: %s)", short(d.Before))
		}
	}
	body, err := document(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.name, err)
	}
	if info, ok := body["info"].(map[string]any); ok && def.Settings.Version == nil {
		delete(info, "version")
	}
	delete(body, "servers")
	if len(state.documentation) > 0 {
		body["x-amazon-apigateway-documentation"] = map[string]any{"documentationParts": documented(state.documentation)}
	}
	return body, nil
}

// documented are parts of the documentation as documents have them.
func documented(parts []api.DocumentationPart) []any {
	list := []any{}
	for _, p := range parts {
		at := map[string]any{}
		if loc, ok := plain(reflect.ValueOf(p.Location)).(map[string]any); ok {
			for k, v := range loc {
				at[memberName(k)] = v
			}
		}
		properties, err := document([]byte(str(p.Properties)))
		if err != nil {
			properties = map[string]any{}
		}
		list = append(list, map[string]any{"location": at, "properties": properties})
	}
	return list
}

// policy is the resource policy, with the short form of its own API's ARNs.
//
// AWS: "execute-api:/stage/…" stands for this API
// (apigateway-resource-policies-create-attach).
func (a *restAPI) policy(text string) any {
	if text == "" {
		return nil
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		a.t.leave(a.name+": policy", "it cannot be read: %v", err)
		return nil
	}
	return replaceTexts(v, func(s string) string {
		if !strings.HasPrefix(s, "arn:") {
			return s
		}
		if _, rest, ok := strings.Cut(s, ":"+a.id+"/"); ok && strings.Contains(s, ":execute-api:") {
			return "execute-api:/" + rest
		}
		return s
	})
}

func replaceTexts(v any, replace func(string) string) any {
	switch v := v.(type) {
	case string:
		return replace(v)
	case []any:
		for i := range v {
			v[i] = replaceTexts(v[i], replace)
		}
	case map[string]any:
		for k := range v {
			v[k] = replaceTexts(v[k], replace)
		}
	}
	return v
}

// document reads a JSON document as templates have it.
func document(text []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v map[string]any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return numbers(v).(map[string]any), nil
}

// numbers makes numbers of what was read as their texts: whole ones stay whole.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if f, err := v.Float64(); err == nil && !math.IsInf(f, 0) {
			return f
		}
		return v.String()
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}

// stage adds a stage, if what it serves is there already.
func (a *restAPI) stage(b *builder, s *api.Stage) {
	what := a.name + ": stage " + str(s.StageName)
	for _, id := range []string{str(s.DeploymentId), canaryOf(s)} {
		if _, made := b.Resources[b.logical("Deployment "+id)]; id != "" && !made {
			return
		}
	}
	p := b.properties("AWS::ApiGateway::Stage", what, *s, map[string]string{"AccessLogSettings": "AccessLogSetting", "CanarySettings": "CanarySetting"},
		"CacheClusterStatus CreatedDate LastUpdatedDate WebAclArn MethodSettings")
	p["RestApiId"] = ref(b.logical("API"))
	if s.WebAclArn != nil {
		a.t.leave(what+": web ACL", "it is set by the API of AWS WAF: %s", *s.WebAclArn)
	}
	if len(s.MethodSettings) > 0 {
		p["MethodSettings"] = a.methodSettings(b, what, s.MethodSettings)
	}
	r := b.add("AWS::ApiGateway::Stage", "Stage "+str(s.StageName), p)
	if v := str(s.DocumentationVersion); v != "" {
		r.DependsOn = []string{b.logical("Documentation version " + v)}
	}
}

func canaryOf(s *api.Stage) string {
	if s.CanarySettings == nil {
		return ""
	}
	return str(s.CanarySettings.DeploymentId)
}

// methodSettings are the settings of methods as a list.
//
// AWS: a key is the path, each slash of it as ~1, a slash and the method; in
// templates the path begins with a slash. */* is /* and *.
func (a *restAPI) methodSettings(b *builder, what string, all map[string]api.MethodSetting) []any {
	list := []any{}
	for _, key := range sortedKeys(all) {
		at := strings.LastIndexByte(key, '/')
		set := all[key]
		// AWS: what these are where nobody set them.
		if set.RequireAuthorizationForCacheControl == nil || *set.RequireAuthorizationForCacheControl {
			set.RequireAuthorizationForCacheControl = nil
		}
		if str(set.UnauthorizedCacheControlHeaderStrategy) == api.UnauthorizedCacheControlHeaderStrategySucceedWithResponseHeader {
			set.UnauthorizedCacheControlHeaderStrategy = nil
		}
		p := b.properties("AWS::ApiGateway::Stage.MethodSetting", what+": settings of "+key, set, nil, "")
		p["ResourcePath"], p["HttpMethod"] = "/"+key[:max(at, 0)], key[at+1:]
		list = append(list, p)
	}
	return list
}
