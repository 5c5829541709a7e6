package step_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/step"
)

// AWS: integrations.md §2.3.
func TestMappingFromRequestBody(t *testing.T) {
	const pet = ` {"name": "Rex", "age": 3, "tags": ["a", {"b": 1}], "none": null, "owner": {"name": "Ann B"}} `
	tests := []struct{ to, path, body, want string }{
		{"header.H", "name", pet, "H: Rex"},
		{"header.H", "$.name", pet, "H: Rex"},
		{"header.H", "owner.name", pet, "H: Ann B"},
		{"header.H", "age", pet, "H: 3"},
		{"header.H", "tags", pet, `H: ["a",{"b":1}]`},
		{"header.H", "tags[0]", pet, "H: a"},
		{"header.H", "owner", pet, `H: {"name":"Ann B"}`},
		{"header.H", "none", pet, ""},
		{"header.H", "missing.at.all", pet, ""},
		{"header.H", "name", "", ""},
		{"header.H", "name", "name=Rex", ""},
		{"header.H", "name", `{"name"`, "400 Invalid JSON in request body"},
		{"header.H", "name", `["name"`, "400 Invalid JSON in request body"},
		{"header.H", "name", `{"name": "a\nb"}`, "400 Bad Request"},
		{"header.H", "$", ` 'Rex' `, "H: Rex"},
		{"header.H", "name", `'Rex'`, ""},
		{"header.H", "$", `'Rex`, "400 Invalid JSON in request body"},
		{"querystring.q", "owner.name", pet, "q=Ann%20B"},
		{"querystring.q", "name", `{`, "400 Invalid JSON in request body"},
		{"path.p", "owner.name", pet, "p:Ann%20B"},
		{"path.p", "name", `{`, "400 Invalid JSON in request body"},
	}
	for _, tt := range tests {
		t.Run(tt.to+" "+tt.path, func(t *testing.T) {
			variables := []string{"p"}
			s, err := step.NewIntegrationRequest(map[string]string{"integration.request." + tt.to: "method.request.body." + tt.path}, variables, step.BackendHTTP, &step.Scope{Route: petRoute()})
			if err != nil {
				t.Fatal(err)
			}
			if !s.NeedsBody() {
				t.Error("the step does not ask for the body")
			}
			x := begun(petRoute(), []string{"1", "2"}, "POST", "/", tt.body)
			got := ""
			if f := new(gateway.Fault); errors.As(s.Do(context.Background(), x), &f) {
				got = "400 " + f.Text()
				if f.Type != gateway.Default4XX || f.ErrorTypeHeader() != "BadRequestException" {
					t.Errorf("fault %v", f)
				}
			}
			for _, f := range x.MappedHeader {
				got += f.Name + ": " + f.Value
			}
			for _, f := range x.MappedQuery {
				got += f.Name + "=" + f.Value
			}
			if got == "" && x.MappedPath[0] != "" {
				got = "p:" + x.MappedPath[0]
			}
			if got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.body, got, tt.want)
			}
		})
	}
}

// AWS: integrations.md §8.2.
func TestMappingFromResponseBody(t *testing.T) {
	const pet = "{\"name\": \"Rex\", \"tags\": [1]}\n"
	tests := []struct{ source, body, want string }{
		{"integration.response.body", pet, strings.TrimSpace(pet)},
		{"integration.response.body", "", "{}"},
		{"integration.response.body", "a\nb", ""}, // cannot stand in a header
		{"integration.response.body.name", pet, "Rex"},
		{"integration.response.body.$.tags", pet, "[1]"},
		{"integration.response.body.none", pet, ""},
		{"integration.response.body.name", "plain", ""},
		{"integration.response.body.name", "{", "500"},
	}
	for _, tt := range tests {
		for _, streamed := range []int{0, len(tt.body)} {
			s, err := step.NewIntegrationResponse([]step.Response{{Status: 200, Parameters: map[string]string{"method.response.header.X-M": tt.source}}}, step.BackendHTTP, &step.Scope{})
			if err != nil {
				t.Fatal(err)
			}
			x := begun(petRoute(), nil, "GET", "/", "")
			cl := &gatewaytest.Cluster{Body: tt.body, Streamed: streamed}
			if err := cl.Do(context.Background(), &x.IntegrationRequest, &x.IntegrationResponse, x.Deadline); err != nil {
				t.Fatal(err)
			}
			got, fault := "", faultType(t, s, x)
			if fault == "API_CONFIGURATION_ERROR" {
				got = "500"
			} else {
				got = x.MethodResponse.Header.Get("X-M")
				if a, err := gatewaytest.Drain(x); err != nil || a.Body != tt.body || a.Length != int64(len(tt.body)) {
					t.Errorf("%s: the client gets %q, %d, %v, want %q", tt.source, a.Body, a.Length, err, tt.body)
				}
			}
			if got != tt.want {
				t.Errorf("%s of %q: got %q, want %q", tt.source, tt.body, got, tt.want)
			}
		}
	}
}
