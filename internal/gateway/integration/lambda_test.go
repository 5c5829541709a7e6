package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/wire"
)

// invokerFunc is a function in this process.
type invokerFunc func(ctx context.Context, in *function.Invocation) (*function.Result, error)

func (f invokerFunc) Invoke(ctx context.Context, in *function.Invocation) (*function.Result, error) {
	return f(ctx, in)
}

// returns is a function that returns always the same.
func returns(payload string) invokerFunc {
	return func(context.Context, *function.Invocation) (*function.Result, error) {
		return &function.Result{Status: 200, Payload: []byte(payload), RequestID: "lambda-request", Version: "$LATEST"}, nil
	}
}

// raises is a function that fails.
func raises(payload string) invokerFunc {
	return func(context.Context, *function.Invocation) (*function.Result, error) {
		return &function.Result{Status: 200, Error: "Unhandled", Payload: []byte(payload), RequestID: "lambda-request"}, nil
	}
}

// refuses is a call that does not reach its function.
func refuses(err error) invokerFunc {
	return func(context.Context, *function.Invocation) (*function.Result, error) { return nil, err }
}

const functionARN = "arn:aws:lambda:eu-west-1:000000000000:function:f"

func lambdaProxy(t testing.TB, call invokerFunc, change ...func(*integration.LambdaConfig)) *integration.LambdaProxy {
	t.Helper()
	cfg := &integration.LambdaConfig{Invoker: call, Function: functionARN, Method: "POST", Form: event.NewForm(&gateway.Route{}, nil)}
	for _, f := range change {
		f(cfg)
	}
	l, err := integration.NewLambdaProxy(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// lambdaExchange is an exchange as an integration gets it.
func lambdaExchange(method, target, body string, lines ...string) *gateway.Exchange {
	x := exchange(method, target, body, lines...)
	x.Stage, x.Route = new(gateway.Stage), new(gateway.Route)
	return x
}

// faultOf names a fault, or is empty.
func faultOf(err error) string {
	var f *gateway.Fault
	if !errors.As(err, &f) {
		return fmt.Sprint(err)
	}
	return fmt.Sprint(f.StatusCode(), " ", f.Type, " ", f.Text())
}

// AWS: integrations.md §9.2; recorded (test_aws_proxy_response_payload_format_validation)
// unless the name says "undocumented".
func TestLambdaProxyAnswer(t *testing.T) {
	const bad = "502 INTEGRATION_FAILURE Internal server error"
	tests := []struct {
		name, payload string
		status        int
		header        []string
		body          string
		fault         string
	}{
		{"status only", `{"statusCode":200}`, 200, []string{"Content-Type: application/json"}, "", ""},
		{"headers", `{"statusCode":200,"headers":{"test-header":"value","header-bool":true}}`, 200,
			[]string{"Content-Type: application/json", "test-header: value", "header-bool: true"}, "", ""},
		{"only headers", `{"headers":{"a":"b"}}`, 200, []string{"Content-Type: application/json", "a: b"}, "", ""},
		{"headers null", `{"statusCode":200,"headers":null}`, 200, []string{"Content-Type: application/json"}, "", ""},
		{"status as text", `{"statusCode":"201"}`, 201, []string{"Content-Type: application/json"}, "", ""},
		{"text", `{"statusCode":202,"body":"a\"b\u00e9"}`, 202, []string{"Content-Type: application/json"}, "a\"bé", ""},
		{"base64 not asked for", `{"body":"dGVzdC1kYXRh","isBase64Encoded":true}`, 200, []string{"Content-Type: application/json"}, "dGVzdC1kYXRh", ""},
		{"several values", `{"multiValueHeaders":{"test-multi":["value1","value2"]}}`, 200,
			[]string{"Content-Type: application/json", "test-multi: value1", "test-multi: value2"}, "", ""},
		{"both maps", `{"headers":{"test-multi":"value-solo"},"multiValueHeaders":{"test-multi":["value-multi"]}}`, 200,
			[]string{"Content-Type: application/json", "test-multi: value-multi", "test-multi: value-solo"}, "", ""},
		{"both maps, casing", `{"headers":{"Test-mUlti":"value-solo","b":"c"},"multiValueHeaders":{"tesT-Multi":["value-multi"],"x":["1"]}}`, 200,
			[]string{"Content-Type: application/json", "tesT-Multi: value-multi", "tesT-Multi: value-solo", "x: 1", "b: c"}, "", ""},
		{"both maps, same value", `{"headers":{"k":"1"},"multiValueHeaders":{"k":["1","2"]}}`, 200,
			[]string{"Content-Type: application/json", "k: 1", "k: 2"}, "", ""},
		{"its own type", `{"headers":{"content-type":"text/html"}}`, 200, []string{"Content-Type: text/html"}, "", ""},
		{"no type", `{"headers":{"Content-Type":null}}`, 200, nil, "", ""},
		{"remapped", `{"headers":{"Content-Length":"7","Date":"x","Connection":"close","Server":"s","Transfer-Encoding":"chunked"}}`, 200,
			[]string{"Content-Type: application/json", "x-amzn-Remapped-Content-Length: 7", "x-amzn-Remapped-Date: x",
				"x-amzn-Remapped-Connection: close", "x-amzn-Remapped-Server: s"}, "", ""},
		{"streamed but not asked to", "{\"statusCode\":201,\"cookies\":[\"a=b\"]}\x00\x00\x00\x00\x00\x00\x00\x00rest", 201,
			[]string{"Content-Type: application/json", "Set-Cookie: a=b"}, "", ""},
		{"nothing", `{}`, 200, []string{"Content-Type: application/json"}, "", ""},
		{"unknown key", `{"statusCode":200,"wrongValue":"value"}`, 0, nil, "", bad},
		{"no list", `{"multiValueHeaders":{"test-multi":"value-multi"}}`, 0, nil, "", bad},
		{"status is no number", `{"statusCode":"test"}`, 0, nil, "", bad},
		{"status out of range", `{"statusCode":7}`, 0, nil, "", bad},
		{"undocumented: status of no answer", `{"statusCode":100}`, 0, nil, "", bad},
		{"text only", `"just a string"`, 0, nil, "", bad},
		{"null", `null`, 0, nil, "", bad},
		{"list", `[]`, 0, nil, "", bad},
		{"empty", ``, 0, nil, "", bad},
		{"cut off", `{"statusCode":200`, 0, nil, "", bad},
		{"two values", `{"statusCode":200}{}`, 0, nil, "", bad},
		{"body is an object", `{"body":{}}`, 0, nil, "", bad},
		{"header is an object", `{"headers":{"a":{}}}`, 0, nil, "", bad},
		{"undocumented: header with a line end", `{"headers":{"a":"b\r\nc: d"}}`, 0, nil, "", bad},
		{"undocumented: header without a name", `{"headers":{"":"b"}}`, 0, nil, "", bad},
		{"cookies", `{"cookies":["a"]}`, 0, nil, "", bad},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := lambdaExchange("GET", "/s/t", "")
			err := lambdaProxy(t, returns(tt.payload)).Call(t.Context(), x)
			if tt.fault != "" || err != nil {
				if got := faultOf(err); got != tt.fault {
					t.Errorf("fault %q, want %q", got, tt.fault)
				}
				return
			}
			got, err := gatewaytest.Drain(x)
			if err != nil || got.Status != tt.status || got.Body != tt.body {
				t.Errorf("got %d %q, %v; want %d %q", got.Status, got.Body, err, tt.status, tt.body)
			}
			if d := cmp.Diff(tt.header, got.Header); d != "" {
				t.Errorf("header (-want +got):\n%s", d)
			}
			if x.MethodResponse.Header.GetID(wire.HeaderXAmznTraceID) != x.Vars.Trace {
				t.Error("no X-Amzn-Trace-Id")
			}
		})
	}
}

