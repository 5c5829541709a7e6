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
			Type: "AWS::XRay::Group", service: service, props: "FilterExpression GroupName! InsightsConfiguration Tags", remove: "DeleteGroup", key: "GroupARN",
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
			Type: "AWS::XRay::SamplingRule", service: service, props: "RuleName! RuleRecord RuleUpdate SamplingRule Tags", remove: "DeleteSamplingRule", key: "RuleARN",
			makes: makeSamplingRule, turns: turnSamplingRule,
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
