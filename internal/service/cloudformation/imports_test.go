package cloudformation

import (
	"context"
	"sync"
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
)

const (
	exporter = "Resources:\n  A: {Type: AWS::IAM::User}\nOutputs:\n  O: {Value: !Ref A, Export: {Name: shared}}\n"
	importer = "Resources:\n  B: {Type: AWS::IAM::User, Properties: {UserName: !Sub ['${V}-b', {V: !ImportValue shared}]}}\n"
)

// A pause does something in the middle of a stack's work.
type pause struct {
	API
	once sync.Once
	on   string
	do   func()
}

// Call does it before the first call of an operation.
func (p *pause) Call(ctx context.Context, service, operation string, in map[string]any) (map[string]any, error) {
	if operation == p.on {
		p.once.Do(p.do)
	}
	return p.API.Call(ctx, service, operation, in)
}

// TestDeletedWhileImported: a stack that has read an export must not end well when
// the exporter has begun to go meanwhile, for nobody stopped that.
func TestDeletedWhileImported(t *testing.T) {
	w := newWorld(t)
	if _, err := w.create("from", exporter); err != nil {
		t.Fatal(err)
	}
	w.api = &pause{API: w.api, on: "CreateUser", do: func() {
		if err := w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: new("from")}); err != nil {
			t.Error(err)
		}
	}}
	if _, err := w.create("to", importer); err != nil {
		t.Fatal(err)
	}
	if got := w.status("to"); got != "ROLLBACK_COMPLETE" {
		t.Errorf("importer is %s", got)
	}
	if _, err := w.DescribeStacks(w.ctx, &api.DescribeStacksInput{StackName: new("from")}); err == nil {
		t.Error("the exporter was not deleted")
	}
}

// TestImportersHold: what is imported is neither deleted nor changed, and not while
// the importer's update may still return to it.
func TestImportersHold(t *testing.T) {
	w := newWorld(t)
	if _, err := w.create("from", exporter); err != nil {
		t.Fatal(err)
	}
	if _, err := w.create("to", importer); err != nil {
		t.Fatal(err)
	}
	remove := func() error { return w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: new("from")}) }
	if err := remove(); err == nil {
		t.Error("deleted while it is in use")
	}
	api := w.api
	w.api = &pause{API: api, on: "CreateUser", do: func() {
		if err := remove(); err == nil {
			t.Error("deleted while an update may return to it")
		}
	}}
	if err := w.update("to", "Resources:\n  C: {Type: AWS::IAM::User}\n"); err != nil {
		t.Fatal(err)
	}
	if got := w.status("to"); got != "UPDATE_COMPLETE" {
		t.Fatal(got)
	}
	if err := remove(); err != nil {
		t.Errorf("nobody imports it: %v", err)
	}
}
