package apigateway

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const testBalancer = "arn:aws:elasticloadbalancing:eu-west-1:111111111111:loadbalancer/net/shop/0123456789abcdef"

func (c *client) newLink() string {
	c.t.Helper()
	c.svc.opt.LoadBalancers = map[string]string{testBalancer: "127.0.0.1:80"}
	return c.must("CreateVpcLink", doc{"name": "shop", "targetArns": []string{testBalancer}})["id"].(string)
}

// AWS: recorded (TestApiGatewayVpcLink::test_vpc_link_lifecycle).
func TestVpcLink(t *testing.T) {
	c := newClient(t)
	c.svc.opt.LoadBalancers = map[string]string{testBalancer: "127.0.0.1:80"}
	out := c.must("CreateVpcLink", doc{"name": "shop", "targetArns": []string{testBalancer}})
	id := out["id"].(string)
	link := doc{"$": 202.0, "id": id, "name": "shop", "status": "PENDING", "targetArns": []any{testBalancer}}
	if d := cmp.Diff(link, out); d != "" {
		t.Errorf("CreateVpcLink: -want +got\n%s", d)
	}
	link["status"], link["statusMessage"] = "AVAILABLE", "Your vpc link is ready for use"
	delete(link, "$")
	if d := cmp.Diff(doc{"$": 200.0, "items": []any{link}}, c.must("GetVpcLinks", nil)); d != "" {
		t.Errorf("GetVpcLinks: -want +got\n%s", d)
	}
	link["$"], link["tags"] = 200.0, doc{}
	if d := cmp.Diff(link, c.must("GetVpcLink", doc{"vpcLinkId": id})); d != "" {
		t.Errorf("GetVpcLink: -want +got\n%s", d)
	}
	link["name"], link["description"] = "shops", "all of them"
	out = c.must("UpdateVpcLink", doc{"vpcLinkId": id, "patchOperations": append(patch("replace", "/name", "shops"), patch("replace", "/description", "all of them")...)})
	if d := cmp.Diff(link, out); d != "" {
		t.Errorf("UpdateVpcLink: -want +got\n%s", d)
	}
	name := "arn:aws:apigateway:" + testRegion + "::/vpclinks/" + id
	c.must("TagResource", doc{"resourceArn": name, "tags": doc{"a": "b"}})
	if got := c.must("GetTags", doc{"resourceArn": name})["tags"]; !cmp.Equal(got, doc{"a": "b"}) {
		t.Errorf("tags = %v", got)
	}
	c.must("DeleteVpcLink", doc{"vpcLinkId": id})
	for _, operation := range []string{"GetVpcLink", "UpdateVpcLink", "DeleteVpcLink"} {
		c.fail(operation, doc{"vpcLinkId": id}, "NotFoundException: Invalid Vpc Link identifier specified")
	}
}

func TestVpcLinkRefused(t *testing.T) {
	c := newClient(t)
	id := c.newLink()
	tests := []struct {
		operation string
		in        doc
		want      string
	}{
		{"CreateVpcLink", doc{"name": "", "targetArns": []string{testBalancer}}, "Name cannot be empty"},
		{"CreateVpcLink", doc{"name": "x", "targetArns": []string{"invalid-arn"}}, "Invalid ARN. ARN is not well formed invalid-arn"},
		{"CreateVpcLink", doc{"name": "x", "targetArns": []string{testBalancer, testBalancer}}, "More than one target arn specified for vpc link."},
		{"CreateVpcLink", doc{"name": "x", "targetArns": []string{}}, "No target arn specified for vpc link."},
		{"CreateVpcLink", doc{"name": "x", "targetArns": []string{strings.Replace(testBalancer, "111111111111", "222222222222", 1)}}, "The load balancer of a VPC link is of the link's account, 111111111111: " + strings.Replace(testBalancer, "111111111111", "222222222222", 1) + " is not"},
		{"CreateVpcLink", doc{"name": "x", "targetArns": []string{"arn:aws:sqs:eu-west-1:111111111111:q"}}, "NLB ARN is malformed."},
		{"CreateVpcLink", doc{"name": "x", "targetArns": []string{testBalancer + "0"}},
			"Gatehouse does not know where " + testBalancer + "0 is: start it with --load-balancer " + testBalancer + "0=HOST:PORT"},
		{"UpdateVpcLink", doc{"vpcLinkId": id, "patchOperations": patch("replace", "/name", "")}, "Name cannot be empty"},
		{"UpdateVpcLink", doc{"vpcLinkId": id, "patchOperations": patch("add", "/targetArns", testBalancer)},
			"Invalid patch path  '/targetArns' specified for op 'add'. Please choose supported operations"},
	}
	for _, tt := range tests {
		c.fail(tt.operation, tt.in, "BadRequestException: "+tt.want)
	}
}

