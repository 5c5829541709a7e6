package step_test

import (
	"context"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/step"
)

// begun makes an exchange whose variables are set, of a route.
func begun(rt *gateway.Route, params []string, method, target, body string, lines ...string) *gateway.Exchange {
	x := new(gateway.Exchange)
	gatewaytest.Fill(x, method, target, body, lines...)
	new(gateway.Gateway).Begin(x) // there is no stage, but the variables are set
	x.MethodResponse.Reset()
	x.Fault, x.Route, x.Vars.Params = nil, rt, params
	x.Stage = &gateway.Stage{API: "abc", Name: "prod", Account: "111111111111"}
	return x
}

func petRoute() *gateway.Route {
	return &gateway.Route{Method: "GET", ResourcePath: "/pets/{id}/{rest+}", ParamNames: []string{"id", "rest"}}
}

// AWS: rest-execution.md §7; LS common::test_api_gateway_request_validator.
func TestRequestParams(t *testing.T) {
	keys := []string{"method.request.querystring.qs1", "method.request.header.x-header-param", "method.request.path.id"}
	tests := []struct {
		name, id, query string
		lines           []string
		want            string
	}{
		{"all there", "7", "?qs1=a", []string{"x-header-param: b"}, ""},
		{"none there", "", "", nil, `{"message": "Missing required request parameters: [x-header-param, id, qs1]"}`},
		{"blank", "%20", "?qs1=+", []string{"x-header-param:  "}, `{"message": "Missing required request parameters: [x-header-param, id, qs1]"}`},
		{"header in another case", "7", "?qs1=a", []string{"X-Header-Param: b"}, `{"message": "Missing required request parameters: [x-header-param]"}`},
		{"query without value", "7", "?qs1", []string{"x-header-param: b"}, `{"message": "Missing required request parameters: [qs1]"}`},
		{"encoded name", "7", "?q%731=a", []string{"x-header-param: b"}, ""},
		{"the last value counts", "7", "?qs1=a&qs1=", []string{"x-header-param: b"}, `{"message": "Missing required request parameters: [qs1]"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rt := petRoute()
			s, err := step.NewRequestParams(keys, &step.Scope{Route: rt})
			if err != nil {
				t.Fatal(err)
			}
			x := begun(rt, []string{tt.id, "r"}, "GET", "/"+tt.query, "", tt.lines...)
			got := ""
			if err := s.Do(context.Background(), x); err != nil {
				f := err.(*gateway.Fault)
				got = string(f.AppendBody(nil))
				if f.Type != gateway.BadRequestParameters {
					t.Errorf("fault %v, want BAD_REQUEST_PARAMETERS", f.Type)
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	for _, key := range []string{"method.request.body", "method.request.header", "x", "method.request.cookie.a"} {
		if _, err := step.NewRequestParams([]string{key}, &step.Scope{Route: petRoute()}); err == nil {
			t.Errorf("%s: no error", key)
		}
	}
}

func TestRequestParamsAllocs(t *testing.T) {
	rt := petRoute()
	s, err := step.NewRequestParams([]string{"method.request.querystring.a", "method.request.header.b", "method.request.path.id"}, &step.Scope{Route: rt})
	if err != nil {
		t.Fatal(err)
	}
	x := begun(rt, []string{"7", "r"}, "GET", "/?x=y&a=%20b", "", "b: c")
	if n := testing.AllocsPerRun(1000, func() {
		x.Buf = x.Buf[:0]
		if err := s.Do(context.Background(), x); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Do allocates %v times, budget 0", n)
	}
}
