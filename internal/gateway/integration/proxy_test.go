package integration_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/upstream"
	"gatehouse/internal/wire"
)

// newProxy makes a proxy to cl.
func newProxy(t testing.TB, uri, method string, cl *gatewaytest.Cluster, binary ...string) *integration.Proxy {
	t.Helper()
	u, err := integration.ParseURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	cl.Keep = true
	p, err := integration.NewProxy(&integration.Config{API: "abc123", URI: u, Cluster: cl, Method: method,
		Binary: integration.NewBinaryTypes(binary)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// exchange makes an exchange as it stands before its integration.
func exchange(method, target, body string, lines ...string) *gateway.Exchange {
	x := new(gateway.Exchange)
	gatewaytest.Fill(x, method, target, body, lines...)
	new(gateway.Gateway).Begin(x) // there is no stage, but the variables are set
	x.MethodResponse = wire.Response{}
	x.Fault = nil
	return x
}

// TestProxyRequest has the requests of a recorded test: what a client sends,
// and what of it the backend sees.
//
// AWS: LS integrations::TestApiGatewayHeaderRemapping[HTTP_PROXY].
func TestProxyRequest(t *testing.T) {
	tests := []struct {
		name   string
		uri    string
		method string // of the integration
		x      *gateway.Exchange
		want   gatewaytest.Request
	}{
		{
			name: "all headers of the recording", uri: "http://backend/anything", method: "GET",
			x: exchange("POST", "/stage/test", "",
				"Host: abc123.execute-api.local", "Accept: application/json", "Accept-Charset: UTF-8", "Accept-Encoding: br", "Age: request_Age",
				"Authorization: Unauthorized", "Connection: keep-alive", "Content-Encoding: deflate", "Content-MD5: abc",
				"Content-Type: application/json", "Date: today", "Expect: 100-continue", "Max-Forwards: 1", "Pragma: cache",
				"Proxy-Authenticate: Basic", "Range: bytes=500-999", "Referer: https://example.com/", "Server: s", "TE: trailers",
				"Trailer: user-agent", "Upgrade: HTTP/2.0", "User-Agent: localStack/0.0", "Via: 1.1 x", "Warn: 299 localStack/0.0",
				"WWW-Authenticate: Basic", "X-HTTP-Method-Override: GET", "X-Amzn-Apigateway-Api-Id: spoofed", "x-api-key: k"),
			want: gatewaytest.Request{Method: "GET", Target: "/anything", Host: "backend", Header: []string{
				"Accept: application/json", "Accept-Charset: UTF-8", "Accept-Encoding: br", "Age: request_Age",
				"Authorization: Unauthorized", "Content-Type: application/json", "Date: today", "Pragma: cache",
				"Range: bytes=500-999", "Referer: https://example.com/", "User-Agent: localStack/0.0", "Warn: 299 localStack/0.0",
				"x-api-key: k", "X-Amzn-Apigateway-Api-Id: abc123"}},
		},
		{
			name: "SigV4 is dropped", uri: "http://backend/", method: "ANY",
			x: exchange("GET", "/s/t", "", "Authorization: AWS4-HMAC-SHA256 Credential=x"),
			want: gatewaytest.Request{Method: "GET", Target: "/", Host: "backend", Header: []string{
				"X-Amzn-Apigateway-Api-Id: abc123"}},
		},
		{
			name: "repeated headers are joined", uri: "http://backend/", method: "ANY",
			x: exchange("GET", "/s/t", "", "X-A: 1", "accept: a", "x-a: 2", "X-B: 1", "Accept: b", "X-A: 3"),
			want: gatewaytest.Request{Method: "GET", Target: "/", Host: "backend", Header: []string{
				"X-A: 1,2,3", "accept: a,b", "X-B: 1", "X-Amzn-Apigateway-Api-Id: abc123"}},
		},
		{
			name: "headers that Connection names are dropped", uri: "http://backend/", method: "ANY",
			x: exchange("GET", "/s/t", "", "Connection: x-secret, keep-alive", "X-Secret: 1", "X-B: 1"),
			want: gatewaytest.Request{Method: "GET", Target: "/", Host: "backend", Header: []string{
				"X-B: 1", "X-Amzn-Apigateway-Api-Id: abc123"}},
		},
		{
			name: "query of URI, then the client's as it is", uri: "https://Backend:8443/base?a=1", method: "ANY",
			x: exchange("DELETE", "/s/t?a=2&b=%20x+y", ""),
			want: gatewaytest.Request{Method: "DELETE", Target: "/base?a=1&a=2&b=%20x+y", Host: "Backend:8443", Header: []string{
				"X-Amzn-Apigateway-Api-Id: abc123"}},
		},
		{
			name: "body", uri: "http://backend", method: "PUT",
			x: exchange("POST", "/s/t", "hello"),
			want: gatewaytest.Request{Method: "PUT", Target: "/", Host: "backend", Body: "hello", Header: []string{
				"X-Amzn-Apigateway-Api-Id: abc123"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cl := new(gatewaytest.Cluster)
			if err := newProxy(t, tt.uri, tt.method, cl).Call(context.Background(), tt.x); err != nil {
				t.Fatal(err)
			}
			tt.want.Header = append(tt.want.Header, "X-Amzn-Trace-Id: "+tt.x.Vars.Trace)
			if cl.Last.Deadline <= 0 || cl.Last.Deadline > integration.DefaultTimeout {
				t.Errorf("deadline in %v, want up to %v", cl.Last.Deadline, integration.DefaultTimeout)
			}
			cl.Last.Deadline = 0
			if d := cmp.Diff(tt.want, cl.Last); d != "" {
				t.Errorf("request to the backend (-want +got):\n%s", d)
			}
		})
	}
}

// TestProxyMapped shows where mapped values go.
//
// AWS: integrations.md §5; LS http::test_http_proxy_integration_request_data_mappings.
func TestProxyMapped(t *testing.T) {
	x := exchange("POST", "/s/t?testQs=foo&testVar=bar", "", "X-A: 1", "foobar: old", "Foobar: older")
	x.MappedHeader = gatewaytest.Header("foobar: mapped-value", "Host: elsewhere")
	x.MappedQuery = []wire.Field{{Name: "testQs", Value: "bar"}}
	x.MappedPath = []string{"a%20b/c"}
	cl := new(gatewaytest.Cluster)
	if err := newProxy(t, "http://backend/x/{proxy}/y?testVar=foobar&p={proxy}", "ANY", cl).Call(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	cl.Last.Deadline = 0
	want := gatewaytest.Request{Method: "POST", Host: "elsewhere",
		Target: "/x/a%20b/c/y?testVar=foobar&p=a%20b/c&testQs=bar&testQs=foo&testVar=bar",
		Header: []string{"X-A: 1", "foobar: mapped-value", "X-Amzn-Apigateway-Api-Id: abc123", "X-Amzn-Trace-Id: " + x.Vars.Trace}}
	if d := cmp.Diff(want, cl.Last); d != "" {
		t.Errorf("request to the backend (-want +got):\n%s", d)
	}
}

// AWS: rest-execution.md §4.1, §4.2.
func TestProxyResponse(t *testing.T) {
	cl := &gatewaytest.Cluster{Status: 201, Body: `{"ok":true}`, Header: gatewaytest.Header(
		"Server: gunicorn/19.9.0", "Date: Tue", "Connection: keep-alive", "Content-Type: text/plain", "Content-Length: 11",
		"Access-Control-Allow-Origin: *", "x-amzn-RequestId: theirs", "Via: 1.1 x", "WWW-Authenticate: Basic", "Set-Cookie: a=1",
		"Set-Cookie: b=2", "Content-Encoding: identity", "X-Amzn-Trace-Id: Root=theirs", "Expect: x", "Upgrade: h2", "Keep-Alive: 5")}
	x := exchange("GET", "/s/t", "")
	if err := newProxy(t, "http://backend/", "ANY", cl).Call(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	names := ""
	for _, f := range x.MethodResponse.Header.Fields[:3] {
		names += f.Name + " "
	}
	if names != "Content-Type x-amzn-RequestId x-amz-apigw-id " {
		t.Errorf("the response begins with %s", names)
	}
	got, err := gatewaytest.Drain(x)
	if err != nil {
		t.Fatal(err)
	}
	want := gatewaytest.Answer{Status: 201, Body: `{"ok":true}`, Length: 11, Header: []string{
		"Content-Type: text/plain", "x-amzn-Remapped-Server: gunicorn/19.9.0", "x-amzn-Remapped-Date: Tue",
		"x-amzn-Remapped-Connection: keep-alive", "x-amzn-Remapped-Content-Length: 11", "Access-Control-Allow-Origin: *",
		"x-amzn-Remapped-x-amzn-RequestId: theirs", "x-amzn-Remapped-WWW-Authenticate: Basic", "Set-Cookie: a=1", "Set-Cookie: b=2",
		"Content-Encoding: identity", "X-Amzn-Trace-Id: Root=theirs"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("response (-want +got):\n%s", d)
	}
	if cl.Closed != 1 {
		t.Errorf("body closed %d times, want once", cl.Closed)
	}
}

// AWS: integrations.md §6.
func TestProxyFailures(t *testing.T) {
	tests := []struct {
		err    error
		want   gateway.FaultType
		status int
		body   string
	}{
		{upstream.ErrTimeout, gateway.IntegrationTimeout, 504, `{"message": "Endpoint request timed out"}`},
		{upstream.ErrConnect, gateway.IntegrationFailure, 504, `{"message": "Network error communicating with endpoint"}`},
		{upstream.ErrBroken, gateway.IntegrationFailure, 504, `{"message": "Network error communicating with endpoint"}`},
		{upstream.ErrOverload, gateway.IntegrationFailure, 504, `{"message": "Network error communicating with endpoint"}`},
		{upstream.ErrBadResponse, gateway.IntegrationFailure, 502, `{"message": "Internal server error"}`},
		{fmt.Errorf("%w: %w", upstream.ErrConnect, upstream.ErrCertificate), gateway.APIConfigurationError, 500, `{"message": "Internal server error"}`},
		{fmt.Errorf("%w: %w", upstream.ErrRequestBody, wire.ErrTorn), gateway.Default4XX, 400, `{"message": "Bad Request"}`},
		{fmt.Errorf("%w: %w", upstream.ErrRequestBody, &wire.Error{Status: 408}), gateway.Default4XX, 408, `{"message": "Request Timeout"}`},
		{fmt.Errorf("%w: %w", upstream.ErrRequestBody, &wire.Error{Status: 413}), gateway.RequestTooLarge, 413, `{"message":"Request Too Long"}`},
	}
	for _, tt := range tests {
		t.Run(tt.err.Error(), func(t *testing.T) {
			err := newProxy(t, "http://backend/", "ANY", &gatewaytest.Cluster{Err: tt.err}).Call(context.Background(), exchange("GET", "/s/t", ""))
			var f *gateway.Fault
			if !errors.As(err, &f) {
				t.Fatalf("Call = %v, want a fault", err)
			}
			if got := string(f.AppendBody(nil)); f.Type != tt.want || f.StatusCode() != tt.status || got != tt.body {
				t.Errorf("got %v %d %s, want %v %d %s", f.Type, f.StatusCode(), got, tt.want, tt.status, tt.body)
			}
		})
	}
}

// TestProxyUnmapped: a variable of the URI without a value.
func TestProxyUnmapped(t *testing.T) {
	cl := new(gatewaytest.Cluster)
	err := newProxy(t, "http://backend/{id}", "ANY", cl).Call(context.Background(), exchange("GET", "/s/t", ""))
	var f *gateway.Fault
	if !errors.As(err, &f) || f.Type != gateway.APIConfigurationError || cl.Requests != 0 {
		t.Errorf("Call = %v after %d requests, want API_CONFIGURATION_ERROR after none", err, cl.Requests)
	}
}

// AWS: rest-execution.md §5.3, §14; what streams is our choice, see text.go.
func TestProxyBodies(t *testing.T) {
	const raw = "\x89PNG\xff"
	const lossy = "\uFFFDPNG\uFFFD"
	long := strings.Repeat("héllo wörld ", 20000)
	tests := []struct {
		name    string
		cluster gatewaytest.Cluster
		binary  string
		want    string
		length  int64
	}{
		{"text", gatewaytest.Cluster{Body: "héllo"}, "", "héllo", 6},
		{"not text, whole", gatewaytest.Cluster{Body: raw}, "", lossy, 9},
		{"not text, streamed", gatewaytest.Cluster{Body: raw + long, Streamed: len(long)}, "", lossy + long, -1},
		{"not text, chunked", gatewaytest.Cluster{Body: raw + long, Streamed: len(long), Chunked: true}, "", lossy + long, -1},
		{"text, streamed", gatewaytest.Cluster{Body: long, Streamed: len(long) - 2}, "", long, int64(len(long))},
		{"text, chunked, all to come", gatewaytest.Cluster{Body: long + raw, Streamed: len(long + raw), Chunked: true}, "", long + lossy, -1},
		{"text, chunked, cut within a character", gatewaytest.Cluster{Body: long, Streamed: len(long) - 2, Chunked: true}, "", long, -1},
		{"cut off at the end", gatewaytest.Cluster{Body: "h\xc3", Streamed: 1, Chunked: true}, "", "h\uFFFD", -1},
		{"binary", gatewaytest.Cluster{Body: raw, Header: gatewaytest.Header("Content-Type: image/png")}, "image/*", raw, 5},
		{"another type", gatewaytest.Cluster{Body: raw, Header: gatewaytest.Header("Content-Type: text/png")}, "image/*", lossy, 9},
		{"all types", gatewaytest.Cluster{Body: raw}, "*/*", raw, 5},
		{"empty", gatewaytest.Cluster{}, "", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := exchange("GET", "/s/t", "")
			if err := newProxy(t, "http://backend/", "ANY", &tt.cluster, tt.binary).Call(context.Background(), x); err != nil {
				t.Fatal(err)
			}
			got, err := gatewaytest.Drain(x)
			if err != nil || got.Body != tt.want || got.Length != tt.length {
				t.Errorf("got %.40q… (%d bytes) of length %d, %v; want %.40q… (%d bytes) of length %d",
					got.Body, len(got.Body), got.Length, err, tt.want, len(tt.want), tt.length)
			}
			if tt.cluster.Closed != 1 {
				t.Errorf("body closed %d times, want once", tt.cluster.Closed)
			}
		})
	}
}

func TestProxyLimit(t *testing.T) {
	big := strings.Repeat("x", gateway.MaxBody+1)
	x := exchange("GET", "/s/t", "")
	err := newProxy(t, "http://backend/", "ANY", &gatewaytest.Cluster{Body: big, Streamed: len(big)}).Call(context.Background(), x)
	var f *gateway.Fault
	if !errors.As(err, &f) || f.StatusCode() != 500 {
		t.Errorf("a response that says it is too large: %v, want 500", err)
	}
	x = exchange("GET", "/s/t", "")
	if err := newProxy(t, "http://backend/", "ANY", &gatewaytest.Cluster{Body: big, Streamed: len(big), Chunked: true}).Call(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	if got, err := gatewaytest.Drain(x); err == nil || len(got.Body) > gateway.MaxBody {
		t.Errorf("a response that turns out too large: %d bytes and error %v, want an error", len(got.Body), err)
	}
}

func TestProxyAllocs(t *testing.T) {
	cl := &gatewaytest.Cluster{Body: "hello", Header: gatewaytest.Header("Content-Type: text/plain", "Content-Length: 5", "Server: x")}
	p := newProxy(t, "http://backend/items/{id}?a=b", "ANY", cl)
	cl.Keep = false
	x := exchange("GET", "/s/t?c=d", "", "Accept: */*", "X-A: 1", "X-B: 2", "User-Agent: curl")
	x.MappedPath = []string{"42"}
	ctx := context.Background()
	for _, chunked := range []bool{false, true} {
		cl.Chunked = chunked
		if n := testing.AllocsPerRun(1000, func() {
			x.Buf = x.Buf[:0]
			if err := p.Call(ctx, x); err != nil {
				t.Fatal(err)
			}
			_ = x.MethodResponse.Body.Source.Close()
		}); n != 0 {
			t.Errorf("Call allocates %v times (chunked %v), budget 0", n, chunked)
		}
	}
}

func BenchmarkProxy(b *testing.B) {
	cl := &gatewaytest.Cluster{Body: strings.Repeat("x", 1024), Header: gatewaytest.Header("Content-Type: text/plain", "Content-Length: 1024")}
	p := newProxy(b, "http://backend/items/{id}", "ANY", cl)
	cl.Keep = false
	x := exchange("GET", "/s/t", "", "Host: x", "X-Api-Key: 1", "Connection: keep-alive")
	x.MappedPath = []string{"42"}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		x.Buf = x.Buf[:0]
		if err := p.Call(ctx, x); err != nil {
			b.Fatal(err)
		}
	}
}
