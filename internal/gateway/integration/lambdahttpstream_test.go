package integration_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/integration"
)

// What a function streams behind an HTTP API is passed on as it comes, in both
// formats; what has no form is a failure, and nothing is left open.
func TestLambdaHTTPStream(t *testing.T) {
	const mark = "\x00\x00\x00\x00\x00\x00\x00\x00"
	const bad = "500 INTEGRATION_FAILURE Internal server error"
	tests := []struct {
		name, version string
		parts         parts
		status        int // 0: want is a fault
		want          string
		header        []string
	}{
		{"format 2.0", "2.0", parts{list: []string{`{"statusCode":201,"headers":{"a":"1"},"cookies":["k=v"]}` + mark[:5], mark[5:] + "hel", "lo"}}, 201, "hello",
			[]string{"A: 1", "Set-Cookie: k=v", "Content-Type: text/plain; charset=utf-8"}},
		{"format 1.0", "1.0", parts{list: []string{`{"statusCode":200,"multiValueHeaders":{"a":["1","2"]}}` + mark + "hello"}}, 200, "hello",
			[]string{"A: 1", "A: 2", "Content-Type: text/plain; charset=utf-8"}},
		{"no status", "2.0", parts{list: []string{`{}` + mark}}, 200, "", []string{"Content-Type: text/plain; charset=utf-8"}},
		{"no mark", "2.0", parts{list: []string{`{"statusCode":200}`}}, 0, bad, nil},
		{"failed", "2.0", parts{err: &function.StreamError{Code: "Unhandled"}}, 0, bad, nil},
		{"endless metadata", "2.0", parts{list: []string{strings.Repeat(" ", 20<<10), mark}}, 0, bad, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := &tt.parts
			x := lambdaExchange("GET", "/s/t", "")
			x.HTTP = true
			call, err := integration.NewLambdaHTTP(&integration.LambdaConfig{
				Invoker: invokerFunc(func(_ context.Context, in *function.Invocation) (*function.Result, error) {
					if !in.Stream {
						t.Error("not asked to stream")
					}
					return &function.Result{Status: 200, Body: body}, nil
				}), Function: "f", Stream: true, Form: event.NewHTTPForm(&gateway.Route{Key: "$default"}, nil),
			}, tt.version)
			if err != nil {
				t.Fatal(err)
			}
			if err := call.Call(t.Context(), x); err != nil {
				if got := faultOf(err); tt.status != 0 || got != tt.want || !body.closed {
					t.Errorf("fault %s, closed %v; want %s", got, body.closed, tt.want)
				}
				return
			}
			got, err := gatewaytest.Drain(x)
			if err != nil || got.Status != tt.status || got.Body != tt.want || !slices.Equal(got.Header, tt.header) || !body.closed {
				t.Errorf("got %+v, %v, closed %v", got, err, body.closed)
			}
		})
	}
}

// A body that is streamed cannot be referred to, not even the part of it that came
// with the metadata.
func TestLambdaHTTPStreamMapped(t *testing.T) {
	responses, err := integration.MapResponses(map[string]map[string]string{"200": {"append:header.b": "${response.body}!", "overwrite:statuscode": "202"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	body := &parts{list: []string{`{"statusCode":200}` + "\x00\x00\x00\x00\x00\x00\x00\x00" + "hel", "lo"}}
	call, err := integration.NewLambdaHTTP(&integration.LambdaConfig{
		Invoker: invokerFunc(func(context.Context, *function.Invocation) (*function.Result, error) {
			return &function.Result{Status: 200, Body: body}, nil
		}), Function: "f", Stream: true, Form: event.NewHTTPForm(&gateway.Route{Key: "$default"}, nil), Responses: responses,
	}, "2.0")
	if err != nil {
		t.Fatal(err)
	}
	x := lambdaExchange("GET", "/s/t", "")
	x.HTTP = true
	if err := call.Call(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	got, err := gatewaytest.Drain(x)
	if err != nil || got.Status != 202 || got.Body != "hello" || !slices.Contains(got.Header, "b: !") {
		t.Errorf("got %+v, %v", got, err)
	}
}
