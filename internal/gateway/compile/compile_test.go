package compile_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

func TestServesWhatIsDeployed(t *testing.T) {
	w := newWorld(t)
	w.expect("403", "a1", "prod", "/pets")
	rev := w.deploy("a1", "prod", answering("one"))
	w.expect("one", "a1", "prod", "/pets")
	w.expect("one", "a1", "prod", "/")
	w.expect("403", "a1", "prod", "/cats")
	w.expect("403", "a1", "dev", "/pets")
	w.expect("403", "a2", "prod", "/pets")
	if got := w.c.Status(); got.Applied != rev || len(got.Refused) != 0 {
		t.Errorf("Status = %+v, want revision %d and nothing refused", got, rev)
	}
	if got := w.gw.Table().Revision(); got != int64(rev) {
		t.Errorf("table has revision %d, want %d", got, rev)
	}
}

// Only what a commit touches is compiled anew.
func TestOnlyTouchedStagesAreCompiled(t *testing.T) {
	setThrottle := func(rec *record.Stage) {
		rec.MethodSettings = map[string]api.MethodSetting{"*/*": {ThrottlingRateLimit: new(9.0), ThrottlingBurstLimit: new(int32(9))}}
	}
	tests := []struct {
		name    string
		ops     func(w *world) []store.Op
		touched string // "api/stage …"
	}{
		{"the stage", func(w *world) []store.Op { return []store.Op{w.putStage("a1", "prod", "d1", setThrottle)} }, "a1/prod"},
		{"its API's settings", func(w *world) []store.Op { return []store.Op{w.putAPI("a1")} }, ""},
		{"a deployment that no stage shows", func(w *world) []store.Op { return w.putDeployment("a1", "d2", answering("two")) }, ""},
		{"a deployment's content", func(w *world) []store.Op { return w.putDeployment("a1", "d1", answering("two")) }, "a1/prod a1/dev"},
		{"a deployment's description", func(w *world) []store.Op {
			return w.putDeployment("a1", "d1", answering("one"), time.Now())
		}, ""},
		{"an API key", func(w *world) []store.Op { return []store.Op{w.putKey("k", "secret", true)} }, ""},
		{"another stage", func(w *world) []store.Op { return []store.Op{w.putStage("a1", "new", "d1")} }, ""},
		{"another service", func(*world) []store.Op {
			return []store.Op{store.Put("/000000000000/eu-west-1/lambda/stage/a1/prod", []byte("{}"))}
		}, ""},
		{"the same record", func(w *world) []store.Op { return []store.Op{w.putStage("a2", "prod", "d1")} }, "a2/prod"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.deploy("a1", "prod", answering("one"))
			w.commit(w.putStage("a1", "dev", "d1"))
			w.deploy("a2", "prod", answering("one"))
			places := [][2]string{{"a1", "prod"}, {"a1", "dev"}, {"a2", "prod"}}
			before := map[[2]string]any{}
			for _, p := range places {
				before[p] = w.router(p[0], p[1])
			}
			w.commit(tt.ops(w)...)
			var got []string
			for _, p := range places {
				if before[p] != any(w.router(p[0], p[1])) {
					got = append(got, p[0]+"/"+p[1])
				}
			}
			if got := strings.Join(got, " "); got != tt.touched {
				t.Errorf("compiled anew: %q, want %q", got, tt.touched)
			}
		})
	}
}

// What the listing brought is not compiled once more by the first commit.
func TestFirstCommitAfterStart(t *testing.T) {
	st := memstore.New(memstore.Options{})
	defer st.Close()
	w := openWorld(t, st, compile.Options{})
	w.write(append(w.putDeployment("a1", "d1", answering("one")), w.putAPI("a1"), w.putStage("a1", "prod", "d1"))...)
	w.start()
	before := w.router("a1", "prod")
	w.commit(w.putStage("a1", "dev", "d1"))
	if w.router("a1", "prod") != before {
		t.Error("a stage that no commit touched was compiled anew")
	}
}

