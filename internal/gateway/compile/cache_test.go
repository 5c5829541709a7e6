package compile_test

import (
	"fmt"
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
)

// caching switches the cache of a stage on, for all methods.
func caching(rec *record.Stage) {
	rec.CacheClusterEnabled, rec.CacheClusterSize = new(true), new("0.5")
	rec.MethodSettings = map[string]api.MethodSetting{record.AllMethods: {CachingEnabled: new(true)}}
}

func settings(key string, m api.MethodSetting) func(*record.Stage) {
	return func(rec *record.Stage) { rec.MethodSettings[key] = m }
}

// Which methods are cached: asked twice, with another deployment between.
func TestCachedMethods(t *testing.T) {
	const get, post, anyPost = "GET /pets", "POST /pets", "POST /any"
	on := api.MethodSetting{CachingEnabled: new(true)}
	tests := []struct {
		name   string
		change []func(*record.Stage)
		cached []string
	}{
		{"for all", []func(*record.Stage){caching}, []string{get}},
		{"no cluster", []func(*record.Stage){caching, func(rec *record.Stage) { rec.CacheClusterEnabled = new(false) }}, nil},
		{"not enabled", []func(*record.Stage){caching, settings("*/*", api.MethodSetting{CachingEnabled: new(false)})}, nil},
		{"TTL 0", []func(*record.Stage){caching, settings("*/*", api.MethodSetting{CachingEnabled: new(true), CacheTtlInSeconds: new(int32(0))})}, nil},
		{"one method", []func(*record.Stage){caching, settings("*/*", api.MethodSetting{}), settings("~1pets/POST", on)}, []string{post}},
		{"but one method", []func(*record.Stage){caching, settings("~1pets/GET", api.MethodSetting{CachingEnabled: new(false)})}, nil},
		{"encrypted", []func(*record.Stage){caching, settings("*/*", api.MethodSetting{CachingEnabled: new(true), CacheDataEncrypted: new(true)})}, []string{get}},
		{"ANY by its method", []func(*record.Stage){caching, settings("~1any/POST", on)}, []string{get, anyPost}},
	}
	def := func(body string) *record.Definition {
		d := define(map[string]api.Method{"GET": mock(body), "POST": mock(body)}, "/pets")
		d.Resources["any"] = api.Resource{Id: new("any"), Path: new("/any"), ResourceMethods: map[string]api.Method{"ANY": mock(body)}}
		return d
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			all := []string{get, post, "GET /any", anyPost}
			ask := func(want func(what string) string) {
				t.Helper()
				for _, what := range all {
					var method, path string
					_, _ = fmt.Sscan(what, &method, &path)
					if got := short(w.call(method, "/_aws/execute-api/a1/prod"+path)); got != want(what) {
						t.Errorf("%s = %q, want %q", what, got, want(what))
					}
				}
			}
			w.deploy("a1", "prod", def("one"), tt.change...)
			ask(func(string) string { return "one" })
			w.deploy("a1", "prod", def("two"), tt.change...)
			ask(func(what string) string {
				for _, c := range tt.cached {
					if c == what {
						return "one"
					}
				}
				return "two"
			})
		})
	}
}

// What empties a stage's cache, and what does not.
func TestCacheLives(t *testing.T) {
	off := func(rec *record.Stage) { rec.CacheClusterEnabled = new(false) }
	larger := func(rec *record.Stage) { rec.CacheClusterSize = new("1.6") }
	variable := func(rec *record.Stage) { rec.Variables = map[string]string{"v": "x"} }
	tests := []struct {
		name string
		do   func(w *world)
		want string
	}{
		{"nothing", func(*world) {}, "one"},
		{"a variable", func(w *world) { w.commit(w.putStage("a1", "prod", "d1", caching, variable)) }, "one"},
		{"a flush", func(w *world) { w.c.FlushStage(w.Scope, "a1", "prod") }, "two"},
		{"a flush of another stage", func(w *world) { w.c.FlushStage(w.Scope, "a1", "dev") }, "one"},
		{"another size", func(w *world) { w.commit(w.putStage("a1", "prod", "d1", caching, larger)) }, "two"},
		{"off and on", func(w *world) {
			w.commit(w.putStage("a1", "prod", "d1", caching, off))
			w.commit(w.putStage("a1", "prod", "d1", caching))
		}, "two"},
		{"encryption", func(w *world) {
			w.commit(w.putStage("a1", "prod", "d1", caching, settings("*/*", api.MethodSetting{CachingEnabled: new(true), CacheDataEncrypted: new(true)})))
		}, "two"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.deploy("a1", "prod", answering("one"), caching)
			w.expect("one", "a1", "prod", "/pets")
			w.commit(w.putDeployment("a1", "d1", answering("two"))...)
			w.expect("one", "a1", "prod", "/pets")
			tt.do(w)
			w.expect(tt.want, "a1", "prod", "/pets")
		})
	}
}

