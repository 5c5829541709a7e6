package cloudformation

import (
	"context"
	"strings"
	"testing"

	restapi "gatehouse/internal/awsapi/apigateway"
	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	rest "gatehouse/internal/service/apigateway"
	"gatehouse/internal/store"
)

// A noKeys lets everybody do everything but make API keys, and notes the APIs
// that calls are about.
type noKeys struct{ apis []string }

// Authorize decides.
func (a *noKeys) Authorize(_ context.Context, c *awsrpc.Call) error {
	if id := c.Labels["restApiId"]; id != "" {
		a.apis = append(a.apis, id)
	}
	if c.Operation == "CreateApiKey" {
		return &awsrpc.Error{Code: "AccessDeniedException", Status: 403, Message: "not authorized to perform: " + c.Service + ":" + c.Method}
	}
	return nil
}

// TestCallsAreTheCallers: what the caller may not do, no stack does for him.
func TestCallsAreTheCallers(t *testing.T) {
	w := newWorld(t)
	rules := &noKeys{}
	h, err := awsrpc.NewHandler([]awsrpc.Mount{restapi.Mount(rest.New(w.st, store.NewBlobs(w.st, "/"), rest.Options{Limits: rest.Limits{RestAPIs: 10, ResourcesPerAPI: 10}}))},
		awsrpc.Options{Dev: true, Authorizer: rules})
	if err != nil {
		t.Fatal(err)
	}
	w.api = h
	const template = "Resources:\n  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}\n" +
		"  P: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: p}}\n" +
		"  Key: {Type: AWS::ApiGateway::ApiKey, DependsOn: P}\n"
	if _, err := w.create("s", template); err != nil {
		t.Fatal(err)
	}
	if got := w.status("s"); got != "ROLLBACK_COMPLETE" {
		t.Errorf("status %s, want ROLLBACK_COMPLETE", got)
	}
	if len(rules.apis) == 0 {
		t.Error("no call named the API it is about")
	}
	out, err := w.DescribeStackEvents(w.ctx, &api.DescribeStackEventsInput{StackName: new("s")})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range out.StackEvents {
		if str(e.ResourceStatus) == "CREATE_FAILED" {
			if why := str(e.ResourceStatusReason); !strings.Contains(why, "not authorized to perform: apigateway:POST") || !strings.Contains(why, "HandlerErrorCode: AccessDenied") {
				t.Errorf("reason %s", why)
			}
			return
		}
	}
	t.Error("nothing failed")
}