// AWS: http-api-execution.md §3.3.
func TestLambdaHTTPAnswer(t *testing.T) {
	const bad = "500 INTEGRATION_FAILURE Internal server error"
	tests := []struct {
		name, payload string
		old, new      string // what comes of it in format 1.0 and in 2.0: status and body, or a fault
	}{
		{"object", `{"statusCode":201,"body":"b","other":1}`, "201 b", "201 b"},
		{"no status", `{"a": 1}`, bad, `200 {"a": 1}`},
		{"text", `"Hello"`, bad, "200 Hello"},
		{"nothing", `null`, bad, "200 null"},
		{"list", `[1]`, bad, "200 [1]"},
		{"headers of no map", `{"statusCode":200,"headers":[1]}`, bad, bad},
		{"headers of no map, no status", `{"headers":"x"}`, bad, bad},
		{"status of no answer", `{"statusCode":100}`, bad, bad},
		{"status is no number", `{"statusCode":"abc"}`, bad, bad},
		{"body of no text", `{"statusCode":200,"body":{}}`, bad, bad},
		{"no base64", `{"statusCode":200,"body":"!!","isBase64Encoded":true}`, bad, bad},
	}
	for _, tt := range tests {
		for version, want := range map[string]string{"1.0": tt.old, "2.0": tt.new} {
			t.Run(tt.name+", "+version, func(t *testing.T) {
				x := lambdaExchange("GET", "/s/t", "")
				x.HTTP = true
				call, err := integration.NewLambdaHTTP(&integration.LambdaConfig{
					Invoker: returns(tt.payload), Function: "f", Form: event.NewHTTPForm(&gateway.Route{Key: "$default"}, nil),
				}, version)
				if err != nil {
					t.Fatal(err)
				}
				if err := call.Call(t.Context(), x); err != nil {
					if got := faultOf(err); got != want {
						t.Errorf("fault %s, want %s", got, want)
					}
					return
				}
				got, err := gatewaytest.Drain(x)
				if text := fmt.Sprint(got.Status, " ", got.Body); err != nil || text != want {
					t.Errorf("got %s, %v; want %s", text, err, want)
				}
			})
		}
	}
}

