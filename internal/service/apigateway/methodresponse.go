package apigateway

import (
	"context"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
)

// methodResponsePrefix is what names of response parameters begin with.
const methodResponsePrefix = "method.response.header."

// PutMethodResponse adds a response to a method.
func (s *Service) PutMethodResponse(ctx context.Context, in *api.PutMethodResponseInput) (*api.MethodResponse, error) {
	out := api.MethodResponse{StatusCode: in.StatusCode, ResponseParameters: in.ResponseParameters, ResponseModels: in.ResponseModels}
	err := s.editMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(me *methodEdit) error {
		if _, ok := me.m.MethodResponses[str(in.StatusCode)]; ok {
			return api.ConflictException("Response already exists for this resource") // AWS: not recorded
		}
		if err := me.checkResponse(&out); err != nil {
			return err
		}
		me.m.MethodResponses = setEntry(me.m.MethodResponses, *in.StatusCode, out)
		return nil
	})
	return &out, err
}

// checkResponse refuses a response with models the API does not have, or with
// parameters that are no headers.
func (me *methodEdit) checkResponse(r *api.MethodResponse) error {
	for _, p := range sortedKeys(r.ResponseParameters) {
		if name, ok := strings.CutPrefix(p, methodResponsePrefix); !ok || !validName(name) {
			return errMapping("Invalid mapping expression specified: " + p)
		}
	}
	return checkModels(me.def, r.ResponseModels)
}

// response finds a response of a method.
func (me *methodEdit) response(status *string) (api.MethodResponse, error) {
	r, ok := me.m.MethodResponses[str(status)]
	if !ok {
		return r, errStatusCode()
	}
	return r, nil
}

// GetMethodResponse returns a response of a method.
func (s *Service) GetMethodResponse(ctx context.Context, in *api.GetMethodResponseInput) (*api.MethodResponse, error) {
	me, err := s.readMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	r, err := me.response(in.StatusCode)
	return &r, err
}

// UpdateMethodResponse changes a response of a method.
func (s *Service) UpdateMethodResponse(ctx context.Context, in *api.UpdateMethodResponseInput) (*api.MethodResponse, error) {
	var out api.MethodResponse
	err := s.editMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(me *methodEdit) error {
		r, err := me.response(in.StatusCode)
		if err != nil {
			return err
		}
		if err := methodResponsePatches.apply(&r, in.PatchOperations); err != nil {
			return err
		}
		if err := me.checkResponse(&r); err != nil {
			return err
		}
		me.m.MethodResponses[*in.StatusCode] = r
		out = r
		return nil
	})
	return &out, err
}

// methodResponsePatches is UpdateMethodResponse.
//
// AWS: recorded (test_update_method_wrong_param_names,
// test_update_method_lack_response_parameters_and_models).
var methodResponsePatches = patchTable[api.MethodResponse]{refuse: refusePlain[api.MethodResponse], rules: []patchRule[api.MethodResponse]{
	{path: "/responseParameters/{name}", add: setResponseParameter, replace: setResponseParameter, remove: func(r *api.MethodResponse, o patchOp) error {
		if _, ok := r.ResponseParameters[o.keys[0]]; !ok {
			return errParameter()
		}
		r.ResponseParameters = dropEntry(r.ResponseParameters, o.keys[0])
		return nil
	}},
	{path: "/responseModels/{type}", add: setResponseModel, replace: setResponseModel, remove: func(r *api.MethodResponse, o patchOp) error {
		if _, ok := r.ResponseModels[o.keys[0]]; !ok {
			return errContentType()
		}
		r.ResponseModels = dropEntry(r.ResponseModels, o.keys[0])
		return nil
	}},
}}

func setResponseParameter(r *api.MethodResponse, o patchOp) error {
	if _, ok := r.ResponseParameters[o.keys[0]]; !ok && o.op == "replace" {
		return errParameter()
	}
	r.ResponseParameters = setEntry(r.ResponseParameters, o.keys[0], *patchBool(o))
	return nil
}

func setResponseModel(r *api.MethodResponse, o patchOp) error {
	if _, ok := r.ResponseModels[o.keys[0]]; !ok && o.op == "replace" {
		return errContentType()
	}
	r.ResponseModels = setEntry(r.ResponseModels, o.keys[0], o.value)
	return nil
}

// DeleteMethodResponse removes a response of a method.
func (s *Service) DeleteMethodResponse(ctx context.Context, in *api.DeleteMethodResponseInput) error {
	return s.editMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(me *methodEdit) error {
		if _, err := me.response(in.StatusCode); err != nil {
			return err
		}
		me.m.MethodResponses = dropEntry(me.m.MethodResponses, *in.StatusCode)
		return nil
	})
}
