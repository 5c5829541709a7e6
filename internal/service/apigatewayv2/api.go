package apigatewayv2

import (
	"context"
	"strings"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// What an HTTP API has where nothing else was said.
//
// AWS: API reference, CreateApi; both expressions are fixed for HTTP APIs.
const (
	keySelection   = "$request.header.x-api-key"
	routeSelection = "$request.method $request.path"
)

// CreateApi creates an API; an HTTP API with a target, also what quick create makes.
func (s *Service) CreateApi(ctx context.Context, in *api.CreateApiInput) (*api.CreateApiResponse, error) {
	a := api.Api{
		ApiKeySelectionExpression: new(keySelection), DisableExecuteApiEndpoint: new(false), IpAddressType: new(api.IpAddressTypeIpv4), CreatedDate: now(),
	}
	if str(in.ProtocolType) == api.ProtocolTypeHttp {
		a.RouteSelectionExpression = new(routeSelection)
	} else if in.Target != nil || in.RouteKey != nil || in.CredentialsArn != nil {
		return nil, bad("target, routeKey and credentialsArn are supported only for HTTP APIs")
	}
	overlay(&a, in)
	if err := checkAPI(&a); err != nil {
		return nil, err
	}
	if err := checkTags(a.Tags); err != nil {
		return nil, err
	}
	if err := s.passRole(ctx, in.CredentialsArn); err != nil {
		return nil, err
	}
	if in.Target == nil && (in.RouteKey != nil || in.CredentialsArn != nil) {
		return nil, bad("routeKey and credentialsArn need a target")
	}
	t := s.tables(ctx)
	a.ApiId = new(record.NewID(apiIDLen))
	a.ApiEndpoint = new(endpoint(t, *a.ApiId))
	if isSocket(&a) {
		a.ApiEndpoint = new(strings.Replace(*a.ApiEndpoint, "https:", "wss:", 1))
	}
	rec := record.API{Api: a, Scope: t.Scope}
	err := answer(store.Update(ctx, s.st, func(c *store.Change) error {
		e := &apiEdit{t: t, limits: &s.limits, rec: rec, def: new(record.APIDefinition)}
		if in.Target != nil {
			if err := e.quickCreate(in); err != nil {
				return err
			}
		}
		c.Require(t.APIs.Absent(store.ID(*a.ApiId)))
		if err := e.save(ctx, c); err != nil {
			return err
		}
		if in.Target != nil {
			e.quickStage(c)
		}
		return nil
	}))
	if err != nil {
		return nil, err
	}
	return new(api.CreateApiResponse(a)), nil
}

// endpoint is where an API would be on AWS; here any host will do that begins
// like it.
func endpoint(t record.Tables, id string) string {
	return "https://" + id + ".execute-api." + t.Scope.Region + ".amazonaws.com"
}

// checkAPI refuses settings that AWS refuses, or that would not act.
func checkAPI(a *api.Api) error {
	switch {
	case str(a.Name) == "" || len(*a.Name) > 128:
		return bad("API name must have between 1 and 128 characters")
	case len(str(a.Description)) > 1024:
		return bad("Description must have at most 1024 characters")
	case len(str(a.Version)) > 64:
		return bad("Version must have at most 64 characters")
	case isSocket(a):
		return checkSocketAPI(a)
	case str(a.RouteSelectionExpression) != routeSelection && str(a.RouteSelectionExpression) != "${request.method} ${request.path}":
		// AWS: API reference, CreateApi: for HTTP APIs it must be this one.
		return bad("routeSelectionExpression must be " + routeSelection + " for HTTP APIs")
	case str(a.ApiKeySelectionExpression) != keySelection:
		return bad("apiKeySelectionExpression is supported only for WebSocket APIs")
	case is(a.DisableSchemaValidation):
		return bad("disableSchemaValidation is supported only for WebSocket APIs")
	}
	return checkCORS(a.CorsConfiguration)
}

// checkCORS refuses a CORS configuration that browsers would.
//
// AWS: "Configure CORS for HTTP APIs"; the texts are ours but the second.
func checkCORS(c *api.Cors) error {
	if c == nil {
		return nil
	}
	for _, origin := range c.AllowOrigins {
		name, web := strings.CutPrefix(strings.Replace(origin, "https://", "http://", 1), "http://")
		if origin != "*" && (!web || name == "" || strings.Contains(name, "*") && name != "*") {
			return bad("Invalid format for origin " + origin)
		}
		if origin == "*" && is(c.AllowCredentials) {
			return bad("Invalid value for allowCredentials. When allow-credentials is true, allow-origins cannot contain *")
		}
	}
	for _, m := range c.AllowMethods {
		if m != "*" && !validMethod(m) {
			return bad("Invalid method " + m)
		}
	}
	if c.MaxAge != nil && (*c.MaxAge < -1 || *c.MaxAge > 86400) {
		return bad("maxAge must be between -1 and 86400")
	}
	return nil
}

// quickCreate adds the integration and the route of quick create.
//
// AWS: API reference, CreateApi: target is a URL or a function; the route is
// $default unless routeKey names one.
func (e *apiEdit) quickCreate(in *api.CreateApiInput) error {
	i := api.Integration{
		ApiGatewayManaged: new(true), IntegrationId: new(record.NewID(routeIDLen)), CredentialsArn: in.CredentialsArn,
	}
	setTarget(&i, *in.Target)
	if err := finishIntegration(&i); err != nil {
		return err
	}
	rt := api.Route{
		ApiGatewayManaged: new(true), RouteId: new(record.NewID(routeIDLen)), RouteKey: new(defaultRoute),
		Target: new("integrations/" + *i.IntegrationId), ApiKeyRequired: new(false), AuthorizationType: new(api.AuthorizationTypeNone),
	}
	if in.RouteKey != nil {
		rt.RouteKey = in.RouteKey
	}
	e.def.Integrations = map[string]api.Integration{*i.IntegrationId: i}
	return e.putRoute(rt)
}

// setTarget makes an integration call a function, or else a URL.
func setTarget(i *api.Integration, target string) {
	i.IntegrationUri = &target
	if strings.HasPrefix(target, "arn:") {
		i.IntegrationType, i.PayloadFormatVersion, i.IntegrationMethod = new(api.IntegrationTypeAwsProxy), new("2.0"), new("POST")
		return
	}
	i.IntegrationType, i.PayloadFormatVersion, i.IntegrationMethod = new(api.IntegrationTypeHttpProxy), new("1.0"), new("ANY")
}

// managed is the one among m that quick create made.
func managed[T any](m map[string]T, is func(*T) *bool) (v T, ok bool) {
	for _, v := range m {
		if p := is(&v); p != nil && *p {
			return v, true
		}
	}
	return v, false
}

// quickStage adds the stage of quick create, which deploys by itself.
func (e *apiEdit) quickStage(c *store.Change) {
	dep := newDeployment(e, autoDescription)
	dep.AutoDeployed = new(true)
	addDeployment(c, e.t, dep)
	st := newStage(e.t, str(e.rec.ApiId), defaultStage)
	st.ApiGatewayManaged, st.AutoDeploy, st.DeploymentId = new(true), new(true), dep.DeploymentId
	key := store.ID(st.API, defaultStage)
	c.Require(e.t.APIStages.Absent(key))
	store.Add(c, e.t.APIStages, key, st)
}

// GetApi returns one API.
func (s *Service) GetApi(ctx context.Context, in *api.GetApiInput) (*api.GetApiResponse, error) {
	rec, _, err := s.tables(ctx).APIs.Find(ctx, errAPI(ctx, in.ApiId), str(in.ApiId))
	if err != nil {
		return nil, err
	}
	return new(api.GetApiResponse(shown(rec))), nil
}

// shown is an API as it is returned by name: no tags are an empty map.
func shown(rec record.API) api.Api {
	if rec.Tags == nil {
		rec.Tags = map[string]string{}
	}
	return rec.Api
}

// GetApis lists the APIs of the caller's account in this Region.
func (s *Service) GetApis(ctx context.Context, in *api.GetApisInput) (*api.GetApisResponse, error) {
	rows, err := s.tables(ctx).APIs.All(ctx)
	if err != nil {
		return nil, err
	}
	apis := make([]api.Api, len(rows))
	for i, row := range rows {
		apis[i] = shown(row.Value)
	}
	items, next, err := page(apis, func(a *api.Api) string { return *a.ApiId }, in.NextToken, in.MaxResults)
	return &api.GetApisResponse{Items: items, NextToken: next}, err
}

// UpdateApi changes settings of an API. Those of quick create change what that
// made.
func (s *Service) UpdateApi(ctx context.Context, in *api.UpdateApiInput) (*api.UpdateApiResponse, error) {
	var out api.Api
	err := s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		overlay(&e.rec.Api, in)
		if in.CorsConfiguration != nil && emptyCORS(in.CorsConfiguration) {
			e.rec.CorsConfiguration = nil
		}
		if in.Target != nil || in.RouteKey != nil || in.CredentialsArn != nil {
			if err := s.passRole(ctx, in.CredentialsArn); err != nil {
				return err
			}
			if err := e.updateQuick(in); err != nil {
				return err
			}
		}
		out = shown(e.rec)
		return checkAPI(&e.rec.Api)
	})
	return new(api.UpdateApiResponse(out)), err
}

