package event_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/wire"
)

// servedHTTP is served for a route of an HTTP API. The stage $default has a
// variable.
func servedHTTP(t testing.TB, stage, key, request, body string, lines ...string) (*event.Form, *gateway.Exchange) {
	t.Helper()
	method, target, _ := strings.Cut(request, " ")
	rt := &gateway.Route{Key: key, Plan: new(gateway.Plan)}
	rt.Method, rt.ResourcePath, _ = strings.Cut(key, " ")
	var variables map[string]string
	if stage == "$default" {
		variables = map[string]string{"k": "v"}
	}
	router, err := gateway.NewHTTPRouter([]*gateway.Route{rt})
	if err != nil {
		t.Fatal(err)
	}
	st := &gateway.Stage{Account: "111111111111", API: "api1", Name: stage, Router: router, Fallback: new(gateway.Plan), Variables: variables}
	table, err := gateway.NewTable(1, []*gateway.API{{ID: "api1", HTTP: true, Default: st, Stages: map[string]*gateway.Stage{stage: st}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	gw := new(gateway.Gateway)
	gw.Publish(table)
	x := &gateway.Exchange{Peer: &wire.Peer{Addr: netip.MustParseAddrPort("10.0.0.7:999"), Local: netip.MustParseAddrPort("10.0.0.1:443"), TLS: true}}
	x.MethodRequest.Received = time.Date(2026, 7, 10, 19, 19, 5, 766e6, time.UTC)
	gatewaytest.Fill(x, method, target, body, append([]string{"Host: api1.execute-api.eu-west-1.amazonaws.com"}, lines...)...)
	if gw.Begin(x) == nil || x.Route == nil {
		t.Fatalf("%s %s is not served", method, target)
	}
	return event.NewHTTPForm(rt, variables), x
}

// AWS: http-api-execution.md §3.1.
func TestHTTPEvent(t *testing.T) {
	f, x := servedHTTP(t, "$default", "POST /pets/{id}", "POST /pets/a%20b?a=1&a=2&b=x%20y", `{"k":"v"}`,
		"Accept: */*", "Content-Type: application/json", "Cookie: session=abc123; theme=dark", "X-Probe: first", "x-probe: second", "User-Agent: curl/8.7.1", "Cookie: c=d")
	const want = `{"version":"2.0","routeKey":"POST /pets/{id}","rawPath":"/pets/a b","rawQueryString":"a=1&a=2&b=x%20y",` +
		`"cookies":["session=abc123","theme=dark","c=d"],` +
		`"headers":{"accept":"*/*","content-length":"9","content-type":"application/json","host":"api1.execute-api.eu-west-1.amazonaws.com","user-agent":"curl/8.7.1",` +
		`"x-amzn-trace-id":"Root=TRACE","x-forwarded-for":"10.0.0.7","x-forwarded-port":"443","x-forwarded-proto":"https","x-probe":"first,second"},` +
		`"queryStringParameters":{"a":"1,2","b":"x y"},"pathParameters":{"id":"a b"},` +
		`"requestContext":{"accountId":"111111111111","apiId":"api1","domainName":"api1.execute-api.eu-west-1.amazonaws.com","domainPrefix":"api1",` +
		`"http":{"method":"POST","path":"/pets/a b","protocol":"HTTP/1.1","sourceIp":"10.0.0.7","userAgent":"curl/8.7.1"},` +
		`"requestId":"REQUEST","routeKey":"POST /pets/{id}","stage":"$default","time":"10/Jul/2026:19:19:05 +0000","timeEpoch":1783711145766},` +
		`"stageVariables":{"k":"v"},"body":"{\"k\":\"v\"}","isBase64Encoded":false}`
	if d := cmp.Diff(want, fixed(x, f.AppendHTTP(nil, x, x.MethodRequest.Body.Bytes))); d != "" {
		t.Errorf("event (-want +got):\n%s", d)
	}
}

// What there is none of is left out; the stage is part of the path.
func TestHTTPEventOfLittle(t *testing.T) {
	f, x := servedHTTP(t, "dev", "$default", "GET /dev/x", "")
	const want = `{"version":"2.0","routeKey":"$default","rawPath":"/dev/x","rawQueryString":"",` +
		`"headers":{"content-length":"0","host":"api1.execute-api.eu-west-1.amazonaws.com","x-amzn-trace-id":"Root=TRACE",` +
		`"x-forwarded-for":"10.0.0.7","x-forwarded-port":"443","x-forwarded-proto":"https"},` +
		`"requestContext":{"accountId":"111111111111","apiId":"api1","domainName":"api1.execute-api.eu-west-1.amazonaws.com","domainPrefix":"api1",` +
		`"http":{"method":"GET","path":"/dev/x","protocol":"HTTP/1.1","sourceIp":"10.0.0.7","userAgent":""},` +
		`"requestId":"REQUEST","routeKey":"$default","stage":"dev","time":"10/Jul/2026:19:19:05 +0000","timeEpoch":1783711145766},"isBase64Encoded":false}`
	if d := cmp.Diff(want, fixed(x, f.AppendHTTP(nil, x, nil))); d != "" {
		t.Errorf("event (-want +got):\n%s", d)
	}
}

// AWS: http-api-execution.md §3.1, measured.
func TestTextual(t *testing.T) {
	for contentType, want := range map[string]bool{
		"text/plain": true, "text/css; charset=x": true, "application/json": true, "Application/JSON;charset=utf-8": true, "application/xml": true,
		"application/javascript": true, "application/x-www-form-urlencoded": false, "multipart/form-data": false, "application/octet-stream": false,
		"image/png": false, "": false,
	} {
		if got := event.Textual(contentType); got != want {
			t.Errorf("Textual(%q) = %v, want %v", contentType, got, want)
		}
	}
}

// AWS: the order and the members are those of published events, see AppendHTTP1.
func TestHTTPEvent1(t *testing.T) {
	f, x := servedHTTP(t, "v1", "POST /users/{id}", "POST /v1/users/a%20b?n=1&n=2", `{"k":"v"}`,
		"Accept: */*", "content-type: application/json", "Postman-Token: c4", "USER-AGENT: PostmanRuntime/7", "Cookie: a=b", "Authorization: Bearer x")
	x.Authorization = &gateway.Authorization{Kind: "lambda", Event: [2]string{`{"who":"me"}`}}
	const headers = `"Content-Length":"9","Content-Type":"application/json","Host":"api1.execute-api.eu-west-1.amazonaws.com","Postman-Token":"c4",` +
		`"User-Agent":"PostmanRuntime/7","X-Amzn-Trace-Id":"Root=TRACE","X-Forwarded-For":"10.0.0.7","X-Forwarded-Port":"443","X-Forwarded-Proto":"https",` +
		`"accept":"*/*","authorization":"Bearer x","cookie":"a=b"`
	multi := strings.ReplaceAll(strings.ReplaceAll(headers, `":"`, `":["`), `","`, `"],"`) + "]"
	want := `{"version":"1.0","resource":"/users/{id}","path":"/v1/users/a b","httpMethod":"POST","headers":{` + headers + `},"multiValueHeaders":{` + multi + `},` +
		`"queryStringParameters":{"n":"2"},"multiValueQueryStringParameters":{"n":["1","2"]},` +
		`"requestContext":{"accountId":"111111111111","apiId":"api1","authorizer":{"claims":null,"scopes":null,"who":"me"},` +
		`"domainName":"api1.execute-api.eu-west-1.amazonaws.com","domainPrefix":"api1","extendedRequestId":"REQUEST","httpMethod":"POST",` +
		`"identity":{"accessKey":null,"accountId":null,"caller":null,"cognitoAmr":null,"cognitoAuthenticationProvider":null,"cognitoAuthenticationType":null,` +
		`"cognitoIdentityId":null,"cognitoIdentityPoolId":null,"principalOrgId":null,"sourceIp":"10.0.0.7","user":null,"userAgent":"PostmanRuntime/7","userArn":null},` +
		`"path":"/v1/users/a b","protocol":"HTTP/1.1","requestId":"REQUEST","requestTime":"10/Jul/2026:19:19:05 +0000","requestTimeEpoch":1783711145766,` +
		`"resourceId":"POST /users/{id}","resourcePath":"/users/{id}","stage":"v1"},"pathParameters":{"id":"a b"},"stageVariables":null,` +
		`"body":"{\"k\":\"v\"}","isBase64Encoded":false}`
	if d := cmp.Diff(want, fixed(x, f.AppendHTTP1(nil, x, x.MethodRequest.Body.Bytes))); d != "" {
		t.Errorf("event (-want +got):\n%s", d)
	}
}

// What there is none of is null, and the user agent empty.
func TestHTTPEvent1OfLittle(t *testing.T) {
	f, x := servedHTTP(t, "$default", "$default", "GET /x", "")
	got := fixed(x, f.AppendHTTP1(nil, x, nil))
	for _, want := range []string{
		`{"version":"1.0","resource":"$default","path":"/x","httpMethod":"GET","headers":{"Content-Length":"0","Host":`,
		`"queryStringParameters":null,"multiValueQueryStringParameters":null,"requestContext":{"accountId":"111111111111","apiId":"api1","domainName":`,
		`"user":null,"userAgent":"","userArn":null}`, `"resourceId":"$default","resourcePath":"$default","stage":"$default"}`,
		`"pathParameters":null,"stageVariables":{"k":"v"},"body":null,"isBase64Encoded":false}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("event\n%s\nwithout\n%s", got, want)
		}
	}
}

func TestHTTPEvent1Allocs(t *testing.T) {
	if raceEnabled {
		t.Skip("pools drop what they hold under the race detector")
	}
	f, x := servedHTTP(t, "$default", "GET /pets/{id}", "GET /pets/7?a=1&b=2+3", "", "User-Agent: curl", "Accept: */*", "X-A: b", "Cookie: c")
	buf := make([]byte, 0, 8<<10)
	x.Buf = make([]byte, 0, 8<<10)
	if n := testing.AllocsPerRun(500, func() {
		x.Buf = x.Buf[:0]
		buf = f.AppendHTTP1(buf[:0], x, nil)
	}); n != 0 {
		t.Errorf("an event allocates %v times, budget 0", n)
	}
}
