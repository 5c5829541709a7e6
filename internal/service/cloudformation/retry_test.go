package cloudformation

import (
	"slices"
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
)

// retried makes or changes a stack without rollback.
func (w *world) retried(template string) error {
	_, err := w.UpdateStack(w.ctx, &api.UpdateStackInput{StackName: new("s"), TemplateBody: &template, DisableRollback: new(true)})
	w.work()
	return err
}

// keyNames are the names and descriptions of all keys.
func (w *world) keyNames() []string {
	w.t.Helper()
	out, err := w.api.Call(w.ctx, "apigateway", "GetApiKeys", map[string]any{})
	if err != nil {
		w.t.Fatal(err)
	}
	var list []string
	items, _ := out["item"].([]any)
	for _, item := range items {
		m := asMembers(item)
		name, _ := textOf(m["name"])
		about, _ := textOf(m["description"])
		list = append(list, name+" "+about)
	}
	slices.Sort(list)
	return list
}

// TestRetry: what failed while rollback was disabled is tried again, by the same
// template and by another, whether it was to be made, changed or replaced.
func TestRetry(t *testing.T) {
	w := newWorld(t)
	before := w.records()
	key := func(name, about string) string {
		return "Resources:\n  A: {Type: AWS::ApiGateway::ApiKey, Properties: {Name: " + name + ", Description: " + about + "}}\n" +
			"  B: {Type: AWS::ApiGateway::ApiKey, DependsOn: A, Properties: {Name: b}}\n"
	}
	step := func(refused, template, status string, keys ...string) {
		t.Helper()
		w.refuse.Store(refused)
		if err := w.retried(template); err != nil {
			t.Fatal(err)
		}
		if got, have := w.status("s"), w.keyNames(); got != status || !slices.Equal(have, keys) {
			w.tellEvents("s")
			t.Fatalf("%s with keys %q, want %s with %q", got, have, status, keys)
		}
	}
	w.refuse.Store("CreateApiKey")
	created, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new("s"), TemplateBody: new(key("a", "one")), DisableRollback: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	w.work()
	if got := w.status("s"); got != "CREATE_FAILED" {
		t.Fatal(got)
	}
	step("CreateApiKey", key("a", "one"), "UPDATE_FAILED")
	step("TagResource", key("a", "one"), "UPDATE_FAILED", "a one") // half made
	step("", key("a", "one"), "UPDATE_COMPLETE", "a one", "b ")
	step("UpdateApiKey", key("a", "two"), "UPDATE_FAILED", "a one", "b ")
	step("UpdateApiKey", key("a", "two"), "UPDATE_FAILED", "a one", "b ")
	step("", key("a", "two"), "UPDATE_COMPLETE", "a two", "b ")
	step("UpdateApiKey", key("a", "three"), "UPDATE_FAILED", "a two", "b ")
	step("", key("a", "two"), "UPDATE_COMPLETE", "a two", "b ")
	step("CreateApiKey", key("c", "two"), "UPDATE_FAILED", "a two", "b ")
	step("", key("c", "two"), "UPDATE_COMPLETE", "b ", "c two")

	// Of a replacement that failed, and one after it that is rolled back, nothing is left.
	step("CreateApiKey", key("d", "two"), "UPDATE_FAILED", "b ", "c two")
	w.refuse.Store("")
	if err := w.update("s", key("e", "two")+"Outputs: {Bad: {Value: !GetAtt A.Nope}}\n"); err != nil {
		t.Fatal(err)
	}
	if got, have := w.status("s"), w.keyNames(); got != "UPDATE_ROLLBACK_COMPLETE" || !slices.Equal(have, []string{"b ", "c two"}) {
		t.Fatalf("rolled back: %s with keys %q", got, have)
	}
	w.delete("s", str(created.StackId))
	if after := w.records(); !slices.Equal(before, after) {
		t.Errorf("left over: %q", missing(after, before))
	}
}

// TestLeft: a change that follows a failed one is made from all that may be there.
func TestLeft(t *testing.T) {
	res := &resource{Status: "UPDATE_FAILED", Properties: map[string]any{"applied": "2", "refused": "2", "new": "2"},
		Old: &snapshot{Properties: map[string]any{"applied": "1", "refused": "1", "gone": "1"}}}
	next := map[string]any{"applied": "1", "refused": "2", "gone": "1"}
	got := res.left(next)
	for name, want := range map[string]any{"applied": "2", "refused": "1", "gone": nil, "new": "2"} {
		if got[name] != want {
			t.Errorf("%s was %v, want %v", name, got[name], want)
		}
	}
}

// TestChangedInPlace: what AWS changes without interruption keeps its id.
func TestChangedInPlace(t *testing.T) {
	w := newWorld(t)
	template := func(model, key string) string {
		return `
Resources:
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: a, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}}
  Model: {Type: AWS::ApiGatewayV2::Model, Properties: {ApiId: !Ref Api, Name: ` + model + `, ContentType: application/json, Schema: {type: object}}}
  Integration: {Type: AWS::ApiGatewayV2::Integration, Properties: {ApiId: !Ref Api, IntegrationType: MOCK}}
  Response: {Type: AWS::ApiGatewayV2::IntegrationResponse, Properties: {ApiId: !Ref Api, IntegrationId: !Ref Integration, IntegrationResponseKey: ` + key + `}}
Outputs:
  Ids: {Value: !Sub '${Model} ${Response}'}
`
	}
	id, err := w.create("s", template("one", "/200/"))
	if err != nil {
		t.Fatal(err)
	}
	ids := func() string {
		out, err := w.DescribeStacks(w.ctx, &api.DescribeStacksInput{StackName: &id})
		if err != nil || len(out.Stacks[0].Outputs) != 1 {
			t.Fatal(out, err)
		}
		return str(out.Stacks[0].Outputs[0].OutputValue)
	}
	before := ids()
	if err := w.update("s", template("two", "/404/")); err != nil {
		t.Fatal(err)
	}
	if got := w.status("s"); got != "UPDATE_COMPLETE" || ids() != before {
		w.tellEvents("s")
		t.Errorf("%s: ids %s, before %s", got, ids(), before)
	}
}

// TestOutputValues: AWS's words for outputs without a value.
func TestOutputValues(t *testing.T) {
	w := newWorld(t)
	for outputs, want := range map[string]string{
		"{O: {Value: }}":         "[/Outputs/O/Value] 'null' values are not allowed in templates",
		"{O: {Description: no}}": "Template format error: Every Outputs member must contain a Value object",
	} {
		if _, err := w.create("s", keyOf("a")+"Outputs: "+outputs+"\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", outputs, err)
		}
	}
}
