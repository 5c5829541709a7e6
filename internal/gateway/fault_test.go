package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
)

// AWS: gateway-responses.md §1; spacing by execution.md §2.
func TestFaultTypes(t *testing.T) {
	want := strings.Fields(`
ACCESS_DENIED 403 AccessDeniedException {"Message":"User_is_not_authorized_to_access_this_resource"}
API_CONFIGURATION_ERROR 500 InternalServerErrorException {"message":_"Internal_server_error"}
AUTHORIZER_CONFIGURATION_ERROR 500 AuthorizerConfigurationException {"message":null}
AUTHORIZER_FAILURE 500 AuthorizerConfigurationException {"message":null}
BAD_REQUEST_BODY 400 BadRequestException {"message":_"Invalid_request_body"}
BAD_REQUEST_PARAMETERS 400 BadRequestException {"message":_"Missing_required_request_parameters:_[]"}
DEFAULT_4XX 400 BadRequestException {"message":_"Bad_Request"}
DEFAULT_5XX 500 InternalServerErrorException {"message":_"Internal_server_error"}
EXPIRED_TOKEN 403 ExpiredTokenException {"message":"The_security_token_included_in_the_request_is_expired"}
INTEGRATION_FAILURE 504 InternalServerErrorException {"message":_"Network_error_communicating_with_endpoint"}
INTEGRATION_TIMEOUT 504 InternalServerErrorException {"message":_"Endpoint_request_timed_out"}
INVALID_API_KEY 403 ForbiddenException {"message":"Forbidden"}
INVALID_SIGNATURE 403 InvalidSignatureException {"message":"The_request_signature_we_calculated_does_not_match_the_signature_you_provided._Check_your_AWS_Secret_Access_Key_and_signing_method._Consult_the_service_documentation_for_details."}
MISSING_AUTHENTICATION_TOKEN 403 MissingAuthenticationTokenException {"message":"Missing_Authentication_Token"}
QUOTA_EXCEEDED 429 LimitExceededException {"message":"Limit_Exceeded"}
REQUEST_TOO_LARGE 413 RequestEntityTooLargeException {"message":"Request_Too_Long"}
RESOURCE_NOT_FOUND 404 NotFoundException {"message":"Not_Found"}
THROTTLED 429 TooManyRequestsException {"message":"Too_Many_Requests"}
UNAUTHORIZED 401 UnauthorizedException {"message":"Unauthorized"}
UNSUPPORTED_MEDIA_TYPE 415 BadRequestException {"message":_"Unsupported_Media_Type"}
WAF_FILTERED 403 ForbiddenException {"message":"Forbidden"}
INTERNAL 500 InternalServerErrorException {"message":_"Internal_server_error"}
FORBIDDEN 403 ForbiddenException {"message":"Forbidden"}
URI_TOO_LONG 414 BadRequestException {"message":"Request_URI_too_long"}`)
	if len(want) != 4*int(gateway.FaultTypes) {
		t.Fatalf("%d types, want %d", gateway.FaultTypes, len(want)/4)
	}
	for ft := range gateway.FaultTypes {
		f := gateway.NewFault(gateway.FaultType(ft), nil)
		got := fmt.Sprint(f.Type, " ", f.StatusCode(), " ", f.ErrorTypeHeader(), " ", strings.ReplaceAll(string(f.AppendBody(nil)), " ", "_"))
		if w := strings.Join(want[4*ft:4*ft+4], " "); got != w {
			t.Errorf("got  %s\nwant %s", got, w)
		}
		byName, ok := gateway.FaultTypeByName(f.Type.String())
		if custom := f.Type < gateway.Internal; ok != custom || custom && byName != f.Type {
			t.Errorf("FaultTypeByName(%s) = %v, %v", f.Type, byName, ok)
		}
	}
	// AWS: LS recordings: Content-Length 36; CAP: 42, 23, 26.
	for ft, n := range map[gateway.FaultType]int{gateway.Internal: 36, gateway.MissingAuthenticationToken: 42, gateway.Forbidden: 23, gateway.Unauthorized: 26} {
		if got := len(gateway.NewFault(ft, nil).AppendBody(nil)); got != n {
			t.Errorf("%v: body of %d bytes, want %d", ft, got, n)
		}
	}
}

func TestFaultMessage(t *testing.T) {
	f := &gateway.Fault{Type: gateway.BadRequestBody, Message: "a \"b\"\\\n\t\r\x01é"}
	if got, want := string(f.AppendBody(nil)), `{"message": "a \"b\"\\\n\t\r\u0001é"}`; got != want {
		t.Errorf("body %s, want %s", got, want)
	}
}

