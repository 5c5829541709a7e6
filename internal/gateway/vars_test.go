package gateway_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/wire"
)

// serve serves a request for which there is no stage: what the request itself
// tells is there.
func serve(t *testing.T, lines ...string) *gateway.Exchange {
	t.Helper()
	gw := new(gateway.Gateway)
	x := new(gateway.Exchange)
	gatewaytest.Fill(x, "GET", "/x?y", "", lines...)
	gw.Serve(context.Background(), x)
	return x
}

// AWS: execution.md §2.
func TestIDs(t *testing.T) {
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	extended := regexp.MustCompile(`^[A-Za-z0-9+/]{15}=$`)
	seen := map[string]bool{}
	for range 100 {
		x := serve(t)
		if !uuid.MatchString(x.Vars.RequestID) || seen[x.Vars.RequestID] {
			t.Errorf("request id %q is not a new UUID v4", x.Vars.RequestID)
		}
		if !extended.MatchString(x.Vars.ExtendedRequestID) || seen[x.Vars.ExtendedRequestID] {
			t.Errorf("extended request id %q is not new or not 11 bytes of base64", x.Vars.ExtendedRequestID)
		}
		seen[x.Vars.RequestID], seen[x.Vars.ExtendedRequestID] = true, true
	}
	const mine = "01234567-89ab-4def-8123-456789abcdef"
	if got := serve(t, "x-amzn-RequestId: "+mine).Vars.RequestID; got != mine {
		t.Errorf("request id %q, want the client's", got)
	}
	if got := serve(t, "x-amzn-RequestId: mine").Vars.RequestID; got == "mine" {
		t.Error("a client's id that is no UUID was taken")
	}
}

// AWS: rest-execution.md §4.1.
func TestTrace(t *testing.T) {
	tests := []struct {
		incoming string
		want     string
	}{
		{"", `^Root=1-6ea40000-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`},
		{"Root=1-5e1b4151-5ac6c58f1b2e3d4c5b6a7f80", `^Root=1-5e1b4151-5ac6c58f1b2e3d4c5b6a7f80;Parent=[0-9a-f]{16};Sampled=0$`},
		{"Root=1-a-b;Parent=0123456789abcdef;Sampled=1", `^Root=1-a-b;Parent=0123456789abcdef;Sampled=1$`},
		{" sampled=1 ; root=1-a-b;Self=x", `^Root=1-a-b;Parent=[0-9a-f]{16};Sampled=1$`},
		{"nonsense", `^Root=1-6ea40000-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`},
		{"Root=" + strings.Repeat("1", 500), `^Root=1-6ea40000-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`},
	}
	for _, tt := range tests {
		got := gateway.NewTrace(0x6ea40000, tt.incoming)
		if !regexp.MustCompile(tt.want).MatchString(got) {
			t.Errorf("trace of %q = %q, want %s", tt.incoming, got, tt.want)
		}
	}
}

// TestForbidden has a request that no stage is for.
//
// AWS: rest-execution.md §1 and §4.1.
func TestForbidden(t *testing.T) {
	x := serve(t, "Host: nowhere")
	r := &x.MethodResponse
	var names []string
	for _, f := range r.Header.Fields {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, " "); got != "Content-Type x-amzn-RequestId x-amzn-ErrorType x-amz-apigw-id" {
		t.Errorf("header %s", got)
	}
	if r.Status != 403 || string(r.Body.Bytes) != `{"message":"Forbidden"}` || r.Header.Get("x-amzn-ErrorType") != "ForbiddenException" {
		t.Errorf("got %d %s %v", r.Status, r.Body.Bytes, r.Header)
	}
}

func TestMethodOverride(t *testing.T) {
	if got := serve(t, "X-HTTP-Method-Override: PUT").Vars.HTTPMethod; got != "PUT" {
		t.Errorf("method %q, want the overriding one", got)
	}
}

