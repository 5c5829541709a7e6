package step_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/wire"
)

// AWS: integrations.md §8.1.
func TestIntegrationResponseSelection(t *testing.T) {
	classes := []step.Response{{Status: 200}, {Status: 404, Pattern: `4\d{2}`}, {Status: 500, Pattern: `5\d{2}`}, {Status: 201, Pattern: "201"}}
	several := []step.Response{{Status: 400, Pattern: `4\d{2}`}, {Status: 404, Pattern: `4.*`}}
	alternatives := []step.Response{{Status: 200, Pattern: "2|200"}}
	tests := []struct {
		name      string
		responses []step.Response
		mock      step.Backend
		status    int
		want      int // 0: API_CONFIGURATION_ERROR
	}{
		{"default", classes, step.BackendHTTP, 302, 200},
		{"class", classes, step.BackendHTTP, 418, 404},
		{"exact", classes, step.BackendHTTP, 201, 201},
		{"whole match only", []step.Response{{Status: 400, Pattern: "4"}, {Status: 200}}, step.BackendHTTP, 400, 200},
		{"alternatives are anchored both", alternatives, step.BackendHTTP, 200, 200},
		{"alternatives do not match a part", alternatives, step.BackendHTTP, 201, 0},
		{"first of several", several, step.BackendHTTP, 404, 400},
		{"MOCK: that of the same status", several, step.BackendMock, 404, 404},
		{"MOCK: else the first", several, step.BackendMock, 418, 400},
		{"no match, no default", several, step.BackendHTTP, 200, 0},
		{"beyond the statuses of HTTP", []step.Response{{Status: 200, Pattern: "7000"}}, step.BackendMock, 7000, 200},
		{"negative", []step.Response{{Status: 200, Pattern: "-1"}}, step.BackendMock, -1, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := step.NewIntegrationResponse(tt.responses, tt.mock, &step.Scope{})
			if err != nil {
				t.Fatal(err)
			}
			x := begun(petRoute(), nil, "GET", "/", "")
			x.IntegrationResponse.Status = tt.status
			fault := faultType(t, s, x)
			if x.MethodResponse.Status != tt.want || (fault == "API_CONFIGURATION_ERROR") != (tt.want == 0) {
				t.Errorf("status %d: got %d %s, want %d", tt.status, x.MethodResponse.Status, fault, tt.want)
			}
		})
	}
}

