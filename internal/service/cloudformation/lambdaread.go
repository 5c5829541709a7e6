package cloudformation

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// readFunction reads what a function is.
func readFunction(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "GetFunction", map[string]any{"FunctionName": w.id})
	if err != nil {
		return nil, err
	}
	is := w.inTemplateForm(asMembers(out["Configuration"]))
	is["Layers"] = valuesOfMember(asItems(asMembers(out["Configuration"])["Layers"]), "Arn")
	is["ReservedConcurrentExecutions"] = asMembers(out["Concurrency"])["ReservedConcurrentExecutions"]
	is["Tags"] = listedTags(out["Tags"])
	return is, nil
}

// readPermission finds a permission in the policy of its function.
func readPermission(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "GetPolicy", only(w.props, "FunctionName"))
	if err != nil {
		return nil, err
	}
	st, err := one(asItems(asMembers(readDocument(out["Policy"]))["Statement"]), "Sid", w.id)
	if err != nil {
		return nil, err
	}
	is := only(w.props, "FunctionName")
	is["Action"], is["Principal"] = st["Action"], principalOf(st["Principal"], w.text("Principal"))
	conditions := asMembers(st["Condition"])
	is["SourceArn"] = asMembers(conditions["ArnLike"])["AWS:SourceArn"]
	is["SourceAccount"] = asMembers(conditions["StringEquals"])["AWS:SourceAccount"]
	is["PrincipalOrgID"] = asMembers(conditions["StringEquals"])["aws:PrincipalOrgID"]
	return is, nil
}

// principalOf is who a statement is for, in the words of the template: an account
// is its number.
//
// AWS: the type's propertyTransform.
func principalOf(v any, stated string) any {
	for _, one := range asMembers(v) {
		if text, _ := textOf(one); strings.HasSuffix(text, ":iam::"+stated+":root") {
			return stated
		}
		return one
	}
	return v
}

// readVersion reads a version of a function.
func readVersion(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "GetFunctionConfiguration", map[string]any{"FunctionName": w.id})
	if err != nil {
		return nil, err
	}
	is := only(out, "CodeSha256", "Description")
	maps.Copy(is, only(w.props, "FunctionName"))
	return is, nil
}

// readAlias reads an alias of a function.
func readAlias(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "GetAlias", only(w.props, "FunctionName", "Name"))
	if err != nil {
		return nil, err
	}
	is := only(out, "Name", "FunctionVersion", "Description")
	maps.Copy(is, only(w.props, "FunctionName"))
	weights := asMembers(asMembers(out["RoutingConfig"])["AdditionalVersionWeights"])
	list := []any{}
	for _, version := range slices.Sorted(maps.Keys(weights)) {
		list = append(list, map[string]any{"FunctionVersion": version, "FunctionWeight": weights[version]})
	}
	is["RoutingConfig"] = map[string]any{"AdditionalVersionWeights": list}
	return is, nil
}

// readLayer reads a version of a layer.
func readLayer(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "GetLayerVersionByArn", map[string]any{"Arn": w.id})
	if err != nil {
		return nil, err
	}
	is := only(out, "CompatibleArchitectures", "CompatibleRuntimes", "Description", "LicenseInfo")
	maps.Copy(is, only(w.props, "LayerName")) // is in the ARN
	return is, nil
}
