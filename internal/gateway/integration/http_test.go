package integration_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/integration"
)

func newHTTP(t *testing.T, uri, method string, cl *gatewaytest.Cluster, templates *integration.Templates) *integration.HTTP {
	t.Helper()
	u, err := integration.ParseURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	cl.Keep = true
	h, err := integration.NewHTTP(&integration.Config{API: "abc123", URI: u, Cluster: cl, Method: method}, templates)
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
			if err := newHTTP(t, "http://backend/p?a=b", "ANY", cl, nil).Call(context.Background(), x); err != nil {
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

// AWS: integrations.md §2.2.
func TestTemplates(t *testing.T) {
	some := map[string]string{"application/json": `{"constant": true}`}
	other := map[string]string{"application/json": "{}", "$default": "other"}
	tests := []struct {
		name        string
		templates   map[string]string
		passthrough string
		contentType string
		want        string // the body sent; "415": refused
	}{
		{"match", some, "WHEN_NO_MATCH", "application/json; charset=utf-8", `{"constant": true}`},
		{"match", some, "NEVER", "application/json", `{"constant": true}`},
		{"no header is JSON", some, "WHEN_NO_TEMPLATES", "", `{"constant": true}`},
		{"no match", some, "WHEN_NO_MATCH", "text/plain", "client"},
		{"no match", some, "WHEN_NO_TEMPLATES", "text/plain", "415"},
		{"no match", some, "NEVER", "text/plain", "415"},
		{"none", nil, "WHEN_NO_MATCH", "text/plain", "client"},
		{"none", nil, "WHEN_NO_TEMPLATES", "text/plain", "client"},
		{"none", nil, "NEVER", "text/plain", "415"},
		{"$default", other, "NEVER", "text/plain", "other"},
		{"match before $default", other, "", "application/json", "{}"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.passthrough, func(t *testing.T) {
			tp, err := integration.NewTemplates(tt.templates, tt.passthrough)
			if err != nil {
				t.Fatal(err)
			}
			cl := new(gatewaytest.Cluster)
			var lines []string
			if tt.contentType != "" {
				lines = append(lines, "Content-Type: "+tt.contentType)
			}
			err = newHTTP(t, "http://backend/", "POST", cl, tp).Call(context.Background(), exchange("POST", "/s/t", "client", lines...))
			got := cl.Last.Body
			if f := new(gateway.Fault); errors.As(err, &f) {
				got = "415"
				if body := string(f.AppendBody(nil)); f.Type != gateway.UnsupportedMediaType || body != `{"message": "Unsupported Media Type"}` {
					t.Errorf("fault %v %s", f.Type, body)
				}
			}
			if got != tt.want {
				t.Errorf("backend got %q, want %q", got, tt.want)
			}
		})
	}
	for _, text := range []string{"$input.body", "#set($a = 1)", "a # b"} {
		if _, err := integration.NewTemplates(map[string]string{"application/json": text}, ""); !errors.Is(err, integration.ErrTemplate) {
			t.Errorf("template %q: error %v, want ErrTemplate", text, err)
		}
	}
	if _, err := integration.NewTemplates(nil, "SOMETIMES"); err == nil {
		t.Error("passthroughBehavior SOMETIMES: no error")
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
			tp, err := integration.NewTemplates(map[string]string{"application/json": tt.template}, "")
			if err != nil {
				t.Fatal(err)
			}
			checkMock(t, integration.NewMock(tp), exchange("GET", "/s/t", ""), tt.want)
			// Without a template, the client's own body is the output.
			checkMock(t, integration.NewMock(nil), exchange("POST", "/s/t", tt.template), tt.want)
		})
	}
}

func checkMock(t *testing.T, m *integration.Mock, x *gateway.Exchange, want int) {
	t.Helper()
	err := m.Call(context.Background(), x)
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
	tp, err := integration.NewTemplates(map[string]string{"application/json": `{"statusCode": 200}`}, "")
	if err != nil {
		t.Fatal(err)
	}
	m, x := integration.NewMock(tp), exchange("GET", "/s/t", "")
	if n := testing.AllocsPerRun(1000, func() {
		if err := m.Call(context.Background(), x); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Call allocates %v times, budget 0", n)
	}
}

// TestNeedsBody: what the compiler must know beforehand.
func TestNeedsBody(t *testing.T) {
	tp, err := integration.NewTemplates(map[string]string{"$default": `{"statusCode": 200}`}, "")
	if err != nil {
		t.Fatal(err)
	}
	if integration.NewMock(tp).NeedsBody() || !integration.NewMock(nil).NeedsBody() {
		t.Error("a mock needs the client's body if, and only if, no template may match")
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