// AWS: rest-execution.md §5.2, whose table this is.
func TestLambdaProxyBinary(t *testing.T) {
	few := []string{"image/png", "*/test"}
	more := []string{"image/png", "image/jpg", "application/*"}
	tests := []struct {
		list   []string
		accept string
		base64 bool
		body   string
		want   string // empty: a fault
	}{
		{nil, "image/png", true, "aGk=", "aGk="},
		{few, "image/png", true, "aGk=", "hi"},
		{few, "image/png,image/*,*/*;q=0.8", true, "aGk=", "hi"},
		{few, "image/webp,image/png,*/*;q=0.8", true, "aGk=", "aGk="},
		{few, "image/jpg", true, "aGk=", "aGk="},
		{few, "image/png", false, "aGk=", "aGk="},
		{more, "application/whatever", true, "aGk=", "hi"},
		{more, "application", true, "aGk=", "aGk="},
		{more, "", true, "aGk=", "aGk="},
		{more, "image/png", true, "no base64!", ""},
	}
	for _, tt := range tests {
		l := lambdaProxy(t, returns(fmt.Sprintf(`{"body":%q,"isBase64Encoded":%v}`, tt.body, tt.base64)),
			func(c *integration.LambdaConfig) { c.Binary = integration.NewBinaryTypes(tt.list) })
		x := lambdaExchange("GET", "/s/t", "", "Accept: "+tt.accept)
		err := l.Call(t.Context(), x)
		if tt.want == "" {
			if got := faultOf(err); got != "500 API_CONFIGURATION_ERROR Internal server error" {
				t.Errorf("%v: fault %s", tt, got)
			}
			continue
		}
		if got, _ := gatewaytest.Drain(x); err != nil || got.Body != tt.want {
			t.Errorf("%v: got %q, %v", tt, got.Body, err)
		}
	}
}

