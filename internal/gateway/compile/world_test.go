package compile_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
	"gatehouse/internal/upstream"
	"gatehouse/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testScope = record.Scope{Account: "000000000000", Region: "eu-west-1"}

// A world is a store with a compiler that follows it and a gateway.
type world struct {
	t     testing.TB
	st    store.Store
	blobs *store.Blobs
	record.Tables
	gw *gateway.Gateway
	c  *compile.Compiler
}

func newWorld(t testing.TB) *world {
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { _ = st.Close() })
	w := openWorld(t, st, compile.Options{})
	w.start()
	w.commit(store.Put("/begin", nil)) // so that all that follows is watched, not listed
	return w
}

// openWorld makes a world over a store; its compiler is not running yet.
func openWorld(t testing.TB, st store.Store, opt compile.Options) *world {
	blobs := store.NewBlobs(st, "/")
	w := &world{t: t, st: st, blobs: blobs, Tables: record.In(st, blobs, testScope), gw: new(gateway.Gateway)}
	clusters := upstream.NewRegistry(upstream.Options{})
	t.Cleanup(clusters.Close)
	opt.Clusters, opt.Log = clusters, slog.New(slog.DiscardHandler)
	w.c = compile.New(st, blobs, w.gw, opt)
	return w
}

// start runs the compiler to the test's end, and waits until it has caught up.
func (w *world) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.c.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Run = %v", err)
		}
	})
	page, err := w.st.List(ctx, "", "", 1)
	if err != nil {
		w.t.Fatal(err)
	}
	w.wait(page.Rev)
}

// patience bounds a wait that only a bug makes long.
const patience = time.Minute

func (w *world) wait(rev store.Rev) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.c.Wait(ctx, rev); err != nil {
		w.t.Fatalf("waiting for revision %d at %d: %v", rev, w.c.Applied(), err)
	}
}

// write commits ops without waiting for the compiler.
func (w *world) write(ops ...store.Op) store.Rev {
	w.t.Helper()
	rev, err := w.st.Commit(context.Background(), nil, ops)
	if err != nil {
		w.t.Fatal(err)
	}
	return rev
}

// commit commits ops and returns when they are served.
func (w *world) commit(ops ...store.Op) store.Rev {
	w.t.Helper()
	rev := w.write(ops...)
	w.wait(rev)
	return rev
}

func must(t testing.TB, op store.Op, err error) store.Op {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return op
}

func (w *world) putAPI(id string) store.Op {
	op, err := w.RestAPIs.Put(store.ID(id), record.RestAPI{RestApi: api.RestApi{Id: &id}, Scope: w.Scope})
	return must(w.t, op, err)
}

func (w *world) putStage(restAPI, name, deployment string, change ...func(*record.Stage)) store.Op {
	rec := record.Stage{Stage: api.Stage{StageName: &name, DeploymentId: &deployment}, Scope: w.Scope, RestAPI: restAPI}
	for _, f := range change {
		f(&rec)
	}
	op, err := w.Stages.Put(store.ID(restAPI, name), rec)
	return must(w.t, op, err)
}

// putDeployment freezes a definition.
func (w *world) putDeployment(restAPI, id string, def *record.Definition, created ...time.Time) []store.Op {
	content, err := def.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	ref, ops, err := w.Blobs.Stage(context.Background(), content)
	if err != nil {
		w.t.Fatal(err)
	}
	rec := record.Deployment{Deployment: api.Deployment{Id: &id}, Scope: w.Scope, RestAPI: restAPI, Definition: ref}
	if len(created) > 0 {
		rec.Created = created[0]
	}
	op, err := w.Deployments.Put(store.ID(restAPI, id), rec)
	return append(ops, must(w.t, op, err))
}

