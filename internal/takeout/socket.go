package takeout

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
)

// socketTemplates writes a WebSocket API, part by part: there are no documents
// of them, and no call tells what was deployed.
func (a *newerAPI) socketTemplates(stack string) []Template {
	b := a.t.builder(stack, fmt.Sprintf("%s, %s at its source.", a.name, a.id))
	b.export(a.id, "API")
	props := b.properties("AWS::ApiGatewayV2::Api", a.name, a.info, nil, "ApiEndpoint ApiGatewayManaged ApiId CreatedDate ImportInfo Warnings")
	if str(a.info.IpAddressType) == v2.IpAddressTypeIpv4 {
		delete(props, "IpAddressType")
	}
	b.add("AWS::ApiGatewayV2::Api", "API", props)
	for _, m := range a.models {
		a.part(b, "AWS::ApiGatewayV2::Model", "Model "+str(m.Name), str(m.ModelId), m, "ModelId")
		if p := b.Resources[b.logical("Model "+str(m.Name))].Properties; m.Schema != nil {
			if doc, err := document([]byte(*m.Schema)); err == nil {
				p["Schema"] = doc
			}
		}
	}
	for _, auth := range a.authorizers {
		a.part(b, "AWS::ApiGatewayV2::Authorizer", "Authorizer "+str(auth.Name), str(auth.AuthorizerId), auth, "AuthorizerId")
	}
	for i := range a.integrations {
		in := &a.integrations[i]
		a.t.ids[str(in.IntegrationId)] = reference{stack: stack, logical: a.integration(b, in)}
		for _, r := range a.integrationResponses[str(in.IntegrationId)] {
			what := "Integration response " + str(r.IntegrationResponseKey) + " of " + str(in.IntegrationId)
			p := a.part(b, "AWS::ApiGatewayV2::IntegrationResponse", what, "", r, "IntegrationResponseId")
			p["IntegrationId"] = ref(b.logical("Integration " + str(in.IntegrationId)))
		}
	}
	for _, r := range a.routes {
		a.part(b, "AWS::ApiGatewayV2::Route", "Route "+str(r.RouteKey), "", r, "ApiGatewayManaged RouteId")
		for _, resp := range a.routeResponses[str(r.RouteId)] {
			p := a.part(b, "AWS::ApiGatewayV2::RouteResponse", "Route response "+str(resp.RouteResponseKey)+" of "+str(r.RouteKey), "", resp, "RouteResponseId")
			p["RouteId"] = ref(b.logical("Route " + str(r.RouteKey)))
		}
	}
	parts := slices.DeleteFunc(sortedKeys(b.Resources), func(name string) bool { return name == b.logical("API") })
	for _, d := range a.served() {
		a.deployment(b, d.Deployment).DependsOn = parts
		a.t.leave(a.name+": what stage "+d.stage+" serves", "no call tells it; the present definition takes its place")
	}
	for _, s := range a.stages {
		a.stage(b, s)
	}
	return []Template{b.finish()}
}

// part adds a part of the API, known by an id to others unless that is empty.
func (a *newerAPI) part(b *builder, kind, what, id string, shape any, drop string) map[string]any {
	p := b.properties(kind, a.name+": "+what, shape, nil, drop)
	p["ApiId"] = ref(b.logical("API"))
	// AWS: what a route needs of parameters is an object in templates.
	if m, ok := p["RequestParameters"].(map[string]any); ok && kind == "AWS::ApiGatewayV2::Route" {
		p["RequestParameters"] = maps.Clone(m)
	}
	b.add(kind, what, p)
	if id != "" {
		a.t.ids[id] = reference{stack: b.stack, logical: b.logical(what)}
	}
	return p
}

// readSocket reads what only WebSocket APIs have.
func (a *newerAPI) readSocket(ctx context.Context) error {
	a.routeResponses, a.integrationResponses = map[string][]v2.RouteResponse{}, map[string][]v2.IntegrationResponse{}
	var err error
	if a.models, err = whole[v2.Model](ctx, a.t, a.name+": models", a.path+"/models"); err != nil {
		return err
	}
	for i := range a.routes {
		id := str(a.routes[i].RouteId)
		if a.routeResponses[id], err = whole[v2.RouteResponse](ctx, a.t, a.name+": route responses", a.path+"/routes/"+url.PathEscape(id)+"/routeresponses"); err != nil {
			return err
		}
	}
	for i := range a.integrations {
		id := str(a.integrations[i].IntegrationId)
		a.integrationResponses[id], err = whole[v2.IntegrationResponse](ctx, a.t, a.name+": integration responses", a.path+"/integrations/"+url.PathEscape(id)+"/integrationresponses")
		if err != nil {
			return err
		}
	}
	return nil
}