// emptyCORS tells whether a configuration says nothing.
func emptyCORS(c *api.Cors) bool {
	return c.AllowCredentials == nil && len(c.AllowHeaders)+len(c.AllowMethods)+len(c.AllowOrigins)+len(c.ExposeHeaders) == 0 && c.MaxAge == nil
}

// updateQuick changes the route and the integration that quick create made.
//
// AWS: API reference, UpdateApi: a target changes the type of the integration,
// too.
func (e *apiEdit) updateQuick(in *api.UpdateApiInput) error {
	i, made := managed(e.def.Integrations, func(i *api.Integration) *bool { return i.ApiGatewayManaged })
	rt, routed := managed(e.def.Routes, func(rt *api.Route) *bool { return rt.ApiGatewayManaged })
	if !made || in.RouteKey != nil && !routed {
		return bad("target, routeKey and credentialsArn can be updated only for APIs that quick create made")
	}
	if in.Target != nil {
		setTarget(&i, *in.Target)
	}
	if in.CredentialsArn != nil {
		i.CredentialsArn = in.CredentialsArn
	}
	if err := finishIntegration(&i); err != nil {
		return err
	}
	e.putIntegration(i)
	if in.RouteKey == nil {
		return nil
	}
	rt.RouteKey = in.RouteKey
	return e.putRoute(rt)
}

// DeleteCorsConfiguration removes an API's CORS configuration.
func (s *Service) DeleteCorsConfiguration(ctx context.Context, in *api.DeleteCorsConfigurationInput) error {
	return s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		e.rec.CorsConfiguration = nil
		return nil
	})
}

// DeleteApi removes an API with everything that belongs to it. It is gone for
// everybody at once, with its record; what belonged to it is taken away after
// that, by Sweep if this node ends meanwhile.
func (s *Service) DeleteApi(ctx context.Context, in *api.DeleteApiInput) error {
	t := s.tables(ctx)
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		_, rev, err := t.APIs.Find(ctx, errAPI(ctx, in.ApiId), str(in.ApiId))
		if err != nil {
			return err
		}
		if err := checkUnmapped(ctx, t, str(in.ApiId), ""); err != nil {
			return err
		}
		c.Require(t.APIs.Is(store.ID(str(in.ApiId)), rev))
		c.Do(t.APIs.Delete(store.ID(str(in.ApiId))))
		return nil
	})
	if err != nil {
		return answer(err)
	}
	return s.removeChildren(ctx, t, func(id string) bool { return id == str(in.ApiId) })
}
