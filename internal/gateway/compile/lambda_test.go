package compile_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

// functions are Lambda functions in this process, by ARN.
type functions map[string]func(ctx context.Context, in *function.Invocation) (*function.Result, error)

func (f functions) Invoke(ctx context.Context, in *function.Invocation) (*function.Result, error) {
	call := f[in.Function]
	if call == nil {
		return nil, function.NotFound(in.Function)
	}
	return call(ctx, in)
}

// worldWith is a world with functions.
func worldWith(t *testing.T, f function.Invoker) *world {
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { _ = st.Close() })
	w := openWorld(t, st, compile.Options{Functions: f})
	w.start()
	w.commit(store.Put("/begin", nil))
	return w
}

const functionPrefix = "arn:aws:lambda:eu-west-1:000000000000:function:"

// calling is a method with a Lambda integration.
func calling(kind, name string, change ...func(*api.Method)) api.Method {
	m := api.Method{
		HttpMethod: new("ANY"), AuthorizationType: new("NONE"),
		MethodIntegration: &api.Integration{
			Type: &kind, HttpMethod: new("POST"),
			Uri: new("arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/" + functionPrefix + name + "/invocations"),
		},
	}
	for _, f := range change {
		f(&m)
	}
	return m
}

func TestLambdaIntegrations(t *testing.T) {
	var source string
	echo := func(_ context.Context, in *function.Invocation) (*function.Result, error) {
		source = in.Source.ARN
		answer, err := json.Marshal(map[string]any{"statusCode": 200, "body": string(in.Payload)})
		return &function.Result{Status: 200, Payload: answer}, err
	}
	fails := func(_ context.Context, in *function.Invocation) (*function.Result, error) {
		return &function.Result{Status: 200, Error: "Unhandled", Payload: []byte(`{"errorMessage": "four hundred: ` + string(in.Payload) + `"}`)}, nil
	}
	refuses := func(context.Context, *function.Invocation) (*function.Result, error) {
		return nil, errors.Join(function.AccessDenied("no"))
	}
	w := worldWith(t, functions{functionPrefix + "echo:live": echo, functionPrefix + "fails": fails, functionPrefix + "closed": refuses})
	templates := func(m *api.Method) {
		in := m.MethodIntegration
		in.RequestTemplates = map[string]string{"application/json": "7"}
		in.IntegrationResponses = map[string]api.IntegrationResponse{
			"200": {}, "400": {SelectionPattern: new("four hundred.*"), ResponseTemplates: map[string]string{"application/json": "$input.path('$.errorMessage')"}},
		}
	}
	mapped := func(header, value string) func(*api.Method) {
		return func(m *api.Method) {
			m.MethodIntegration.RequestParameters = map[string]string{"integration.request.header." + header: value}
		}
	}
	def := &record.Definition{Resources: map[string]api.Resource{}}
	for path, m := range map[string]api.Method{
		"/proxy":        calling("AWS_PROXY", "${stageVariables.fn}"),
		"/missing":      calling("AWS_PROXY", "missing"),
		"/closed":       calling("AWS_PROXY", "closed"),
		"/get":          calling("AWS_PROXY", "echo:live", func(m *api.Method) { m.MethodIntegration.HttpMethod = new("GET") }),
		"/illegal":      calling("AWS_PROXY", "echo:live", mapped("TE", "'x'")),
		"/unused":       calling("AWS_PROXY", "echo:live", mapped("X-Any", "'x'")),
		"/custom":       calling("AWS", "fails", templates),
		"/custom/fails": calling("AWS", "closed", templates),
	} {
		def.Resources[path] = api.Resource{Id: new("id" + path), Path: &path, ResourceMethods: map[string]api.Method{"ANY": m}}
	}
	w.deploy("api1", "s", def, func(st *record.Stage) { st.Variables = map[string]string{"fn": "echo:live"} })
	var event struct {
		Resource       string
		StageVariables map[string]string
		Headers        map[string]string
	}
	if err := json.Unmarshal([]byte(w.get("api1", "s", "/proxy")), &event); err != nil || event.Resource != "/proxy" || event.StageVariables["fn"] != "echo:live" {
		t.Errorf("event %+v, %v", event, err)
	}
	if want := "arn:aws:execute-api:eu-west-1:000000000000:api1/s/ANY/proxy"; source != want {
		t.Errorf("called by %s, want %s", source, want)
	}
	w.expect("500", "api1", "s", "/missing")
	w.expect("500", "api1", "s", "/closed")
	w.expect("500", "api1", "s", "/get")
	w.expect("500", "api1", "s", "/illegal")
	w.expect("500", "api1", "s", "/custom/fails")
	event.Headers = nil
	if err := json.Unmarshal([]byte(w.get("api1", "s", "/unused")), &event); err != nil || event.Headers["X-Any"] != "" {
		t.Errorf("a mapped header is in the event: %+v, %v", event, err)
	}
	if got := w.call("GET", "/_aws/execute-api/api1/s/custom"); got.Status != 400 || got.Body != "four hundred: 7" {
		t.Errorf("custom: %d %q", got.Status, got.Body)
	}
}