// AWS: integrations.md §7.1 and §9.2, gateway-responses.md §1.
func TestLambdaFaults(t *testing.T) {
	tests := []struct {
		name string
		call invokerFunc
		want string
	}{
		{"raised", raises(`{"errorMessage":"boom","errorType":"Error"}`), "502 INTEGRATION_FAILURE Internal server error"},
		{"no permission", refuses(function.AccessDenied("no")), "500 API_CONFIGURATION_ERROR Internal server error"},
		{"no function", refuses(function.NotFound(functionARN)), "500 API_CONFIGURATION_ERROR Internal server error"},
		{"throttled", refuses(function.TooMany(function.ReasonReserved)), "500 INTEGRATION_FAILURE Internal server error"},
		{"too large", refuses(function.TooLarge(7<<20, function.RequestResponse)), "500 INTEGRATION_FAILURE Internal server error"},
		{"failed", refuses(function.Failure("broken")), "500 INTEGRATION_FAILURE Internal server error"},
		{"any other", refuses(errors.New("connection reset")), "500 INTEGRATION_FAILURE Internal server error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := faultOf(lambdaProxy(t, tt.call).Call(t.Context(), lambdaExchange("GET", "/s/t", ""))); got != tt.want {
				t.Errorf("AWS_PROXY: %s, want %s", got, tt.want)
			}
			if tt.name == "raised" {
				return // an integration response is chosen
			}
			l, err := integration.NewLambda(&integration.LambdaConfig{Invoker: tt.call, Function: functionARN, Method: "POST"})
			if err != nil {
				t.Fatal(err)
			}
			if got := faultOf(l.Call(t.Context(), lambdaExchange("GET", "/s/t", ""))); got != tt.want {
				t.Errorf("AWS: %s, want %s", got, tt.want)
			}
		})
	}
	wrong := func(c *integration.LambdaConfig) { c.Method = "GET" }
	if got := faultOf(lambdaProxy(t, returns(`{}`), wrong).Call(t.Context(), lambdaExchange("GET", "/s/t", ""))); got != "500 INTEGRATION_FAILURE Internal server error" {
		t.Errorf("called by GET: %s", got)
	}
}

func TestLambdaTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context, _ *function.Invocation) (*function.Result, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}
		x, began := lambdaExchange("GET", "/s/t", ""), time.Now()
		err := lambdaProxy(t, hangs, func(c *integration.LambdaConfig) { c.Timeout = 3 * time.Second }).Call(t.Context(), x)
		if got := faultOf(err); got != "504 INTEGRATION_TIMEOUT Endpoint request timed out" || time.Since(began) != 3*time.Second {
			t.Errorf("%s after %v", got, time.Since(began))
		}
	})
}

// AWS: integrations.md §7.1.
func TestLambda(t *testing.T) {
	var got function.Invocation
	var payload string
	answer := `{"errorMessage":"four hundred","errorType":"E"}`
	call := func(_ context.Context, in *function.Invocation) (*function.Result, error) {
		got, payload = *in, string(in.Payload)
		if in.Kind == function.Event {
			return &function.Result{Status: 202}, nil
		}
		return &function.Result{Status: 200, Error: "Unhandled", Payload: []byte(answer), Version: "7", RequestID: "r"}, nil
	}
	source := function.Source{Service: "apigateway.amazonaws.com", ARN: "arn:x"}
	l, err := integration.NewLambda(&integration.LambdaConfig{Invoker: invokerFunc(call), Function: functionARN, Method: "POST", Source: source})
	if err != nil {
		t.Fatal(err)
	}
	x := lambdaExchange("PUT", "/s/t", `{"a":1}`)
	if err := l.Call(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if payload != `{"a":1}` || got.Function != functionARN || got.Source != source || got.TraceID != x.Vars.Trace || got.Kind != function.RequestResponse {
		t.Errorf("called with %+v, payload %s", got, payload)
	}
	out := &x.IntegrationResponse
	if out.Status != 200 || x.FunctionError != "four hundred" || string(out.Body.Bytes) != answer || out.Header.Get("X-Amz-Function-Error") != "Unhandled" ||
		out.Header.Get("X-Amz-Executed-Version") != "7" {
		t.Errorf("answer %+v, error %q", out, x.FunctionError)
	}
	x = lambdaExchange("GET", "/s/t", "")
	x.MappedHeader = gatewaytest.Header("X-Amz-Invocation-Type: Event")
	if err := l.Call(t.Context(), x); err != nil || payload != "{}" || got.Kind != function.Event || x.IntegrationResponse.Status != 202 {
		t.Errorf("Event: %v, %+v, payload %s, status %d", err, got, payload, x.IntegrationResponse.Status)
	}
	l, _ = integration.NewLambda(&integration.LambdaConfig{Invoker: refuses(function.BadRequest("Could not parse request body into json: x")),
		Function: functionARN, Method: "POST"})
	x = lambdaExchange("PUT", "/s/t", `{`)
	err = l.Call(t.Context(), x)
	var body map[string]string
	if e := json.Unmarshal(x.IntegrationResponse.Body.Bytes, &body); err != nil || e != nil || x.IntegrationResponse.Status != 400 || x.FunctionError != "" ||
		body["Type"] != "User" || !strings.HasPrefix(body["message"], "Could not parse") {
		t.Errorf("no JSON: %v, %v, %d %s", err, e, x.IntegrationResponse.Status, x.IntegrationResponse.Body.Bytes)
	}
}

// parts is a stream that comes in parts and may end with an error.
type parts struct {
	list   []string
	err    error
	closed bool
}

func (p *parts) Read(b []byte) (int, error) {
	if len(p.list) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		return 0, io.EOF
	}
	n := copy(b, p.list[0])
	if p.list[0] = p.list[0][n:]; p.list[0] == "" {
		p.list = p.list[1:]
	}
	return n, nil
}

