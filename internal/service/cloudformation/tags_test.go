package cloudformation

import (
	"maps"
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
)

// tagged is what a resource of a stack has of tags that are not the system's.
func (w *world) tagged(service, operation, member string, id any) map[string]any {
	w.t.Helper()
	out, err := w.api.Call(w.ctx, service, operation, map[string]any{member: id})
	if err != nil {
		w.t.Fatal(err)
	}
	tags, isTags := out["tags"].(map[string]any)
	if !isTags {
		tags, _ = tagsOf(out["Tags"])
	}
	tags = maps.Clone(tags)
	maps.DeleteFunc(tags, func(k string, _ any) bool { return strings.HasPrefix(k, "aws:") })
	return tags
}

// TestStackTags: tags of a stack are those of its resources, but for what these say by
// themselves; they change and go with the stack's, and come back with a rollback.
func TestStackTags(t *testing.T) {
	w := newWorld(t)
	template := func(name string) *string {
		return new(`
Resources:
  Own: {Type: AWS::ApiGateway::ApiKey, Properties: {Tags: [{Key: team, Value: own}]}}
  Bare: {Type: AWS::ApiGateway::ApiKey}
  Link: {Type: AWS::ApiGatewayV2::VpcLink, Properties: {Name: ` + name + `, SubnetIds: [subnet-1]}}
  User: {Type: AWS::IAM::User}
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
`)
	}
	tags := func(team string) []api.Tag { return []api.Tag{{Key: new("team"), Value: &team}} }
	created, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new("s"), TemplateBody: template("l"), Tags: tags("a"), Capabilities: []string{"CAPABILITY_IAM"}})
	if err != nil {
		t.Fatal(err)
	}
	w.work()
	ids := map[string]any{}
	resources, err := w.DescribeStackResources(w.ctx, &api.DescribeStackResourcesInput{StackName: created.StackId})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range resources.StackResources {
		ids[str(r.LogicalResourceId)] = str(r.PhysicalResourceId)
	}
	check := func(when, status string, want any) {
		t.Helper()
		if got := w.status("s"); got != status {
			w.tellEvents("s")
			t.Fatalf("%s: %s", when, got)
		}
		if got := w.tagged("apigateway", "GetApiKey", "apiKey", ids["Own"])["team"]; got != "own" {
			t.Errorf("%s: Own has %v", when, got)
		}
		for name, got := range map[string]any{
			"Bare": w.tagged("apigateway", "GetApiKey", "apiKey", ids["Bare"])["team"],
			"Link": w.tagged("apigatewayv2", "GetVpcLink", "VpcLinkId", ids["Link"])["team"],
			"User": w.tagged("iam", "ListUserTags", "UserName", ids["User"])["team"],
		} {
			if got != want {
				t.Errorf("%s: %s has %v, want %v", when, name, got, want)
			}
		}
	}
	check("made", "CREATE_COMPLETE", "a")
	update := func(body *string, tags []api.Tag) error {
		_, err := w.UpdateStack(w.ctx, &api.UpdateStackInput{StackName: new("s"), TemplateBody: body, Tags: tags, Capabilities: []string{"CAPABILITY_IAM"}})
		w.work()
		return err
	}
	if err := update(template("l"), nil); err == nil || !strings.Contains(err.Error(), "No updates are to be performed.") {
		t.Errorf("the same once more: %v", err)
	}
	if err := update(template("renamed"), tags("b")); err != nil { // a link is changed that has tags of the system
		t.Fatal(err)
	}
	check("changed", "UPDATE_COMPLETE", "b")
	if err := update(new(*template("renamed")+"  Bad: {Type: AWS::ApiGateway::ApiKey, DependsOn: [Bare, Link, User], Properties: {Value: short}}\n"), tags("c")); err != nil {
		t.Fatal(err)
	}
	check("failed", "UPDATE_ROLLBACK_COMPLETE", "b")
	if err := update(template("renamed"), []api.Tag{}); err != nil {
		t.Fatal(err)
	}
	check("taken away", "UPDATE_COMPLETE", nil)
	if err := update(new(strings.Replace(*template("renamed"), "Key: team", "Key: 'aws:forged'", 1)), []api.Tag{}); err != nil {
		t.Fatal(err)
	}
	check("forged", "UPDATE_ROLLBACK_COMPLETE", nil)
	w.delete("s", str(created.StackId))
}