// A canary shares the stage's cache or has its own.
func TestCacheOfCanary(t *testing.T) {
	for shared, want := range map[bool]string{true: "stage", false: "canary"} {
		w := newWorld(t)
		percent := func(p float64) func(*record.Stage) {
			return func(rec *record.Stage) {
				rec.CanarySettings = &api.CanarySettings{DeploymentId: new("d2"), PercentTraffic: &p, UseStageCache: &shared}
			}
		}
		w.commit(append(w.putDeployment("a1", "d2", answering("canary")), w.putAPI("a1"))...)
		w.deploy("a1", "prod", answering("stage"), caching, percent(0))
		w.expect("stage", "a1", "prod", "/pets")
		w.commit(w.putStage("a1", "prod", "d1", caching, percent(100)))
		w.expect(want, "a1", "prod", "/pets")
		w.commit(w.putDeployment("a1", "d2", answering("new"))...)
		w.expect(want, "a1", "prod", "/pets")
		w.c.FlushStage(w.Scope, "a1", "prod")
		w.expect("new", "a1", "prod", "/pets")
	}
}

// Which requests share a response.
func TestCacheKeys(t *testing.T) {
	tests := []struct {
		name      string
		namespace string
		keys      []string
		mapped    map[string]string
		again     string // asked after GET /pets?a=1&a=2&b=1 with A: 1
		header    string
		hit       bool
	}{
		{"nothing listed", "", nil, nil, "/pets?a=9", "A: 9", true},
		{"another resource", "", nil, nil, "/", "A: 1", false},
		{"another resource of the namespace", "ns", nil, nil, "/", "A: 1", true},
		{"query, the last value", "", []string{"method.request.querystring.a"}, nil, "/pets?a=3&a=2", "A: 1", true},
		{"query, another last value", "", []string{"method.request.querystring.a"}, nil, "/pets?a=1", "A: 1", false},
		{"query, all values", "", []string{"method.request.multivaluequerystring.a"}, nil, "/pets?a=3&a=2", "A: 1", false},
		{"header", "", []string{"method.request.header.A"}, nil, "/pets?a=2", "A: 2", false},
		{"header in another case", "", []string{"method.request.header.a"}, nil, "/pets?a=2", "A: 2", true},
		{"integration request, not mapped", "", []string{"integration.request.querystring.a"}, nil, "/pets?a=1", "A: 1", false},
		{"integration request, mapped", "", []string{"integration.request.querystring.x"},
			map[string]string{"integration.request.querystring.x": "method.request.header.A"}, "/pets?a=9", "A: 1", true},
		{"integration request, mapped to another", "", []string{"integration.request.querystring.x"},
			map[string]string{"integration.request.querystring.x": "method.request.header.A"}, "/pets?a=9", "A: 2", false},
		{"values do not run into one another", "", []string{"method.request.querystring.a", "method.request.querystring.b"}, nil, "/pets?a=21&b=", "A: 1", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			keyed := func(m *api.Method) {
				m.MethodIntegration.CacheKeyParameters, m.MethodIntegration.RequestParameters = tt.keys, tt.mapped
				if tt.namespace != "" {
					m.MethodIntegration.CacheNamespace = &tt.namespace
				}
			}
			w.deploy("a1", "prod", answering("one", keyed), caching)
			w.expect("one", "a1", "prod", "/pets?a=1&a=2&b=1", "A: 1")
			w.commit(w.putDeployment("a1", "d1", answering("two", keyed))...)
			want := "two"
			if tt.hit {
				want = "one"
			}
			w.expect(want, "a1", "prod", tt.again, tt.header)
			w.expect("one", "a1", "prod", "/pets?a=1&a=2&b=1", "A: 1")
		})
	}
}
