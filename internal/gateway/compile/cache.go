package compile

import (
	"slices"
	"strconv"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/record"
)

// DefaultCacheMemory bounds the cache of a stage when Options do not.
const DefaultCacheMemory = 256 << 20

// stageCache is the cache of a stage, or nil: it has none. It outlives
// deployments. A canary has its own unless it is to share that of the stage.
//
// AWS: "API Gateway changes caching capacity by removing the existing cache
// instance" (developer guide, cache settings): another size is another cache.
// That a deployment does not flush is undocumented; users report it.
func (p *planner) stageCache(canary bool) *cache.Cache[*integration.Kept] {
	if !isTrue(p.rec.CacheClusterEnabled) {
		return nil
	}
	size := str(p.rec.CacheClusterSize)
	key := cache.Key{Group: cacheGroup(p.id.Scope, p.id.api, p.id.name), Name: size}
	if canary && !isTrue(p.rec.CanarySettings.UseStageCache) {
		key.Name += " canary"
	}
	limit := p.c.opt.CacheMemory
	if gb, err := strconv.ParseFloat(size, 64); err == nil {
		limit = min(limit, int64(gb*(1<<30)))
	}
	p.b.caches[key] = true
	return p.c.opt.Caches.Cache(key, limit)
}

// cacheGroup names the caches of a stage.
func cacheGroup(s record.Scope, api, stage string) string {
	return strings.Join([]string{s.Account, s.Region, api, stage}, "/")
}

// FlushStage empties the caches of a stage.
func (c *Compiler) FlushStage(s record.Scope, api, stage string) {
	c.opt.Caches.Flush(cacheGroup(s, api, stage))
}

// cachesInUse are the caches that some stage fills.
func (c *Compiler) cachesInUse() map[cache.Key]bool {
	all := make(map[cache.Key]bool)
	for _, b := range c.stages {
		for k := range b.caches {
			all[k] = true
		}
	}
	return all
}

// cached has what a plan does from its before-th step on answered from the
// stage's cache, if the method's settings say so.
//
// AWS: execution.md §3, step 16: the look-up is before the integration request.
// rest-execution.md §13: what is streamed is not cached.
func (p *planner) cached(plan *gateway.Plan, before int, rt *gateway.Route, in *api.Integration, sc *step.Scope) error {
	set, ok := p.cacheSetting(rt)
	if !ok || p.cache == nil || streams(in) {
		return nil
	}
	cfg := &integration.CacheConfig{
		Cache: p.cache, TTL: cacheTTL(&set), Namespace: str(in.CacheNamespace),
		Invalidate: invalidation(&set), Invalidators: integration.Invalidators{Account: p.id.Account, Policy: p.policy},
		Request: slices.Clone(plan.Request[before:]), Call: plan.Integration, Response: plan.Response,
	}
	if cfg.Namespace == "" {
		cfg.Namespace = rt.ResourceID // AWS: the default
	}
	if isTrue(set.CacheDataEncrypted) {
		cfg.Seal = p.c.seal
	}
	names := slices.Clone(in.CacheKeyParameters)
	slices.Sort(names) // methods that share a namespace may list them in any order
	for _, name := range slices.Compact(names) {
		k, err := step.NewCacheKey(name, in.RequestParameters, sc)
		if err != nil {
			return err
		}
		cfg.NeedsBody = cfg.NeedsBody || k.NeedsBody()
		cfg.Params = append(cfg.Params, integration.CacheParam{Name: name, Value: k.Value})
	}
	plan.Request, plan.Response = plan.Request[:before:before], nil
	plan.Integration = integration.NewCached(cfg)
	return nil
}

// cacheSetting returns the settings of a route whose responses are cached.
//
// AWS: rest-execution.md §12: what is set for all methods makes GET cached;
// others must have caching in settings of their own. Whether a GET of ANY is one
// is undocumented; here it is not. A TTL of 0 is no caching.
func (p *planner) cacheSetting(rt *gateway.Route) (api.MethodSetting, bool) {
	set, ok := p.rec.MethodSetting(rt.ResourcePath, rt.Method)
	if !ok || !isTrue(set.CachingEnabled) || cacheTTL(&set) <= 0 {
		return set, false
	}
	if rt.Method == "GET" {
		return set, true
	}
	for key := range p.rec.MethodSettings {
		if path, method := record.SplitMethodKey(key); path == rt.ResourcePath && method == rt.Method {
			return set, true
		}
	}
	return set, false
}

// cacheTTL is how long responses are kept.
//
// AWS: rest-execution.md §9: 300 s by default.
func cacheTTL(set *api.MethodSetting) time.Duration {
	if set.CacheTtlInSeconds == nil {
		return 300 * time.Second
	}
	return time.Duration(*set.CacheTtlInSeconds) * time.Second
}

// invalidation is what becomes of the Cache-Control: max-age=0 of a client
// without the right to it.
//
// AWS: rest-execution.md §12: by default it needs authorization.
func invalidation(set *api.MethodSetting) integration.Invalidation {
	if r := set.RequireAuthorizationForCacheControl; r != nil && !*r {
		return integration.InvalidationAllowed
	}
	switch str(set.UnauthorizedCacheControlHeaderStrategy) {
	case api.UnauthorizedCacheControlHeaderStrategyFailWith403:
		return integration.InvalidationForbidden
	case api.UnauthorizedCacheControlHeaderStrategySucceedWithoutResponseHeader:
		return integration.InvalidationIgnored
	}
	return integration.InvalidationWarned
}
