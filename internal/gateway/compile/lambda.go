package compile

import (
	"errors"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsclient"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/gateway/integration"
)

// lambdaIntegration makes the call of a Lambda function. A function that is not
// there is no reason to refuse the stage.
//
// AWS: integrations.md §7.1: such a call answers 500, API_CONFIGURATION_ERROR.
func (p *planner) lambdaIntegration(rt *gateway.Route, m *api.Method) (gateway.Integration, error) {
	in := m.MethodIntegration
	uri, ok := integration.ParseFunctionURI(integration.ExpandVariables(str(in.Uri), p.variables))
	if !ok || p.c.opt.Functions == nil {
		return integration.NewBroken(errNoFunction), nil
	}
	cfg := &integration.LambdaConfig{
		Invoker: p.c.opt.Functions, Function: uri.Function, Method: str(in.HttpMethod), Binary: p.binary,
		Source: p.source("/" + p.id.name + "/" + str(m.HttpMethod) + rt.ResourcePath),
		Stream: str(in.ResponseTransferMode) == api.ResponseTransferModeStream,
	}
	var err error
	if p.callersOwn(in) {
		cfg.Caller = p.id.Account
	} else if cfg.Invoker, err = p.invoker(str(in.Credentials)); err != nil {
		return nil, err
	}
	if in.TimeoutInMillis != nil {
		cfg.Timeout = time.Duration(*in.TimeoutInMillis) * time.Millisecond
	}
	if p.test {
		cfg.Timeout = min(cfg.Timeout, integration.DefaultTimeout) // the caller does not wait longer
	}
	if str(in.Type) == typeAWS {
		return integration.NewLambda(cfg)
	}
	cfg.Form = event.NewForm(rt, p.variables)
	return integration.NewLambdaProxy(cfg)
}

// invoker calls functions as a role; without one, as this API.
func (p *planner) invoker(credentials string) (function.Invoker, error) {
	if credentials == "" {
		return p.c.opt.Functions, nil
	}
	role, err := p.signer(credentials, p.id.Region)
	if err != nil {
		return nil, err
	}
	return p.c.asRole(role, p.id.Account)
}

// asRole calls functions as a role.
func (c *Compiler) asRole(role awsclient.Source, account string) (function.Invoker, error) {
	if c.opt.AWS == nil || c.opt.Identities == nil {
		return nil, errNoRole
	}
	return &integration.AsRole{Next: c.opt.Functions, Role: role, Identities: c.opt.Identities, Account: account}, nil
}

var errNoRole = errors.New("there is nobody whose role could be assumed")

var errNoFunction = errors.New("the integration names no Lambda function that can be called")

// source is what a function's policy must let in: a part of this API.
//
// AWS: integrations.md §7.1.
func (p *planner) source(resource string) function.Source {
	return function.Source{Service: "apigateway.amazonaws.com", Account: p.id.Account, ARN: p.executeARN() + resource}
}

// executeARN names the API to its callers.
func (p *planner) executeARN() string { return executeARN(p.id) }

func executeARN(id stageID) string {
	return arn.ARN{Partition: arn.Partition(id.Region), Service: "execute-api", Region: id.Region, Account: id.Account,
		Resource: id.api}.String()
}
