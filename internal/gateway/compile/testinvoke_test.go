package compile_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
)

// pets is the API of the recordings.
func pets() *record.Definition {
	def := define(nil, "/pets", "/pets/{petId}")
	answer := func(verb, body string) map[string]api.Method {
		m := mock(body)
		in := *m.MethodIntegration
		in.IntegrationResponses = map[string]api.IntegrationResponse{"200": {ResponseTemplates: map[string]string{"application/json": body}}}
		m.MethodIntegration = &in
		return map[string]api.Method{verb: m}
	}
	for id, methods := range map[string]map[string]api.Method{
		"rb": answer("GET", `{"pets": "all the pets"}`),
		"rc": answer("GET", `{"petId": "$input.params('petId')"}`),
	} {
		res := def.Resources[id]
		res.ResourceMethods = methods
		def.Resources[id] = res
	}
	res := def.Resources["rc"]
	res.ResourceMethods["POST"] = res.ResourceMethods["GET"]
	return def
}

var (
	logTime  = regexp.MustCompile(`(?m)^[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d UTC \d{4} : `)
	logID    = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
	logTrace = regexp.MustCompile(`Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0`)
	logTook  = regexp.MustCompile(`latency: \d+ ms`)
)

// logLines is a log without what differs from run to run.
func logLines(log string) []string {
	log = logTime.ReplaceAllString(log, "T : ")
	log = logID.ReplaceAllString(log, "ID")
	log = logTrace.ReplaceAllString(log, "TRACE")
	log = logTook.ReplaceAllString(log, "latency: N ms")
	return strings.Split(log, "\n")
}