func (p *parts) Close() error {
	p.closed = true
	return nil
}

// AWS: rest-execution.md §13.
func TestLambdaProxyStream(t *testing.T) {
	const mark = "\x00\x00\x00\x00\x00\x00\x00\x00"
	const head = `{"statusCode":201,"headers":{"a":"1","b":"2"},"multiValueHeaders":{"a":["3","4"]},"cookies":["k=v"]}`
	const bad = "500 INTEGRATION_FAILURE Internal server error"
	tests := []struct {
		name  string
		parts parts
		want  string // body, or fault
	}{
		{"in one", parts{list: []string{head + mark + "hello"}}, "hello"},
		{"byte for byte", parts{list: strings.Split(head+mark+"hello", "")}, "hello"},
		{"mark cut in two", parts{list: []string{head + mark[:3], mark[3:], "hel", "lo"}}, "hello"},
		{"no payload", parts{list: []string{head + mark}}, ""},
		{"no mark", parts{list: []string{head}}, bad},
		{"nothing", parts{}, bad},
		{"mark too late", parts{list: []string{strings.Repeat(" ", 17<<10), mark}}, bad},
		{"body in metadata", parts{list: []string{`{"body":"x"}` + mark}}, bad},
		{"failed before", parts{err: &function.StreamError{Code: "Unhandled", Details: `{"errorMessage":"boom"}`}}, "502 INTEGRATION_FAILURE Internal server error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := &tt.parts
			call := func(_ context.Context, in *function.Invocation) (*function.Result, error) {
				if !in.Stream {
					t.Error("not asked to stream")
				}
				return &function.Result{Status: 200, Body: body}, nil
			}
			x := lambdaExchange("GET", "/s/t", "")
			err := lambdaProxy(t, call, func(c *integration.LambdaConfig) { c.Stream = true }).Call(t.Context(), x)
			if err != nil {
				if got := faultOf(err); got != tt.want || !body.closed {
					t.Errorf("fault %s, closed %v; want %s", got, body.closed, tt.want)
				}
				return
			}
			got, err := gatewaytest.Drain(x)
			want := []string{"Content-Type: application/json", "a: 3", "a: 4", "b: 2", "Set-Cookie: k=v"}
			if err != nil || got.Status != 201 || got.Body != tt.want || got.Length != -1 || !slices.Equal(got.Header, want) || !body.closed {
				t.Errorf("got %+v, %v, closed %v", got, err, body.closed)
			}
		})
	}
	// A function that fails on the way: what was sent was sent, and is not whole.
	body := &parts{list: []string{`{}` + mark + "part"}, err: &function.StreamError{Code: "Unhandled"}}
	call := func(context.Context, *function.Invocation) (*function.Result, error) {
		return &function.Result{Status: 200, Body: body}, nil
	}
	x := lambdaExchange("GET", "/s/t", "")
	if err := lambdaProxy(t, call, func(c *integration.LambdaConfig) { c.Stream = true }).Call(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if got, err := gatewaytest.Drain(x); err == nil || got.Body != "part" {
		t.Errorf("got %q, %v: ends as if it were whole", got.Body, err)
	}
}

