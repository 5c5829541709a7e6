package cloudformation

import (
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
)

func TestRefuseMembers(t *testing.T) {
	in := &api.CreateStackInput{RetainExceptOnCreate: new(false)}
	if err := refuseMembers(in, "RetainExceptOnCreate", "TimeoutInMinutes"); err != nil {
		t.Errorf("false is refused: %v", err)
	}
	in.RetainExceptOnCreate = new(true)
	if err := refuseMembers(in, "RetainExceptOnCreate"); err == nil || !strings.Contains(err.Error(), "RetainExceptOnCreate") {
		t.Errorf("true: %v, want a refusal that names it", err)
	}
	in = &api.CreateStackInput{ResourceTypes: []string{"AWS::*"}}
	if err := refuseMembers(in, "ResourceTypes"); err == nil {
		t.Error("a list is not refused")
	}
}