// AWS: integrations.md §8.2; rest-execution.md §4.2 with its recording
// LS integrations::TestApiGatewayHeaderRemapping[HTTP].
func TestIntegrationResponseMapping(t *testing.T) {
	params := map[string]string{"method.response.header.Const": "'c'", "method.response.header.Last": "integration.response.header.X-B",
		"method.response.header.All": "integration.response.multivalueheader.X-B", "method.response.header.Var": "stageVariables.v",
		"method.response.header.Ctx": "context.apiId", "method.response.header.None": "integration.response.header.x-b",
		"method.response.header.Len": "integration.response.header.Content-Length", "method.response.header.Transfer-Encoding": "'chunked'",
		"method.response.header.TE": "'te'", "method.response.header.Via": "'via'",
	}
	for _, name := range []string{"Authorization", "Connection", "Content-Length", "Content-MD5", "Date", "Expect", "Host", "Max-Forwards",
		"Proxy-Authenticate", "Server", "Trailer", "Upgrade", "User-Agent", "WWW-Authenticate"} {
		params["method.response.header."+name] = "'r'"
	}
	s, err := step.NewIntegrationResponse([]step.Response{{Status: 200, Parameters: params}}, step.BackendHTTP, &step.Scope{Variables: map[string]string{"v": "value"}})
	if err != nil {
		t.Fatal(err)
	}
	x := begun(petRoute(), nil, "GET", "/", "")
	cl := &gatewaytest.Cluster{Status: 201, Body: "body", Header: gatewaytest.Header("X-B: 1", "X-B: 2", "Content-Length: 4", "Content-Type: text/plain", "X-C: 3")}
	if err := cl.Do(context.Background(), &x.IntegrationRequest, &x.IntegrationResponse, x.Deadline); err != nil {
		t.Fatal(err)
	}
	if err := s.Do(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	if got := x.MethodResponse.Header.GetID(wire.HeaderXAmznTraceID); got != x.Vars.Trace || got == "" {
		t.Errorf("X-Amzn-Trace-Id %q, want %q", got, x.Vars.Trace)
	}
	got, err := gatewaytest.Drain(x)
	if err != nil {
		t.Fatal(err)
	}
	want := gatewaytest.Answer{Status: 200, Body: "body", Length: 4, Header: []string{"Content-Type: application/json", "All: 1,2",
		"x-amzn-Remapped-Authorization: r", "x-amzn-Remapped-Connection: r", "Const: c", "x-amzn-Remapped-Content-Length: r",
		"x-amzn-Remapped-Content-MD5: r", "Ctx: abc", "x-amzn-Remapped-Date: r", "x-amzn-Remapped-Expect: r", "x-amzn-Remapped-Host: r", "Last: 2", "Len: 4",
		"x-amzn-Remapped-Max-Forwards: r", "x-amzn-Remapped-Proxy-Authenticate: r", "x-amzn-Remapped-Server: r", "TE: te", "x-amzn-Remapped-Trailer: r",
		"x-amzn-Remapped-Upgrade: r", "x-amzn-Remapped-User-Agent: r", "Var: value", "Via: via", "x-amzn-Remapped-WWW-Authenticate: r"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("answer (-want +got):\n%s", d)
	}
}

// AWS: integrations.md §8.2, response template and Content-Type.
func TestIntegrationResponseTemplate(t *testing.T) {
	texts := map[string]string{"application/json": "{}", "text/html": "<p>", "application/xml": "<a/>"}
	tests := []struct {
		name, accept string
		texts        map[string]string
		params       map[string]string
		want         string
	}{
		{"by Accept", "text/html;q=0.9, application/xml", texts, nil, "text/html <p>"},
		{"JSON if nothing matches", "image/png", texts, nil, "application/json {}"},
		{"the second type of Accept does not count", "image/png, text/html", texts, nil, "application/json {}"},
		{"the first stored without JSON", "", map[string]string{"text/html": "<p>", "text/xml": "<a/>"}, nil, "application/json <p>"},
		{"a mapped type wins", "text/html", texts, map[string]string{"method.response.header.content-type": "'x/y'"}, "x/y <p>"},
		{"none", "text/html", nil, nil, "application/json backend"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := step.NewIntegrationResponse([]step.Response{{Status: 200, Templates: tt.texts, Parameters: tt.params}}, step.BackendMock, &step.Scope{})
			if err != nil {
				t.Fatal(err)
			}
			x := begun(petRoute(), nil, "GET", "/", "", "Accept: "+tt.accept)
			cl := &gatewaytest.Cluster{Body: "backend"}
			if err := cl.Do(context.Background(), &x.IntegrationRequest, &x.IntegrationResponse, x.Deadline); err != nil {
				t.Fatal(err)
			}
			if err := s.Do(context.Background(), x); err != nil {
				t.Fatal(err)
			}
			if got := x.MethodResponse.Header.Get("Content-Type") + " " + string(x.MethodResponse.Body.Bytes); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if x.MethodResponse.Header.Has(wire.HeaderXAmznTraceID) {
				t.Error("MOCK does not return X-Amzn-Trace-Id")
			}
			gw := new(gateway.Gateway)
			if src := x.MethodResponse.Body.Source; src != nil {
				_ = src.Close()
			}
			gw.Finish(x, wire.Sent{})
			if cl.Closed != 1 {
				t.Errorf("the backend's body is closed %d times, want once", cl.Closed)
			}
		})
	}
}

func TestNewIntegrationResponseRefuses(t *testing.T) {
	for name, r := range map[string]step.Response{
		"pattern":         {Pattern: "(?=x)"},
		"template":        {Templates: map[string]string{"application/json": "#if($x)"}},
		"target":          {Parameters: map[string]string{"method.response.body": "'x'"}},
		"request source":  {Parameters: map[string]string{"method.response.header.X": "method.request.header.X"}},
		"response path":   {Parameters: map[string]string{"method.response.header.X": "integration.response.body.a["}},
		"unknown source ": {Parameters: map[string]string{"method.response.header.X": "integration.response.cookie.a"}},
	} {
		_, err := step.NewIntegrationResponse([]step.Response{r}, step.BackendHTTP, &step.Scope{})
		if err == nil || !strings.Contains(err.Error(), "integration response") {
			t.Errorf("%s: error %v, want one that tells where", name, err)
		}
	}
}

func TestIntegrationResponseAllocs(t *testing.T) {
	s, err := step.NewIntegrationResponse([]step.Response{{Status: 200}, {Status: 404, Pattern: `4\d{2}`, Parameters: map[string]string{
		"method.response.header.A": "integration.response.header.X", "method.response.header.B": "context.requestId"}}}, step.BackendHTTP, &step.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	x := begun(petRoute(), nil, "GET", "/", "")
	x.IntegrationResponse.Status = 404
	x.IntegrationResponse.Header.Fields = gatewaytest.Header("X: y")
	if n := testing.AllocsPerRun(1000, func() {
		x.Buf = x.Buf[:0]
		if err := s.Do(context.Background(), x); err != nil || x.MethodResponse.Status != 404 {
			t.Fatal(err, x.MethodResponse.Status)
		}
	}); n != 0 {
		t.Errorf("Do allocates %v times, budget 0", n)
	}
}
