package cloudformation

import (
	"context"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/cloudformation"
)

// readNested reads what a nested stack was made with. What is in it, is its own
// affair.
//
// AWS: "CloudFormation doesn't detect drift on any nested stacks belonging to that
// stack": they are looked at one by one.
func readNested(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "DescribeStacks", map[string]any{"StackName": w.id})
	if err != nil {
		return nil, goneWith(err, "ValidationException") // it was deleted more than 90 days ago
	}
	found, err := one(asItems(out["Stacks"]), "StackId", w.id)
	if err != nil {
		return nil, err
	}
	if found["StackStatus"] == "DELETE_COMPLETE" {
		return nil, gone(w.id)
	}
	stated, parameters := asMembers(w.props["Parameters"]), map[string]any{}
	for _, e := range asItems(found["Parameters"]) {
		key, _ := textOf(asMembers(e)["ParameterKey"])
		value, _ := textOf(asMembers(e)["ParameterValue"])
		want, isStated := stated[key]
		_, isList := want.([]any)
		switch {
		case value == "****" && isStated: // of a parameter with NoEcho: nobody is told
			parameters[key] = want
		case isList:
			parameters[key] = anyList(strings.Split(value, ","))
		default:
			parameters[key] = value
		}
	}
	own, err := tagsOf(w.props["Tags"])
	if err != nil {
		return nil, err
	}
	tags := slices.DeleteFunc(slices.Clone(asItems(found["Tags"])), func(e any) bool {
		key, _ := textOf(asMembers(e)["Key"])
		_, stated := own[key]
		return !stated && slices.ContainsFunc(w.stack.Tagged, func(t api.Tag) bool { return str(t.Key) == key }) // the parent's
	})
	return map[string]any{"Parameters": parameters, "Tags": listedTags(tags)}, nil
}
