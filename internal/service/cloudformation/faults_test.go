package cloudformation

import (
	"errors"
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
)

// TestFaults are templates that are refused before anything is made, in AWS's words.
func TestFaults(t *testing.T) {
	const (
		user       = "Resources: {A: {Type: AWS::IAM::User, Properties: {UserName: x}}}\n"
		conditions = "Conditions: {No: !Equals [a, b]}\n"
		mappings   = "Parameters: {P: {Type: String, Default: zz}}\nMappings: {M: {a: {v: one}}}\n"
	)
	named := func(v string) string {
		return "Resources:\n  A:\n    Type: AWS::IAM::User\n    Properties:\n      UserName: " + v + "\n"
	}
	tests := []struct{ name, template, want string }{
		{"null property", named("x\n      Path:"), "[/Resources/A/Type/Path] 'null' values are not allowed in templates"},
		{"null in a list", named("x\n      Groups: [a, null]"), "[/Resources/A/Type/Groups/1] 'null' values are not allowed in templates"},
		{"null properties", "Resources: {A: {Type: AWS::IAM::User, Properties: }}", "[/Resources/A/Properties] 'null' values are not allowed in templates"},
		{"null section", user + "Outputs:\n", "[/Outputs] 'null' values are not allowed in templates"},
		{"null mapped", user + "Mappings: {M: {a: {v: }}}\n", "[/Mappings/M/a/v] 'null' values are not allowed in templates"},
		{"mapping is a text", user + "Mappings: {M: one}\n", "Template format error: Every Mappings member M must be a map"},
		{"mapping of one level", user + "Mappings: {M: {a: one}}\n", "Template format error: Every Mappings attribute must be a map"},
		{"mapping of three levels", user + "Mappings: {M: {a: {v: {w: one}}}}\n", "Template format error: Every Mappings attribute must be a String or a List."},
		{"mapped name", user + "Mappings: {M: {a: {v-1: one}}}\n", "Template format error: Mappings attribute name 'v-1' must contain only alphanumeric characters."},
		{"no such mapping", mappings + named("!FindInMap [N, a, v]"), "Template error: Mapping named 'N' is not present in the 'Mappings' section of template."},
		{"no such key", mappings + named("!FindInMap [M, !Ref P, v]"), "Template error: Unable to get mapping for M::zz::v"},
		{"two of a mapping", mappings + named("!FindInMap [M, a]"),
			"Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value"},
		{"no such condition", named("!If [Nope, a, b]"), "Template error: unresolved condition dependency Nope in Fn::If"},
		{"no such condition in a branch not taken", conditions + named("!If [No, !If [Nope, a, b], c]"), "Template error: unresolved condition dependency Nope in Fn::If"},
		{"two of a choice", conditions + named("!If [No, a]"), "Template error: Fn::If requires a list argument with three elements"},
		{"no name of a condition", conditions + named("!If [{a: b}, a, b]"), "Template error: Fn::If requires a list argument with the first element being a condition"},
		{"ref of a list", named("!Ref [a]"), "Template error: every Ref object must have a single String value."},
		{"attribute of nothing", named("!GetAtt A"), "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute"},
		{"join of a text", named(`!Join ["-", a]`), "Template error: " + joinForm},
		{"one of a split", named("!Split [a]"), "Template error: " + splitForm},
		{"variables that are none", named(`!Sub ["${a}", b]`), "Template error: " + subForm},
		{"function", named("{Fn::Foo: a}"), errUnsupported("Fn::Foo").Error()},
		{"ref of what is not made", conditions + "Resources:\n  B: {Type: AWS::IAM::Group, Condition: No}\n  A: {Type: AWS::IAM::User, Properties: {UserName: !Ref B}}\n",
			"Template format error: Unresolved resource dependencies [B] in the Resources block of the template"},
		{"output of what is not made", conditions + "Resources:\n  B: {Type: AWS::IAM::Group, Condition: No}\n  A: {Type: AWS::IAM::User}\nOutputs: {O: {Value: !GetAtt B.Arn}}\n", "Template format error: Unresolved resource dependencies [B] in the Outputs block of the template"},
		{"output of no value", user + "Outputs: {O: {Value: !Ref AWS::NoValue}}\n", "Template format error: The Value field of every Outputs member must evaluate to a String."},
		{"output of no value by a condition", conditions + user + "Outputs: {O: {Value: !If [No, a, !If [No, b, !Ref AWS::NoValue]]}}\n",
			"Template format error: The Value field of every Outputs member must evaluate to a String."},
		{"output of a list", user + "Outputs: {O: {Value: [a, !Ref A]}}\n", "Template format error: The Value field of every Outputs member must evaluate to a String and not a List."},
		{"output of an object", user + "Outputs: {O: {Value: {a: b}}}\n", "Template format error: The Value field of every Outputs member must evaluate to a String and not a Map."},
		{"type", "Resources: {A: {Type: !Ref P}}", "Template format error: [/Resources/A] Every Type member must be a string."},
		{"policy", "Resources: {A: {Type: AWS::IAM::User, DeletionPolicy: [Retain]}}", "Template format error: Every DeletionPolicy member must be a string."},
	}
	w := newWorld(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.create("faulty", tt.template)
			var e *awsrpc.Error
			if !errors.As(err, &e) || e.Message != tt.want && e.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestFaultsToldEarly has ValidateTemplate tell such a fault, and a stack with one that
// only a resource can show say why in the same words.
func TestFaultsToldEarly(t *testing.T) {
	w := newWorld(t)
	_, err := w.ValidateTemplate(w.ctx, &api.ValidateTemplateInput{TemplateBody: new("Resources: {A: {Type: AWS::IAM::User, Properties: {Path: }}}")})
	if e, ok := errors.AsType[*awsrpc.Error](err); !ok || e.Message != "[/Resources/A/Type/Path] 'null' values are not allowed in templates" {
		t.Errorf("ValidateTemplate: %v", err)
	}
	if _, err := w.create("late", "Resources: {A: {Type: AWS::IAM::User, Properties: {UserName: !Select [5, [a]]}}}"); err != nil {
		t.Fatal(err)
	}
	out, err := w.DescribeStackEvents(w.ctx, &api.DescribeStackEventsInput{StackName: new("late")})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range out.StackEvents {
		if str(e.ResourceStatus) == "CREATE_FAILED" {
			if got, want := str(e.ResourceStatusReason), "Template error: Fn::Select cannot select nonexistent value at index 5"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			return
		}
	}
	t.Error("no resource failed")
}

// TestReached are templates that name what is not there where nobody comes.
func TestReached(t *testing.T) {
	const head = "Conditions: {No: !Equals [a, b]}\nMappings: {M: {a: {v: one}}}\nResources:\n  B: {Type: AWS::IAM::Group, Condition: No}\n"
	tests := []struct{ name, template string }{
		{"branch not taken", head + "  A: {Type: AWS::IAM::User, Properties: {UserName: !If [No, !Ref B, x]}}\n"},
		{"condition that does not hold", head + "  C: {Type: AWS::IAM::User, Condition: No, Properties: {UserName: !Ref B}}\n  A: {Type: AWS::IAM::Group}\n"},
		{"output that is not made", head + "  A: {Type: AWS::IAM::Group}\nOutputs: {O: {Condition: No, Value: !Ref B}}\n"},
		{"output of no value that is not made", head + "  A: {Type: AWS::IAM::Group}\nOutputs: {O: {Condition: No, Value: !Ref AWS::NoValue}, P: {Value: !If [No, !Ref AWS::NoValue, x]}}\n"},
		{"what it depends on", head + "  A: {Type: AWS::IAM::Group, DependsOn: B}\n"},
		{"default of a mapping", head + "  A: {Type: AWS::IAM::User, Properties: {UserName: !FindInMap [M, b, v, {DefaultValue: x}]}}\n"},
		{"key that a resource tells", head + "  A: {Type: AWS::IAM::Group, Properties: {GroupName: a}}\n  C: {Type: AWS::IAM::User, Properties: {UserName: !FindInMap [M, !Ref A, v]}}\n"},
	}
	tables := tables{account: "1", region: "eu-west-1"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tpl, err := acceptTemplate(tt.template, func(string) bool { return true })
			if err != nil {
				t.Fatal(err)
			}
			ev := newEvaluator(tpl, &stack{}, tables)
			for name := range tpl.Conditions {
				if _, err := ev.condition(name); err != nil {
					t.Fatal(err)
				}
			}
			if err := tpl.checkReached(ev); err != nil {
				t.Error(err)
			}
		})
	}
}
