package apigatewayv2

import (
	"context"
	"maps"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// defaultRoute is the key of the route that takes what no other does.
const defaultRoute = "$default"

// CreateRoute adds a route.
func (s *Service) CreateRoute(ctx context.Context, in *api.CreateRouteInput) (*api.CreateRouteResult, error) {
	rt := api.Route{ApiKeyRequired: new(false), AuthorizationType: new(api.AuthorizationTypeNone)}
	overlay(&rt, in)
	err := s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		if len(e.def.Routes) >= e.limits.Routes {
			return errLimit("routes")
		}
		rt.RouteId = new(record.NewID(routeIDLen))
		return e.putRoute(rt)
	})
	return new(api.CreateRouteResult(rt)), err
}

// putRoute checks a route and puts it into the definition.
func (e *apiEdit) putRoute(rt api.Route) error {
	check, same := checkRoute, sameRoute
	if isSocket(&e.rec.Api) {
		check, same = checkSocketRoute, func(a, b string) bool { return a == b }
	}
	if err := check(&rt); err != nil {
		return err
	}
	if len(str(rt.OperationName)) > 64 { // AWS: API reference, Route
		return bad("operationName must have between 1 and 64 characters")
	}
	if is(rt.ApiKeyRequired) && !isSocket(&e.rec.Api) && !e.limits.keys {
		// AWS: API reference, Route.
		return bad("apiKeyRequired is supported only for WebSocket APIs. Beyond AWS, Gatehouse has it for HTTP APIs with http-api-keys")
	}
	for _, other := range e.def.Routes {
		if str(other.RouteId) != str(rt.RouteId) && same(str(other.RouteKey), str(rt.RouteKey)) {
			// AWS: the text is in the CDK's and Serverless's issue trackers.
			return api.ConflictException("Route with key " + str(rt.RouteKey) + " already exists for this API")
		}
	}
	if err := e.checkAuthorization(&rt); err != nil {
		return err
	}
	if target := str(rt.Target); target != "" {
		id, ok := strings.CutPrefix(target, "integrations/")
		if _, known := e.def.Integrations[id]; !ok || !known {
			return bad("Invalid target " + target + ". It must be integrations/{integrationId} of an integration of this API")
		}
	}
	if e.def.Routes == nil {
		e.def.Routes = map[string]api.Route{}
	}
	e.def.Routes[str(rt.RouteId)] = rt
	return nil
}

// checkRoute refuses a route that AWS refuses, or a setting that would not act.
func checkRoute(rt *api.Route) error {
	if !validRouteKey(str(rt.RouteKey)) {
		// AWS: the text is in the Terraform provider's issue tracker.
		return bad(`The provided route key is not formatted properly for HTTP protocol. Format should be "<HTTP METHOD> /<RESOURCE PATH>" or "$default"`)
	}
	if len(rt.RequestModels) > 0 || len(rt.RequestParameters) > 0 || str(rt.ModelSelectionExpression) != "" || str(rt.RouteResponseSelectionExpression) != "" {
		// AWS: API reference, Route.
		return bad("requestModels, requestParameters, modelSelectionExpression and routeResponseSelectionExpression are supported only for WebSocket APIs")
	}
	return nil
}

// checkAuthorization refuses an authorization that does not fit together.
//
// AWS: API reference, CreateRoute: the types, and that scopes are for JWT; the
// texts are ours.
func (e *apiEdit) checkAuthorization(rt *api.Route) error {
	t := str(rt.AuthorizationType)
	if t != api.AuthorizationTypeJwt && len(rt.AuthorizationScopes) > 0 {
		return bad("authorizationScopes are supported only for the authorizationType JWT")
	}
	want := ""
	switch t {
	case api.AuthorizationTypeNone, api.AuthorizationTypeAwsIam:
		if str(rt.AuthorizerId) != "" {
			return bad("authorizerId needs the authorizationType JWT or CUSTOM")
		}
		return nil
	case api.AuthorizationTypeJwt:
		want = api.AuthorizerTypeJwt
	case api.AuthorizationTypeCustom:
		want = api.AuthorizerTypeRequest
	}
	a, ok := e.def.Authorizers[str(rt.AuthorizerId)]
	switch {
	case !ok:
		return bad("Invalid authorizer ID specified. Setting the authorizationType to " + t + " requires a valid authorizer.")
	case str(a.AuthorizerType) != want:
		return bad("The authorizer's type " + str(a.AuthorizerType) + " does not fit the authorizationType " + t)
	case len(rt.AuthorizationScopes) > 10:
		return errLimit("scopes")
	}
	return nil
}