// A stage that does not compile keeps its last good version, is named with the
// revisions, and comes back when it is mended.
func TestBrokenStageKeepsItsLastGoodVersion(t *testing.T) {
	tests := []struct {
		name   string
		break_ func(w *world) []store.Op
		reason string
	}{
		{"deployment missing", func(w *world) []store.Op { return []store.Op{w.putStage("a1", "prod", "nope")} }, `deployment "nope" does not exist`},
		{"record unreadable", func(w *world) []store.Op {
			return []store.Op{store.Put(w.Stages.Key(store.ID("a1", "prod")), []byte("}"))}
		}, "decode"},
		{"definition missing", func(w *world) []store.Op {
			op, err := w.Deployments.Put(store.ID("a1", "d1"), record.Deployment{Scope: w.Scope, RestAPI: "a1", Definition: "feed"})
			return []store.Op{must(w.t, op, err)}
		}, "not found"},
		{"definition impossible", func(w *world) []store.Op {
			return w.putDeployment("a1", "d1", define(map[string]api.Method{"GET": mock("x")}, "/{a}", "/{b}"))
		}, "has it already"},
		{"canary impossible", func(w *world) []store.Op {
			return []store.Op{w.putStage("a1", "prod", "d1", func(rec *record.Stage) {
				rec.CanarySettings = &api.CanarySettings{DeploymentId: new("nope")}
			})}
		}, `canary: deployment "nope" does not exist`},
		{"not enforced", func(w *world) []store.Op {
			return w.putDeployment("a1", "d1", answering("two", func(m *api.Method) { m.AuthorizationType = new("WHATEVER") }))
		}, "authorizationType WHATEVER is not supported"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			good := w.deploy("a1", "prod", answering("one"))
			w.deploy("a2", "prod", answering("other"))
			bad := w.commit(tt.break_(w)...)
			w.expect("one", "a1", "prod", "/pets")
			got := w.c.Status().Refused
			if len(got) != 1 || !strings.Contains(got[0].Reason, tt.reason) {
				t.Fatalf("refused: %+v, want one for %q", got, tt.reason)
			}
			want := compile.Refusal{Account: testScope.Account, Region: testScope.Region, API: "a1", Stage: "prod",
				Revision: bad, Serving: good, Reason: got[0].Reason}
			if diff := cmp.Diff(want, got[0]); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
			// Others go on changing.
			w.commit(w.putDeployment("a2", "d1", answering("changed"))...)
			w.expect("changed", "a2", "prod", "/pets")
			w.expect("one", "a1", "prod", "/pets")
			w.commit(append(w.putDeployment("a1", "d9", answering("mended")), w.putStage("a1", "prod", "d9"))...)
			w.expect("mended", "a1", "prod", "/pets")
			if got := w.c.Status().Refused; len(got) != 0 {
				t.Errorf("refused after mending: %+v", got)
			}
		})
	}
}

// A definition that could not be read is read again when something changes.
func TestUnreadableDefinitionIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	ops := w.putDeployment("a1", "d1", answering("one"))
	blob, dep := ops[:len(ops)-1], ops[len(ops)-1]
	bad := w.commit(dep, w.putAPI("a1"), w.putStage("a1", "prod", "d1"))
	w.expect("403", "a1", "prod", "/pets")
	w.commit(w.putKey("k", "secret", true))
	if got := w.c.Status().Refused; len(got) != 1 || got[0].Revision != bad {
		t.Errorf("refused: %+v, want a1/prod since revision %d", got, bad)
	}
	w.commit(blob...)
	w.commit(w.putKey("k", "changed", true))
	w.expect("one", "a1", "prod", "/pets")
}

// What was broken from the beginning is served nowhere, and hurts nobody.
func TestBrokenFromTheStart(t *testing.T) {
	st := memstore.New(memstore.Options{})
	defer st.Close()
	w := openWorld(t, st, compile.Options{})
	rev := w.write(w.putAPI("a1"), w.putStage("a1", "prod", "nope"))
	w.write(append(w.putDeployment("a2", "d1", answering("one")), w.putAPI("a2"), w.putStage("a2", "prod", "d1"))...)
	w.start()
	w.expect("403", "a1", "prod", "/pets")
	w.expect("one", "a2", "prod", "/pets")
	if got := w.c.Status().Refused; len(got) != 1 || got[0].API != "a1" || got[0].Serving != 0 || got[0].Revision < rev {
		t.Errorf("refused: %+v, want a1 with nothing in its place", got)
	}
}