// deploy makes an API with a deployment d1 and a stage that shows it.
func (w *world) deploy(restAPI, stage string, def *record.Definition, change ...func(*record.Stage)) store.Rev {
	w.t.Helper()
	ops := append(w.putDeployment(restAPI, "d1", def), w.putAPI(restAPI), w.putStage(restAPI, stage, "d1", change...))
	return w.commit(ops...)
}

// define makes a definition with one resource for each path, all of whose
// methods are those given.
func define(methods map[string]api.Method, paths ...string) *record.Definition {
	def := &record.Definition{Resources: map[string]api.Resource{}}
	for i, path := range append([]string{"/"}, paths...) {
		id := "r" + string(rune('a'+i))
		def.Resources[id] = api.Resource{Id: &id, Path: &path, ResourceMethods: methods}
	}
	return def
}

// mock is a method that answers body, and as header V the stage variable v.
func mock(body string, change ...func(*api.Method)) api.Method {
	m := api.Method{
		AuthorizationType: new("NONE"),
		MethodIntegration: &api.Integration{
			Type: new("MOCK"), RequestTemplates: map[string]string{"$default": `{"statusCode": 200}`},
			IntegrationResponses: map[string]api.IntegrationResponse{"200": {
				ResponseTemplates:  map[string]string{"application/json": body},
				ResponseParameters: map[string]string{"method.response.header.V": "stageVariables.v"},
			}},
		},
	}
	for _, f := range change {
		f(&m)
	}
	return m
}

// answering is a definition whose GET / and GET /pets answer body.
func answering(body string, change ...func(*api.Method)) *record.Definition {
	return define(map[string]api.Method{"GET": mock(body, change...)}, "/pets")
}

func keyRequired(m *api.Method) { m.ApiKeyRequired = new(true) }

// call sends one request through the gateway.
func (w *world) call(method, target string, lines ...string) gatewaytest.Answer {
	w.t.Helper()
	return w.send(method, target, "", lines...)
}

// send is call with a body.
func (w *world) send(method, target, body string, lines ...string) gatewaytest.Answer {
	w.t.Helper()
	x := &gateway.Exchange{Peer: new(wire.Peer)}
	gatewaytest.Fill(x, method, target, body, lines...)
	if x.MethodRequest.Host == "" {
		x.MethodRequest.Host = "localhost"
	}
	w.gw.Serve(context.Background(), x)
	a, err := gatewaytest.Drain(x)
	if err != nil {
		w.t.Fatal(err)
	}
	w.gw.Finish(x, wire.Sent{})
	return a
}

// get returns the body that a GET of a stage's path is answered, or its status.
func (w *world) get(restAPI, stage, path string, lines ...string) string {
	w.t.Helper()
	return short(w.call("GET", "/_aws/execute-api/"+restAPI+"/"+stage+path, lines...))
}

func short(a gatewaytest.Answer) string {
	if a.Status == 200 {
		return a.Body
	}
	return string([]byte{byte('0' + a.Status/100), byte('0' + a.Status/10%10), byte('0' + a.Status%10)})
}

func headerOf(a gatewaytest.Answer, name string) string {
	i := slices.IndexFunc(a.Header, func(l string) bool { return strings.HasPrefix(l, name+": ") })
	if i < 0 {
		return ""
	}
	return a.Header[i][len(name)+2:]
}

func (w *world) expect(want, restAPI, stage, path string, lines ...string) {
	w.t.Helper()
	if got := w.get(restAPI, stage, path, lines...); got != want {
		w.t.Errorf("GET %s of %s/%s = %q, want %q", path, restAPI, stage, got, want)
	}
}

func (w *world) router(restAPI, stage string) *gateway.Router {
	w.t.Helper()
	st := w.stage(restAPI, stage)
	if st == nil {
		w.t.Fatalf("%s/%s is not served", restAPI, stage)
	}
	return st.Router
}

func (w *world) stage(restAPI, stage string) *gateway.Stage {
	a := w.gw.Table().API(restAPI)
	if a == nil {
		return nil
	}
	return a.Stages[stage]
}
