package apigatewayv2

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/awsrpc"
)

// Every thing is made, read, listed, changed and removed; what is gone is not
// found, by the words for its kind.
func TestLifecycle(t *testing.T) {
	c := newClient(t, nil)
	id := c.quick()
	in := doc{"ApiId": id}
	tests := []struct {
		kind, member string
		create       doc
		update       doc
		shown        string // of what update changed
		gone         string
	}{
		{"Route", "routeId", doc{"RouteKey": "GET /pets"}, doc{"OperationName": "list"}, "operationName=list", "NotFoundException: Invalid Route identifier specified ID"},
		{"Integration", "integrationId", doc{"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "GET", "IntegrationUri": "http://h/a", "PayloadFormatVersion": "1.0"},
			doc{"IntegrationUri": "http://h/b"}, "integrationUri=http://h/b", "NotFoundException: Invalid Integration identifier specified ID"},
		{"Authorizer", "authorizerId", doc{"Name": "a", "AuthorizerType": "JWT", "IdentitySource": []string{"$request.header.A"}, "JwtConfiguration": doc{"issuer": "https://i", "audience": []string{"x"}}},
			doc{"Name": "b"}, "name=b", "NotFoundException: Invalid Authorizer identifier specified ID"},
		{"Deployment", "deploymentId", doc{}, doc{"Description": "d"}, "description=d", "NotFoundException: Invalid Deployment identifier specified ID"},
		{"Stage", "stageName", doc{"StageName": "dev"}, doc{"Description": "d"}, "description=d", "NotFoundException: Invalid stage identifier specified"},
		{"VpcLink", "vpcLinkId", doc{"Name": "l", "SubnetIds": []string{"s"}}, doc{"Name": "m"}, "name=m", "NotFoundException: Invalid VpcLink identifier specified ID"},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			c.t = t
			base := in
			if tt.kind == "VpcLink" {
				base = doc{}
			}
			made := c.must("Create"+tt.kind, merge(base, tt.create))
			name, _ := made[tt.member].(string)
			one := with(base, strings.ToUpper(tt.member[:1])+tt.member[1:], name)
			got := c.must("Get"+tt.kind, one)
			if tt.kind != "VpcLink" { // one that says PENDING at first
				if d := cmp.Diff(made, got); d != "" {
					t.Errorf("read (-made +got):\n%s", d)
				}
			}
			list := c.must("Get"+tt.kind+"s", base)["items"].([]any)
			if !slices.ContainsFunc(list, func(item any) bool { return item.(doc)[tt.member] == name }) {
				t.Errorf("list lacks %s: %v", name, list)
			}
			c.must("Update"+tt.kind, merge(one, tt.update))
			member, value, _ := strings.Cut(tt.shown, "=")
			if got := c.must("Get"+tt.kind, one)[member]; got != value {
				t.Errorf("%s is %v after the update, want %s", member, got, value)
			}
			c.must("Delete"+tt.kind, one)
			gone := strings.ReplaceAll(tt.gone, "ID", name)
			for _, verb := range []string{"Get", "Delete"} {
				c.fail(verb+tt.kind, one, gone)
			}
			c.fail("Update"+tt.kind, merge(one, tt.update), gone)
		})
	}
	c.t = t
	c.must("DeleteApi", in)
	for _, op := range []string{"GetApi", "DeleteApi", "GetRoutes", "GetIntegrations", "GetAuthorizers", "GetDeployments", "GetStages", "DeleteCorsConfiguration"} {
		c.fail(op, in, "NotFoundException: Invalid API identifier specified "+testAccount+":"+id)
	}
}

// AWS: execution.md §6.
func TestAuthorizersLimit(t *testing.T) {
	c := newClient(t, nil)
	id := c.quick()
	c.svc.limits.Authorizers = 0
	_, err := c.svc.CreateAuthorizer(caller(t.Context()), &api.CreateAuthorizerInput{ApiId: &id})
	var refused *awsrpc.Error
	if !errors.As(err, &refused) || refused.Code != "ConflictException" || refused.Status != 429 {
		t.Errorf("got %v", err)
	}
}

// A route leaves its authorizer, and the scopes that only tokens have, by its new
// type alone.
func TestRouteLeavesAuthorizer(t *testing.T) {
	c := newClient(t, nil)
	id := c.quick()
	jwt := c.must("CreateAuthorizer", doc{"ApiId": id, "Name": "j", "AuthorizerType": "JWT", "IdentitySource": []string{"$request.header.A"},
		"JwtConfiguration": doc{"issuer": "https://i", "audience": []string{"x"}}})["authorizerId"]
	for _, to := range []string{"NONE", "AWS_IAM"} {
		route := doc{"ApiId": id, "RouteId": c.must("CreateRoute", doc{"ApiId": id, "RouteKey": "GET /" + to, "AuthorizationType": "JWT",
			"AuthorizerId": jwt, "AuthorizationScopes": []string{"s"}})["routeId"]}
		c.fail("UpdateRoute", with(route, "AuthorizationType", to, "AuthorizerId", jwt), "BadRequestException: authorizerId needs the authorizationType JWT or CUSTOM")
		c.must("UpdateRoute", with(route, "AuthorizationType", to))
		got := c.must("GetRoute", route)
		if got["authorizationType"] != to || got["authorizerId"] != nil || got["authorizationScopes"] != nil {
			t.Errorf("the route is %v", got)
		}
	}
	route := doc{"ApiId": id, "RouteId": c.items("GetRoutes", id, "routeId")[0]}
	c.must("UpdateRoute", with(route, "AuthorizationType", "JWT", "AuthorizerId", jwt))
	c.must("UpdateRoute", with(route, "OperationName", "o"))
	if got := c.must("GetRoute", route); got["authorizerId"] != jwt {
		t.Errorf("after another change the route is %v", got)
	}
	if got := c.must("UpdateRoute", with(route, "AuthorizationType", "NONE", "AuthorizerId", "")); got["authorizerId"] != nil {
		t.Errorf("after an empty id the route is %v", got)
	}
	c.must("DeleteAuthorizer", doc{"ApiId": id, "AuthorizerId": jwt})
}

