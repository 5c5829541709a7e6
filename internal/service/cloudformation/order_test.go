package cloudformation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/store"
)

// TestOrders: what was ordered while a stack waits to be worked on holds, also over a
// restart.
func TestOrders(t *testing.T) {
	for _, restart := range []bool{false, true} {
		w := newWorld(t)
		work := func() {
			if restart {
				w.revive()
			}
			w.work()
		}
		before := w.records()
		if _, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new("s"), TemplateBody: new(of(1, "one", false)), Capabilities: []string{"CAPABILITY_IAM"}}); err != nil {
			t.Fatal(err)
		}
		id := w.id("s")
		if err := w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: new("s")}); err != nil {
			t.Fatal(err)
		}
		work()
		if got := w.status(id); got != "DELETE_COMPLETE" {
			t.Errorf("restart %v: deleted while it was made: %s", restart, got)
		}
		if after := w.records(); !slices.Equal(before, after) {
			t.Errorf("restart %v: left over: %q", restart, missing(after, before))
		}
		id, err := w.create("s", of(1, "one", false))
		if err != nil {
			t.Fatal(err)
		}
		was := w.records()
		if _, err := w.UpdateStack(w.ctx, &api.UpdateStackInput{StackName: new("s"), TemplateBody: new(of(3, "two", false)), Capabilities: []string{"CAPABILITY_IAM"}}); err != nil {
			t.Fatal(err)
		}
		if err := w.CancelUpdateStack(w.ctx, &api.CancelUpdateStackInput{StackName: new("s")}); err != nil {
			t.Fatal(err)
		}
		work()
		if got := w.status(id); got != "UPDATE_ROLLBACK_COMPLETE" {
			t.Errorf("restart %v: cancelled: %s", restart, got)
		}
		if now := w.records(); !slices.Equal(was, now) {
			t.Errorf("restart %v: a cancelled update changed the records: lost %q, left over %q", restart, missing(was, now), missing(now, was))
		}
	}
}

// TestOrdersMeetRuns: an order holds though the run commits between the look at the
// stack and the order; and if the run ends there, the stack is deleted all the same.
func TestOrdersMeetRuns(t *testing.T) {
	w := newWorld(t)
	before := w.records()
	begin := func() {
		t.Helper()
		if _, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new("s"), TemplateBody: new("Resources:\n  A: {Type: AWS::IAM::User}\n"), Capabilities: []string{"CAPABILITY_IAM"}}); err != nil {
			t.Fatal(err)
		}
	}
	remove := func() {
		t.Helper()
		if err := w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: new("s")}); err != nil {
			t.Fatal(err)
		}
		w.work()
		if now := w.records(); !slices.Equal(before, now) {
			t.Errorf("left over: %q", missing(now, before))
		}
	}
	begin()
	id := w.id("s")
	w.mortal.meddle("/order/", func() {
		tb := w.tables(w.ctx)
		st, rev, err := tb.find(w.ctx, "s")
		if err == nil {
			err = tb.begin(w.ctx, &st, rev)
		}
		if err != nil {
			t.Error(err)
		}
	})
	remove()
	if got := w.status(id); got != "DELETE_COMPLETE" {
		t.Errorf("ordered while the run has begun: %s", got)
	}
	begin()
	id = w.id("s")
	w.mortal.meddle("/order/", w.work)
	remove()
	if got := w.status(id); got != "DELETE_COMPLETE" {
		t.Errorf("ordered while the run has ended: %s", got)
	}
}

// TestOrdersMeetFailures: an order holds that is given as a run is about to fail, and is
// none to a later run.
func TestOrdersMeetFailures(t *testing.T) {
	w := newWorld(t)
	inner, do := w.api, func() {}
	w.api = callFunc(func(ctx context.Context, service, operation string, in map[string]any) (map[string]any, error) {
		if operation == "CreateApiKey" || operation == "UpdateApiKey" {
			do()
		}
		return inner.Call(ctx, service, operation, in)
	})
	before := w.records()
	do = func() {
		do = func() {}
		w.mortal.meddle("/cloudformation/stack/", func() { // by which the creation fails
			if err := w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: new("s")}); err != nil {
				t.Error(err)
			}
		})
	}
	id, err := w.create("s", "Resources:\n  A: {Type: AWS::ApiGateway::ApiKey, Properties: {Value: short}}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := w.status(id); got != "DELETE_COMPLETE" {
		t.Errorf("deleted as it fails: %s", got)
		w.tellEvents(id)
	}
	if after := w.records(); !slices.Equal(before, after) {
		t.Errorf("left over: %q", missing(after, before))
	}

	if id, err = w.create("s", keyOf("one")); err != nil {
		t.Fatal(err)
	}
	do = func() {
		do = func() {}
		if err := w.CancelUpdateStack(w.ctx, &api.CancelUpdateStackInput{StackName: new("s")}); err != nil {
			t.Error(err)
		}
	}
	if err := w.update("s", keyOf("two")+"Outputs: {Bad: {Value: !GetAtt A.Nope}}\n"); err != nil {
		t.Fatal(err)
	}
	if got := w.status("s"); got != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("cancelled as it fails: %s", got)
	}
	if err := w.update("s", keyOf("three")); err != nil {
		t.Fatal(err)
	}
	if got := w.status("s"); got != "UPDATE_COMPLETE" {
		t.Errorf("the update after it: %s", got)
		w.tellEvents("s")
	}
	w.delete("s", id)
}

