package apigateway

import (
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
)

func TestCheckRequestMappings(t *testing.T) {
	me := &methodEdit{def: &record.Definition{}, m: api.Method{RequestParameters: map[string]bool{
		"method.request.header.H": true, "method.request.querystring.q": false, "method.request.path.p": true,
	}}}
	const invalid = "BadRequestException: Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression "
	tests := []struct {
		target, source string
		want           string // error; empty: none
	}{
		{"integration.request.header.X", "method.request.header.H", ""},
		{"integration.request.header.X", "method.request.multivalueheader.H", ""},
		{"integration.request.querystring.x", "method.request.querystring.q", ""},
		{"integration.request.querystring.x", "method.request.multivaluequerystring.q", ""},
		{"integration.request.path.x", "method.request.path.p", ""},
		{"integration.request.header.X", "method.request.body", ""},
		{"integration.request.header.X", "method.request.body.a.b[0]", ""},
		{"integration.request.header.X", "method.request.body.$.a", ""},
		{"integration.request.header.X", "method.request.body.a[", invalid + "specified: method.request.body.a[]"},
		{"integration.request.header.X", "stageVariables.v", ""},
		{"integration.request.header.X", "context.requestId", ""},
		{"integration.request.header.X", "'text with spaces'", ""},
		{"integration.request.header.X", "''", ""},
		{"integration.request.header.X", "method.request.header.h", invalid + "parameter specified: method.request.header.h]"},
		{"integration.request.header.X", "method.request.path.q", invalid + "parameter specified: method.request.path.q]"},
		{"integration.request.header.X", "'", invalid + "specified: ']"},
		{"integration.request.header.X", "true", invalid + "specified: true]"},
		{"integration.request.header.X", "method.request.header.", invalid + "specified: method.request.header.]"},
		{"integration.request.header.X", "method.request.bodyguard", invalid + "specified: method.request.bodyguard]"},
		{"integration.request.header.", "'x'", invalid + "specified: integration.request.header.]"},
		{"integration.request.body", "'x'", invalid + "specified: integration.request.body]"},
		{"X", "'x'", invalid + "specified: X]"},
	}
	for _, tt := range tests {
		err := me.checkRequestMappings(map[string]string{tt.target: tt.source})
		if got := errText(err); got != tt.want {
			t.Errorf("%s = %s: %q, want %q", tt.target, tt.source, got, tt.want)
		}
	}
}

func TestCheckResponseMappings(t *testing.T) {
	const head = "BadRequestException: Invalid mapping expression specified: Validation Result: warnings : [], errors : ["
	declared := api.Method{MethodResponses: map[string]api.MethodResponse{
		"200": {ResponseParameters: map[string]bool{"method.response.header.H": false}}}}
	tests := []struct {
		name           string
		m              api.Method
		status         string
		target, source string
		want           string
	}{
		{"a header", declared, "200", "method.response.header.H", "integration.response.header.X", ""},
		{"all values of a header", declared, "200", "method.response.header.H", "integration.response.multivalueheader.X", ""},
		{"a constant", declared, "200", "method.response.header.H", "'*'", ""},
		{"a variable", declared, "200", "method.response.header.H", "stageVariables.v", ""},
		{"the context", declared, "200", "method.response.header.H", "context.requestId", ""},
		{"the body", declared, "200", "method.response.header.H", "integration.response.body", ""},
		{"a part of the body", declared, "200", "method.response.header.H", "integration.response.body.a.b", ""},
		{"no path", declared, "200", "method.response.header.H", "integration.response.body.a[", head + "Invalid mapping expression specified: integration.response.body.a[]"},
		{"no source", declared, "200", "method.response.header.H", "method.request.header.X", head + "Invalid mapping expression specified: method.request.header.X]"},
		{"not declared", declared, "200", "method.response.header.X", "'*'", head + "Invalid mapping expression parameter specified: method.response.header.X]"},
		{"another status", declared, "404", "method.response.header.H", "'*'", head + "Output mapping refers to an invalid method response: 404]"},
		{"no responses", api.Method{}, "200", "method.response.header.H", "'*'", head + "No method response exists for method.]"},
		{"no header", declared, "200", "method.response.body", "'*'", head + "Invalid mapping expression specified: method.response.body]"},
	}
	for _, tt := range tests {
		me := &methodEdit{def: &record.Definition{}, m: tt.m}
		err := me.checkResponseMappings(tt.status, map[string]string{tt.target: tt.source})
		if got := errText(err); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestValidEndpoint(t *testing.T) {
	tests := []struct {
		uri  string
		want bool
	}{
		{"http://example.com", true},
		{"https://example.com:8443/a/{b}?c=d", true},
		{"http://127.0.0.1:8081/{proxy}", true},
		{"http://[::1]:8081/", true},
		{"http://${stageVariables.host}/path", true},
		{"http://${stageVariables.host}:${stageVariables.port}/path", true},
		{"https://api.${stageVariables.env}.example.com/", true},
		{"http://example.com/${stageVariables.path}", true},
		{"", false},
		{"example.com", false},
		{"ftp://example.com", false},
		{"http://", false},
		{"http:///path", false},
		{"http://exa mple.com", false},
		{"${stageVariables.url}", false},
		{"http://example.com:port/", false},
	}
	for _, tt := range tests {
		if got := validEndpoint(tt.uri); got != tt.want {
			t.Errorf("validEndpoint(%q) = %v, want %v", tt.uri, got, tt.want)
		}
	}
}
