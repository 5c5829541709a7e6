package cloudformation

import (
	"context"
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
)

// A withParameters answers for SSM and passes other calls on.
type withParameters struct {
	API
	values map[string]string
	named  []string // names of APIs that are made
}

// Call answers.
func (p *withParameters) Call(ctx context.Context, service, operation string, in map[string]any) (map[string]any, error) {
	if service == "ssm" {
		name, _ := in["Name"].(string)
		return map[string]any{"Parameter": map[string]any{"Name": name, "Type": "String", "Value": p.values[name]}}, nil
	}
	if operation == "CreateRestApi" || operation == "UpdateRestApi" {
		p.named = append(p.named, marshalText(in))
	}
	return p.API.Call(ctx, service, operation, in)
}

// TestDynamicReferences: a resource is made with the value, its record keeps the
// reference, and what is not of SSM is refused.
func TestDynamicReferences(t *testing.T) {
	const template = "Resources:\n  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: 'x-{{resolve:ssm:/names/api:3}}'}}\n"
	w := newWorld(t)
	calls := &withParameters{API: w.api, values: map[string]string{"/names/api:3": "blue"}}
	w.api = calls
	if _, err := w.create("s", template); err != nil {
		t.Fatal(err)
	}
	if got := w.status("s"); got != "CREATE_COMPLETE" {
		t.Fatal(got)
	}
	if len(calls.named) != 1 || !strings.Contains(calls.named[0], `"x-blue"`) {
		t.Errorf("made %v", calls.named)
	}
	if err := w.update("s", template); err == nil || !strings.Contains(err.Error(), "No updates are to be performed.") {
		t.Errorf("the same template gave %v", err)
	}
	if _, err := w.create("bad", "Resources:\n  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: '{{resolve:secretsmanager:x}}'}}\n"); err != nil {
		t.Fatal(err)
	}
	if got := w.status("bad"); got != "ROLLBACK_COMPLETE" {
		t.Errorf("a secret gave %s", got)
	}
}

// TestTerminationProtection: a protected stack is not deleted.
func TestTerminationProtection(t *testing.T) {
	w := newWorld(t)
	if _, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new("s"), TemplateBody: new("Resources:\n  A: {Type: AWS::IAM::User}\n"),
		Capabilities: []string{"CAPABILITY_IAM"}, EnableTerminationProtection: new(true)}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.UpdateTerminationProtection(w.ctx, &api.UpdateTerminationProtectionInput{StackName: new("s"), EnableTerminationProtection: new(false)}); err == nil {
		t.Error("a stack that is being made was changed")
	}
	w.work()
	err := w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: new("s")})
	if err == nil || !strings.Contains(err.Error(), "cannot be deleted while TerminationProtection is enabled") {
		t.Errorf("delete gave %v", err)
	}
	out, err := w.UpdateTerminationProtection(w.ctx, &api.UpdateTerminationProtectionInput{StackName: new("s"), EnableTerminationProtection: new(false)})
	if err != nil {
		t.Fatal(err)
	}
	w.delete("s", *out.StackId)
}
