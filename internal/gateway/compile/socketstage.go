package compile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/authorizer"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/gateway/wsapi"
	"gatehouse/internal/record"
	"gatehouse/internal/upstream"
)

// The routes of a WebSocket API that are not found by a message.
const (
	connectRoute    = "$connect"
	disconnectRoute = "$disconnect"
)

// A socketPlanner makes the plans of one WebSocket API's stage.
type socketPlanner struct {
	httpPlanner
	hub *wsapi.Hub
}

// buildSocket makes a stage of a WebSocket API.
func (b *builder) buildSocket(ctx context.Context, made *built, id stageID, rec *record.APIStage, def *record.APIDefinition) error {
	hub := b.c.opt.Sockets
	if hub == nil {
		return errors.New("nobody serves WebSocket APIs here")
	}
	made.socket = true
	p := &socketPlanner{httpPlanner: httpPlanner{c: b.c, b: made, id: id, def: def, rec: rec}, hub: hub}
	var err error
	if p.finish, err = p.finishers(step.NewSocketAccessLog); err != nil {
		return err
	}
	s := &gateway.SocketStage{Routes: make(map[string]*gateway.Route), Connections: b.c.opt.Connections}
	selection, err := wsapi.ParseSelection(str(def.API.RouteSelectionExpression))
	if err != nil {
		return fmt.Errorf("routeSelectionExpression: %w", err)
	}
	s.Select = selection.Key
	connect := v2.Route{RouteKey: new(connectRoute)}
	for _, routeID := range slices.Sorted(maps.Keys(def.Routes)) {
		r := def.Routes[routeID]
		rt := &gateway.Route{Key: str(r.RouteKey), OperationName: str(r.OperationName), Reply: replies(def, routeID)}
		if rt.Key == connectRoute {
			s.Connect, connect = rt, r
			continue
		}
		if rt.Plan, err = p.routePlan(ctx, rt, &r); err != nil {
			return fmt.Errorf("%s: %w", rt.Key, err)
		}
		if rt.Key == disconnectRoute {
			s.Disconnect = rt
		} else {
			s.Routes[rt.Key] = rt
		}
	}
	if s.Connect == nil {
		s.Connect = &gateway.Route{Key: connectRoute}
	}
	if s.Handshake, err = p.handshake(ctx, s.Connect, &connect); err != nil {
		return fmt.Errorf("%s: %w", connectRoute, err)
	}
	s.Connect.Plan = s.Handshake
	made.stage = &gateway.Stage{
		Account: id.Account, Region: id.Region, API: id.api, Name: id.name, Deployment: str(rec.DeploymentId),
		EndpointType: "REGIONAL", Variables: rec.StageVariables, Socket: s,
	}
	return nil
}

// replies tells whether what comes of a route goes to the client.
//
// AWS: websocket-execution.md §5: it does if there is a route response.
func replies(def *record.APIDefinition, routeID string) bool {
	return len(def.RouteResponses[routeID]) > 0
}

// handshake is the order in which things happen to a request for a connection.
//
// AWS: websocket-execution.md §1 has throttling before the authorizer.
func (p *socketPlanner) handshake(ctx context.Context, rt *gateway.Route, r *v2.Route) (*gateway.Plan, error) {
	plan := &gateway.Plan{Finish: p.finishersOf(rt), Request: []gateway.Step{&wsapi.Upgrade{Hub: p.hub}, p.throttle(rt)}}
	if s, err := p.authorizeSocket(r); err != nil {
		return nil, err
	} else if s != nil {
		plan.Request = append(plan.Request, s)
	}
	if str(r.Target) != "" {
		if err := p.backend(ctx, plan, rt, r); err != nil {
			return nil, err
		}
	}
	plan.Response = append(plan.Response, &wsapi.Accept{Hub: p.hub})
	return plan, nil
}

// authorizeSocket makes the step that finds out who a client is; nil: anybody
// may connect.
func (p *socketPlanner) authorizeSocket(r *v2.Route) (gateway.Step, error) {
	switch t := str(r.AuthorizationType); t {
	case "", v2.AuthorizationTypeNone:
		return nil, nil
	case v2.AuthorizationTypeAwsIam:
		return &authorizer.IAM{
			Identities: p.c.opt.Identities, Region: p.id.Region, Account: p.id.Account, Organization: p.c.opt.Organization,
		}, nil
	default:
		return nil, fmt.Errorf("authorizationType %s is not supported", t)
	}
}

