package cloudformation

import (
	"strings"
	"testing"
	"time"

	api "gatehouse/internal/awsapi/cloudformation"
)

// set makes a change set and returns its ARN.
func (w *world) set(stack, name, kind, template string) string {
	w.t.Helper()
	out, err := w.CreateChangeSet(w.ctx, &api.CreateChangeSetInput{StackName: &stack, ChangeSetName: &name, ChangeSetType: &kind, TemplateBody: &template})
	if err != nil {
		w.t.Fatal(err)
	}
	return str(out.Id)
}

// execution is the execution status of a change set, or why it is not described.
func (w *world) execution(id string) string {
	out, err := w.DescribeChangeSet(w.ctx, &api.DescribeChangeSetInput{ChangeSetName: &id})
	if err != nil {
		return err.Error()
	}
	return str(out.ExecutionStatus)
}

func (w *world) execute(id string) error {
	err := w.ExecuteChangeSet(w.ctx, &api.ExecuteChangeSetInput{ChangeSetName: &id})
	w.work()
	return err
}

func keyOf(name string) string {
	return "Resources:\n  A: {Type: AWS::ApiGateway::ApiKey, Properties: {Name: " + name + "}}\n"
}

// TestChangeSetExecuted: an executed change set is described with how that ended, until
// its stack is forgotten; its name is free; the others are gone.
func TestChangeSetExecuted(t *testing.T) {
	w := newWorld(t)
	first := w.set("s", "deploy", "CREATE", keyOf("one"))
	w.set("s", "other", "CREATE", keyOf("two"))
	if err := w.ExecuteChangeSet(w.ctx, &api.ExecuteChangeSetInput{ChangeSetName: &first}); err != nil {
		t.Fatal(err)
	}
	if got := w.execution(first); got != "EXECUTE_IN_PROGRESS" {
		t.Errorf("while it is executed: %s", got)
	}
	w.work()
	if got := w.execution(first); got != "EXECUTE_COMPLETE" {
		t.Errorf("after it: %s", got)
	}
	if err := w.execute(first); err == nil || !strings.Contains(err.Error(), "in its current execution status of [EXECUTE_COMPLETE]") {
		t.Errorf("executed twice: %v", err)
	}
	out, err := w.ListChangeSets(w.ctx, &api.ListChangeSetsInput{StackName: new("s")})
	if err != nil || len(out.Summaries) != 0 {
		t.Errorf("listed: %v, %v", out, err)
	}
	stacks, err := w.DescribeStacks(w.ctx, &api.DescribeStacksInput{StackName: new("s")})
	if err != nil {
		t.Fatal(err)
	}
	st := stacks.Stacks[0]
	if str(st.ChangeSetId) != first || st.LastUpdatedTime == nil || st.Tags == nil || st.NotificationARNs == nil {
		t.Errorf("the stack: %+v", st)
	}

	second := w.set("s", "deploy", "UPDATE", "Resources:\n  A: {Type: AWS::ApiGateway::ApiKey, Properties: {Value: short}}\n")
	if second == first {
		t.Fatal("the name of an executed set is not free")
	}
	if err := w.execute(second); err != nil {
		t.Fatal(err)
	}
	if got := w.execution(second); got != "EXECUTE_FAILED" {
		t.Errorf("after a rollback: %s", got)
	}
	if got := w.execution(first); !strings.Contains(got, "ChangeSet ["+first+"] does not exist") {
		t.Errorf("the one before it: %s", got)
	}

	w.delete("s", str(st.StackId))
	if got := w.execution(second); got != "EXECUTE_FAILED" {
		t.Errorf("after the stack: %s", got)
	}
	if err := w.sweep(w.ctx, time.Now().Add(keptFor+time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := w.execution(second); !strings.Contains(got, "does not exist") {
		t.Errorf("after 90 days: %s", got)
	}
}

// TestChangeSetOutdated: what was looked at in a change set is not executed over what
// came after.
func TestChangeSetOutdated(t *testing.T) {
	w := newWorld(t)
	first := w.set("s", "one", "CREATE", keyOf("one"))
	before, err := w.DescribeStacks(w.ctx, &api.DescribeStacksInput{StackName: new("s")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.GetTemplateSummary(w.ctx, &api.GetTemplateSummaryInput{StackName: new("s")}); err == nil || err.Error() != "ValidationException: GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks." {
		t.Errorf("summary of what is in review: %v", err)
	}
	id, err := w.create("s", keyOf("two"))
	if err != nil || id != str(before.Stacks[0].StackId) {
		t.Fatalf("created while in review: %s, %v", id, err)
	}
	if got := w.status("s"); got != "CREATE_COMPLETE" {
		t.Errorf("created while in review: %s", got)
	}
	second := w.set("s", "two", "UPDATE", keyOf("three"))
	if err := w.update("s", keyOf("four")); err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{first, second} {
		if got := w.execution(set); got != "OBSOLETE" {
			t.Errorf("outdated: %s", got)
		}
		if err := w.execute(set); err == nil || !strings.Contains(err.Error(), "InvalidChangeSetStatus: ChangeSet ["+set+"] cannot be executed in its current execution status of [OBSOLETE]") {
			t.Errorf("executed: %v", err)
		}
	}
	if _, err := w.create("s", keyOf("five")); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("created twice: %v", err)
	}
}

// TestChangeSetAbsent: the words of AWS for what is not there.
func TestChangeSetAbsent(t *testing.T) {
	w := newWorld(t)
	const missing = "Stack [nope] does not exist"
	_, described := w.DescribeChangeSet(w.ctx, &api.DescribeChangeSetInput{StackName: new("nope"), ChangeSetName: new("x")})
	_, listed := w.ListChangeSets(w.ctx, &api.ListChangeSetsInput{StackName: new("nope")})
	_, events := w.DescribeStackEvents(w.ctx, &api.DescribeStackEventsInput{StackName: new("nope")})
	_, updated := w.UpdateStack(w.ctx, &api.UpdateStackInput{StackName: new("nope"), TemplateBody: new(keyOf("a"))})
	for name, err := range map[string]error{
		"describe": described, "list": listed, "events": events, "update": updated,
		"delete":  w.DeleteChangeSet(w.ctx, &api.DeleteChangeSetInput{StackName: new("nope"), ChangeSetName: new("x")}),
		"execute": w.ExecuteChangeSet(w.ctx, &api.ExecuteChangeSetInput{StackName: new("nope"), ChangeSetName: new("x")}),
	} {
		if err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
