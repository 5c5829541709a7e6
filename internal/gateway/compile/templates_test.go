package compile_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
)

// templated is a definition whose GET / and GET /{testPath} are MOCK with these
// templates; an empty response template is none.
func templated(request, response string, change ...func(*api.Method)) *record.Definition {
	m := mock("", append([]func(*api.Method){func(m *api.Method) {
		in := m.MethodIntegration
		in.RequestTemplates = map[string]string{"application/json": request}
		in.IntegrationResponses = map[string]api.IntegrationResponse{"200": {SelectionPattern: new(`2\d{2}`)}}
		if response != "" {
			in.IntegrationResponses["200"] = api.IntegrationResponse{SelectionPattern: new(`2\d{2}`), ResponseTemplates: map[string]string{"application/json": response}}
		}
	}}, change...)...)
	return define(map[string]api.Method{"GET": m}, "/{testPath}")
}

// echoed is a definition whose POST / is HTTP to url with these templates; an
// empty one is none.
func echoed(url, request, response string, change ...func(*api.Method)) *record.Definition {
	m := mock("", append([]func(*api.Method){func(m *api.Method) {
		in := m.MethodIntegration
		in.Type, in.Uri, in.HttpMethod, in.RequestTemplates = new("HTTP"), &url, new("POST"), nil
		in.IntegrationResponses = map[string]api.IntegrationResponse{"200": {}}
		if request != "" {
			in.RequestTemplates = map[string]string{"application/json": request}
		}
		if response != "" {
			in.IntegrationResponses["200"] = api.IntegrationResponse{ResponseTemplates: map[string]string{"application/json": response}}
		}
	}}, change...)...)
	return define(map[string]api.Method{"POST": m})
}

// What a template sets of the request reaches an HTTP backend.
func TestOverridesReachTheBackend(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("X-O"), body)
	}))
	defer echo.Close()
	w := newWorld(t)
	w.deploy("a1", "s", echoed(echo.URL+"/{id}/x?a=b", `#set($o = $context.requestOverride)#set($o.path.id = "p q")#set($o.querystring.q = $input.path('$.q'))#set($context.requestOverride.header['X-O'] = "h")[$input.json('$')]`, "",
		func(m *api.Method) {
			m.MethodIntegration.RequestParameters = map[string]string{"integration.request.path.id": "'mapped'", "integration.request.querystring.q": "'mapped'",
				"integration.request.header.x-o": "'mapped'"}
		}))
	if a := w.send("POST", "/_aws/execute-api/a1/s/", `{"q": 7}`); a.Body != `/p%20q/x a=b&q=7 h [{"q":7}]` {
		t.Errorf("the backend got %d %q", a.Status, a.Body)
	}
}

// A deployment whose template does not parse leaves the stage as it was.
func TestBadTemplatesAreRefused(t *testing.T) {
	w := newWorld(t)
	w.deploy("a1", "s", answering("good"))
	w.commit(append(w.putDeployment("a1", "d2", templated("#if($a)", "")), w.putStage("a1", "s", "d2"))...)
	w.expect("good", "a1", "s", "/pets")
	if refused := w.c.Status().Refused; len(refused) != 1 || !strings.Contains(refused[0].Reason, "request template for application/json") {
		t.Errorf("refused: %+v", refused)
	}
}