// What a call costs beside the function itself.
func TestLambdaProxyAllocs(t *testing.T) {
	res := &function.Result{Status: 200, Payload: []byte(`{"statusCode":200,"headers":{"a":"b"},"body":"{\"hello\":\"world\"}"}`)}
	l := lambdaProxy(t, func(context.Context, *function.Invocation) (*function.Result, error) { return res, nil })
	x := new(gateway.Exchange)
	gw := new(gateway.Gateway)
	st, rt := new(gateway.Stage), new(gateway.Route)
	fields := gatewaytest.Header("Host: h", "User-Agent: curl", "Accept: */*", "X-A: b")
	n := testing.AllocsPerRun(500, func() {
		x.MethodRequest.Method, x.MethodRequest.Path, x.MethodRequest.Query = "GET", "/s/t", "a=b&c=d+e"
		x.MethodRequest.Header.Fields = append(x.MethodRequest.Header.Fields[:0], fields...)
		gw.Begin(x)
		x.Stage, x.Route = st, rt
		if err := l.Call(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		x.Reset()
	})
	// The invocation, its context with a timer, and the decoder's options.
	if n > 12 {
		t.Errorf("a call allocates %v times, budget 12", n)
	}
}

// The execution log shows calls of functions as Amazon's does.
//
// AWS: LS basic::test_apigw_test_invoke_method_api; logging-metrics.md §2.1.
func TestLambdaLog(t *testing.T) {
	x := exchange("GET", "/s/t", "")
	x.Stage, x.Route, x.Log = &gateway.Stage{API: "abc123"}, &gateway.Route{}, gateway.NewExecutionLog(gateway.LogInfo, true)
	l, err := integration.NewLambda(&integration.LambdaConfig{Invoker: returns(`{"a":1}`), Function: functionARN, Method: "POST"})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Call(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.SplitSeq(string(x.Log.Append(nil, "id")), "\n") {
		if _, text, ok := strings.Cut(line, " : "); ok {
			text, _, _ = strings.Cut(text, ", Integration latency")
			got = append(got, strings.NewReplacer(x.Vars.Trace, "TRACE", x.Vars.RequestID, "ID").Replace(text))
		}
	}
	const uri = "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/" + functionARN + "/invocations"
	want := []string{
		"Endpoint request URI: " + uri,
		"Endpoint request headers: {x-amzn-lambda-integration-tag=ID, x-amzn-apigateway-api-id=abc123, Accept=application/json, User-Agent=AmazonAPIGateway_abc123, X-Amzn-Trace-Id=TRACE}",
		"Endpoint request body after transformations: ",
		"Sending request to " + uri,
		"Received response. Status: 200",
		"Endpoint response headers: {Content-Type=application/json, x-amzn-RequestId=lambda-request, X-Amz-Executed-Version=$LATEST, X-Amzn-Trace-Id=TRACE}",
		`Endpoint response body before transformations: {"a":1}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func BenchmarkLambdaProxy(b *testing.B) {
	res := &function.Result{Status: 200, Payload: []byte(`{"statusCode":200,"headers":{"a":"b"},"body":"{\"hello\":\"world\"}"}`)}
	l := lambdaProxy(b, func(context.Context, *function.Invocation) (*function.Result, error) { return res, nil })
	x := new(gateway.Exchange)
	gw := new(gateway.Gateway)
	st, rt := new(gateway.Stage), new(gateway.Route)
	fields := gatewaytest.Header("Host: h", "User-Agent: curl", "Accept: */*", "X-A: b")
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		x.MethodRequest.Method, x.MethodRequest.Path, x.MethodRequest.Query = "GET", "/s/t", "a=b&c=d+e"
		x.MethodRequest.Header.Fields = append(x.MethodRequest.Header.Fields[:0], fields...)
		gw.Begin(x)
		x.Stage, x.Route = st, rt
		if err := l.Call(ctx, x); err != nil {
			b.Fatal(err)
		}
		x.Reset()
	}
}
