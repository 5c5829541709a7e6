package event_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/wire"
)

// served returns the form of a route and an exchange that a gateway has begun
// to serve by it.
func served(t testing.TB, path, request, body string, change func(*gateway.Stage), lines ...string) (*event.Form, *gateway.Exchange) {
	t.Helper()
	method, target, _ := strings.Cut(request, " ")
	rt := &gateway.Route{ResourceID: "res1", ResourcePath: path, Method: "ANY", Plan: new(gateway.Plan)}
	router, err := gateway.NewRouter([]*gateway.Route{rt})
	if err != nil {
		t.Fatal(err)
	}
	st := &gateway.Stage{Account: "111111111111", API: "api1", Name: "stage", Deployment: "dep1", Router: router, Fallback: new(gateway.Plan)}
	if change != nil {
		change(st)
	}
	table, err := gateway.NewTable(1, []*gateway.API{{ID: "api1", Stages: map[string]*gateway.Stage{"stage": st}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	gw := new(gateway.Gateway)
	gw.Publish(table)
	x := &gateway.Exchange{Peer: &wire.Peer{Addr: netip.MustParseAddrPort("10.0.0.7:999"), Local: netip.MustParseAddrPort("10.0.0.1:443"), TLS: true}}
	x.MethodRequest.Received = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	gatewaytest.Fill(x, method, target, body, append([]string{"Host: api1.execute-api.eu-west-1.amazonaws.com"}, lines...)...)
	if gw.Begin(x) == nil || x.Route == nil {
		t.Fatalf("%s %s is not served", method, target)
	}
	return event.NewForm(rt, st.Variables), x
}

// fixed replaces what differs from run to run.
func fixed(x *gateway.Exchange, doc []byte) string {
	root, _, _ := strings.Cut(x.Vars.Trace, ";")
	return strings.NewReplacer(x.Vars.RequestID, "REQUEST", x.Vars.ExtendedRequestID, "EXTENDED", root, "Root=TRACE").Replace(string(doc))
}

// AWS: integrations.md §9.1; the order of requestContext and identity is that
// of authorizers.md §1.1 and mapping-templates.md §4.
func TestProxyEvent(t *testing.T) {
	f, x := served(t, "/{proxy+}", "POST /stage/a%2Bb/c+d/?k=1&k=2+3&e", "hé\n", func(st *gateway.Stage) {
		st.Variables = map[string]string{"b": "2", "a": `"1"`}
	}, "uSer-agent: curl/8", "x-B: 1", "Accept: */*", "X-b: 2", "X-Forwarded-For: 1.2.3.4", "Connection: close", "TE: trailers", "authorization: Bearer x",
		"Content-Length: 4")
	const want = `{"resource":"/{proxy+}","path":"/a%2Bb/c+d/","httpMethod":"POST",` +
		`"headers":{"Accept":"*/*","Authorization":"Bearer x","Host":"api1.execute-api.eu-west-1.amazonaws.com","User-Agent":"curl/8","X-Amzn-Trace-Id":"Root=TRACE",` +
		`"x-B":"2","X-Forwarded-For":"1.2.3.4, 10.0.0.7","X-Forwarded-Port":"443","X-Forwarded-Proto":"https"},` +
		`"multiValueHeaders":{"Accept":["*/*"],"Authorization":["Bearer x"],"Host":["api1.execute-api.eu-west-1.amazonaws.com"],"User-Agent":["curl/8"],` +
		`"X-Amzn-Trace-Id":["Root=TRACE"],"x-B":["1","2"],"X-Forwarded-For":["1.2.3.4, 10.0.0.7"],"X-Forwarded-Port":["443"],"X-Forwarded-Proto":["https"]},` +
		`"queryStringParameters":{"e":"","k":"2 3"},"multiValueQueryStringParameters":{"e":[""],"k":["1","2 3"]},` +
		`"pathParameters":{"proxy":"a%2Bb/c+d"},"stageVariables":{"a":"\"1\"","b":"2"},` +
		`"requestContext":{"resourceId":"res1","resourcePath":"/{proxy+}","httpMethod":"POST","extendedRequestId":"EXTENDED",` +
		`"requestTime":"22/Nov/2026:10:00:00 +0000","path":"/stage/a%2Bb/c+d/","accountId":"111111111111","protocol":"HTTP/1.1","stage":"stage",` +
		`"domainPrefix":"api1","requestTimeEpoch":1795341600000,"requestId":"REQUEST",` +
		`"identity":{"cognitoIdentityPoolId":null,"accountId":null,"cognitoIdentityId":null,"caller":null,"sourceIp":"10.0.0.7","principalOrgId":null,` +
		`"accessKey":null,"cognitoAuthenticationType":null,"cognitoAuthenticationProvider":null,"userArn":null,"userAgent":"curl/8","user":null},` +
		`"domainName":"api1.execute-api.eu-west-1.amazonaws.com","deploymentId":"dep1","apiId":"api1"},"body":"hé\n","isBase64Encoded":false}`
	if d := cmp.Diff(want, fixed(x, f.AppendProxy(nil, x, x.MethodRequest.Body.Bytes, false))); d != "" {
		t.Errorf("event (-want +got):\n%s", d)
	}
}

// An API key changes the order of identity's members; an authorizer, an
// operation and a canary are members of requestContext.
//
// AWS: the order of identity with a key is that of the guide's example of an
// event; isCanaryRequest follows from the rule behind both.
func TestProxyEventMore(t *testing.T) {
	f, x := served(t, "/pets", "GET /stage/pets", "", nil, "x-api-key: secret")
	x.Vars.APIKeyID, x.Vars.HasCanary, x.Vars.Canary, x.Vars.AuthorizerLatency = "key1", true, true, 7*time.Millisecond
	x.Authorization = &gateway.Authorization{Timed: true, Event: [2]string{`{"principalId":"me","integrationLatency":`, `,"k":"v"}`}}
	got := fixed(x, f.AppendContext(nil, x))
	for _, want := range []string{
		`{"resourceId":"res1","authorizer":{"principalId":"me","integrationLatency":7,"k":"v"},"resourcePath":"/pets","httpMethod":"GET",` +
			`"extendedRequestId":"EXTENDED","isCanaryRequest":true,"requestTime":`,
		`"identity":{"cognitoIdentityPoolId":null,"cognitoIdentityId":null,"apiKey":"secret","principalOrgId":null,"cognitoAuthenticationType":null,` +
			`"userArn":null,"apiKeyId":"key1","userAgent":null,"accountId":null,"caller":null,"sourceIp":"10.0.0.7","accessKey":null,` +
			`"cognitoAuthenticationProvider":null,"user":null}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("requestContext is\n%s\nwithout\n%s", got, want)
		}
	}
}

// AWS: LS lambda::test_lambda_aws_proxy_integration; rest-execution.md §2.3.
func TestProxyEventPaths(t *testing.T) {
	tests := []struct{ resource, target, path, context string }{
		{"/{proxy+}", "/stage/proxy-value", "/proxy-value", "/stage/proxy-value"},
		{"/{proxy+}", "/stage/proxy-value/", "/proxy-value/", "/stage/proxy-value/"},
		{"/{proxy+}", "/stage/proxy-value//double-slash", "/proxy-value//double-slash", "/stage/proxy-value//double-slash"},
		{"/{proxy+}", "//stage/proxy-value", "/proxy-value", "/stage/proxy-value"},
		{"/{proxy+}", "/stage//proxy-value", "/proxy-value", "/stage//proxy-value"},
		{"/hardcoded", "/stage//hardcoded", "/hardcoded", "/stage//hardcoded"},
		{"/", "/stage", "/", "/stage"},
	}
	for _, tt := range tests {
		f, x := served(t, tt.resource, "GET "+tt.target, "", nil)
		var got struct {
			Path           string
			Body           any
			PathParameters map[string]string
			RequestContext struct{ Path string }
		}
		if err := json.Unmarshal(f.AppendProxy(nil, x, nil, false), &got); err != nil {
			t.Fatal(err)
		}
		if got.Path != tt.path || got.RequestContext.Path != tt.context || got.Body != nil || (got.PathParameters == nil) != (tt.resource[1:] != "{proxy+}") {
			t.Errorf("%s: %+v, want path %s, in the context %s", tt.target, got, tt.path, tt.context)
		}
	}
}

func TestProxyEventBody(t *testing.T) {
	f, x := served(t, "/", "GET /stage", "", nil)
	for _, tt := range []struct {
		body   string
		binary bool
		want   string
	}{
		{"", true, `"body":null,"isBase64Encoded":false}`},
		{"\xff\x00", true, `"body":"/wA=","isBase64Encoded":true}`},
		{"a\xffb\x01\x1f\b\f\"\\/é\u2028\x7f", false, `"body":"a` + "\uFFFD" + `b\u0001\u001F\b\f\"\\/é` + "\u2028\x7f" + `","isBase64Encoded":false}`},
	} {
		if got := string(f.AppendProxy(nil, x, []byte(tt.body), tt.binary)); !strings.HasSuffix(got, tt.want) || !json.Valid([]byte(got)) {
			t.Errorf("%q: event %s, want ...%s", tt.body, got, tt.want)
		}
	}
}

// AWS: authorizers.md §1.1.
func TestAuthorizerEvent(t *testing.T) {
	f, x := served(t, "/request", "GET /stage/request", "", nil)
	got := fixed(x, f.AppendAuthorizer(nil, x, "arn:aws:execute-api:eu-west-1:111111111111:api1/stage/GET/request"))
	const want = `{"type":"REQUEST","methodArn":"arn:aws:execute-api:eu-west-1:111111111111:api1/stage/GET/request","resource":"/request","path":"/request",` +
		`"httpMethod":"GET","headers":{"Host":`
	if !strings.HasPrefix(got, want) {
		t.Errorf("event %s, want %s...", got, want)
	}
	if more := `"queryStringParameters":{},"multiValueQueryStringParameters":{},"pathParameters":{},"stageVariables":{},"requestContext":{`; !strings.Contains(got, more) {
		t.Errorf("event %s, want ...%s...", got, more)
	}
}

// The orders in which AWS's own events were recorded.
func TestOrder(t *testing.T) {
	want := strings.Fields("resourceId resourcePath httpMethod extendedRequestId requestTime path accountId protocol stage domainPrefix " +
		"requestTimeEpoch requestId identity domainName deploymentId apiId")
	got := slices.Concat(want[8:], want[:8]) // some names share a place, and keep their order
	event.Order(got, func(s *string) string { return *s })
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("order (-want +got):\n%s", d)
	}
}

func TestProxyEventAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("pools drop what they hold under the race detector")
	}
	f, x := served(t, "/pets/{id}", "GET /stage/pets/7?a=1&b=2+3", "hello", func(st *gateway.Stage) { st.Variables = map[string]string{"v": "1"} },
		"User-Agent: curl", "Accept: */*", "X-A: b", "Cookie: c")
	buf := make([]byte, 0, 8<<10)
	x.Buf = make([]byte, 0, 8<<10)
	if n := testing.AllocsPerRun(500, func() {
		x.Buf = x.Buf[:0]
		buf = f.AppendProxy(buf[:0], x, x.MethodRequest.Body.Bytes, false)
	}); n != 0 {
		t.Errorf("an event allocates %v times, budget 0", n)
	}
}

func BenchmarkProxyEvent(b *testing.B) {
	f, x := served(b, "/pets/{id}", "GET /stage/pets/7?a=1&b=2+3", "hello", nil,
		"User-Agent: curl/8.5.0", "Accept: */*", "Accept-Encoding: gzip", "Content-Type: application/json", "X-A: b", "Cookie: c=d", "Origin: https://example.org")
	buf := make([]byte, 0, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		x.Buf = x.Buf[:0]
		buf = f.AppendProxy(buf[:0], x, x.MethodRequest.Body.Bytes, false)
	}
}
