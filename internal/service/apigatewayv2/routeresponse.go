package apigatewayv2

import (
	"context"
	"maps"
	"slices"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A route response of a WebSocket API makes its route a two-way one: that there
// is one is all that matters. Its models and parameters describe the answer to
// who reads the definition, as on AWS.

// errRouteResponse is the answer for an unknown route response.
func errRouteResponse(id *string) error { return errUnknown("RouteResponse", str(id)) }

// checkRouteResponse refuses a route response that AWS refuses.
//
// AWS: API reference, CreateRouteResponse; "Set up a route response for a
// WebSocket API": the only key is $default.
func checkRouteResponse(r *api.RouteResponse) error {
	if str(r.RouteResponseKey) != defaultRoute {
		return bad("The only routeResponseKey is $default")
	}
	return nil
}

// CreateRouteResponse makes a route a two-way one.
func (s *Service) CreateRouteResponse(ctx context.Context, in *api.CreateRouteResponseInput) (*api.CreateRouteResponseResponse, error) {
	r := api.RouteResponse{}
	overlay(&r, in)
	if err := checkRouteResponse(&r); err != nil {
		return nil, err
	}
	err := s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		route, ok := e.def.Routes[str(in.RouteId)]
		switch {
		case !isSocket(&e.rec.Api):
			return bad("Route responses are supported only for WebSocket APIs")
		case !ok:
			return errRoute(in.RouteId)
		case str(route.RouteKey) == disconnectRoute:
			return bad("The $disconnect route cannot have a route response")
		case len(e.def.RouteResponses[str(in.RouteId)]) > 0:
			return api.ConflictException("A route response with key " + str(r.RouteResponseKey) + " already exists for this route")
		}
		r.RouteResponseId = new(record.NewID(routeIDLen))
		e.putRouteResponse(str(in.RouteId), r)
		return nil
	})
	return new(api.CreateRouteResponseResponse(r)), err
}

func (e *apiEdit) putRouteResponse(route string, r api.RouteResponse) {
	all := maps.Clone(e.def.RouteResponses)
	if all == nil {
		all = map[string]map[string]api.RouteResponse{}
	}
	all[route] = map[string]api.RouteResponse{str(r.RouteResponseId): r}
	e.def.RouteResponses = all
}

// GetRouteResponse returns one route response.
func (s *Service) GetRouteResponse(ctx context.Context, in *api.GetRouteResponseInput) (*api.GetRouteResponseResponse, error) {
	def, err := s.definition(ctx, in.ApiId)
	if err != nil {
		return nil, err
	}
	r, ok := def.RouteResponses[str(in.RouteId)][str(in.RouteResponseId)]
	if !ok {
		return nil, errRouteResponse(in.RouteResponseId)
	}
	return new(api.GetRouteResponseResponse(r)), nil
}

// GetRouteResponses lists the route responses of a route.
func (s *Service) GetRouteResponses(ctx context.Context, in *api.GetRouteResponsesInput) (*api.GetRouteResponsesResponse, error) {
	def, err := s.definition(ctx, in.ApiId)
	if err != nil {
		return nil, err
	}
	if _, ok := def.Routes[str(in.RouteId)]; !ok {
		return nil, errRoute(in.RouteId)
	}
	list := slices.Collect(maps.Values(def.RouteResponses[str(in.RouteId)]))
	items, next, err := page(list, func(r *api.RouteResponse) string { return *r.RouteResponseId }, in.NextToken, in.MaxResults)
	return &api.GetRouteResponsesResponse{Items: items, NextToken: next}, err
}

// UpdateRouteResponse changes a route response.
func (s *Service) UpdateRouteResponse(ctx context.Context, in *api.UpdateRouteResponseInput) (*api.UpdateRouteResponseResponse, error) {
	var out api.RouteResponse
	err := s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		r, ok := e.def.RouteResponses[str(in.RouteId)][str(in.RouteResponseId)]
		if !ok {
			return errRouteResponse(in.RouteResponseId)
		}
		overlay(&r, in)
		out = r
		e.putRouteResponse(str(in.RouteId), r)
		return checkRouteResponse(&r)
	})
	return new(api.UpdateRouteResponseResponse(out)), err
}

// DeleteRouteResponse makes a route a one-way one again.
func (s *Service) DeleteRouteResponse(ctx context.Context, in *api.DeleteRouteResponseInput) error {
	return s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		if _, ok := e.def.RouteResponses[str(in.RouteId)][str(in.RouteResponseId)]; !ok {
			return errRouteResponse(in.RouteResponseId)
		}
		delete(e.def.RouteResponses, str(in.RouteId))
		return nil
	})
}
