package compile

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/gateway/wsapi"
	"gatehouse/internal/jsonschema"
	"gatehouse/internal/upstream"
)

// A socketCall is the integration of a WebSocket API's route, with its route.
type socketCall struct {
	in      *v2.Integration
	rt      *gateway.Route
	uri     string // stage variables expanded
	timeout time.Duration
	// Of what was made:
	variables []string // of the URI
	kind      step.Backend
}

// backend adds the call of a route's backend to its plan, and what belongs to it.
func (p *socketPlanner) backend(plan *gateway.Plan, rt *gateway.Route, r *v2.Route) error {
	in, ok := p.def.Integrations[strings.TrimPrefix(str(r.Target), "integrations/")]
	if !ok {
		return fmt.Errorf("target %s does not exist", str(r.Target))
	}
	k := &socketCall{in: &in, rt: rt, uri: integration.ExpandVariables(str(in.IntegrationUri), p.rec.StageVariables), timeout: integration.DefaultTimeout}
	if in.TimeoutInMillis != nil {
		k.timeout = time.Duration(*in.TimeoutInMillis) * time.Millisecond
	}
	var err error
	if str(in.IntegrationType) == v2.IntegrationTypeAwsProxy {
		plan.Integration, err = p.proxyFunction(k)
		return err
	}
	if plan.Integration, err = p.call(k); err != nil {
		return err
	}
	proxy := str(in.IntegrationType) == v2.IntegrationTypeHttpProxy
	if !proxy {
		// AWS: "WebSocket selection expression summary": messages are validated for
		// non-proxy integrations only.
		if err := p.validate(plan, r); err != nil {
			return err
		}
	}
	sc := p.scope()
	mapped, err := step.NewIntegrationRequest(in.RequestParameters, k.variables, k.kind, sc)
	if err != nil {
		return err
	}
	if !mapped.Empty() {
		plan.Request = append(plan.Request, mapped)
	}
	if proxy {
		return p.asProxy(plan, &in, sc)
	}
	return p.transform(plan, k, sc)
}

// asProxy ends the plan of a route whose answer is the backend's.
func (p *socketPlanner) asProxy(plan *gateway.Plan, in *v2.Integration, sc *step.Scope) error {
	if handling := step.ContentHandling(str(in.ContentHandlingStrategy)); handling != step.Passthrough {
		s, err := step.NewProxyBody(handling, sc)
		if err != nil {
			return err
		}
		plan.Request = append(plan.Request, s)
	}
	plan.Response = append(plan.Response, wsapi.Answer{Hub: p.hub})
	return nil
}

// transform ends the plan of a route whose messages and answers are made by
// templates.
func (p *socketPlanner) transform(plan *gateway.Plan, k *socketCall, sc *step.Scope) error {
	body, err := step.NewSocketTemplate(&step.SocketTransform{
		Templates: k.in.RequestTemplates, Selection: str(k.in.TemplateSelectionExpression),
		Passthrough: str(k.in.PassthroughBehavior), Handling: step.ContentHandling(str(k.in.ContentHandlingStrategy)),
	}, sc)
	if err != nil {
		return err
	}
	if body != nil {
		plan.Request = append(plan.Request, body)
	}
	var answers []step.SocketAnswer
	for _, r := range p.def.IntegrationResponses[str(k.in.IntegrationId)] {
		answers = append(answers, step.SocketAnswer{
			Key: str(r.IntegrationResponseKey), Parameters: r.ResponseParameters, Templates: r.ResponseTemplates,
			Selection: str(r.TemplateSelectionExpression), Handling: step.ContentHandling(str(r.ContentHandlingStrategy)),
		})
	}
	slices.SortFunc(answers, func(a, b step.SocketAnswer) int { return strings.Compare(a.Key, b.Key) })
	answer, err := step.NewSocketResponse(str(k.in.IntegrationResponseSelectionExpression), answers, k.kind, k.rt, sc)
	if err == nil {
		plan.Response = append(plan.Response, answer)
	}
	return err
}

// validate adds the step that holds a route's messages to its models.
func (p *socketPlanner) validate(plan *gateway.Plan, r *v2.Route) error {
	if len(r.RequestModels) == 0 {
		return nil
	}
	models := make(map[string]*jsonschema.Schema, len(r.RequestModels))
	for _, key := range slices.Sorted(maps.Keys(r.RequestModels)) {
		name := r.RequestModels[key]
		m, ok := p.def.Model(name)
		if !ok {
			return fmt.Errorf("there is no model %s", name)
		}
		schema, err := jsonschema.Compile(str(m.Schema), p.def.SchemaAt)
		if err != nil {
			return fmt.Errorf("model %s: %w", name, err)
		}
		models[key] = schema
	}
	s, err := step.NewSocketModel(models, str(r.ModelSelectionExpression))
	if err == nil {
		plan.Request = append(plan.Request, s)
	}
	return err
}

// call makes the call of all integrations but AWS_PROXY.
func (p *socketPlanner) call(k *socketCall) (gateway.Integration, error) {
	switch t := str(k.in.IntegrationType); t {
	case v2.IntegrationTypeMock:
		k.kind = step.BackendMock
		return integration.SocketMock{}, nil
	case v2.IntegrationTypeHttp, v2.IntegrationTypeHttpProxy:
		return p.endpoint(k)
	case v2.IntegrationTypeAws:
		if integration.IsLambda(k.uri) {
			return p.function(k)
		}
		return p.awsService(k)
	default:
		return nil, errors.New("integration type " + t + " is not supported")
	}
}

