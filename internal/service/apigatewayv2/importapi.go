package apigatewayv2

import (
	"context"
	"errors"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/openapi"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// ImportApi creates an HTTP API from an OpenAPI document.
func (s *Service) ImportApi(ctx context.Context, in *api.ImportApiInput) (*api.ImportApiResponse, error) {
	t := s.tables(ctx)
	doc, err := s.readDocument(t, in.Body, in.Basepath, in.FailOnWarnings)
	if err != nil {
		return nil, err
	}
	if err := s.passRoles(ctx, doc); err != nil {
		return nil, err
	}
	e := &apiEdit{t: t, limits: &s.limits, rec: record.API{Scope: t.Scope}}
	e.rec.ApiId = new(record.NewID(apiIDLen))
	e.rec.ApiEndpoint, e.rec.CreatedDate = new(endpoint(t, *e.rec.ApiId)), now()
	if err := e.define(doc); err != nil {
		return nil, err
	}
	err = answer(store.Update(ctx, s.st, func(c *store.Change) error {
		c.Require(t.APIs.Absent(store.ID(*e.rec.ApiId)))
		if err := s.checkPrivate(ctx, c, sorted(e.def.Integrations)...); err != nil {
			return err
		}
		return e.save(ctx, c)
	}))
	return new(api.ImportApiResponse(e.rec.Api)), err
}

// ReimportApi makes an API what a document says, in place of what it was. Its
// id, its stages and its deployments stay.
func (s *Service) ReimportApi(ctx context.Context, in *api.ReimportApiInput) (*api.ReimportApiResponse, error) {
	doc, err := s.readDocument(s.tables(ctx), in.Body, in.Basepath, in.FailOnWarnings)
	if err != nil {
		return nil, err
	}
	if err := s.passRoles(ctx, doc); err != nil {
		return nil, err
	}
	var out api.Api
	err = s.edit(ctx, in.ApiId, func(e *apiEdit, c *store.Change) error {
		if isSocket(&e.rec.Api) {
			return bad("Only HTTP APIs can be imported")
		}
		if err := e.define(doc); err != nil {
			return err
		}
		out = e.rec.Api
		return s.checkPrivate(ctx, c, sorted(e.def.Integrations)...)
	})
	return new(api.ReimportApiResponse(out)), err
}

// readDocument reads what is to be imported.
func (s *Service) readDocument(t record.Tables, body, basePath *string, strict *bool) (*openapi.HTTPAPI, error) {
	switch base := openapi.BasePath(str(basePath)); base {
	case "", openapi.BasePathIgnore, openapi.BasePathPrepend, openapi.BasePathSplit:
	default:
		return nil, bad("Invalid basepath specified. Valid options are ignore,prepend,split") // AWS: undocumented text; as for REST APIs
	}
	doc, err := openapi.ImportHTTP([]byte(str(body)), openapi.Options{
		Partition: arn.Partition(t.Scope.Region), Region: t.Scope.Region, Account: t.Scope.Account, BasePath: openapi.BasePath(str(basePath)), HTTPKeys: s.limits.keys,
	})
	if err == nil && is(strict) {
		err = doc.Strict()
	}
	if e := (*openapi.Error)(nil); errors.As(err, &e) {
		return nil, bad(e.Message)
	}
	return doc, err
}

// define makes e what a document says.
func (e *apiEdit) define(doc *openapi.HTTPAPI) error {
	a := &e.rec.Api
	before := a.Tags
	*a = api.Api{ApiId: a.ApiId, ApiEndpoint: a.ApiEndpoint, CreatedDate: a.CreatedDate, Tags: a.Tags,
		ApiKeySelectionExpression: new(keySelection), RouteSelectionExpression: new(routeSelection), ProtocolType: new(api.ProtocolTypeHttp),
		DisableExecuteApiEndpoint: new(false), IpAddressType: new(api.IpAddressTypeIpv4)}
	overlay(a, &doc.Settings)
	a.Tags = withSystemTags(a.Tags, before)
	a.Warnings, a.ImportInfo = doc.Warnings, doc.Info
	if err := checkAPI(a); err != nil {
		return err
	}
	if err := checkTags(doc.Settings.Tags); err != nil {
		return err
	}
	if len(doc.Routes) > e.limits.Routes || len(doc.Integrations) > e.limits.Integrations || len(doc.Authorizers) > e.limits.Authorizers {
		return errLimit("routes, integrations or authorizers")
	}
	e.def = new(record.APIDefinition)
	authorizers := map[string]string{} // ids by name
	for _, auth := range doc.Authorizers {
		auth.AuthorizerId = new(record.NewID(shortIDLen))
		authorizers[str(auth.Name)] = *auth.AuthorizerId
		if err := e.putAuthorizer(auth); err != nil {
			return err
		}
	}
	integrations := make([]string, len(doc.Integrations))
	for i, in := range doc.Integrations {
		if err := finishIntegration(&in); err != nil {
			return err
		}
		if err := e.checkTimeout(&in); err != nil {
			return err
		}
		integrations[i] = record.NewID(routeIDLen)
		in.IntegrationId = &integrations[i]
		e.putIntegration(in)
	}
	for i := range doc.Routes {
		rt := doc.Routes[i].Route
		rt.RouteId = new(record.NewID(routeIDLen))
		if at := doc.Routes[i].Integration; at >= 0 {
			rt.Target = new("integrations/" + integrations[at])
		}
		if name := doc.Routes[i].Authorizer; name != "" {
			rt.AuthorizerId = new(authorizers[name])
		}
		if err := e.putRoute(rt); err != nil {
			return err
		}
	}
	return nil
}

// ExportApi writes an API, or what a stage shows, as an OpenAPI document.
func (s *Service) ExportApi(ctx context.Context, in *api.ExportApiInput) (*api.ExportApiResponse, error) {
	switch {
	case str(in.Specification) != "OAS30":
		return nil, bad("Invalid specification. The only supported value is OAS30")
	case str(in.OutputType) != "JSON" && str(in.OutputType) != "YAML":
		return nil, bad("Invalid outputType. Supported values are JSON and YAML")
	case in.ExportVersion != nil && *in.ExportVersion != "1.0":
		return nil, bad("Invalid exportVersion. The only supported value is 1.0")
	}
	t := s.tables(ctx)
	rec, _, err := t.APIs.Find(ctx, errAPI(ctx, in.ApiId), str(in.ApiId))
	if err != nil {
		return nil, err
	}
	if isSocket(&rec.Api) {
		return nil, bad("Only HTTP APIs can be exported")
	}
	ref := rec.Definition
	if in.StageName != nil {
		st, _, err := t.APIStages.Find(ctx, errStage(), str(in.ApiId), *in.StageName)
		if err != nil {
			return nil, err
		}
		dep, _, err := t.APIDeployments.Find(ctx, bad("The stage has no deployment"), str(in.ApiId), str(st.DeploymentId))
		if err != nil {
			return nil, err
		}
		ref = dep.Definition
	}
	def, err := t.LoadAPIDefinition(ctx, ref)
	if err != nil {
		return nil, err
	}
	opt := openapi.ExportOptions{
		Host: str(rec.ApiId) + ".execute-api." + t.Scope.Region + ".amazonaws.com", BasePath: str(in.StageName),
		Version: now().Format("2006-01-02 15:04:05MST"), YAML: str(in.OutputType) == "YAML",
		Extensions: in.IncludeExtensions == nil || *in.IncludeExtensions,
	}
	doc := documentOf(def)
	// Those of the system are no part of what somebody defined, and no document with
	// them can be imported.
	doc.Settings.Tags = ownTags(rec.Tags)
	body, err := openapi.ExportHTTP(doc, opt)
	return &api.ExportApiResponse{Body: body}, err
}

// documentOf is a definition as a document says it: names for ids.
func documentOf(def *record.APIDefinition) *openapi.HTTPAPI {
	doc := &openapi.HTTPAPI{Settings: def.API}
	places := map[string]int{}
	for i, in := range sorted(def.Integrations) {
		places["integrations/"+str(in.IntegrationId)] = i
		doc.Integrations = append(doc.Integrations, in)
	}
	doc.Authorizers = sorted(def.Authorizers)
	for _, rt := range sorted(def.Routes) {
		r := openapi.HTTPRoute{Route: rt, Integration: -1}
		if at, ok := places[str(rt.Target)]; ok {
			r.Integration = at
		}
		if a, ok := def.Authorizers[str(rt.AuthorizerId)]; ok {
			r.Authorizer = str(a.Name)
		}
		doc.Routes = append(doc.Routes, r)
	}
	return doc
}
