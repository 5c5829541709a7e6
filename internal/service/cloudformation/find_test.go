package cloudformation

import (
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
)

// TestFindByARN: an ARN leads to the stack that all of it names, and a change set
// with a stack to one of that stack, for by these names policies let callers in.
func TestFindByARN(t *testing.T) {
	w := newWorld(t)
	const template = `{"Resources":{"Key":{"Type":"AWS::ApiGateway::ApiKey","Properties":{"Enabled":true}}}}`
	mine, err := w.create("mine", template)
	if err != nil {
		t.Fatal(err)
	}
	prod, err := w.create("prod", template)
	if err != nil {
		t.Fatal(err)
	}
	for _, forged := range []string{strings.Replace(prod, "stack/prod/", "stack/mine/", 1), strings.Replace(prod, "stack/", "changeSet/", 1), strings.Replace(prod, "arn:aws:", "arn:aws-cn:", 1)} {
		if got := w.status(forged); !strings.Contains(got, "does not exist") {
			t.Errorf("%s is found: %s", forged, got)
		}
	}
	if got := w.status(prod); got != "CREATE_COMPLETE" {
		t.Errorf("prod is %s", got)
	}
	set, err := w.CreateChangeSet(w.ctx, &api.CreateChangeSetInput{StackName: new("prod"), ChangeSetName: new("set"), TemplateBody: new(strings.Replace(template, "true", "false", 1))})
	if err != nil {
		t.Fatal(err)
	}
	w.work()
	for stack, found := range map[string]bool{"prod": true, prod: true, "mine": false, mine: false} {
		_, err := w.DescribeChangeSet(w.ctx, &api.DescribeChangeSetInput{ChangeSetName: set.Id, StackName: &stack})
		if of, err := w.StackOf(w.ctx, "123456789012", "eu-west-1", *set.Id); of != prod || err != nil {
			t.Errorf("the stack of the change set: %s, %v", of, err)
		}
		if found != (err == nil) || !found && !strings.Contains(err.Error(), "ChangeSetNotFound") {
			t.Errorf("change set of prod with the stack %s: %v", stack, err)
		}
	}
}
