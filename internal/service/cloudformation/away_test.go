package cloudformation

import (
	"slices"
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// deployed is an API with a deployment of some name, and a stage that serves it.
func deployed(deployment, stage, more string) string {
	return `
Description: ` + deployment + `
Resources:
  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}
  Get: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: !Ref Api, ResourceId: !GetAtt Api.RootResourceId, HttpMethod: GET, AuthorizationType: NONE, Integration: {Type: MOCK}}}
  ` + deployment + `: {Type: AWS::ApiGateway::Deployment, DependsOn: Get, Properties: {RestApiId: !Ref Api}}
  Stage: {Type: AWS::ApiGateway::Stage, Properties: {RestApiId: !Ref Api, StageName: prod, DeploymentId: !Ref ` + deployment + stage + `}}
` + more
}

// TestRollbackRecalls: a rolled back update leaves nothing of what its template said of
// resources, so that they are deleted in the right order, and kept if they were to be.
func TestRollbackRecalls(t *testing.T) {
	w := newWorld(t)
	key := func(policy string) string {
		return "  Key: {Type: AWS::ApiGateway::ApiKey, DeletionPolicy: " + policy + ", Metadata: {is: " + policy + "}}\n"
	}
	id, err := w.create("s", deployed("One", "", key("Retain")))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.update("s", deployed("Two", "", key("Delete")+"Outputs: {Bad: {Value: !GetAtt Api.Nope}}\n")); err != nil {
		t.Fatal(err)
	}
	if got := w.status("s"); got != "UPDATE_ROLLBACK_COMPLETE" {
		t.Fatal(got)
	}
	tables := tablesOf(w.st, "123456789012", "eu-west-1")
	read := func(name string) resource {
		t.Helper()
		res, _, err := tables.resources.Get(w.ctx, store.ID(id[strings.LastIndexByte(id, '/')+1:], name))
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	if got := read("Stage").Needs; !slices.Equal(got, []string{"Api", "One"}) {
		t.Errorf("the stage needs %v", got)
	}
	if got := read("Key"); !got.Retain || !got.RetainNew || got.Metadata != `{"is":"Retain"}` {
		t.Errorf("the key: %+v", got)
	}
	out, err := w.DescribeStacks(w.ctx, &api.DescribeStacksInput{StackName: &id})
	if err != nil || str(out.Stacks[0].Description) != "One" {
		t.Errorf("the stack: %+v, %v", out, err)
	}
	kept := read("Key").Physical
	w.delete("s", id)
	if _, err := w.api.Call(w.ctx, "apigateway", "GetApiKey", map[string]any{"apiKey": kept}); err != nil {
		t.Errorf("the retained key: %v", err)
	}
}

// TestDeleteTriesAgain: what another resource holds, which the template does not tell,
// is deleted after it.
func TestDeleteTriesAgain(t *testing.T) {
	w := newWorld(t)
	before := w.records()
	const canary = ", CanarySetting: {PercentTraffic: 10}"
	const plan = "  Plan: {Type: AWS::ApiGateway::UsagePlan, Properties: {ApiStages: [{ApiId: !Ref Api, Stage: !Ref Stage}]}}\n" // goes before the stage
	id, err := w.create("s", deployed("One", canary, plan))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.update("s", deployed("Two", canary, plan)); err != nil {
		t.Fatal(err)
	}
	got, err := w.DescribeStackResource(w.ctx, &api.DescribeStackResourceInput{StackName: &id, LogicalResourceId: new("One")})
	if err != nil || str(got.StackResourceDetail.ResourceStatus) != "DELETE_FAILED" {
		t.Fatalf("the deployment that the canary serves: %+v, %v", got, err)
	}
	w.delete("s", id)
	if after := w.records(); !slices.Equal(before, after) {
		t.Errorf("left over: %q", missing(after, before))
	}
}

// TestDeleteFails: what is needed by a resource that cannot be deleted stays, all else
// goes, and what is retained is told once.
func TestDeleteFails(t *testing.T) {
	w := newWorld(t)
	id, err := w.create("s", deployed("One", "", "  Key: {Type: AWS::ApiGateway::ApiKey}\n  Kept: {Type: AWS::ApiGateway::ApiKey, DeletionPolicy: Retain}\n"))
	if err != nil {
		t.Fatal(err)
	}
	w.refuse.Store("DeleteStage")
	if err := w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	w.work()
	out, err := w.DescribeStackResources(w.ctx, &api.DescribeStackResourcesInput{StackName: &id})
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, r := range out.StackResources {
		left = append(left, str(r.LogicalResourceId)+" "+str(r.ResourceStatus))
	}
	want := []string{"Api CREATE_COMPLETE", "Get CREATE_COMPLETE", "One CREATE_COMPLETE", "Stage DELETE_FAILED"}
	if got := w.status(id); got != "DELETE_FAILED" || !slices.Equal(left, want) {
		t.Errorf("%s, %q, want %q", got, left, want)
	}
	events, err := w.DescribeStackEvents(w.ctx, &api.DescribeStackEventsInput{StackName: &id})
	if err != nil {
		t.Fatal(err)
	}
	skipped := 0
	for _, e := range events.StackEvents {
		if str(e.ResourceStatus) == "DELETE_SKIPPED" {
			skipped++
		}
	}
	if skipped != 1 {
		t.Errorf("%d events tell of what is retained, want 1", skipped)
	}
	w.refuse.Store("")
	w.delete("s", id)
}

// TestRetained: what a creation has made before it failed stays if it is retained, but
// for the policy that says otherwise.
func TestRetained(t *testing.T) {
	w := newWorld(t)
	key := func(name, policy string) string {
		return "  " + name + ": {Type: AWS::ApiGateway::ApiKey, DeletionPolicy: " + policy + ", Properties: {Name: " + name + "}}\n"
	}
	id, err := w.create("s", "Resources:\n"+key("Kept", "Retain")+key("Gone", "RetainExceptOnCreate")+"  Bad: {Type: AWS::ApiGateway::ApiKey, DependsOn: [Kept, Gone], Properties: {Value: short}}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := w.status(id); got != "ROLLBACK_COMPLETE" {
		t.Fatal(got)
	}
	out, err := w.api.Call(awsrpc.WithCaller(w.ctx, awsrpc.CallerFrom(w.ctx)), "apigateway", "GetApiKeys", map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	items, _ := out["item"].([]any)
	if len(items) != 1 || asMembers(items[0])["name"] != "Kept" {
		t.Errorf("keys that are left: %v", items)
	}
}
