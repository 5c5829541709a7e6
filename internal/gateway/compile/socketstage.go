package compile

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/authorizer"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/gateway/wsapi"
	"gatehouse/internal/record"
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

	certificate     *tls.Certificate // shown to backends; nil: none
	certificateName string           // what tells it from others
}

// buildSocket makes a stage of a WebSocket API.
func (b *builder) buildSocket(made *built, id stageID, rec *record.APIStage, def *record.APIDefinition) error {
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
	if p.certificate, p.certificateName, err = b.c.clientCertificate(id, str(rec.ClientCertificateId)); err != nil {
		return err
	}
	s := &gateway.SocketStage{
		Routes: make(map[string]*gateway.Route), Connections: p.connections(),
		Unrouted: &gateway.Plan{Finish: p.finish, Request: traced(p.tracing, []gateway.Step{p.throttle(&gateway.Route{}), wsapi.Unrouted{}})},
		Left:     p.left(),
	}
	selection, err := step.ParseSelection(str(def.API.RouteSelectionExpression))
	if err != nil {
		return fmt.Errorf("routeSelectionExpression: %w", err)
	}
	s.Select = selection.AppendKey
	connect := v2.Route{RouteKey: new(connectRoute)}
	for _, routeID := range slices.Sorted(maps.Keys(def.Routes)) {
		r := def.Routes[routeID]
		rt := &gateway.Route{Key: str(r.RouteKey), OperationName: str(r.OperationName), Reply: replies(def, routeID)}
		if rt.Key == connectRoute {
			s.Connect, connect = rt, r
			continue
		}
		if rt.Plan, err = p.routePlan(rt, &r); err != nil {
			return fmt.Errorf("%s: %w", rt.Key, err)
		}
		rt.Plan.Request = traced(p.tracing, rt.Plan.Request)
		if rt.Key == disconnectRoute {
			s.Disconnect = rt
		} else {
			s.Routes[rt.Key] = rt
		}
	}
	if s.Connect == nil {
		s.Connect = &gateway.Route{Key: connectRoute}
	}
	if s.Handshake, err = p.handshake(s.Connect, &connect); err != nil {
		return fmt.Errorf("%s: %w", connectRoute, err)
	}
	s.Handshake.Request = traced(p.tracing, s.Handshake.Request)
	s.Connect.Plan = s.Handshake
	made.stage = &gateway.Stage{
		Account: id.Account, Region: id.Region, API: id.api, Name: id.name, Deployment: str(rec.DeploymentId),
		EndpointType: "REGIONAL", Variables: rec.StageVariables, Socket: s,
	}
	return nil
}

// left is what happens to the end of a connection where there is no route for it.
//
// AWS: logging-metrics.md §3: it counts.
func (p *socketPlanner) left() *gateway.Plan {
	plan := &gateway.Plan{Finish: p.finish[:1], Request: traced(p.tracing, nil)}
	if p.tracing != nil {
		plan.Finish = []gateway.Finisher{p.finish[0], p.tracing}
	}
	return plan
}

// connections is what happens to calls of @connections; nil: nobody answers them.
func (p *socketPlanner) connections() *gateway.Plan {
	if p.c.opt.Connections == nil {
		return nil
	}
	plan := *p.c.opt.Connections
	plan.Request = []gateway.Step{wsapi.Limit{Account: p.c.accountBucket(p.id.Scope)}}
	// AWS: logging-metrics.md §3: what is posted counts as a message, by the route
	// of this name.
	plan.Finish = []gateway.Finisher{wsapi.Posted{By: p.finishersOf(&gateway.Route{Key: postRoute})[0]}}
	return &plan
}

// postRoute is what detailed metrics call the messages that backends post.
const postRoute = "POST /@connections/{connectionId}"

// replies tells whether what comes of a route goes to the client.
//
// AWS: websocket-execution.md §5: it does if there is a route response.
func replies(def *record.APIDefinition, routeID string) bool {
	return len(def.RouteResponses[routeID]) > 0
}

