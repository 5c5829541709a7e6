package compile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/record"
	"gatehouse/internal/upstream"
	"gatehouse/internal/wire"
)

// TestInvoke calls a method of a definition that need not be deployed, which
// has an integration, and returns what the client would get and the execution
// log. It is compiled as for a stage, but for what a test passes over.
//
// AWS: logging-metrics.md §2.3: authorizers, API keys, throttles and caches.
func (c *Compiler) TestInvoke(ctx context.Context, scope record.Scope, def *record.Definition, in *api.TestInvokeMethodInput) (*api.TestInvokeMethodResponse, error) {
	var out *api.TestInvokeMethodResponse
	err := c.safely(func() error {
		t, err := c.newTest(scope, def, in)
		if err != nil {
			return err
		}
		defer t.close()
		out, err = t.run(ctx, in)
		return err
	})
	return out, err
}

// A test is one test invocation.
type test struct {
	c     *Compiler
	p     *planner
	stage *gateway.Stage
	route *gateway.Route
}

// newTest compiles the method.
func (c *Compiler) newTest(scope record.Scope, def *record.Definition, in *api.TestInvokeMethodInput) (*test, error) {
	res, ok := def.Resources[str(in.ResourceId)]
	m, has := res.ResourceMethods[str(in.HttpMethod)]
	if !ok || !has || m.MethodIntegration == nil {
		return nil, fmt.Errorf("test invocation: %s %s has no integration", str(in.HttpMethod), str(in.ResourceId))
	}
	rec := &record.Stage{Scope: scope, RestAPI: str(in.RestApiId)}
	rec.ClientCertificateId = in.ClientCertificateId
	t := &test{c: c}
	t.p = &planner{
		c: c, b: &built{clusters: make(map[upstream.Key]bool), links: make(map[linkID]bool)}, id: stageID{scope, str(in.RestApiId), gateway.TestStage},
		def: def, rec: rec, variables: in.StageVariables, test: true,
		binary: integration.NewBinaryTypes(def.RestAPI.BinaryMediaTypes),
	}
	var err error
	if t.p.fault, err = t.p.faultStep(); err != nil {
		return nil, err
	}
	if err := t.p.setCertificate(); err != nil {
		return nil, err
	}
	t.route = &gateway.Route{ResourceID: str(res.Id), ResourcePath: str(res.Path), Method: str(in.HttpMethod), OperationName: str(m.OperationName)}
	t.stage = &gateway.Stage{
		Account: scope.Account, Region: scope.Region, API: str(in.RestApiId), Name: gateway.TestStage,
		EndpointType: endpointType(def), Variables: in.StageVariables,
	}
	if t.stage.Router, err = gateway.NewRouter([]*gateway.Route{t.route}); err != nil {
		return nil, err
	}
	if t.route.Plan, err = t.p.planFor(t.route, &m); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// close gives up the connections that were made for the test.
func (t *test) close() {
	for _, cl := range t.p.temporary {
		cl.Close()
	}
}

// run sends the request through the method's plan.
func (t *test) run(ctx context.Context, in *api.TestInvokeMethodInput) (*api.TestInvokeMethodResponse, error) {
	x := &gateway.Exchange{Log: gateway.NewExecutionLog(gateway.LogInfo, true), Peer: &wire.Peer{Proto: "HTTP/1.1"}}
	t.fill(&x.MethodRequest, in)
	t.c.gw.BeginTest(x, t.stage, t.route)
	defer t.c.gw.Finish(x, wire.Sent{})
	t.route.Plan.Run(ctx, x)
	step.LogEnd(x)
	body, err := x.TestBody()
	if err != nil {
		return nil, fmt.Errorf("test invocation: read the response: %w", err)
	}
	out := &api.TestInvokeMethodResponse{
		Status: new(int32(x.MethodResponse.Status)), Body: new(strings.ToValidUTF8(string(body), "\uFFFD")),
		Log: new(string(x.Log.Append(nil, x.Vars.RequestID))), Latency: new(time.Since(x.Vars.Start).Milliseconds()),
		Headers: map[string]string{}, MultiValueHeaders: map[string][]string{},
	}
	for _, f := range step.WithoutIDs(x.MethodResponse.Header.Fields) {
		if x.Fault != nil && f.ID == wire.HeaderContentType && f.Value == "application/json" {
			continue // AWS: recorded (test_failed_invoke_test_method)
		}
		name, value := strings.Clone(f.Name), strings.Clone(f.Value)
		out.Headers[name] = value
		out.MultiValueHeaders[name] = append(out.MultiValueHeaders[name], value)
	}
	return out, nil
}

// fill makes the request. A path that is not given is the resource's.
//
// AWS: LS api::test_invoke_test_method, …-no-path. Undocumented is what ANY
// stands for; here it is GET.
func (t *test) fill(r *wire.Request, in *api.TestInvokeMethodInput) {
	r.Method = t.route.Method
	if r.Method == "ANY" {
		r.Method = "GET"
	}
	r.Target = str(in.PathWithQueryString)
	if r.Target == "" || r.Target[0] == '?' {
		r.Target = t.route.ResourcePath + r.Target
	}
	if r.Target[0] != '/' {
		r.Target = "/" + r.Target
	}
	r.Path, r.Query, _ = strings.Cut(r.Target, "?")
	for _, name := range slices.Sorted(maps.Keys(in.Headers)) {
		if _, both := in.MultiValueHeaders[name]; !both {
			r.Header.Add(name, in.Headers[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in.MultiValueHeaders)) {
		for _, value := range in.MultiValueHeaders[name] {
			r.Header.Add(name, value)
		}
	}
	if body := str(in.Body); body != "" {
		r.Body = wire.Body{Bytes: []byte(body), Length: int64(len(body))}
	}
}
