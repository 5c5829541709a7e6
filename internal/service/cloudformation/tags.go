package cloudformation

import (
	"context"
	"maps"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
)

// withTags adds the tags of a stack to those that a resource has by itself, which win.
// Nested stacks ask their parent for its tags, and what is made by somebody else's
// code has none.
//
// AWS: "Resource tags": stack-level tags are those of all resources that can have some.
func (k *kind) withTags(props map[string]any, of []api.Tag) map[string]any {
	if _, can := k.property("Tags"); !can || len(of) == 0 || k.props == "*" || k.Type == nestedType || isCustom(k.Type) {
		return props
	}
	own, err := tagsOf(props["Tags"])
	if err != nil {
		return props // the type says what is wrong with them
	}
	list, isList := props["Tags"].([]any)
	if props["Tags"] == nil {
		isList = k.service != "apigatewayv2" && k.Type != "AWS::SSM::Parameter" // AWS: these have a map
	}
	list, pairs := slices.Clone(list), maps.Clone(own)
	if pairs == nil {
		pairs = map[string]any{}
	}
	for _, tag := range of {
		if _, has := own[str(tag.Key)]; !has {
			pairs[str(tag.Key)] = str(tag.Value)
			list = append(list, map[string]any{"Key": str(tag.Key), "Value": str(tag.Value)})
		}
	}
	props = maps.Clone(props)
	if props["Tags"] = pairs; isList {
		props["Tags"] = list
	}
	return props
}

// tagChanges returns the tags that a resource is to have, by key, and the keys of
// those that it had and is to lose.
func (w *worker) tagChanges() (now map[string]any, gone []any, err error) {
	before, err := tagsOf(w.old["Tags"])
	if err != nil {
		return nil, nil, err
	}
	if now, err = tagsOf(w.props["Tags"]); err != nil {
		return nil, nil, err
	}
	for key := range now { // what calls of the service are let do is not the template's
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return nil, nil, awsrpc.Validation("aws: prefixed tag key names are not allowed for external use.")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(without(before, now))) {
		gone = append(gone, key)
	}
	return now, gone, nil
}

// retagByList makes the tags of a resource what its properties say, for APIs
// that take lists of them.
func retagByList(ctx context.Context, w *worker) error {
	name, ok := textOf(w.attributes["Arn"])
	if !ok {
		return nil
	}
	return retag(ctx, w, name)
}

// retag brings the tags of what an ARN names in step, of APIs that take them as a
// list.
func retag(ctx context.Context, w *worker, name string) error {
	if same(w.old["Tags"], w.props["Tags"]) {
		return nil
	}
	now, gone, err := w.tagChanges()
	if err != nil {
		return err
	}
	if gone != nil {
		if _, err := w.call(ctx, "UntagResource", map[string]any{"ResourceARN": name, "TagKeys": gone}); err != nil {
			return err
		}
	}
	if len(now) == 0 {
		return nil
	}
	if _, ok := w.props["Tags"].([]any); !ok {
		return awsrpc.Validation("#/Tags: expected type: JSONArray")
	}
	_, err = w.call(ctx, "TagResource", map[string]any{"ResourceARN": name, "Tags": w.props["Tags"]})
	return err
}

// retagByPairs brings the tags of what of names in step, of APIs with an operation
// each to add and to remove some: both take a list of them under this name.
func retagByPairs(ctx context.Context, w *worker, add, remove, list string, of map[string]any) error {
	if same(w.old["Tags"], w.props["Tags"]) {
		return nil
	}
	now, gone, err := w.tagChanges()
	if err != nil {
		return err
	}
	for i, key := range gone {
		gone[i] = map[string]any{"Key": key}
	}
	in := maps.Clone(of)
	if in[list] = gone; gone != nil {
		if _, err := w.call(ctx, remove, in); err != nil {
			return err
		}
	}
	in = maps.Clone(of)
	if in[list] = w.props["Tags"]; len(now) > 0 {
		_, err = w.call(ctx, add, in)
	}
	return err
}

// readTags reads the tags of what an ARN names, where the template has some.
func (w *worker) readTags(ctx context.Context, is map[string]any, name any) error {
	if _, stated := w.props["Tags"]; !stated {
		return nil
	}
	out, err := w.call(ctx, "ListTagsForResource", map[string]any{"ResourceARN": name})
	is["Tags"] = listedTags(out["Tags"])
	return err
}

// tagsOf reads tags in either form.
func tagsOf(v any) (map[string]any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return v, nil
	}
	return tagMap(v)
}