// TestDeleteMeetsChange: a stack that changes between the look at it and its deletion is
// deleted as it is then.
func TestDeleteMeetsChange(t *testing.T) {
	w := newWorld(t)
	id, err := w.create("s", "Resources:\n  A: {Type: AWS::IAM::User}\n")
	if err != nil {
		t.Fatal(err)
	}
	protect := func(on bool) {
		in := &api.UpdateTerminationProtectionInput{StackName: new("s"), EnableTerminationProtection: &on}
		if _, err := w.UpdateTerminationProtection(w.ctx, in); err != nil {
			t.Error(err)
		}
	}
	w.mortal.meddle("/cloudformation/stack/", func() { protect(true) })
	if err := w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: new("s")}); err == nil || !strings.Contains(err.Error(), "TerminationProtection") {
		t.Errorf("protected meanwhile: %v", err)
	}
	protect(false)
	w.mortal.meddle("/cloudformation/stack/", func() { protect(false) })
	w.delete("s", id)
}

// id is the ARN of a stack.
func (w *world) id(name string) string {
	out, err := w.DescribeStacks(w.ctx, &api.DescribeStacksInput{StackName: new(name)})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.Stacks[0].StackId
}

// TestContinueUpdateRollback: a rollback that failed is tried again, over what cannot
// be rolled back if that is to be skipped.
func TestContinueUpdateRollback(t *testing.T) {
	for _, skip := range [][]string{nil, {"Api", "Nested.Inner"}} {
		t.Run(fmt.Sprint(skip), func(t *testing.T) {
			w := newWorld(t)
			before := w.records()
			id, err := w.create("s", of(1, "one", false))
			if err != nil {
				t.Fatal(err)
			}
			// The API is changed before the key, which fails; and cannot be changed back.
			w.refuse.Store("CreateResource")
			if err := w.update("s", of(2, "two", true)); err != nil {
				t.Fatal(err)
			}
			if got := w.status("s"); got != "UPDATE_ROLLBACK_COMPLETE" {
				t.Fatalf("a failed update: %s", got)
			}
			w.refuse.Store("UpdateRestApi")
			w.mustFailToRollBack()
			if err := w.ContinueUpdateRollback(w.ctx, &api.ContinueUpdateRollbackInput{StackName: new("s"), ResourcesToSkip: []string{"Role"}}); err == nil {
				t.Error("a resource was skipped that had not failed")
			}
			if skip == nil {
				w.refuse.Store("")
			}
			if err := w.ContinueUpdateRollback(w.ctx, &api.ContinueUpdateRollbackInput{StackName: new("s"), ResourcesToSkip: skip}); err != nil {
				t.Fatal(err)
			}
			w.work()
			if got := w.status("s"); got != "UPDATE_ROLLBACK_COMPLETE" {
				w.tellEvents("s")
				t.Fatalf("continued: %s", got)
			}
			w.refuse.Store("")
			if err := w.update("s", of(1, "three", false)); err != nil {
				t.Fatal(err)
			}
			if got := w.status("s"); got != "UPDATE_COMPLETE" {
				t.Errorf("an update after it: %s", got)
			}
			w.delete("s", id)
			if after := w.records(); !slices.Equal(before, after) {
				t.Errorf("left over: %q", missing(after, before))
			}
		})
	}
}

// mustFailToRollBack leaves a stack as an update leaves it whose rollback failed at the
// API.
func (w *world) mustFailToRollBack() {
	w.t.Helper()
	w.refuse.Store("")
	if _, err := w.UpdateStack(w.ctx, &api.UpdateStackInput{StackName: new("s"), TemplateBody: new(of(2, "two", true)), Capabilities: []string{"CAPABILITY_IAM"}, DisableRollback: new(true)}); err != nil {
		w.t.Fatal(err)
	}
	w.work()
	if got := w.status("s"); got != "UPDATE_FAILED" {
		w.t.Fatalf("without rollback: %s", got)
	}
	w.refuse.Store("UpdateRestApi")
	if _, err := w.RollbackStack(w.ctx, &api.RollbackStackInput{StackName: new("s")}); err != nil {
		w.t.Fatal(err)
	}
	w.work()
	if got := w.status("s"); got != "UPDATE_ROLLBACK_FAILED" {
		w.tellEvents("s")
		w.t.Fatalf("rolled back: %s", got)
	}
}

// TestLargeTemplate: templates and properties that are larger than a value of the store
// are kept, compressed; what is too large even so fails by name.
func TestLargeTemplate(t *testing.T) {
	w := newWorld(t)
	w.urls = map[string]string{}
	text := make([]byte, maxURLTemplate-1000)
	for i := range text {
		text[i] = "abcdefghijklmnopqrstuvwxyz      "[i*i%31]
	}
	w.urls["u"] = `{"Resources":{"A":{"Type":"AWS::ApiGateway::ApiKey","Metadata":{"Text":"` + string(text) + `"}}}}`
	if _, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new("s"), TemplateURL: new("u")}); err != nil {
		t.Fatal(err)
	}
	w.work()
	if got := w.status("s"); got != "CREATE_COMPLETE" || len(w.urls["u"]) < store.MaxValueSize {
		t.Errorf("a template of %d bytes: %s", len(w.urls["u"]), got)
	}
	if out, err := w.GetTemplate(w.ctx, &api.GetTemplateInput{StackName: new("s")}); err != nil || *out.TemplateBody != w.urls["u"] {
		t.Errorf("the template is another than that which was given, %v", err)
	}
}
