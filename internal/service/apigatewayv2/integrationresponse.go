package apigatewayv2

import (
	"context"
	"maps"
	"regexp"
	"strings"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/vtl"
)

// An integration response of a WebSocket API says what becomes of what a backend
// answered: it is chosen by its key, and has templates of its own.

// errIntegrationResponse is the answer for an unknown integration response.
func errIntegrationResponse(id *string) error { return errUnknown("IntegrationResponse", str(id)) }

// putIntegrationResponse checks an integration response and puts it into the
// definition.
//
// AWS: API reference, CreateIntegrationResponse; websocket-execution.md §4. The
// texts are ours.
func (e *apiEdit) putIntegrationResponse(integration string, r api.IntegrationResponse) error {
	if err := checkIntegrationResponse(&r); err != nil {
		return err
	}
	here := maps.Clone(e.def.IntegrationResponses[integration])
	for id, other := range here {
		if id != str(r.IntegrationResponseId) && str(other.IntegrationResponseKey) == str(r.IntegrationResponseKey) {
			return api.ConflictException("An integration response with key " + str(r.IntegrationResponseKey) + " already exists for this integration")
		}
	}
	if here == nil {
		here = map[string]api.IntegrationResponse{}
	}
	here[str(r.IntegrationResponseId)] = r
	if e.def.IntegrationResponses == nil {
		e.def.IntegrationResponses = map[string]map[string]api.IntegrationResponse{}
	}
	e.def.IntegrationResponses[integration] = here
	return nil
}

func checkIntegrationResponse(r *api.IntegrationResponse) error {
	key := str(r.IntegrationResponseKey)
	if n := len(key); n > 1 && key[0] == '/' && key[n-1] == '/' {
		if _, err := regexp.Compile(key[1 : n-1]); err != nil || n == 2 {
			return bad("Invalid integrationResponseKey " + key + ". It must be $default or /pattern/")
		}
	} else if key != defaultRoute {
		return bad("Invalid integrationResponseKey " + key + ". It must be $default or /pattern/")
	}
	if expr := str(r.TemplateSelectionExpression); expr != "" && !selects(expr, true) {
		return bad("Invalid templateSelectionExpression " + expr)
	}
	for _, to := range sortedKeys(r.ResponseParameters) {
		from := r.ResponseParameters[to]
		name, ok := strings.CutPrefix(to, "method.response.header.")
		if !ok || name == "" {
			return bad("Invalid mapping expression specified: " + to)
		}
		if !constantText(from) && !strings.HasPrefix(from, "integration.response.header.") && !strings.HasPrefix(from, "integration.response.body") {
			return bad("Invalid mapping expression specified: " + from)
		}
	}
	return checkTemplates(r.ResponseTemplates)
}

// constantText tells whether a mapping's value stands for itself.
func constantText(s string) bool { return len(s) >= 2 && s[0] == '\'' && s[len(s)-1] == '\'' }

// checkTemplates refuses templates that could not be rendered.
//
// AWS: REST APIs refuse them likewise; the text is ours.
func checkTemplates(templates map[string]string) error {
	for _, key := range sortedKeys(templates) {
		if _, err := vtl.Compile(templates[key]); err != nil {
			return bad("Invalid template for " + key + ": " + err.Error())
		}
	}
	return nil
}

// CreateIntegrationResponse adds an integration response.
func (s *Service) CreateIntegrationResponse(ctx context.Context, in *api.CreateIntegrationResponseInput) (*api.CreateIntegrationResponseResponse, error) {
	r := api.IntegrationResponse{}
	overlay(&r, in)
	err := s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		i, ok := e.def.Integrations[str(in.IntegrationId)]
		switch {
		case !isSocket(&e.rec.Api):
			return bad("Integration responses are supported only for WebSocket APIs")
		case !ok:
			return errIntegration(in.IntegrationId)
		case str(i.IntegrationType) == api.IntegrationTypeAwsProxy || str(i.IntegrationType) == api.IntegrationTypeHttpProxy:
			// AWS: DG "Set up a WebSocket API integration response": only for
			// non-proxy integrations.
			return bad("Integration responses are supported only for non-proxy integrations")
		case len(e.def.IntegrationResponses[str(in.IntegrationId)]) >= maxIntegrationResponses:
			return errLimit("integration responses")
		}
		r.IntegrationResponseId = new(record.NewID(routeIDLen))
		return e.putIntegrationResponse(str(in.IntegrationId), r)
	})
	return new(api.CreateIntegrationResponseResponse(r)), err
}

// maxIntegrationResponses bounds those of one integration; AWS names no number.
const maxIntegrationResponses = 100

// integrationResponse reads one integration response.
func (s *Service) integrationResponses(ctx context.Context, apiID, integration *string) (map[string]api.IntegrationResponse, error) {
	def, err := s.definition(ctx, apiID)
	if err != nil {
		return nil, err
	}
	if _, ok := def.Integrations[str(integration)]; !ok {
		return nil, errIntegration(integration)
	}
	return def.IntegrationResponses[str(integration)], nil
}

// GetIntegrationResponse returns one integration response.
func (s *Service) GetIntegrationResponse(ctx context.Context, in *api.GetIntegrationResponseInput) (*api.GetIntegrationResponseResponse, error) {
	all, err := s.integrationResponses(ctx, in.ApiId, in.IntegrationId)
	if err != nil {
		return nil, err
	}
	r, ok := all[str(in.IntegrationResponseId)]
	if !ok {
		return nil, errIntegrationResponse(in.IntegrationResponseId)
	}
	return new(api.GetIntegrationResponseResponse(r)), nil
}

// GetIntegrationResponses lists the integration responses of an integration.
func (s *Service) GetIntegrationResponses(ctx context.Context, in *api.GetIntegrationResponsesInput) (*api.GetIntegrationResponsesResponse, error) {
	all, err := s.integrationResponses(ctx, in.ApiId, in.IntegrationId)
	if err != nil {
		return nil, err
	}
	items, next, err := page(sorted(all), func(r *api.IntegrationResponse) string { return *r.IntegrationResponseId }, in.NextToken, in.MaxResults)
	return &api.GetIntegrationResponsesResponse{Items: items, NextToken: next}, err
}

// UpdateIntegrationResponse changes an integration response.
func (s *Service) UpdateIntegrationResponse(ctx context.Context, in *api.UpdateIntegrationResponseInput) (*api.UpdateIntegrationResponseResponse, error) {
	var out api.IntegrationResponse
	err := s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		r, ok := e.def.IntegrationResponses[str(in.IntegrationId)][str(in.IntegrationResponseId)]
		if !ok {
			return errIntegrationResponse(in.IntegrationResponseId)
		}
		overlay(&r, in)
		out = r
		return e.putIntegrationResponse(str(in.IntegrationId), r)
	})
	return new(api.UpdateIntegrationResponseResponse(out)), err
}

// DeleteIntegrationResponse removes an integration response.
func (s *Service) DeleteIntegrationResponse(ctx context.Context, in *api.DeleteIntegrationResponseInput) error {
	return s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		here := e.def.IntegrationResponses[str(in.IntegrationId)]
		if _, ok := here[str(in.IntegrationResponseId)]; !ok {
			return errIntegrationResponse(in.IntegrationResponseId)
		}
		here = maps.Clone(here)
		delete(here, str(in.IntegrationResponseId))
		e.def.IntegrationResponses[str(in.IntegrationId)] = here
		if len(here) == 0 {
			delete(e.def.IntegrationResponses, str(in.IntegrationId))
		}
		return nil
	})
}
