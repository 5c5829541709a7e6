package compile_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
	"gatehouse/internal/wire"
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

// The execution log has the error that a function raised, in the words of the kind
// of API.
//
// AWS: logging-metrics.md §1.4 and §2.1.
func TestLambdaErrorsInLog(t *testing.T) {
	raises := functions{functionPrefix + "raises": func(context.Context, *function.Invocation) (*function.Result, error) {
		return &function.Result{Status: 200, Error: "Unhandled", Payload: []byte(`{"errorMessage": "no pets"}`), RequestID: "r1"}, nil
	}}
	w := worldWith(t, raises)
	out, err := w.c.TestInvoke(t.Context(), testScope, define(map[string]api.Method{"GET": calling("AWS_PROXY", "raises")}),
		&api.TestInvokeMethodInput{RestApiId: new("a1"), ResourceId: new("ra"), HttpMethod: new("GET")})
	if err != nil {
		t.Fatal(err)
	}
	if want := ` : Lambda execution failed with status 200 due to customer function error: no pets. Lambda request id: r1`; !strings.Contains(*out.Log, want) {
		t.Errorf("the log of a REST API lacks %q:\n%s", want, *out.Log)
	}
	call, err := integration.NewLambdaHTTP(&integration.LambdaConfig{Invoker: raises, Function: functionPrefix + "raises", Form: event.NewHTTPForm(&gateway.Route{Key: "$default"}, nil)}, "2.0")
	if err != nil {
		t.Fatal(err)
	}
	x := &gateway.Exchange{HTTP: true, Stage: &gateway.Stage{Name: "$default"}, Log: gateway.NewExecutionLog(gateway.LogInfo, true), Peer: new(wire.Peer)}
	gatewaytest.Fill(x, "GET", "/", "", "Host: h")
	plan := &gateway.Plan{Integration: call, Fault: step.LogFault{}}
	plan.Run(t.Context(), x)
	if want := " : The Lambda function returned the following error: no pets. Check your Lambda function code and try again.\n"; !strings.Contains(string(x.Log.Append(nil, "id")), want) {
		t.Errorf("the log of an HTTP API lacks %q:\n%s", want, x.Log.Append(nil, "id"))
	}
}