// TestTellsOther: what changes no resource is an update if outputs or metadata differ,
// and none if nothing does.
func TestTellsOther(t *testing.T) {
	w := newWorld(t)
	const template = `
Parameters: {P: {Type: String, Default: one}, Unused: {Type: String, Default: x}}
Conditions: {Two: !Equals [!Ref P, two]}
Resources:
  A:
    Type: AWS::ApiGateway::ApiKey
    Metadata: {of: me}
Outputs:
  O: {Value: !Sub '${P}!'}
  Id: {Value: !Ref A, Condition: Two}
`
	id, err := w.create("s", template)
	if err != nil {
		t.Fatal(err)
	}
	update := func(body, name, value string) error {
		_, err := w.UpdateStack(w.ctx, &api.UpdateStackInput{StackName: new("s"), TemplateBody: &body, Parameters: []api.Parameter{{ParameterKey: &name, ParameterValue: &value}}})
		w.work()
		return err
	}
	for _, name := range []string{"P", "Unused"} {
		if err := update(template, name, map[string]string{"P": "one", "Unused": "y"}[name]); err == nil || !strings.Contains(err.Error(), "No updates are to be performed.") {
			t.Errorf("no difference by %s: %v", name, err)
		}
	}
	if err := update(template, "P", "two"); err != nil {
		t.Fatal(err)
	}
	out, err := w.DescribeStacks(w.ctx, &api.DescribeStacksInput{StackName: &id})
	if err != nil {
		t.Fatal(err)
	}
	if o := out.Stacks[0].Outputs; len(o) != 2 || str(o[1].OutputValue) != "two!" || str(o[0].OutputKey) != "Id" {
		t.Errorf("outputs: %+v", o)
	}
	if err := update(strings.Replace(template, "of: me", "of: you", 1), "P", "two"); err != nil {
		t.Fatal(err)
	}
	got, err := w.DescribeStackResource(w.ctx, &api.DescribeStackResourceInput{StackName: &id, LogicalResourceId: new("A")})
	if err != nil || str(got.StackResourceDetail.Metadata) != `{"of":"you"}` {
		t.Errorf("metadata: %v, %v", got, err)
	}
}

// TestTagsOfBody: an HTTP API keeps its tags, those of its stack and those of the system
// when its document, which has some too, is imported again; an export is without the
// system's.
func TestTagsOfBody(t *testing.T) {
	w := newWorld(t)
	template := func(version, tag string) *string {
		return new(`
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Tags: {own: "1"}
      Body:
        openapi: 3.0.1
        info: {title: a, version: "` + version + `"}
        tags: [{name: ` + tag + `, x-amazon-apigateway-tag-value: d}]
        paths: {}
`)
	}
	created, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new("s"), TemplateBody: template("1", "document"), Tags: []api.Tag{{Key: new("team"), Value: new("a")}}})
	if err != nil {
		t.Fatal(err)
	}
	w.work()
	check := func(tag string) {
		t.Helper()
		res, err := w.DescribeStackResource(w.ctx, &api.DescribeStackResourceInput{StackName: created.StackId, LogicalResourceId: new("Api")})
		if err != nil {
			t.Fatal(err)
		}
		id := str(res.StackResourceDetail.PhysicalResourceId)
		out, err := w.api.Call(w.ctx, "apigatewayv2", "GetApi", map[string]any{"apiId": id})
		if err != nil {
			t.Fatal(err)
		}
		tags := asMembers(out["tags"])
		want := map[string]any{"own": "1", "team": "a", tag: "d", "aws:cloudformation:logical-id": "Api", "aws:cloudformation:stack-id": str(created.StackId), "aws:cloudformation:stack-name": "s"}
		if !maps.Equal(tags, want) {
			t.Errorf("tags %v, want %v", tags, want)
		}
		exported, err := w.api.Call(w.ctx, "apigatewayv2", "ExportApi", map[string]any{"apiId": id, "specification": "OAS30", "outputType": "JSON"})
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := exported["body"].([]byte); strings.Contains(string(text), "aws:cloudformation") || !strings.Contains(string(text), "team") {
			t.Errorf("exported: %s", text)
		}
	}
	check("document")
	if err := w.update("s", *template("2", "document")); err != nil {
		t.Fatal(err)
	}
	check("document")
	if err := w.update("s", *template("2", "another")); err != nil {
		t.Fatal(err)
	}
	check("another")
}
