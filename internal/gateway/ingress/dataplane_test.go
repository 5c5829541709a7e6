package ingress_test

import (
	"net/http"
	"testing"

	"gatehouse/internal/gateway/ingress"
)

func TestIsDataPlane(t *testing.T) {
	tests := []struct {
		host, target string
		want         bool
	}{
		{"abc123.execute-api.us-east-1.amazonaws.com", "/prod/x", true},
		{"abc123.execute-api.localhost.localstack.cloud:4566", "/", true},
		{"ABC123.Execute-API.example.com", "/prod", true},
		{"execute-api.us-east-1.amazonaws.com", "/prod", false},
		{"abc123.execute-api", "/prod", false},
		{"a.b.execute-api.example.com", "/prod", false},
		{"apigateway.us-east-1.amazonaws.com", "/restapis/abc123/stages/prod", false},
		{"localhost:4566", "/_aws/execute-api/abc123/prod/x?y=z", true},
		{"localhost:4566", "//_aws/execute-api/abc123/prod", true},
		{"localhost:4566", "http://localhost:4566/_aws/execute-api/abc123/prod", true},
		{"localhost:4566", "/x?/_aws/execute-api/abc123/prod", false},
		{"localhost:4566", "/restapis/abc123/prod/_user_request_/x", true},
		{"localhost:4566", "/restapis/abc123/prod/_user_request_", true},
		{"localhost:4566", "/restapis/abc123/prod/_user_request_x/y", false},
		{"localhost:4566", "/restapis/abc123/_user_request_", false},
		{"localhost:4566", "/restapis/abc123/deployments/_user_request", false},
		{"localhost:4566", "/restapis", false},
		{"localhost:4566", "*", false},
		{"localhost:4566", "", false},
	}
	for _, tt := range tests {
		r := &http.Request{Host: tt.host, RequestURI: tt.target}
		if got := ingress.IsDataPlane(r); got != tt.want {
			t.Errorf("IsDataPlane(Host %q, target %q) = %v, want %v", tt.host, tt.target, got, tt.want)
		}
	}
}
