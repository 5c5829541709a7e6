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
	"gatehouse/internal/record"
	"gatehouse/internal/upstream"
)

// An httpPlanner makes the plans of one HTTP API's stage.
type httpPlanner struct {
	c    *Compiler
	b    *built
	id   stageID
	def  *record.APIDefinition
	rec  *record.APIStage
	cors *step.CORS // nil: there is no configuration

	fault   gateway.Step
	tracing *gateway.Tracing // nil: there is none
	finish  []gateway.Finisher

	jwts    map[string]*authorizer.JWT // made so far, by id
	lambdas map[string]*authorizer.HTTPLambda
}

// buildHTTP makes a stage of an HTTP API. One without a deployment has no
// routes.
func (b *builder) buildHTTP(ctx context.Context, made *built, id stageID, rec *record.APIStage) error {
	def := new(record.APIDefinition)
	if dep := str(rec.DeploymentId); dep != "" {
		r := b.c.mirror.http.deployments[deploymentID{id.Scope, id.api, dep}]
		if r == nil {
			return fmt.Errorf("deployment %q does not exist", dep)
		}
		var err error
		if def, err = record.In(b.c.st, b.c.blobs, id.Scope).LoadAPIDefinition(ctx, r.Definition); err != nil {
			return &readError{fmt.Errorf("the deployment's definition: %w", err)}
		}
		made.deployed = r.Created
	}
	made.disabled, made.name = isTrue(def.API.DisableExecuteApiEndpoint), str(def.API.Name)
	if b.c.mirror.http.sockets[apiID{id.Scope, id.api}] {
		return b.buildSocket(made, id, rec, def)
	}
	made.http = true
	p := &httpPlanner{c: b.c, b: made, id: id, def: def, rec: rec,
		jwts: make(map[string]*authorizer.JWT), lambdas: make(map[string]*authorizer.HTTPLambda)}
	if c := def.API.CorsConfiguration; c != nil {
		p.cors = newCORS(c)
		p.fault = &step.HTTPFault{CORS: p.cors}
	}
	var err error
	if p.finish, err = p.finishers(step.NewHTTPAccessLog); err != nil {
		return err
	}
	st := &gateway.Stage{
		Account: id.Account, Region: id.Region, API: id.api, Name: id.name, Deployment: str(rec.DeploymentId),
		EndpointType: "REGIONAL", Variables: rec.StageVariables,
		// AWS: logging-metrics.md §3: a request without a route is in no metric.
		Fallback: &gateway.Plan{Request: traced(p.tracing, []gateway.Step{step.NoHTTPRoute{}}), Fault: p.fault, Finish: p.finish[1:]},
	}
	if p.cors != nil {
		st.Preflight = &gateway.Plan{Request: traced(p.tracing, []gateway.Step{&step.Preflight{CORS: p.cors}}), Fault: p.fault, Finish: p.finish}
	}
	made.stage = st
	st.Router, err = p.router()
	return err
}

func newCORS(c *v2.Cors) *step.CORS {
	cfg := &step.CORSConfig{
		Origins: c.AllowOrigins, Methods: c.AllowMethods, Headers: c.AllowHeaders, Expose: c.ExposeHeaders,
		MaxAge: -1, Credentials: isTrue(c.AllowCredentials),
	}
	if c.MaxAge != nil {
		cfg.MaxAge = int(*c.MaxAge)
	}
	return step.NewCORS(cfg)
}

