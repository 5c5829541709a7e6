package apigateway

import (
	"context"
	"maps"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A definition keeps only the gateway responses that were set, and of those
// only what was set. What is returned is filled in: from the family's response
// (DEFAULT_4XX, DEFAULT_5XX) if that was set and the type itself was not,
// otherwise from AWS's defaults. All of it is recorded (test_gateway_response_crud,
// test_gateway_response_put, test_update_gateway_response).

// gatewayResponseStatus are the types with the status that AWS tells for each.
// The families have none.
var gatewayResponseStatus = map[string]string{
	api.GatewayResponseTypeAccessDenied:                 "403",
	api.GatewayResponseTypeApiConfigurationError:        "500",
	api.GatewayResponseTypeAuthorizerConfigurationError: "500",
	api.GatewayResponseTypeAuthorizerFailure:            "500",
	api.GatewayResponseTypeBadRequestBody:               "400",
	api.GatewayResponseTypeBadRequestParameters:         "400",
	api.GatewayResponseTypeDefault4xx:                   "",
	api.GatewayResponseTypeDefault5xx:                   "",
	api.GatewayResponseTypeExpiredToken:                 "403",
	api.GatewayResponseTypeIntegrationFailure:           "504",
	api.GatewayResponseTypeIntegrationTimeout:           "504",
	api.GatewayResponseTypeInvalidApiKey:                "403",
	api.GatewayResponseTypeInvalidSignature:             "403",
	api.GatewayResponseTypeMissingAuthenticationToken:   "403",
	api.GatewayResponseTypeQuotaExceeded:                "429",
	api.GatewayResponseTypeRequestTooLarge:              "413",
	api.GatewayResponseTypeResourceNotFound:             "404",
	api.GatewayResponseTypeThrottled:                    "429",
	api.GatewayResponseTypeUnauthorized:                 "401",
	api.GatewayResponseTypeUnsupportedMediaType:         "415",
	api.GatewayResponseTypeWafFiltered:                  "403",
}

// shownGatewayResponse is a gateway response as it is returned.
func shownGatewayResponse(def *record.Definition, kind string) api.GatewayResponse {
	r, set := def.GatewayResponses[kind]
	status := gatewayResponseStatus[kind]
	if !set {
		family := api.GatewayResponseTypeDefault4xx
		if strings.HasPrefix(status, "5") {
			family = api.GatewayResponseTypeDefault5xx
		}
		if status != "" {
			r = def.GatewayResponses[family]
		}
	}
	r.ResponseType, r.DefaultResponse = new(kind), new(!set)
	if r.StatusCode == nil && status != "" {
		r.StatusCode = new(status)
	}
	if r.ResponseParameters == nil {
		r.ResponseParameters = map[string]string{}
	}
	if r.ResponseTemplates == nil {
		r.ResponseTemplates = map[string]string{"application/json": `{"message":$context.error.messageString}`}
	}
	return r
}

// PutGatewayResponse sets a gateway response; one that was set before is
// replaced whole.
func (s *Service) PutGatewayResponse(ctx context.Context, in *api.PutGatewayResponseInput) (*api.GatewayResponse, error) {
	var out api.GatewayResponse
	err := s.editAPI(ctx, in.RestApiId, errAPI(ctx, in.RestApiId), func(e *apiEdit, _ *store.Change) error {
		kind := str(in.ResponseType)
		r := api.GatewayResponse{ResponseType: in.ResponseType, StatusCode: in.StatusCode,
			ResponseParameters: in.ResponseParameters, ResponseTemplates: in.ResponseTemplates}
		if err := checkGatewayResponse(&r); err != nil {
			return err
		}
		e.def.GatewayResponses = setEntry(e.def.GatewayResponses, kind, r)
		out = shownGatewayResponse(e.def, kind)
		return nil
	})
	return &out, err
}

// checkGatewayResponse refuses mappings that cannot be.
func checkGatewayResponse(r *api.GatewayResponse) error {
	for _, target := range sortedKeys(r.ResponseParameters) {
		name, ok := strings.CutPrefix(target, "gatewayresponse.header.")
		if !ok || !validName(name) {
			return errMapping("Invalid mapping expression specified: " + target) // AWS: undocumented text, as for other mappings
		}
		source := r.ResponseParameters[target]
		if isConstant(source) {
			continue
		}
		if _, ok := requestSource(source); !ok {
			return errMapping("Invalid mapping expression specified: " + source) // AWS: likewise
		}
	}
	for contentType := range r.ResponseTemplates {
		if !validContentType(contentType) {
			return api.BadRequestException("Validation Result: warnings : [], errors : [Invalid content type specified: " + contentType + "]")
		}
	}
	return nil
}

// GetGatewayResponse returns the gateway response of one type.
func (s *Service) GetGatewayResponse(ctx context.Context, in *api.GetGatewayResponseInput) (*api.GatewayResponse, error) {
	def, err := s.definition(ctx, in.RestApiId, errAPI(ctx, in.RestApiId))
	if err != nil {
		return nil, err
	}
	return new(shownGatewayResponse(def, str(in.ResponseType))), nil
}

// GetGatewayResponses lists the gateway responses of all types.
func (s *Service) GetGatewayResponses(ctx context.Context, in *api.GetGatewayResponsesInput) (*api.GatewayResponses, error) {
	def, err := s.definition(ctx, in.RestApiId, errAPI(ctx, in.RestApiId))
	if err != nil {
		return nil, err
	}
	var list []api.GatewayResponse
	for _, kind := range sortedKeys(gatewayResponseStatus) {
		list = append(list, shownGatewayResponse(def, kind))
	}
	items, next, err := page(list, func(r *api.GatewayResponse) string { return *r.ResponseType }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.GatewayResponses{Items: items, Position: next}, nil
}

// UpdateGatewayResponse changes a gateway response, which thereby is set.
func (s *Service) UpdateGatewayResponse(ctx context.Context, in *api.UpdateGatewayResponseInput) (*api.GatewayResponse, error) {
	var out api.GatewayResponse
	err := s.editAPI(ctx, in.RestApiId, errAPI(ctx, in.RestApiId), func(e *apiEdit, _ *store.Change) error {
		kind := str(in.ResponseType)
		r := e.def.GatewayResponses[kind]
		r.ResponseType = in.ResponseType
		if r.ResponseTemplates == nil {
			// The built-in template is there to be changed; it is stored only
			// if it was.
			r.ResponseTemplates = maps.Clone(shownGatewayResponse(&record.Definition{}, kind).ResponseTemplates)
		}
		builtIn := maps.Clone(r.ResponseTemplates)
		if err := gatewayResponsePatches.apply(&r, in.PatchOperations); err != nil {
			return err
		}
		if e.def.GatewayResponses[kind].ResponseTemplates == nil && maps.Equal(builtIn, r.ResponseTemplates) {
			r.ResponseTemplates = nil
		}
		if err := checkGatewayResponse(&r); err != nil {
			return err
		}
		if len(in.PatchOperations) > 0 {
			e.def.GatewayResponses = setEntry(e.def.GatewayResponses, kind, r)
		}
		out = shownGatewayResponse(e.def, kind)
		return nil
	})
	return &out, err
}

// gatewayResponsePatches is UpdateGatewayResponse.
var gatewayResponsePatches = patchTable[api.GatewayResponse]{refuse: refusePath[api.GatewayResponse], rules: []patchRule[api.GatewayResponse]{
	{path: "/statusCode", replace: func(r *api.GatewayResponse, o patchOp) error {
		if len(o.value) != 3 || o.value[0] < '1' || o.value[0] > '5' || strings.Trim(o.value, "0123456789") != "" {
			return api.BadRequestException("Invalid status code specified: " + o.value) // AWS: undocumented text
		}
		r.StatusCode = new(o.value)
		return nil
	}},
	{path: "/responseParameters/{name}", add: setGatewayParameter, replace: setGatewayParameter, remove: func(r *api.GatewayResponse, o patchOp) error {
		if _, ok := r.ResponseParameters[o.keys[0]]; !ok {
			return errParameter()
		}
		delete(r.ResponseParameters, o.keys[0])
		return nil
	}},
	{path: "/responseTemplates/{type}", add: setGatewayTemplate, replace: setGatewayTemplate, remove: func(r *api.GatewayResponse, o patchOp) error {
		if _, ok := r.ResponseTemplates[o.keys[0]]; !ok {
			return errContentType()
		}
		delete(r.ResponseTemplates, o.keys[0])
		return nil
	}},
}}

func setGatewayParameter(r *api.GatewayResponse, o patchOp) error {
	if o.value == "" {
		return api.BadRequestException("Invalid null or empty value in responseParameters")
	}
	if _, ok := r.ResponseParameters[o.keys[0]]; !ok && o.op == "replace" {
		return errParameter()
	}
	r.ResponseParameters = setEntry(r.ResponseParameters, o.keys[0], o.value)
	return nil
}

func setGatewayTemplate(r *api.GatewayResponse, o patchOp) error {
	if o.value == "" {
		return api.BadRequestException("Invalid null or empty value in responseTemplates")
	}
	if _, ok := r.ResponseTemplates[o.keys[0]]; !ok && o.op == "replace" {
		return errContentType()
	}
	r.ResponseTemplates = setEntry(r.ResponseTemplates, o.keys[0], o.value)
	return nil
}

// DeleteGatewayResponse lets a type have its default again.
func (s *Service) DeleteGatewayResponse(ctx context.Context, in *api.DeleteGatewayResponseInput) error {
	return s.editAPI(ctx, in.RestApiId, errAPI(ctx, in.RestApiId), func(e *apiEdit, _ *store.Change) error {
		if _, ok := e.def.GatewayResponses[str(in.ResponseType)]; !ok {
			return api.NotFoundException("Gateway response type not defined on api")
		}
		delete(e.def.GatewayResponses, str(in.ResponseType))
		return nil
	})
}
