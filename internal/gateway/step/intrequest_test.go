package step_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway/step"
)

// TestIntegrationRequest maps one value at a time.
//
// AWS: integrations.md §2.3, rest-execution.md §2.3, §3, §4.4.
func TestIntegrationRequest(t *testing.T) {
	const target = "/prod/x?a=1&a=%202+x&b=&c;d=e&%61=3"
	lines := []string{"X-A: one", "X-A: two", "x-a: three", "X-Once: o", "Content-Length: 5", "User-Agent: curl"}
	tests := []struct {
		key, source string
		want        string // header "Name: value", query "name=value", path the place's value
	}{
		{"header.H", "'constant text'", "H: constant text"},
		{"header.H", "''", ""},
		{"header.H", "method.request.header.X-A", "H: two"},
		{"header.H", "method.request.header.x-a", "H: three"},
		{"header.H", "method.request.header.X-a", ""},
		{"header.H", "method.request.multivalueheader.X-A", "H: one,two"},
		{"header.H", "method.request.multivalueheader.X-Once", "H: o"},
		{"header.H", "method.request.multivalueheader.No", ""},
		{"header.H", "method.request.header.Content-Length", ""},
		{"header.H", "method.request.header.User-Agent", "H: curl"},
		{"header.H", "method.request.querystring.a", "H: 3"},
		{"header.H", "method.request.multivaluequerystring.a", "H: 1, 2 x,3"},
		{"header.H", "method.request.querystring.b", ""},
		{"header.H", "method.request.querystring.c", ""},
		{"header.H", "method.request.querystring.d", "H: e"},
		{"header.H", "method.request.path.id", "H: a b/c"},
		{"header.H", "method.request.path.rest", "H: x/y//z w"},
		{"header.H", "method.request.path.none", ""},
		{"header.H", "method.request.body", `H: {"a": 1}`},
		{"header.H", "stageVariables.v", "H: value"},
		{"header.H", "stageVariables.none", ""},
		{"header.H", "context.apiId", "H: abc"},
		{"header.H", "context.nonsense", ""},
		{"header.Host", "'elsewhere'", "Host: elsewhere"},
		{"header.Host", "'else where/'", "DEFAULT_4XX"},
		{"header.Upgrade", "'HTTP/2.0'", "Upgrade: HTTP/2.0"},
		{"header.TE", "'trailers'", ""},
		{"header.Expect", "'x'", ""},
		{"header.Proxy-Authenticate", "'x'", ""},
		{"header.Via", "'x'", ""},
		{"header.Content-Length", "'5'", "API_CONFIGURATION_ERROR"},
		{"header.content-length", "'5'", "API_CONFIGURATION_ERROR"},
		{"header.Content-Length", "stageVariables.none", ""},
		{"header.Transfer-Encoding", "'chunked'", "API_CONFIGURATION_ERROR"},
		{"header.X-Amzn-Trace-Id", "'x'", "API_CONFIGURATION_ERROR"},
		{"header.X-Amzn-Apigateway-Api-Id", "'x'", "API_CONFIGURATION_ERROR"},
		{"querystring.q", "method.request.querystring.a", "q=3"},
		{"querystring.q", "method.request.multivaluequerystring.a", "q=1 q=%202%20x q=3"},
		{"querystring.q&=", "'&= é'", "q%26%3D=%26%3D%20%C3%A9"},
		{"querystring.q", "method.request.querystring.none", ""},
		{"path.p", "method.request.path.id", "p:a%20b%2Fc"},
		{"path.p", "method.request.path.rest", "p:x/y//z%20w"},
		{"path.p", "'a/b'", "p:a%2Fb"},
		{"path.p", "method.request.querystring.a", "p:3"},
		{"path.unused", "'x'", "p:"},
	}
	for _, tt := range tests {
		t.Run(tt.key+" from "+tt.source, func(t *testing.T) {
			rt := petRoute()
			var variables []string
			if strings.HasPrefix(tt.key, "path") {
				variables = []string{"p"}
			}
			s, err := step.NewIntegrationRequest(map[string]string{"integration.request." + tt.key: tt.source}, variables, step.BackendHTTP,
				&step.Scope{Route: rt, Variables: map[string]string{"v": "value"}})
			if err != nil {
				t.Fatal(err)
			}
			x := begun(rt, []string{"a%20b%2Fc", "x/y//z%20w"}, "POST", target, ` {"a": 1} `, lines...)
			got := faultType(t, s, x)
			for _, f := range x.MappedHeader {
				got += " " + f.Name + ": " + f.Value
			}
			for _, f := range x.MappedQuery {
				got += " " + f.Name + "=" + f.Value
			}
			for i, v := range x.MappedPath {
				got += " " + variables[i] + ":" + v
			}
			if got = strings.TrimSpace(got); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestIntegrationRequestInjection: what a client sends cannot end a header.
func TestIntegrationRequestInjection(t *testing.T) {
	rt := petRoute()
	s, err := step.NewIntegrationRequest(map[string]string{"integration.request.header.H": "method.request.querystring.q"}, nil, step.BackendHTTP, &step.Scope{Route: rt})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"a%0d%0aX-Evil:1", "a%00", "a%0a", "a%7f"} {
		x := begun(rt, []string{"1", "2"}, "GET", "/?q="+q, "")
		if got := faultType(t, s, x); got != "DEFAULT_4XX" {
			t.Errorf("%s: %q with header %v, want DEFAULT_4XX", q, got, x.MappedHeader)
		}
	}
}

func TestNewIntegrationRequestRefuses(t *testing.T) {
	for key, source := range map[string]string{
		"integration.request.header.H":    "method.request.body.a[",
		"integration.request.header.I":    "integration.response.header.X",
		"integration.request.header.J":    "method.request.cookie.x",
		"integration.request.header.K":    "nonsense",
		"integration.request.header.":     "'x'",
		"integration.request.cookie.x":    "'x'",
		"integration.response.header.x":   "'x'",
		"integration.request.querystring": "'x'",
	} {
		if _, err := step.NewIntegrationRequest(map[string]string{key: source}, nil, step.BackendHTTP, &step.Scope{Route: petRoute()}); err == nil {
			t.Errorf("%s from %s: no error", key, source)
		}
	}
}

func TestIntegrationRequestAllocs(t *testing.T) {
	rt := petRoute()
	s, err := step.NewIntegrationRequest(map[string]string{
		"integration.request.header.A":      "method.request.header.X",
		"integration.request.header.B":      "context.requestId",
		"integration.request.querystring.q": "method.request.querystring.a",
		"integration.request.path.p":        "method.request.path.rest",
	}, []string{"p"}, step.BackendHTTP, &step.Scope{Route: rt})
	if err != nil {
		t.Fatal(err)
	}
	x := begun(rt, []string{"1", "a%20b"}, "GET", "/?a=%20", "", "X: y")
	if n := testing.AllocsPerRun(1000, func() {
		x.Buf, x.MappedHeader, x.MappedQuery = x.Buf[:0], x.MappedHeader[:0], x.MappedQuery[:0]
		if err := s.Do(context.Background(), x); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Do allocates %v times, budget 0", n)
	}
	if d := cmp.Diff([]string{"a%20b"}, x.MappedPath); d != "" {
		t.Error(d)
	}
}
