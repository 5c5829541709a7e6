package apigateway

import (
	"context"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// httpMethods are the methods a resource can have, in the order of AWS's text.
var httpMethods = []string{"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY"}

// The kinds of authorization of a method.
const (
	authNone    = "NONE"
	authIAM     = "AWS_IAM"
	authCustom  = "CUSTOM"
	authCognito = "COGNITO_USER_POOLS"
)

// A methodEdit is a method of an API that is being changed, and where it
// belongs.
type methodEdit struct {
	def      *record.Definition
	resource api.Resource
	name     string
	m        api.Method

	maxTimeout int // of an integration, in milliseconds
}

// method finds a method of a definition.
func method(def *record.Definition, resourceID, httpMethod *string) (*methodEdit, error) {
	r, err := resource(def, resourceID)
	if err != nil {
		return nil, err
	}
	m, ok := r.ResourceMethods[str(httpMethod)]
	if !ok {
		return nil, errMethod()
	}
	return &methodEdit{def: def, resource: r, name: *httpMethod, m: m}, nil
}

// save puts the method back into its definition.
func (me *methodEdit) save() {
	me.resource.ResourceMethods = setEntry(me.resource.ResourceMethods, me.name, me.m)
	me.def.Resources[*me.resource.Id] = me.resource
}

// editMethod changes a method of an API.
func (s *Service) editMethod(ctx context.Context, restAPI, resourceID, httpMethod *string, edit func(me *methodEdit) error) error {
	return s.editAPI(ctx, restAPI, errResource(), func(e *apiEdit, _ *store.Change) error {
		me, err := method(e.def, resourceID, httpMethod)
		if err != nil {
			return err
		}
		me.maxTimeout = e.limits.maxTimeout(&e.rec.RestApi)
		if err := edit(me); err != nil {
			return err
		}
		me.save()
		return nil
	})
}

// readMethod finds a method for reading: nothing of it may be changed.
func (s *Service) readMethod(ctx context.Context, restAPI, resourceID, httpMethod *string) (*methodEdit, error) {
	def, err := s.definition(ctx, restAPI, errResource())
	if err != nil {
		return nil, err
	}
	return method(def, resourceID, httpMethod)
}

// PutMethod adds a method to a resource.
func (s *Service) PutMethod(ctx context.Context, in *api.PutMethodInput) (*api.Method, error) {
	var out api.Method
	err := s.editAPI(ctx, in.RestApiId, errResource(), func(e *apiEdit, _ *store.Change) error {
		r, err := resource(e.def, in.ResourceId)
		if err != nil {
			return err
		}
		if !slices.Contains(httpMethods, str(in.HttpMethod)) {
			return errHTTPMethod()
		}
		if _, ok := r.ResourceMethods[*in.HttpMethod]; ok {
			// AWS: aws-cli issue 3992 shows this text.
			return api.ConflictException("Method already exists for this resource")
		}
		me := &methodEdit{def: e.def, resource: r, name: *in.HttpMethod, m: api.Method{
			HttpMethod: in.HttpMethod, AuthorizationType: in.AuthorizationType, AuthorizerId: in.AuthorizerId,
			ApiKeyRequired: new(is(in.ApiKeyRequired)), OperationName: text(in.OperationName),
			RequestParameters: in.RequestParameters, RequestModels: in.RequestModels,
			RequestValidatorId: text(in.RequestValidatorId), AuthorizationScopes: in.AuthorizationScopes,
		}}
		if err := me.check(); err != nil {
			return err
		}
		me.save()
		out = me.m
		return nil
	})
	return &out, err
}

func errHTTPMethod() error {
	return api.BadRequestException("Invalid HttpMethod specified. Valid options are " + strings.Join(httpMethods, ","))
}

// check refuses a method that AWS would refuse, or that would not act.
//
// AWS: recorded (test_put_method_validation, test_update_method_validation,
// test_method_request_parameters).
func (me *methodEdit) check() error {
	m := &me.m
	// AWS: lower case is accepted (test_usage_plan_crud creates one with "none").
	m.AuthorizationType = new(strings.ToUpper(str(m.AuthorizationType)))
	switch *m.AuthorizationType {
	case authNone, authIAM:
		m.AuthorizerId = nil
	case authCustom, authCognito:
		if err := me.checkAuthorization(); err != nil {
			return err
		}
	default:
		return api.BadRequestException("Invalid authorization type specified") // AWS: undocumented text
	}
	if len(m.AuthorizationScopes) > 0 && m.AuthorizerId == nil {
		return noAuthorizationScopes.refuse("")
	}
	if id := m.RequestValidatorId; id != nil {
		if _, ok := me.def.RequestValidators[*id]; !ok {
			return api.BadRequestException("Invalid Request Validator identifier specified")
		}
	}
	if err := checkModels(me.def, m.RequestModels); err != nil {
		return err
	}
	return checkRequestParameters(m.RequestParameters)
}

func errAuthorizer() error {
	return api.BadRequestException("Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer.")
}

// checkModels refuses models that the API does not have.
func checkModels(def *record.Definition, models map[string]string) error {
	for _, contentType := range sortedKeys(models) {
		if _, ok := def.Models[models[contentType]]; !ok {
			return api.BadRequestException("Invalid model identifier specified: " + models[contentType])
		}
	}
	return nil
}

// checkRequestParameters refuses names that are no part of a request, and the
// same name in two parts.
func checkRequestParameters(params map[string]bool) error {
	seen := map[string]bool{}
	for _, p := range sortedKeys(params) {
		name, ok := requestParameter(p)
		if !ok {
			return errMapping("Invalid mapping expression specified: " + p)
		}
		if seen[name] {
			return api.BadRequestException("Parameter names must be unique across querystring, header and path")
		}
		seen[name] = true
	}
	return nil
}

// requestParameter is the name in method.request.{querystring|path|header}.{name}.
func requestParameter(p string) (name string, ok bool) {
	for _, prefix := range []string{"method.request.querystring.", "method.request.path.", "method.request.header."} {
		if name, ok := strings.CutPrefix(p, prefix); ok {
			return name, validName(name)
		}
	}
	return "", false
}

// GetMethod returns a method with its integration and all responses.
func (s *Service) GetMethod(ctx context.Context, in *api.GetMethodInput) (*api.Method, error) {
	me, err := s.readMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	return &me.m, nil
}

// UpdateMethod changes a method.
func (s *Service) UpdateMethod(ctx context.Context, in *api.UpdateMethodInput) (*api.Method, error) {
	var out api.Method
	err := s.editMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(me *methodEdit) error {
		if err := methodPatches.apply(&me.m, in.PatchOperations); err != nil {
			return err
		}
		out = me.m
		if len(in.PatchOperations) == 0 {
			return nil
		}
		err := me.check()
		out = me.m
		return err
	})
	return &out, err
}

