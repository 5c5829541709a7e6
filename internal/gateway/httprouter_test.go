package gateway

import (
	"strings"
	"testing"
)

// AWS: http-api-execution.md §1, with the guide's own set of routes.
func TestHTTPRouter(t *testing.T) {
	var routes []*Route
	for _, key := range []string{"GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default", "POST /", "ANY /pets/dog/1", "GET /{kind}/cat"} {
		rt := &Route{Key: key}
		rt.Method, rt.ResourcePath, _ = strings.Cut(key, " ")
		routes = append(routes, rt)
	}
	r, err := NewHTTPRouter(routes)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ request, key, params string }{
		{"GET /pets/dog/1", "GET /pets/dog/1", ""},
		{"PUT /pets/dog/1", "ANY /pets/dog/1", ""},
		{"GET /pets/dog/2", "GET /pets/dog/{id}", "2"},
		{"GET /pets/cat/1", "GET /pets/{proxy+}", "cat/1"},
		{"GET /pets/cat", "GET /{kind}/cat", "pets"}, // a full match comes before a greedy one
		{"POST /pets/dog/2", "ANY /{proxy+}", "pets/dog/2"},
		{"POST /test/5", "ANY /{proxy+}", "test/5"},
		{"GET /pets/dog/2/", "GET /pets/{proxy+}", "dog/2/"}, // a slash at the end counts
		{"GET /pets/", "ANY /{proxy+}", "pets/"},
		{"POST /", "POST /", ""},
		{"GET /", "$default", ""},
		{"PROPFIND /pets", "$default", ""},
	}
	for _, tt := range tests {
		method, path, _ := strings.Cut(tt.request, " ")
		rt, params := r.Match(method, path, nil)
		if rt == nil || rt.Key != tt.key || strings.Join(params, " ") != tt.params {
			t.Errorf("%s: %v %q, want %s %q", tt.request, rt, params, tt.key, tt.params)
		}
	}
}
