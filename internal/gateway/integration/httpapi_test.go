package integration_test

import (
	"context"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/integration"
)

// What is passed through and not mapped costs no memory, whatever the backend's
// spelling of its headers, and wherever the path comes from.
func TestHTTPAPIProxyAllocs(t *testing.T) {
	tests := []struct{ name, uri, path, header string }{
		{"constant", "http://backend/items?a=b", "/pets", "Content-Type: text/plain"},
		{"variable", "http://backend/items/{id}", "/pets/{id}", "Content-Type: text/plain"},
		{"$default", "http://backend/a-store-whose-path-is-no-short-one-at-all", "", "Content-Type: text/plain"},
		{"$default with a query", "http://backend/a-store-whose-path-is-no-short-one-at-all?a=b", "", "Content-Type: text/plain"},
		{"names in small letters", "http://backend/items", "/pets", "x-some-name-of-our-own: 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			uri, err := integration.ParseURI(tt.uri)
			if err != nil {
				t.Fatal(err)
			}
			rt := &gateway.Route{Method: "GET", ResourcePath: tt.path}
			if tt.path != "" {
				rt.Key = "GET " + tt.path
				if _, err := gateway.NewHTTPRouter([]*gateway.Route{rt}); err != nil {
					t.Fatal(err)
				}
			}
			cl := &gatewaytest.Cluster{Body: "hello", Header: gatewaytest.Header(tt.header, "Content-Length: 5", "X-Own: x")}
			request, err := integration.MapRequest(nil, rt, nil)
			if err != nil {
				t.Fatal(err)
			}
			p, err := integration.NewHTTPAPIProxy(&integration.HTTPAPIConfig{Config: integration.Config{API: "a", URI: uri, Cluster: cl, Method: "ANY"}, Route: rt, Request: request})
			if err != nil {
				t.Fatal(err)
			}
			x := exchange("GET", "/pets/7%20a?c=d", "", "Accept: */*", "X-A: 1", "X-Forwarded-For: 1.2.3.4", "User-Agent: curl")
			x.Vars.Path, x.Vars.Params = "/pets/7 a", []string{"7 a"}
			ctx := context.Background()
			if n := testing.AllocsPerRun(1000, func() {
				x.Buf, x.MappedPath = x.Buf[:0], x.MappedPath[:0]
				if err := p.Call(ctx, x); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("a call allocates %v times, budget 0", n)
			}
		})
	}
}
