package apigateway

import (
	"context"
	"regexp"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/store"
)

// PutIntegrationResponse sets a response of an integration; one that was there
// before is replaced.
//
// AWS: recorded (test_lifecycle_integration_response), also that the method
// need not have a response of that status.
func (s *Service) PutIntegrationResponse(ctx context.Context, in *api.PutIntegrationResponseInput) (*api.IntegrationResponse, error) {
	out := api.IntegrationResponse{
		StatusCode: in.StatusCode, SelectionPattern: in.SelectionPattern,
		ResponseParameters: in.ResponseParameters, ResponseTemplates: in.ResponseTemplates, ContentHandling: in.ContentHandling,
	}
	err := s.editMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(me *methodEdit) error {
		integration, err := me.integration()
		if err != nil {
			return err
		}
		if err := me.checkIntegrationResponse(&out); err != nil {
			return err
		}
		integration.IntegrationResponses = setEntry(integration.IntegrationResponses, *in.StatusCode, out)
		return nil
	})
	return &out, err
}

// checkIntegrationResponse refuses what AWS refuses and what would not act.
func (me *methodEdit) checkIntegrationResponse(r *api.IntegrationResponse) error {
	if err := checkContentHandling(r.ContentHandling); err != nil {
		return err
	}
	if !validPattern(str(r.SelectionPattern)) {
		return api.BadRequestException("Invalid selection pattern specified: " + *r.SelectionPattern) // AWS: undocumented text
	}
	if err := checkTemplates(r.ResponseTemplates); err != nil {
		return err
	}
	return me.checkResponseMappings(str(r.StatusCode), r.ResponseParameters)
}

// integrationResponse finds a response of a method's integration.
func (me *methodEdit) integrationResponse(status *string) (*api.Integration, api.IntegrationResponse, error) {
	integration, err := me.integration()
	if err != nil {
		return nil, api.IntegrationResponse{}, err
	}
	r, ok := integration.IntegrationResponses[str(status)]
	if !ok {
		return nil, r, errStatusCode()
	}
	return integration, r, nil
}

// GetIntegrationResponse returns a response of an integration.
func (s *Service) GetIntegrationResponse(ctx context.Context, in *api.GetIntegrationResponseInput) (*api.IntegrationResponse, error) {
	me, err := s.readMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	_, r, err := me.integrationResponse(in.StatusCode)
	return &r, err
}

// UpdateIntegrationResponse changes a response of an integration.
func (s *Service) UpdateIntegrationResponse(ctx context.Context, in *api.UpdateIntegrationResponseInput) (*api.IntegrationResponse, error) {
	var out api.IntegrationResponse
	err := s.editMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(me *methodEdit) error {
		integration, r, err := me.integrationResponse(in.StatusCode)
		if err != nil {
			return err
		}
		if err := integrationResponsePatches.apply(&r, in.PatchOperations); err != nil {
			return err
		}
		if err := me.checkIntegrationResponse(&r); err != nil {
			return err
		}
		integration.IntegrationResponses[*in.StatusCode] = r
		out = r
		return nil
	})
	return &out, err
}

// integrationResponsePatches is UpdateIntegrationResponse.
var integrationResponsePatches = patchTable[api.IntegrationResponse]{refuse: refusePlain[api.IntegrationResponse], rules: []patchRule[api.IntegrationResponse]{
	{path: "/contentHandling", replace: func(r *api.IntegrationResponse, o patchOp) error { patchString(&r.ContentHandling, o); return nil }},
	{path: "/selectionPattern", replace: func(r *api.IntegrationResponse, o patchOp) error { r.SelectionPattern = new(o.value); return nil }},
	{path: "/responseParameters/{name}", add: setResponseMapping, replace: setResponseMapping, remove: func(r *api.IntegrationResponse, o patchOp) error {
		if _, ok := r.ResponseParameters[o.keys[0]]; !ok {
			return errParameter()
		}
		r.ResponseParameters = dropEntry(r.ResponseParameters, o.keys[0])
		return nil
	}},
	{path: "/responseTemplates/{type}", add: setResponseTemplate, replace: setResponseTemplate, remove: func(r *api.IntegrationResponse, o patchOp) error {
		if _, ok := r.ResponseTemplates[o.keys[0]]; !ok {
			return errContentType()
		}
		r.ResponseTemplates = dropEntry(r.ResponseTemplates, o.keys[0])
		return nil
	}},
}}

func setResponseMapping(r *api.IntegrationResponse, o patchOp) error {
	if _, ok := r.ResponseParameters[o.keys[0]]; !ok && o.op == "replace" {
		return errParameter()
	}
	r.ResponseParameters = setEntry(r.ResponseParameters, o.keys[0], o.value)
	return nil
}

func setResponseTemplate(r *api.IntegrationResponse, o patchOp) error {
	if _, ok := r.ResponseTemplates[o.keys[0]]; !ok && o.op == "replace" {
		return errContentType()
	}
	r.ResponseTemplates = setEntry(r.ResponseTemplates, o.keys[0], o.value)
	return nil
}

// DeleteIntegrationResponse removes a response of an integration.
//
// AWS: a method that does not exist is told as a missing integration here
// (recorded: test_delete_integration_response_errors).
func (s *Service) DeleteIntegrationResponse(ctx context.Context, in *api.DeleteIntegrationResponseInput) error {
	return s.editAPI(ctx, in.RestApiId, errResource(), func(e *apiEdit, _ *store.Change) error {
		if _, err := resource(e.def, in.ResourceId); err != nil {
			return err
		}
		me, err := method(e.def, in.ResourceId, in.HttpMethod)
		if err != nil {
			return errIntegration()
		}
		integration, _, err := me.integrationResponse(in.StatusCode)
		if err != nil {
			return err
		}
		integration.IntegrationResponses = dropEntry(integration.IntegrationResponses, *in.StatusCode)
		me.save()
		return nil
	})
}

// validPattern reports whether s can select responses: AWS's patterns are
// Java's regular expressions, and those that Go's cannot read are refused
// rather than served wrongly.
func validPattern(s string) bool {
	_, err := regexp.Compile(s)
	return err == nil
}