func TestDeletion(t *testing.T) {
	w := newWorld(t)
	w.deploy("a1", "prod", answering("one"))
	w.commit(w.putStage("a1", "dev", "d1"))
	w.commit(w.Stages.Delete(store.ID("a1", "dev")))
	w.expect("403", "a1", "dev", "/pets")
	w.expect("one", "a1", "prod", "/pets")
	w.commit(w.RestAPIs.Delete("a1")) // its stages are orphans now
	w.expect("403", "a1", "prod", "/pets")
	w.commit(w.putStage("a1", "late", "d1"))
	w.expect("403", "a1", "late", "/pets")
	w.commit(w.putAPI("a1"))
	w.expect("one", "a1", "prod", "/pets")
	w.expect("one", "a1", "late", "/pets")
	w.commit(w.RestAPIs.Delete("a1"), w.Stages.Delete(store.ID("a1", "prod")), w.Stages.Delete(store.ID("a1", "late")), w.Deployments.Delete(store.ID("a1", "d1")))
	if n := w.gw.Table().APIs(); n != 0 {
		t.Errorf("%d APIs are served, want none", n)
	}
	// A refusal ends with its stage.
	w.commit(w.putAPI("a2"), w.putStage("a2", "prod", "nope"))
	w.commit(w.Stages.Delete(store.ID("a2", "prod")))
	if got := w.c.Status().Refused; len(got) != 0 {
		t.Errorf("refused: %+v, want none", got)
	}
}

func TestCanary(t *testing.T) {
	w := newWorld(t)
	canary := func(percent float64) func(*record.Stage) {
		return func(rec *record.Stage) {
			rec.Variables = map[string]string{"v": "stage", "w": "kept"}
			rec.CanarySettings = &api.CanarySettings{DeploymentId: new("d2"), PercentTraffic: &percent,
				StageVariableOverrides: map[string]string{"v": "canary"}}
		}
	}
	w.commit(append(w.putDeployment("a1", "d2", answering("canary")), w.putAPI("a1"))...)
	w.commit(append(w.putDeployment("a1", "d1", answering("stage")), w.putStage("a1", "prod", "d1", canary(0)))...)
	for _, tt := range []struct {
		percent float64
		want    string
	}{{0, "stage"}, {100, "canary"}} {
		w.commit(w.putStage("a1", "prod", "d1", canary(tt.percent)))
		for range 20 {
			a := w.call("GET", "/_aws/execute-api/a1/prod/pets")
			if a.Body != tt.want || headerOf(a, "V") != tt.want {
				t.Fatalf("at %v percent: body %q, variable %q, want %q", tt.percent, a.Body, headerOf(a, "V"), tt.want)
			}
		}
	}
	w.commit(w.putStage("a1", "prod", "d1", canary(50)))
	seen := map[string]int{}
	for range 200 {
		seen[w.get("a1", "prod", "/pets")]++
	}
	if seen["stage"] < 40 || seen["canary"] < 40 {
		t.Errorf("at 50 percent: %v, want both often", seen)
	}
	if got := w.stage("a1", "prod").Canary.Stage.Variables; got["w"] != "kept" {
		t.Errorf("canary's variables: %v, want the stage's too", got)
	}
	// A canary without a deployment of its own shows the stage's.
	w.commit(w.putStage("a1", "prod", "d1", canary(100), func(rec *record.Stage) { rec.CanarySettings.DeploymentId = nil }))
	if a := w.call("GET", "/_aws/execute-api/a1/prod/pets"); a.Body != "stage" || headerOf(a, "V") != "canary" {
		t.Errorf("body %q, variable %q", a.Body, headerOf(a, "V"))
	}
}

