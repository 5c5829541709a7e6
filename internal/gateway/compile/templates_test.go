package compile_test

import (
	"encoding/base64"
	"encoding/json"
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

// AWS: LS integrations::test_integration_mock_with_…
func TestRecordedMock(t *testing.T) {
	const (
		answer = "\n{ \"statusCode\": 200 }\n"
		set    = "\n#set($context.responseOverride.status = 444)\n#set($context.responseOverride.header.foo = \"bar\")\n" +
			"#set($context.responseOverride.custom = \"is also passed around\")" + answer
		show = "#set($o = $context.responseOverride)\n" +
			`{"statusOverride": "$o.status", "fooHeader": "$o.header.foo", "custom": "$o.custom"}`
		assign = "\n#set($name = \"foo\")\n#set($context.requestOverride.querystring[$name] = \"bar\")\n#set($putName = \"putfoo\")\n" +
			"$context.requestOverride.querystring.put($putName, \"putBar\")\n" +
			`#set($context["requestOverride"].querystring["nestedfoo"] = "nestedFoo")` + answer
		assigned = `#set($q = $context.requestOverride.querystring){"value": "$q["foo"]", "value2": "$q["putfoo"]", "value3": "$q["nestedfoo"]"}`
		pass     = "#set($decoded = $util.base64Decode($input.params('testPath')))\n#set($context.requestOverride.path.body = $decoded)" + answer
		choose   = "\n#set($message = $util.parseJson($context.requestOverride.path.body).message)\n" +
			"#if($message == \"path1\")\n{\"response\": \"path was path one\"}\n#elseif($message == \"path2\")\n{\"response\": \"path was path two\"}\n" +
			"#else\n{\"response\": \"this is the else clause\"}\n#end\n"
	)
	path := func(message string) string {
		return "/" + base64.StdEncoding.EncodeToString([]byte(`{"message": "`+message+`"}`))
	}
	const override, paths = "test_integration_mock_with_response_override_in_request_template", "test_integration_mock_with_request_overrides_in_response_template"
	tests := []struct{ test, answer, request, response, path string }{
		{override + "[True]", "response", set, show, "/"},
		{override + "[False]", "response", set, "", "/"},
		{"test_integration_mock_with_vtl_map_assignation", "response", assign, assigned, "/"},
		{paths, "invoke-path1", pass, choose, path("path1")},
		{paths, "invoke-path2", pass, choose, path("path2")},
		{paths, "invoke-path-else", pass, choose, path("whatever")},
	}
	w := newWorld(t)
	for i, tt := range tests {
		t.Run(tt.test+" "+tt.answer, func(t *testing.T) {
			want := recorded(t, "integrations", tt.test)[tt.answer]
			id := fmt.Sprint("a", i)
			w.deploy(id, "dev", templated(tt.request, tt.response))
			a := w.call("GET", "/_aws/execute-api/"+id+"/dev"+tt.path)
			if tt.answer != "response" {
				sameAnswer(t, tt.test, a.Body, want)
				return
			}
			var r struct {
				Body   json.RawMessage `json:"body"`
				Status int             `json:"status_code"`
			}
			if err := json.Unmarshal(want, &r); err != nil {
				t.Fatal(err)
			}
			if a.Status != r.Status || a.Status == 444 && headerOf(a, "foo") != "bar" {
				t.Errorf("%d %q, recorded %d", a.Status, a.Header, r.Status)
			}
			if string(r.Body) == `"b''"` { // no body
				r.Body, a.Body = json.RawMessage(`""`), `"`+a.Body+`"`
			}
			sameAnswer(t, tt.test, a.Body, r.Body)
		})
	}
	// AWS: test_integration_mock_with_path_param asserts 200 without body.
	w.deploy("ap", "dev", templated("{statusCode: 200}", "", func(m *api.Method) {
		m.MethodIntegration.RequestParameters = map[string]string{"integration.request.path.integrationPath": "method.request.path.testPath"}
	}))
	if a := w.call("GET", "/_aws/execute-api/ap/dev/test-path"); a.Status != 200 || a.Body != "" {
		t.Errorf("mock with a path parameter: %d %q", a.Status, a.Body)
	}
}

// AWS: LS basic::TestIntegrations::test_mock_integration_response: the default
// template of JSON is taken, whatever passthroughBehavior is.
func TestRecordedMockPassthrough(t *testing.T) {
	w := newWorld(t)
	for _, behavior := range []string{"WHEN_NO_MATCH", "NEVER", "WHEN_NO_TEMPLATES"} {
		def := templated(`{"statusCode": 200}`, `{"statusCode": 200, "id": $input.params().path.get('testPath')}`, func(m *api.Method) {
			m.MethodIntegration.PassthroughBehavior = &behavior
		})
		for _, r := range def.Resources {
			r.ResourceMethods["POST"] = r.ResourceMethods["GET"]
		}
		id := strings.ToLower(strings.ReplaceAll(behavior, "_", ""))
		w.deploy(id, "s", def)
		for _, method := range []string{"GET", "POST"} {
			for form, url := range map[string]string{"PATH": "/restapis/" + id + "/s/_user_request_/42", "HOST": "/s/42"} {
				r := recorded(t, "basic", "TestIntegrations::test_mock_integration_response["+behavior+"-UrlType."+form+"_BASED-"+method+"]")
				a := w.send(method, url, `{"test": "value"}`, "Host: "+map[string]string{"PATH": "localhost", "HOST": id + ".execute-api.localhost"}[form])
				sameAnswer(t, behavior+form+method, a.Body, r["mock-response"])
			}
		}
	}
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

// AWS: LS common::test_input_path_template_formatting. The echo server puts the
// body under "json".
func TestRecordedPathFormatting(t *testing.T) {
	r := recorded(t, "common", "TestApiGatewayCommon::test_input_path_template_formatting")
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if len(body) == 0 {
			body = []byte("null")
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"json": %s, "data": "", "headers": {}}`, body)
	}))
	defer echo.Close()
	const about = `{"body": $r, "nested": $r.nested, "isNull": #if($r == $null)"true"#else"false"#end, "isEmptyString": #if($r == "")"true"#else"false"#end}`
	const json = `#set($r = $input.path("$.json"))`
	tests := []struct{ answer, template, body string }{
		{"dict-response", json + "$r", `{"foo": "bar"}`},
		{"json-list", json + "$r", `[{"foo": "bar"}]`},
		{"nested-dict", json + "$r.nested", `{"nested": {"foo": "bar"}}`},
		{"nested-list", json + "$r.nested", `{"nested": [{"foo": "bar"}]}`},
		{"dict-in-list", json + "$r[0]", `[{"foo": "bar"}]`},
		{"list-with-nested-list", json + "$r[0]", `[[{"foo": "bar"}]]`},
		{"dict-with-nested-list", json + "$r", `{"foo": [{"nested": "bar"}]}`},
		{"bigger-dict", json + "$r", `{"bigger": "dict", "to": "test", "with": "separators"}`},
		{"to-string", json + "$r.toString()", `{"foo": "bar"}`},
		{"list-to-string", json + "$r.toString()", `{"list": [{"foo": "bar"}]}`},
		{"empty-body", `#set($r = $input.path("$.nonExisting"))` + about, ""},
		{"nested-empty-list", `#set($r = $input.path("$.json.listValue"))` + about, `{"listValue": []}`},
		{"nested-null-list", `#set($r = $input.path("$.json.listValue"))` + about, `{"listValue": null}`},
	}
	w := newWorld(t)
	for i, tt := range tests {
		id := fmt.Sprint("a", i)
		w.deploy(id, "dev", echoed(echo.URL, "", tt.template))
		a := w.send("POST", "/_aws/execute-api/"+id+"/dev/", tt.body, "Content-Type: application/json")
		if want := text(t, r[tt.answer]); a.Body != want {
			t.Errorf("%s: %d %q, recorded %q", tt.answer, a.Status, a.Body, want)
		}
	}
}

// AWS: LS common::test_input_body_formatting. The backend answers what it got.
func TestRecordedBodyFormatting(t *testing.T) {
	r := recorded(t, "common", "TestApiGatewayCommon::test_input_body_formatting")
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	defer echo.Close()
	const raw, wrapped = "#set($b = $input.body)$b", "Action=SendMessage&MessageBody=$input.body"
	tests := []struct{ answer, request, response string }{
		{"raw-body", raw, raw},
		{"str-body-input", wrapped, raw},
		{"str-body-output", raw, wrapped},
		{"str-body-all", wrapped, wrapped},
		{"body-attr-access", "#set($b = $input.body.testAccess)$b", raw},
		{"url-encode", "EncodedBody=$util.urlEncode($input.body)&EncodedBodyAccess=$util.urlEncode($input.body.testAccess)", raw},
	}
	w := newWorld(t)
	for i, tt := range tests {
		id := fmt.Sprint("a", i)
		w.deploy(id, "dev", echoed(echo.URL, tt.request, tt.response))
		var want map[string]json.RawMessage
		if err := json.Unmarshal(r["response-"+tt.answer], &want); err != nil {
			t.Fatal(err)
		}
		for name, body := range map[string]string{"empty-body": "", "json-body": `{"some": "value"}`, "str-body": "some raw data"} {
			a := w.send("POST", "/_aws/execute-api/"+id+"/dev/", body, "Content-Type: application/json")
			if got, want := "b'"+a.Body+"'", text(t, want[name]); got != want {
				t.Errorf("%s %s: %d %q, recorded %q", tt.answer, name, a.Status, got, want)
			}
		}
	}
}

func text(t *testing.T, b json.RawMessage) (s string) {
	t.Helper()
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s
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