// handshake is the order in which things happen to a request for a connection.
//
// AWS: websocket-execution.md §1 has throttling before the authorizer, then the
// key, whose plan has limits of its own.
func (p *socketPlanner) handshake(rt *gateway.Route, r *v2.Route) (*gateway.Plan, error) {
	plan := &gateway.Plan{Finish: p.finishersOf(rt), Request: []gateway.Step{&wsapi.Upgrade{Hub: p.hub}, p.throttle(rt)}}
	if s, err := p.authorizeSocket(r); err != nil {
		return nil, err
	} else if s != nil {
		plan.Request = append(plan.Request, s)
	}
	plan.Request = append(plan.Request, p.key(r), &step.Throttle{})
	logged := p.log(plan, rt, r)
	if err := p.require(plan, r); err != nil {
		return nil, err
	}
	if str(r.Target) != "" {
		if err := p.backend(plan, rt, r); err != nil {
			return nil, err
		}
	}
	plan.Response = append(plan.Response, &wsapi.Accept{Hub: p.hub})
	if logged {
		plan.Integration = integration.WithLog(plan.Integration)
	}
	return plan, nil
}

// log puts the beginning and the end of an execution log into a plan, behind what
// may refuse the client, if the stage wants one of the route.
//
// AWS: logging-metrics.md §2, also the group's name.
func (p *socketPlanner) log(plan *gateway.Plan, rt *gateway.Route, r *v2.Route) bool {
	l := p.executionLog(rt, "/aws/apigateway/"+p.id.api+"/"+p.id.name)
	if l == nil {
		return false
	}
	plan.Request = append([]gateway.Step{l}, append(plan.Request, step.LogSocket{KeyRequired: isTrue(r.ApiKeyRequired)})...)
	plan.Finish = append(slices.Clone(plan.Finish), l)
	plan.Fault = step.LogFault{Fault: plan.Fault}
	return true
}

// key makes the step that looks at the API key of the handshake.
//
// AWS: websocket-execution.md §10.
func (p *socketPlanner) key(r *v2.Route) *step.APIKey {
	return &step.APIKey{Required: isTrue(r.ApiKeyRequired), FromAuthorizer: str(p.def.API.ApiKeySelectionExpression) == "$context.authorizer.usageIdentifierKey"}
}

// require adds the step that wants the parameters which a handshake must have.
//
// AWS: API reference, Route; what comes of a missing one is undocumented: as for
// REST APIs.
func (p *socketPlanner) require(plan *gateway.Plan, r *v2.Route) error {
	var keys []string
	for key, c := range r.RequestParameters {
		if isTrue(c.Required) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	s, err := step.NewRequestParams(keys, p.scope())
	if err == nil {
		plan.Request = append(plan.Request, s)
	}
	return err
}

// scope is what the mappings of the API can refer to.
func (p *socketPlanner) scope() *step.Scope {
	return &step.Scope{Variables: p.rec.StageVariables, Socket: true}
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
	case v2.AuthorizationTypeCustom:
		a, ok := p.def.Authorizers[str(r.AuthorizerId)]
		if !ok || str(a.AuthorizerType) != v2.AuthorizerTypeRequest {
			return nil, fmt.Errorf("authorizer %q does not exist", str(r.AuthorizerId))
		}
		caller, err := p.caller(&a)
		if err != nil {
			return nil, fmt.Errorf("authorizer %s: %w", str(a.AuthorizerId), err)
		}
		sources, err := authorizer.ParseSocketSources(a.IdentitySource, p.rec.StageVariables)
		if err != nil {
			return nil, fmt.Errorf("authorizer %s: %w", str(a.AuthorizerId), err)
		}
		l, err := authorizer.NewSocketLambda(caller, sources, event.NewSocketForm(connectRoute, p.rec.StageVariables))
		return &step.Authorize{By: l}, err
	default:
		return nil, fmt.Errorf("authorizationType %s is not supported", t)
	}
}

// routePlan is the order in which things happen to a message, or after the end.
//
// AWS: execution.md §4, as for HTTP APIs; websocket-execution.md §10: keys.
func (p *socketPlanner) routePlan(rt *gateway.Route, r *v2.Route) (*gateway.Plan, error) {
	plan := &gateway.Plan{Finish: p.finishersOf(rt)}
	if rt.Key != disconnectRoute {
		plan.Request = append(plan.Request, p.key(r), p.throttle(rt))
	}
	logged := p.log(plan, rt, r)
	if str(r.Target) == "" {
		plan.Integration = integration.NewBroken(errNoTarget)
		return plan, nil
	}
	err := p.backend(plan, rt, r)
	if logged {
		plan.Integration = integration.WithLog(plan.Integration)
	}
	return plan, err
}

var errNoTarget = errors.New("the route has no integration")

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
