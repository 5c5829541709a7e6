package compile

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/authorizer"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/jsonschema"
	"gatehouse/internal/limit"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
	"gatehouse/internal/upstream"
)

// A planner makes the plans of one deployment in one stage.
type planner struct {
	c         *Compiler
	b         *built
	id        stageID
	seen      stageID // as logs and metrics call the stage, or its canary
	def       *record.Definition
	rec       *record.Stage
	variables map[string]string

	binary  *integration.BinaryTypes
	models  map[string]*jsonschema.Schema // compiled so far, by name
	fault   gateway.Step
	policy  *policy.Document // the API's; nil: it has none
	finish  []gateway.Finisher
	tracing *gateway.Tracing // nil: the stage has none
	account *limit.Bucket
	cache   *cache.Cache[*integration.Kept] // nil: the stage has none

	test      bool                // the plan is run once, by TestInvoke, and writes a log
	temporary []*upstream.Cluster // of a test

	certificate     *tls.Certificate // shown to backends; nil: none
	certificateName string           // what tells it from others

	lambdas map[string]*authorizer.Lambda    // made so far, by id
	pools   map[string]*authorizer.UserPools // likewise

	// Steps that most routes have in common.
	keyAsked, keyRequired *step.APIKey
	unthrottled           *step.Throttle // by the method
}

func (c *Compiler) newPlanner(b *built, id stageID, def *record.Definition, rec *record.Stage, rel *release) (*planner, error) {
	p := &planner{
		c: c, b: b, id: id, seen: id, def: def, rec: rec, variables: rel.variables,
		binary:  integration.NewBinaryTypes(def.RestAPI.BinaryMediaTypes),
		account: c.accountBucket(id.Scope),
	}
	p.cache = p.stageCache(rel.canary)
	if rel.canary {
		p.seen.name += canarySuffix
	}
	fromAuthorizer := str(def.RestAPI.ApiKeySource) == api.ApiKeySourceTypeAuthorizer
	p.keyAsked, p.keyRequired = &step.APIKey{FromAuthorizer: fromAuthorizer}, &step.APIKey{Required: true, FromAuthorizer: fromAuthorizer}
	p.unthrottled = &step.Throttle{Account: p.account}
	var err error
	if p.policy, err = resourcePolicy(def); err != nil {
		return nil, err
	}
	if p.fault, err = p.faultStep(); err != nil {
		return nil, err
	}
	if p.finish, err = p.finishers(); err != nil {
		return nil, err
	}
	return p, p.setCertificate()
}

// planFor is the order in which things happen to an exchange of one method.
func (p *planner) planFor(rt *gateway.Route, m *api.Method) (*gateway.Plan, error) {
	sc := &step.Scope{Route: rt, Variables: p.variables}
	if len(p.def.RestAPI.BinaryMediaTypes) > 0 {
		sc.Binary = p.binary.Match
	}
	in := m.MethodIntegration
	if err := p.refuseMethod(m); err != nil {
		return nil, err
	}
	admission, err := p.admission(rt, m)
	if err != nil {
		return nil, err
	}
	plan := &gateway.Plan{Request: traced(p.tracing, admission), Fault: p.fault, Finish: p.finishersOf(rt)}
	logged := p.log(plan, rt, m)

	// AWS: rest-execution.md §6. That coded bodies are decoded once they are
	// known to be wanted is our decision: Amazon may do it as early as step 6.
	compression := p.def.RestAPI.MinimumCompressionSize
	if compression != nil {
		plan.Request = append(plan.Request, step.Decompress{})
	}
	if logged {
		plan.Request, plan.Fault = append(plan.Request, step.LogRequest{}), step.LogFault{Fault: p.fault}
	}
	// AWS: step 15: required parameters, then the body, once a validator asks
	// for it.
	if keys := p.requiredParameters(m); len(keys) > 0 {
		s, err := step.NewRequestParams(keys, sc)
		if err != nil {
			return nil, err
		}
		plan.Request = append(plan.Request, s)
	}
	if s, err := p.validateBody(m); err != nil {
		return nil, err
	} else if s != nil {
		plan.Request = append(plan.Request, s)
	}
	// AWS: step 17.
	before := len(plan.Request)
	call, variables, err := p.integration(rt, m)
	if err != nil {
		return nil, err
	}
	plan.Integration = call
	if logged {
		plan.Integration = integration.WithLog(call)
	}
	if len(in.RequestParameters) > 0 || len(variables) > 0 {
		s, err := step.NewIntegrationRequest(in.RequestParameters, variables, backendOf(in), sc)
		if err != nil {
			return nil, err
		}
		if !s.Empty() || s.NeedsBody() {
			plan.Request = append(plan.Request, s)
		}
	}
	if s, err := p.requestBody(in, variables, sc); err != nil {
		return nil, err
	} else if s != nil {
		plan.Request = append(plan.Request, s)
	}
	// AWS: step 19; a proxy's response is the backend's.
	if !isProxy(in) {
		s, err := step.NewIntegrationResponse(responses(in), backendOf(in), sc)
		if err != nil {
			return nil, err
		}
		plan.Response = append(plan.Response, s)
	}
	// AWS: step 16: the cache answers in the place of all since then.
	if err := p.cached(plan, before, rt, in, sc); err != nil {
		return nil, err
	}
	// AWS: step 20; what is streamed is not compressed (rest-execution.md §13).
	if compression != nil && !streams(in) && !p.test {
		plan.Response = append(plan.Response, step.NewCompress(int64(*compression)))
	}
	if logged {
		plan.Response = append(plan.Response, step.LogResponse{})
	}
	return plan, nil
}

