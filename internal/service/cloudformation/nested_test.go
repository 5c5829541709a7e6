package cloudformation

import (
	"context"
	"fmt"
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
)

// nestedOf is the ARN of the nested stack of a stack.
func (w *world) nestedOf(name string) string {
	w.t.Helper()
	out, err := w.DescribeStackResource(w.ctx, &api.DescribeStackResourceInput{StackName: new(name), LogicalResourceId: new("Nested")})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.StackResourceDetail.PhysicalResourceId
}

// TestNestedIsOfItsRoot: a nested stack is protected, and rolled back, as its root is.
func TestNestedIsOfItsRoot(t *testing.T) {
	w := newWorld(t)
	if _, err := w.create("s", of(1, "one", false)); err != nil {
		t.Fatal(err)
	}
	nested := w.nestedOf("s")
	if _, err := w.UpdateTerminationProtection(w.ctx, &api.UpdateTerminationProtectionInput{StackName: &nested, EnableTerminationProtection: new(true)}); err == nil {
		t.Error("a nested stack got a protection of its own")
	}
	if _, err := w.UpdateTerminationProtection(w.ctx, &api.UpdateTerminationProtectionInput{StackName: new("s"), EnableTerminationProtection: new(true)}); err != nil {
		t.Fatal(err)
	}
	if err := w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: &nested}); err == nil || !strings.Contains(err.Error(), "TerminationProtection") {
		t.Errorf("a nested stack of a protected one was deleted: %v", err)
	}
	if _, err := w.RollbackStack(w.ctx, &api.RollbackStackInput{StackName: &nested}); err == nil {
		t.Error("a nested stack was rolled back by itself")
	}
}

// TestNestedInItself: a template that names itself ends.
func TestNestedInItself(t *testing.T) {
	w := newWorld(t)
	before := w.records()
	w.urls = map[string]string{"self": `{"Resources":{"Nested":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":"self"}}}}`}
	id, err := w.create("s", w.urls["self"])
	if err != nil {
		t.Fatal(err)
	}
	if got := w.status("s"); got != "ROLLBACK_COMPLETE" {
		t.Errorf("got %s", got)
	}
	w.delete("s", id)
	if after := w.records(); len(missing(after, before)) > 0 {
		t.Errorf("left over: %q", missing(after, before))
	}
}

// TestNestedTimeout: a time that is none is refused, not taken for no limit.
func TestNestedTimeout(t *testing.T) {
	w := newWorld(t)
	for minutes, want := range map[string]string{`"5"`: "CREATE_COMPLETE", "5": "CREATE_COMPLETE", "0": "ROLLBACK_COMPLETE", `"soon"`: "ROLLBACK_COMPLETE"} {
		name := "s" + strings.Trim(minutes, `"`) + fmt.Sprint(len(minutes))
		_, err := w.create(name, `{"Resources":{"Nested":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":"x/one","Parameters":{"Of":"`+name+`"},"TimeoutInMinutes":`+minutes+`}}}}`)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.status(name); got != want {
			t.Errorf("%s minutes: %s, want %s", minutes, got, want)
		}
	}
}

// TestNestedIsBusy: nobody deletes a nested stack that somebody else changes.
func TestNestedIsBusy(t *testing.T) {
	w := newWorld(t)
	id, err := w.create("s", of(1, "one", false))
	if err != nil {
		t.Fatal(err)
	}
	nested := w.nestedOf("s")
	in := &api.UpdateStackInput{StackName: &nested, TemplateURL: new("x/two"), Parameters: []api.Parameter{{ParameterKey: new("Of"), ParameterValue: new("s")}}}
	if _, err := w.UpdateStack(w.ctx, in); err != nil {
		t.Fatal(err)
	}
	own := <-w.Service.work // it waits to be worked on
	if err := w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: new("s")}); err != nil {
		t.Fatal(err)
	}
	w.work()
	if got := w.status(id); got != "DELETE_FAILED" {
		t.Errorf("with a nested stack that is being changed: %s", got)
	}
	w.do(context.Background(), own)
	if got := w.status(nested); got != "UPDATE_COMPLETE" {
		t.Errorf("the nested stack: %s", got)
	}
	w.delete("s", id)
}
