package apigateway

import (
	"context"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/store"
)

// All texts are recorded (test_validators_crud_no_api,
// test_invalid_get_request_validator, test_invalid_update_request_validator_operations)
// unless they say otherwise.

func errValidator() error {
	return api.NotFoundException("Invalid Request Validator identifier specified")
}

// CreateRequestValidator adds a validator to an API.
//
// AWS: an unknown API is a bad request here, and only here.
func (s *Service) CreateRequestValidator(ctx context.Context, in *api.CreateRequestValidatorInput) (*api.RequestValidator, error) {
	out := api.RequestValidator{Name: text(in.Name), ValidateRequestBody: new(is(in.ValidateRequestBody)),
		ValidateRequestParameters: new(is(in.ValidateRequestParameters))}
	missing := api.BadRequestException("Invalid REST API identifier specified")
	err := s.editAPI(ctx, in.RestApiId, missing, func(e *apiEdit, _ *store.Change) error {
		if len(e.def.RequestValidators) >= e.limits.ValidatorsPerAPI {
			return errLimitOfAPI("Request Validators")
		}
		id := freshID(shortIDLen, func(id string) bool { _, ok := e.def.RequestValidators[id]; return ok })
		out.Id = new(id)
		e.def.RequestValidators = setEntry(e.def.RequestValidators, id, out)
		return nil
	})
	return &out, err
}

// GetRequestValidator returns one validator.
func (s *Service) GetRequestValidator(ctx context.Context, in *api.GetRequestValidatorInput) (*api.RequestValidator, error) {
	def, err := s.definition(ctx, in.RestApiId, errValidator())
	if err != nil {
		return nil, err
	}
	v, ok := def.RequestValidators[str(in.RequestValidatorId)]
	if !ok {
		return nil, errValidator()
	}
	return &v, nil
}

// GetRequestValidators lists the validators of an API.
func (s *Service) GetRequestValidators(ctx context.Context, in *api.GetRequestValidatorsInput) (*api.RequestValidators, error) {
	def, err := s.definition(ctx, in.RestApiId, errAPI(ctx, in.RestApiId))
	if err != nil {
		return nil, err
	}
	items, next, err := page(byKey(def.RequestValidators), func(v *api.RequestValidator) string { return str(v.Id) }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.RequestValidators{Items: items, Position: next}, nil
}

// UpdateRequestValidator changes a validator.
func (s *Service) UpdateRequestValidator(ctx context.Context, in *api.UpdateRequestValidatorInput) (*api.RequestValidator, error) {
	var out api.RequestValidator
	err := s.editAPI(ctx, in.RestApiId, errValidator(), func(e *apiEdit, _ *store.Change) error {
		v, ok := e.def.RequestValidators[str(in.RequestValidatorId)]
		if !ok {
			return errValidator()
		}
		if err := validatorPatches.apply(&v, in.PatchOperations); err != nil {
			return err
		}
		e.def.RequestValidators[*in.RequestValidatorId] = v
		out = v
		return nil
	})
	return &out, err
}

// validatorPatches is UpdateRequestValidator.
var validatorPatches = patchTable[api.RequestValidator]{refuse: refuseListing[api.RequestValidator], rules: []patchRule[api.RequestValidator]{
	{path: "/name", replace: func(v *api.RequestValidator, o patchOp) error {
		if o.value == "" {
			return api.BadRequestException("Request Validator name cannot be blank")
		}
		v.Name = new(o.value)
		return nil
	}},
	{path: "/validateRequestParameters", replace: func(v *api.RequestValidator, o patchOp) error {
		v.ValidateRequestParameters = patchBool(o)
		return nil
	}},
	{path: "/validateRequestBody", replace: func(v *api.RequestValidator, o patchOp) error {
		v.ValidateRequestBody = patchBool(o)
		return nil
	}},
}}

// DeleteRequestValidator removes a validator that no method names.
func (s *Service) DeleteRequestValidator(ctx context.Context, in *api.DeleteRequestValidatorInput) error {
	return s.editAPI(ctx, in.RestApiId, errValidator(), func(e *apiEdit, _ *store.Change) error {
		id := str(in.RequestValidatorId)
		if _, ok := e.def.RequestValidators[id]; !ok {
			return errValidator()
		}
		for _, r := range byPath(e.def) {
			for _, httpMethod := range sortedKeys(r.ResourceMethods) {
				if str(r.ResourceMethods[httpMethod].RequestValidatorId) == id {
					// AWS: undocumented text, after that of models.
					return api.ConflictException("Cannot delete request validator '" + id + "', is referenced in method request: " + str(r.Path) + "/" + httpMethod)
				}
			}
		}
		delete(e.def.RequestValidators, id)
		return nil
	})
}
