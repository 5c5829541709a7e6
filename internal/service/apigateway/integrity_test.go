package apigateway

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// caller is a context as the wire protocol makes it.
func caller(ctx context.Context) context.Context {
	return awsrpc.WithCaller(ctx, awsrpc.Caller{Account: testAccount, Region: testRegion})
}

// Changes of one API from many sides at once: none is lost, and every answer
// is one change's.
func TestConcurrentEdits(t *testing.T) {
	c := newClient(t)
	id, root := c.newAPI()
	// A second service over the same store is another node: only the store's
	// conditions stand between the two.
	nodes := []*Service{c.svc, New(c.st, store.NewBlobs(c.st, "/"), Options{})}
	const n = 40
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			for {
				_, errs[i] = nodes[i%2].CreateResource(caller(t.Context()), &api.CreateResourceInput{
					RestApiId: &id, ParentId: &root, PathPart: new("r" + strconv.Itoa(i))})
				if e, ok := errors.AsType[*awsrpc.Error](errs[i]); !ok || e.Code != "ConflictException" {
					return
				}
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("resource %d: %v", i, err)
		}
	}
	if got := len(c.must("GetResources", doc{"restApiId": id, "limit": 500})["items"].([]any)); got != n+1 {
		t.Errorf("%d resources, want %d", got, n+1)
	}
}