// admission are the steps that may refuse a client, whatever its request is. A
// test has none.
//
// AWS: execution.md §3, steps 10 and 12 to 14: who the caller is, and what it
// may do; the API key, then the usage plan's limits, then those of method, stage
// and account.
func (p *planner) admission(rt *gateway.Route, m *api.Method) ([]gateway.Step, error) {
	if p.test {
		return nil, nil
	}
	by, err := p.authorize(rt, m)
	if err != nil {
		return nil, err
	}
	key, throttle := p.keyAsked, p.unthrottled
	if isTrue(m.ApiKeyRequired) {
		key = p.keyRequired
	}
	if b := p.methodBucket(rt); b != nil {
		throttle = &step.Throttle{Method: b, Account: p.account}
	}
	return append(p.access(make([]gateway.Step, 0, 3), m, by), key, throttle), nil
}

// fallback is what happens to a request that matches no route.
func (p *planner) fallback() *gateway.Plan {
	return &gateway.Plan{Request: traced(p.tracing, append(p.private(nil), step.NoRoute{})), Fault: p.fault, Finish: p.finish}
}

// refuseMethod refuses a method with settings that are not enforced: the
// service does not accept them, but whoever wrote them meant to keep somebody
// out.
func (p *planner) refuseMethod(m *api.Method) error {
	switch t := str(m.AuthorizationType); t {
	case "", typeNone, typeCustom, typeCognito, typeIAM:
	default:
		return fmt.Errorf("authorizationType %s is not supported yet", t)
	}
	return nil
}

// router makes the routes of all methods that have an integration.
func (p *planner) router() (*gateway.Router, error) {
	var routes []*gateway.Route
	var methods []*api.Method // of each route
	for _, id := range slices.Sorted(maps.Keys(p.def.Resources)) {
		res := p.def.Resources[id]
		for verb, m := range res.ResourceMethods {
			if m.MethodIntegration == nil {
				continue
			}
			for _, verb := range p.verbs(&res, verb) {
				rt := &gateway.Route{ResourceID: id, ResourcePath: str(res.Path), Method: verb, OperationName: str(m.OperationName)}
				routes = append(routes, rt)
				methods = append(methods, &m)
			}
		}
	}
	r, err := gateway.NewRouter(routes) // fills in the names of the path parameters
	if err != nil {
		return nil, err
	}
	for i, rt := range routes {
		if rt.Plan, err = p.planFor(rt, methods[i]); err != nil {
			return nil, fmt.Errorf("%s %s: %w", rt.Method, rt.ResourcePath, err)
		}
		rt.Plan.Seal()
	}
	return r, nil
}

// verbs are the methods for which a method of a resource needs a route: itself,
// and for ANY those that the stage has settings for.
//
// AWS: undocumented is whether settings of GET act on a resource with ANY only;
// here they do.
func (p *planner) verbs(res *api.Resource, verb string) []string {
	list := []string{verb}
	if verb != "ANY" {
		return list
	}
	for key := range p.rec.MethodSettings {
		path, method := record.SplitMethodKey(key)
		_, own := res.ResourceMethods[method]
		if path == str(res.Path) && method != "*" && !own && !slices.Contains(list, method) {
			list = append(list, method)
		}
	}
	return list
}

// The types of integrations that can be served.
const (
	typeAWS       = "AWS"
	typeAWSProxy  = "AWS_PROXY"
	typeHTTP      = "HTTP"
	typeHTTPProxy = "HTTP_PROXY"
	typeMock      = "MOCK"
)