// AWS: rest-execution.md §16: the setting acts after a deployment.
func TestDisabledEndpoint(t *testing.T) {
	w := newWorld(t)
	frozen := func(disabled bool) *record.Definition {
		def := answering("one")
		def.RestAPI.DisableExecuteApiEndpoint = &disabled
		return def
	}
	t0 := time.Now()
	w.commit(append(w.putDeployment("a1", "d1", frozen(true), t0), w.putAPI("a1"), w.putStage("a1", "prod", "d1"))...)
	w.expect("403", "a1", "prod", "/pets")
	// Deployed anew to another stage, the whole API is reached again.
	w.commit(append(w.putDeployment("a1", "d2", frozen(false), t0.Add(time.Second)), w.putStage("a1", "dev", "d2"))...)
	w.expect("one", "a1", "prod", "/pets")
	w.expect("one", "a1", "dev", "/pets")
	// A canary's deployment says nothing about the API.
	w.commit(append(w.putDeployment("a1", "d3", frozen(true), t0.Add(2*time.Second)), w.putStage("a1", "dev", "d2", func(rec *record.Stage) {
		rec.CanarySettings = &api.CanarySettings{DeploymentId: new("d3"), PercentTraffic: new(0.0)}
	}))...)
	w.expect("one", "a1", "dev", "/pets")
}

// A compiler that lags behind the history lists again: what vanished meanwhile
// is dropped, though no commit says so.
func TestCompactedHistory(t *testing.T) {
	st := memstore.New(memstore.Options{History: 2})
	defer st.Close()
	broken := &interrupted{Store: st, cut: make(chan struct{}), gone: make(chan struct{}), again: make(chan struct{})}
	w := openWorld(t, broken, compile.Options{})
	w.write(append(w.putDeployment("a1", "d1", answering("one")), w.putAPI("a1"), w.putStage("a1", "prod", "d1"), w.putStage("a1", "bad", "nope"))...)
	w.start()
	w.commit(w.putKey("k", "secret", true), w.putDomain("example.com"))
	close(broken.cut)
	<-broken.gone // else it may see some of what follows
	var rev store.Rev
	for i := range 10 {
		rev = w.write(append(w.putDeployment("a2", "d1", answering(fmt.Sprint(i))), w.putAPI("a2"), w.putStage("a2", "prod", "d1"),
			w.RestAPIs.Delete("a1"), w.Stages.Delete(store.ID("a1", "prod")), w.Stages.Delete(store.ID("a1", "bad")),
			w.APIKeys.Delete("k"), w.DomainNames.Delete("example.com"))...)
	}
	w.expect("one", "a1", "prod", "/pets") // the last table serves
	close(broken.again)
	w.wait(rev)
	if !broken.compacted.Load() {
		t.Fatal("the history was long enough: this test shows nothing")
	}
	w.expect("403", "a1", "prod", "/pets")
	w.expect("9", "a2", "prod", "/pets")
	if got := w.c.Status(); len(got.Refused) != 0 {
		t.Errorf("refused: %+v, want nothing that is gone", got.Refused)
	}
	if n := w.gw.Table().APIs(); n != 1 {
		t.Errorf("%d APIs are served, want 1", n)
	}
	if k := w.stage("a2", "prod").Keys.Find("secret"); k != nil {
		t.Error("a deleted key is still known")
	}
}

// An interrupted store ends its first watch when cut is closed, as a store does
// that is out of reach, closes gone, and comes back when again is closed: then it
// says whether it can still go on from where that watch was.
type interrupted struct {
	store.Store
	cut, gone, again chan struct{}
	watches          atomic.Int32
	compacted        atomic.Bool
}

