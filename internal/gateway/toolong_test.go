package gateway_test

import (
	"strings"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
)

// AWS: execution.md §6: method ARN, URL length.
func TestTooLong(t *testing.T) {
	router, err := gateway.NewRouter([]*gateway.Route{{ResourcePath: "/{proxy+}", Method: "GET", Plan: new(gateway.Plan)}})
	if err != nil {
		t.Fatal(err)
	}
	const arn = len("arn:aws:execute-api:eu-west-1:000000000000:abc123/prod/GET")
	const before = len("/_aws/execute-api/abc123/prod")
	tests := []struct {
		name     string
		endpoint string
		target   string // behind the stage
		want     int    // 0: a route is found
	}{
		{"an ARN of 1,600", "REGIONAL", "/" + strings.Repeat("x", 1600-arn-1), 0},
		{"one more", "REGIONAL", "/" + strings.Repeat("x", 1600-arn), 414},
		{"a query is no part of it", "REGIONAL", "/x?" + strings.Repeat("x", 9000), 0},
		{"a URL of 8,192", "EDGE", "/x?" + strings.Repeat("x", 8192-before-3), 0},
		{"one more of EDGE", "EDGE", "/x?" + strings.Repeat("x", 8192-before-2), 414},
		{"one more of PRIVATE", "PRIVATE", "/x?" + strings.Repeat("x", 8192-before-2), 414},
	}
	for _, tt := range tests {
		st := &gateway.Stage{Account: "000000000000", Region: "eu-west-1", API: "abc123", Name: "prod", EndpointType: tt.endpoint, Router: router}
		table, err := gateway.NewTable(1, []*gateway.API{{ID: "abc123", Stages: map[string]*gateway.Stage{"prod": st}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		g := new(gateway.Gateway)
		g.Publish(table)
		x := new(gateway.Exchange)
		gatewaytest.Fill(x, "GET", "/_aws/execute-api/abc123/prod"+tt.target, "")
		g.Begin(x)
		got := 0
		if x.Fault != nil {
			got = x.Fault.StatusCode()
		}
		if got != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, got, tt.want)
		}
	}
}
