package cloudformation

import (
	"maps"
	"slices"

	"gatehouse/internal/awsrpc"
)

// checkRules refuses parameters of which an assertion of the template's rules
// does not hold.
//
// AWS: "Rules" of the template reference. Functions that only rules have
// (Fn::EachMemberIn, Fn::RefAll…) are refused by name.
func (t *template) checkRules(ev *evaluator) error {
	for _, name := range slices.Sorted(maps.Keys(t.Rules)) {
		rule := t.Rules[name]
		if condition, ok := rule["RuleCondition"]; ok {
			holds, err := ev.bool(condition)
			if err != nil {
				return err
			}
			if !holds {
				continue
			}
		}
		list, ok := rule["Assertions"].([]any)
		if !ok {
			return errFormat("Rule " + name + " must have Assertions")
		}
		for _, item := range list {
			a := asMembers(item)
			holds, err := ev.bool(a["Assert"])
			if err != nil {
				return err
			}
			if !holds {
				why, _ := textOf(a["AssertDescription"])
				return awsrpc.Validation("Template validation error: the parameters do not meet rule " + name + ": " + why) // AWS: undocumented; the text is ours
			}
		}
	}
	return nil
}