// integration makes the call of a method's backend, and returns the variables
// of its address.
func (p *planner) integration(rt *gateway.Route, m *api.Method) (gateway.Integration, []string, error) {
	in := m.MethodIntegration
	switch str(in.Type) {
	case typeMock:
		return integration.Mock{}, nil, nil
	case typeHTTP, typeHTTPProxy:
		return p.httpIntegration(in)
	case typeAWS, typeAWSProxy:
		if integration.IsLambda(str(in.Uri)) {
			call, err := p.lambdaIntegration(rt, m)
			return call, nil, err
		}
		if str(in.Type) == typeAWS {
			return p.serviceIntegration(in)
		}
	}
	return nil, nil, fmt.Errorf("integration type %s is not supported yet", str(in.Type))
}

// isProxy tells whether an integration passes requests and responses on.
func isProxy(in *api.Integration) bool {
	return str(in.Type) == typeHTTPProxy || str(in.Type) == typeAWSProxy
}

// backendOf is the kind of an integration's backend.
func backendOf(in *api.Integration) step.Backend {
	switch str(in.Type) {
	case typeMock:
		return step.BackendMock
	case typeAWS, typeAWSProxy:
		if integration.IsLambda(str(in.Uri)) {
			return step.BackendLambda
		}
		return step.BackendAWS
	}
	return step.BackendHTTP
}

// requestBody makes the step that makes the body for the backend, by the
// integration's request templates and contentHandling; nil: it passes.
func (p *planner) requestBody(in *api.Integration, variables []string, sc *step.Scope) (gateway.Step, error) {
	handling := step.ContentHandling(str(in.ContentHandling))
	if str(in.Type) == typeHTTPProxy && handling != step.Passthrough {
		return step.NewProxyBody(handling, sc)
	}
	if isProxy(in) {
		return nil, nil
	}
	s, err := step.NewRequestTemplate(&step.RequestTransform{
		Templates: in.RequestTemplates, Passthrough: str(in.PassthroughBehavior), Handling: handling,
		Backend: backendOf(in), Variables: variables,
	}, sc)
	if s == nil || err != nil {
		return nil, err
	}
	return s, nil
}