// methodPatches is UpdateMethod.
var methodPatches = patchTable[api.Method]{refuse: refusePlain[api.Method], rules: []patchRule[api.Method]{
	{path: "/operationName", replace: func(m *api.Method, o patchOp) error { patchString(&m.OperationName, o); return nil }},
	{path: "/apiKeyRequired", replace: func(m *api.Method, o patchOp) error { m.ApiKeyRequired = patchBool(o); return nil }},
	{path: "/authorizationType", replace: func(m *api.Method, o patchOp) error { patchString(&m.AuthorizationType, o); return nil }},
	{path: "/authorizerId", replace: func(m *api.Method, o patchOp) error { patchString(&m.AuthorizerId, o); return nil }},
	{path: "/authorizationScopes", add: func(m *api.Method, o patchOp) error {
		m.AuthorizationScopes = append(m.AuthorizationScopes, o.value)
		return nil
	}, remove: func(m *api.Method, o patchOp) error {
		m.AuthorizationScopes = dropValue(m.AuthorizationScopes, o.value)
		return nil
	}},
	{path: "/requestValidatorId", replace: func(m *api.Method, o patchOp) error { patchString(&m.RequestValidatorId, o); return nil }},
	{path: "/requestParameters/{name}", add: setRequestParameter, replace: setRequestParameter, remove: func(m *api.Method, o patchOp) error {
		if _, ok := m.RequestParameters[o.keys[0]]; !ok {
			return errParameter()
		}
		m.RequestParameters = dropEntry(m.RequestParameters, o.keys[0])
		return nil
	}},
	{path: "/requestModels/{type}", add: setRequestModel, replace: setRequestModel, remove: func(m *api.Method, o patchOp) error {
		if _, ok := m.RequestModels[o.keys[0]]; !ok {
			return errContentType()
		}
		m.RequestModels = dropEntry(m.RequestModels, o.keys[0])
		return nil
	}},
}}

func setRequestParameter(m *api.Method, o patchOp) error {
	if _, ok := m.RequestParameters[o.keys[0]]; !ok && o.op == "replace" {
		return errParameter()
	}
	m.RequestParameters = setEntry(m.RequestParameters, o.keys[0], *patchBool(o))
	return nil
}

func setRequestModel(m *api.Method, o patchOp) error {
	if _, ok := m.RequestModels[o.keys[0]]; !ok && o.op == "replace" {
		return errContentType()
	}
	m.RequestModels = setEntry(m.RequestModels, o.keys[0], o.value)
	return nil
}

// DeleteMethod removes a method with its integration and responses.
func (s *Service) DeleteMethod(ctx context.Context, in *api.DeleteMethodInput) error {
	return s.editAPI(ctx, in.RestApiId, errResource(), func(e *apiEdit, _ *store.Change) error {
		me, err := method(e.def, in.ResourceId, in.HttpMethod)
		if err != nil {
			return err
		}
		me.resource.ResourceMethods = dropEntry(me.resource.ResourceMethods, me.name)
		e.def.Resources[*me.resource.Id] = me.resource
		return nil
	})
}
