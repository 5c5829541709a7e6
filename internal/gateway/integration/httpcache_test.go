package integration_test

import (
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/wire"
)

// Requests are told apart by host, path and the parameters that were asked for,
// without memory of their own.
func TestHTTPCacheParams(t *testing.T) {
	rt := &gateway.Route{Key: "GET /{id}", ResourcePath: "/{id}", ParamNames: []string{"id"}}
	keys := []string{"$request.querystring", "$request.header.Lang", "$request.header.none", "$request.path.id"}
	params, err := integration.HTTPCacheParams(keys, rt, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := exchange("GET", "/pets?a=1&b=2", "", "Lang: de", "lang: en")
	x.Vars.Path, x.Vars.Params = "/pets", []string{"pets"}
	x.Route = rt
	want := []string{x.MethodRequest.Host, "/pets", "a=1&b=2", "de,en", "", "pets"}
	for i, p := range params {
		got, err := p.Value(x)
		if err != nil || got != want[i] {
			t.Errorf("%s = %q, %v, want %q", p.Name, got, err, want[i])
		}
	}
	x.Buf = make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() {
		x.Buf = x.Buf[:0]
		for _, p := range params[:5] {
			_, _ = p.Value(x)
		}
	}); n != 0 {
		t.Errorf("parameters allocate %v times, budget 0", n)
	}
	for _, key := range []string{"$request.body.a", "$request.body", "$response.header.a", "text"} {
		if _, err := integration.HTTPCacheParams([]string{key}, rt, nil); err == nil {
			t.Errorf("%s is taken for a cache key", key)
		}
	}
}

// What is meant for one client, or depends on more than what tells requests
// apart, is for nobody else.
func TestForAll(t *testing.T) {
	all := integration.ForAll([]string{"$request.header.Accept", "$request.header.accept-encoding", "$request.querystring.origin"})
	tests := []struct {
		name, value string
		status      int
		want        bool
	}{
		{"X-A", "1", 200, true},
		{"X-A", "1", 404, true},
		{"X-A", "1", 206, false},
		{"X-A", "1", 304, false},
		{"Set-Cookie", "a=b", 200, false},
		{"Cache-Control", "public, max-age=1", 200, true},
		{"Cache-Control", "max-age=1, Private", 200, false},
		{"Cache-Control", `private="x-a"`, 200, false},
		{"Cache-Control", "no-store", 200, false},
		{"Cache-Control", "x-no-store", 200, true},
		{"Vary", "accept, Accept-Encoding", 200, true},
		{"Vary", "Accept, Origin", 200, false},
		{"vary", "*", 200, false},
	}
	for _, tt := range tests {
		x := exchange("GET", "/", "")
		x.MethodResponse.Status = tt.status
		x.MethodResponse.Header.Fields = []wire.Field{{Name: tt.name, Value: tt.value, ID: wire.Identify(tt.name)}}
		if got := all(x); got != tt.want {
			t.Errorf("%d with %s: %s is for all: %v, want %v", tt.status, tt.name, tt.value, got, tt.want)
		}
	}
}