// httpIntegration makes an HTTP or HTTP_PROXY integration. An address that
// cannot be called is no reason to refuse the stage.
//
// AWS: integrations.md §6: such a call answers 500, API_CONFIGURATION_ERROR.
func (p *planner) httpIntegration(in *api.Integration) (gateway.Integration, []string, error) {
	uri, err := integration.ParseURI(integration.ExpandVariables(str(in.Uri), p.variables))
	if err != nil {
		return integration.NewBroken(err), nil, nil
	}
	cluster, err := p.cluster(in, uri)
	if errors.Is(err, errNoLink) {
		return integration.NewBroken(err), nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	cfg := p.callConfig(in)
	cfg.URI, cfg.Cluster = uri, cluster
	if str(in.Type) == typeHTTPProxy {
		cfg.AsIs = step.ContentHandling(str(in.ContentHandling)) == step.ConvertToBinary
		call, err := integration.NewProxy(cfg)
		return call, uri.Variables(), err
	}
	call, err := integration.NewHTTP(cfg)
	return call, uri.Variables(), err
}

// streams tells whether an integration's response is passed on as it comes.
func streams(in *api.Integration) bool {
	return str(in.ResponseTransferMode) == api.ResponseTransferModeStream
}

// streamIdle is how long a streamed response may make no progress.
//
// AWS: "Stream the integration response for your proxy integrations".
func (p *planner) streamIdle() time.Duration {
	if endpointType(p.def) == api.EndpointTypeEdge {
		return 30 * time.Second
	}
	return 5 * time.Minute
}

// callConfig is what an integration says of its calls, but for their address.
func (p *planner) callConfig(in *api.Integration) *integration.Config {
	cfg := &integration.Config{
		API: str(p.def.RestAPI.Id), Method: str(in.HttpMethod), Binary: p.binary, Stream: streams(in), Idle: p.streamIdle(),
	}
	if in.TimeoutInMillis != nil {
		cfg.Timeout = time.Duration(*in.TimeoutInMillis) * time.Millisecond
	}
	if p.test {
		cfg.Timeout = min(cfg.Timeout, integration.DefaultTimeout) // the caller does not wait longer
	}
	return cfg
}

// responses lists the integration responses in a fixed order.
//
// AWS: integrations.md §8.1: which of several matching patterns wins is not
// documented; we take them by status code.
func responses(in *api.Integration) []step.Response {
	list := make([]step.Response, 0, len(in.IntegrationResponses))
	for _, code := range slices.Sorted(maps.Keys(in.IntegrationResponses)) {
		r := in.IntegrationResponses[code]
		status, _ := strconv.Atoi(code) // checked when it was put
		list = append(list, step.Response{Status: status, Pattern: str(r.SelectionPattern), Parameters: r.ResponseParameters, Templates: r.ResponseTemplates,
			Handling: step.ContentHandling(str(r.ContentHandling))})
	}
	return list
}

// requiredParameters are the parameters whose absence a validator refuses.
func (p *planner) requiredParameters(m *api.Method) []string {
	v, ok := p.def.RequestValidators[str(m.RequestValidatorId)]
	if !ok || !isTrue(v.ValidateRequestParameters) {
		return nil
	}
	var keys []string
	for key, required := range m.RequestParameters {
		if required {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// methodBucket is the bucket of a method's throttle settings, or nil.
//
// AWS: rest-execution.md §9: settings of a method replace those of the stage
// for it; -1 is no limit.
func (p *planner) methodBucket(rt *gateway.Route) *limit.Bucket {
	path, method := rt.ResourcePath, rt.Method
	s, ok := p.rec.MethodSetting(path, method)
	if !ok || s.ThrottlingRateLimit == nil || s.ThrottlingBurstLimit == nil || *s.ThrottlingRateLimit < 0 || *s.ThrottlingBurstLimit < 0 {
		return nil
	}
	name := strings.Join([]string{"method", p.id.Account, p.id.Region, p.id.api, p.id.name, method, path}, " ")
	return p.c.buckets.Bucket(name, *s.ThrottlingRateLimit, int(*s.ThrottlingBurstLimit))
}

// faultStep makes the step of the API's gateway responses.
func (p *planner) faultStep() (gateway.Step, error) {
	custom := make(map[gateway.FaultType]step.GatewayResponse, len(p.def.GatewayResponses))
	for name, r := range p.def.GatewayResponses {
		t, ok := gateway.FaultTypeByName(name)
		if !ok {
			return nil, fmt.Errorf("gateway response %s: unknown type", name)
		}
		status, _ := strconv.Atoi(str(r.StatusCode)) // empty: the default's
		custom[t] = step.GatewayResponse{Status: status, Parameters: r.ResponseParameters, Templates: r.ResponseTemplates}
	}
	return step.NewFault(custom, p.variables)
}

// finishers are what is run after every response, the metrics first.
func (p *planner) finishers() ([]gateway.Finisher, error) {
	finish := []gateway.Finisher{p.c.counted(p.seen)}
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
	return append(finish, step.NewAccessLog(str(set.Format), sink)), nil
}

// log puts the beginning and the end of an execution log into a plan, if the
// stage wants one of the method; false: it does not, and nothing of it is there.
func (p *planner) log(plan *gateway.Plan, rt *gateway.Route, m *api.Method) bool {
	if p.test {
		return true // it brings its own
	}
	set, _ := p.rec.MethodSetting(rt.ResourcePath, rt.Method)
	level := logLevel(str(set.LoggingLevel))
	if level == gateway.LogOff || p.c.opt.Logs == nil {
		return false
	}
	sink := p.c.opt.Logs.Group(p.id.Scope, executionGroup(p.seen))
	l := step.NewExecutionLog(level, isTrue(set.DataTraceEnabled), sink)
	plan.Request = append(plan.Request, step.LogAdmitted{KeyRequired: isTrue(m.ApiKeyRequired)})
	first := 0
	if p.tracing != nil { // the log tells whether the exchange is traced
		first = 1
	}
	plan.Request = slices.Insert(plan.Request, first, gateway.Step(l))
	plan.Finish = append(slices.Clone(plan.Finish), l)
	return true
}

// canarySuffix is what stands behind a stage's name where logs and metrics are
// those of its canary. No stage has a slash in its name.
//
// AWS: rest-execution.md §15.
const canarySuffix = "/Canary"

// executionGroup is the log group of a stage's execution logs.
//
// AWS: logging-metrics.md §2.
func executionGroup(id stageID) string { return "API-Gateway-Execution-Logs_" + id.api + "/" + id.name }

func logLevel(name string) gateway.LogLevel {
	switch name {
	case "ERROR":
		return gateway.LogError
	case "INFO":
		return gateway.LogInfo
	}
	return gateway.LogOff
}

func isTrue(p *bool) bool { return p != nil && *p }
