package gateway_test

import (
	"strings"
	"testing"

	"gatehouse/internal/gateway"
)

// AWS: rest-execution.md §1, custom-domains.md §2.
func TestTableResolve(t *testing.T) {
	stage := func(api, name string) *gateway.Stage { return &gateway.Stage{API: api, Name: name} }
	a := &gateway.API{ID: "abc123", Stages: map[string]*gateway.Stage{"prod": stage("a", "prod"), "Prod": stage("a", "Prod")}}
	b := &gateway.API{ID: "off456", Stages: map[string]*gateway.Stage{"v1": stage("b", "v1")}, Disabled: true}
	single := &gateway.Host{Name: "api.example.com", Mappings: []gateway.Mapping{
		{BasePath: "(none)", API: a, Stage: a.Stages["prod"]},
		{BasePath: "orders", API: b, Stage: b.Stages["v1"]},
		{BasePath: "any", API: a},
	}}
	multi := &gateway.Host{Name: "Multi.example.com", Mappings: []gateway.Mapping{
		{BasePath: "orders", API: a, Stage: a.Stages["prod"]},
		{BasePath: "orders/v1/items", API: b, Stage: b.Stages["v1"]},
	}}
	inner := stage("p", "v1")
	inner.EndpointType, inner.Endpoints = "PRIVATE", []string{"vpce-0a"}
	p := &gateway.API{ID: "priv77", Stages: map[string]*gateway.Stage{"v1": inner}}
	wild := &gateway.Host{Name: "*.wild.example.com", Mappings: []gateway.Mapping{{API: a, Stage: a.Stages["prod"]}}}
	table, err := gateway.NewTable(7, []*gateway.API{a, b, p}, []*gateway.Host{single, multi, wild})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 300)
	tests := []struct {
		host, path string
		want       string // api/stage rest contextPath basePath
	}{
		{"abc123.execute-api.us-east-1.amazonaws.com", "/prod/pets", "a/prod /pets /prod/pets "},
		{"abc123.execute-api.localhost:8080", "/prod/pets/", "a/prod /pets/ /prod/pets/ "},
		{"ABC123.Execute-API.localhost", "/prod", "a/prod  /prod "},
		{"abc123.execute-api.localhost.", "/prod/", "a/prod / /prod/ "},
		{"abc123.execute-api.localhost", "/Prod/x", "a/Prod /x /Prod/x "},
		{"abc123.execute-api.localhost", "//prod//x", "a/prod //x //prod//x "},
		{"abc123.execute-api.localhost", "/PROD/x", ""},
		{"abc123.execute-api.localhost", "/", ""},
		{"abc123.execute-api.localhost", "/nope/x", ""},
		{"abc123.execute-api.localhost", "/_aws/execute-api/abc123/prod/x", ""},
		{"abc123.execute-api.", "/prod/x", ""},
		{".execute-api.localhost", "/prod/x", ""},
		{"nope.execute-api.localhost", "/prod/x", ""},
		{"off456.execute-api.localhost", "/v1/x", ""},
		{"priv77-vpce-0a.execute-api.us-east-1.amazonaws.com", "/v1/x", "p/v1 /x /v1/x "},
		{"PRIV77-VPCE-0A.execute-api.localhost:80", "/v1/x", "p/v1 /x /v1/x "},
		{"priv77-vpce-0b.execute-api.localhost", "/v1/x", ""},
		{"priv77-.execute-api.localhost", "/v1/x", ""},
		{"abc123-vpce-0a.execute-api.localhost", "/prod/x", ""},
		{"-vpce-0a.execute-api.localhost", "/v1/x", ""},
		{"localhost:8080", "/_aws/execute-api/abc123/prod/x/y", "a/prod /x/y /prod/x/y "},
		{"127.0.0.1", "/_aws/execute-api/abc123/prod", "a/prod  /prod "},
		{"[::1]:8080", "/_aws/execute-api/abc123/prod/", "a/prod / /prod/ "},
		{"", "/restapis/abc123/prod/_user_request_/x/y", "a/prod /x/y /prod/x/y "},
		{"h", "/restapis/abc123/prod/_user_request_", "a/prod  /prod "},
		{"h", "/restapis/abc123/prod/x", ""},
		{"h", "/restapis/abc123/prod/_user_requests_/x", ""},
		{"h", "/restapis/off456/v1/_user_request_/x", ""},
		{"h", "/restapis/", ""},
		{"h", "/_aws/execute-api/", ""},
		{"h", "/prod/x", ""},
		{long, "/_aws/execute-api/abc123/prod/x", ""},

		{"api.example.com:443", "/customers", "a/prod /customers /customers "},
		{"API.EXAMPLE.COM", "/orders/7", "b/v1 /7 /orders/7 orders"},
		{"api.example.com", "/orders", "b/v1  /orders orders"},
		{"api.example.com", "/ordersandmore", "a/prod /ordersandmore /ordersandmore "},
		{"api.example.com", "/any/Prod/x", "a/Prod /x /any/Prod/x any"},
		{"api.example.com", "/any/nope/x", ""},
		{"multi.example.com", "/orders/v1/items/123", "b/v1 /123 /orders/v1/items/123 orders/v1/items"},
		{"multi.example.com", "/orders/v2", "a/prod /v2 /orders/v2 orders"},
		{"multi.example.com", "/ordersandmore", "a/prod andmore /ordersandmore orders"},
		{"multi.example.com", "/customers", ""},
		{"x.wild.example.com", "/p", "a/prod /p /p "},
		{"y.x.wild.example.com", "/p", ""},
		{"wild.example.com", "/p", ""},
	}
	for _, tt := range tests {
		t.Run(tt.host+tt.path, func(t *testing.T) {
			st, rest, path, base := table.Resolve(tt.host, tt.path)
			got := ""
			if st != nil {
				got = st.API + "/" + st.Name + " " + rest + " " + path + " " + base
			}
			if got != tt.want {
				t.Errorf("%s %s = %q, want %q", tt.host, tt.path, got, tt.want)
			}
		})
	}
	if table.Revision() != 7 {
		t.Errorf("Revision = %d, want 7", table.Revision())
	}
	if n := testing.AllocsPerRun(1000, func() { table.Resolve("ABC123.execute-api.localhost:8080", "/prod/pets") }); n > 1 {
		t.Errorf("Resolve allocates %v times, budget 1 for joining the context path here", n)
	}
}

func TestNewTableRefuses(t *testing.T) {
	if _, err := gateway.NewTable(1, []*gateway.API{{ID: "a"}, {ID: "a"}}, nil); err == nil {
		t.Error("two APIs of one id: no error")
	}
	if _, err := gateway.NewTable(1, nil, []*gateway.Host{{Name: "A.b"}, {Name: "a.B"}}); err == nil {
		t.Error("two hosts of one name: no error")
	}
}