// TestPlanRun follows exchanges through plans of which a part fails.
func TestPlanRun(t *testing.T) {
	cause := errors.New("disk on fire")
	throttled := gateway.NewFault(gateway.Throttled, nil)
	tests := []struct {
		name string
		fail string // which part
		err  error
		want string
		ft   gateway.FaultType
	}{
		{"all well", "", nil, "a b call c", 0},
		{"refused", "b", throttled, "a b fault", gateway.Throttled},
		{"answered", "b", gateway.ErrAnswered, "a b", 0},
		{"wrapped", "call", fmt.Errorf("call: %w", throttled), "a b call fault", gateway.Throttled},
		{"another error", "c", cause, "a b call c fault", gateway.Internal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var walked []string
			part := func(name string) func(context.Context, *gateway.Exchange) error {
				return func(context.Context, *gateway.Exchange) error {
					walked = append(walked, name)
					if name == tt.fail {
						return tt.err
					}
					return nil
				}
			}
			p := &gateway.Plan{
				Request:     []gateway.Step{stepFunc(part("a")), stepFunc(part("b"))},
				Integration: callFunc(part("call")),
				Response:    []gateway.Step{stepFunc(part("c"))},
				Fault:       stepFunc(part("fault")),
			}
			x := new(gateway.Exchange)
			p.Run(context.Background(), x)
			if got := strings.Join(walked, " "); got != tt.want {
				t.Errorf("walked %q, want %q", got, tt.want)
			}
			if (x.Fault != nil) != strings.HasSuffix(tt.want, "fault") || x.Fault != nil && x.Fault.Type != tt.ft {
				t.Errorf("fault %v, want %v", x.Fault, tt.ft)
			}
			if tt.ft == gateway.Internal && !errors.Is(x.Fault, cause) {
				t.Errorf("fault %v does not tell its cause", x.Fault)
			}
		})
	}
}

// A step that would wait is done again, and those before it are not.
func TestPlanGoesOn(t *testing.T) {
	var walked []string
	part := func(name string) gateway.Step {
		return stepFunc(func(_ context.Context, x *gateway.Exchange) error {
			walked = append(walked, name)
			if x.NoWait && name != "a" {
				return gateway.ErrWouldWait
			}
			return nil
		})
	}
	p := &gateway.Plan{
		Request:     []gateway.Step{part("a"), part("b"), part("c")},
		Integration: callFunc(func(context.Context, *gateway.Exchange) error { walked = append(walked, "call"); return nil }),
	}
	x := &gateway.Exchange{NoWait: true}
	for i, want := range []string{"a b", "b"} {
		walked = nil
		if err := p.Before(t.Context(), x); err != gateway.ErrWouldWait || strings.Join(walked, " ") != want {
			t.Errorf("time %d: %v, walked %q", i, err, walked)
		}
	}
	x.NoWait, walked = false, nil
	p.Run(t.Context(), x)
	if got := strings.Join(walked, " "); got != "b c call" || x.Fault != nil {
		t.Errorf("walked %q, %v", got, x.Fault)
	}
	walked = nil
	p.Run(t.Context(), x) // another time it is all of it
	if got := strings.Join(walked, " "); got != "a b c call" {
		t.Errorf("walked %q", got)
	}
}

type callFunc func(context.Context, *gateway.Exchange) error

func (f callFunc) Call(ctx context.Context, x *gateway.Exchange) error { return f(ctx, x) }

// TestPlanFailCloses: the backend's connection is given back when a step fails
// after its response became the client's.
func TestPlanFailCloses(t *testing.T) {
	cl := &gatewaytest.Cluster{Body: "x"}
	p := &gateway.Plan{
		Integration: callFunc(func(ctx context.Context, x *gateway.Exchange) error {
			return cl.Do(ctx, &x.IntegrationRequest, &x.MethodResponse, x.Deadline)
		}),
		Response: []gateway.Step{stepFunc(func(context.Context, *gateway.Exchange) error { return errors.New("broken") })},
	}
	x := new(gateway.Exchange)
	p.Run(context.Background(), x)
	if cl.Closed != 1 || x.MethodResponse.Status != 500 {
		t.Errorf("body closed %d times, status %d; want once, 500", cl.Closed, x.MethodResponse.Status)
	}
}
