package step_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/step"
)

// AWS: gateway-responses.md §2 to §4, with what MEAS ministackorg/ministack#1756
// measured.
func TestFault(t *testing.T) {
	own := step.GatewayResponse{Status: 418, Templates: map[string]string{"application/json": `{"own":$context.error.messageString}`}}
	family := step.GatewayResponse{Status: 499, Templates: map[string]string{"application/json": "family"}}
	server := step.GatewayResponse{Templates: map[string]string{"application/json": "$context.error.responseType"}}
	rich := step.GatewayResponse{
		Parameters: map[string]string{
			"gatewayresponse.header.A-Const":  "'*'",
			"gatewayresponse.header.B-Header": "method.request.header.X-A",
			"gatewayresponse.header.C-Query":  "method.request.querystring.q",
			"gatewayresponse.header.D-Path":   "method.request.path.id",
			"gatewayresponse.header.E-Stage":  "stageVariables.v",
			"gatewayresponse.header.F-Ctx":    "context.error.responseType",
			"gatewayresponse.header.G-None":   "method.request.header.Nope",
			"gatewayresponse.header.H-Unsafe": "method.request.querystring.bad",
		},
		Templates: map[string]string{
			"application/json": `{"m":$context.error.messageString,"t":"$context.error.message","v":"$stageVariables.v","u":"$context.nonsense",` +
				`"h":"$method.request.header.X-A","q":"${method.request.querystring.q}","d":"$context.apiId.","x":"$5 #if(true)$input.body"}`,
			"text/html": "<p>",
		},
	}
	tests := []struct {
		name   string
		custom map[gateway.FaultType]step.GatewayResponse
		fault  *gateway.Fault
		accept string
		want   gatewaytest.Answer
	}{
		{"default", nil, &gateway.Fault{Type: gateway.Throttled}, "", gatewaytest.Answer{Status: 429, Body: `{"message":"Too Many Requests"}`,
			Header: []string{"Content-Type: application/json", "x-amzn-ErrorType: TooManyRequestsException"}}},
		{"own wins over the family", map[gateway.FaultType]step.GatewayResponse{gateway.Throttled: own, gateway.Default4XX: family},
			&gateway.Fault{Type: gateway.Throttled}, "", gatewaytest.Answer{Status: 418, Body: `{"own":"Too Many Requests"}`,
				Header: []string{"Content-Type: application/json", "x-amzn-ErrorType: TooManyRequestsException"}}},
		{"family", map[gateway.FaultType]step.GatewayResponse{gateway.Default4XX: family},
			&gateway.Fault{Type: gateway.Unauthorized}, "", gatewaytest.Answer{Status: 499, Body: "family",
				Header: []string{"Content-Type: application/json", "x-amzn-ErrorType: UnauthorizedException"}}},
		{"the other family", map[gateway.FaultType]step.GatewayResponse{gateway.Default4XX: family},
			&gateway.Fault{Type: gateway.IntegrationTimeout}, "", gatewaytest.Answer{Status: 504, Body: `{"message": "Endpoint request timed out"}`,
				Header: []string{"Content-Type: application/json", "x-amzn-ErrorType: InternalServerErrorException"}}},
		{"the failure's own status", map[gateway.FaultType]step.GatewayResponse{gateway.Default5XX: server},
			&gateway.Fault{Type: gateway.IntegrationFailure, Status: 502}, "", gatewaytest.Answer{Status: 502, Body: "INTEGRATION_FAILURE",
				Header: []string{"Content-Type: application/json", "x-amzn-ErrorType: InternalServerErrorException"}}},
		{"INTERNAL belongs to DEFAULT_5XX", map[gateway.FaultType]step.GatewayResponse{gateway.Default5XX: server},
			&gateway.Fault{Type: gateway.Internal}, "", gatewaytest.Answer{Status: 500, Body: "INTERNAL",
				Header: []string{"Content-Type: application/json", "x-amzn-ErrorType: InternalServerErrorException"}}},
		{"cannot be customised", map[gateway.FaultType]step.GatewayResponse{gateway.RequestTooLarge: own, gateway.Default4XX: family},
			&gateway.Fault{Type: gateway.RequestTooLarge}, "", gatewaytest.Answer{Status: 413, Body: `{"message":"Request Too Long"}`,
				Header: []string{"Content-Type: application/json", "x-amzn-ErrorType: RequestEntityTooLargeException"}}},
		{"all sources", map[gateway.FaultType]step.GatewayResponse{gateway.AccessDenied: rich},
			&gateway.Fault{Type: gateway.AccessDenied, Message: `no "you"`}, "", gatewaytest.Answer{Status: 403,
				Body: `{"m":"no \"you\"","t":"no "you"","v":"value","u":"","h":"one","q":"a b","d":"abc.","x":"$5 #if(true)$input.body"}`,
				Header: []string{"Content-Type: application/json", "x-amzn-ErrorType: AccessDeniedException", "A-Const: *", "B-Header: one",
					"C-Query: a b", "D-Path: 7", "E-Stage: value", "F-Ctx: ACCESS_DENIED"}}},
		{"template by Accept", map[gateway.FaultType]step.GatewayResponse{gateway.WAFFiltered: {Templates: rich.Templates}},
			&gateway.Fault{Type: gateway.WAFFiltered}, "text/html, */*", gatewaytest.Answer{Status: 403, Body: "<p>",
				Header: []string{"Content-Type: text/html", "x-amzn-ErrorType: ForbiddenException"}}},
		{"no template, a type of its own", map[gateway.FaultType]step.GatewayResponse{gateway.WAFFiltered: {Parameters: map[string]string{"gatewayresponse.header.Content-Type": "'x/y'"}}},
			&gateway.Fault{Type: gateway.WAFFiltered}, "", gatewaytest.Answer{Status: 403, Body: `{"message":"Forbidden"}`, Length: 23,
				Header: []string{"Content-Type: x/y", "x-amzn-ErrorType: ForbiddenException"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := step.NewFault(tt.custom, map[string]string{"v": "value"})
			if err != nil {
				t.Fatal(err)
			}
			x := begun(petRoute(), []string{"7", "r"}, "GET", "/?q=a+b&bad=%0a", "", "X-A: one", "Accept: "+tt.accept)
			x.Fault = tt.fault
			if err := s.Do(context.Background(), x); err != nil {
				t.Fatal(err)
			}
			got, err := gatewaytest.Drain(x)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Length = int64(len(tt.want.Body))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("answer (-want +got):\n%s", d)
			}
		})
	}
}