// The log, the answer and its headers are Amazon's to the byte.
//
// AWS: LS api::TestApigatewayTestInvoke::test_invoke_test_method.
func TestTestInvoke(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name                                string
		in                                  api.TestInvokeMethodInput
		path, params, query, body, response string
	}{
		{"get-pets", api.TestInvokeMethodInput{ResourceId: new("rb")}, "/pets", "", "", "", `{"pets": "all the pets"}`},
		{"get-pets-bad-path", api.TestInvokeMethodInput{ResourceId: new("rb"), PathWithQueryString: new("/random/test")},
			"/random/test", "", "", "", `{"pets": "all the pets"}`},
		{"get-pets-id", api.TestInvokeMethodInput{ResourceId: new("rc"), PathWithQueryString: new("/pets/123")},
			"/pets/123", "petId=123", "", "", `{"petId": "123"}`},
		{"get-pets-id-no-path", api.TestInvokeMethodInput{ResourceId: new("rc")},
			"/pets/{petId}", "petId={petId}", "", "", `{"petId": "{petId}"}`},
		{"get-pets-id-bad-path", api.TestInvokeMethodInput{ResourceId: new("rc"), PathWithQueryString: new("/random/test")},
			"/random/test", "", "", "", `{"petId": ""}`},
		{"get-with-qs", api.TestInvokeMethodInput{ResourceId: new("rc"), PathWithQueryString: new("/pets/123?foo=bar")},
			"/pets/123", "petId=123", "foo=bar", "", `{"petId": "123"}`},
		{"post-with-body", api.TestInvokeMethodInput{ResourceId: new("rc"), HttpMethod: new("POST"), PathWithQueryString: new("/pets/123"), Body: new(`{"foo": "bar"}`)},
			"/pets/123", "petId=123", "", `{"foo": "bar"}`, `{"petId": "123"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.in.HttpMethod == nil {
				tt.in.HttpMethod = new("GET")
			}
			got, err := w.c.TestInvoke(t.Context(), testScope, pets(), &tt.in)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{
				"Execution log for request ID", "T : Starting execution for request: ID",
				"T : HTTP Method: " + *tt.in.HttpMethod + ", Resource Path: " + tt.path, "T : Method request path: {" + tt.params + "}",
				"T : Method request query string: {" + tt.query + "}", "T : Method request headers: {}",
				"T : Method request body before transformations: " + tt.body, "T : Method response body after transformations: " + tt.response,
				"T : Method response headers: {Content-Type=application/json}", "T : Successfully completed execution",
				"T : Method completed with status: 200", "",
			}
			if diff := cmp.Diff(want, logLines(*got.Log)); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			headers, multi := map[string]string{"Content-Type": "application/json"}, map[string][]string{"Content-Type": {"application/json"}}
			if diff := cmp.Diff([]any{tt.response, headers, multi, int32(200)}, []any{*got.Body, got.Headers, got.MultiValueHeaders, *got.Status}); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// What the recordings have not: integrations with a backend, and faults.
//
// AWS: logging-metrics.md §2.1; LS api::test_failed_invoke_test_method; order
// and names of an HTTP integration's lines: published logs of test invocations.
func TestTestInvokeLog(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header()["Date"] = nil
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"got": %q}`, body)
	}))
	defer echo.Close()
	dead := httptest.NewServer(nil)
	dead.Close()
	host := strings.TrimPrefix(echo.URL, "http://")
	def := func(kind, uri string, change ...func(*api.Method)) *record.Definition {
		d := define(map[string]api.Method{"POST": {MethodIntegration: &api.Integration{Type: &kind, HttpMethod: new("POST"), Uri: &uri}}})
		res := d.Resources["ra"]
		for verb, m := range res.ResourceMethods {
			for _, f := range change {
				f(&m)
			}
			res.ResourceMethods[verb] = m
		}
		d.RestAPI.Id = new("a1")
		return d
	}
	responses := func(m *api.Method) {
		m.MethodIntegration.RequestTemplates = map[string]string{"application/json": `{"name": $input.json('$.n')}`}
		m.MethodIntegration.IntegrationResponses = map[string]api.IntegrationResponse{"201": {ResponseTemplates: map[string]string{"application/json": `<$input.body>`}}}
	}
	head := func(body string) []string {
		return []string{"Execution log for request ID", "T : Starting execution for request: ID", "T : HTTP Method: POST, Resource Path: /",
			"T : Method request path: {}", "T : Method request query string: {a=1 2, b=}",
			"T : Method request headers: {Authorization=*****cret, Content-Type=application/json, X-A=1, X-A=2}",
			"T : Method request body before transformations: " + body}
	}
	long := strings.Repeat("x", 5000)
	tests := []struct {
		name   string
		def    *record.Definition
		body   string
		status int32
		want   []string // after the head
	}{
		{"HTTP", def("HTTP", echo.URL+"/x", responses), `{"n": "Rex"}`, 201, []string{
			"T : Endpoint request URI: " + echo.URL + "/x",
			"T : Endpoint request headers: {Accept=application/json, Content-Type=application/json, User-Agent=AmazonAPIGateway_a1, X-Amzn-Apigateway-Api-Id=a1, X-Amzn-Trace-Id=TRACE, Host=" + host + "}",
			`T : Endpoint request body after transformations: {"name": "Rex"}`,
			"T : Sending request to " + echo.URL + "/x",
			"T : Received response. Status: 200, Integration latency: N ms",
			"T : Endpoint response headers: {Content-Type=application/json, Content-Length=30}",
			`T : Endpoint response body before transformations: {"got": "{\"name\": \"Rex\"}"}`,
			`T : Method response body after transformations: <{"got": "{\"name\": \"Rex\"}"}>`,
			"T : Method response headers: {Content-Type=application/json, X-Amzn-Trace-Id=TRACE}",
			"T : Successfully completed execution", "T : Method completed with status: 201"}},
		{"a long body", def("HTTP_PROXY", echo.URL+"/x"), long, 200, []string{
			"T : Endpoint request URI: " + echo.URL + "/x?a=1%202&b=",
			"T : Endpoint request headers: {Authorization=*****cret, Content-Type=application/json, X-A=1,2, X-Amzn-Apigateway-Api-Id=a1, X-Amzn-Trace-Id=TRACE, Host=" + host + "}",
			"T : " + ("Endpoint request body after transformations: " + long)[:1024] + " [TRUNCATED]",
			"T : Sending request to " + echo.URL + "/x?a=1%202&b=",
			"T : Received response. Status: 200, Integration latency: N ms",
			"T : Endpoint response headers: {Content-Type=application/json, Transfer-Encoding=chunked}",
			"T : " + (`Endpoint response body before transformations: {"got": "` + long)[:1024] + " [TRUNCATED]",
			"T : " + (`Method response body after transformations: {"got": "` + long)[:1024] + " [TRUNCATED]",
			"T : Method response headers: {Content-Type=application/json}",
			"T : Successfully completed execution", "T : Method completed with status: 200"}},
		{"no address", def("HTTP_PROXY", "http://${stageVariables.none}/"), "x", 500, []string{
			"T : Execution failed due to configuration error: Invalid endpoint address", "T : Method completed with status: 500"}},
		{"no backend", def("HTTP_PROXY", dead.URL), "x", 504, []string{
			"T : Endpoint request URI: " + dead.URL + "/?a=1%202&b=",
			"T : Endpoint request headers: {Authorization=*****cret, Content-Type=application/json, X-A=1,2, X-Amzn-Apigateway-Api-Id=a1, X-Amzn-Trace-Id=TRACE, Host=" + strings.TrimPrefix(dead.URL, "http://") + "}",
			"T : Endpoint request body after transformations: x", "T : Sending request to " + dead.URL + "/?a=1%202&b=",
			"T : Execution failed due to a network error communicating with endpoint", "T : Method completed with status: 504"}},
		{"no response", def("MOCK", "", func(m *api.Method) {
			m.MethodIntegration.RequestTemplates = map[string]string{"application/json": `{"statusCode": 404}`}
		}), "x", 500, []string{
			"T : Execution failed due to configuration error: No match for output mapping and no default output mapping configured. Endpoint Response Status Code: 404",
			"T : Method completed with status: 500"}},
		{"no status", def("MOCK", ""), "x", 500, []string{
			"T : Execution failed due to configuration error: Unable to parse statusCode. It should be an integer that is defined in the request template.",
			"T : Method completed with status: 500"}},
	}
	w := newWorld(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := w.c.TestInvoke(t.Context(), testScope, tt.def, &api.TestInvokeMethodInput{
				RestApiId: new("a1"), ResourceId: new("ra"), HttpMethod: new("POST"), PathWithQueryString: new("?a=1%202&b="), Body: &tt.body,
				Headers:           map[string]string{"Content-Type": "application/json", "Authorization": "my secret", "X-A": "0"},
				MultiValueHeaders: map[string][]string{"X-A": {"1", "2"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			body := tt.body
			if len(body) > 1000 {
				body = body[:1024-len("Method request body before transformations: ")] + " [TRUNCATED]"
			}
			if diff := cmp.Diff(append(append(head(body), tt.want...), ""), logLines(*got.Log)); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			if *got.Status != tt.status {
				t.Errorf("status %d, want %d", *got.Status, tt.status)
			}
		})
	}
}

// A test passes over what keeps clients out, says who it is in $context, and
// leaves nothing behind.
func TestTestInvokeContext(t *testing.T) {
	w := newWorld(t)
	def := define(map[string]api.Method{"GET": mock(
		"$context.stage $context.identity.sourceIp $context.identity.apiKey $context.identity.apiKeyId $context.domainName $context.domainPrefix $context.path $stageVariables.v", keyRequired)})
	got, err := w.c.TestInvoke(t.Context(), testScope, def, &api.TestInvokeMethodInput{
		RestApiId: new("a1"), ResourceId: new("ra"), HttpMethod: new("GET"), StageVariables: map[string]string{"v": "tested"}})
	if err != nil {
		t.Fatal(err)
	}
	const want = "test-invoke-stage test-invoke-source-ip test-invoke-api-key test-invoke-api-key-id testPrefix.testDomainName testPrefix / tested"
	if *got.Body != want {
		t.Errorf("body %q, want %q", *got.Body, want)
	}
	if got.Headers["V"] != "tested" {
		t.Errorf("headers %v", got.Headers)
	}
}

// A backend's answer may be as large in a test as at a stage; of a streamed one there
// is as much.
func TestTestInvokeLargeResponse(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		if r.URL.Query().Get("chunked") == "" {
			w.Header().Set("Content-Length", strconv.Itoa(n))
		}
		_, _ = io.WriteString(w, strings.Repeat("x", n))
	}))
	defer backend.Close()
	tests := []struct {
		name, kind, mode, query string
		status                  int32
		body                    string
	}{
		{"passed on", "HTTP_PROXY", "BUFFERED", "n=20", 200, strings.Repeat("x", 20)},
		{"too large", "HTTP_PROXY", "BUFFERED", "n=22", 500, `{"message": "Internal server error"}`},
		{"too large, length unknown", "HTTP_PROXY", "BUFFERED", "n=400000&chunked=y", 500, `{"message": "Internal server error"}`},
		{"with a template", "HTTP", "BUFFERED", "n=20", 200, "<" + strings.Repeat("x", 20) + ">"},
		{"too large for a template", "HTTP", "BUFFERED", "n=22", 500, `{"message": "Internal server error"}`},
		{"streamed", "HTTP_PROXY", "STREAM", "n=8000000&chunked=y", 200, strings.Repeat("x", 20)},
	}
	w := newWorld(t)
	w.gw.Bodies.Response = 20
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := define(map[string]api.Method{"GET": {MethodIntegration: &api.Integration{Type: &tt.kind, HttpMethod: new("GET"), Uri: new(backend.URL + "/?" + tt.query), ResponseTransferMode: &tt.mode,
				IntegrationResponses: map[string]api.IntegrationResponse{"200": {ResponseTemplates: map[string]string{"application/json": "<$input.body>"}}}}}})
			d.RestAPI.Id = new("a1")
			got, err := w.c.TestInvoke(t.Context(), testScope, d, &api.TestInvokeMethodInput{RestApiId: new("a1"), ResourceId: new("ra"), HttpMethod: new("GET")})
			if err != nil {
				t.Fatal(err)
			}
			if *got.Status != tt.status || *got.Body != tt.body {
				t.Errorf("%d %s, want %d %s", *got.Status, *got.Body, tt.status, tt.body)
			}
		})
	}
}