// routePlan is the order in which things happen to a message, or after the end.
//
// AWS: execution.md §4, as for HTTP APIs.
func (p *socketPlanner) routePlan(ctx context.Context, rt *gateway.Route, r *v2.Route) (*gateway.Plan, error) {
	plan := &gateway.Plan{Finish: p.finishersOf(rt)}
	if rt.Key != disconnectRoute {
		plan.Request = append(plan.Request, p.throttle(rt))
	}
	if str(r.Target) == "" {
		plan.Integration = integration.NewBroken(errNoTarget)
		return plan, nil
	}
	return plan, p.backend(ctx, plan, rt, r)
}

var errNoTarget = errors.New("the route has no integration")

// backend adds the call of a route's backend to its plan, and what belongs to it.
func (p *socketPlanner) backend(_ context.Context, plan *gateway.Plan, rt *gateway.Route, r *v2.Route) error {
	in, ok := p.def.Integrations[strings.TrimPrefix(str(r.Target), "integrations/")]
	if !ok {
		return fmt.Errorf("target %s does not exist", str(r.Target))
	}
	uri := integration.ExpandVariables(str(in.IntegrationUri), p.rec.StageVariables)
	timeout := integration.DefaultTimeout
	if in.TimeoutInMillis != nil {
		timeout = time.Duration(*in.TimeoutInMillis) * time.Millisecond
	}
	var err error
	switch str(in.IntegrationType) {
	case v2.IntegrationTypeMock:
		return nil // AWS: without templates it answers nothing, and that is well
	case v2.IntegrationTypeHttpProxy:
		return p.socketProxy(plan, &in, uri, timeout)
	case v2.IntegrationTypeAwsProxy:
		if f, ok := integration.ParseFunctionURI(uri); ok {
			uri = f.Function
		}
		if p.c.opt.Functions == nil {
			plan.Integration = integration.NewBroken(errNoFunction)
			return nil
		}
		plan.Integration, err = integration.NewLambdaSocket(&integration.LambdaConfig{
			Invoker: p.c.opt.Functions, Function: uri, Method: "POST", Timeout: timeout,
			// AWS: websocket-execution.md §4.
			Source: function.Source{Service: "apigateway.amazonaws.com", Account: p.id.Account, ARN: executeARN(p.id) + "/" + p.id.name + "/" + rt.Key},
		}, event.NewSocketForm(rt.Key, p.rec.StageVariables))
		return err
	}
	return errors.New("integration type " + str(in.IntegrationType) + " is not supported yet")
}

// socketProxy makes an HTTP_PROXY integration. An address that cannot be called
// is no reason to refuse the stage: each call fails.
func (p *socketPlanner) socketProxy(plan *gateway.Plan, in *v2.Integration, text string, timeout time.Duration) error {
	uri, err := integration.ParseURI(text)
	if err != nil {
		plan.Integration = integration.NewBroken(err)
		return nil
	}
	key := upstream.Key{Scheme: uri.Scheme, Host: uri.Host, Port: uri.Port}
	cluster, err := p.c.opt.Clusters.Cluster(key, nil)
	if err != nil {
		return err
	}
	p.b.clusters[key] = true
	sc := &step.Scope{Variables: p.rec.StageVariables, Socket: true}
	mapped, err := step.NewIntegrationRequest(in.RequestParameters, uri.Variables(), step.BackendHTTP, sc)
	if err != nil {
		return err
	}
	if !mapped.Empty() {
		plan.Request = append(plan.Request, mapped)
	}
	plan.Integration, err = integration.NewProxy(&integration.Config{
		API: p.id.api, URI: uri, Cluster: cluster, Method: str(in.IntegrationMethod), Timeout: timeout,
	})
	plan.Response = append(plan.Response, wsapi.Answer{})
	return err
}

// retainSockets closes the connections to stages that are there no more.
func (c *Compiler) retainSockets(t *touched) {
	if c.opt.Sockets == nil || !t.hosts {
		return
	}
	served := c.gw.Table()
	c.opt.Sockets.Retain(func(api, stage string) bool {
		a := served.API(api)
		return a != nil && a.Socket && a.Stages[stage] != nil
	})
}
