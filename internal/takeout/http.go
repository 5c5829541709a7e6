package takeout

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/openapi"
)

// httpTemplates writes an HTTP API: a template for each deployment that a stage
// serves, and one of the present state.
func (a *newerAPI) httpTemplates(ctx context.Context, stack string) ([]Template, error) {
	present, unused := a.definition()
	states := []*openapi.HTTPAPI{}
	var frozen [][]v2.Deployment
	for _, d := range a.served() {
		def, err := a.exported(ctx, d.stage)
		if err != nil {
			return nil, err
		}
		if def == nil {
			def = present
		}
		states, frozen = append(states, def), append(frozen, []v2.Deployment{d.Deployment})
	}
	if n := len(states); n > 0 && len(openapi.CompareHTTP(states[n-1], present)) == 0 {
		states[n-1] = present
	} else {
		states, frozen = append(states, present), append(frozen, nil)
	}
	var out []Template
	for i, def := range states {
		b := a.t.builder(stack, fmt.Sprintf("%s, %s at its source.", a.name, a.id))
		b.export(a.id, "API")
		props, err := a.httpProperties(b, def)
		if err != nil {
			return nil, err
		}
		b.add("AWS::ApiGatewayV2::Api", "API", props)
		for _, list := range frozen[:i+1] {
			for _, d := range list {
				a.deployment(b, d)
			}
		}
		last := i == len(states)-1
		if last {
			for j := range unused {
				a.integration(b, &unused[j])
			}
		}
		for _, s := range a.stages {
			if last || !is(s.AutoDeploy) && s.DeploymentId != nil {
				a.stage(b, s)
			}
		}
		out = append(out, b.finish())
	}
	return out, nil
}

// definition is the API as it is being edited, and the integrations that no
// route leads to, which no document can say.
func (a *newerAPI) definition() (def *openapi.HTTPAPI, unused []v2.Integration) {
	def = &openapi.HTTPAPI{Settings: a.info, Authorizers: a.authorizers}
	names := map[string]string{}
	for i := range def.Authorizers {
		names[str(def.Authorizers[i].AuthorizerId)] = str(def.Authorizers[i].Name)
	}
	at, used := map[string]int{}, map[string]bool{}
	for i := range a.integrations {
		at["integrations/"+str(a.integrations[i].IntegrationId)] = i
		def.Integrations = append(def.Integrations, a.integrations[i])
	}
	for _, r := range a.routes {
		route := openapi.HTTPRoute{Route: r, Integration: -1, Authorizer: names[str(r.AuthorizerId)]}
		if i, ok := at[str(r.Target)]; ok {
			if used[str(r.Target)] {
				a.t.leave(a.name+": route "+str(r.RouteKey)+": target", "other routes have the same integration; the copy has an equal one of its own for each")
			}
			route.Integration, used[str(r.Target)] = i, true
		}
		def.Routes = append(def.Routes, route)
	}
	for i := range a.integrations {
		if !used["integrations/"+str(a.integrations[i].IntegrationId)] {
			unused = append(unused, a.integrations[i])
		}
	}
	return def, unused
}

// exported reads what a stage serves.
func (a *newerAPI) exported(ctx context.Context, stage string) (*openapi.HTTPAPI, error) {
	doc, err := a.t.Get(ctx, a.path+"/exports/OAS30?outputType=JSON&exportVersion=1.0&includeExtensions=true&stageName="+url.QueryEscape(stage))
	what := a.name + ": what stage " + stage + " serves"
	if r := hidden(err); r != nil {
		a.t.leave(what, "its export is refused: %v; the present definition takes its place", r)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	def, err := openapi.ImportHTTP(doc, openapi.Options{RestAPI: a.id, BasePath: openapi.BasePathIgnore, HTTPKeys: true})
	if err != nil {
		a.t.leave(what, "its export cannot be read: %v; the present definition takes its place", err)
		return nil, nil
	}
	for _, w := range def.Warnings {
		a.t.leave(what, "%s", w)
	}
	cors := def.Settings.CorsConfiguration
	def.Settings, def.Warnings = a.info, nil
	def.Settings.CorsConfiguration = cors
	return def, nil
}

// httpProperties are the properties of the API itself. What its definition says
// stands there only.
func (a *newerAPI) httpProperties(b *builder, def *openapi.HTTPAPI) (map[string]any, error) {
	doc := *def
	doc.Settings.Tags, doc.Settings.DisableExecuteApiEndpoint = nil, nil
	text, err := openapi.ExportHTTP(&doc, openapi.ExportOptions{Extensions: true})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.name, err)
	}
	body, err := document(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.name, err)
	}
	if info, ok := body["info"].(map[string]any); ok && def.Settings.Version == nil {
		delete(info, "version")
	}
	delete(body, "servers")
	again, err := openapi.ImportHTTP(text, openapi.Options{BasePath: openapi.BasePathIgnore, HTTPKeys: true})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.name, err)
	}
	for _, d := range openapi.CompareHTTP(def, again) {
		if d.Part == "api" || d.Added {
			continue
		}
		a.t.leave(a.name+": "+strings.TrimSuffix(d.Part+": "+d.Member, ": "), "a definition has no place for it (value: %s)", short(d.Before))
	}
	props := b.properties("AWS::ApiGatewayV2::Api", a.name, def.Settings, nil,
		"ApiEndpoint ApiGatewayManaged ApiId CreatedDate ImportInfo Warnings Name Description Version CorsConfiguration ProtocolType ApiKeySelectionExpression RouteSelectionExpression")
	if !is(def.Settings.DisableExecuteApiEndpoint) {
		delete(props, "DisableExecuteApiEndpoint")
	}
	if str(def.Settings.IpAddressType) == v2.IpAddressTypeIpv4 {
		delete(props, "IpAddressType")
	}
	props["Body"] = body
	if slices.ContainsFunc(def.Routes, func(r openapi.HTTPRoute) bool { return is(r.ApiKeyRequired) }) {
		// AWS, and a Gatehouse without http-api-keys, would only warn, and leave
		// these routes open.
		props["FailOnWarnings"] = true
	}
	return props, nil
}

// integration adds an integration.
func (a *newerAPI) integration(b *builder, in *v2.Integration) string {
	what := "Integration " + str(in.IntegrationId)
	p := b.properties("AWS::ApiGatewayV2::Integration", a.name+": integration "+str(in.IntegrationId), *in, nil,
		"ApiGatewayManaged IntegrationId IntegrationResponseSelectionExpression ResponseParameters")
	if len(in.ResponseParameters) > 0 {
		p["ResponseParameters"] = responseParameters(in.ResponseParameters)
	}
	p["ApiId"] = ref(b.logical("API"))
	b.add("AWS::ApiGatewayV2::Integration", what, p)
	return b.logical(what)
}

// responseParameters are changes of responses by status code as templates have
// them.
//
// AWS: { "200": { "ResponseParameters": [ { "Destination": …, "Source": … } ] } }.
func responseParameters(all map[string]map[string]string) map[string]any {
	out := map[string]any{}
	for code, m := range all {
		list := []any{}
		for _, to := range sortedKeys(m) {
			list = append(list, map[string]any{"Destination": to, "Source": m[to]})
		}
		out[code] = map[string]any{"ResponseParameters": list}
	}
	return out
}