// A deployment shows what it froze, whatever happens to the API.
func TestDeploymentIsFrozen(t *testing.T) {
	c := newClient(t)
	id, root := c.newDeployableAPI()
	dep := c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod"})["id"]
	before := c.must("GetDeployment", doc{"restApiId": id, "deploymentId": dep, "embed": []string{"apisummary"}})
	c.must("DeleteMethod", doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"})
	c.must("UpdateRestApi", doc{"restApiId": id, "patchOperations": patch("replace", "/name", "other")})
	if _, err := c.svc.Sweep(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := c.svc.Sweep(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	c.svc.defs = definitionCache{}
	after := c.must("GetDeployment", doc{"restApiId": id, "deploymentId": dep, "embed": []string{"apisummary"}})
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("deployment after changes of its API (-want +got):\n%s", diff)
	}
	want := doc{"/": doc{"GET": doc{"apiKeyRequired": false, "authorizationType": "NONE"}}}
	if diff := cmp.Diff(want, after["apiSummary"]); diff != "" {
		t.Errorf("apiSummary (-want +got):\n%s", diff)
	}
	c.fail("CreateDeployment", doc{"restApiId": id}, "BadRequestException: The REST API doesn't contain any methods")
}

// Deleting an API with more than one commit's worth of children leaves nothing,
// and if the node ends in between, nothing can be seen and Sweep takes it away.
func TestDeleteLargeAPI(t *testing.T) {
	for _, interrupted := range []bool{false, true} {
		t.Run(fmt.Sprintf("interrupted=%v", interrupted), func(t *testing.T) {
			c := newClient(t)
			id, _ := c.newDeployableAPI()
			for range store.MaxOps + 20 {
				c.must("CreateDeployment", doc{"restApiId": id})
			}
			c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod"})
			plan := c.must("CreateUsagePlan", doc{"name": "p", "apiStages": []doc{{"apiId": id, "stage": "prod"}}})["id"]
			c.must("CreateDomainName", doc{"domainName": "d.example.com"})
			c.must("CreateBasePathMapping", doc{"domainName": "d.example.com", "restApiId": id, "stage": "prod"})
			if interrupted {
				key := c.svc.tables(caller(t.Context())).RestAPIs.Key(id)
				if _, err := c.st.Commit(t.Context(), nil, []store.Op{store.Delete(key)}); err != nil {
					t.Fatal(err)
				}
				c.fail("GetStages", doc{"restApiId": id}, "NotFoundException: Invalid API identifier specified 111111111111:"+id)
				c.fail("GetStage", doc{"restApiId": id, "stageName": "prod"}, "NotFoundException: Invalid stage identifier specified")
				if _, err := c.svc.Sweep(t.Context(), time.Hour); err != nil {
					t.Fatal(err)
				}
			} else {
				c.fail("DeleteRestApi", doc{"restApiId": id}, "BadRequestException: Deleting RestApi "+id+
					" failed. Please remove all base path mappings related to the RestApi in your domains: d.example.com")
				c.must("DeleteBasePathMapping", doc{"domainName": "d.example.com", "basePath": "(none)"})
				c.must("DeleteRestApi", doc{"restApiId": id})
			}
			for _, kind := range []string{"restapi", "stage", "deployment", "basepathmapping"} {
				page, err := c.st.List(t.Context(), store.Prefix(testAccount, testRegion, "apigateway", kind), "", 0)
				if err != nil || len(page.KVs) != 0 {
					t.Errorf("%d records of kind %s left, %v", len(page.KVs), kind, err)
				}
			}
			if got := c.must("GetUsagePlan", doc{"usagePlanId": plan})["apiStages"]; len(got.([]any)) != 0 {
				t.Errorf("usage plan still has stages %v", got)
			}
		})
	}
}

// Definitions that nothing names go, by two sweeps; those in use stay.
func TestSweepDefinitions(t *testing.T) {
	c := newClient(t)
	id, root := c.newDeployableAPI()
	c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod"})
	for i := range 10 {
		c.must("CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": "r" + strconv.Itoa(i)})
	}
	heads := store.Prefix(testAccount, testRegion, "apigateway", "blob", "head")
	for range 2 {
		if _, err := c.svc.Sweep(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	page, err := c.st.List(t.Context(), heads, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(page.KVs) != 2 { // the deployment's and the API's
		t.Errorf("%d definitions after sweeping, want 2", len(page.KVs))
	}
	c.svc.defs = definitionCache{}
	c.must("GetResources", doc{"restApiId": id})
}

// Accounts and regions do not see each other.
func TestIsolation(t *testing.T) {
	c := newClient(t)
	id, _ := c.newAPI()
	c.must("CreateDomainName", doc{"domainName": "d.example.com"})
	for _, other := range []awsrpc.Caller{{Account: "222222222222", Region: testRegion}, {Account: testAccount, Region: "us-east-1"}} {
		ctx := awsrpc.WithCaller(t.Context(), other)
		if _, err := c.svc.GetRestApi(ctx, &api.GetRestApiInput{RestApiId: &id}); err == nil {
			t.Errorf("account %s in %s sees an API of another", other.Account, other.Region)
		}
		out, err := c.svc.GetRestApis(ctx, &api.GetRestApisInput{})
		if err != nil || len(out.Items) != 0 {
			t.Errorf("account %s in %s lists %v, %v, want nothing", other.Account, other.Region, out, err)
		}
	}
	// A domain name is taken for all accounts of its region.
	_, err := c.svc.CreateDomainName(awsrpc.WithCaller(t.Context(), awsrpc.Caller{Account: "222222222222", Region: testRegion}),
		&api.CreateDomainNameInput{DomainName: new("D.example.com")})
	if err == nil || err.Error() != "ConflictException: The domain name you provided already exists." {
		t.Errorf("taking a domain name of another account: %v", err)
	}
}

// An answer must not change because somebody changes the API later.
func TestAnswersAreNotShared(t *testing.T) {
	c := newClient(t)
	id, root := c.newDeployableAPI()
	ctx := caller(t.Context())
	in := &api.GetMethodInput{RestApiId: &id, ResourceId: &root, HttpMethod: new("GET")}
	before, err := c.svc.GetMethod(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	template := before.MethodIntegration.IntegrationResponses["200"].ResponseTemplates["application/json"]
	c.must("UpdateIntegrationResponse", doc{"restApiId": id, "resourceId": root, "httpMethod": "GET", "statusCode": "200",
		"patchOperations": patch("replace", "/responseTemplates/application~1json", "other")})
	if got := before.MethodIntegration.IntegrationResponses["200"].ResponseTemplates["application/json"]; got != template {
		t.Errorf("a former answer now reads %q, want %q", got, template)
	}
	after, err := c.svc.GetMethod(ctx, in)
	if err != nil || after.MethodIntegration.IntegrationResponses["200"].ResponseTemplates["application/json"] != "other" {
		t.Errorf("GetMethod after the change = %v, %v", after, err)
	}
}

func TestLimits(t *testing.T) {
	c := newClient(t)
	c.svc.opt.Limits = Limits{RestAPIs: 1, EdgeAPIs: 1, ResourcesPerAPI: 2, StagesPerAPI: 1}.orDefaults()
	id, root := c.newDeployableAPI()
	limited := func(operation string, in doc, what, more string) {
		t.Helper()
		c.fail(operation, in, "LimitExceededException: Maximum number of "+what+" has been reached.  Please contact AWS if you need additional "+more+".")
	}
	limited("CreateRestApi", doc{"name": "x"}, "APIs", "APIs")
	for _, part := range []string{"a", "b"} {
		c.must("CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": part})
	}
	limited("CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": "c"}, "Resources for this API", "Resources")
	c.must("CreateDeployment", doc{"restApiId": id, "stageName": "a"})
	limited("CreateDeployment", doc{"restApiId": id, "stageName": "b"}, "Stages for this API", "Stages")
}

func TestPaging(t *testing.T) {
	c := newClient(t)
	id, root := c.newAPI()
	for i := range 60 {
		c.must("CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": fmt.Sprintf("r%02d", i)})
	}
	var paths []string
	in := doc{"restApiId": id}
	pages := 0
	for {
		pages++
		out := c.must("GetResources", in)
		for _, item := range out["items"].([]any) {
			paths = append(paths, item.(doc)["path"].(string))
		}
		if out["position"] == nil {
			break
		}
		in = with(in, "position", out["position"])
	}
	if pages != 3 || len(paths) != 61 || paths[0] != "/" || paths[60] != "/r59" {
		t.Errorf("%d pages with %d paths from %s, want 3 with 61 from /", pages, len(paths), paths[0])
	}
	if got := len(c.must("GetResources", doc{"restApiId": id, "limit": 1000})["items"].([]any)); got != 61 {
		t.Errorf("limit 1000 gives %d, want 61", got)
	}
	c.fail("GetResources", doc{"restApiId": id, "position": "???"}, "BadRequestException: Invalid position parameter specified")
}