// router makes the routes that have a target.
func (p *httpPlanner) router() (*gateway.Router, error) {
	var routes []*gateway.Route
	var sources []v2.Route
	for _, id := range slices.Sorted(maps.Keys(p.def.Routes)) {
		r := p.def.Routes[id]
		if str(r.Target) == "" {
			continue
		}
		rt := &gateway.Route{Key: str(r.RouteKey), OperationName: str(r.OperationName)}
		rt.Method, rt.ResourcePath, _ = strings.Cut(rt.Key, " ")
		routes = append(routes, rt)
		sources = append(sources, r)
	}
	r, err := gateway.NewHTTPRouter(routes) // fills in the names of the path parameters
	if err != nil {
		return nil, err
	}
	for i, rt := range routes {
		if rt.Plan, err = p.planFor(rt, &sources[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", rt.Key, err)
		}
		rt.Plan.Seal()
	}
	return r, nil
}

// planFor is the order in which things happen to an exchange of one route.
func (p *httpPlanner) planFor(rt *gateway.Route, r *v2.Route) (*gateway.Plan, error) {
	// AWS: execution.md §4: throttling, then authorization, then the integration.
	plan := &gateway.Plan{Fault: p.fault, Finish: p.finishersOf(rt), Request: []gateway.Step{p.throttle(rt)}}
	if s, err := p.authorize(rt, r); err != nil {
		return nil, err
	} else if s != nil {
		plan.Request = append(plan.Request, s)
	}
	if isTrue(r.ApiKeyRequired) { // beyond AWS: the key, and what its plan allows
		plan.Request = append(plan.Request, &step.APIKey{Required: true}, &step.Throttle{})
	}
	in, ok := p.def.Integrations[strings.TrimPrefix(str(r.Target), "integrations/")]
	if !ok {
		return nil, fmt.Errorf("target %s does not exist", str(r.Target))
	}
	call, err := p.integration(rt, &in)
	if err != nil {
		return nil, err
	}
	plan.Response = []gateway.Step{&step.HTTPResponse{CORS: p.cors}}
	if p.log(plan, rt, r) {
		call = integration.WithLog(call)
	}
	plan.Request = traced(p.tracing, plan.Request) // the log tells whether the exchange is traced
	plan.Integration, err = p.cached(rt, r, &in, call)
	return plan, err
}

// log has a plan write an execution log, if the stage wants one of the route.
// This is beyond AWS, in the form of REST APIs.
func (p *httpPlanner) log(plan *gateway.Plan, rt *gateway.Route, r *v2.Route) bool {
	l := p.executionLog(rt, executionGroup(p.id))
	if l == nil {
		return false
	}
	plan.Request = append([]gateway.Step{l}, append(plan.Request, step.LogAdmitted{KeyRequired: isTrue(r.ApiKeyRequired)}, step.LogRequest{})...)
	plan.Response = append(plan.Response, step.LogResponse{})
	plan.Fault = step.LogFault{Fault: plan.Fault}
	plan.Finish = append(slices.Clone(plan.Finish), l)
	return true
}

// executionLog begins and ends the logs of a route, as its settings are; nil:
// there are none.
func (p *httpPlanner) executionLog(rt *gateway.Route, group string) *step.ExecutionLog {
	name, trace := p.rec.Logging(rt.Key)
	level := logLevel(name)
	if level == gateway.LogOff || p.c.opt.Logs == nil {
		return nil
	}
	return step.NewExecutionLog(level, trace, p.c.opt.Logs.Group(p.id.Scope, group))
}

// throttle makes the step of a route's limits.
func (p *httpPlanner) throttle(rt *gateway.Route) *step.Throttle {
	s := &step.Throttle{Account: p.c.accountBucket(p.id.Scope)}
	if rate, burst := p.rec.RouteSetting(rt.Key); rate != nil || burst != nil {
		// AWS: what the account allows stands where one of them is not set.
		r, n := float64(defaultRate), defaultBurst
		if rate != nil {
			r = *rate
		}
		if burst != nil {
			n = int(*burst)
		}
		name := strings.Join([]string{"route", p.id.Account, p.id.Region, p.id.api, p.id.name, rt.Key}, " ")
		s.Method = p.c.buckets.Bucket(name, r, n)
	}
	return s
}

// AWS: "Quotas for configuring and running an HTTP API": an account's limits.
const (
	defaultRate  = 10_000
	defaultBurst = 5_000
)

// integration makes the call of a route's backend.
func (p *httpPlanner) integration(rt *gateway.Route, in *v2.Integration) (gateway.Integration, error) {
	uri := integration.ExpandVariables(str(in.IntegrationUri), p.rec.StageVariables)
	timeout := time.Duration(0)
	if in.TimeoutInMillis != nil {
		timeout = time.Duration(*in.TimeoutInMillis) * time.Millisecond
	}
	switch str(in.IntegrationType) {
	case v2.IntegrationTypeHttpProxy:
		return p.proxy(rt, in, uri, timeout)
	case v2.IntegrationTypeAwsProxy:
		if subtype := str(in.IntegrationSubtype); subtype != "" {
			return p.service(rt, in, timeout)
		}
		if f, ok := integration.ParseFunctionURI(uri); ok {
			uri = f.Function
		}
		if p.c.opt.Functions == nil {
			return integration.NewBroken(errNoFunction), nil
		}
		invoker, err := p.invoker(str(in.CredentialsArn))
		if err != nil {
			return nil, err
		}
		cfg := &integration.LambdaConfig{
			Invoker: invoker, Function: uri, Method: "POST", Timeout: timeout,
			Source: p.source(rt), Form: event.NewHTTPForm(rt, p.rec.StageVariables), Stream: streamsHTTP(in),
		}
		if cfg.Request, cfg.Responses, err = p.mappings(rt, in); err != nil {
			return nil, err
		}
		return integration.NewLambdaHTTP(cfg, str(in.PayloadFormatVersion))
	}
	return nil, errors.New("integration type " + str(in.IntegrationType) + " is not supported yet")
}

// source is what a function's policy must let in.
//
// AWS: http-api-execution.md §3: METHOD and path of the route's key; $default
// stands for both.
func (p *httpPlanner) source(rt *gateway.Route) function.Source {
	place := "/" + p.id.name + "/" + rt.Method + rt.ResourcePath
	if rt.ResourcePath == "" {
		place = "/" + p.id.name + "/$default"
	}
	name := executeARN(p.id)
	return function.Source{Service: "apigateway.amazonaws.com", Account: p.id.Account, ARN: name + place}
}

// proxy makes an HTTP_PROXY integration. An address that cannot be called is no
// reason to refuse the stage: each call fails.
func (p *httpPlanner) proxy(rt *gateway.Route, in *v2.Integration, text string, timeout time.Duration) (gateway.Integration, error) {
	private := str(in.ConnectionType) == v2.ConnectionTypeVpcLink
	var uri *integration.URI
	var key upstream.Key
	var err error
	if private {
		uri, key, err = p.listener(in, text)
	} else if uri, err = integration.ParseURI(text); err == nil {
		key = upstream.Key{Scheme: uri.Scheme, Host: uri.Host, Port: uri.Port}
	}
	if err != nil {
		return integration.NewBroken(err), nil
	}
	cluster, err := p.c.opt.Clusters.Cluster(key, nil)
	if err != nil {
		return nil, err
	}
	if !cluster.Known() {
		p.c.opt.Log.Warn("integration cannot be called until there is such a cluster", "api", p.id.api, "stage", p.id.name, "uri", text)
	}
	p.b.clusters[key] = true
	cfg := &integration.HTTPAPIConfig{Config: integration.Config{
		API: p.id.api, URI: uri, Cluster: cluster, Method: str(in.IntegrationMethod), Timeout: timeout,
		Stream: streamsHTTP(in), Idle: streamIdleHTTP,
	}, Route: rt, Private: private}
	if cfg.Request, cfg.Responses, err = p.mappings(rt, in); err != nil {
		return nil, err
	}
	return integration.NewHTTPAPIProxy(cfg)
}

// mappings are an integration's parameter mappings.
func (p *httpPlanner) mappings(rt *gateway.Route, in *v2.Integration) (request *integration.Mapping, responses map[int]*integration.Mapping, err error) {
	request, err = integration.MapRequest(record.WithoutExtensions(in.RequestParameters), rt, p.rec.StageVariables)
	if err == nil {
		responses, err = integration.MapResponses(in.ResponseParameters, p.rec.StageVariables)
	}
	return request, responses, err
}

// streamsHTTP tells whether an integration's answer is passed on as it comes.
func streamsHTTP(in *v2.Integration) bool {
	more, err := record.ExtensionsOf(in.RequestParameters)
	return err == nil && more.Stream // others were refused
}

// streamIdleHTTP is how long a streamed answer may make no progress: as long as
// that of a regional REST API.
const streamIdleHTTP = 5 * time.Minute

// finishers are what is run after every response, the metrics first.
func (p *httpPlanner) finishers(accessLog func(format string, sink gateway.Sink) *step.AccessLog) ([]gateway.Finisher, error) {
	finish := []gateway.Finisher{p.c.counted(p.id)}
	if p.tracing = p.newTracing(); p.tracing != nil {
		finish = append(finish, p.tracing)
	}
	set := p.rec.AccessLogSettings
	if set == nil || str(set.DestinationArn) == "" || str(set.Format) == "" || p.c.opt.Logs == nil {
		return finish, nil
	}
	sink, err := p.c.opt.Logs.Sink(str(set.DestinationArn))
	if err != nil {
		return nil, fmt.Errorf("access log: %w", err)
	}
	if sink == nil {
		return finish, nil
	}
	return append(finish, accessLog(str(set.Format), sink)), nil
}
