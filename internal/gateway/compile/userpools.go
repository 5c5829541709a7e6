package compile

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/gateway/authorizer"
	"gatehouse/internal/gateway/integration"
)

// userPools finds the Cognito authorizer with an id. The routes of the stage
// share it.
func (p *planner) userPools(id string) (*authorizer.UserPools, error) {
	if u := p.pools[id]; u != nil {
		return u, nil
	}
	a, ok := p.def.Authorizers[id]
	if !ok || str(a.Type) != api.AuthorizerTypeCognitoUserPools {
		return nil, errors.New("there is no such Cognito authorizer")
	}
	u, err := p.newUserPools(&a)
	if err != nil {
		return nil, err
	}
	if p.pools == nil {
		p.pools = make(map[string]*authorizer.UserPools)
	}
	p.pools[id] = u
	return u, nil
}

func (p *planner) newUserPools(a *api.Authorizer) (*authorizer.UserPools, error) {
	cfg := &authorizer.UserPoolsConfig{TTL: decisionTTL(a)}
	sources, err := authorizer.ParseSources(str(a.IdentitySource), p.variables)
	if err != nil {
		return nil, err
	}
	if len(sources) != 1 {
		return nil, errors.New("a Cognito authorizer has one identity source")
	}
	cfg.Source = sources[0]
	if cfg.Pattern, err = authorizer.Whole(str(a.IdentityValidationExpression)); err != nil {
		return nil, fmt.Errorf("identityValidationExpression: %w", err)
	}
	for _, name := range a.ProviderARNs {
		pool, err := p.userPool(integration.ExpandVariables(name, p.variables))
		if err != nil {
			return nil, err
		}
		cfg.Pools = append(cfg.Pools, pool)
	}
	if cfg.TTL > 0 {
		config, err := json.Marshal(a)
		if err != nil {
			return nil, err
		}
		cfg.Cache = keptBy(p, &p.c.tokens, string(config))
	}
	return authorizer.NewUserPools(cfg)
}

// userPool finds the issuer that stands for a user pool: what is configured, or
// Cognito itself.
func (p *planner) userPool(name string) (pool authorizer.UserPool, err error) {
	pool.URL, pool.Foreign = p.c.opt.UserPools[name]
	if !pool.Foreign {
		parsed, err := arn.Parse(name)
		id, ok := strings.CutPrefix(parsed.Resource, "userpool/")
		if err != nil || parsed.Service != "cognito-idp" || !ok || id == "" {
			return pool, fmt.Errorf("%q is not the ARN of a user pool", name)
		}
		// AWS: "Verifying a JSON web token" of Cognito's guide.
		pool.URL = "https://cognito-idp." + parsed.Region + "." + dnsSuffix(parsed.Region) + "/" + id
	}
	p.b.issuers[pool.URL] = true
	pool.Issuer = p.c.issuers.Issuer(pool.URL)
	return pool, nil
}

// dnsSuffix is what the names of Amazon's services end with.
func dnsSuffix(region string) string {
	if arn.Partition(region) == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// issuersInUse are the issuers whose tokens some stage takes.
func (c *Compiler) issuersInUse() map[string]bool {
	all := make(map[string]bool)
	for _, b := range c.stages {
		for url := range b.issuers {
			all[url] = true
		}
	}
	return all
}