// proxyFunction makes an AWS_PROXY integration.
func (p *socketPlanner) proxyFunction(k *socketCall) (gateway.Integration, error) {
	cfg, err := p.lambdaConfig(k)
	if cfg == nil {
		return integration.NewBroken(errNoFunction), err
	}
	return integration.NewLambdaSocket(cfg, event.NewSocketForm(k.rt.Key, p.rec.StageVariables))
}

// function makes an AWS integration with a function.
func (p *socketPlanner) function(k *socketCall) (gateway.Integration, error) {
	k.kind = step.BackendLambda
	cfg, err := p.lambdaConfig(k)
	if cfg == nil {
		return integration.NewBroken(errNoFunction), err
	}
	return integration.NewLambda(cfg)
}

// lambdaConfig says how a function is called; nil: it cannot be.
//
// AWS: websocket-execution.md §4: whom its policy must let in.
func (p *socketPlanner) lambdaConfig(k *socketCall) (*integration.LambdaConfig, error) {
	if f, ok := integration.ParseFunctionURI(k.uri); ok {
		k.uri = f.Function
	}
	if p.c.opt.Functions == nil {
		return nil, nil
	}
	invoker, err := p.invoker(str(k.in.CredentialsArn))
	if err != nil {
		return nil, err
	}
	source := function.Source{Service: "apigateway.amazonaws.com", Account: p.id.Account, ARN: executeARN(p.id) + "/" + p.id.name + "/" + k.rt.Key}
	return &integration.LambdaConfig{Invoker: invoker, Function: k.uri, Method: "POST", Timeout: k.timeout, Source: source}, nil
}

// endpoint makes an HTTP or HTTP_PROXY integration. An address that cannot be
// called is no reason to refuse the stage: each call fails.
func (p *socketPlanner) endpoint(k *socketCall) (gateway.Integration, error) {
	uri, err := integration.ParseURI(k.uri)
	if err != nil {
		return integration.NewBroken(err), nil
	}
	key := upstream.Key{Scheme: uri.Scheme, Host: uri.Host, Port: uri.Port}
	if str(k.in.ConnectionType) == v2.ConnectionTypeVpcLink {
		id := integration.ExpandVariables(str(k.in.ConnectionId), p.rec.StageVariables)
		key.Addresses, err = p.c.throughLink(p.b, linkID{p.id.Scope, id}, uri)
	}
	var cert *tls.Certificate
	if uri.Scheme == "https" && p.certificate != nil {
		key.TLS.ClientCertificate, cert = p.certificateName, p.certificate
	}
	var cluster *upstream.Cluster
	if err == nil {
		cluster, err = p.c.opt.Clusters.Cluster(key, cert)
	}
	if errors.Is(err, errNoLink) {
		p.c.opt.Log.Warn("integration cannot be called", "api", p.id.api, "stage", p.id.name, "uri", k.uri, "error", err)
		return integration.NewBroken(err), nil
	}
	if err != nil {
		return nil, err
	}
	p.b.clusters[key] = true
	k.variables = uri.Variables()
	cfg := &integration.Config{API: p.id.api, URI: uri, Cluster: cluster, Method: str(k.in.IntegrationMethod), Timeout: k.timeout}
	if str(k.in.IntegrationType) == v2.IntegrationTypeHttpProxy {
		cfg.AsIs = step.ContentHandling(str(k.in.ContentHandlingStrategy)) == step.ConvertToBinary
		return integration.NewProxy(cfg)
	}
	return integration.NewHTTP(cfg)
}

// awsService makes an AWS integration with any service but Lambda.
func (p *socketPlanner) awsService(k *socketCall) (gateway.Integration, error) {
	k.kind = step.BackendAWS
	uri, err := integration.ParseServiceURI(k.uri)
	if err != nil {
		return integration.NewBroken(err), nil
	}
	if p.c.opt.AWS == nil {
		return nil, errors.New("integration type AWS: this node calls no AWS services")
	}
	e, err := p.c.opt.AWS.Endpoint(uri.Name)
	if err != nil {
		p.c.opt.Log.Warn("integration cannot be called", "api", p.id.api, "stage", p.id.name, "uri", k.uri, "error", err)
		return integration.NewBroken(err), nil
	}
	at, err := uri.At(e)
	if err != nil {
		return integration.NewBroken(err), nil
	}
	cluster, err := p.c.opt.Clusters.Cluster(e.Key, nil)
	if err != nil {
		return nil, err
	}
	p.b.clusters[e.Key] = true
	cfg := &integration.Config{API: p.id.api, URI: at, Cluster: cluster, Method: str(k.in.IntegrationMethod), Timeout: k.timeout}
	k.variables = at.Variables()
	if str(k.in.CredentialsArn) == "" {
		return integration.NewService(cfg, uri, e, nil)
	}
	signer, err := p.role(str(k.in.CredentialsArn), uri.Name.Region)
	if err != nil {
		return nil, err
	}
	return integration.NewService(cfg, uri, e, signer)
}
