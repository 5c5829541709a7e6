package step_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/step"
)

func newRequestTemplate(t *testing.T, in *step.RequestTransform) *step.RequestTemplate {
	t.Helper()
	s, err := step.NewRequestTemplate(in, &step.Scope{Route: petRoute(), Variables: map[string]string{"v": "value"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// AWS: integrations.md §2.2.
func TestRequestTemplateSelection(t *testing.T) {
	some := map[string]string{"application/json": `{"constant": true}`}
	other := map[string]string{"application/json": "{}", "$default": "other"}
	tests := []struct {
		name        string
		templates   map[string]string
		passthrough string
		contentType string
		want        string // the body made; "client": it passes; "415": refused
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
			s := newRequestTemplate(t, &step.RequestTransform{Templates: tt.templates, Passthrough: tt.passthrough})
			var lines []string
			if tt.contentType != "" {
				lines = append(lines, "Content-Type: "+tt.contentType)
			}
			x := begun(petRoute(), nil, "POST", "/", "client", lines...)
			var err error
			if s != nil { // else all pass
				err = s.Do(context.Background(), x)
			}
			got := "client"
			if f := new(gateway.Fault); errors.As(err, &f) {
				got = "415"
				if body := string(f.AppendBody(nil)); f.Type != gateway.UnsupportedMediaType || body != `{"message": "Unsupported Media Type"}` {
					t.Errorf("fault %v %s", f.Type, body)
				}
			} else if x.Transformed {
				got = string(x.IntegrationRequest.Body.Bytes)
			}
			if got != tt.want {
				t.Errorf("made %q, want %q", got, tt.want)
			}
		})
	}
	for _, in := range []*step.RequestTransform{{Passthrough: "SOMETIMES"}, {Templates: map[string]string{"application/json": "#if($a)"}}} {
		if _, err := step.NewRequestTemplate(in, &step.Scope{}); err == nil {
			t.Errorf("%v: no error", in)
		}
	}
}

// What templates see of an exchange.
//
// AWS: mapping-templates.md §2 and §4.
func TestTemplateEnv(t *testing.T) {
	const everyParam = `#foreach($t in $input.params().keySet())[$t#foreach($n in $input.params().get($t).keySet()) $n=$input.params().get($t).get($n)#end]#end`
	tests := []struct {
		name, text, body string
		want             string // "400 …" or "500": the fault
	}{
		{"body", "<$input.body>", "a=b", "<a=b>"},
		{"empty body", "<$input.body>", "", "<{}>"},
		{"json", "$input.json('$.a')", `{"a": [1, "x"]}`, `[1,"x"]`},
		{"not UTF-8", "$input.body", "a\xffb\xc3", "a\uFFFDb\uFFFD"},
		{"path first", "$input.params('id')", "", "a b"},
		{"query: the last value", "$input.params('q')", "", "2 x"},
		{"header: the last value", "$input.params('X-A')", "", "two"},
		{"header: with its case", "<$input.params('x-a')>", "", "<>"},
		{"hidden header", "<$input.params('Content-Length')>", "", "<>"},
		{"unset query value is there", `#if($input.params('e') == "")there#end`, "", "there"},
		{"all", everyParam, "", "[path id=a b rest=x/y][querystring q=2 x id=7 e=][header X-A=two Accept=*/*]"},
		{"stage variable", "$stageVariables.v|$stageVariables.none|${stageVariables['v']}", "", "value||value"},
		{"context", "$context.apiId $context.stage $context.httpMethod $context.identity.userAgent|$context.identity.user|$context.nonsense|$context.authorizer.claims.sub|", "",
			"abc prod POST ||||"},
		{"context names", "#foreach($n in $context.identity.keySet())$n #end", "",
			"cognitoIdentityPoolId accountId cognitoIdentityId caller sourceIp principalOrgId accessKey cognitoAuthenticationType cognitoAuthenticationProvider userArn userAgent user "},
		{"time is a number", "#set($n = $context.requestTimeEpoch + 1)#if($n > 1)yes#end", "", "yes"},
		{"not for templates", "<$context.status$context.error.message$context.integrationLatency>", "", "<>"},
		{"util", "$util.base64Encode($input.body)", "hi", "aGk="},
		{"broken JSON", "$input.json('$.a')", "{a", "400 Could not process payload"},
		{"broken JSON is nothing to $input.body", "$input.body", "{a", "{a"},
		{"method that throws", `#set($s = "a")$s.substring(5)`, "", "500"},
		{"endless", "#foreach($a in [1..1000])#foreach($b in [1..1000])#foreach($c in [1..1000])$c#end#end#end", "", "500"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newRequestTemplate(t, &step.RequestTransform{Backend: step.BackendMock, Templates: map[string]string{"$default": tt.text}})
			x := begun(petRoute(), []string{"a%20b", "x/y"}, "POST", "/?q=1&q=2+x&id=7&e=", tt.body, "X-A: one", "X-A: two", "Content-Length: 5", "Accept: */*")
			err := s.Do(context.Background(), x)
			got := string(x.IntegrationRequest.Body.Bytes)
			if f := new(gateway.Fault); errors.As(err, &f) {
				got = "500"
				if f.Type == gateway.BadRequestBody {
					got = "400 " + f.Text()
				} else if f.Type != gateway.APIConfigurationError {
					t.Errorf("fault %v", f)
				}
			}
			if got != tt.want && (!strings.HasPrefix(tt.want, "400") || !strings.HasPrefix(got, tt.want)) {
				t.Errorf("%s\ngot  %q\nwant %q", tt.text, got, tt.want)
			}
		})
	}
}

// AWS: mapping-templates.md §6; rest-execution.md §4.3 for the headers.
func TestRequestOverrides(t *testing.T) {
	set := func(path, value string) string { return "#set($context.requestOverride." + path + " = " + value + ")" }
	tests := []struct {
		name, text, want string
	}{
		{"header over mapping", set("header.X-A", `"new"`), "X-A: mapped, X-A: new"},
		{"header, dashes", set("header['x-y']", `"$input.params('id')"`), "X-A: mapped, x-y: a b"},
		{"query over mapping", set("querystring.q", `"a b"`), "X-A: mapped; q=a%20b"},
		{"path over mapping", set("path.id", `"x y"`), "X-A: mapped; /x%20y"},
		{"unknown path variable", set("path.none", `"x"`), "X-A: mapped"},
		{"number", set("header.X-N", "5"), "X-A: mapped, X-N: 5"},
		{"empty", set("header.X-A", `""`), "X-A: mapped"},
		{"map", `#set($h = {"X-M": "1"})` + set("header", "$h"), "X-A: mapped, X-M: 1"},
		{"put", `$context.requestOverride.header.put("X-P", "1")`, "X-A: mapped, X-P: 1"},
		{"that the gateway sets", set("header.Content-Length", `"5"`), "API_CONFIGURATION_ERROR"},
		{"that is dropped", set("header.TE", `"x"`), "X-A: mapped"},
		{"with a line break", set("header.X-B", `"a
b"`), "DEFAULT_4XX"},
		{"name that is none", set("header['a b']", `"x"`), "API_CONFIGURATION_ERROR"},
		{"not a map", "#set($context.requestOverride.header = 5)", "X-A: mapped"},
		{"none", "x", "X-A: mapped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newRequestTemplate(t, &step.RequestTransform{Templates: map[string]string{"application/json": tt.text}, Backend: step.BackendHTTP, Variables: []string{"id"}})
			x := begun(petRoute(), []string{"a%20b", "c"}, "POST", "/", "")
			x.MappedHeader = gatewaytest.Header("X-A: mapped")
			x.MappedQuery = gatewaytest.Header("q: mapped", "p: mapped")
			x.MappedPath = []string{"mapped"}
			got := faultType(t, s, x)
			if got == "" {
				var parts []string
				for _, f := range x.MappedHeader {
					parts = append(parts, f.Name+": "+f.Value)
				}
				got = strings.Join(parts, ", ")
				for _, f := range x.MappedQuery {
					if f.Value != "mapped" {
						got += "; " + f.Name + "=" + f.Value
					}
				}
				if x.MappedPath[0] != "mapped" {
					got += "; /" + x.MappedPath[0]
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// AWS: integrations.md §8.2; mapping-templates.md §6.
func TestResponseTemplate(t *testing.T) {
	const body = `{"error": "gone", "n": [1, 2]}`
	tests := []struct {
		name, text, body string
		want             gatewaytest.Answer // Status 500 and no more: API_CONFIGURATION_ERROR
	}{
		{"body", "$input.json('$.n') $input.params('id')", body, gatewaytest.Answer{Status: 200, Body: "[1,2] 7", Header: []string{"Content-Type: application/json", "X-M: mapped"}}},
		{"status", `#if($input.path('$.error') != "")#set($context.responseOverride.status = 404)#{end}x`, body,
			gatewaytest.Answer{Status: 404, Body: "x", Header: []string{"Content-Type: application/json", "X-M: mapped"}}},
		{"status as text", `#set($context.responseOverride.status = "418")`, body,
			gatewaytest.Answer{Status: 418, Header: []string{"Content-Type: application/json", "X-M: mapped"}}},
		{"status that is none", `#set($context.responseOverride.status = 600)x`, body,
			gatewaytest.Answer{Status: 200, Body: "x", Header: []string{"Content-Type: application/json", "X-M: mapped"}}},
		{"headers", `#set($context.responseOverride.header.X-M = "o")#set($context.responseOverride.header.Content-Type = "text/html")#set($context.responseOverride.header['Server'] = "s")#set($context.responseOverride.header.Transfer-Encoding = "chunked")x`, body,
			gatewaytest.Answer{Status: 200, Body: "x", Header: []string{"Content-Type: text/html", "X-M: o", "x-amzn-Remapped-Server: s"}}},
		{"empty", "$input.body", "", gatewaytest.Answer{Status: 200, Body: "{}", Header: []string{"Content-Type: application/json", "X-M: mapped"}}},
		{"broken", "$input.json('$')", "{", gatewaytest.Answer{Status: 500}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := step.NewIntegrationResponse([]step.Response{{Status: 200, Parameters: map[string]string{"method.response.header.X-M": "'mapped'"},
				Templates: map[string]string{"application/json": tt.text}}}, step.BackendHTTP, &step.Scope{})
			if err != nil {
				t.Fatal(err)
			}
			for streamed := range 2 {
				cl := &gatewaytest.Cluster{Body: tt.body, Chunked: streamed == 1, Streamed: len(tt.body) * streamed}
				x := begun(petRoute(), []string{"7", ""}, "GET", "/", "")
				if err := cl.Do(context.Background(), &x.IntegrationRequest, &x.IntegrationResponse, x.Deadline); err != nil {
					t.Fatal(err)
				}
				if fault := faultType(t, s, x); fault != "" {
					if tt.want.Status != 500 || fault != "API_CONFIGURATION_ERROR" {
						t.Errorf("fault %s", fault)
					}
					continue
				}
				got, err := gatewaytest.Drain(x)
				if err != nil {
					t.Fatal(err)
				}
				tt.want.Length = int64(len(tt.want.Body))
				got.Header = withoutTrace(got.Header)
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Errorf("answer (-want +got):\n%s", d)
				}
			}
		})
	}
}

func withoutTrace(lines []string) []string {
	var kept []string
	for _, l := range lines {
		if !strings.HasPrefix(l, "X-Amzn-Trace-Id: ") {
			kept = append(kept, l)
		}
	}
	return kept
}

func TestResponseTemplateTooLarge(t *testing.T) {
	s, err := step.NewIntegrationResponse([]step.Response{{Status: 200, Templates: map[string]string{"application/json": "$input.body"}}}, step.BackendHTTP, &step.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("x", gateway.MaxBody+1)
	x := begun(petRoute(), nil, "GET", "/", "")
	cl := &gatewaytest.Cluster{Body: body, Chunked: true, Streamed: len(body)}
	if err := cl.Do(context.Background(), &x.IntegrationRequest, &x.IntegrationResponse, x.Deadline); err != nil {
		t.Fatal(err)
	}
	if got := faultType(t, s, x); got != "INTEGRATION_FAILURE" {
		t.Errorf("a response of more than %d bytes: %q, want INTEGRATION_FAILURE", gateway.MaxBody, got)
	}
}
