package cloudformation

import (
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/store"
)

// TestPolicyConditions: a condition holds if each of its operators does, and one that
// cannot be read is refused: it would not protect.
func TestPolicyConditions(t *testing.T) {
	tests := []struct {
		condition string
		denies    string // AWS::A::B and AWS::A::C; "refused": the policy is
	}{
		{`{"StringEquals":{"ResourceType":["AWS::A::B"]}}`, "B"},
		{`{"StringEquals":{"ResourceType":"AWS::A::*"}}`, ""},
		{`{"StringLike":{"ResourceType":"AWS::A::*"}}`, "BC"},
		{`{"StringEquals":{"ResourceType":"AWS::A::B"},"StringLike":{"ResourceType":"AWS::*"}}`, "B"},
		{`{"StringEquals":{"ResourceType":"AWS::A::B"},"StringLike":{"ResourceType":"AWS::Z::*"}}`, ""},
		{`{}`, "BC"},
		{`"AWS::A::B"`, "refused"},
		{`{"StringNotEquals":{"ResourceType":"AWS::A::B"}}`, "refused"},
		{`{"StringEquals":{"ResourceType":"AWS::A::B","Name":"x"}}`, "refused"},
	}
	for _, tt := range tests {
		p, err := parseStackPolicy(`{"Statement":[{"Effect":"Allow","Action":"*","Principal":"*","Resource":"*"},
			{"Effect":"Deny","Action":"Update:*","Principal":"*","Resource":"*","Condition":` + tt.condition + `}]}`)
		got := ""
		if err != nil {
			got = "refused"
		} else {
			for _, typ := range []string{"B", "C"} {
				if p.check("Modify", &resource{Logical: "R", Type: "AWS::A::" + typ}) != nil {
					got += typ
				}
			}
		}
		if got != tt.denies {
			t.Errorf("%s denies %q, want %q", tt.condition, got, tt.denies)
		}
	}
}

// TestPolicyUnreadable: under a policy that cannot be read any more, nothing is updated.
func TestPolicyUnreadable(t *testing.T) {
	w := newWorld(t)
	if _, err := w.create("s", "Resources:\n  A: {Type: AWS::IAM::User}\n"); err != nil {
		t.Fatal(err)
	}
	tb := w.tables(w.ctx)
	st, _, err := tb.find(w.ctx, "s")
	if err != nil {
		t.Fatal(err)
	}
	put, err := tb.policies.Put(st.ID, `{"Statement":[]}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.st.Commit(w.ctx, nil, []store.Op{put}); err != nil {
		t.Fatal(err)
	}
	if err := w.update("s", "Resources:\n  B: {Type: AWS::IAM::User}\n"); err != nil {
		t.Fatal(err)
	}
	if got := w.status("s"); got != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("the stack is %s", got)
	}
	out, err := w.DescribeStackResources(w.ctx, &api.DescribeStackResourcesInput{StackName: new("s")})
	if err != nil || len(out.StackResources) != 1 || *out.StackResources[0].LogicalResourceId != "A" {
		t.Errorf("resources %s, %v", marshalText(out), err)
	}
}
