package compile

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"slices"

	api "gatehouse/internal/awsapi/apigateway"
	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/record"
)

// cached has answers to GET requests kept in the stage's cache, if the
// integration asks for it. This is beyond AWS: what is not said in the
// integration is as for REST APIs.
func (p *httpPlanner) cached(rt *gateway.Route, r *v2.Route, in *v2.Integration, call gateway.Integration) (gateway.Integration, error) {
	more, err := record.ExtensionsOf(in.RequestParameters)
	if err != nil {
		return nil, err
	}
	set := more.Cache
	if set == nil || !slices.Contains([]string{http.MethodGet, "ANY", "$default"}, rt.Method) {
		return call, nil
	}
	keys := set.Keys
	if len(keys) == 0 {
		if keys = p.likelyKeys(r); keys == nil {
			return call, nil
		}
	}
	key := cache.Key{Group: cacheGroup(p.id.Scope, p.id.api, p.id.name)}
	p.b.caches[key] = true
	cfg := &integration.CacheConfig{
		Cache: p.c.opt.Caches.Cache(key, p.c.opt.CacheMemory), TTL: set.TTL, Call: call, Keep: integration.ForAll(keys),
		Invalidate: invalidation(&api.MethodSetting{
			RequireAuthorizationForCacheControl: &set.Authorize, UnauthorizedCacheControlHeaderStrategy: &set.Strategy,
		}),
		Invalidators: integration.Invalidators{Account: p.id.Account},
	}
	if set.Encrypted {
		cfg.Seal = p.c.seal
	}
	if cfg.Params, err = integration.HTTPCacheParams(keys, rt, p.rec.StageVariables); err != nil {
		return nil, err
	}
	// An integration that was changed begins with nothing kept.
	config, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(rt.Key + " " + integration.ExpandVariables(string(config), p.rec.StageVariables)))
	cfg.Namespace = string(sum[:])
	kept := integration.NewCached(cfg)
	if rt.Method == http.MethodGet {
		return kept, nil
	}
	return &integration.GetCached{Cached: kept, Others: call}, nil
}

// likelyKeys are what an answer is likely to depend on: the query, who the
// client is, and what it can decode; nil: an authorizer decides by who knows what.
func (p *httpPlanner) likelyKeys(r *v2.Route) []string {
	by := p.def.Authorizers[str(r.AuthorizerId)].IdentitySource
	if str(r.AuthorizationType) == v2.AuthorizationTypeCustom && len(by) == 0 {
		return nil
	}
	return append([]string{
		record.WholeQuery, "$request.header.authorization", "$request.header.cookie", "$request.header.x-api-key",
		"$context.identity.clientCert.issuerDN", "$context.identity.clientCert.serialNumber",
		"$request.header.accept", "$request.header.accept-encoding",
	}, by...)
}
