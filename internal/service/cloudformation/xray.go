package cloudformation

import (
	"context"
	"maps"

	"gatehouse/internal/awsrpc"
)

// xrayKinds are groups of traces and sampling rules.
//
// AWS: AWS::XRay::Group and AWS::XRay::SamplingRule: Ref gives the ARN.
func xrayKinds() []*kind {
	const service = "xray"
	return []*kind{
		{
			Type: "AWS::XRay::Group", service: service, props: "FilterExpression GroupName! InsightsConfiguration Tags", ends: endTraced("DeleteGroup", "GroupARN"), reads: readTraceGroup,
			makes: func(ctx context.Context, w *worker) error {
				in := maps.Clone(w.props)
				if in["GroupName"] == nil {
					in["GroupName"] = w.physicalName(32)
				}
				out, err := w.call(ctx, "CreateGroup", in)
				if err != nil {
					return err
				}
				w.id, _ = textOf(asMembers(out["Group"])["GroupARN"])
				w.attributes["GroupARN"] = w.id
				return nil
			},
			turns: func(ctx context.Context, w *worker) error {
				in := only(w.props, "FilterExpression", "InsightsConfiguration")
				if in["FilterExpression"] == nil {
					in["FilterExpression"] = ""
				}
				in["GroupARN"] = w.id
				if _, err := w.call(ctx, "UpdateGroup", in); err != nil {
					return err
				}
				return retag(ctx, w, w.id)
			},
		},
		{
			Type: "AWS::XRay::SamplingRule", service: service, props: "RuleName! RuleRecord RuleUpdate SamplingRule Tags", ends: endTraced("DeleteSamplingRule", "RuleARN"),
			makes: makeSamplingRule, turns: turnSamplingRule, reads: readSamplingRule,
		},
	}
}

// samplingRule is the rule of a template.
//
// AWS: RuleRecord and RuleUpdate are of old templates; they are refused here.
func samplingRule(w *worker) (map[string]any, error) {
	if w.props["RuleRecord"] != nil || w.props["RuleUpdate"] != nil {
		return nil, awsrpc.Validation("#: RuleRecord and RuleUpdate are not supported: write SamplingRule")
	}
	rule := maps.Clone(asMembers(w.props["SamplingRule"]))
	if rule == nil {
		return nil, awsrpc.Validation("#: required key [SamplingRule] not found")
	}
	if rule["RuleName"] == nil && w.props["RuleName"] != nil {
		rule["RuleName"] = w.props["RuleName"]
	}
	return rule, nil
}

func makeSamplingRule(ctx context.Context, w *worker) error {
	rule, err := samplingRule(w)
	if err != nil {
		return err
	}
	if rule["RuleName"] == nil {
		rule["RuleName"] = w.physicalName(32)
	}
	if rule["Version"] == nil {
		rule["Version"] = 1.0
	}
	in := map[string]any{"SamplingRule": rule}
	if tags := w.props["Tags"]; tags != nil {
		in["Tags"] = tags
	}
	out, err := w.call(ctx, "CreateSamplingRule", in)
	if err != nil {
		return err
	}
	w.id, _ = textOf(asMembers(asMembers(out["SamplingRuleRecord"])["SamplingRule"])["RuleARN"])
	w.attributes["RuleARN"] = w.id
	return nil
}

func turnSamplingRule(ctx context.Context, w *worker) error {
	rule, err := samplingRule(w)
	if err != nil {
		return err
	}
	if old := asMembers(w.old["SamplingRule"]); !same(old["RuleName"], rule["RuleName"]) && w.props["RuleName"] == nil {
		return awsrpc.Validation("#/SamplingRule/RuleName: cannot change: set RuleName of the resource, and it is replaced")
	}
	delete(rule, "RuleName")
	delete(rule, "Version")
	rule["RuleARN"] = w.id
	if rule["Attributes"] == nil {
		rule["Attributes"] = map[string]any{}
	}
	if _, err := w.call(ctx, "UpdateSamplingRule", map[string]any{"SamplingRuleUpdate": rule}); err != nil {
		return err
	}
	return retag(ctx, w, w.id)
}

// endTraced deletes a group or a rule. X-Ray says of one that is not there what it
// says of any request that is wrong.
func endTraced(operation, key string) func(ctx context.Context, w *worker) error {
	return func(ctx context.Context, w *worker) error {
		_, err := w.call(ctx, operation, map[string]any{key: w.id})
		if err != nil {
			if _, missing := w.kind.reads(ctx, w); missing != nil && isGone(missing) {
				return missing
			}
		}
		return err
	}
}

// readTraceGroup reads what a group of traces is.
func readTraceGroup(ctx context.Context, w *worker) (map[string]any, error) {
	list, err := w.every(ctx, "GetGroups", map[string]any{}, "Groups")
	if err != nil {
		return nil, err
	}
	found, err := one(list, "GroupARN", w.id)
	if err != nil {
		return nil, err
	}
	is := w.inTemplateForm(found)
	return is, w.readTags(ctx, is, w.id)
}

// readSamplingRule reads what a sampling rule is.
func readSamplingRule(ctx context.Context, w *worker) (map[string]any, error) {
	list, err := w.every(ctx, "GetSamplingRules", map[string]any{}, "SamplingRuleRecords")
	if err != nil {
		return nil, err
	}
	rule, err := one(valuesOfMember(list, "SamplingRule"), "RuleARN", w.id)
	if err != nil {
		return nil, err
	}
	is := map[string]any{"SamplingRule": rule, "RuleName": rule["RuleName"]}
	return is, w.readTags(ctx, is, w.id)
}