// A canary gets its share of the requests to within 1 % of them.
func TestCanary(t *testing.T) {
	r, err := gateway.NewRouter(nil)
	if err != nil {
		t.Fatal(err)
	}
	plan := new(gateway.Plan)
	plan.Request = []gateway.Step{stepFunc(func(context.Context, *gateway.Exchange) error { return gateway.ErrAnswered })}
	canary := &gateway.Stage{Name: "s", Deployment: "new", Router: r, Fallback: plan}
	for _, percent := range []float64{0, 0.5, 10, 33.3, 50, 100} {
		st := &gateway.Stage{Name: "s", Deployment: "old", Router: r, Fallback: plan, Canary: &gateway.Canary{Percent: percent, Stage: canary}}
		table, err := gateway.NewTable(1, []*gateway.API{{ID: "a", Stages: map[string]*gateway.Stage{"s": st}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		gw := new(gateway.Gateway)
		gw.Publish(table)
		const n = 100_000
		hits := 0
		x := new(gateway.Exchange)
		for range n {
			gatewaytest.Fill(x, "GET", "/_aws/execute-api/a/s/x", "")
			gw.Serve(context.Background(), x)
			if x.Vars.Canary != (x.Stage.Deployment == "new") || !x.Vars.HasCanary {
				t.Fatalf("canary %v, deployment %s", x.Vars.Canary, x.Stage.Deployment)
			}
			if x.Vars.Canary {
				hits++
			}
			x.Reset()
		}
		// A share of one half has a standard deviation of 158.
		want := int(percent / 100 * n)
		if hits < want-n/100 || hits > want+n/100 || percent == 100 && hits != n || percent == 0 && hits != 0 {
			t.Errorf("%v %%: %d of %d", percent, hits, n)
		}
	}
}

type stepFunc func(context.Context, *gateway.Exchange) error

func (f stepFunc) Do(ctx context.Context, x *gateway.Exchange) error { return f(ctx, x) }

// TestContextVars reads every variable of an exchange that has them all.
//
// AWS: logging-metrics.md §1.2.
func TestContextVars(t *testing.T) {
	x := new(gateway.Exchange)
	x.Peer = &wire.Peer{TLS: true, Version: 0x0304, Cipher: 0x1301}
	x.Stage = &gateway.Stage{Account: "111111111111", API: "abc", Name: "prod", Deployment: "dep", EndpointType: "REGIONAL"}
	x.Route = &gateway.Route{ResourceID: "rid", ResourcePath: "/a/{b}", OperationName: "op"}
	start := time.Date(2026, 11, 22, 10, 0, 0, 123e6, time.FixedZone("x", 3600))
	x.Vars = gateway.Vars{Start: start, HTTPMethod: "GET", RequestID: "req", ExtendedRequestID: "ext", Trace: "Root=1-a-b;Parent=c;Sampled=0",
		Domain: "abc.execute-api.local", BasePath: "orders", Rule: "r1", PathHead: "/prod", PathTail: "/a/b", UserAgent: "curl", APIKey: "key", APIKeyID: "kid",
		HasCanary: true, IntegrationStart: start, IntegrationEnd: start.Add(7 * time.Millisecond), IntegrationStatus: 201, IntegrationError: "oops",
		Sent: wire.Sent{Body: 12, At: start.Add(9 * time.Millisecond)}}
	x.MethodResponse.Status = 504
	x.Fault = &gateway.Fault{Type: gateway.IntegrationTimeout, Message: `a "b"`, Validation: "[v]"}
	want := map[string]string{
		"accountId": "111111111111", "apiId": "abc", "stage": "prod", "deploymentId": "dep", "endpointType": "REGIONAL",
		"domainName": "abc.execute-api.local", "domainPrefix": "abc", "requestId": "req", "extendedRequestId": "ext",
		"requestTime": "22/Nov/2026:09:00:00 +0000", "requestTimeEpoch": "1795338000123", "httpMethod": "GET", "path": "/prod/a/b", "protocol": "HTTP/1.1",
		"resourceId": "rid", "resourcePath": "/a/{b}", "operationName": "op", "identity.sourceIp": "", "identity.userAgent": "curl",
		"identity.apiKey": "key", "identity.apiKeyId": "kid", "customDomain.basePathMatched": "orders", "customDomain.routingRuleIdMatched": "r1", "isCanaryRequest": "false",
		"xrayTraceId": "1-a-b", "tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256",
		"integrationLatency": "7", "integration.latency": "7", "integrationStatus": "201", "integration.integrationStatus": "201", "integration.status": "201",
		"integration.error": "oops", "integration.responseTransferMode": "BUFFERED", "status": "504", "responseLength": "12", "responseLatency": "9",
		"error.message": `a "b"`, "error.messageString": `"a \"b\""`, "error.responseType": "INTEGRATION_TIMEOUT", "error.validationErrorString": "[v]",
	}
	for name, text := range want {
		get := gateway.ContextVar(name)
		if get == nil {
			t.Errorf("$context.%s: no such variable", name)
			continue
		}
		if got := string(get(nil, x)); got != text {
			t.Errorf("$context.%s = %q, want %q", name, got, text)
		}
		get(nil, new(gateway.Exchange)) // of an exchange that has nothing: must not panic
	}
	if gateway.ContextVar("nonsense") != nil {
		t.Error("$context.nonsense: no such variable wanted")
	}
}

// TestUpgrade: a client may ask for another protocol by a GET of HTTP/1.1 alone (RFC 9110,
// 7.8; RFC 6455, 4.1).
func TestUpgrade(t *testing.T) {
	for _, tt := range []struct {
		method string
		http10 bool
		want   string
	}{{"GET", false, "websocket"}, {"POST", false, ""}, {"GET", true, ""}} {
		x := new(gateway.Exchange)
		gatewaytest.Fill(x, tt.method, "/x", "", "Connection: Upgrade", "Upgrade: websocket")
		x.MethodRequest.HTTP10 = tt.http10
		new(gateway.Gateway).Serve(t.Context(), x)
		if x.Vars.Upgrade != tt.want || x.MethodRequest.Header.GetID(wire.HeaderUpgrade) != "" {
			t.Errorf("%+v: upgrade to %q", tt, x.Vars.Upgrade)
		}
	}
}