func TestNewFaultRefuses(t *testing.T) {
	for key, source := range map[string]string{
		"gatewayresponse.header.A": "method.request.body",
		"gatewayresponse.header.B": "integration.response.header.X",
		"gatewayresponse.header.C": "nonsense",
		"method.response.header.D": "'x'",
	} {
		_, err := step.NewFault(map[gateway.FaultType]step.GatewayResponse{gateway.Throttled: {Parameters: map[string]string{key: source}}}, nil)
		if err == nil {
			t.Errorf("%s from %s: no error", key, source)
		}
	}
}

// AWS: rest-execution.md §2.2, authorizers.md §5 and §6.
func TestNoRoute(t *testing.T) {
	tests := []struct{ name, authorization, want, errorType string }{
		{"no header", "", `{"message":"Missing Authentication Token"}`, "MissingAuthenticationTokenException"},
		{"SigV4", "Authorization: AWS4-HMAC-SHA256 x", `{"message":"Missing Authentication Token"}`, "MissingAuthenticationTokenException"},
		{"bearer", "Authorization: Bearer x", `{"message":"Invalid key=value pair (missing equal-sign) in Authorization header ` +
			`(hashed with SHA-256 and encoded with Base64): 'uTem/WB082UJMN2ajD6lH6UChGpTAddMJSx2iu923No='."}`, "IncompleteSignatureException"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := step.NoRoute{}.Do(context.Background(), begun(nil, nil, "GET", "/", "", tt.authorization))
			f, ok := err.(*gateway.Fault)
			if !ok {
				t.Fatalf("Do = %v, want a fault", err)
			}
			if got := string(f.AppendBody(nil)); got != tt.want || f.ErrorTypeHeader() != tt.errorType || f.StatusCode() != 403 {
				t.Errorf("got %d %s %s, want 403 %s %s", f.StatusCode(), f.ErrorTypeHeader(), got, tt.errorType, tt.want)
			}
		})
	}
}