func merge(a, b doc) doc {
	out := with(a)
	for k, v := range b {
		out[k] = v
	}
	return out
}

// What is in use stays.
func TestInUse(t *testing.T) {
	c := newClient(t, nil)
	id := c.quick()
	integration, dep := c.items("GetIntegrations", id, "integrationId")[0], c.items("GetDeployments", id, "deploymentId")[0]
	c.fail("DeleteIntegration", doc{"ApiId": id, "IntegrationId": integration},
		"ConflictException: Cannot delete Integration '"+integration+"'. Remove all references to it first: Route '$default'")
	c.fail("DeleteDeployment", doc{"ApiId": id, "DeploymentId": dep}, "BadRequestException: Active stages pointing to this deployment must be moved or deleted")
	link := c.must("CreateVpcLink", doc{"Name": "l", "SubnetIds": []string{"s"}})["vpcLinkId"].(string)
	private := c.must("CreateIntegration", doc{"ApiId": id, "IntegrationType": "HTTP_PROXY", "IntegrationMethod": "ANY", "IntegrationUri": listener,
		"PayloadFormatVersion": "1.0", "ConnectionType": "VPC_LINK", "ConnectionId": link})["integrationId"].(string)
	c.fail("DeleteVpcLink", doc{"VpcLinkId": link},
		"BadRequestException: Cannot delete vpc link. Vpc link '"+link+"', is referenced in ["+id+":"+private+"] in format of [ApiId:IntegrationId].")
	// A stage that shows it is a use, too, when the API has forgotten it.
	route := c.must("CreateRoute", doc{"ApiId": id, "RouteKey": "GET /p", "Target": "integrations/" + private})["routeId"].(string)
	frozen := c.must("CreateDeployment", doc{"ApiId": id})["deploymentId"]
	c.must("CreateStage", doc{"ApiId": id, "StageName": "frozen", "DeploymentId": frozen})
	c.must("DeleteRoute", doc{"ApiId": id, "RouteId": route})
	c.must("DeleteIntegration", doc{"ApiId": id, "IntegrationId": private})
	if got := c.do("DeleteVpcLink", doc{"VpcLinkId": link})["Error"]; got == nil {
		t.Error("a link that a stage calls through is deleted")
	}
	c.must("UpdateRoute", doc{"ApiId": id, "RouteId": c.items("GetRoutes", id, "routeId")[0], "Target": ""})
	c.fail("DeleteIntegration", doc{"ApiId": id, "IntegrationId": integration}, "BadRequestException: Managed integrations cannot be deleted")
	c.must("DeleteStage", doc{"ApiId": id, "StageName": "frozen"})
	c.must("DeleteVpcLink", doc{"VpcLinkId": link})
}

// A stage that deploys by itself follows every change, and leaves no deployments
// behind; those that somebody made stay.
func TestAutoDeploy(t *testing.T) {
	c := newClient(t, nil)
	id := c.quick()
	mine := c.must("CreateDeployment", doc{"ApiId": id})["deploymentId"].(string)
	seen := map[string]bool{}
	for i := range 20 {
		c.must("CreateRoute", doc{"ApiId": id, "RouteKey": "GET /" + string(rune('a'+i))})
		dep := c.must("GetStage", doc{"ApiId": id, "StageName": "$default"})["deploymentId"].(string)
		if seen[dep] {
			t.Fatalf("change %d is not deployed", i)
		}
		seen[dep] = true
		if got := c.items("GetDeployments", id, "deploymentId"); len(got) != 2 || !slices.Contains(got, dep) || !slices.Contains(got, mine) {
			t.Fatalf("deployments after change %d: %v, want %s and %s", i, got, dep, mine)
		}
	}
	// What changes nothing that is served deploys nothing.
	before := c.must("GetStage", doc{"ApiId": id, "StageName": "$default"})["deploymentId"]
	c.must("TagResource", doc{"ResourceArn": "arn:aws:apigateway:" + testRegion + "::/apis/" + id, "Tags": doc{"a": "b"}})
	if after := c.must("GetStage", doc{"ApiId": id, "StageName": "$default"})["deploymentId"]; after != before {
		t.Errorf("a tag made the deployment %v of %v", after, before)
	}
}
