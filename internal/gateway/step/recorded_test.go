package step_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/gateway/step"
)

// corpus holds answers recorded from the real service.
const corpus = "../../../../shared/corpus/localstack/"

// A remapping is what test_apigateway_header_remapping_http recorded for one
// type of integration.
type remapping struct {
	Content map[string]struct {
		Body     json.RawMessage   `json:"body"`
		Headers  map[string]string `json:"headers"` // that the backend saw
		Response map[string]string `json:"response-headers"`
	} `json:"recorded-content"`
}

// TestRecordedHeaders sends what was sent to the real service, and compares
// what the backend sees and the client gets.
//
// AWS: LS integrations::TestApiGatewayHeaderRemapping.
func TestRecordedHeaders(t *testing.T) {
	b, err := os.ReadFile(corpus + "apigateway__test_apigateway_integrations.snapshot.json")
	if os.IsNotExist(err) {
		t.Skip("the recordings are not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	const test = "tests/aws/services/apigateway/test_apigateway_integrations.py::TestApiGatewayHeaderRemapping::test_apigateway_header_remapping_http"
	recorded := map[string]remapping{}
	for _, kind := range []string{"HTTP", "HTTP_PROXY"} {
		var r map[string]json.RawMessage
		if err := json.Unmarshal(all[test+"["+kind+"]"], &r); err != nil {
			t.Fatal(err)
		}
		var content map[string]json.RawMessage
		if err := json.Unmarshal(r["recorded-content"], &content); err != nil {
			t.Fatal(err)
		}
		delete(content, "apigw-id") // the one entry that is a text
		b, err := json.Marshal(map[string]any{"recorded-content": content})
		if err != nil {
			t.Fatal(err)
		}
		var m remapping
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		recorded[kind] = m
	}
	// HTTP's template printed the client's headers, those that are visible.
	var client map[string]string
	if err := json.Unmarshal(recorded["HTTP"].Content["full-integration"].Body, &client); err != nil {
		t.Fatal(err)
	}
	for kind, r := range recorded {
		for _, name := range []string{"no-param-integration", "full-integration", "content-length", "transfer-encoding"} {
			t.Run(kind+" "+name, func(t *testing.T) {
				replay(t, kind, name, client, recorded["HTTP"].Content["full-integration"].Headers, r)
			})
		}
	}
}

func replay(t *testing.T, kind, name string, client, mapped map[string]string, r remapping) {
	rt := petRoute()
	params := map[string]string{}
	switch name {
	case "full-integration":
		for header := range client {
			if kept := strings.Trim(valueOf(mapped, header), "<>"); header != "Content-Length" && header != "Transfer-Encoding" {
				params["integration.request.header."+header] = "'" + kept + "'"
				if kept == "" { // it was mapped, and did not arrive
					params["integration.request.header."+header] = "'dropped'"
				}
			}
		}
	case "content-length", "transfer-encoding":
		params["integration.request.header."+name] = "'5'"
	}
	// Connection is mapped in no recording of HTTP: see rest-execution.md §4.3.
	delete(params, "integration.request.header.Connection")
	request, err := step.NewIntegrationRequest(params, nil, step.BackendHTTP, &step.Scope{Route: rt})
	if err != nil {
		t.Fatal(err)
	}
	u, err := integration.ParseURI("http://backend/")
	if err != nil {
		t.Fatal(err)
	}
	cl := &gatewaytest.Cluster{Keep: true, Body: "{}", Header: gatewaytest.Header("Content-Type: application/json", "Content-Length: 2", "Date: today",
		"Server: gunicorn/19.9.0", "Connection: keep-alive", "Access-Control-Allow-Credentials: true", "Access-Control-Allow-Origin: *")}
	cfg := &integration.Config{API: "api-id", URI: u, Cluster: cl, Method: "GET"}
	plan := &gateway.Plan{Request: []gateway.Step{request}}
	if kind == "HTTP" {
		if plan.Integration, err = integration.NewHTTP(cfg); err != nil {
			t.Fatal(err)
		}
		response, err := step.NewIntegrationResponse([]step.Response{{Status: 200, Parameters: responseParams(name, r)}}, step.BackendHTTP, &step.Scope{})
		if err != nil {
			t.Fatal(err)
		}
		plan.Response = []gateway.Step{response}
	} else if plan.Integration, err = integration.NewProxy(cfg); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for header, value := range client {
		if value == "" {
			value = "invisible"
		}
		lines = append(lines, header+": "+value)
	}
	x := begun(rt, []string{"1", "2"}, "GET", "/", "", lines...)
	plan.Run(context.Background(), x)

	want := r.Content[name]
	if want.Headers != nil {
		compareHeaders(t, "request", want.Headers, cl.Last.Header, "Content-Length", "Host")
	}
	var got []string
	for _, f := range x.MethodResponse.Header.Fields {
		got = append(got, f.Name+": "+f.Value)
	}
	compareHeaders(t, "response", want.Response, got, "Content-Length", "Date", "Connection", "x-amzn-Remapped-Content-Length", "x-amzn-Remapped-Date")
	if want.Headers == nil {
		if body := string(x.MethodResponse.Body.Bytes); x.MethodResponse.Status != 500 || fmt.Sprint(len(body)) != want.Response["Content-Length"] {
			t.Errorf("got %d %s, want 500 with %s bytes", x.MethodResponse.Status, body, want.Response["Content-Length"])
		}
	}
}

// responseParams maps what the recording's response got from its mappings.
func responseParams(name string, r remapping) map[string]string {
	if name != "full-integration" {
		return nil
	}
	params := map[string]string{}
	for header, value := range r.Content[name].Response {
		if header = strings.TrimPrefix(header, gateway.RemapPrefix); strings.HasPrefix(value, "response_param_") {
			params["method.response.header."+header] = "'" + value + "'"
		}
	}
	// These two were replaced by placeholders in the recording.
	params["method.response.header.Date"] = "'<x-amzn-Remapped-Date>'"
	params["method.response.header.Via"] = "'<via:2>'"
	return params
}

// compareHeaders compares names without regard to case and values without
// those that the recording replaced by <…>. Names that the driver writes, or
// whose values are the recording's own, are left out.
func compareHeaders(t *testing.T, what string, want map[string]string, lines []string, leaveOut ...string) {
	t.Helper()
	w, g := map[string]string{}, map[string]string{}
	for name, value := range want {
		w[http.CanonicalHeaderKey(name)] = value
	}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		name = http.CanonicalHeaderKey(name)
		if wv := w[name]; strings.Contains(wv, "<") {
			value = wv
		}
		g[name] = value
	}
	for _, name := range leaveOut {
		delete(w, http.CanonicalHeaderKey(name))
		delete(g, http.CanonicalHeaderKey(name))
	}
	if d := cmp.Diff(w, g); d != "" {
		t.Errorf("%s headers (-recorded +got):\n%s", what, d)
	}
}

func valueOf(headers map[string]string, name string) string {
	for n, v := range headers {
		if strings.EqualFold(n, name) {
			return v
		}
	}
	return ""
}