func (s *interrupted) Watch(ctx context.Context, prefix string, after store.Rev) iter.Seq2[store.Batch, error] {
	if s.watches.Add(1) > 1 {
		return s.Store.Watch(ctx, prefix, after)
	}
	return func(yield func(store.Batch, error) bool) {
		first, end := context.WithCancel(ctx)
		defer end()
		go func() {
			select {
			case <-s.cut:
			case <-first.Done():
			}
			end()
		}()
		for b, err := range s.Store.Watch(first, prefix, after) {
			if err != nil {
				break
			}
			after = b.Rev
			if !yield(b, nil) {
				return
			}
		}
		close(s.gone)
		select {
		case <-s.again:
		case <-ctx.Done():
		}
		for b, err := range s.Store.Watch(ctx, prefix, after) {
			if errors.Is(err, store.ErrCompacted) {
				s.compacted.Store(true)
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

func TestWait(t *testing.T) {
	w := newWorld(t)
	rev := w.deploy("a1", "prod", answering("one"))
	if got := w.c.Applied(); got != rev {
		t.Errorf("Applied = %d, want %d", got, rev)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.c.Wait(ctx, rev+1) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Wait for a revision to come = %v, want that of its context", err)
	}
	// A commit of no record counts too.
	w.commit(store.Put("/elsewhere", nil))
}

// Whatever stands in the store, the others are served.
func TestGarbage(t *testing.T) {
	w := newWorld(t)
	prefix := "/" + testScope.Account + "/" + testScope.Region + "/apigateway/"
	values := []string{"", "}", "null", "[]", `"x"`, "{}", `{"stageName":3}`, `{"apiStages":[null,{}],"throttle":{}}`, "\xff\xfe",
		`{"methodSettings":{"":{},"*":{},"/":{}},"canarySettings":{}}`, strings.Repeat("[", 5000)}
	kinds := []string{"restapi", "deployment", "stage", "apikey", "apikeyvalue", "usageplan", "usageplankey", "domainname", "basepathmapping", "account", "blob", "nonsense"}
	ids := []string{"", "/", "x", "x/y", "x/y/z", "x//", "~", "~2", "a1/prod/more"}
	w.deploy("a1", "prod", answering("one"))
	for _, kind := range kinds {
		for _, id := range ids {
			var last store.Rev
			for _, v := range values {
				last = w.write(store.Put(prefix+kind+"/"+id, []byte(v)))
			}
			w.wait(last)
		}
	}
	w.expect("one", "a1", "prod", "/pets")
	w.commit(w.putDeployment("a1", "d1", answering("two"))...)
	w.expect("two", "a1", "prod", "/pets")
	// A restart over all that.
	again := openWorld(t, w.st, compile.Options{})
	again.start()
	again.expect("two", "a1", "prod", "/pets")
	for _, kind := range kinds {
		for _, id := range ids {
			w.write(store.Delete(prefix + kind + "/" + id))
		}
	}
	w.commit(w.putDeployment("a1", "d1", answering("three"))...)
	w.expect("three", "a1", "prod", "/pets")
	again.wait(w.c.Applied())
	again.expect("three", "a1", "prod", "/pets")
}

// Accounts and Regions do not see each other, and one API id is served once.
func TestScopes(t *testing.T) {
	w := newWorld(t)
	w.deploy("a1", "prod", answering("one"))
	other := *w
	other.Tables = record.In(w.st, w.blobs, record.Scope{Account: "111111111111", Region: "us-east-1"})
	other.deploy("b1", "prod", answering("other"))
	other.deploy("a1", "prod", answering("twin"))
	w.expect("other", "b1", "prod", "/pets")
	w.expect("one", "a1", "prod", "/pets")
	w.commit(w.RestAPIs.Delete("a1"))
	w.expect("twin", "a1", "prod", "/pets")
}

// An HTTP_PROXY reaches a real backend by a stage variable and a path
// parameter, and a backend that is gone is forgotten.
func TestProxy(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, "%s %s", r.Method, r.RequestURI)
	}))
	defer backend.Close()
	w := newWorld(t)
	proxy := api.Method{AuthorizationType: new("NONE"), MethodIntegration: &api.Integration{
		Type: new("HTTP_PROXY"), HttpMethod: new("ANY"), Uri: new("http://${stageVariables.v}/base/{p}"),
		RequestParameters: map[string]string{"integration.request.path.p": "method.request.path.proxy"},
	}}
	def := define(map[string]api.Method{"ANY": proxy}, "/{proxy+}")
	w.deploy("a1", "prod", def, func(rec *record.Stage) {
		rec.Variables = map[string]string{"v": strings.TrimPrefix(backend.URL, "http://")}
	})
	w.expect("GET /base/x/y", "a1", "prod", "/x/y")
	// Without the variable every call fails, but the stage is served.
	w.deploy("a1", "prod", def)
	w.expect("500", "a1", "prod", "/x/y")
	if got := w.c.Status().Refused; len(got) != 0 {
		t.Errorf("refused: %+v", got)
	}
}
