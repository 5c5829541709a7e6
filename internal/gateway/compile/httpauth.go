package compile

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/cache"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/authorizer"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/upstream"
)

// authorize makes the step that finds out who the caller of a route is and
// whether it may call; nil: anybody may. A route whose authorizer cannot be made
// is never served without it: then the stage does not compile.
func (p *httpPlanner) authorize(rt *gateway.Route, r *v2.Route) (gateway.Step, error) {
	switch t := str(r.AuthorizationType); t {
	case "", v2.AuthorizationTypeNone:
		return nil, nil
	case v2.AuthorizationTypeAwsIam:
		return &authorizer.IAM{
			Identities: p.c.opt.Identities, Region: p.id.Region, Account: p.id.Account, Organization: p.c.opt.Organization, Forward: true,
		}, nil
	case v2.AuthorizationTypeJwt, v2.AuthorizationTypeCustom:
		a, ok := p.def.Authorizers[str(r.AuthorizerId)]
		if !ok {
			return nil, fmt.Errorf("authorizer %q does not exist", str(r.AuthorizerId))
		}
		if t == v2.AuthorizationTypeJwt {
			return p.jwt(&a, r.AuthorizationScopes)
		}
		return p.lambda(rt, &a)
	default:
		return nil, fmt.Errorf("authorizationType %s is not supported", t)
	}
}

// jwt makes the step of a JWT authorizer.
func (p *httpPlanner) jwt(a *v2.Authorizer, scopes []string) (gateway.Step, error) {
	if str(a.AuthorizerType) != v2.AuthorizerTypeJwt || a.JwtConfiguration == nil {
		return nil, errors.New("the authorizer is not one of tokens")
	}
	j := p.jwts[str(a.AuthorizerId)]
	if j == nil {
		sources, err := authorizer.ParseHTTPSources(a.IdentitySource, p.rec.StageVariables)
		if err != nil {
			return nil, err
		}
		if len(sources) != 1 {
			return nil, errors.New("a JWT authorizer has one identity source")
		}
		url := integration.ExpandVariables(str(a.JwtConfiguration.Issuer), p.rec.StageVariables)
		p.b.issuers[url] = true
		key, err := p.keptKey(a)
		if err != nil {
			return nil, err
		}
		j, err = authorizer.NewJWT(&authorizer.JWTConfig{
			Issuer: p.c.issuers.Issuer(url), Audience: a.JwtConfiguration.Audience, Source: sources[0],
			Cache: p.c.http.tokens.Cache(key, authorizerMemory),
		})
		if err != nil {
			return nil, err
		}
		p.jwts[str(a.AuthorizerId)] = j
	}
	return j.For(scopes), nil
}

// lambda makes the step of a REQUEST authorizer.
func (p *httpPlanner) lambda(rt *gateway.Route, a *v2.Authorizer) (gateway.Step, error) {
	if str(a.AuthorizerType) != v2.AuthorizerTypeRequest {
		return nil, errors.New("the authorizer is not one that is asked")
	}
	l := p.lambdas[str(a.AuthorizerId)]
	if l == nil {
		var err error
		if l, err = p.newLambda(a); err != nil {
			return nil, fmt.Errorf("authorizer %s: %w", str(a.AuthorizerId), err)
		}
		p.lambdas[str(a.AuthorizerId)] = l
	}
	return l.For(event.NewHTTPForm(rt, p.rec.StageVariables)), nil
}

func (p *httpPlanner) newLambda(a *v2.Authorizer) (*authorizer.HTTPLambda, error) {
	cfg := &authorizer.HTTPLambdaConfig{Version: str(a.AuthorizerPayloadFormatVersion), Simple: isTrue(a.EnableSimpleResponses)}
	var err error
	if cfg.Sources, err = authorizer.ParseHTTPSources(a.IdentitySource, p.rec.StageVariables); err != nil {
		return nil, err
	}
	if cfg.Caller, err = p.caller(a); err != nil {
		return nil, err
	}
	if a.AuthorizerResultTtlInSeconds != nil && *a.AuthorizerResultTtlInSeconds > 0 {
		cfg.TTL = time.Duration(*a.AuthorizerResultTtlInSeconds) * time.Second
		key, err := p.keptKey(a)
		if err != nil {
			return nil, err
		}
		cfg.Cache = p.c.http.decisions.Cache(key, authorizerMemory)
	}
	return authorizer.NewHTTPLambda(cfg)
}

// caller is what a REQUEST authorizer asks: a function or, beyond AWS, an HTTP
// endpoint.
func (p *httpPlanner) caller(a *v2.Authorizer) (authorizer.Caller, error) {
	text := integration.ExpandVariables(str(a.AuthorizerUri), p.rec.StageVariables)
	if uri, ok := integration.ParseFunctionURI(text); ok && !uri.Stream {
		if p.c.opt.Functions == nil {
			return nil, errNoFunction
		}
		source := function.Source{Service: "apigateway.amazonaws.com", Account: p.id.Account, ARN: executeARN(p.id) + "/authorizers/" + str(a.AuthorizerId)}
		invoker, err := p.invoker(str(a.AuthorizerCredentialsArn))
		if err != nil {
			return nil, fmt.Errorf("authorizerCredentialsArn: %w", err)
		}
		return &authorizer.Function{Invoker: invoker, ARN: uri.Function, Source: source}, nil
	}
	if str(a.AuthorizerCredentialsArn) != "" {
		return nil, errors.New("authorizerCredentialsArn is for functions only")
	}
	uri, err := integration.ParseURI(text)
	if err != nil {
		return nil, fmt.Errorf("authorizerUri: %w", err)
	}
	target, ok := uri.Constant()
	if !ok {
		return nil, errors.New("authorizerUri: it must not have variables")
	}
	key := upstream.Key{Scheme: uri.Scheme, Host: uri.Host, Port: uri.Port}
	cluster, err := p.c.opt.Clusters.Cluster(key, nil)
	if err != nil {
		return nil, err
	}
	p.b.clusters[key] = true
	return &authorizer.Endpoint{Cluster: cluster, Host: uri.Authority(), Target: target}, nil
}

// keptKey is where what an authorizer, as it is configured, found out is kept.
func (p *httpPlanner) keptKey(a *v2.Authorizer) (cache.Key, error) {
	config, err := json.Marshal(a)
	if err != nil {
		return cache.Key{}, err
	}
	key := cache.Key{Group: cacheGroup(p.id.Scope, p.id.api, p.id.name), Name: integration.ExpandVariables(string(config), p.rec.StageVariables)}
	p.b.decisions[key] = true
	return key, nil
}

// httpDecisions are what the authorizers of HTTP APIs found out.
type httpDecisions struct {
	decisions cache.Registry[*authorizer.HTTPDecision]
	tokens    cache.Registry[*authorizer.VerifiedJWT]
}
