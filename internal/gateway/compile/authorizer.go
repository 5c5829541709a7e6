package compile

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/authorizer"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/record"
	"gatehouse/internal/upstream"
)

// The values of authorizationType.
const (
	typeNone    = "NONE"
	typeIAM     = "AWS_IAM"
	typeCustom  = "CUSTOM"
	typeCognito = "COGNITO_USER_POOLS"
)

// authorizerMemory bounds the decisions that are kept of one authorizer in one
// stage. A decision that has no room is not kept, or drives another out.
const authorizerMemory = 16 << 20

// defaultDecisionTTL is how long a decision counts if the authorizer does not
// say it.
//
// AWS: authorizers.md §1.5.
const defaultDecisionTTL = 300 * time.Second

// authorize makes the step that finds out who the caller of a method is; nil:
// anybody may call it. A method whose authorizer cannot be made is never served
// without it: then the stage does not compile.
func (p *planner) authorize(rt *gateway.Route, m *api.Method) (gateway.Step, error) {
	switch str(m.AuthorizationType) {
	case "", typeNone, typeIAM:
		return nil, nil // see access
	case typeCustom:
		l, err := p.lambdaAuthorizer(str(m.AuthorizerId))
		if err != nil {
			return nil, fmt.Errorf("authorizer %s: %w", str(m.AuthorizerId), err)
		}
		return &step.Authorize{By: l.For(event.NewForm(rt, p.variables)), Combined: p.policy != nil}, nil
	case typeCognito:
		u, err := p.userPools(str(m.AuthorizerId))
		if err != nil {
			return nil, fmt.Errorf("authorizer %s: %w", str(m.AuthorizerId), err)
		}
		return &step.Authorize{By: u.For(m.AuthorizationScopes)}, nil
	}
	return nil, fmt.Errorf("authorizationType %s is not supported yet", str(m.AuthorizationType))
}

// lambdaAuthorizer finds the Lambda authorizer with an id. The routes of the
// stage share it.
func (p *planner) lambdaAuthorizer(id string) (*authorizer.Lambda, error) {
	if l := p.lambdas[id]; l != nil {
		return l, nil
	}
	a, ok := p.def.Authorizers[id]
	if !ok || str(a.Type) == api.AuthorizerTypeCognitoUserPools {
		return nil, errors.New("there is no such Lambda authorizer")
	}
	l, err := p.newLambdaAuthorizer(&a, true)
	if err != nil {
		return nil, err
	}
	if p.lambdas == nil {
		p.lambdas = make(map[string]*authorizer.Lambda)
	}
	p.lambdas[id] = l
	return l, nil
}

// newLambdaAuthorizer makes a Lambda authorizer, which keeps decisions if keep
// is set.
func (p *planner) newLambdaAuthorizer(a *api.Authorizer, keep bool) (*authorizer.Lambda, error) {
	cfg := &authorizer.LambdaConfig{Token: str(a.Type) == api.AuthorizerTypeToken}
	var err error
	if cfg.Sources, err = authorizer.ParseSources(str(a.IdentitySource), p.variables); err != nil {
		return nil, err
	}
	// AWS: authorizers.md §1.2: the expression is for TOKEN only.
	if cfg.Token {
		if cfg.Pattern, err = authorizer.Whole(str(a.IdentityValidationExpression)); err != nil {
			return nil, fmt.Errorf("identityValidationExpression: %w", err)
		}
	}
	if cfg.Caller, err = p.authorizerCaller(a); err != nil {
		return nil, err
	}
	if keep {
		cfg.TTL = decisionTTL(a)
		if cfg.Cache, err = p.decisions(a); err != nil {
			return nil, err
		}
	}
	return authorizer.NewLambda(cfg)
}

func decisionTTL(a *api.Authorizer) time.Duration {
	if a.AuthorizerResultTtlInSeconds == nil {
		return defaultDecisionTTL
	}
	return time.Duration(*a.AuthorizerResultTtlInSeconds) * time.Second
}

// authorizerCaller is what an authorizer asks. A function that is not there is
// no reason to refuse the stage: it refuses every call.
func (p *planner) authorizerCaller(a *api.Authorizer) (authorizer.Caller, error) {
	text := integration.ExpandVariables(str(a.AuthorizerUri), p.variables)
	if uri, ok := integration.ParseFunctionURI(text); ok && !uri.Stream {
		if p.c.opt.Functions == nil {
			return nil, errNoFunction
		}
		// AWS: authorizers.md §1.1.
		invoker, err := p.invoker(str(a.AuthorizerCredentials))
		if err != nil {
			return nil, fmt.Errorf("authorizerCredentials: %w", err)
		}
		return &authorizer.Function{Invoker: invoker, ARN: uri.Function, Source: p.source("/authorizers/" + str(a.Id))}, nil
	}
	if str(a.AuthorizerCredentials) != "" {
		return nil, errors.New("authorizerCredentials are for functions only")
	}
	uri, err := integration.ParseURI(text)
	if err != nil {
		return nil, fmt.Errorf("authorizerUri: %w", err)
	}
	key := upstream.Key{Scheme: uri.Scheme, Host: uri.Host, Port: uri.Port}
	cluster, err := p.c.opt.Clusters.Cluster(key, nil)
	if err != nil {
		return nil, fmt.Errorf("authorizerUri: %w", err)
	}
	p.b.clusters[key] = true
	target, ok := uri.Constant()
	if !ok {
		return nil, errors.New("authorizerUri: it must not have variables")
	}
	return &authorizer.Endpoint{Cluster: cluster, Host: uri.Authority(), Target: target}, nil
}

// decisions is where the decisions of an authorizer are kept. They outlive
// deployments, but not a change of the authorizer: what it said before says
// nothing about it as it is now.
func (p *planner) decisions(a *api.Authorizer) (*cache.Cache[*authorizer.Decision], error) {
	config, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	return keptBy(p, &p.c.decisions, string(config)), nil
}

// keptBy is a cache of what an authorizer, as it is configured, found out.
func keptBy[V any](p *planner, r *cache.Registry[V], config string) *cache.Cache[V] {
	key := cache.Key{Group: cacheGroup(p.id.Scope, p.id.api, p.id.name), Name: integration.ExpandVariables(config, p.variables)}
	p.b.decisions[key] = true
	return r.Cache(key, authorizerMemory)
}

// FlushStageAuthorizers drops all decisions that are kept for a stage.
func (c *Compiler) FlushStageAuthorizers(s record.Scope, restAPI, stage string) {
	c.decisions.Flush(cacheGroup(s, restAPI, stage))
	c.tokens.Flush(cacheGroup(s, restAPI, stage))
	c.http.decisions.Flush(cacheGroup(s, restAPI, stage))
	c.http.tokens.Flush(cacheGroup(s, restAPI, stage))
}

// decisionsInUse are the caches of decisions that some stage fills.
func (c *Compiler) decisionsInUse() map[cache.Key]bool {
	all := make(map[cache.Key]bool)
	for _, b := range c.stages {
		for k := range b.decisions {
			all[k] = true
		}
	}
	return all
}
