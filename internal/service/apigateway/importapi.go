package apigateway

import (
	"context"
	"errors"
	"slices"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/openapi"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// ImportRestApi creates an API from an OpenAPI document.
func (s *Service) ImportRestApi(ctx context.Context, in *api.ImportRestApiInput) (*api.RestApi, error) {
	t := s.tables(ctx)
	id := newID(apiIDLen)
	doc, err := s.readDocument(t.Scope, id, in.Body, in.Parameters, is(in.FailOnWarnings))
	if err == nil {
		err = s.passRoles(ctx, doc)
	}
	if err != nil {
		return nil, err
	}
	rec, err := importedAPI(doc, in.Parameters)
	if err != nil {
		return nil, err
	}
	rec.Id = new(id)
	err = s.commit(ctx, func(c *store.Change) error {
		def := newDefinition()
		def.Models = nil // AWS: only those of the document (recorded: test_import_swagger_api)
		m := merger{def: def, doc: doc, limits: &s.opt.Limits, timeout: s.opt.Limits.maxTimeout(&rec.RestApi)}
		if err := m.merge(); err != nil {
			return err
		}
		rec.Documentation = "" // that of a former try was not committed
		if err := s.importDocumentation(ctx, c, t, &rec, doc); err != nil {
			return err
		}
		return s.createRestAPI(ctx, c, t, &rec, def)
	})
	if err != nil {
		return nil, err
	}
	rec.Warnings, rec.Policy = doc.Warnings, shownPolicy(rec.Policy)
	return &rec.RestApi, nil
}

// PutRestApi merges an OpenAPI document into an API, or replaces the API's
// definition by it. Ids of resources whose path stays do not change.
func (s *Service) PutRestApi(ctx context.Context, in *api.PutRestApiInput) (*api.RestApi, error) {
	t := s.tables(ctx)
	doc, err := s.readDocument(t.Scope, str(in.RestApiId), in.Body, in.Parameters, is(in.FailOnWarnings))
	if err == nil {
		err = s.passRoles(ctx, doc)
	}
	if err != nil {
		return nil, err
	}
	overwrite := str(in.Mode) == api.PutModeOverwrite
	var out *api.RestApi
	err = s.editAPI(ctx, in.RestApiId, errAPI(ctx, in.RestApiId), func(e *apiEdit, c *store.Change) error {
		if err := s.importDocumentation(ctx, c, t, &e.rec, doc); err != nil {
			return err
		}
		before := e.rec.Policy
		mergeSettings(&e.rec.RestApi, &doc.Settings, overwrite)
		if err := checkRestAPI(&e.rec.RestApi); err != nil {
			return err
		}
		if err := s.settlePolicy(ctx, &e.rec.RestApi, e.scope, before); err != nil {
			return err
		}
		m := merger{def: e.def, doc: doc, limits: e.limits, overwrite: overwrite, timeout: e.limits.maxTimeout(&e.rec.RestApi)}
		if err := m.merge(); err != nil {
			return err
		}
		out = shownRestAPI(e.rec)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Warnings = doc.Warnings
	return out, nil
}

// readDocument reads an OpenAPI document as the caller wants it read.
func (s *Service) readDocument(scope record.Scope, id string, body []byte, params map[string]string, strict bool) (*openapi.API, error) {
	if len(body) > s.opt.Limits.DefinitionMaxBytes {
		return nil, api.BadRequestException("The API definition must not be larger than 6 MB") // AWS: undocumented text
	}
	mode := openapi.BasePath(strings.ToLower(params["basepath"]))
	switch mode {
	case "":
		mode = openapi.BasePathIgnore
	case openapi.BasePathIgnore, openapi.BasePathPrepend, openapi.BasePathSplit:
	default:
		return nil, api.BadRequestException("Invalid basepath specified. Valid options are ignore,prepend,split") // AWS: undocumented text
	}
	opt := importOptions(scope, id)
	opt.BasePath, opt.IgnoreDocumentation = mode, strings.EqualFold(params["ignore"], "documentation")
	doc, err := openapi.Import(body, opt)
	if err != nil {
		return nil, importError(err)
	}
	if strict {
		if err := doc.Strict(); err != nil {
			return nil, importError(err)
		}
	}
	return doc, nil
}

// importOptions is what an import into an API depends on.
func importOptions(scope record.Scope, restAPI string) openapi.Options {
	return openapi.Options{Partition: arn.Partition(scope.Region), Region: scope.Region, Account: scope.Account, RestAPI: restAPI}
}

// importError is the answer to a document that cannot be imported.
func importError(err error) error {
	if e, ok := errors.AsType[*openapi.Error](err); ok {
		return api.BadRequestException(e.Message)
	}
	return err
}

// importedAPI is the record of an API that a document creates.
func importedAPI(doc *openapi.API, params map[string]string) (record.RestAPI, error) {
	set := &doc.Settings
	in := &api.CreateRestApiInput{
		Name: set.Name, Description: text(set.Description), Version: set.Version, BinaryMediaTypes: set.BinaryMediaTypes,
		MinimumCompressionSize: set.MinimumCompressionSize, ApiKeySource: set.ApiKeySource, Policy: set.Policy,
		DisableExecuteApiEndpoint: set.DisableExecuteApiEndpoint, SecurityPolicy: set.SecurityPolicy, EndpointAccessMode: set.EndpointAccessMode,
		EndpointConfiguration: set.EndpointConfiguration,
	}
	if types := params["endpointConfigurationTypes"]; types != "" {
		e := api.EndpointConfiguration{}
		if set.EndpointConfiguration != nil {
			e = *set.EndpointConfiguration
		}
		e.Types = strings.Split(types, ",")
		for _, kind := range e.Types {
			if kind != api.EndpointTypeEdge && kind != api.EndpointTypeRegional && kind != api.EndpointTypePrivate {
				return record.RestAPI{}, api.BadRequestException("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
			}
		}
		in.EndpointConfiguration = &e
	}
	return newRestAPI(in)
}

// mergeSettings changes the settings of an API to those of a document.
//
// AWS: name and version are replaced in both modes, binary media types are
// added to under merge (recorded: test_put_rest_api_mode_binary_media_types).
func mergeSettings(a, doc *api.RestApi, overwrite bool) {
	if doc.Name != nil {
		a.Name = doc.Name
	}
	if doc.Version != nil {
		a.Version = doc.Version
	}
	if overwrite {
		a.Description, a.BinaryMediaTypes, a.MinimumCompressionSize, a.Policy = nil, nil, nil, nil
		a.ApiKeySource, a.DisableExecuteApiEndpoint = new(api.ApiKeySourceTypeHeader), new(false)
	}
	for _, mediaType := range doc.BinaryMediaTypes {
		if !slices.Contains(a.BinaryMediaTypes, mediaType) {
			a.BinaryMediaTypes = append(a.BinaryMediaTypes, mediaType)
		}
	}
	if str(doc.Description) != "" {
		a.Description = doc.Description
	}
	if doc.MinimumCompressionSize != nil {
		a.MinimumCompressionSize = doc.MinimumCompressionSize
	}
	if doc.Policy != nil {
		a.Policy = doc.Policy
	}
	if doc.ApiKeySource != nil {
		a.ApiKeySource = doc.ApiKeySource
	}
	if doc.DisableExecuteApiEndpoint != nil {
		a.DisableExecuteApiEndpoint = doc.DisableExecuteApiEndpoint
	}
	if e := doc.EndpointConfiguration; e != nil && len(e.VpcEndpointIds) > 0 {
		endpoint(a).VpcEndpointIds = e.VpcEndpointIds
	}
}

// A merger brings a document into a definition. What it finds wrong it
// collects, for AWS tells all of it at once.
type merger struct {
	def       *record.Definition
	doc       *openapi.API
	limits    *Limits
	overwrite bool
	timeout   int // the longest of an integration, in milliseconds

	ids    map[string]string // of resources, by path
	errors []string
}

// maxImportErrors bounds how many faults of a document are told.
const maxImportErrors = 100

// merge does it all, or returns what is wrong.
func (m *merger) merge() error {
	m.models()
	m.validators()
	m.authorizers()
	m.gatewayResponses()
	m.resources()
	if len(m.def.Resources) > m.limits.ResourcesPerAPI+1 {
		return errLimitOfAPI("Resources")
	}
	if len(m.def.Models) > m.limits.ModelsPerAPI {
		return errLimitOfAPI("Models")
	}
	if len(m.errors) > 0 {
		return importError(openapi.Refusal(m.errors, m.doc.Warnings))
	}
	return nil
}

// failed notes a fault, with where it is; nil is none.
func (m *merger) failed(err error, where func(why string) string) {
	if err == nil || len(m.errors) >= maxImportErrors {
		return
	}
	why := err.Error()
	if e, ok := errors.AsType[*awsrpc.Error](err); ok {
		why = e.Message
	}
	m.errors = append(m.errors, where(why))
}

func (m *merger) models() {
	old := m.def.Models
	if m.overwrite {
		m.def.Models = nil
	}
	for _, model := range m.doc.Models {
		model.Id = old[str(model.Name)].Id
		if model.Id == nil {
			model.Id = new(newID(shortIDLen))
		}
		m.def.Models = setEntry(m.def.Models, str(model.Name), model)
	}
}

// validators puts the document's validators in; those of a name that is there
// already keep their id.
func (m *merger) validators() {
	old := map[string]string{}
	for id, v := range m.def.RequestValidators {
		old[str(v.Name)] = id
	}
	if m.overwrite {
		m.def.RequestValidators = nil
	}
	for _, v := range m.doc.Validators {
		id := old[str(v.Name)]
		if id == "" {
			id = newID(shortIDLen)
		}
		v.Id = new(id)
		m.def.RequestValidators = setEntry(m.def.RequestValidators, id, v)
	}
}

// authorizers puts the document's authorizers in; those of a name that is there
// already keep their id.
func (m *merger) authorizers() {
	old := map[string]string{}
	for id, a := range m.def.Authorizers {
		old[str(a.Name)] = id
	}
	if m.overwrite {
		m.def.Authorizers = nil
	}
	for _, a := range m.doc.Authorizers {
		id := old[str(a.Name)]
		if id == "" {
			id = newID(shortIDLen)
		}
		a.Id = new(id)
		m.failed(checkAuthorizer(m.def, &a), func(why string) string {
			return "Unable to put authorizer '" + str(a.Name) + "': " + why // AWS: undocumented text
		})
		m.def.Authorizers = setEntry(m.def.Authorizers, id, a)
	}
}

func (m *merger) gatewayResponses() {
	if m.overwrite {
		m.def.GatewayResponses = nil
	}
	for _, r := range m.doc.GatewayResponses {
		m.failed(checkGatewayResponse(&r), func(why string) string {
			return "Unable to put gateway response '" + str(r.ResponseType) + "': " + why // AWS: undocumented text
		})
		r.DefaultResponse = nil
		m.def.GatewayResponses = setEntry(m.def.GatewayResponses, str(r.ResponseType), r)
	}
}

func (m *merger) resources() {
	m.ids = map[string]string{}
	wanted := map[string]bool{"/": true}
	for _, r := range m.doc.Resources {
		wanted[r.Path] = true
	}
	for id, r := range m.def.Resources {
		if m.overwrite && !wanted[str(r.Path)] {
			delete(m.def.Resources, id)
			continue
		}
		m.ids[str(r.Path)] = id
	}
	for _, r := range m.doc.Resources {
		if id, ok := m.resource(r); ok {
			for _, method := range r.Methods {
				m.method(id, r.Path, method)
			}
		}
	}
}

// resource finds the resource for a path of the document, or creates it.
func (m *merger) resource(r openapi.Resource) (id string, ok bool) {
	if id, ok = m.ids[r.Path]; ok {
		if m.overwrite {
			old := m.def.Resources[id]
			old.ResourceMethods = nil
			m.def.Resources[id] = old
		}
		return id, true
	}
	parent, ok := m.ids[r.Parent]
	if !ok {
		return "", false // the parent's fault is told
	}
	id = freshID(shortIDLen, func(id string) bool { _, ok := m.def.Resources[id]; return ok })
	res := api.Resource{Id: new(id), ParentId: new(parent), PathPart: new(r.Part), Path: new(r.Path)}
	if err := checkPlace(m.def, &res); err != nil {
		m.failed(err, func(why string) string { return "Unable to create resource at path '" + r.Path + "': " + why })
		return "", false
	}
	m.def.Resources[id], m.ids[r.Path] = res, id
	return id, true
}

// method puts one method of the document in, instead of what was there.
func (m *merger) method(resourceID, path string, in openapi.Method) {
	name := str(in.HttpMethod)
	me := &methodEdit{def: m.def, resource: m.def.Resources[resourceID], name: name, m: in.Method, maxTimeout: m.timeout}
	me.m.ApiKeyRequired = new(is(in.ApiKeyRequired))
	if me.m.AuthorizationType == nil {
		me.m.AuthorizationType = new(authNone)
	}
	for id, v := range m.def.RequestValidators {
		if in.Validator != "" && str(v.Name) == in.Validator {
			me.m.RequestValidatorId = new(id)
		}
	}
	unable := func(part string) func(string) string {
		return func(why string) string { return openapi.Unable(part, name, path, why) }
	}
	for id, a := range m.def.Authorizers {
		if in.Authorizer != "" && str(a.Name) == in.Authorizer {
			me.m.AuthorizerId = new(id)
		}
	}
	m.failed(me.check(), unable("method"))
	for _, status := range sortedKeys(me.m.MethodResponses) {
		m.failed(me.checkResponse(new(me.m.MethodResponses[status])), unable("method response"))
	}
	if in.MethodIntegration != nil {
		integration := new(*in.MethodIntegration) // the document may be merged again
		me.m.MethodIntegration = integration
		m.failed(me.checkIntegration(integration), unable("integration"))
		for _, status := range sortedKeys(integration.IntegrationResponses) {
			m.failed(me.checkIntegrationResponse(new(integration.IntegrationResponses[status])), unable("integration response"))
		}
	}
	me.save()
}