// validRouteKey tells whether s is $default, or a method and a path.
//
// AWS: "Create routes for HTTP APIs".
func validRouteKey(s string) bool {
	if s == defaultRoute {
		return true
	}
	method, path, ok := strings.Cut(s, " ")
	if !ok || method != "ANY" && !validMethod(method) || !strings.HasPrefix(path, "/") {
		return false
	}
	parts := strings.Split(path[1:], "/")
	names := map[string]bool{}
	for i, part := range parts {
		if !strings.ContainsAny(part, "{}") {
			continue
		}
		name, open := strings.CutPrefix(part, "{")
		name, closed := strings.CutSuffix(name, "}")
		greedy := strings.HasSuffix(name, "+")
		name = strings.TrimSuffix(name, "+")
		if !open || !closed || name == "" || strings.ContainsAny(name, "{}+ ") || names[name] || greedy && i != len(parts)-1 {
			return false
		}
		names[name] = true
	}
	return !strings.ContainsAny(path, " ?#")
}

func validMethod(m string) bool {
	return slices.Contains([]string{"GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "DELETE"}, m)
}

// sameRoute tells whether two keys stand for the same requests: the names of
// variables do not count.
func sameRoute(a, b string) bool { return plainKey(a) == plainKey(b) }

// plainKey is a route key with nameless variables.
func plainKey(key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = "{}"
			if strings.HasSuffix(p, "+}") {
				parts[i] = "{+}"
			}
		}
	}
	return strings.Join(parts, "/")
}

// GetRoute returns one route.
func (s *Service) GetRoute(ctx context.Context, in *api.GetRouteInput) (*api.GetRouteResult, error) {
	def, err := s.definition(ctx, in.ApiId)
	if err != nil {
		return nil, err
	}
	rt, ok := def.Routes[str(in.RouteId)]
	if !ok {
		return nil, errRoute(in.RouteId)
	}
	return new(api.GetRouteResult(rt)), nil
}

// GetRoutes lists the routes of an API.
func (s *Service) GetRoutes(ctx context.Context, in *api.GetRoutesInput) (*api.GetRoutesResponse, error) {
	def, err := s.definition(ctx, in.ApiId)
	if err != nil {
		return nil, err
	}
	items, next, err := page(sorted(def.Routes), func(r *api.Route) string { return *r.RouteId }, in.NextToken, in.MaxResults)
	return &api.GetRoutesResponse{Items: items, NextToken: next}, err
}

// UpdateRoute changes a route.
func (s *Service) UpdateRoute(ctx context.Context, in *api.UpdateRouteInput) (*api.UpdateRouteResult, error) {
	var out api.Route
	err := s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		rt, ok := e.def.Routes[str(in.RouteId)]
		if !ok {
			return errRoute(in.RouteId)
		}
		if is(rt.ApiGatewayManaged) && in.RouteKey != nil {
			return bad("Managed routes cannot be changed but by UpdateApi")
		}
		overlay(&rt, in)
		leaveAuthorizer(&rt, in)
		out = rt
		return e.putRoute(rt)
	})
	return new(api.UpdateRouteResult(out)), err
}

// leaveAuthorizer takes from a route what its new authorizationType does not
// have: who asks for NONE need not know how to name no authorizer.
//
// AWS: aws/aws-cdk#14424, cloudformation-coverage-roadmap#2184: the type NONE
// alone detaches an authorizer.
func leaveAuthorizer(rt *api.Route, in *api.UpdateRouteInput) {
	t := str(in.AuthorizationType)
	if in.AuthorizerId == nil && (t == api.AuthorizationTypeNone || t == api.AuthorizationTypeAwsIam) || str(rt.AuthorizerId) == "" {
		rt.AuthorizerId = nil
	}
	if in.AuthorizationScopes == nil && t != "" && t != api.AuthorizationTypeJwt {
		rt.AuthorizationScopes = nil
	}
}

// DeleteRouteRequestParameter removes a request parameter of a route.
func (s *Service) DeleteRouteRequestParameter(ctx context.Context, in *api.DeleteRouteRequestParameterInput) error {
	return s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		rt, ok := e.def.Routes[str(in.RouteId)]
		if !ok {
			return errRoute(in.RouteId)
		}
		if _, ok := rt.RequestParameters[str(in.RequestParameterKey)]; !ok {
			return errUnknown("RequestParameter", str(in.RequestParameterKey))
		}
		rt.RequestParameters = maps.Clone(rt.RequestParameters)
		delete(rt.RequestParameters, *in.RequestParameterKey)
		return e.putRoute(rt)
	})
}

// DeleteRoute removes a route.
func (s *Service) DeleteRoute(ctx context.Context, in *api.DeleteRouteInput) error {
	return s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		if _, ok := e.def.Routes[str(in.RouteId)]; !ok {
			return errRoute(in.RouteId)
		}
		delete(e.def.Routes, str(in.RouteId))
		delete(e.def.RouteResponses, str(in.RouteId))
		return nil
	})
}
