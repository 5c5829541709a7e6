package apigateway

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/record"
)

// A flusher notes what was flushed.
type flusher []string

func (f *flusher) FlushStage(s record.Scope, api, stage string) {
	*f = append(*f, strings.Join([]string{s.Account, s.Region, api, stage}, " "))
}

func (f *flusher) FlushStageAuthorizers(s record.Scope, api, stage string) {
	*f = append(*f, strings.Join([]string{"authorizers", s.Account, s.Region, api, stage}, " "))
}

func TestFlushStageCache(t *testing.T) {
	c := newClient(t)
	var f flusher
	c.svc.opt.Caches = &f
	id, _ := c.newDeployableAPI()
	stage := doc{"restApiId": id, "stageName": "prod"}
	c.must("CreateDeployment", stage)
	c.must("FlushStageCache", stage)
	c.must("FlushStageAuthorizersCache", stage)
	if len(f) != 2 || !strings.HasSuffix(f[0], " "+id+" prod") || f[1] != "authorizers "+f[0] {
		t.Errorf("flushed %q, want the stage once, and its authorizers", f)
	}
	for _, op := range []string{"FlushStageCache", "FlushStageAuthorizersCache"} {
		got, _ := c.do(op, with(stage, "stageName", "test"))["Error"].(string)
		if want := "NotFoundException: Invalid stage identifier specified"; got != want {
			t.Errorf("%s of a stage that is not there = %q, want %q", op, got, want)
		}
	}
}

// A stage's cache has the size it was given, or the smallest, and is there at
// once.
func TestCacheCluster(t *testing.T) {
	c := newClient(t)
	id, _ := c.newDeployableAPI()
	dep := c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod", "cacheClusterEnabled": true})["id"]
	stage := doc{"restApiId": id, "stageName": "prod"}
	check := func(got doc, want ...any) {
		t.Helper()
		for i, key := range []string{"cacheClusterEnabled", "cacheClusterSize", "cacheClusterStatus"} {
			if got[key] != want[i] {
				t.Errorf("%s = %v, want %v", key, got[key], want[i])
			}
		}
	}
	check(c.must("GetStage", stage), true, "0.5", "AVAILABLE")
	check(c.must("UpdateStage", stagePatch(id, "replace", "/cacheClusterSize", "6.1")), true, "6.1", "AVAILABLE")
	check(c.must("UpdateStage", stagePatch(id, "replace", "/cacheClusterEnabled", "false")), false, "6.1", "NOT_AVAILABLE")
	check(c.must("CreateStage", doc{"restApiId": id, "stageName": "big", "deploymentId": dep, "cacheClusterEnabled": true, "cacheClusterSize": "237"}), true, "237", "AVAILABLE")
	check(c.must("CreateDeployment", doc{"restApiId": id, "stageName": "other"}), nil, nil, nil)
	got, _ := c.do("UpdateStage", stagePatch(id, "replace", "/cacheClusterSize", "7"))["Error"].(string)
	if want := "BadRequestException: Invalid cache cluster size specified. Must be one of: [0.5, 1.6, 6.1, 13.5, 28.4, 58.2, 118, 237]"; got != want {
		t.Errorf("size 7: %q, want %q", got, want)
	}
}

func TestCacheKeyParameters(t *testing.T) {
	c := newClient(t)
	id, root := c.newAPI()
	m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
	c.must("PutMethod", with(m, "authorizationType", "NONE"))
	good := []string{"method.request.header.A", "method.request.multivalueheader.A", "method.request.path.id",
		"method.request.multivaluequerystring.q", "integration.request.querystring.q"}
	got := c.must("PutIntegration", with(m, "type", "MOCK", "cacheKeyParameters", good))["cacheKeyParameters"].([]any)
	if !slices.EqualFunc(got, good, func(a any, b string) bool { return a == b }) {
		t.Errorf("cacheKeyParameters = %v, want %v", got, good)
	}
	for _, bad := range []string{"id", "method.request.body", "method.request.header.", "method.response.header.A", "context.stage"} {
		got, _ := c.do("PutIntegration", with(m, "type", "MOCK", "cacheKeyParameters", []string{bad}))["Error"].(string)
		if want := "BadRequestException: Invalid cache key parameter specified: " + bad; got != want {
			t.Errorf("%s: %q, want %q", bad, got, want)
		}
	}
}
