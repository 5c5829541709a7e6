package record

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/store"
)

// An API is an HTTP or a WebSocket API as it is stored: its settings, and the definition that
// edits work on. As with a [RestAPI], nothing of it is served but what a
// deployment froze.
type API struct {
	v2.Api
	Scope
	Definition store.Ref
}

// An APIDefinition is everything about an API that a deployment freezes, as one
// value. Whoever shares one must not change it.
type APIDefinition struct {
	// API repeats the settings, without tags and dates, for a deployment must
	// not follow the record.
	API v2.Api `json:",omitzero"`

	// By their ids.
	Routes       map[string]v2.Route       `json:",omitzero"`
	Integrations map[string]v2.Integration `json:",omitzero"`
	Authorizers  map[string]v2.Authorizer  `json:",omitzero"`

	// RouteResponses are those of a WebSocket API, by route and their own id.
	RouteResponses map[string]map[string]v2.RouteResponse `json:",omitzero"`
	// IntegrationResponses are, likewise, by integration and their own id.
	IntegrationResponses map[string]map[string]v2.IntegrationResponse `json:",omitzero"`
	// Models are its models, by id.
	Models map[string]v2.Model `json:",omitzero"`
}

// An APIDeployment freezes a definition.
type APIDeployment struct {
	v2.Deployment
	Scope
	API        string
	Definition store.Ref
	Created    time.Time // as CreatedDate, but exact: gives the order
}

// An APIStage is a stage of an API. Its variables, throttling and access log
// are live; its routes are those of its deployment.
type APIStage struct {
	v2.Stage
	Scope
	API string
}

// Freeze copies those settings of an API into its definition that the
// definition holds.
func (d *APIDefinition) Freeze(a v2.Api) {
	a.Tags, a.Warnings, a.ImportInfo, a.CreatedDate = nil, nil, nil, nil
	d.API = a
}

// Encode gives the content of the definition's blob. Equal definitions have
// equal content.
func (d *APIDefinition) Encode() ([]byte, error) {
	b, err := json.Marshal(d, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode definition of %s: %w", deref(d.API.ApiId), err)
	}
	return b, nil
}

// LoadAPIDefinition reads the definition that ref names. The caller owns the
// result.
func (t Tables) LoadAPIDefinition(ctx context.Context, ref store.Ref) (*APIDefinition, error) {
	b, err := t.Blobs.Get(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("load definition: %w", err)
	}
	d := new(APIDefinition)
	if err := json.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("decode definition: %w", err)
	}
	return d, nil
}

// RouteSetting returns the throttling in force for a route: its own settings,
// each of which goes before that of the stage.
//
// AWS: http-api-execution.md §9.
func (s *APIStage) RouteSetting(routeKey string) (rate *float64, burst *int32) {
	if d := s.DefaultRouteSettings; d != nil {
		rate, burst = d.ThrottlingRateLimit, d.ThrottlingBurstLimit
	}
	if own, ok := s.RouteSettings[routeKey]; ok {
		if own.ThrottlingRateLimit != nil {
			rate = own.ThrottlingRateLimit
		}
		if own.ThrottlingBurstLimit != nil {
			burst = own.ThrottlingBurstLimit
		}
	}
	return rate, burst
}

// DetailedMetrics tells whether a route is counted by itself.
//
// AWS: logging-metrics.md §3: a stage's true wins over its route's false.
func (s *APIStage) DetailedMetrics(routeKey string) bool {
	on := func(b *bool) bool { return b != nil && *b }
	d := s.DefaultRouteSettings
	return d != nil && on(d.DetailedMetricsEnabled) || on(s.RouteSettings[routeKey].DetailedMetricsEnabled)
}

// Logging tells what of a route's executions is logged: a level, and whether
// messages are shown. Settings of the route replace those of the stage.
func (s *APIStage) Logging(routeKey string) (level string, trace bool) {
	take := func(r *v2.RouteSettings) {
		if r.LoggingLevel != nil {
			level = *r.LoggingLevel
		}
		if r.DataTraceEnabled != nil {
			trace = *r.DataTraceEnabled
		}
	}
	if s.DefaultRouteSettings != nil {
		take(s.DefaultRouteSettings)
	}
	if own, ok := s.RouteSettings[routeKey]; ok {
		take(&own)
	}
	return level, trace
}

// APIReferences adds to refs the definitions that the records of HTTP APIs
// name: they lie among the blobs of REST APIs.
func (t Tables) APIReferences(ctx context.Context, refs map[store.Ref]struct{}) error {
	deployments, err := t.APIDeployments.List(ctx, "", "", 0)
	if err != nil {
		return err
	}
	for _, row := range deployments.Rows {
		refs[row.Value.Definition] = struct{}{}
	}
	apis, err := t.APIs.List(ctx, "", "", 0)
	if err != nil {
		return err
	}
	for _, row := range apis.Rows {
		refs[row.Value.Definition] = struct{}{}
	}
	return nil
}