func TestVpcLinkLimit(t *testing.T) {
	c := newClient(t)
	c.svc.opt.Limits.VPCLinks = 1
	c.newLink()
	c.fail("CreateVpcLink", doc{"name": "x", "targetArns": []string{testBalancer}},
		"LimitExceededException: Maximum number of VPC Links has been reached.  Please contact AWS if you need additional VPC Links.")
}

// An integration keeps its link, also one named by a stage variable; a link that
// is deployed cannot be deleted.
//
// AWS: recorded (test_create_integration_with_vpc_link); the refusal: klotho
// issue 202.
func TestVpcLinkInUse(t *testing.T) {
	for _, connection := range []string{"", "${stageVariables.link}"} {
		c := newClient(t)
		link := c.newLink()
		id, root := c.newDeployableAPI()
		m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
		if connection == "" {
			connection = link
		}
		out := c.must("PutIntegration", with(m, "type", "HTTP_PROXY", "integrationHttpMethod", "GET", "uri", "http://shop.example/",
			"connectionType", "VPC_LINK", "connectionId", connection))
		if out["connectionId"] != connection || out["connectionType"] != "VPC_LINK" {
			t.Errorf("integration = %v", out)
		}
		c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod", "variables": doc{"link": link}})
		c.fail("DeleteVpcLink", doc{"vpcLinkId": link}, fmt.Sprintf("BadRequestException: Cannot delete vpc link. Vpc link '%s', is referenced in [%s:GET:%s:prod] "+
			"in format of [RESTApiId:Method:Resource:Stage].", link, id, root))
		c.must("UpdateIntegration", with(m, "patchOperations", patch("replace", "/connectionType", "INTERNET")))
		if got := c.must("GetIntegration", m)["connectionId"]; got != nil {
			t.Errorf("connectionId without VPC_LINK = %v", got)
		}
		c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod"})
		c.must("DeleteVpcLink", doc{"vpcLinkId": link})
	}
}

func TestVpcLinkIntegrationRefused(t *testing.T) {
	c := newClient(t)
	id, root := c.newDeployableAPI()
	m := doc{"restApiId": id, "resourceId": root, "httpMethod": "GET", "integrationHttpMethod": "GET", "connectionType": "VPC_LINK"}
	c.fail("PutIntegration", with(m, "type", "HTTP", "uri", "http://shop.example/"),
		"BadRequestException: Connection id must be specified for connection type VPC_LINK")
	c.fail("PutIntegration", with(m, "type", "AWS", "uri", "arn:aws:apigateway:eu-west-1:sqs:path/q", "connectionId", "x"),
		"BadRequestException: Connection type VPC_LINK is only supported for HTTP and HTTP_PROXY integrations")
	if got := c.do("PutIntegration", with(m, "type", "HTTP", "uri", "http://shop.example/", "connectionId", "x", "integrationTarget", "y"))["Error"]; !strings.Contains(fmt.Sprint(got), "integrationTarget") {
		t.Errorf("integrationTarget: %v", got)
	}
}
