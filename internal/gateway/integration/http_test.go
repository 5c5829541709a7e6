package integration_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/wire"
)

func newHTTP(t *testing.T, uri, method string, cl *gatewaytest.Cluster) *integration.HTTP {
	t.Helper()
	u, err := integration.ParseURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	cl.Keep = true
	h, err := integration.NewHTTP(&integration.Config{API: "abc123", URI: u, Cluster: cl, Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// AWS: integrations.md §4; LS integrations::TestApiGatewayHeaderRemapping[HTTP].
func TestHTTPRequest(t *testing.T) {
	tests := []struct {
		name, method string
		client       []string
		mapped       []string
		body         string
		want         gatewaytest.Request
	}{
		{"nothing mapped", "GET", nil, nil, "ignored", gatewaytest.Request{Method: "GET", Host: "backend", Header: []string{
			"Accept: application/json", "User-Agent: AmazonAPIGateway_abc123", "X-Amzn-Apigateway-Api-Id: abc123"}}},
		{"body", "POST", nil, nil, "hello", gatewaytest.Request{Method: "POST", Host: "backend", Body: "hello", Header: []string{
			"Accept: application/json", "Content-Type: application/json", "User-Agent: AmazonAPIGateway_abc123", "X-Amzn-Apigateway-Api-Id: abc123"}}},
		{"body of another type", "PUT", []string{"Content-Type: text/plain"}, nil, "hello", gatewaytest.Request{Method: "PUT", Host: "backend", Body: "hello", Header: []string{
			"Accept: application/json", "Content-Type: text/plain", "User-Agent: AmazonAPIGateway_abc123", "X-Amzn-Apigateway-Api-Id: abc123"}}},
		{"mapped over the defaults", "DELETE", nil, []string{"Accept: text/html", "User-Agent: Override-Agent", "Host: other", "X-Y: z"}, "",
			gatewaytest.Request{Method: "DELETE", Host: "other", Header: []string{
				"Accept: text/html", "User-Agent: Override-Agent", "X-Amzn-Apigateway-Api-Id: abc123", "X-Y: z"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cl := new(gatewaytest.Cluster)
			x := exchange(tt.method, "/s/t?q=1", tt.body, append([]string{"X-Client: 1", "Cookie: 2"}, tt.client...)...)
			x.MappedHeader = gatewaytest.Header(tt.mapped...)
			if err := newHTTP(t, "http://backend/p?a=b", "ANY", cl).Call(context.Background(), x); err != nil {
				t.Fatal(err)
			}
			cl.Last.Deadline = 0
			tt.want.Target = "/p?a=b" // the client's query is not sent
			var got []string
			for _, l := range cl.Last.Header {
				if l != "X-Amzn-Trace-Id: "+x.Vars.Trace {
					got = append(got, l)
				}
			}
			if len(got) != len(cl.Last.Header)-1 {
				t.Errorf("X-Amzn-Trace-Id is not there once: %q", cl.Last.Header)
			}
			cl.Last.Header = got
			if d := cmp.Diff(tt.want, cl.Last); d != "" {
				t.Errorf("request to the backend (-want +got):\n%s", d)
			}
		})
	}
}

// What a step made of the body is sent in its place, but not by GET.
func TestHTTPTransformed(t *testing.T) {
	for method, want := range map[string]string{"POST": "made", "GET": ""} {
		cl := new(gatewaytest.Cluster)
		x := exchange(method, "/s/t", "client", "Content-Type: image/png")
		x.IntegrationRequest.Body, x.Transformed = wire.Body{Bytes: []byte("made"), Length: 4}, true
		if err := newHTTP(t, "http://backend/", method, cl).Call(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		if cl.Last.Body != want {
			t.Errorf("%s: backend got %q, want %q", method, cl.Last.Body, want)
		}
	}
}

// AWS: integrations.md §3, whose table the first rows are.
func TestMock(t *testing.T) {
	tests := []struct {
		template string
		want     int // -1: refused
	}{
		{`{"statusCode": 200}`, 200},
		{`{statusCode: 200}`, 200},
		{`{'statusCode': 200}`, 200},
		{`{"statusCode": 200,}`, 200},
		{`{foo: bar, statusCode: 200}`, 200},
		{`{"statusCode": "200"}`, -1},
		{`{"statusCode": 200`, -1},
		{`statusCode: 200`, -1},
		{`200`, -1},
		{``, -1},
		{`{'statusCode": 200}`, -1},
		{"\n {\n\t\"statusCode\" : 404 \n}\n", 404},
		{`{"a": {"statusCode": 1, "s": "}"}, "b": [1, "]"], "statusCode": 201}`, 201},
		{`{"statusCode": 7000}`, 7000},
		{`{"statusCode": 20.5}`, -1},
		{`{"statusCode": null}`, -1},
		{`{"other": 1}`, -1},
		{`{}`, -1},
		{`{"statusCode": 200} x`, -1},
		{`{"a": "unclosed, "statusCode": 200}`, -1},
		{`{"a\"b": 1, "statusCode": 200}`, 200},
		{`[{"statusCode": 200}]`, -1},
	}
	for _, tt := range tests {
		t.Run(tt.template, func(t *testing.T) {
			checkMock(t, transformed(tt.template), tt.want)
			// Without a template, the client's own body is the output.
			checkMock(t, exchange("POST", "/s/t", tt.template), tt.want)
		})
	}
}

// transformed makes an exchange whose template printed text.
func transformed(text string) *gateway.Exchange {
	x := exchange("POST", "/s/t", "the client's")
	x.IntegrationRequest.Body, x.Transformed = wire.Body{Bytes: []byte(text), Length: int64(len(text))}, true
	return x
}

func checkMock(t *testing.T, x *gateway.Exchange, want int) {
	t.Helper()
	err := integration.Mock{}.Call(context.Background(), x)
	got := x.IntegrationResponse.Status
	if f := new(gateway.Fault); errors.As(err, &f) {
		got = -1
		if f.Type != gateway.APIConfigurationError {
			t.Errorf("fault %v, want API_CONFIGURATION_ERROR", f.Type)
		}
	}
	if got != want {
		t.Errorf("status %d, want %d", got, want)
	}
}

func TestMockAllocs(t *testing.T) {
	x := transformed(`{"statusCode": 200, 'other': "x"}`)
	if n := testing.AllocsPerRun(1000, func() {
		if err := (integration.Mock{}).Call(context.Background(), x); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Call allocates %v times, budget 0", n)
	}
}

func TestBroken(t *testing.T) {
	err := integration.NewBroken(integration.ErrAddress).Call(context.Background(), exchange("GET", "/s/t", ""))
	var f *gateway.Fault
	if !errors.As(err, &f) || f.Type != gateway.APIConfigurationError || !errors.Is(err, integration.ErrAddress) {
		t.Errorf("Call = %v, want API_CONFIGURATION_ERROR with its cause", err)
	}
	if _, err := integration.NewProxy(&integration.Config{}); !errors.Is(err, integration.ErrAddress) {
		t.Errorf("a proxy to nowhere: %v, want ErrAddress", err)
	}
}
