package apigateway

import (
	"context"
	"regexp"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
)

// A CacheFlusher is the part of the running data plane that keeps responses.
type CacheFlusher interface {
	// FlushStage drops all responses that are kept for a stage. It returns when
	// none of them will be served any more.
	FlushStage(scope record.Scope, restAPI, stage string)
	// FlushStageAuthorizers is FlushStage for the decisions of authorizers.
	FlushStageAuthorizers(scope record.Scope, restAPI, stage string)
}

// cacheSizes are the sizes a stage's cache can have, in GB.
var cacheSizes = []string{"0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237"}

// checkCache refuses a size that is none, and says what the cache's state is.
//
// AWS: a cache takes minutes to be made, ours is there at once. NOT_AVAILABLE
// without one is recorded (test_create_update_stages). Without a size it is the
// smallest (developer guide, cache settings).
func checkCache(st *api.Stage) error {
	if size := st.CacheClusterSize; size != nil && !slices.Contains(cacheSizes, *size) {
		return api.BadRequestException("Invalid cache cluster size specified. Must be one of: [" + strings.Join(cacheSizes, ", ") + "]") // AWS: undocumented text
	}
	if !is(st.CacheClusterEnabled) {
		st.CacheClusterStatus = new(api.CacheClusterStatusNotAvailable)
		return nil
	}
	st.CacheClusterStatus = new(api.CacheClusterStatusAvailable)
	if st.CacheClusterSize == nil {
		st.CacheClusterSize = new(cacheSizes[0])
	}
	return nil
}

var cacheKey = regexp.MustCompile(`^(method|integration)\.request\.(header|multivalueheader|querystring|multivaluequerystring|path)\.[^ ]+$`)

// checkCacheKeys refuses what cannot tell responses apart.
func checkCacheKeys(params []string) error {
	for _, p := range params {
		if !cacheKey.MatchString(p) {
			return api.BadRequestException("Invalid cache key parameter specified: " + p) // AWS: undocumented text
		}
	}
	return nil
}

// FlushStageCache drops all responses cached for a stage. Without a cache
// there are none, which is no error. The stage may be one of an HTTP API, which
// has a cache beyond AWS only.
func (s *Service) FlushStageCache(ctx context.Context, in *api.FlushStageCacheInput) error {
	t := s.tables(ctx)
	if _, _, err := s.liveStage(ctx, t, in.RestApiId, in.StageName); err != nil {
		if _, _, err := t.APIStages.Find(ctx, err, str(in.RestApiId), str(in.StageName)); err != nil {
			return err
		}
	}
	if s.opt.Caches != nil {
		s.opt.Caches.FlushStage(t.Scope, str(in.RestApiId), str(in.StageName))
	}
	return nil
}

// FlushStageAuthorizersCache drops the decisions of a stage's authorizers.
func (s *Service) FlushStageAuthorizersCache(ctx context.Context, in *api.FlushStageAuthorizersCacheInput) error {
	t := s.tables(ctx)
	if _, _, err := s.liveStage(ctx, t, in.RestApiId, in.StageName); err != nil {
		return err
	}
	if s.opt.Caches != nil {
		s.opt.Caches.FlushStageAuthorizers(t.Scope, str(in.RestApiId), str(in.StageName))
	}
	return nil
}
